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

static void clocks_run(void **state)
{
	const uint64_t start = clock_mono_ms();

	(void)state;
	while (clock_mono_ms() == start)
		continue;
	assert_in_range(clock_mono_ms() - start, 1, 60000);
	assert_in_range(clock_wall_ms(), UINT64_C(1700000000000), UINT64_C(253402300799999));
	assert_in_range(clock_wall_ms() / 1000 - clock_wall_s() + 1, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_both_forms),
		cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
