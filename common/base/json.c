/* json.c - strict JSON in.                                          (cJSON inside)
 *
 *     json_parse -> is it UTF-8 -> scan_document (grammar, depth, count) -> build -> is_sound
 *
 * cJSON takes much that is no JSON: what it may see is decided by our own scan
 * of the text.  It then only builds the tree, and its strings can be used as C
 * strings, because no NUL got through.  The writer is in json_write.c.
 */
#include "common/base/json.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	NUMBER_MAX = 60,  /* cJSON cuts at 63 */
	FEW_MEMBERS = 12, /* so few are compared each with each */
};

#define SAFE_INTEGER_MAX ((INT64_C(1) << 53) - 1)

static cJSON *to_cjson(const struct json *v)
{
	return (cJSON *)(uintptr_t)v;
}

static struct json *from_cjson(const cJSON *v)
{
	return (struct json *)(uintptr_t)v;
}

/* --- the scan ----------------------------------------------------------- */

struct scan {
	struct str text;
	size_t at; /* on failure: where reading stopped */
	unsigned nodes;
	unsigned depth;
};

static bool scan_value(struct scan *scan);

/* The next byte; NUL, which the text does not hold, at its end. */
static char peek(const struct scan *scan)
{
	return scan->at < scan->text.n ? scan->text.p[scan->at] : '\0';
}

static bool accept(struct scan *scan, char c)
{
	if (peek(scan) != c)
		return false;
	scan->at++;
	return true;
}

static void skip_space(struct scan *scan)
{
	while (peek(scan) == ' ' || peek(scan) == '\t' || peek(scan) == '\n' || peek(scan) == '\r')
		scan->at++;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool scan_digits(struct scan *scan)
{
	if (!is_digit(peek(scan)))
		return false;
	while (is_digit(peek(scan)))
		scan->at++;
	return true;
}

static bool scan_fraction(struct scan *scan)
{
	if (accept(scan, '.') && !scan_digits(scan))
		return false;
	if (!accept(scan, 'e') && !accept(scan, 'E'))
		return true;
	if (!accept(scan, '+'))
		accept(scan, '-');
	return scan_digits(scan);
}

static bool scan_number(struct scan *scan)
{
	const bool negative = accept(scan, '-');
	const size_t start = scan->at;
	uint64_t magnitude;

	if (!accept(scan, '0') && !scan_digits(scan))
		return false;

	const struct str whole = str_n(scan->text.p + start, scan->at - start);

	if (!scan_fraction(scan))
		return false;

	const size_t len = scan->at - start;

	if (len + negative > NUMBER_MAX)
		return false;
	return len > whole.n || (str_to_u64(whole, &magnitude) && magnitude <= SAFE_INTEGER_MAX);
}

/* Four hex digits; 0, which is refused in any case, when there are none. */
static unsigned scan_hex4(struct scan *scan)
{
	unsigned value = 0;

	for (unsigned i = 0; i < 4; i++, scan->at++) {
		const char c = peek(scan);

		if (is_digit(c))
			value = value * 16 + (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value * 16 + (unsigned)((c | 0x20) - 'a') + 10;
		else
			return 0;
	}
	return value;
}

static bool is_low_surrogate(unsigned unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

static bool scan_escape(struct scan *scan)
{
	const char c = peek(scan);

	if (c == '\0' || !strchr("\"\\/bfnrtu", c))
		return false;
	scan->at++;
	if (c != 'u')
		return true;

	const unsigned unit = scan_hex4(scan);

	if (unit >= 0xd800 && unit <= 0xdbff)
		return accept(scan, '\\') && accept(scan, 'u') && is_low_surrogate(scan_hex4(scan));
	return unit != 0 && !is_low_surrogate(unit);
}

static bool scan_string(struct scan *scan)
{
	if (!accept(scan, '"'))
		return false;
	while (!accept(scan, '"')) {
		if ((unsigned char)peek(scan) < 0x20)
			return false;
		if (!accept(scan, '\\'))
			scan->at++;
		else if (!scan_escape(scan))
			return false;
	}
	return true;
}

static bool scan_word(struct scan *scan, struct str word)
{
	if (!str_starts(str_skip(scan->text, scan->at), word))
		return false;
	scan->at += word.n;
	return true;
}

static bool scan_member(struct scan *scan, bool named)
{
	if (named) {
		skip_space(scan);
		if (!scan_string(scan))
			return false;
		skip_space(scan);
		if (!accept(scan, ':'))
			return false;
	}
	return scan_value(scan);
}

/* Behind the opening bracket. */
static bool scan_members(struct scan *scan, char close)
{
	if (++scan->depth > JSON_MAX_DEPTH)
		return false;
	skip_space(scan);
	if (!accept(scan, close)) {
		do {
			if (!scan_member(scan, close == '}'))
				return false;
		} while (accept(scan, ','));
		if (!accept(scan, close))
			return false;
	}
	scan->depth--;
	return true;
}

static bool scan_bare_value(struct scan *scan)
{
	switch (peek(scan)) {
	case '{':
		scan->at++;
		return scan_members(scan, '}');
	case '[':
		scan->at++;
		return scan_members(scan, ']');
	case '"':
		return scan_string(scan);
	case 't':
		return scan_word(scan, STR("true"));
	case 'f':
		return scan_word(scan, STR("false"));
	case 'n':
		return scan_word(scan, STR("null"));
	default:
		return scan_number(scan);
	}
}

/* With the space around it. */
static bool scan_value(struct scan *scan)
{
	if (++scan->nodes > JSON_MAX_NODES)
		return false;
	skip_space(scan);
	if (!scan_bare_value(scan))
		return false;
	skip_space(scan);
	return true;
}

static bool scan_document(struct scan *scan)
{
	const size_t valid = str_utf8_prefix(scan->text);

	if (valid < scan->text.n) {
		scan->at = valid;
		return false;
	}
	return scan_value(scan) && scan->at == scan->text.n;
}

/* --- the tree ----------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;

	return strcmp(*left, *right);
}

static bool has_twins_sorted(const cJSON *object, size_t count)
{
	const char **names = x_alloc(count * sizeof(*names));
	bool twins = false;
	size_t n = 0;

	for (const cJSON *member = object->child; member; member = member->next)
		names[n++] = member->string;
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 1; i < n; i++)
		twins |= strcmp(names[i - 1], names[i]) == 0;
	x_free(names);
	return twins;
}

/* Names are compared as they read, so "a" and "\u0061" are twins. */
static bool has_twins(const cJSON *object)
{
	const size_t count = json_count(from_cjson(object));

	if (count > FEW_MEMBERS)
		return has_twins_sorted(object, count);
	for (const cJSON *a = object->child; a; a = a->next)
		for (const cJSON *b = a->next; b; b = b->next)
			if (strcmp(a->string, b->string) == 0)
				return true;
	return false;
}

static bool is_sound(const cJSON *value)
{
	if (cJSON_IsNumber(value) && !isfinite(value->valuedouble))
		return false;
	if (cJSON_IsObject(value) && has_twins(value))
		return false;
	for (const cJSON *member = value->child; member; member = member->next)
		if (!is_sound(member))
			return false;
	return true;
}

/* cJSON wants to see a NUL behind the document to refuse what follows it. */
static cJSON *build(struct str text)
{
	char *copy = x_realloc(NULL, text.n + 1);

	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';

	cJSON *tree = cJSON_ParseWithLengthOpts(copy, text.n + 1, NULL, 1);

	x_free(copy);
	return tree;
}

enum err json_parse(struct str text, struct json **out, size_t *at)
{
	struct scan scan = { .text = text };
	cJSON *tree = scan_document(&scan) ? build(text) : NULL;

	if (tree && !is_sound(tree)) {
		cJSON_Delete(tree);
		tree = NULL;
	}
	if (!tree) {
		if (at)
			*at = MIN(scan.at, text.n);
		return ERR_BAD_JSON;
	}
	*out = from_cjson(tree);
	return ERR_NONE;
}

struct json *json_free(struct json *doc)
{
	cJSON_Delete(to_cjson(doc));
	return NULL;
}

/* --- values ------------------------------------------------------------- */

bool json_is_object(const struct json *v)
{
	return cJSON_IsObject(to_cjson(v));
}

bool json_is_array(const struct json *v)
{
	return cJSON_IsArray(to_cjson(v));
}

bool json_is_string(const struct json *v)
{
	return cJSON_IsString(to_cjson(v));
}

bool json_is_number(const struct json *v)
{
	return cJSON_IsNumber(to_cjson(v));
}

bool json_is_bool(const struct json *v)
{
	return cJSON_IsBool(to_cjson(v));
}

bool json_is_true(const struct json *v)
{
	return cJSON_IsTrue(to_cjson(v));
}

struct str json_string(const struct json *v)
{
	return str_of(cJSON_GetStringValue(to_cjson(v)));
}

double json_number(const struct json *v)
{
	return json_is_number(v) ? to_cjson(v)->valuedouble : 0;
}

bool json_integer(const struct json *v, int64_t *out)
{
	const double number = json_number(v);
	const bool in_range = fabs(number) <= (double)SAFE_INTEGER_MAX;
	const int64_t whole = in_range ? (int64_t)number : 0;

	if (!json_is_number(v) || (double)whole != number)
		return false;
	*out = whole;
	return true;
}

const struct json *json_get(const struct json *object, const char *key)
{
	if (!json_is_object(object))
		return NULL;

	const cJSON *member = cJSON_GetObjectItemCaseSensitive(to_cjson(object), key);

	return cJSON_IsNull(member) ? NULL : from_cjson(member);
}

size_t json_count(const struct json *v)
{
	size_t count = 0;

	for (const struct json *member = json_first(v); member; member = json_next(member))
		count++;
	return count;
}

const struct json *json_first(const struct json *v)
{
	return v ? from_cjson(to_cjson(v)->child) : NULL;
}

const struct json *json_next(const struct json *v)
{
	return from_cjson(to_cjson(v)->next);
}

struct str json_key(const struct json *member)
{
	return str_of(to_cjson(member)->string);
}

/* --- fields ------------------------------------------------------------- */

bool json_fault_set(struct json_fault *fault, const char *field, const char *fmt, ...)
{
	va_list ap;

	snprintf(fault->field, sizeof(fault->field), "%s", field);
	va_start(ap, fmt);
	vsnprintf(fault->why, sizeof(fault->why), fmt, ap);
	va_end(ap);
	fault->missing = false;
	return false;
}

/* The member, or NULL and whether that will do. */
static bool find(const struct json *o, const char *key, enum json_need need, const struct json **member,
		 struct json_fault *fault)
{
	*member = json_get(o, key);
	if (*member || need == JSON_OPTIONAL)
		return true;
	fault->missing = !json_fault_set(fault, key, "is missing");
	return false;
}

bool json_get_str(const struct json *o, const char *key, enum json_need need, size_t max_len, struct str *out,
		  struct json_fault *fault)
{
	const struct json *member;

	if (!find(o, key, need, &member, fault))
		return false;

	const struct str value = json_string(member);

	if (member && (str_is_null(value) || value.n > max_len))
		return json_fault_set(fault, key, "has to be a string of at most %zu bytes", max_len);
	*out = value;
	return true;
}

bool json_get_int(const struct json *o, const char *key, enum json_need need, int64_t min, int64_t max,
		  int64_t *out, struct json_fault *fault)
{
	const struct json *member;
	int64_t value;

	if (!find(o, key, need, &member, fault))
		return false;
	if (!member)
		return true;
	if (!json_integer(member, &value) || value < min || value > max)
		return json_fault_set(fault, key, "has to be a whole number from %lld to %lld",
				      (long long)min, (long long)max);
	*out = value;
	return true;
}

bool json_get_bool(const struct json *o, const char *key, bool *out, struct json_fault *fault)
{
	const struct json *member = json_get(o, key);

	if (!member)
		return true;
	if (!json_is_bool(member))
		return json_fault_set(fault, key, "has to be true or false");
	*out = json_is_true(member);
	return true;
}

bool json_get_array(const struct json *o, const char *key, enum json_need need, size_t max_count,
		    const struct json **out, struct json_fault *fault)
{
	const struct json *member;

	if (!find(o, key, need, &member, fault))
		return false;
	if (member && (!json_is_array(member) || json_count(member) > max_count))
		return json_fault_set(fault, key, "has to be an array of at most %zu values", max_count);
	*out = member;
	return true;
}

bool json_get_object(const struct json *o, const char *key, enum json_need need, const struct json **out,
		     struct json_fault *fault)
{
	const struct json *member;

	if (!find(o, key, need, &member, fault))
		return false;
	if (member && !json_is_object(member))
		return json_fault_set(fault, key, "has to be an object");
	*out = member;
	return true;
}
