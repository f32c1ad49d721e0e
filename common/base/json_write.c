/* json_write.c - streaming JSON out; no tree is built for a reply.
 *
 * Commas: first[depth] says that nothing stands yet at this depth; a name puts
 * the comma, and the value behind it then does not.
 */
#include "common/base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void json_begin(struct json_writer *w, struct buf *out)
{
	*w = (struct json_writer){ .out = out, .first = { true } };
}

static void put_comma(struct json_writer *w)
{
	if (w->named)
		w->named = false;
	else if (w->first[w->depth])
		w->first[w->depth] = false;
	else
		buf_putc(w->out, ',');
}

static void put_open(struct json_writer *w, char bracket)
{
	put_comma(w);
	INVARIANT(w->depth + 1 < ARRAY_LEN(w->first));
	w->first[++w->depth] = true;
	buf_putc(w->out, bracket);
}

static void put_close(struct json_writer *w, char bracket)
{
	INVARIANT(w->depth > 0 && !w->named);
	w->depth--;
	buf_putc(w->out, bracket);
}

void json_object(struct json_writer *w)
{
	put_open(w, '{');
}

void json_object_end(struct json_writer *w)
{
	put_close(w, '}');
}

void json_array(struct json_writer *w)
{
	put_open(w, '[');
}

void json_array_end(struct json_writer *w)
{
	put_close(w, ']');
}

static void put_escape(struct buf *out, char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *found = c ? strchr(plain, c) : NULL;

	if (found)
		buf_printf(out, "\\%c", letters[found - plain]);
	else
		buf_printf(out, "\\u%04x", (unsigned)c);
}

/* Bytes at the front of s that stand for themselves. */
static size_t plain_len(struct str s)
{
	size_t n = 0;

	while (n < s.n && (unsigned char)s.p[n] >= 0x20 && s.p[n] != '"' && s.p[n] != '\\')
		n++;
	return str_utf8_prefix(str_n(s.p, n));
}

static void put_quoted(struct buf *out, struct str s)
{
	buf_putc(out, '"');
	while (s.n) {
		const size_t plain = plain_len(s);

		buf_put(out, str_n(s.p, plain));
		s = str_skip(s, plain);
		if (s.n == 0)
			break;
		if ((unsigned char)s.p[0] < 0x80)
			put_escape(out, s.p[0]);
		else
			buf_puts(out, "\xef\xbf\xbd");
		s = str_skip(s, 1);
	}
	buf_putc(out, '"');
}

void json_name(struct json_writer *w, const char *key)
{
	json_name_str(w, str_of(key));
}

void json_name_str(struct json_writer *w, struct str key)
{
	INVARIANT(!w->named);
	put_comma(w);
	put_quoted(w->out, key);
	buf_putc(w->out, ':');
	w->named = true;
}

void json_put_str(struct json_writer *w, struct str s)
{
	if (str_is_null(s)) {
		json_put_null(w);
		return;
	}
	put_comma(w);
	put_quoted(w->out, s);
}

void json_put_int(struct json_writer *w, int64_t v)
{
	put_comma(w);
	buf_printf(w->out, "%" PRId64, v);
}

void json_put_bool(struct json_writer *w, bool v)
{
	json_put_raw(w, v ? STR("true") : STR("false"));
}

void json_put_null(struct json_writer *w)
{
	json_put_raw(w, STR("null"));
}

void json_put_raw(struct json_writer *w, struct str json_text)
{
	put_comma(w);
	buf_put(w->out, json_text);
}

/* The shorter form that reads as the same double again.  With all its digits a
 * large number needs the exponent too: without it, it would read as an integer
 * that a double may not hold, which our own reader refuses. */
static void put_number(struct json_writer *w, const struct json *v)
{
	const double number = json_number(v);
	char text[32];
	int64_t whole;

	if (json_integer(v, &whole)) {
		json_put_int(w, whole);
		return;
	}
	snprintf(text, sizeof(text), "%.15g", number);
	if (strtod(text, NULL) != number)
		snprintf(text, sizeof(text), fabs(number) < 1e15 ? "%.17g" : "%.16e", number);
	json_put_raw(w, str_of(text));
}

static void put_members(struct json_writer *w, const struct json *v, bool named)
{
	for (const struct json *member = json_first(v); member; member = json_next(member)) {
		if (named)
			json_name_str(w, json_key(member));
		json_put(w, member);
	}
}

void json_put(struct json_writer *w, const struct json *v)
{
	if (json_is_object(v)) {
		json_object(w);
		put_members(w, v, true);
		json_object_end(w);
	} else if (json_is_array(v)) {
		json_array(w);
		put_members(w, v, false);
		json_array_end(w);
	} else if (json_is_string(v)) {
		json_put_str(w, json_string(v));
	} else if (json_is_number(v)) {
		put_number(w, v);
	} else if (json_is_bool(v)) {
		json_put_bool(w, json_is_true(v));
	} else {
		json_put_null(w);
	}
}

void json_str(struct json_writer *w, const char *key, struct str s)
{
	json_name(w, key);
	json_put_str(w, s);
}

void json_int(struct json_writer *w, const char *key, int64_t v)
{
	json_name(w, key);
	json_put_int(w, v);
}

void json_bool(struct json_writer *w, const char *key, bool v)
{
	json_name(w, key);
	json_put_bool(w, v);
}
