/* str.h - a borrowed slice of bytes.
 *
 * Never owns, never needs a NUL, may hold any byte.  p may be NULL when n is 0:
 * str_is_null() tells "not given" from "given and empty".
 */
#pragma once

#include <string.h>

#include "common/base/base.h"

struct str {
	const char *p;
	size_t n;
};

#define STR_NULL ((struct str){ NULL, 0 })
#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_of(const char *cstr)        /* NULL gives STR_NULL */
{
	return (struct str){ cstr, cstr ? strlen(cstr) : 0 };
}

static inline struct str str_n(const char *p, size_t n)
{
	return (struct str){ p, n };
}

static inline bool str_is_null(struct str s)
{
	return s.p == NULL;
}

bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b);          /* ASCII */
int str_cmp(struct str a, struct str b);                 /* byte order */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_skip(struct str s, size_t n);             /* n beyond the end: empty */
struct str str_trim(struct str s);                       /* ASCII white space at both ends */
bool str_find(struct str s, char c, size_t *at);

/* Cuts s at the first c: head gets what is before, *s what is after.  False
 * when s is used up (head is then the last piece on the call before). */
bool str_split(struct str *s, char c, struct str *head);

/* Whole decimal numbers only: no sign for u64, no spaces, no overflow. */
MUST_USE bool str_to_u64(struct str s, uint64_t *out);
MUST_USE bool str_to_i64(struct str s, int64_t *out);

bool str_is_utf8(struct str s);                          /* strict: no surrogates, no overlong forms, no NUL */
size_t str_utf8_prefix(struct str s);                    /* bytes at the front that are */
size_t str_utf8_char(struct str s);                      /* bytes of the first character; 0 when it is none */
bool str_has_ctl(struct str s);                          /* a byte < 0x20 or 0x7f */

/* Copies into a fixed array with a NUL; false (and "") when it does not fit or holds a NUL. */
MUST_USE bool str_copy(struct str s, char *out, size_t cap);
