/* instructions_build.h - what TwiML and JSON have in common.  Private to instructions*.c.
 *
 * One table of fields (instructions_fields.c) gives each attribute's name in both
 * forms, its type, range and place; the two readers only differ in how they find
 * values.  The first failure is kept, with its line; whoever sees false just returns.
 */
#pragma once

#include "common/model/instructions.h"

struct build {
	struct arena *arena;
	struct instructions *out;
	struct instruction_note *why;    /* why->err tells that it failed */

	struct verb verbs[INSTRUCTIONS_MAX_VERBS];
	size_t n_verbs;
	struct verb prompt;              /* inside a Gather: checked, not kept */
	struct dial_target targets[INSTRUCTIONS_MAX_TARGETS];            /* of the Dial at hand */
	size_t n_targets;
	struct parameter parameters[INSTRUCTIONS_MAX_PARAMETERS];        /* of the Client at hand */
	size_t n_parameters;
	struct parameter require[INSTRUCTIONS_MAX_REQUIRE];
	size_t n_require;
};

/* What a message is about: an element, or a JSON path on line 0. */
struct place {
	unsigned line;
	char what[48];
};

struct place place_at(unsigned line, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct str shown(struct str s);          /* the start of it, for a message */
bool consists_of(struct str text, const char *chars);

bool build_fail(struct build *b, const struct place *place, enum err err, const char *fmt, ...)
	PRINTF_LIKE(4, 5);                                               /* always false */
void build_warn(struct build *b, const struct place *place, enum err err, const char *fmt, ...) PRINTF_LIKE(4, 5);
void build_warn_once(struct build *b, const struct place *place, enum err err, const char *fmt, ...)
	PRINTF_LIKE(4, 5);                                               /* not again in the same words */

/* -- fields -- */

enum field_type {
	FIELD_URL,               /* one line */
	FIELD_TEXT,              /* one line, min..max bytes */
	FIELD_PROSE,             /* lines, min..max bytes */
	FIELD_START,             /* any text, of which the first max bytes are kept */
	FIELD_CHARS,             /* at most max of the characters in words */
	FIELD_METHOD,            /* bool: GET */
	FIELD_WORD,              /* one of words */
	FIELD_STRATEGY,          /* one of words, kept as its number, from 1 */
	FIELD_WORDS,             /* some of words, kept as bits: the first is 1 */
	FIELD_NUMBER,            /* unsigned, min..max */
	FIELD_FLAG,              /* bool */
	FIELD_REQUIRE,           /* pairs, gathered in build.require */
};

enum field_use {
	USE_KEPT,
	USE_CHECKED,             /* of something that is passed over anyway */
	USE_NO_MEDIA,            /* warned of, except where it says one of the quiet words */
	USE_IGNORED,             /* the same */
	USE_REFUSED,             /* belongs to TaskRouter */
};

struct field {
	const char *twiml, *json;        /* NULL: not in that form; without twiml it is the element's text */
	enum field_type type;
	enum err err;                    /* of a wrong value */
	size_t offset;                   /* in struct verb or struct dial_target, if it is kept */
	unsigned min, max;
	const char *words;               /* with a space between */
	enum field_use use;
	const char *quiet;
};

struct field_set {
	const struct field *fields;
	size_t n;
};

const struct field *field_by_twiml(struct field_set set, const char *name);
const struct field *field_of_text(struct field_set set);         /* NULL: its text means nothing */
const struct field *field_by_json(struct field_set set, struct str name);

/* The setters check, and store into the field of `thing` what is kept; name is the form's own spelling.
 * set_text: URL to WORD, STRATEGY; add_word: one of WORDS */
MUST_USE bool set_text(struct build *b, const struct place *place, const struct field *field,
                       const char *name, struct str text, void *thing);
MUST_USE bool set_number(struct build *b, const struct place *place, const struct field *field,
                         const char *name, int64_t number, void *thing);
void set_flag(struct build *b, const struct place *place, const struct field *field, const char *name, bool flag,
              void *thing);
MUST_USE bool add_word(struct build *b, const struct place *place, const struct field *field,
                       const char *name, struct str word, void *thing);
MUST_USE bool add_require(struct build *b, const struct place *place, struct str key, struct str value);

/* -- verbs -- */

enum verb_children {
	CHILDREN_NONE,
	CHILDREN_TARGETS,
	CHILDREN_PROMPTS,        /* Say, Play, Pause */
	CHILDREN_SPEECH,         /* marks inside a text */
	CHILDREN_BODY,
};

struct verb_name {
	const char *twiml, *json;
	enum verb_kind kind;
	struct field_set fields;
	enum verb_children children;
	bool is_prompt;          /* may stand inside Gather */
	bool is_missing;         /* known, not available here */
};
const struct verb_name *verb_by_twiml(const char *name);
const struct verb_name *verb_by_json(struct str name);
const struct verb_name *verb_by_number(size_t i);                /* NULL after the last */

/* NULL: failed */
struct verb *build_verb(struct build *b, const struct place *place, const struct verb_name *name);
struct verb *build_prompt(struct build *b, const struct place *place, const struct verb_name *name);
MUST_USE bool build_verb_end(struct build *b, const struct place *place, const struct verb_name *name,
                             struct verb *verb);

/* -- targets -- */

struct target_name {
	const char *twiml, *json;        /* json: the member that names whom */
	enum target_kind kind;
	struct field_set fields;
};
const struct target_name *target_by_twiml(const char *name);
const struct target_name *target_by_number(size_t i);            /* NULL after the last */

struct dial_target *build_target(struct build *b, const struct place *place, const struct target_name *name);    /* NULL: failed */
MUST_USE bool build_whom(struct build *b, const struct place *place, struct dial_target *target, struct str whom);
MUST_USE bool build_parameter(struct build *b, const struct place *place, struct str name, struct str value);
MUST_USE bool build_target_end(struct build *b, const struct place *place, struct dial_target *target);
bool build_no_conference(struct build *b, const struct place *place);    /* always false */

/* -- the two forms -- */

MUST_USE bool twiml_read(struct build *b, struct str text);
MUST_USE bool instructions_json_read(struct build *b, struct str text);
