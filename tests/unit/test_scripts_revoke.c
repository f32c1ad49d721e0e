/* test_scripts_revoke.c - leases_revoke: who loses what, in several steps, and who is left alone. */
#include "tests/unit/presence_records.h"

#define TERM  "\1t=one"
#define INDEX "i:{p0}:" AC ":a:" TERM
#define EVER  "9007199254740991"

static const char *client_of(struct store *store, int n)
{
	return text_of(store, "c:{p0}:" AC ":client%d", n);
}

/* A lease with that term; returns its registration. */
static const char *lease(struct store *store, const char *client, const char *dv, const char *term)
{
	return text(item(RUN(store, DEVICE_PUT, client, dv, "new", "", "", "available", VOICE, "{}", LONG,
			     LONG, "", term),
			 0));
}

static const char *end_all(struct store *store, const char *until_us, const char *most)
{
	const char *after = "";
	int64_t ended = 0, runs = 0;

	do {
		const struct answer answer =
			RUN(store, LEASES_REVOKE, INDEX, AC, TERM, after, until_us, most);

		ended += number(item(answer, 0));
		after = text(item(answer, 1));
		runs++;
	} while (*after);
	return text_of(store, "%lld ended in %lld steps", (long long)ended, (long long)runs);
}

static void test_what_is_listed_goes_some_at_a_time(void **state)
{
	struct store *store = *state;

	for (int i = 0; i < 7; i++)
		lease(store, client_of(store, i), DV1, TERM);
	lease(store, client_of(store, 3), DV2, TERM);
	assert_string_equal(end_all(store, EVER, "3"), "8 ended in 3 steps");
	assert_answer(store, DO(store, "EXISTS", INDEX), "0");
	assert_answer(store, DO(store, "ZCARD", DUE), "7"); /* nobody is there: they are forgotten in time */
	assert_string_equal(end_all(store, EVER, "3"), "0 ended in 1 steps");
}

static void test_no_step_ends_much_more_than_a_hundred(void **state)
{
	struct store *store = *state;

	for (int i = 0; i < 5; i++) {
		for (int k = 0; k < 40; k++)
			lease(store, client_of(store, i), text_of(store, "DV%032d", k), TERM);
	}
	assert_string_equal(end_all(store, EVER, "100"), "200 ended in 2 steps");
}

static void test_other_devices_of_its_clients_stay(void **state)
{
	struct store *store = *state;

	lease(store, CLIENT, DV1, TERM);
	lease(store, CLIENT, DV2, "\1t=other");
	put_on_channel(store, DV3, ND1, "available", VOICE);
	assert_string_equal(end_all(store, EVER, "3"), "1 ended in 1 steps");
	assert_presence(store, "available ringable 1 media 1 devices 2");
	assert_answer(store, DO(store, "ZRANGE", "i:{p0}:" AC ":a:\1t=other", "0", "-1"), "[alice]");
}

static void test_who_has_registered_since_stays(void **state)
{
	struct store *store = *state;
	const char *before = lease(store, CLIENT, DV1, TERM);

	lease(store, CLIENT, DV2, TERM);
	assert_string_equal(end_all(store, before, "3"), "1 ended in 1 steps");
	assert_true(DO(store, "HGET", CLIENT, "d" DV1).nil);
	assert_false(DO(store, "HGET", CLIENT, "d" DV2).nil);
	assert_answer(store, DO(store, "ZRANGE", INDEX, "0", "-1"), "[alice]");
}

static void test_of_one_client_every_lease_goes(void **state)
{
	struct store *store = *state;

	lease(store, CLIENT, DV1, TERM);
	lease(store, CLIENT, DV2, "\1t=other");
	put_on_channel(store, DV3, ND1, "available", VOICE);
	assert_answer(store, RUN(store, LEASES_REVOKE, CLIENT, AC, "", "", EVER, "3"), "[2,]");
	assert_presence(store, "available ringable 1 media 1 devices 1");
	assert_answer(store, RUN(store, LEASES_REVOKE, "c:{p0}:" AC ":nobody", AC, "", "", EVER, "3"),
		      "[0,]");
	assert_answer(store, DO(store, "EXISTS", "c:{p0}:" AC ":nobody"), "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_what_is_listed_goes_some_at_a_time),
		STORE_TEST(test_no_step_ends_much_more_than_a_hundred),
		STORE_TEST(test_other_devices_of_its_clients_stay),
		STORE_TEST(test_who_has_registered_since_stays),
		STORE_TEST(test_of_one_client_every_lease_goes),
	};

	return cmocka_run_group_tests(tests, store_group_set_up, store_group_tear_down);
}
