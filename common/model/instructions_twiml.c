/* instructions_twiml.c - the facade over expat: TwiML into verbs.
 *
 *     Response > verb > target (inside Dial) > Identity, Parameter (inside Client)
 *
 * A stack of open elements says what may follow; what is not known is skipped
 * whole, with a warning.  Text comes in pieces and is gathered in one buf: each
 * element owns what lies behind its own mark, and cuts it off when it ends, so
 * the text around a child stays in one piece.
 *
 * A DOCTYPE is refused when it starts, so no entity is ever declared; what is
 * left of expat's work is linear in the 64 KB of a document.
 */
#include "common/model/instructions_build.h"

#include <expat.h>

#include "common/base/buf.h"

enum { DEPTH_MAX = 8, ATTRIBUTES_MAX = 32 };

enum element { EL_SKIPPED, EL_RESPONSE, EL_VERB, EL_DIAL, EL_CLIENT, EL_IDENTITY };

struct frame {
	enum element element;
	struct place place;
	size_t text_at;
};

struct twiml {
	struct build *b;
	XML_Parser parser;
	struct buf text;
	struct frame frames[DEPTH_MAX];
	size_t depth;
	struct verb *verb;
	struct dial_target *target;
};

/* Expat 2.9 deprecates the name that older ones alone have. */
#if XML_MAJOR_VERSION > 2 || (XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION >= 9)
#define CURRENT_LINE XML_GetCurrentLineNumber64
#else
#define CURRENT_LINE XML_GetCurrentLineNumber
#endif

static struct place here(const struct twiml *t, const char *name)
{
	return place_at((unsigned)CURRENT_LINE(t->parser), "%.40s", name);
}

/* -- attributes ----------------------------------------------------------- */

static bool set_events(struct build *b, const struct place *place, const struct field *field,
		       struct str words, void *thing)
{
	struct str word;

	while (str_split(&words, ' ', &word)) {
		if (word.n > 0 && !add_event(b, place, field, field->twiml, word, thing))
			return false;
	}
	return true;
}

static bool set_attribute(struct build *b, const struct place *place, const struct field *field,
			  struct str value, void *thing)
{
	int64_t number;

	switch (field->type) {
	case FIELD_URL:
	case FIELD_METHOD:
	case FIELD_TEXT:
	case FIELD_REASON:
		return set_text(b, place, field, field->twiml, value, thing);
	case FIELD_NUMBER:
		if (!str_to_i64(str_trim(value), &number))
			number = -1;
		return set_number(b, place, field, field->twiml, number, thing);
	case FIELD_FLAG:
		if (!str_eq(value, STR("true")) && !str_eq(value, STR("false")))
			return build_fail(b, place, field->err, "%s has to be true or false", field->twiml);
		set_flag(field, value.n == 4, thing);
		return true;
	case FIELD_EVENTS:
		return set_events(b, place, field, value, thing);
	case FIELD_LATER:
		build_warn(b, place, "%s is not available yet", field->twiml);
		return true;
	case FIELD_NO_EFFECT:
		return true;
	}
	return true;
}

static const struct field *find_field(struct field_set set, const char *name)
{
	for (size_t i = 0; i < set.n; i++) {
		if (set.fields[i].twiml && strcmp(set.fields[i].twiml, name) == 0)
			return &set.fields[i];
	}
	return NULL;
}

static bool read_attributes(struct build *b, const struct place *place, const char **attributes,
			    struct field_set set, void *thing)
{
	for (; attributes[0]; attributes += 2) {
		const struct field *field = find_field(set, attributes[0]);

		if (field) {
			if (!set_attribute(b, place, field, str_of(attributes[1]), thing))
				return false;
		} else if (strncmp(attributes[0], "xml", 3) != 0) {
			build_warn(b, place, "unknown attribute %.40s", attributes[0]);
		}
	}
	return true;
}

/* -- elements that begin -------------------------------------------------- */

static enum element skip(struct build *b, const struct place *place, const char *why)
{
	build_warn(b, place, "%s", why);
	return EL_SKIPPED;
}

static enum element begin_response(struct twiml *t, const struct place *place, const char *name,
				   const char **attributes)
{
	if (strcmp(name, "Response") != 0)
		build_fail(t->b, place, ERR_DOC_ROOT, "the root has to be Response");
	else if (read_attributes(t->b, place, attributes, (struct field_set){ NULL, 0 }, NULL))
		return EL_RESPONSE;
	return EL_SKIPPED;
}

static enum element begin_verb(struct twiml *t, const struct place *place, const char *name,
			       const char **attributes)
{
	const struct verb_name *known = verb_by_twiml(name);

	if (!known)
		return skip(t->b, place, "unknown verb");
	if (known->is_later)
		return skip(t->b, place, "not available yet");
	t->verb = build_verb(t->b, place, known);
	if (!t->verb || known->kind == VERB_MEDIA)
		return EL_SKIPPED;
	if (!read_attributes(t->b, place, attributes, fields_of_verb(known->kind), t->verb))
		return EL_SKIPPED;
	return known->kind == VERB_DIAL ? EL_DIAL : EL_VERB;
}

static enum element begin_other(struct twiml *t, const struct place *place, const char *name,
				enum target_kind kind)
{
	build_target(t->b, place, kind, str_of(name));
	return EL_SKIPPED;
}

static enum element begin_target(struct twiml *t, const struct place *place, const char *name,
				 const char **attributes)
{
	static const struct {
		const char *name;
		enum target_kind kind;
	} others[] = {
		{ "Number", TARGET_NUMBER },
		{ "Sip", TARGET_SIP },
		{ "Queue", TARGET_QUEUE },
		{ "Conference", TARGET_CONFERENCE },
	};

	if (strcmp(name, "Client") == 0) {
		t->target = build_target(t->b, place, TARGET_CLIENT, STR("Client"));
		if (t->target && read_attributes(t->b, place, attributes, fields_of_client(), t->target))
			return EL_CLIENT;
		return EL_SKIPPED;
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (strcmp(name, others[i].name) == 0)
			return begin_other(t, place, others[i].name, others[i].kind);
	}
	if (!verb_by_twiml(name))
		return skip(t->b, place, "unknown inside Dial");
	build_fail(t->b, place, ERR_DOC_DIAL, "cannot stand inside Dial");
	return EL_SKIPPED;
}

static enum element begin_parameter(struct twiml *t, const struct place *place, const char **attributes)
{
	struct str name = STR_NULL, value = STR_NULL;

	for (; attributes[0]; attributes += 2) {
		if (strcmp(attributes[0], "name") == 0)
			name = str_of(attributes[1]);
		else if (strcmp(attributes[0], "value") == 0)
			value = str_of(attributes[1]);
		else
			build_warn(t->b, place, "unknown attribute %.40s", attributes[0]);
	}
	if (str_is_null(value) || !build_parameter(t->b, place, name, value))
		build_fail(t->b, place, ERR_DOC_DIAL, "a parameter needs a name and a value");
	return EL_SKIPPED;
}

static enum element begin_client_part(struct twiml *t, const struct place *place, const char *name,
				      const char **attributes)
{
	if (strcmp(name, "Identity") == 0)
		return EL_IDENTITY;
	if (strcmp(name, "Parameter") == 0)
		return begin_parameter(t, place, attributes);
	return skip(t->b, place, "unknown inside Client");
}

static enum element begin(struct twiml *t, const struct place *place, const char *name,
			  const char **attributes)
{
	if (t->depth == 0)
		return begin_response(t, place, name, attributes);
	switch (t->frames[t->depth - 1].element) {
	case EL_RESPONSE:
		return begin_verb(t, place, name, attributes);
	case EL_DIAL:
		return begin_target(t, place, name, attributes);
	case EL_CLIENT:
		return begin_client_part(t, place, name, attributes);
	case EL_VERB:
	case EL_IDENTITY:
		return skip(t->b, place, "unknown here");
	case EL_SKIPPED:
		break;
	}
	return EL_SKIPPED;
}

/* -- elements that end ---------------------------------------------------- */

static bool end_dial(struct twiml *t, const struct place *place, struct str text)
{
	if (text.n > 0 && t->b->n_targets > 0)
		build_warn(t->b, place, "its text is ignored beside what it dials");
	else if (text.n > 0)
		begin_other(t, place, "Number", TARGET_NUMBER);
	return build_verb_end(t->b, place, t->verb);
}

static bool end_client(struct twiml *t, const struct place *place, struct str text)
{
	if (text.n > 0 && t->target->identity.n > 0)
		build_warn(t->b, place, "its text is ignored beside Identity");
	else if (text.n > 0 && !build_identity(t->b, place, t->target, text))
		return false;
	return build_target_end(t->b, place, t->target);
}

static bool end_verb(struct twiml *t, const struct place *place, struct str text)
{
	struct field_set set = fields_of_verb(t->verb->kind);

	if (t->verb->kind == VERB_REDIRECT) {
		if (!set_text(t->b, place, &set.fields[0], "URL", text, t->verb))
			return false;
	} else if (text.n > 0) {
		build_warn(t->b, place, "its text is ignored");
	}
	return build_verb_end(t->b, place, t->verb);
}

static bool end(struct twiml *t, const struct frame *frame, struct str text)
{
	switch (frame->element) {
	case EL_RESPONSE:
		if (text.n > 0)
			build_warn(t->b, &frame->place, "text outside of a verb is ignored");
		return true;
	case EL_VERB:
		return end_verb(t, &frame->place, text);
	case EL_DIAL:
		return end_dial(t, &frame->place, text);
	case EL_CLIENT:
		return end_client(t, &frame->place, text);
	case EL_IDENTITY:
		return build_identity(t->b, &frame->place, t->target, text);
	case EL_SKIPPED:
		break;
	}
	return true;
}

/* -- expat ---------------------------------------------------------------- */

/* expat may still deliver what it has at hand after it was stopped */
static bool is_stopped(struct twiml *t)
{
	return t->b->why->err != ERR_NONE;
}

static void stop_if_failed(struct twiml *t)
{
	if (is_stopped(t))
		XML_StopParser(t->parser, XML_FALSE);
}

static void on_start(void *arg, const char *name, const char **attributes)
{
	struct twiml *t = arg;
	struct place place = here(t, name);
	size_t n = 0;

	if (is_stopped(t))
		return;
	while (attributes[2 * n])
		n++;
	if (t->depth == DEPTH_MAX)
		build_fail(t->b, &place, ERR_DOC_PARSE, "more than %d elements deep", DEPTH_MAX);
	else if (n > ATTRIBUTES_MAX)
		build_fail(t->b, &place, ERR_DOC_PARSE, "more than %d attributes", ATTRIBUTES_MAX);
	else {
		t->frames[t->depth] = (struct frame){ begin(t, &place, name, attributes), place, t->text.n };
		t->depth++;
	}
	stop_if_failed(t);
}

static void on_end(void *arg, const char *name)
{
	struct twiml *t = arg;
	const struct frame *frame;
	struct str text;

	(void)name;
	if (is_stopped(t))
		return;
	frame = &t->frames[--t->depth];
	text = str_trim(str_skip(buf_str(&t->text), frame->text_at));
	if (end(t, frame, text))
		t->text.n = frame->text_at;
	stop_if_failed(t);
}

static void on_text(void *arg, const char *text, int n)
{
	struct twiml *t = arg;

	if (is_stopped(t))
		return;
	buf_put(&t->text, str_n(text, (size_t)n));
	if (!buf_ok(&t->text)) {
		struct place place = here(t, "document");

		build_fail(t->b, &place, ERR_DOC_PARSE, "too much text");
	}
	stop_if_failed(t);
}

static void on_doctype(void *arg, const char *name, const char *system_id, const char *public_id,
		       int has_subset)
{
	struct twiml *t = arg;
	struct place place = here(t, "DOCTYPE");

	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_subset;
	build_fail(t->b, &place, ERR_DOC_PARSE, "not allowed");
	stop_if_failed(t);
}

/* Expat salts its hash tables itself, from the kernel's random numbers. */
static XML_Parser parser_new(struct twiml *t)
{
	XML_Parser parser = XML_ParserCreate(NULL);

	INVARIANT(parser);
	XML_SetUserData(parser, t);
	XML_SetElementHandler(parser, on_start, on_end);
	XML_SetCharacterDataHandler(parser, on_text);
	XML_SetStartDoctypeDeclHandler(parser, on_doctype);
	return parser;
}

bool twiml_read(struct build *b, struct str text)
{
	struct twiml t = { .b = b };

	/* other encodings than UTF-8 can grow on their way into it, never beyond twice */
	buf_init(&t.text, 2 * INSTRUCTIONS_MAX);
	t.parser = parser_new(&t);
	if (XML_Parse(t.parser, text.n ? text.p : "", (int)text.n, XML_TRUE) != XML_STATUS_OK) {
		struct place place = here(&t, "document");

		build_fail(b, &place, ERR_DOC_PARSE, "%s", XML_ErrorString(XML_GetErrorCode(t.parser)));
	}
	XML_ParserFree(t.parser);
	buf_fini(&t.text);
	return b->why->err == ERR_NONE;
}
