/* test_sid.c - ids, calls and their legs. */
#include "common/base/sid.h"
#include "tests/unit/unit.h"

static void makes_what_it_reads(void **state)
{
	struct sid read;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		const struct sid made = sid_new("DV");

		assert_true(sid_parse(sid_str(&made), "DV", &read));
		assert_true(sid_eq(made, read));
		assert_false(sid_parse(sid_str(&made), "CA", &read));
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void makes_each_once(void **state)
{
	enum { MANY = 20000 };
	static struct sid all[MANY];
	unsigned seen[256] = { 0 };

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		all[i] = sid_new("CA");
		seen[(unsigned char)all[i].s[SID_LEN - 1]]++;
	}
	qsort(all, MANY, sizeof(all[0]), by_text);
	for (size_t i = 1; i < MANY; i++)
		assert_false(sid_eq(all[i - 1], all[i]));
	for (const char *digit = "0123456789abcdef"; *digit; digit++)
		assert_in_range(seen[(unsigned char)*digit], MANY / 32, MANY / 8);
}

static void legs_share_the_stem(void **state)
{
	static const unsigned legs[] = { 0, 1, 15, 16, 0xabcdef, SID_LEG_MAX };
	const struct sid call = sid_new_call();

	(void)state;
	assert_string_equal(call.s + SID_LEN - 6, "000000");
	assert_string_equal(sid_leg(call, 0xab).s + SID_LEN - 6, "0000ab");
	for (size_t i = 0; i < ARRAY_LEN(legs); i++) {
		const struct sid leg = sid_leg(call, legs[i]);

		assert_int_equal(sid_leg_number(leg), legs[i]);
		assert_true(sid_eq(sid_call_of(leg), call));
		assert_memory_equal(leg.s, call.s, SID_LEN - 6);
		assert_int_equal(strlen(leg.s), SID_LEN);
	}
	assert_true(sid_eq(sid_leg(sid_leg(call, 5), 7), sid_leg(call, 7)));
}

static void leg_too_many(void *call)
{
	sid_leg(*(struct sid *)call, SID_LEG_MAX + 1);
}

static void leg_of_nothing(void *nothing)
{
	sid_leg(*(struct sid *)nothing, 1);
}

static void refuses_impossible_legs(void **state)
{
	struct sid call = sid_new_call(), nothing = { "" };

	(void)state;
	assert_true(unit_aborts(leg_too_many, &call));
	assert_true(unit_aborts(leg_of_nothing, &nothing));
}

static void reads_strictly(void **state)
{
	static const struct {
		struct str text;
		bool valid;
	} rows[] = {
		{ { "CA0123456789abcdef0123456789abcdef", 34 }, true },
		{ { "CA0123456789ABCDEF0123456789abcdef", 34 }, false },
		{ { "ca0123456789abcdef0123456789abcdef", 34 }, false },
		{ { "CA0123456789abcdef0123456789abcde", 33 }, false },
		{ { "CA0123456789abcdef0123456789abcdef0", 35 }, false },
		{ { "CA0123456789abcdef0123456789abcdeg", 34 }, false },
		{ { "CA0123456789abcdef0123456789abcde\0", 34 }, false },
		{ { "", 0 }, false },
		{ { NULL, 0 }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sid sid = { "" };

		assert_int_equal(sid_parse(rows[i].text, "CA", &sid), rows[i].valid);
		assert_int_equal(sid_is_set(sid), rows[i].valid);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_what_it_reads), cmocka_unit_test(makes_each_once),
		cmocka_unit_test(legs_share_the_stem), cmocka_unit_test(refuses_impossible_legs),
		cmocka_unit_test(reads_strictly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
