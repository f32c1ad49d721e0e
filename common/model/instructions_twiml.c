/* instructions_twiml.c - the facade over expat: TwiML into verbs.
 *
 *     Response > verb > target (inside Dial) > Parameter, Identity (inside Client)
 *                     > Say, Play, Pause (inside Gather)
 *                     > Body (inside Message), marks (inside Say)
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

enum element {
	EL_SKIPPED,
	EL_RESPONSE,
	EL_VERB,
	EL_TARGET,
	EL_IDENTITY,
	EL_BODY,
	EL_MARK, /* of speech: its text is the Say's */
};

struct frame {
	enum element element;
	struct place place;
	size_t text_at;
	const struct verb_name *name; /* VERB */
	struct verb *verb;
};

struct twiml {
	struct build *b;
	XML_Parser parser;
	struct buf text;
	struct frame frames[DEPTH_MAX];
	size_t depth;
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

static bool set_words(struct build *b, const struct place *place, const struct field *field, struct str words,
		      void *thing)
{
	struct str word;

	while (str_split(&words, ' ', &word)) {
		if (word.n > 0 && !add_word(b, place, field, field->twiml, word, thing))
			return false;
	}
	return true;
}

/* "skill=billing language=de" */
static bool set_require(struct build *b, const struct place *place, struct str pairs)
{
	struct str pair, key;

	while (str_split(&pairs, ' ', &pair)) {
		if (pair.n > 0 && (!str_split(&pair, '=', &key) || !add_require(b, place, key, pair)))
			return false;
	}
	return true;
}

static bool set_attribute(struct build *b, const struct place *place, const struct field *field,
			  struct str value, void *thing)
{
	int64_t number;

	switch (field->type) {
	case FIELD_NUMBER:
		if (!str_to_i64(value, &number))
			number = -1;
		return set_number(b, place, field, field->twiml, number, thing);
	case FIELD_FLAG:
		if (!str_eq(value, STR("true")) && !str_eq(value, STR("false")))
			return build_fail(b, place, field->err, "%s has to be true or false", field->twiml);
		set_flag(b, place, field, field->twiml, value.n == 4, thing);
		return true;
	case FIELD_WORDS:
		return set_words(b, place, field, value, thing);
	case FIELD_REQUIRE:
		return set_require(b, place, value);
	case FIELD_URL:
	case FIELD_TEXT:
	case FIELD_PROSE:
	case FIELD_START:
	case FIELD_CHARS:
	case FIELD_METHOD:
	case FIELD_WORD:
	case FIELD_STRATEGY:
		break;
	}
	return set_text(b, place, field, field->twiml, value, thing);
}

static bool read_attributes(struct build *b, const struct place *place, const char **attributes,
			    struct field_set set, void *thing)
{
	for (; attributes[0]; attributes += 2) {
		const struct field *field = field_by_twiml(set, attributes[0]);

		if (field) {
			if (!set_attribute(b, place, field, str_trim(str_of(attributes[1])), thing))
				return false;
		} else if (strncmp(attributes[0], "xml", 3) != 0) {
			build_warn(b, place, ERR_DOC_SCHEMA, "unknown attribute %.40s", attributes[0]);
		}
	}
	return true;
}

/* -- elements that begin -------------------------------------------------- */

static enum element skip(struct build *b, const struct place *place, const char *why)
{
	build_warn(b, place, ERR_DOC_SCHEMA, "%s", why);
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

static enum element begin_verb(struct twiml *t, struct frame *frame, const char *name,
			       const char **attributes)
{
	const struct verb_name *known = verb_by_twiml(name);
	const bool is_prompt = t->depth > 1;

	if (!known)
		return skip(t->b, &frame->place, is_prompt ? "unknown inside Gather" : "unknown verb");
	if (known->is_missing) {
		build_warn(t->b, &frame->place, ERR_DOC_UNAVAILABLE, "not available here");
		return EL_SKIPPED;
	}
	frame->name = known;
	frame->verb = (is_prompt ? build_prompt : build_verb)(t->b, &frame->place, known);
	if (!frame->verb || !read_attributes(t->b, &frame->place, attributes, known->fields, frame->verb))
		return EL_SKIPPED;
	return EL_VERB;
}

static enum element begin_target(struct twiml *t, const struct place *place, const char *name,
				 const char **attributes)
{
	const struct target_name *known = target_by_twiml(name);

	if (known) {
		t->target = build_target(t->b, place, known);
		if (t->target && read_attributes(t->b, place, attributes, known->fields, t->target))
			return EL_TARGET;
	} else if (strcmp(name, "Conference") == 0) {
		build_no_conference(t->b, place);
	} else if (verb_by_twiml(name)) {
		build_fail(t->b, place, ERR_DOC_DIAL, "cannot stand inside Dial");
	} else {
		skip(t->b, place, "unknown inside Dial");
	}
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
			build_warn(t->b, place, ERR_DOC_SCHEMA, "unknown attribute %.40s", attributes[0]);
	}
	if (str_is_null(value) || !build_parameter(t->b, place, name, value))
		build_fail(t->b, place, ERR_DOC_DIAL, "a parameter needs a name and a value");
	return EL_SKIPPED;
}

static enum element begin_target_part(struct twiml *t, const struct place *place, const char *name,
				      const char **attributes)
{
	if (t->target->kind == TARGET_CLIENT && strcmp(name, "Identity") == 0)
		return EL_IDENTITY;
	if (t->target->kind != TARGET_QUEUE && strcmp(name, "Parameter") == 0)
		return begin_parameter(t, place, attributes);
	build_warn(t->b, place, ERR_DOC_SCHEMA, "unknown inside " STR_FMT, STR_ARG(t->target->name));
	return EL_SKIPPED;
}

static enum element begin_body(struct twiml *t, const struct place *place, const char *name)
{
	if (strcmp(name, "Body") == 0)
		return EL_BODY;
	if (strcmp(name, "Media") != 0)
		return skip(t->b, place, "unknown inside Message");
	build_warn(t->b, place, ERR_DOC_IGNORED, "only the text of a message is sent");
	return EL_SKIPPED;
}

static enum element begin_inside_verb(struct twiml *t, struct frame *frame, const struct frame *parent,
				      const char *name, const char **attributes)
{
	switch (parent->name->children) {
	case CHILDREN_TARGETS:
		return begin_target(t, &frame->place, name, attributes);
	case CHILDREN_PROMPTS:
		return begin_verb(t, frame, name, attributes);
	case CHILDREN_BODY:
		return begin_body(t, &frame->place, name);
	case CHILDREN_SPEECH:
		return EL_MARK;
	case CHILDREN_NONE:
		break;
	}
	if (parent->verb->kind != VERB_ENQUEUE || strcmp(name, "Task") != 0)
		return skip(t->b, &frame->place, "unknown here");
	build_fail(t->b, &frame->place, ERR_DOC_SCHEMA, "belongs to TaskRouter, which is not here");
	return EL_SKIPPED;
}

static enum element begin(struct twiml *t, struct frame *frame, const char *name, const char **attributes)
{
	const struct frame *parent = frame - 1;

	if (t->depth == 0)
		return begin_response(t, &frame->place, name, attributes);
	switch (parent->element) {
	case EL_RESPONSE:
		return begin_verb(t, frame, name, attributes);
	case EL_VERB:
		return begin_inside_verb(t, frame, parent, name, attributes);
	case EL_TARGET:
		return begin_target_part(t, &frame->place, name, attributes);
	case EL_MARK:
		return EL_MARK;
	case EL_IDENTITY:
	case EL_BODY:
		return skip(t->b, &frame->place, "unknown here");
	case EL_SKIPPED:
		break;
	}
	return EL_SKIPPED;
}

/* -- elements that end ---------------------------------------------------- */

/* A Dial's bare text is a number. */
static bool dial_text(struct twiml *t, const struct place *place, struct str text)
{
	if (t->b->n_targets > 0) {
		build_warn(t->b, place, ERR_DOC_SCHEMA, "its text is ignored beside what it dials");
		return true;
	}
	t->target = build_target(t->b, place, target_by_twiml("Number"));
	return t->target && build_whom(t->b, place, t->target, text) &&
	       build_target_end(t->b, place, t->target);
}

static bool end_target(struct twiml *t, const struct place *place, struct str text)
{
	if (text.n > 0 && t->target->identity.n > 0)
		build_warn(t->b, place, ERR_DOC_SCHEMA, "its text is ignored beside Identity");
	else if (text.n > 0 && !build_whom(t->b, place, t->target, text))
		return false;
	return build_target_end(t->b, place, t->target);
}

static bool end_body(struct twiml *t, const struct frame *frame, const struct frame *message, struct str text)
{
	if (message->verb->text.n > 0)
		return build_fail(t->b, &frame->place, ERR_DOC_SCHEMA, "there is one before it");
	return set_text(t->b, &frame->place, field_of_text(message->name->fields), "its text", text,
			message->verb);
}

static bool verb_text(struct twiml *t, const struct frame *frame, struct str text)
{
	const struct field *field = field_of_text(frame->name->fields);

	if (frame->name->children == CHILDREN_TARGETS)
		return dial_text(t, &frame->place, text);
	if (!field)
		build_warn(t->b, &frame->place, ERR_DOC_SCHEMA, "its text is ignored");
	else if (frame->verb->text.n > 0)
		build_warn(t->b, &frame->place, ERR_DOC_SCHEMA, "its text is ignored beside Body");
	else
		return set_text(t->b, &frame->place, field, "its text", text, frame->verb);
	return true;
}

static bool end(struct twiml *t, const struct frame *frame, struct str text)
{
	switch (frame->element) {
	case EL_RESPONSE:
		if (text.n > 0)
			build_warn(t->b, &frame->place, ERR_DOC_SCHEMA, "text outside of a verb is ignored");
		return true;
	case EL_VERB:
		return (text.n == 0 || verb_text(t, frame, text)) &&
		       build_verb_end(t->b, &frame->place, frame->name, frame->verb);
	case EL_TARGET:
		return end_target(t, &frame->place, text);
	case EL_IDENTITY:
		return build_whom(t->b, &frame->place, t->target, text);
	case EL_BODY:
		return end_body(t, frame, frame - 1, text);
	case EL_MARK:
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
		struct frame *frame = &t->frames[t->depth];

		*frame = (struct frame){ .place = place, .text_at = t->text.n };
		frame->element = begin(t, frame, name, attributes);
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
	if (end(t, frame, text) && frame->element != EL_MARK)
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
