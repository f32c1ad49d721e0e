/* instructions.c - the content type decides on the reader; both build verbs here.
 *
 *     instructions_parse -> twiml_read | instructions_json_read -> build_*
 *                           set_*, add_* (instructions_fields.c) by the rows of instructions_tables.c
 *
 * Memory: a document is at most 64 KB and every verb, target and parameter
 * costs it at least a dozen bytes, so the arena grows by some hundred KB at worst.
 */
#include "common/model/instructions_build.h"

#include <stdio.h>

#include "common/model/keys.h"

enum { SHOWN_MAX = 60, NUMBER_MAX = 32, NUMBER_WRITTEN_MAX = 64, SIP_MAX = 255, QUEUE_MAX = 64 };

/* -- messages ------------------------------------------------------------- */

struct place place_at(unsigned line, const char *fmt, ...)
{
	struct place place = { .line = line };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(place.what, sizeof(place.what), fmt, ap);
	va_end(ap);
	place.what[str_utf8_prefix(str_of(place.what))] = '\0';
	return place;
}

struct str shown(struct str s)
{
	return str_n(s.p, str_utf8_prefix(str_n(s.p, MIN(s.n, (size_t)SHOWN_MAX))));
}

/* "Dial: timeout has to be ..."; cut where it is too long, never inside a character */
static void note(struct instruction_note *note, const struct place *place, enum err err, const char *fmt,
		 va_list ap) __attribute__((format(printf, 4, 0)));

static void note(struct instruction_note *note, const struct place *place, enum err err, const char *fmt,
		 va_list ap)
{
	int n = snprintf(note->text, sizeof(note->text), "%s: ", place->what);

	note->err = err;
	note->line = place->line;
	vsnprintf(note->text + n, sizeof(note->text) - (size_t)n, fmt, ap);
	note->text[str_utf8_prefix(str_of(note->text))] = '\0';
}

bool build_fail(struct build *b, const struct place *place, enum err err, const char *fmt, ...)
{
	va_list ap;

	if (b->why->err)
		return false;
	va_start(ap, fmt);
	note(b->why, place, err, fmt, ap);
	va_end(ap);
	return false;
}

static void warn(struct build *b, const struct place *place, enum err err, bool is_once, const char *fmt,
		 va_list ap) __attribute__((format(printf, 5, 0)));

static void warn(struct build *b, const struct place *place, enum err err, bool is_once, const char *fmt,
		 va_list ap)
{
	struct instructions *out = b->out;
	struct instruction_note *last = &out->warnings[out->n_warnings];

	if (out->n_warnings == INSTRUCTIONS_MAX_WARNINGS)
		return;
	note(last, place, err, fmt, ap);
	for (size_t i = 0; is_once && i < out->n_warnings; i++) {
		if (strcmp(out->warnings[i].text, last->text) == 0)
			return;
	}
	out->n_warnings++;
}

void build_warn(struct build *b, const struct place *place, enum err err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	warn(b, place, err, false, fmt, ap);
	va_end(ap);
}

void build_warn_once(struct build *b, const struct place *place, enum err err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	warn(b, place, err, true, fmt, ap);
	va_end(ap);
}

/* -- verbs ---------------------------------------------------------------- */

static void verb_init(struct verb *verb, const struct place *place, const struct verb_name *name)
{
	*verb = (struct verb){
		.kind = name->kind,
		.line = place->line,
		.name = str_of(name->twiml),
		.url = STR(""),
		.timeout_s = 30,
		.time_limit_s = 14400,
		.length_s = 1,
		.caller_id = STR(""),
		.reason = STR("rejected"),
		.queue = STR(""),
		.wait_url = STR(""),
		.to = STR(""),
		.from = STR(""),
		.status_callback = STR(""),
		.text = STR(""),
	};
}

struct verb *build_verb(struct build *b, const struct place *place, const struct verb_name *name)
{
	if (b->n_verbs == INSTRUCTIONS_MAX_VERBS) {
		build_fail(b, place, ERR_DOC_PARSE, "more than %d verbs", INSTRUCTIONS_MAX_VERBS);
		return NULL;
	}
	verb_init(&b->verbs[b->n_verbs], place, name);
	b->n_targets = 0;
	return &b->verbs[b->n_verbs++];
}

struct verb *build_prompt(struct build *b, const struct place *place, const struct verb_name *name)
{
	if (!name->is_prompt) {
		build_fail(b, place, ERR_DOC_SCHEMA, "cannot stand inside Gather");
		return NULL;
	}
	verb_init(&b->prompt, place, name);
	return &b->prompt;
}

static bool end_dial(struct build *b, const struct place *place, struct verb *verb)
{
	if (b->n_targets == 0)
		return build_fail(b, place, ERR_DOC_DIAL, "names nobody to dial");
	for (size_t i = 0; b->n_targets > 1 && i < b->n_targets; i++) {
		if (b->targets[i].kind == TARGET_QUEUE)
			return build_fail(b, place, ERR_DOC_DIAL, "a queue has to be dialed alone");
	}
	if (verb->strategy == STRATEGY_UNSAID)
		verb->strategy = verb->sequential ? STRATEGY_IN_ORDER : STRATEGY_ALL;
	verb->n_targets = b->n_targets;
	verb->targets = arena_alloc(b->arena, b->n_targets * sizeof(*b->targets));
	memcpy(verb->targets, b->targets, b->n_targets * sizeof(*b->targets));
	return true;
}

bool build_verb_end(struct build *b, const struct place *place, const struct verb_name *name,
		    struct verb *verb)
{
	const struct field *text = field_of_text(name->fields);
	const struct str *said = text ? (const void *)((const char *)verb + text->offset) : NULL;

	if (said && text->min > 0 && said->n == 0)
		return build_fail(b, place, text->err, "needs a %s", text->json);
	return verb->kind != VERB_DIAL || end_dial(b, place, verb);
}

/* -- targets -------------------------------------------------------------- */

struct dial_target *build_target(struct build *b, const struct place *place, const struct target_name *name)
{
	struct dial_target *target = &b->targets[b->n_targets];

	if (b->n_targets == INSTRUCTIONS_MAX_TARGETS) {
		build_fail(b, place, ERR_DOC_DIAL, "more than %d to dial at once", INSTRUCTIONS_MAX_TARGETS);
		return NULL;
	}
	b->n_targets++;
	b->n_parameters = 0;
	b->n_require = 0;
	*target = (struct dial_target){
		.kind = name->kind,
		.line = place->line,
		.name = str_of(name->twiml),
		.identity = STR(""),
		.destination = STR(""),
		.send_digits = STR(""),
		.username = STR(""),
		.password = STR(""),
		.status_callback = STR(""),
	};
	return target;
}

static bool set_identity(struct build *b, const struct place *place, struct dial_target *target,
			 struct str name)
{
	const bool is_group = str_ends(name, STR("/*"));
	const struct str first = is_group ? str_n(name.p, name.n - 2) : name;

	if (!identity_is_valid(first) || name.n > IDENTITY_MAX)
		return build_fail(b, place, ERR_DOC_DIAL, "\"" STR_FMT "\" is not a client's name",
				  STR_ARG(shown(name)));
	if (target->identity.n > 0)
		return build_fail(b, place, ERR_DOC_DIAL, "has two names");
	target->is_group = is_group;
	target->identity = arena_copy(b->arena, name);
	return true;
}

/* People write numbers with marks between the digits; the gateway gets them without. */
static bool set_phone_number(struct build *b, const struct place *place, struct dial_target *target,
			     struct str written)
{
	char bare[NUMBER_WRITTEN_MAX];
	size_t n = 0, plus;

	for (size_t i = 0; i < written.n && written.n <= sizeof(bare); i++) {
		if (!consists_of(str_n(written.p + i, 1), " .()-"))
			bare[n++] = written.p[i];
	}
	plus = n > 0 && bare[0] == '+';
	if (n == plus || n - plus > NUMBER_MAX || !consists_of(str_n(bare + plus, n - plus), "0123456789*#"))
		return build_fail(b, place, ERR_DOC_DIAL, "\"" STR_FMT "\" is not a phone number",
				  STR_ARG(shown(written)));
	target->destination = arena_copy(b->arena, str_n(bare, n));
	return true;
}

static bool set_address(struct build *b, const struct place *place, struct dial_target *target,
			struct str address)
{
	struct str scheme = STR_NULL, rest = address;
	bool is_fine = address.n <= SIP_MAX && str_split(&rest, ':', &scheme) && rest.n > 0 &&
		       (str_eq_nocase(scheme, STR("sip")) || str_eq_nocase(scheme, STR("sips")));

	for (size_t i = 0; i < rest.n && is_fine; i++)
		is_fine = rest.p[i] > ' ' && rest.p[i] < 0x7f;
	if (!is_fine)
		return build_fail(b, place, ERR_DOC_DIAL, "\"" STR_FMT "\" is not a SIP address",
				  STR_ARG(shown(address)));
	target->destination = arena_copy(b->arena, address);
	return true;
}

static bool set_queue(struct build *b, const struct place *place, struct dial_target *target, struct str name)
{
	if (name.n == 0 || name.n > QUEUE_MAX || str_has_ctl(name))
		return build_fail(b, place, ERR_DOC_DIAL, "a queue's name is one line of 1 to %d bytes",
				  QUEUE_MAX);
	target->destination = arena_copy(b->arena, name);
	return true;
}

bool build_whom(struct build *b, const struct place *place, struct dial_target *target, struct str whom)
{
	switch (target->kind) {
	case TARGET_CLIENT:
		return set_identity(b, place, target, whom);
	case TARGET_NUMBER:
		return set_phone_number(b, place, target, whom);
	case TARGET_SIP:
		return set_address(b, place, target, whom);
	case TARGET_QUEUE:
		return set_queue(b, place, target, whom);
	}
	return false;
}

bool build_no_conference(struct build *b, const struct place *place)
{
	return build_fail(b, place, ERR_DOC_CONFERENCE, "there is no mixer for a conference");
}

bool build_parameter(struct build *b, const struct place *place, struct str name, struct str value)
{
	if (name.n == 0)
		return build_fail(b, place, ERR_DOC_DIAL, "a parameter needs a name");
	if (b->n_parameters == INSTRUCTIONS_MAX_PARAMETERS)
		return build_fail(b, place, ERR_DOC_DIAL, "more than %d parameters",
				  INSTRUCTIONS_MAX_PARAMETERS);
	b->parameters[b->n_parameters++] = (struct parameter){
		arena_copy(b->arena, name),
		arena_copy(b->arena, value),
	};
	return true;
}

static struct parameter *kept(struct build *b, const struct parameter *pairs, size_t n)
{
	struct parameter *copy;

	if (n == 0)
		return NULL;
	copy = arena_alloc(b->arena, n * sizeof(*pairs));
	memcpy(copy, pairs, n * sizeof(*pairs));
	return copy;
}

bool build_target_end(struct build *b, const struct place *place, struct dial_target *target)
{
	if (target->identity.n == 0 && target->destination.n == 0)
		return build_fail(b, place, ERR_DOC_DIAL, "does not say whom");
	if (target->events == 0)
		target->events = EVENT_COMPLETED;
	target->parameters = kept(b, b->parameters, b->n_parameters);
	target->n_parameters = b->n_parameters;
	target->require = kept(b, b->require, b->n_require);
	target->n_require = b->n_require;
	return true;
}

/* -- the whole document --------------------------------------------------- */

typedef bool read_fn(struct build *b, struct str text);

static read_fn *reader_for(struct str content_type)
{
	static const struct {
		const char *type;
		read_fn *read;
	} readers[] = {
		{ "text/xml", twiml_read },
		{ "application/xml", twiml_read },
		{ "text/html", twiml_read },
		{ "application/json", instructions_json_read },
	};
	struct str type;

	if (!str_split(&content_type, ';', &type))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
		if (str_eq_nocase(str_trim(type), str_of(readers[i].type)))
			return readers[i].read;
	}
	return NULL;
}

enum err instructions_parse(struct arena *arena, struct str content_type, struct str text,
			    struct instructions *out, struct instruction_note *why)
{
	const struct place document = place_at(0, "document");
	read_fn *read = reader_for(content_type);
	struct build *b = x_alloc(sizeof(*b));

	*out = (struct instructions){ 0 };
	*why = (struct instruction_note){ 0 };
	b->arena = arena;
	b->out = out;
	b->why = why;
	if (!read) {
		build_fail(b, &document, ERR_DOC_CONTENT_TYPE,
			   "content type \"" STR_FMT "\" is neither XML nor JSON",
			   STR_ARG(shown(content_type)));
	} else if (text.n > INSTRUCTIONS_MAX) {
		build_fail(b, &document, ERR_FETCH_TOO_LARGE, "larger than %d bytes", INSTRUCTIONS_MAX);
	} else if (read(b, text)) {
		out->n = b->n_verbs;
		out->verbs = arena_alloc(arena, MAX(out->n, (size_t)1) * sizeof(*out->verbs));
		memcpy(out->verbs, b->verbs, out->n * sizeof(*out->verbs));
	}
	x_free(b);
	return why->err;
}
