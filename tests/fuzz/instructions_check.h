/* instructions_check.h - what holds for every document that is read, or refused. */
#pragma once

#include "common/model/instructions.h"
#include "common/model/keys.h"

static inline void check_note(const struct instruction_note *note)
{
	INVARIANT(note->err != ERR_NONE && note->text[0] && str_is_utf8(str_of(note->text)));
}

static inline void check_pairs(const struct parameter *pairs, size_t n, size_t most)
{
	INVARIANT(n <= most);
	for (size_t i = 0; i < n; i++) {
		INVARIANT(pairs[i].name.n > 0 && str_is_utf8(pairs[i].name));
		INVARIANT(str_is_utf8(pairs[i].value));
	}
}

static inline void check_line(struct str line, size_t most)
{
	INVARIANT(!str_is_null(line) && line.n <= most && str_is_utf8(line) && !str_has_ctl(line));
}

static inline void check_target(const struct dial_target *target)
{
	const bool is_client = target->kind == TARGET_CLIENT;
	const struct str plain = target->is_group ? str_n(target->identity.p, target->identity.n - 2) : target->identity;

	INVARIANT(target->name.n > 0 && target->events != 0 && target->events < 16);
	INVARIANT(is_client == identity_is_valid(plain) && is_client == (target->destination.n == 0));
	INVARIANT(is_client || (!target->is_group && target->n_require == 0));
	INVARIANT(target->kind != TARGET_QUEUE || target->n_parameters == 0);
	check_line(target->destination, 255);
	check_line(target->send_digits, 32);
	check_line(target->username, 256);
	check_line(target->password, 256);
	check_line(target->status_callback, 4000);
	check_pairs(target->parameters, target->n_parameters, INSTRUCTIONS_MAX_PARAMETERS);
	check_pairs(target->require, target->n_require, INSTRUCTIONS_MAX_REQUIRE);
}

static inline void check_dial(const struct verb *verb)
{
	INVARIANT(verb->n_targets > 0 && verb->n_targets <= INSTRUCTIONS_MAX_TARGETS);
	INVARIANT(verb->strategy >= STRATEGY_ALL && verb->strategy <= STRATEGY_LONGEST_IDLE);
	for (size_t i = 0; i < verb->n_targets; i++) {
		check_target(&verb->targets[i]);
		INVARIANT(verb->targets[i].kind != TARGET_QUEUE || verb->n_targets == 1);
	}
}

static inline void check_verb(const struct verb *verb)
{
	INVARIANT(verb->timeout_s >= 1 && verb->timeout_s <= 600);
	INVARIANT(verb->time_limit_s >= 1 && verb->time_limit_s <= 86400 && verb->length_s <= 3600);
	check_line(verb->url, 4000);
	check_line(verb->caller_id, 256);
	check_line(verb->queue, 64);
	check_line(verb->wait_url, 4000);
	check_line(verb->to, 256);
	check_line(verb->from, 256);
	check_line(verb->status_callback, 4000);
	INVARIANT(verb->text.n <= 1600 && str_is_utf8(verb->text));
	INVARIANT(verb->kind != VERB_REDIRECT || verb->url.n > 0);
	INVARIANT((verb->kind == VERB_ENQUEUE) == (verb->queue.n > 0));
	INVARIANT(verb->kind != VERB_MESSAGE || verb->text.n > 0);
	if (verb->kind == VERB_DIAL)
		check_dial(verb);
	else
		INVARIANT(verb->n_targets == 0);
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
