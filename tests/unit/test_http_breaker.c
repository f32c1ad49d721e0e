/* test_http_breaker.c - who failed again and again is left alone, tried once, and forgiven. */
#include "tests/unit/unit.h"

#include "common/io/http_breaker.h"

enum { AFTER = 3, OPEN_MS = 1000 };
#define HOST STR("AC1 a.example:443")

static void fail_times(struct http_breaker *breaker, struct str name, unsigned times, uint64_t now_ms)
{
	for (unsigned i = 0; i < times; i++)
		http_breaker_report(breaker, name, now_ms, false);
}

static void test_it_opens_after_failures_in_a_row_only(void **state)
{
	struct http_breaker *breaker = http_breaker_new(AFTER, OPEN_MS, 10);

	(void)state;
	assert_true(http_breaker_admits(breaker, HOST, 0));
	fail_times(breaker, HOST, AFTER - 1, 0);
	assert_true(http_breaker_admits(breaker, HOST, 0));
	http_breaker_report(breaker, HOST, 0, true);
	fail_times(breaker, HOST, AFTER - 1, 0);
	assert_false(http_breaker_is_open(breaker, HOST, 0));
	fail_times(breaker, HOST, 1, 0);
	assert_true(http_breaker_is_open(breaker, HOST, 0));
	assert_false(http_breaker_admits(breaker, HOST, OPEN_MS - 1));
	assert_true(http_breaker_admits(breaker, STR("AC1 b.example:443"), 0));
	assert_true(http_breaker_admits(breaker, STR("AC2 a.example:443"), 0));
	assert_null(http_breaker_free(breaker));
}

static void test_half_open_one_may_try(void **state)
{
	struct http_breaker *breaker = http_breaker_new(AFTER, OPEN_MS, 10);

	(void)state;
	fail_times(breaker, HOST, AFTER, 0);
	assert_false(http_breaker_is_open(breaker, HOST, OPEN_MS));
	assert_true(http_breaker_admits(breaker, HOST, OPEN_MS));
	assert_false(http_breaker_admits(breaker, HOST, OPEN_MS));
	assert_true(http_breaker_is_open(breaker, HOST, OPEN_MS));

	/* its failure opens anew, without counting to three */
	http_breaker_report(breaker, HOST, OPEN_MS + 500, false);
	assert_false(http_breaker_admits(breaker, HOST, 2 * OPEN_MS + 499));
	assert_true(http_breaker_admits(breaker, HOST, 2 * OPEN_MS + 500));

	/* its success closes */
	http_breaker_report(breaker, HOST, 2 * OPEN_MS + 600, true);
	fail_times(breaker, HOST, AFTER - 1, 2 * OPEN_MS + 600);
	assert_true(http_breaker_admits(breaker, HOST, 2 * OPEN_MS + 600));
	http_breaker_free(breaker);
}

/* Whoever was cancelled reports nothing: the next may try. */
static void test_a_try_that_never_reports_does_not_keep_it_closed(void **state)
{
	struct http_breaker *breaker = http_breaker_new(AFTER, OPEN_MS, 10);

	(void)state;
	fail_times(breaker, HOST, AFTER, 0);
	assert_true(http_breaker_admits(breaker, HOST, OPEN_MS));
	assert_false(http_breaker_admits(breaker, HOST, 2 * OPEN_MS - 1));
	assert_true(http_breaker_admits(breaker, HOST, 2 * OPEN_MS));
	http_breaker_free(breaker);
}

static void test_the_table_is_bounded(void **state)
{
	struct http_breaker *breaker = http_breaker_new(1, OPEN_MS, 2);

	(void)state;
	fail_times(breaker, STR("a"), 1, 0);
	fail_times(breaker, STR("b"), 1, 0);
	fail_times(breaker, STR("a"), 1, 0);
	fail_times(breaker, STR("c"), 1, 0);
	assert_true(http_breaker_is_open(breaker, STR("a"), 0));
	assert_false(http_breaker_is_open(breaker, STR("b"), 0));
	assert_true(http_breaker_is_open(breaker, STR("c"), 0));
	http_breaker_free(breaker);
}

static void test_zero_never_opens(void **state)
{
	struct http_breaker *breaker = http_breaker_new(0, OPEN_MS, 2);

	(void)state;
	fail_times(breaker, HOST, 100, 0);
	assert_true(http_breaker_admits(breaker, HOST, 0));
	http_breaker_free(breaker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_opens_after_failures_in_a_row_only),
		cmocka_unit_test(test_half_open_one_may_try),
		cmocka_unit_test(test_a_try_that_never_reports_does_not_keep_it_closed),
		cmocka_unit_test(test_the_table_is_bounded),
		cmocka_unit_test(test_zero_never_opens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
