/* instructions_check.h - what holds for every document that is read, or refused. */
#pragma once

#include "common/model/instructions.h"
#include "common/model/keys.h"

static inline void check_note(const struct instruction_note *note)
{
	INVARIANT(note->err != ERR_NONE && note->text[0] && str_is_utf8(str_of(note->text)));
}

static inline void check_target(const struct dial_target *target)
{
	INVARIANT(target->name.n > 0 && target->n_parameters <= INSTRUCTIONS_MAX_PARAMETERS);
	INVARIANT((target->kind == TARGET_CLIENT) == identity_is_valid(target->identity));
	INVARIANT(target->kind != TARGET_CLIENT || target->events != 0);
	for (size_t i = 0; i < target->n_parameters; i++) {
		INVARIANT(target->parameters[i].name.n > 0 && str_is_utf8(target->parameters[i].name));
		INVARIANT(str_is_utf8(target->parameters[i].value));
	}
}

static inline void check_verb(const struct verb *verb)
{
	INVARIANT(verb->timeout_s >= 1 && verb->timeout_s <= 600);
	INVARIANT(verb->time_limit_s >= 1 && verb->time_limit_s <= 86400 && verb->length_s <= 3600);
	INVARIANT(!str_has_ctl(verb->url) && str_is_utf8(verb->url) && !str_has_ctl(verb->caller_id));
	INVARIANT(verb->kind != VERB_REDIRECT || verb->url.n > 0);
	INVARIANT((verb->kind == VERB_DIAL) == (verb->n_targets > 0));
	INVARIANT(verb->n_targets <= INSTRUCTIONS_MAX_TARGETS);
	for (size_t i = 0; i < verb->n_targets; i++)
		check_target(&verb->targets[i]);
}

static inline void check_instructions(struct str content_type, struct str text)
{
	struct arena *arena = arena_new(8 << 20);
	struct instructions out;
	struct instruction_note why;
	enum err err = instructions_parse(arena, content_type, text, &out, &why);

	INVARIANT(err == why.err && out.n <= INSTRUCTIONS_MAX_VERBS && out.n_warnings <= INSTRUCTIONS_MAX_WARNINGS);
	INVARIANT(!err || out.n == 0);
	if (err)
		check_note(&why);
	for (size_t i = 0; i < out.n_warnings; i++)
		check_note(&out.warnings[i]);
	for (size_t i = 0; i < out.n; i++)
		check_verb(&out.verbs[i]);
	arena_free(arena);
}
