/* test_clock.c - time in words. */
#include "common/base/arena.h"
#include "common/base/clock.h"
#include "tests/unit/unit.h"

static void writes_both_forms(void **state)
{
	static const struct {
		uint64_t wall_ms;
		const char *rfc3339, *rfc2822;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 +0000" },
		{ 951782399999, "2000-02-28T23:59:59.999Z", "Mon, 28 Feb 2000 23:59:59 +0000" },
		{ 951827696001, "2000-02-29T12:34:56.001Z", "Tue, 29 Feb 2000 12:34:56 +0000" },
		{ 1795328248123, "2026-11-22T06:17:28.123Z", "Sun, 22 Nov 2026 06:17:28 +0000" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 +0000" },
		{ UINT64_MAX, "9999-12-31T23:59:59.999Z", "Fri, 31 Dec 9999 23:59:59 +0000" },
	};
	struct arena *arena = arena_new(10000);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[CLOCK_RFC3339_SIZE];

		clock_rfc3339_put(text, rows[i].wall_ms);
		assert_string_equal(text, rows[i].rfc3339);
		assert_str_equal(clock_rfc3339(arena, rows[i].wall_ms), rows[i].rfc3339);
		assert_str_equal(clock_rfc2822(arena, rows[i].wall_ms), rows[i].rfc2822);
	}
	arena_free(arena);
}

static void reads_what_it_writes_and_any_offset(void **state)
{
	static const struct {
		const char *text;
		uint64_t wall_ms;
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2000-02-28T23:59:59.999Z", 951782399999 },
		{ "2000-02-29t12:34:56.001z", 951827696001 },
		{ "2026-11-22T06:17:28.123Z", 1795328248123 },
		{ "2026-11-22T06:17:28.123999Z", 1795328248123 },
		{ "2026-11-22T06:17:28.1Z", 1795328248100 },
		{ "2026-11-22T08:02:28.123+01:45", 1795328248123 },
		{ "2026-11-21T23:17:28.123-07:00", 1795328248123 },
		{ "9999-12-31T23:59:59.999Z", 253402300799999 },
		{ "2016-12-31T23:59:60Z", 1483228800000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t ms = 1;

		assert_true(clock_rfc3339_parse(str_of(rows[i].text), &ms));
		assert_int_equal(ms, rows[i].wall_ms);
	}
	for (uint64_t ms = 0; ms < 253402300799999; ms += UINT64_C(86399123) * 1009) {
		char text[CLOCK_RFC3339_SIZE];
		uint64_t back = 1;

		clock_rfc3339_put(text, ms);
		assert_true(clock_rfc3339_parse(str_of(text), &back));
		assert_int_equal(back, ms);
	}
}

static void refuses_what_is_no_time(void **state)
{
	static const char *const wrong[] = {
		"",
		"2026",
		"2026-11-22",
		"2026-11-22T06:17Z",
		"2026-11-22T06:17:28",
		"2026-11-22 06:17:28Z",
		"2026-13-22T06:17:28Z",
		"2026-00-22T06:17:28Z",
		"2026-11-31T06:17:28Z",
		"2025-02-29T06:17:28Z",
		"2026-11-00T06:17:28Z",
		"2026-11-22T24:17:28Z",
		"2026-11-22T06:60:28Z",
		"2026-11-22T06:17:61Z",
		"2026-11-22T06:17:28.Z",
		"2026-11-22T06:17:28ZZ",
		"2026-11-22T06:17:28+1:00",
		"2026-11-22T06:17:28+01:60",
		"2026-11-22T06:17:28+24:00",
		"2026-11-22T06:17:28+01:0",
		"2026-11-22T06:17:28*01:00",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01",
		"tomorrow",
		"-026-11-22T06:17:28Z",
		"2026-11-22T06:17:2Z",
		"2026-11-22T06:17:+8Z",
	};
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		if (clock_rfc3339_parse(str_of(wrong[i]), &ms))
			fail_msg("%s was taken", wrong[i]);
	}
}

static void clocks_run(void **state)
{
	const uint64_t start = clock_mono_ms();

	(void)state;
	while (clock_mono_ms() == start)
		continue;
	assert_in_range(clock_mono_ms() - start, 1, 60000);
	assert_true(clock_boot_ms() >= start);
	assert_in_range(clock_wall_ms(), UINT64_C(1700000000000), UINT64_C(253402300799999));
	assert_in_range(clock_wall_ms() / 1000 - clock_wall_s() + 1, 0, 1);
}

static void reads_the_times_of_http(void **state)
{
	static const struct {
		const char *text;
		uint64_t wall_s;
	} rows[] = {
		{ "Sun, 22 Nov 2026 06:17:28 GMT", 1795328248 },
		{ " Sun, 22-Nov-2026 06:17:28 GMT ", 1795328248 },
		{ "Sun, 22-Nov-26 06:17:28 GMT", 1795328248 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "Mon, 01 Jan 1900 00:00:00 GMT", 0 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
	};
	static const char *const none[] = { "",
					    "0",
					    "tomorrow",
					    "2026-11-22T06:17:28Z",
					    "Sun, 22 Nov 2026 06:17:28 GMT, and later",
					    "Sun, 22 Nov 2026 26:17:28 GMT",
					    "Sun, 22 Nov 2026 06:17:28 +0100" };
	uint64_t wall_s = 1;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(clock_http_parse(str_of(rows[i].text), &wall_s));
		assert_int_equal(wall_s, rows[i].wall_s);
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_false(clock_http_parse(str_of(none[i]), &wall_s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_both_forms),
		cmocka_unit_test(reads_what_it_writes_and_any_offset),
		cmocka_unit_test(refuses_what_is_no_time),
		cmocka_unit_test(reads_the_times_of_http),
		cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
