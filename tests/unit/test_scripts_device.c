/* test_scripts_device.c - registrations: device_put, device_remove, devices_reap and the leases of partition_sweep. */
#include "tests/unit/presence_records.h"

static void test_a_registration_is_stored_and_consolidated(void **state)
{
	struct store *store = *state;
	const struct answer put = put_on_channel(store, DV1, ND1, "available", "3");
	const char *reg = text(item(put, 0));
	const char *now = text(item(put, 3));

	assert_string_equal(field(store, CLIENT, "d" DV1),
			    text_of(store, "%s|c|" ND1 ".0|available|3|0|%s|0", reg, now));
	assert_string_equal(field(store, DEVICES_OF_ALICE, DV1), "{\"app\":\"default\"}");
	assert_presence(store, "available ringable 3 media 3 devices 1");
	assert_int_equal(number(item(put, 1)), line_number(store, LINE_VERSION));
	assert_true(number(item(put, 3)) <= line_number(store, LINE_SINCE));
	assert_string_equal(text(item(put, 2)), "0");
	assert_string_equal(text(item(put, 4)), "");
	assert_answer(store, DO(store, "SMEMBERS", "n:{p0}:" ND1), "[" ALICE "|" DV1 "]");
	assert_lives(store, "[" CLIENT ",n:{p0}:" ND1 "]");
}

static void test_an_update_keeps_what_it_does_not_name(void **state)
{
	struct store *store = *state;
	const char *reg = text(item(put_on_channel(store, DV1, ND1, "available", VOICE), 0));
	const int64_t version = line_number(store, LINE_VERSION);
	const char *before = field(store, CLIENT, "d" DV1);

	assert_int_equal(number(item(update(store, DV1, reg, "", "", ""), 1)), version);
	assert_string_equal(field(store, CLIENT, "d" DV1), before);
	assert_string_equal(field(store, DEVICES_OF_ALICE, DV1), "{\"app\":\"default\"}");

	update(store, DV1, reg, "", VIDEO, "{\"app\":\"other\"}");
	assert_string_equal(field(store, DEVICES_OF_ALICE, DV1), "{\"app\":\"other\"}");
	assert_presence(store, "available ringable 2 media 2 devices 1");

	assert_true(number(item(update(store, DV1, reg, "busy", "", ""), 1)) > version);
	assert_presence(store, "busy ringable 0 media 2 devices 1");
}

static void test_only_a_new_status_moves_since(void **state)
{
	struct store *store = *state;
	const char *reg = text(item(put_on_channel(store, DV1, ND1, "available", VOICE), 0));
	const int64_t since = line_number(store, LINE_SINCE);
	int64_t now_ms;

	do
		now_ms = store_now_us(store) / 1000;
	while (now_ms <= since);
	update(store, DV1, reg, "", VIDEO, "");
	assert_int_equal(line_number(store, LINE_SINCE), since);
	assert_true(line_number(store, LINE_SEEN) >= now_ms);
	update(store, DV1, reg, "away", "", "");
	assert_true(line_number(store, LINE_SINCE) >= now_ms);
}

static void test_a_stale_registration_changes_nothing(void **state)
{
	struct store *store = *state;
	const char *old = text(item(put_on_channel(store, DV1, ND1, "available", VOICE), 0));
	const char *before;

	put_on_channel(store, DV1, ND2, "away", VOICE);
	before = line_of(store, DO(store, "HGETALL", CLIENT));
	assert_answer(store, update(store, DV1, old, "dnd", "", "{}"), "[-1,NO_SUCH_DEVICE]");
	assert_answer(store, remove_device(store, DV1, old), "[0]");
	assert_answer(store, update(store, DV2, old, "dnd", "", "{}"), "[-1,NO_SUCH_DEVICE]");
	assert_answer(store, remove_held(store, DV2, ND2), "[0]");
	assert_answer(store, remove_held(store, DV1, ND1), "[0]");
	assert_string_equal(line_of(store, DO(store, "HGETALL", CLIENT)), before);
}

/* However quickly a device comes and goes: what was said of an earlier registration is not true of this one. */
static void test_registrations_are_never_the_same(void **state)
{
	struct store *store = *state;
	int64_t last = 0;

	for (int i = 0; i < 300; i++) {
		const int64_t reg = number(item(put_on_channel(store, DV1, ND1, "available", VOICE), 0));

		if (reg <= last)
			fail_msg("registration %lld after %lld", (long long)reg, (long long)last);
		last = reg;
		if (i % 3)
			remove_held(store, DV1, ND1);
	}
}

static void test_a_device_that_moved_survives_the_reaping_of_its_old_node(void **state)
{
	struct store *store = *state;

	put_on_channel(store, DV1, ND1, "available", VOICE);
	put_on_channel(store, DV2, ND1, "available", VOICE);
	put_on_channel(store, DV1, ND2, "available", VOICE);
	put_by_lease(store, DV3, LONG);
	/* even if the old node's set still names it */
	DO(store, "SADD", "n:{p0}:" ND1, ALICE "|" DV1, ALICE "|" DV3, AC "|nobody|" DV1);

	assert_answer(store, reap(store, ND1), "[0,[" ALICE "|" DV2 ",]]");
	assert_answer(store, reap(store, ND1), "[0]");
	assert_presence(store, "available ringable 1 media 1 devices 2");
	assert_answer(store, DO(store, "SMEMBERS", "n:{p0}:" ND2), "[" ALICE "|" DV1 "]");
	assert_lives(store, "[" DUE "," CLIENT ",n:{p0}:" ND2 "]");
}

static void test_reaping_goes_on_where_it_stopped(void **state)
{
	struct store *store = *state;
	int left = 7;

	for (int i = 0; i < left; i++)
		put_on_channel(store, text_of(store, "DV%032d", i), ND1, "available", VOICE);
	while (left > 0) {
		const struct answer reaped = RUN(store, DEVICES_REAP, "n:{p0}:" ND1, left > 3 ? "3" : "50");

		assert_int_equal(number(item(reaped, 0)), MAX(left - 3, 0));
		assert_int_equal(reaped.n - 1, MIN(left, 3));
		left -= 3;
	}
	assert_presence(store, "offline ringable 0 media 0 devices 0");
	assert_lives(store, "[" DUE "," CLIENT "]");
}

static void test_fifty_devices_are_the_most(void **state)
{
	struct store *store = *state;

	for (int i = 0; i < 50; i++)
		put_on_channel(store, text_of(store, "DV%032d", 100 + i), ND1, "available", VOICE);
	assert_answer(store, put_on_channel(store, DV1, ND1, "available", VOICE), "[-1,TOO_MANY_REQUESTS]");
	assert_true(number(item(put_on_channel(store, text_of(store, "DV%032d", 120), ND2, "away", VOICE),
				0)) > 0);
	remove_held(store, text_of(store, "DV%032d", 100), ND1);
	assert_true(number(item(put_on_channel(store, DV1, ND1, "available", VOICE), 0)) > 0);
	assert_presence(store, "available ringable 1 media 1 devices 50");
}

static void test_a_lease_ends_unless_it_is_renewed(void **state)
{
	struct store *store = *state;
	const char *reg;

	put_by_lease(store, DV1, "0");
	reg = text(item(put_by_lease(store, DV2, "0"), 0));
	assert_presence(store, "available ringable 0 media 1 devices 2");
	assert_true(number(item(heartbeat(store, DV2, reg, LONG, LONG), 2)) >
		    store_now_us(store) / 1000 + LONG_MS - 10000);
	assert_sweep(store, sweep(store), "[1]");
	assert_sweep(store, sweep(store), "[0]");
	assert_presence(store, "available ringable 0 media 1 devices 1");
	assert_answer(store, DO(store, "ZRANGE", DUE, "0", "-1"), "[l|" ALICE "|" DV2 "]");
}

static void test_a_heartbeat_that_changes_nothing_keeps_the_version(void **state)
{
	struct store *store = *state;
	const char *reg = text(item(put_by_lease(store, DV1, LONG), 0));
	const int64_t version = line_number(store, LINE_VERSION);

	for (int i = 0; i < 3; i++)
		assert_int_equal(number(item(heartbeat(store, DV1, reg, "", LONG), 1)), version);
}

static void test_a_lease_that_became_a_channel_is_not_swept(void **state)
{
	struct store *store = *state;

	put_by_lease(store, DV1, "0");
	put_on_channel(store, DV1, ND1, "available", VOICE);
	assert_sweep(store, sweep(store), "[0]");
	assert_presence(store, "available ringable 1 media 1 devices 1");
	/* nor does an entry without a device stay for ever, nor one that is not over yet come back at once */
	put_by_lease(store, DV2, LONG);
	DO(store, "ZADD", DUE, "1", "l|" ALICE "|" DV1, "1", "l|" ALICE "|" DV2, "1", "l|" ALICE "|" DV3);
	assert_sweep(store, sweep(store), "[0]");
	assert_answer(store, DO(store, "ZCOUNT", DUE, "-inf", "1"), "0");
	assert_answer(store, DO(store, "ZRANGE", DUE, "0", "-1"), "[l|" ALICE "|" DV2 "]");
}

static void test_a_sweep_takes_no_more_than_its_limit(void **state)
{
	struct store *store = *state;

	for (int i = 0; i < 5; i++)
		put_by_lease(store, text_of(store, "DV%032d", i), "0");
	assert_sweep(store, sweep_some(store, "2", LONG), "[2]");
	assert_sweep(store, sweep_some(store, "2", LONG), "[2]");
	assert_sweep(store, sweep_some(store, "2", LONG), "[1]");
	assert_lives(store, "[" DUE "," CLIENT "]");
}

/* When Redis stood still, the heartbeats stood still with it: they come first. */
static void test_a_sweep_that_had_to_wait_spares_the_leases(void **state)
{
	struct store *store = *state;
	const char *long_ago = text_of(store, "%lld", (long long)store_now_us(store) / 1000 - 1500);

	put_by_lease(store, DV1, "0");
	assert_sweep(store, RUN(store, PARTITION_SWEEP, DUE, "100", LONG, ""), "[0]");
	assert_sweep(store, RUN(store, PARTITION_SWEEP, DUE, "100", LONG, long_ago), "[0]");
	assert_presence(store, "available ringable 0 media 1 devices 1");
	while (number(DO(store, "ZCOUNT", DUE, "-inf",
			 text_of(store, "%lld", (long long)store_now_us(store) / 1000))) == 0)
		;
	assert_sweep(store, sweep(store), "[1]");
}

static void test_a_heartbeat_asks_for_as_long_as_the_last_time(void **state)
{
	struct store *store = *state;
	const char *reg = text(item(put_by_lease(store, DV1, "50000"), 0));
	struct answer beat = heartbeat(store, DV1, reg, "", LONG);

	assert_int_equal(number(item(beat, 2)), number(item(beat, 3)) + 50000);
	beat = heartbeat(store, DV1, reg, "", "20000"); /* no longer than the token lasts */
	assert_int_equal(number(item(beat, 2)), number(item(beat, 3)) + 20000);
	beat = heartbeat(store, DV1, reg, "", LONG);
	assert_int_equal(number(item(beat, 2)), number(item(beat, 3)) + 50000);
	beat = heartbeat(store, DV1, reg, "70000", LONG);
	assert_int_equal(number(item(beat, 2)), number(item(beat, 3)) + 70000);
	beat = update(store, DV1, reg, "away", "", ""); /* leaves the lease as it is */
	assert_true(number(item(beat, 2)) <= number(item(beat, 3)) + 70000);
}

static void test_what_is_left_of_an_offline_client_is_forgotten_in_time(void **state)
{
	struct store *store = *state;
	int64_t version;

	put_on_channel(store, DV1, ND1, "available", VOICE);
	put_by_lease(store, DV2, "0");
	assert_int_equal(forgotten_in_ms(store), -1);
	remove_held(store, DV1, ND1);
	assert_int_equal(forgotten_in_ms(store), -1);
	sweep(store);
	assert_presence(store, "offline ringable 0 media 0 devices 0");
	assert_true(forgotten_in_ms(store) > 6 * 24 * 3600 * 1000 + 1);
	assert_lives(store, "[" DUE "," CLIENT "]");

	/* who comes back stays, and is newer than ever even when nothing was left */
	version = line_number(store, LINE_VERSION);
	DO(store, "ZADD", DUE, "1", "f|" ALICE);
	sweep(store);
	assert_keys(store, "[]");
	put_on_channel(store, DV1, ND1, "available", VOICE);
	assert_int_equal(forgotten_in_ms(store), -1);
	assert_true(line_number(store, LINE_VERSION) > version);
}

/* ---- what the customer is told ---- */

static const char *events_told(struct store *store)
{
	const struct answer entries = DO(store, "LRANGE", "o:{p0}:" AC ":alice", "0", "-1");
	const char *words = "";

	for (size_t i = 0; i < entries.n; i++) {
		struct str rest = entries.item[i].text, event;

		assert_true(str_split(&rest, '|', &event));
		words = text_of(store, "%s " STR_FMT, words, STR_ARG(event));
	}
	DO(store, "DEL", "o:{p0}:" AC ":alice");
	return words;
}

static void rule(struct store *store, const char *flags)
{
	DO(store, "HSET", "s:{p0}:" AC, "p", text_of(store, "1|%s|0|", flags));
}

static void test_nobody_leaves_who_was_not_announced(void **state)
{
	struct store *store = *state;
	const char *wanted = "4", *not_wanted = "0";

	put_on_channel(store, DV1, ND1, "available", VOICE);
	rule(store, wanted);
	remove_held(store, DV1, ND1);
	assert_string_equal(events_told(store), "");

	put_on_channel(store, DV1, ND1, "available", VOICE);
	put_on_channel(store, DV2, ND1, "away", VOICE);
	remove_held(store, DV1, ND1);
	assert_string_equal(events_told(store), " online changed changed");

	/* nobody listens for a while: whoever is there when somebody does is announced anew */
	rule(store, not_wanted);
	remove_held(store, DV2, ND1);
	put_on_channel(store, DV2, ND1, "away", VOICE);
	rule(store, wanted);
	put_on_channel(store, DV2, ND1, "busy", VOICE);
	remove_held(store, DV2, ND1);
	assert_string_equal(events_told(store), " online offline");
}

static void test_versions_rise_and_stay_exact(void **state)
{
	struct store *store = *state;
	int64_t last = 0;

	/* the clock went back, as after a failover: versions do not; and no digit is lost up to 2^53 */
	DO(store, "HSET", CLIENT, "m", "9007199254740000|offline|0|0|0|1|1");
	for (int i = 0; i < 200; i++) {
		const int64_t version =
			number(item(put_on_channel(store, DV1, ND1, i % 2 ? "away" : "busy", VOICE), 1));

		assert_int_equal(version, MAX(last + 1, INT64_C(9007199254740001)));
		last = version;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_a_registration_is_stored_and_consolidated),
		STORE_TEST(test_an_update_keeps_what_it_does_not_name),
		STORE_TEST(test_only_a_new_status_moves_since),
		STORE_TEST(test_a_stale_registration_changes_nothing),
		STORE_TEST(test_registrations_are_never_the_same),
		STORE_TEST(test_a_device_that_moved_survives_the_reaping_of_its_old_node),
		STORE_TEST(test_reaping_goes_on_where_it_stopped),
		STORE_TEST(test_fifty_devices_are_the_most),
		STORE_TEST(test_a_lease_ends_unless_it_is_renewed),
		STORE_TEST(test_a_heartbeat_that_changes_nothing_keeps_the_version),
		STORE_TEST(test_a_lease_that_became_a_channel_is_not_swept),
		STORE_TEST(test_a_sweep_takes_no_more_than_its_limit),
		STORE_TEST(test_a_sweep_that_had_to_wait_spares_the_leases),
		STORE_TEST(test_a_heartbeat_asks_for_as_long_as_the_last_time),
		STORE_TEST(test_what_is_left_of_an_offline_client_is_forgotten_in_time),
		STORE_TEST(test_nobody_leaves_who_was_not_announced),
		STORE_TEST(test_versions_rise_and_stay_exact),
	};

	return cmocka_run_group_tests(tests, store_group_set_up, store_group_tear_down);
}
