/* instructions_build.h - what TwiML and JSON have in common.  Private to instructions*.c.
 *
 * One table of fields (instructions.c) gives each attribute's name in both forms,
 * its type, range and place; the two readers only differ in how they find values.
 * The first failure is kept, with its line; whoever sees false just returns.
 */
#pragma once

#include "common/model/instructions.h"

struct build {
	struct arena *arena;
	struct instructions *out;
	struct instruction_note *why;    /* why->err tells that it failed */

	struct verb verbs[INSTRUCTIONS_MAX_VERBS];
	size_t n_verbs;
	struct dial_target targets[INSTRUCTIONS_MAX_TARGETS];            /* of the Dial at hand */
	size_t n_targets;
	struct parameter parameters[INSTRUCTIONS_MAX_PARAMETERS];        /* of the Client at hand */
	size_t n_parameters;
};

/* What a message is about: an element, or a JSON path on line 0. */
struct place {
	unsigned line;
	char what[48];
};

struct place place_at(unsigned line, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct str shown(struct str s);          /* the start of it, for a message */

bool build_fail(struct build *b, const struct place *place, enum err err, const char *fmt, ...)
	PRINTF_LIKE(4, 5);                                               /* always false */
void build_warn(struct build *b, const struct place *place, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* -- verbs, targets, parameters -- */

struct verb_name {
	const char *twiml, *json;
	enum verb_kind kind;
	bool is_later;           /* known, not available yet */
};
const struct verb_name *verb_by_twiml(const char *name);
const struct verb_name *verb_by_json(struct str name);

/* NULL: failed; a target's `name` has to last as long as the arena */
struct verb *build_verb(struct build *b, const struct place *place, const struct verb_name *name);
MUST_USE bool build_verb_end(struct build *b, const struct place *place, struct verb *verb);

struct dial_target *build_target(struct build *b, const struct place *place, enum target_kind kind,
                                 struct str name);
MUST_USE bool build_identity(struct build *b, const struct place *place, struct dial_target *target,
                             struct str name);
MUST_USE bool build_parameter(struct build *b, const struct place *place, struct str name, struct str value);
MUST_USE bool build_target_end(struct build *b, const struct place *place, struct dial_target *target);

/* -- fields -- */

enum field_type {
	FIELD_URL,
	FIELD_METHOD,            /* bool: GET */
	FIELD_TEXT,
	FIELD_REASON,
	FIELD_NUMBER,            /* unsigned, min..max */
	FIELD_FLAG,              /* bool */
	FIELD_EVENTS,            /* unsigned, EVENT_ bits */
	FIELD_NO_EFFECT,         /* accepted: makes no difference here */
	FIELD_LATER,             /* warned of: not available yet */
};

struct field {
	const char *twiml, *json;        /* NULL: not in that form */
	enum field_type type;
	size_t offset;                   /* in struct verb or struct dial_target */
	unsigned min, max;
	enum err err;                    /* of a wrong value */
};

struct field_set {
	const struct field *fields;
	size_t n;
};
struct field_set fields_of_verb(enum verb_kind kind);
struct field_set fields_of_client(void);

/* The setters check and store into the field of `thing`; name is the form's own spelling.
 * set_text: URL, METHOD, TEXT, REASON */
MUST_USE bool set_text(struct build *b, const struct place *place, const struct field *field,
                       const char *name, struct str text, void *thing);
MUST_USE bool set_number(struct build *b, const struct place *place, const struct field *field,
                         const char *name, int64_t number, void *thing);
void set_flag(const struct field *field, bool flag, void *thing);
MUST_USE bool add_event(struct build *b, const struct place *place, const struct field *field,
                        const char *name, struct str event, void *thing);

/* -- the two forms -- */

MUST_USE bool twiml_read(struct build *b, struct str text);
MUST_USE bool instructions_json_read(struct build *b, struct str text);
