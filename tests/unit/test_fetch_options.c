/* test_fetch_options.c - connection overrides in a URL's fragment. */
#include "tests/unit/unit.h"

#include "routing-svc/fetch_options.h"

static const struct settings settings = { .fetch_connect_ms = 5000, .fetch_total_ms = 12000 };

static struct fetch_options options_of(const char *fragment)
{
	struct fetch_options options;

	fetch_options_read(str_of(fragment), &settings, &options);
	return options;
}

static void test_reads_numbers_into_their_ranges(void **state)
{
	static const struct {
		const char *fragment;
		unsigned connect_ms, read_ms, total_ms, repeats;
	} rows[] = {
		{ NULL, 5000, 0, 12000, 1 },
		{ "", 5000, 0, 12000, 1 },
		{ "section-2", 5000, 0, 12000, 1 },
		{ "ct=1000", 1000, 0, 12000, 1 },
		{ "ct=1", 100, 0, 12000, 1 },
		{ "ct=99999", 10000, 0, 12000, 1 },
		{ "rt=2500", 5000, 2500, 12000, 1 },
		{ "rt=0", 5000, 100, 12000, 1 },
		{ "rt=18446744073709551615", 5000, 15000, 12000, 1 },
		{ "tt=800", 5000, 0, 800, 1 },
		{ "tt=1", 5000, 0, 100, 1 },
		{ "tt=15000", 5000, 0, 12000, 1 }, /* the operator's word */
		{ "rc=0", 5000, 0, 12000, 0 },
		{ "rc=5", 5000, 0, 12000, 5 },
		{ "rc=9", 5000, 0, 12000, 5 },
		{ "ct=300&rt=400&tt=900&rc=3", 300, 400, 900, 3 },
		{ "&&rc=2&e=ashburn&sni=y&x", 5000, 0, 12000, 2 },
		{ "rc=2&rc=3", 5000, 0, 12000, 3 },
		{ "RC=2", 5000, 0, 12000, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct fetch_options options = options_of(rows[i].fragment);

		assert_int_equal(options.connect_ms, rows[i].connect_ms);
		assert_int_equal(options.read_ms, rows[i].read_ms);
		assert_int_equal(options.total_ms, rows[i].total_ms);
		assert_int_equal(options.repeats, rows[i].repeats);
		assert_int_equal(options.repeat_after, REPEAT_CT);
		assert_true(str_is_null(options.misread));
	}
}

static void test_reads_what_is_repeated_after(void **state)
{
	static const struct {
		const char *fragment;
		unsigned after;
	} rows[] = {
		{ "rp=4xx", REPEAT_4XX },
		{ "rp=5xx", REPEAT_5XX },
		{ "rp=ct", REPEAT_CT },
		{ "rp=rt", REPEAT_RT },
		{ "rp=5xx,rt", REPEAT_5XX | REPEAT_RT },
		{ "rp=all", REPEAT_4XX | REPEAT_5XX | REPEAT_CT | REPEAT_RT },
		{ "rp=4xx&rp=5xx", REPEAT_5XX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(options_of(rows[i].fragment).repeat_after, rows[i].after);
}

static void test_tells_what_says_nothing(void **state)
{
	static const char *const rows[][2] = {
		{ "rc=many", "rc=many" }, { "rc=", "rc=" },
		{ "rc=-1", "rc=-1" },	  { "rc=2,rt=500", "rc=2,rt=500" },
		{ "rp=6xx", "rp=6xx" },	  { "rp=", "rp=" },
		{ "rp=ct,", "rp=ct," },	  { "tt=100&ct=1s", "ct=1s" },
		{ "rt=x&rc=y", "rt=x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct fetch_options options = options_of(rows[i][0]);

		assert_str_equal(options.misread, rows[i][1]);
		assert_int_equal(options.repeats, 1);
		assert_int_equal(options.repeat_after, REPEAT_CT);
		assert_int_equal(options.connect_ms, 5000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_numbers_into_their_ranges),
		cmocka_unit_test(test_reads_what_is_repeated_after),
		cmocka_unit_test(test_tells_what_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
