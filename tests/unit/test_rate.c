/* test_rate.c - as many as the rate and the burst permit, and not one more. */
#include "common/base/rate.h"
#include "tests/unit/unit.h"

#define SECOND UINT64_C(1000000)

static unsigned taken(const struct rate *rate, uint64_t *state, uint64_t now_us, unsigned tries)
{
	unsigned n = 0;
	uint64_t wait;

	for (unsigned i = 0; i < tries; i++)
		n += rate_take(rate, state, now_us, &wait);
	return n;
}

static void a_burst_and_then_the_rate(void **state)
{
	const struct rate rate = { .per_s = 100, .burst = 20 };
	uint64_t bucket = 0;

	(void)state;
	assert_int_equal(taken(&rate, &bucket, 5 * SECOND, 1000), 20);
	assert_int_equal(taken(&rate, &bucket, 5 * SECOND + 9999, 1000), 0);
	assert_int_equal(taken(&rate, &bucket, 5 * SECOND + 10000, 1000), 1);
	assert_int_equal(taken(&rate, &bucket, 5 * SECOND + SECOND / 10, 1000), 9);
	assert_int_equal(taken(&rate, &bucket, 9 * SECOND, 1000), 20);
}

static void the_wait_is_exactly_as_long_as_told(void **state)
{
	const struct rate rate = { .per_s = 3, .burst = 1 };
	uint64_t bucket = 0, wait;

	(void)state;
	assert_true(rate_take(&rate, &bucket, SECOND, &wait));
	assert_int_equal(wait, 0);
	assert_false(rate_take(&rate, &bucket, SECOND, &wait));
	assert_int_equal(wait, 333334);
	assert_int_equal(rate_wait_us(&rate, bucket, SECOND), wait);
	assert_false(rate_take(&rate, &bucket, SECOND + 333333, &wait));
	assert_true(rate_take(&rate, &bucket, SECOND + 333334, &wait));
}

static void over_a_long_time_the_rate_holds(void **state)
{
	static const uint64_t rates[] = { 1, 7, 999, 1000, 5000, 123457, 3000000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		const struct rate rate = { .per_s = rates[i], .burst = 1 };
		uint64_t bucket = 0, wait, now = SECOND;
		unsigned n = 0;

		for (; n < 1000; n++) {
			while (!rate_take(&rate, &bucket, now, &wait))
				now += wait;
		}
		assert_in_range(now - SECOND, 999 * SECOND / rates[i] * 99 / 100,
				999 * SECOND / rates[i] + n);
	}
}

static void turns_are_booked_one_after_the_other(void **state)
{
	const struct rate rate = { .per_s = 1000, .burst = 2 };
	uint64_t bucket = 0, wait;

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		assert_true(rate_book(&rate, &bucket, SECOND, 10000, &wait));
		assert_int_equal(wait, i < 2 ? 0 : (i - 1) * 1000);
	}
	assert_false(rate_book(&rate, &bucket, SECOND, 10000, &wait));
	assert_int_equal(wait, 11000);
	assert_true(rate_book(&rate, &bucket, SECOND + 1000, 10000, &wait));
	assert_int_equal(wait, 10000);
}

static void none_is_no_limit_and_the_edges_hold(void **state)
{
	const struct rate none = { .burst = 1 }, no_burst = { .per_s = 1 };
	const struct rate huge = { .per_s = 1, .burst = UINT64_MAX };
	uint64_t bucket = 0;

	(void)state;
	assert_int_equal(taken(&none, &bucket, 0, 1000), 1000);
	assert_int_equal(bucket, 0);
	assert_int_equal(rate_wait_us(&none, UINT64_MAX, 0), 0);
	assert_int_equal(taken(&no_burst, &bucket, SECOND, 10), 1);
	bucket = 0;
	assert_int_equal(taken(&huge, &bucket, SECOND, 1000), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_and_then_the_rate),
		cmocka_unit_test(the_wait_is_exactly_as_long_as_told),
		cmocka_unit_test(over_a_long_time_the_rate_holds),
		cmocka_unit_test(turns_are_booked_one_after_the_other),
		cmocka_unit_test(none_is_no_limit_and_the_edges_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
