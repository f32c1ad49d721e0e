/* test_limits.c - who may ask how often, and how many channels an account has. */
#include "common/base/clock.h"
#include "common/model/limits.h"
#include "common/model/settings.h"
#include "tests/unit/unit.h"

static struct settings settings = {
	.limit_address_per_s = 5,
	.limit_failures_per_s = 1,
	.limit_account_per_s = 10,
	.limit_identity_per_s = 2,
	.limit_burst_s = 2,
	.limit_account_channels = 3,
};

static const struct str AC1 = { "AC00000000000000000000000000000001", 34 };
static const struct str AC2 = { "AC00000000000000000000000000000002", 34 };

static int make(void **state)
{
	*state = limits_new(&settings);
	return 0;
}

static int end(void **state)
{
	limits_free(*state);
	return 0;
}

static unsigned taken(struct limits *limits, enum limit limit, struct str who, struct str identity)
{
	unsigned n = 0;

	while (n < 1000 && limits_take(limits, limit, who, identity) == 0)
		n++;
	return n;
}

/* The clock runs on while a test does. */
#define assert_about(actual, n) assert_in_range(actual, n, (n) + 2)

static void each_kind_and_each_name_counts_for_itself(void **state)
{
	assert_about(taken(*state, LIMIT_ADDRESS, STR("192.0.2.1"), STR_NULL), 10);
	assert_about(taken(*state, LIMIT_ADDRESS, STR("192.0.2.2"), STR_NULL), 10);
	assert_about(taken(*state, LIMIT_FAILURES, STR("192.0.2.1"), STR_NULL), 2);
	assert_about(taken(*state, LIMIT_ACCOUNT, AC1, STR_NULL), 20);
	assert_about(taken(*state, LIMIT_ACCOUNT, AC2, STR_NULL), 20);
	assert_about(taken(*state, LIMIT_IDENTITY, AC1, STR("alice")), 4);
	assert_about(taken(*state, LIMIT_IDENTITY, AC1, STR("alicf")), 4);
	assert_about(taken(*state, LIMIT_IDENTITY, AC2, STR("alice")), 4);
}

static void an_ipv6_network_is_one_address(void **state)
{
	assert_about(taken(*state, LIMIT_ADDRESS, STR("2001:db8:1:2::1"), STR_NULL), 10);
	assert_int_not_equal(limits_take(*state, LIMIT_ADDRESS, STR("2001:db8:1:2:ffff::9"), STR_NULL), 0);
	assert_about(taken(*state, LIMIT_ADDRESS, STR("2001:db8:1:3::1"), STR_NULL), 10);
	assert_about(taken(*state, LIMIT_ADDRESS, STR("::ffff:192.0.2.1"), STR_NULL), 10);
	assert_about(taken(*state, LIMIT_ADDRESS, STR("::ffff:192.0.2.2"), STR_NULL), 10);
}

static void looking_counts_nothing_and_the_wait_is_true(void **state)
{
	uint64_t wait_ms, until;

	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(limits_wait_ms(*state, LIMIT_IDENTITY, AC1, STR("bob")), 0);
	taken(*state, LIMIT_IDENTITY, AC1, STR("bob"));
	wait_ms = limits_wait_ms(*state, LIMIT_IDENTITY, AC1, STR("bob"));
	assert_in_range(wait_ms, 1, 500);
	until = clock_mono_ms() + wait_ms;
	while (clock_mono_ms() < until)
		continue;
	assert_int_equal(limits_take(*state, LIMIT_IDENTITY, AC1, STR("bob")), 0);
}

static void who_is_silent_longest_is_forgotten_when_the_table_is_full(void **state)
{
	char name[16];

	taken(*state, LIMIT_FAILURES, STR("old"), STR_NULL);
	taken(*state, LIMIT_FAILURES, STR("fresh"), STR_NULL);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%u", i);
		(void)limits_take(*state, LIMIT_FAILURES, str_of(name), STR_NULL);
		if (i % 1000 == 0)
			(void)limits_take(*state, LIMIT_FAILURES, STR("fresh"), STR_NULL);
	}
	assert_int_equal(limits_wait_ms(*state, LIMIT_FAILURES, STR("old"), STR_NULL), 0);
	assert_int_not_equal(limits_wait_ms(*state, LIMIT_FAILURES, STR("fresh"), STR_NULL), 0);
}

static void an_account_holds_so_many_channels(void **state)
{
	struct sid first, second;

	assert_true(sid_parse(AC1, "AC", &first));
	assert_true(sid_parse(AC2, "AC", &second));
	for (unsigned i = 0; i < 3; i++)
		assert_true(limits_hold(*state, first));
	assert_false(limits_hold(*state, first));
	assert_true(limits_hold(*state, second));
	limits_let_go(*state, first);
	assert_true(limits_hold(*state, first));
	for (unsigned i = 0; i < 3; i++)
		limits_let_go(*state, first);
	limits_let_go(*state, second);
	for (unsigned i = 0; i < 3; i++)
		assert_true(limits_hold(*state, first));
}

static void none_is_no_limit(void **state)
{
	const struct settings off = { .limit_burst_s = 2 };
	struct limits *limits = limits_new(&off);
	struct sid account;

	(void)state;
	assert_true(sid_parse(AC1, "AC", &account));
	assert_int_equal(taken(limits, LIMIT_ADDRESS, STR("192.0.2.1"), STR_NULL), 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(limits_hold(limits, account));
	limits_free(limits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_kind_and_each_name_counts_for_itself, make, end),
		cmocka_unit_test_setup_teardown(an_ipv6_network_is_one_address, make, end),
		cmocka_unit_test_setup_teardown(looking_counts_nothing_and_the_wait_is_true, make, end),
		cmocka_unit_test_setup_teardown(who_is_silent_longest_is_forgotten_when_the_table_is_full,
						make, end),
		cmocka_unit_test_setup_teardown(an_account_holds_so_many_channels, make, end),
		cmocka_unit_test(none_is_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
