/* test_str.c - slices. */
#include "common/base/str.h"
#include "tests/unit/unit.h"

#define BYTES(literal) str_n("" literal, sizeof(literal) - 1)

static void compares(void **state)
{
	(void)state;
	assert_true(str_eq(STR("ab"), STR("ab")));
	assert_true(str_eq(STR_NULL, STR("")));
	assert_false(str_eq(STR("ab"), STR("aB")));
	assert_false(str_eq(STR("ab"), STR("abc")));
	assert_false(str_eq(BYTES("a\0b"), BYTES("a\0c")));
	assert_true(str_eq_nocase(STR("Upgrade-1[]"), STR("uPGRADE-1[]")));
	assert_false(str_eq_nocase(STR("a["), STR("a{")));
	assert_false(str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4")));
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("a"), STR("")) > 0);
	assert_true(str_cmp(STR("a"), STR("aa")) < 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
	assert_int_equal(str_cmp(STR_NULL, STR("")), 0);
}

static void cuts(void **state)
{
	size_t at = 99;

	(void)state;
	assert_true(str_starts(STR("client:bob"), STR("client:")));
	assert_false(str_starts(STR("cli"), STR("client:")));
	assert_true(str_ends(STR("Keys.json"), STR(".json")));
	assert_false(str_ends(STR("json"), STR(".json")));
	assert_true(str_starts(STR_NULL, STR_NULL) && str_ends(STR_NULL, STR("")));
	assert_str_equal(str_skip(STR("abc"), 1), "bc");
	assert_str_equal(str_skip(STR("abc"), 7), "");
	assert_true(str_is_null(str_skip(STR_NULL, 3)));
	assert_str_equal(str_trim(STR(" \t\r\n\v\f a b \n")), "a b");
	assert_str_equal(str_trim(STR(" \n ")), "");
	assert_true(str_find(STR("a=b="), '=', &at));
	assert_int_equal(at, 1);
	assert_false(str_find(STR("ab"), '=', &at));
	assert_false(str_find(STR_NULL, '=', &at));
	assert_int_equal(at, 1);
}

static void splits(void **state)
{
	static const struct {
		const char *text;
		const char *pieces[5];
	} rows[] = {
		{ NULL, { NULL } },
		{ "", { "", NULL } },
		{ "a", { "a", NULL } },
		{ "a,b", { "a", "b", NULL } },
		{ ",a,,", { "", "a", "", "", NULL } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str rest = str_of(rows[i].text), piece;
		size_t n = 0;

		while (str_split(&rest, ',', &piece))
			assert_str_equal(piece, rows[i].pieces[n++]);
		assert_null(rows[i].pieces[n]);
	}
}

static void reads_numbers(void **state)
{
	static const struct {
		const char *text;
		bool is_u64, is_i64;
		uint64_t u64;
		int64_t i64;
	} rows[] = {
		{ "0", true, true, 0, 0 },
		{ "007", true, true, 7, 7 },
		{ "9223372036854775807", true, true, INT64_MAX, INT64_MAX },
		{ "9223372036854775808", true, false, UINT64_C(1) << 63, 0 },
		{ "18446744073709551615", true, false, UINT64_MAX, 0 },
		{ "18446744073709551616", false, false, 0, 0 },
		{ "18446744073709551620", false, false, 0, 0 },
		{ "99999999999999999999", false, false, 0, 0 },
		{ "-1", false, true, 0, -1 },
		{ "-9223372036854775808", false, true, 0, INT64_MIN },
		{ "-9223372036854775809", false, false, 0, 0 },
		{ "-", false, false, 0, 0 },
		{ "--1", false, false, 0, 0 },
		{ "+1", false, false, 0, 0 },
		{ " 1", false, false, 0, 0 },
		{ "1 ", false, false, 0, 0 },
		{ "1.0", false, false, 0, 0 },
		{ "0x1", false, false, 0, 0 },
		{ "", false, false, 0, 0 },
		{ NULL, false, false, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t u64 = 4711;
		int64_t i64 = 4711;

		assert_int_equal(str_to_u64(str_of(rows[i].text), &u64), rows[i].is_u64);
		assert_true(u64 == (rows[i].is_u64 ? rows[i].u64 : 4711));
		assert_int_equal(str_to_i64(str_of(rows[i].text), &i64), rows[i].is_i64);
		assert_true(i64 == (rows[i].is_i64 ? rows[i].i64 : 4711));
	}
}

static void knows_utf8(void **state)
{
	static const struct {
		struct str text;
		size_t valid; /* bytes at the front that are UTF-8 */
	} rows[] = {
		{ { "", 0 }, 0 },
		{ { "plain", 5 }, 5 },
		{ { "\xc2\x80\xdf\xbf", 4 }, 4 },
		{ { "\xe0\xa0\x80\xef\xbf\xbf", 6 }, 6 },
		{ { "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8 }, 8 },
		{ { "\xed\x9f\xbf\xee\x80\x80", 6 }, 6 },
		{ { "a\0b", 3 }, 1 },		  /* NUL */
		{ { "a\x80", 2 }, 1 },		  /* stray continuation */
		{ { "\xc0\x80", 2 }, 0 },	  /* overlong NUL */
		{ { "\xc1\xbf", 2 }, 0 },	  /* overlong */
		{ { "\xe0\x9f\xbf", 3 }, 0 },	  /* overlong */
		{ { "\xf0\x8f\xbf\xbf", 4 }, 0 }, /* overlong */
		{ { "\xed\xa0\x80", 3 }, 0 },	  /* surrogate */
		{ { "\xf4\x90\x80\x80", 4 }, 0 }, /* beyond U+10FFFF */
		{ { "\xf5\x80\x80\x80", 4 }, 0 },
		{ { "ab\xe2\x82", 4 }, 2 }, /* cut */
		{ { "\xe2\x82z", 3 }, 0 },
		{ { "\xf0\x90\x80z", 4 }, 0 },
		{ { "\xff", 1 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(str_utf8_prefix(rows[i].text), rows[i].valid);
		assert_int_equal(str_is_utf8(rows[i].text), rows[i].valid == rows[i].text.n);
	}
	assert_true(str_is_utf8(STR_NULL));
	assert_int_equal(str_utf8_char(STR_NULL), 0);
	assert_int_equal(str_utf8_char(STR("\xe2\x82\xac!")), 3);
}

static void knows_control_characters(void **state)
{
	(void)state;
	assert_false(str_has_ctl(STR("ab c~\xc3\xa9\x80")));
	assert_true(str_has_ctl(STR("a\n")));
	assert_true(str_has_ctl(STR("\x7f")));
	assert_true(str_has_ctl(BYTES("\0")));
	assert_false(str_has_ctl(STR_NULL));
}

static void copies_what_fits(void **state)
{
	char out[4];

	(void)state;
	assert_true(str_copy(STR("abc"), out, sizeof(out)));
	assert_string_equal(out, "abc");
	assert_false(str_copy(STR("abcd"), out, sizeof(out)));
	assert_string_equal(out, "");
	assert_true(str_copy(STR_NULL, out, sizeof(out)));
	assert_string_equal(out, "");
	assert_false(str_copy(BYTES("a\0b"), out, sizeof(out)));
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares),	    cmocka_unit_test(cuts),
		cmocka_unit_test(splits),	    cmocka_unit_test(reads_numbers),
		cmocka_unit_test(knows_utf8),	    cmocka_unit_test(knows_control_characters),
		cmocka_unit_test(copies_what_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
