/* instructions.c - the content type decides on the reader; both build verbs here.
 *
 *     instructions_parse -> twiml_read | instructions_json_read -> build_*, set_*
 *
 * Memory: a document is at most 64 KB and every verb, target and parameter
 * costs it at least a dozen bytes, so the arena grows by some hundred KB at worst.
 */
#include "common/model/instructions_build.h"

#include <stdio.h>

#include "common/model/keys.h"

enum { URL_MAX = 4000, TEXT_MAX = 256, SHOWN_MAX = 60 };

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

void build_warn(struct build *b, const struct place *place, const char *fmt, ...)
{
	va_list ap;

	if (b->out->n_warnings == INSTRUCTIONS_MAX_WARNINGS)
		return;
	va_start(ap, fmt);
	note(&b->out->warnings[b->out->n_warnings++], place, ERR_DOC_SCHEMA, fmt, ap);
	va_end(ap);
}

/* -- verbs ---------------------------------------------------------------- */

static const struct verb_name verb_names[] = {
	{ "Dial", "dial", VERB_DIAL, false },
	{ "Redirect", "redirect", VERB_REDIRECT, false },
	{ "Reject", "reject", VERB_REJECT, false },
	{ "Hangup", "hangup", VERB_HANGUP, false },
	{ "Pause", "pause", VERB_PAUSE, false },
	{ "Say", "say", VERB_MEDIA, false },
	{ "Play", "play", VERB_MEDIA, false },
	{ "Gather", "gather", VERB_MEDIA, false },
	{ "Record", "record", VERB_MEDIA, false },
	{ .twiml = "Enqueue", .json = "enqueue", .is_later = true },
	{ .twiml = "Leave", .json = "leave", .is_later = true },
	{ .twiml = "Message", .json = "message", .is_later = true },
	{ .twiml = "Connect", .json = "connect", .is_later = true },
	{ .twiml = "Start", .json = "start", .is_later = true },
	{ .twiml = "Stop", .json = "stop", .is_later = true },
	{ .twiml = "Pay", .json = "pay", .is_later = true },
	{ .twiml = "Refer", .json = "refer", .is_later = true },
};

const struct verb_name *verb_by_twiml(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verb_names); i++) {
		if (strcmp(verb_names[i].twiml, name) == 0)
			return &verb_names[i];
	}
	return NULL;
}

const struct verb_name *verb_by_json(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(verb_names); i++) {
		if (str_eq(str_of(verb_names[i].json), name))
			return &verb_names[i];
	}
	return NULL;
}

struct verb *build_verb(struct build *b, const struct place *place, const struct verb_name *name)
{
	struct verb *verb = &b->verbs[b->n_verbs];

	if (b->n_verbs == INSTRUCTIONS_MAX_VERBS) {
		build_fail(b, place, ERR_DOC_PARSE, "more than %d verbs", INSTRUCTIONS_MAX_VERBS);
		return NULL;
	}
	b->n_verbs++;
	b->n_targets = 0;
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
	return verb;
}

bool build_verb_end(struct build *b, const struct place *place, struct verb *verb)
{
	if (verb->kind == VERB_REDIRECT && verb->url.n == 0)
		return build_fail(b, place, ERR_DOC_SCHEMA, "needs a URL");
	if (verb->kind != VERB_DIAL)
		return true;
	if (b->n_targets == 0)
		return build_fail(b, place, ERR_DOC_DIAL, "names nobody to dial");
	if (verb->strategy == STRATEGY_UNSAID)
		verb->strategy = verb->sequential ? STRATEGY_IN_ORDER : STRATEGY_ALL;
	verb->n_targets = b->n_targets;
	verb->targets = arena_alloc(b->arena, b->n_targets * sizeof(*b->targets));
	memcpy(verb->targets, b->targets, b->n_targets * sizeof(*b->targets));
	return true;
}

/* -- targets -------------------------------------------------------------- */

struct dial_target *build_target(struct build *b, const struct place *place, enum target_kind kind,
				 struct str name)
{
	struct dial_target *target = &b->targets[b->n_targets];

	if (b->n_targets == INSTRUCTIONS_MAX_TARGETS) {
		build_fail(b, place, ERR_DOC_DIAL, "more than %d to dial at once", INSTRUCTIONS_MAX_TARGETS);
		return NULL;
	}
	b->n_targets++;
	b->n_parameters = 0;
	*target = (struct dial_target){
		.kind = kind,
		.line = place->line,
		.name = name,
		.identity = STR(""),
		.destination = STR(""),
		.send_digits = STR(""),
		.username = STR(""),
		.password = STR(""),
		.status_callback = STR(""),
	};
	return target;
}

bool build_identity(struct build *b, const struct place *place, struct dial_target *target, struct str name)
{
	if (!identity_is_valid(name))
		return build_fail(b, place, ERR_DOC_DIAL, "\"" STR_FMT "\" is not a client's name",
				  STR_ARG(shown(name)));
	if (target->identity.n > 0)
		return build_fail(b, place, ERR_DOC_DIAL, "has two names");
	target->identity = arena_copy(b->arena, name);
	return true;
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

bool build_target_end(struct build *b, const struct place *place, struct dial_target *target)
{
	size_t size = b->n_parameters * sizeof(*b->parameters);

	if (target->kind == TARGET_CLIENT && target->identity.n == 0)
		return build_fail(b, place, ERR_DOC_DIAL, "needs a name");
	if (target->events == 0)
		target->events = EVENT_COMPLETED;
	if (b->n_parameters > 0) {
		target->n_parameters = b->n_parameters;
		target->parameters = arena_alloc(b->arena, size);
		memcpy(target->parameters, b->parameters, size);
	}
	return true;
}

/* -- fields --------------------------------------------------------------- */

#define IN_VERB(member)	  offsetof(struct verb, member)
#define IN_TARGET(member) offsetof(struct dial_target, member)

static const struct field dial_fields[] = {
	{ "action", "action", FIELD_URL, IN_VERB(url), 0, 0, ERR_DOC_DIAL },
	{ "method", "method", FIELD_METHOD, IN_VERB(get), 0, 0, ERR_DOC_DIAL },
	{ "timeout", "timeout", FIELD_NUMBER, IN_VERB(timeout_s), 1, 600, ERR_DOC_DIAL_TIMEOUT },
	{ "timeLimit", "time_limit", FIELD_NUMBER, IN_VERB(time_limit_s), 1, 86400, ERR_DOC_DIAL },
	{ "callerId", "caller_id", FIELD_TEXT, IN_VERB(caller_id), 0, 0, ERR_DOC_DIAL },
	{ "sequential", "sequential", FIELD_FLAG, IN_VERB(sequential), 0, 0, ERR_DOC_DIAL },
	{ .twiml = "answerOnBridge", .type = FIELD_NO_EFFECT },
	{ .twiml = "ringTone", .type = FIELD_NO_EFFECT },
	{ .twiml = "hangupOnStar", .type = FIELD_LATER },
	{ .twiml = "record", .type = FIELD_LATER },
	{ .twiml = "trim", .type = FIELD_LATER },
	{ .twiml = "recordingStatusCallback", .type = FIELD_LATER },
	{ .twiml = "recordingStatusCallbackMethod", .type = FIELD_LATER },
	{ .twiml = "recordingStatusCallbackEvent", .type = FIELD_LATER },
	{ .twiml = "recordingTrack", .type = FIELD_LATER },
	{ .twiml = "referUrl", .type = FIELD_LATER },
	{ .twiml = "referMethod", .type = FIELD_LATER },
	{ .twiml = "events", .type = FIELD_LATER },
};

static const struct field redirect_fields[] = {
	{ NULL, "url", FIELD_URL, IN_VERB(url), 0, 0, ERR_DOC_SCHEMA },
	{ "method", "method", FIELD_METHOD, IN_VERB(get), 0, 0, ERR_DOC_SCHEMA },
};

static const struct field reject_fields[] = {
	{ "reason", "reason", FIELD_REASON, IN_VERB(reason), 0, 0, ERR_DOC_SCHEMA },
};

static const struct field pause_fields[] = {
	{ "length", "length", FIELD_NUMBER, IN_VERB(length_s), 0, 3600, ERR_DOC_SCHEMA },
};

static const struct field client_fields[] = {
	{ "statusCallback", "status_callback", FIELD_URL, IN_TARGET(status_callback), 0, 0, ERR_DOC_DIAL },
	{ "statusCallbackMethod", "status_callback_method", FIELD_METHOD, IN_TARGET(status_callback_get), 0,
	  0, ERR_DOC_DIAL },
	{ "statusCallbackEvent", "status_callback_event", FIELD_EVENTS, IN_TARGET(events), 0, 0,
	  ERR_DOC_DIAL },
	{ .twiml = "url", .type = FIELD_LATER },
	{ .twiml = "method", .type = FIELD_LATER },
	{ .twiml = "clientNotificationUrl", .type = FIELD_LATER },
};

#define FIELD_SET(table) ((struct field_set){ table, ARRAY_LEN(table) })

struct field_set fields_of_verb(enum verb_kind kind)
{
	switch (kind) {
	case VERB_DIAL:
		return FIELD_SET(dial_fields);
	case VERB_REDIRECT:
		return FIELD_SET(redirect_fields);
	case VERB_REJECT:
		return FIELD_SET(reject_fields);
	case VERB_PAUSE:
		return FIELD_SET(pause_fields);
	case VERB_HANGUP:
	case VERB_MEDIA:
	case VERB_ENQUEUE:
	case VERB_LEAVE:
	case VERB_MESSAGE:
		break;
	}
	return (struct field_set){ NULL, 0 };
}

struct field_set fields_of_client(void)
{
	return FIELD_SET(client_fields);
}

static void *slot_of(const struct field *field, void *thing)
{
	return (char *)thing + field->offset;
}

static bool set_words(struct build *b, const struct place *place, const struct field *field, const char *name,
		      struct str text, void *thing)
{
	const size_t max = field->type == FIELD_URL ? URL_MAX : TEXT_MAX;

	if (text.n > max || str_has_ctl(text))
		return build_fail(b, place, field->err, "%s has to be one line of at most %zu bytes", name,
				  max);
	*(struct str *)slot_of(field, thing) = arena_copy(b->arena, text.n ? text : STR(""));
	return true;
}

static bool set_method(struct build *b, const struct place *place, const struct field *field,
		       const char *name, struct str text, void *thing)
{
	bool is_get = str_eq_nocase(text, STR("GET"));

	if (!is_get && !str_eq_nocase(text, STR("POST")))
		return build_fail(b, place, field->err, "%s has to be GET or POST", name);
	*(bool *)slot_of(field, thing) = is_get;
	return true;
}

bool set_text(struct build *b, const struct place *place, const struct field *field, const char *name,
	      struct str text, void *thing)
{
	text = str_trim(text);
	if (field->type == FIELD_METHOD)
		return set_method(b, place, field, name, text, thing);
	if (field->type == FIELD_REASON && !str_eq(text, STR("rejected")) && !str_eq(text, STR("busy")))
		return build_fail(b, place, field->err, "%s has to be rejected or busy", name);
	return set_words(b, place, field, name, text, thing);
}

bool set_number(struct build *b, const struct place *place, const struct field *field, const char *name,
		int64_t number, void *thing)
{
	if (number < (int64_t)field->min || number > (int64_t)field->max)
		return build_fail(b, place, field->err, "%s has to be a whole number of seconds, %u to %u",
				  name, field->min, field->max);
	*(unsigned *)slot_of(field, thing) = (unsigned)number;
	return true;
}

void set_flag(const struct field *field, bool flag, void *thing)
{
	*(bool *)slot_of(field, thing) = flag;
}

bool add_event(struct build *b, const struct place *place, const struct field *field, const char *name,
	       struct str event, void *thing)
{
	static const struct {
		const char *name;
		unsigned bit;
	} events[] = {
		{ "initiated", EVENT_INITIATED },
		{ "ringing", EVENT_RINGING },
		{ "answered", EVENT_ANSWERED },
		{ "completed", EVENT_COMPLETED },
	};

	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		if (str_eq(event, str_of(events[i].name))) {
			*(unsigned *)slot_of(field, thing) |= events[i].bit;
			return true;
		}
	}
	return build_fail(b, place, field->err, "%s takes initiated, ringing, answered and completed", name);
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
