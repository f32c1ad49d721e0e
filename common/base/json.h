/* json.h - strict JSON in, streaming JSON out.                     (cJSON inside)
 *
 * In: a whole document of at most JSON_MAX_NODES values and JSON_MAX_DEPTH
 * levels.  Refused: duplicate keys, trailing bytes, leading zeros and other
 * non-JSON numbers, \u0000 and raw NUL, invalid UTF-8, lone surrogates
 * (RFC 8259, RFC 7493).  Refused too, since a double could not hold them:
 * integers beyond 2^53 - 1, numbers of more than 60 characters or that overflow
 * (long ids travel as strings).  Names match case-sensitively.
 *
 * The getters tell three outcomes apart: absent (or null), present, wrong.
 * With `required`, absent is wrong too.  On wrong they fill a json_fault that
 * names the field, for the error reply.
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

enum { JSON_MAX_DEPTH = 32, JSON_MAX_NODES = 20000 };

struct arena;
struct json;                                             /* a value; borrowed from its document */

/* Parses text into a tree that lives until json_free.  ERR_BAD_JSON on failure;
 * *at (may be NULL) is then the byte where reading stopped. */
MUST_USE enum err json_parse(struct str text, struct json **out, size_t *at);
struct json *json_free(struct json *doc);                /* returns NULL */

struct json_fault {
	char field[64];          /* "attributes.skill", "media[2]" */
	char why[96];            /* "has to be a string of at most 64 bytes" */
	bool missing;            /* ERR_MISSING_FIELD rather than ERR_BAD_FIELD */
};

enum json_need { JSON_OPTIONAL, JSON_REQUIRED };

bool json_is_object(const struct json *v);
bool json_is_array(const struct json *v);
bool json_is_string(const struct json *v);
bool json_is_number(const struct json *v);
bool json_is_bool(const struct json *v);
bool json_is_true(const struct json *v);
struct str json_string(const struct json *v);            /* STR_NULL when it is no string */
double json_number(const struct json *v);                /* finite; 0 when it is no number */
MUST_USE bool json_integer(const struct json *v, int64_t *out);   /* whole, |v| < 2^53 */

const struct json *json_get(const struct json *object, const char *key);   /* NULL: absent, null, or no object */
size_t json_count(const struct json *v);                 /* members of an object or array */
const struct json *json_first(const struct json *v);     /* iterate members in order */
const struct json *json_next(const struct json *v);
struct str json_key(const struct json *member);

/* An absent string is STR_NULL, an absent array or object NULL; an absent int
 * or bool leaves *out untouched. */
MUST_USE bool json_get_str(const struct json *o, const char *key, enum json_need need, size_t max_len,
                           struct str *out, struct json_fault *fault);
MUST_USE bool json_get_int(const struct json *o, const char *key, enum json_need need, int64_t min, int64_t max,
                           int64_t *out, struct json_fault *fault);
MUST_USE bool json_get_bool(const struct json *o, const char *key, bool *out, struct json_fault *fault);
MUST_USE bool json_get_array(const struct json *o, const char *key, enum json_need need, size_t max_count,
                             const struct json **out, struct json_fault *fault);
MUST_USE bool json_get_object(const struct json *o, const char *key, enum json_need need,
                              const struct json **out, struct json_fault *fault);
MUST_USE bool json_fault_set(struct json_fault *fault, const char *field, const char *fmt, ...) PRINTF_LIKE(3, 4);   /* always false */

/* Out: writes straight into a buf; commas and nesting are kept by the writer.
 * There is room for a whole parsed document below JSON_MAX_DEPTH levels of our
 * own; text that is not UTF-8 is mended with U+FFFD. */
struct json_writer {
	struct buf *out;
	unsigned depth;
	bool first[2 * JSON_MAX_DEPTH];
	bool named;                                      /* the name is written, its value is next */
};

void json_begin(struct json_writer *w, struct buf *out);
void json_object(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_name(struct json_writer *w, const char *key);
void json_name_str(struct json_writer *w, struct str key);
void json_put_str(struct json_writer *w, struct str s);  /* STR_NULL gives null */
void json_put_int(struct json_writer *w, int64_t v);
void json_put_bool(struct json_writer *w, bool v);
void json_put_null(struct json_writer *w);
void json_put_raw(struct json_writer *w, struct str json_text);   /* trusted, already JSON */
void json_put(struct json_writer *w, const struct json *v);      /* a parsed value again */
/* name and value in one */
void json_str(struct json_writer *w, const char *key, struct str s);
void json_int(struct json_writer *w, const char *key, int64_t v);
void json_bool(struct json_writer *w, const char *key, bool v);
