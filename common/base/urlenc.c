/* urlenc.c - percent-encoding and form bodies. */
#include "common/base/urlenc.h"

/* -1 when c is no hex digit. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* The byte that "%XX" at the front of s stands for, -1 when it is broken. */
static int escaped_byte(struct str s)
{
	const int high = s.n >= 3 ? hex_value(s.p[1]) : -1;
	const int low = s.n >= 3 ? hex_value(s.p[2]) : -1;

	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool urlenc_decode(struct arena *arena, struct str s, enum urlenc_plus plus, struct str *out)
{
	char *text = arena_cstr(arena, s); /* decoding never makes it longer */
	size_t n = 0;

	while (s.n) {
		const int byte = s.p[0] == '%' ? escaped_byte(s) : (unsigned char)s.p[0];

		if (byte < 0)
			return false;
		text[n++] = s.p[0] == '+' && plus == PLUS_IS_SPACE ? ' ' : (char)byte;
		s = str_skip(s, s.p[0] == '%' ? 3 : 1);
	}
	text[n] = '\0';

	const struct str decoded = str_n(text, n);

	if (!str_is_utf8(decoded)) /* nor may it hold a NUL */
		return false;
	*out = decoded;
	return true;
}

static bool parse_field(struct arena *arena, struct str piece, struct form_field *field)
{
	struct str name, value = piece;

	str_split(&value, '=', &name);
	if (str_is_null(value))
		value = STR("");
	return urlenc_decode(arena, name, PLUS_IS_SPACE, &field->name) &&
	       urlenc_decode(arena, value, PLUS_IS_SPACE, &field->value);
}

static size_t count_fields(struct str body)
{
	struct str piece;
	size_t n = 0;

	while (str_split(&body, '&', &piece))
		n += piece.n > 0;
	return n;
}

enum err form_parse(struct arena *arena, struct str body, struct form *out)
{
	struct form form = { .n = 0 };
	const size_t count = count_fields(body);
	struct str piece;

	if (count > FORM_MAX_FIELDS)
		return ERR_BAD_REQUEST;

	form.fields = arena_alloc(arena, count * sizeof(*form.fields));
	while (str_split(&body, '&', &piece)) {
		if (piece.n == 0) /* "a=1&&b=2" holds two fields */
			continue;
		if (!parse_field(arena, piece, &form.fields[form.n]))
			return ERR_BAD_REQUEST;
		form.n++;
	}
	*out = form;
	return ERR_NONE;
}

struct str form_get(const struct form *form, const char *name)
{
	const struct str wanted = str_of(name);

	for (size_t i = 0; i < form->n; i++)
		if (str_eq(form->fields[i].name, wanted))
			return form->fields[i].value;
	return STR_NULL;
}

bool form_has(const struct form *form, const char *name, struct str value)
{
	const struct str wanted = str_of(name);

	for (size_t i = 0; i < form->n; i++)
		if (str_eq(form->fields[i].name, wanted) && str_eq(form->fields[i].value, value))
			return true;
	return false;
}
