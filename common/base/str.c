/* str.c - comparing, cutting and checking slices.
 *
 * memcmp, memchr and pointer arithmetic are kept away from a NULL p, which
 * is allowed when n is 0.
 */
#include "common/base/str.h"

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

int str_cmp(struct str a, struct str b)
{
	const size_t common = MIN(a.n, b.n);
	const int order = common ? memcmp(a.p, b.p, common) : 0;

	return order ? order : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_n(s.p, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq(str_skip(s, s.n - suffix.n), suffix);
}

struct str str_skip(struct str s, size_t n)
{
	const size_t skipped = MIN(n, s.n);

	return skipped ? str_n(s.p + skipped, s.n - skipped) : s;
}

struct str str_trim(struct str s)
{
	while (s.n && is_space(s.p[0]))
		s = str_skip(s, 1);
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_find(struct str s, char c, size_t *at)
{
	const char *found = s.n ? memchr(s.p, c, s.n) : NULL;

	if (!found)
		return false;
	*at = (size_t)(found - s.p);
	return true;
}

bool str_split(struct str *s, char c, struct str *head)
{
	size_t at;

	if (str_is_null(*s))
		return false;

	if (str_find(*s, c, &at)) {
		*head = str_n(s->p, at);
		*s = str_skip(*s, at + 1);
	} else {
		*head = *s;
		*s = STR_NULL;
	}
	return true;
}

bool str_to_u64(struct str s, uint64_t *out)
{
	uint64_t value = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		const unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
	const bool negative = str_starts(s, STR("-"));
	const uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
	uint64_t magnitude;

	if (!str_to_u64(str_skip(s, negative ? 1 : 0), &magnitude) || magnitude > limit)
		return false;
	if (!negative)
		*out = (int64_t)magnitude;
	else
		*out = magnitude == limit ? INT64_MIN : -(int64_t)magnitude;
	return true;
}

/* Unicode table 3-7: the second byte's range depends on the first. */
size_t str_utf8_char(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (s.n == 0 || p[0] < 0x80)
		return s.n && p[0] ? 1 : 0;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;

	if (p[0] == 0xe0)
		low = 0xa0; /* overlong */
	else if (p[0] == 0xed)
		high = 0x9f; /* surrogates */
	else if (p[0] == 0xf0)
		low = 0x90; /* overlong */
	else if (p[0] == 0xf4)
		high = 0x8f; /* beyond U+10FFFF */

	if (s.n < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

size_t str_utf8_prefix(struct str s)
{
	size_t at = 0;

	while (at < s.n) {
		const size_t len = str_utf8_char(str_skip(s, at));

		if (!len)
			break;
		at += len;
	}
	return at;
}

bool str_is_utf8(struct str s)
{
	return str_utf8_prefix(s) == s.n;
}

bool str_has_ctl(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

bool str_copy(struct str s, char *out, size_t cap)
{
	size_t nul;

	INVARIANT(cap > 0);
	out[0] = '\0';
	if (s.n >= cap || str_find(s, '\0', &nul))
		return false;
	if (s.n)
		memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}
