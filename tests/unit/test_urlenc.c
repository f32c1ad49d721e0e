/* test_urlenc.c - percent-encoding and form bodies. */
#include "common/base/buf.h"
#include "common/base/urlenc.h"
#include "tests/unit/unit.h"

enum { ARENA_CAP = 100000 };

static void decodes(void **state)
{
	static const struct {
		const char *text;
		enum urlenc_plus plus;
		const char *decoded; /* NULL: refused */
	} rows[] = {
		{ "", PLUS_IS_PLUS, "" },
		{ "abc", PLUS_IS_PLUS, "abc" },
		{ "a+b", PLUS_IS_PLUS, "a+b" },
		{ "a+b%2B%20", PLUS_IS_SPACE, "a b+ " },
		{ "%41%c3%A9", PLUS_IS_PLUS, "A\xc3\xa9" },
		{ "support%2Fbob", PLUS_IS_PLUS, "support/bob" },
		{ "%2541", PLUS_IS_PLUS, "%41" },
		{ "%", PLUS_IS_PLUS, NULL },
		{ "%4", PLUS_IS_PLUS, NULL },
		{ "%4g", PLUS_IS_PLUS, NULL },
		{ "%g4", PLUS_IS_PLUS, NULL },
		{ "% 1", PLUS_IS_PLUS, NULL },
		{ "%-1", PLUS_IS_PLUS, NULL },
		{ "a%00b", PLUS_IS_PLUS, NULL },
		{ "%ff", PLUS_IS_PLUS, NULL },
		{ "\xff", PLUS_IS_PLUS, NULL },
		{ "%ed%a0%80", PLUS_IS_PLUS, NULL },
	};
	struct arena *arena = arena_new(ARENA_CAP);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str out = STR_NULL;

		assert_int_equal(urlenc_decode(arena, str_of(rows[i].text), rows[i].plus, &out),
				 rows[i].decoded != NULL);
		assert_str_equal(out, rows[i].decoded);
		if (rows[i].decoded)
			assert_int_equal(out.p[out.n], '\0');
	}
	arena_free(arena);
}

static void undoes_encoding(void **state)
{
	const struct str text = STR("key=va lue&\"%+/\xe2\x82\xac~\x01\x7f");
	struct arena *arena = arena_new(ARENA_CAP);
	struct str decoded = STR_NULL;
	struct buf buf;

	(void)state;
	buf_init(&buf, 1000);
	buf_put_urlencoded(&buf, text);
	assert_true(urlenc_decode(arena, buf_str(&buf), PLUS_IS_SPACE, &decoded));
	assert_true(str_eq(decoded, text));
	buf_fini(&buf);
	arena_free(arena);
}

static void reads_forms(void **state)
{
	static const struct {
		const char *body;
		enum err err;
		const char *fields; /* name=value; of each */
	} rows[] = {
		{ NULL, ERR_NONE, "" },
		{ "", ERR_NONE, "" },
		{ "&&", ERR_NONE, "" },
		{ "a=1", ERR_NONE, "a=1;" },
		{ "a=1&b=2&a=3", ERR_NONE, "a=1;b=2;a=3;" },
		{ "a", ERR_NONE, "a=;" },
		{ "a=&b", ERR_NONE, "a=;b=;" },
		{ "a=b=c", ERR_NONE, "a=b=c;" },
		{ "=v", ERR_NONE, "=v;" },
		{ "=", ERR_NONE, "=;" },
		{ "&a=1&&b=2&", ERR_NONE, "a=1;b=2;" },
		{ "To=client%3Abob&From=%2B1555+0", ERR_NONE, "To=client:bob;From=+1555 0;" },
		{ "a%26b=%3D", ERR_NONE, "a&b==;" },
		{ "a=1&b=%zz", ERR_BAD_REQUEST, NULL },
		{ "%=1", ERR_BAD_REQUEST, NULL },
		{ "a=%00", ERR_BAD_REQUEST, NULL },
		{ "a=%c3", ERR_BAD_REQUEST, NULL },
	};
	struct arena *arena = arena_new(ARENA_CAP);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct form form = { .n = 0 };
		struct buf all;

		assert_int_equal(form_parse(arena, str_of(rows[i].body), &form), rows[i].err);
		buf_init(&all, 1000);
		for (size_t n = 0; n < form.n; n++)
			buf_printf(&all, STR_FMT "=" STR_FMT ";", STR_ARG(form.fields[n].name),
				   STR_ARG(form.fields[n].value));
		assert_string_equal(buf_cstr(&all), rows[i].fields ? rows[i].fields : "");
		buf_fini(&all);
	}
	arena_free(arena);
}

static void finds_fields(void **state)
{
	struct arena *arena = arena_new(ARENA_CAP);
	struct form form;

	(void)state;
	assert_int_equal(form_parse(arena, STR("Event=ringing&Event=answered&To="), &form), ERR_NONE);
	assert_str_equal(form_get(&form, "Event"), "ringing");
	assert_str_equal(form_get(&form, "To"), "");
	assert_true(str_is_null(form_get(&form, "to")));
	assert_true(form_has(&form, "Event", STR("answered")));
	assert_true(form_has(&form, "Event", STR("ringing")));
	assert_false(form_has(&form, "Event", STR("Answered")));
	assert_false(form_has(&form, "From", STR("")));
	arena_free(arena);
}

static void bounds_the_fields(void **state)
{
	struct arena *arena = arena_new(ARENA_CAP);
	struct form form;
	struct buf body;

	(void)state;
	buf_init(&body, 10000);
	for (unsigned i = 0; i < FORM_MAX_FIELDS; i++)
		buf_puts(&body, "a=1&");
	assert_int_equal(form_parse(arena, buf_str(&body), &form), ERR_NONE);
	assert_int_equal(form.n, FORM_MAX_FIELDS);
	buf_puts(&body, "b");
	assert_int_equal(form_parse(arena, buf_str(&body), &form), ERR_BAD_REQUEST);
	buf_fini(&body);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes),	     cmocka_unit_test(undoes_encoding),
		cmocka_unit_test(reads_forms),	     cmocka_unit_test(finds_fields),
		cmocka_unit_test(bounds_the_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
