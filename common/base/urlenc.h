/* urlenc.h - percent-encoding and form bodies (RFC 3986, WHATWG urlencoded). Pure. */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"

enum { FORM_MAX_FIELDS = 256 };

struct form_field {
	struct str name, value;
};

struct form {
	struct form_field *fields;       /* in order of arrival */
	size_t n;
};

enum urlenc_plus { PLUS_IS_PLUS, PLUS_IS_SPACE };

/* False on a broken escape, a NUL, or bytes that are not UTF-8. */
MUST_USE bool urlenc_decode(struct arena *arena, struct str s, enum urlenc_plus plus, struct str *out);

/* ERR_BAD_REQUEST on a broken field or more than FORM_MAX_FIELDS. */
MUST_USE enum err form_parse(struct arena *arena, struct str body, struct form *out);
struct str form_get(const struct form *form, const char *name);     /* first of that name, STR_NULL when absent */
bool form_has(const struct form *form, const char *name, struct str value);   /* any of the repeated fields */
