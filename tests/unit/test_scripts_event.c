/* test_scripts_event.c - call_event: who may say what about a call, and when it is too late. */
#include "tests/unit/call_records.h"

/* leg 2 of the second attempt has won */
static void create_bridged(struct store *store, const char *state)
{
	create_ringing(store);
	assert_string_equal(text(item(answer_of(store, "2", "2"), 0)), "ok");
	DO(store, "HSET", RECORD, "st", state);
}

/* leg 1 answered the first ring of a created call and became its caller; legs 2 and 3 are of its Dial */
static void create_of_api(struct store *store, const char *state)
{
	create_ringing(store);
	DO(store, "HSET", RECORD, "ck", "device", "cleg", "1", "cdev", DV1, "s1", "a", "st", state, "up",
	   "1");
}

static const char *outcome(struct answer answer)
{
	return text(item(answer, 0));
}

#define assert_told(answer, expected) assert_string_equal(outcome(answer), (expected))

/* ---- the compare-and-set of answers ---- */

static void test_the_first_answer_wins(void **state)
{
	struct store *store = *state;

	create_ringing(store);
	assert_answer(store, answer_of(store, "3", "2"), "[ok," OWNER ",answered,3]");
	assert_string_equal(field(store, RECORD, "st"), "answered");
	assert_string_equal(field(store, RECORD, "win"), "3");
	assert_string_equal(field(store, RECORD, "s3"), "p"); /* its ringing was not reported yet */
	assert_string_equal(field(store, RECORD, "s2"), "n");
	assert_string_equal(field(store, RECORD, "asdp"), "sdp");
	assert_string_equal(field(store, RECORD, "rev"), "2");
	assert_between(store_now_us(store) / 1000 - number(DO(store, "HGET", RECORD, "answered")), 0, 10000);
	assert_between(due_in_ms(store), -9000, 1000);

	assert_answer(store, answer_of(store, "2", "2"), "[ALREADY_ANSWERED," OWNER ",answered]");
	assert_told(answer_of(store, "3", "2"), "ALREADY_ANSWERED");
	DO(store, "HSET", RECORD, "st", "bridged");
	assert_told(answer_of(store, "2", "2"), "ALREADY_ANSWERED");
	DO(store, "HSET", RECORD, "st", "ended");
	assert_told(answer_of(store, "2", "2"), "ALREADY_ANSWERED");
	assert_string_equal(field(store, RECORD, "rev"), "2");
}

static void test_an_answer_that_is_refused_changes_nothing(void **state)
{
	static const struct {
		const char *leg, *attempt, *set, *to, *error;
	} rows[] = {
		{ "7", "2", "x", "", "COMM_TOKEN_INVALID" }, /* there is no such leg */
		{ "2", "1", "x", "", "COMM_TOKEN_INVALID" }, /* a token of another attempt */
		{ "1", "1", "x", "", "COMM_TOKEN_EXPIRED" }, /* that attempt is over */
		{ "1", "", "x", "", "COMM_TOKEN_EXPIRED" },  /**/
		{ "2", "2", "until", "1",
		  "COMM_TOKEN_EXPIRED" }, /* the ring is over, though nobody has noted it */
		{ "2", "2", "s2", "x", "COMM_TOKEN_EXPIRED" },	   /* it has rejected */
		{ "2", "2", "s2", "c", "COMM_TOKEN_EXPIRED" },	   /* it was cancelled */
		{ "2", "2", "s2", "l", "COMM_TOKEN_EXPIRED" },	   /* it was lost */
		{ "2", "2", "st", "fetch", "COMM_TOKEN_EXPIRED" }, /* the Dial is over */
		{ "2", "2", "att", "3", "COMM_TOKEN_EXPIRED" },	   /* the next Dial rings */
		{ "2", "2", "hup", "0", "CALL_ENDED" },		   /* the caller's hang-up came first */
		{ "2", "2", "ctl", "canceled", "CALL_ENDED" },	   /**/
		{ "2", "2", "st", "ended", "CALL_ENDED" },	   /**/
	};
	struct store *store = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *before;

		store_set_up(state);
		create_ringing(store);
		DO(store, "HSET", RECORD, rows[i].set, rows[i].to);
		before = record(store);
		if (strcmp(outcome(answer_of(store, rows[i].leg, rows[i].attempt)), rows[i].error) != 0)
			fail_msg("row %zu: not %s", i, rows[i].error);
		assert_string_equal(record(store), before);
		assert_int_equal(number(DO(store, "LLEN", TRACE)), 1);
	}
	DO(store, "DEL", RECORD);
	assert_answer(store, answer_of(store, "2", "2"), "[NOT_FOUND,,]");
	assert_int_equal(lives_for_ms(store, RECORD), -2);
}

static void test_a_leg_answers_whether_or_not_it_said_that_it_rings(void **state)
{
	static const char *const statuses[] = { "n", "k", "r" };
	struct store *store = *state;

	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		store_set_up(state);
		create_ringing(store);
		DO(store, "HSET", RECORD, "s2", statuses[i], "hup", "", "ctl", "", "win", "");
		assert_told(answer_of(store, "2", ""), "ok");
		/* that it rings is still to be reported, unless it was */
		assert_string_equal(field(store, RECORD, "s2"), *statuses[i] == 'r' ? "a" : "p");
	}
}

/* Whatever comes in whatever order: one leg wins or none, and never after the caller hung up. */
static void test_of_all_orders_of_events_one_leg_wins(void **state)
{
	struct store *store = *state;
	uint64_t seed = 20261122;

	for (int round = 0; round < 300; round++) {
		unsigned won = 0;
		bool hung_up = false;

		store_set_up(state);
		create_ringing(store);
		for (int step = 0; step < 6; step++) {
			const char *leg = random_below(&seed, 2) ? "2" : "3";
			const char *device = *leg == '2' ? DV2 : DV3;

			switch (random_below(&seed, 6)) {
			case 0:
				tell(store, "reject", leg, "", "declined", device);
				break;
			case 1:
				tell(store, "gone", "", "", "10000", device);
				break;
			case 2:
				hung_up |= strcmp(outcome(tell(store, "hangup", "0", "", "bye", CALLER)),
						  "ok") == 0;
				break;
			default:
				if (strcmp(outcome(answer_of(store, leg, "2")), "ok") != 0)
					break;
				assert_false(hung_up);
				won++;
				assert_string_equal(field(store, RECORD, "win"), leg);
			}
		}
		assert_in_range(won, 0, 1);
		assert_int_equal(won, strcmp(field(store, RECORD, "st"), "answered") == 0);
	}
}

/* ---- a rung device ---- */

static void test_ringing_is_noted_once(void **state)
{
	struct store *store = *state;

	create_ringing(store);
	assert_told(tell(store, "ringing", "2", "", "", DV2), "ok");
	assert_string_equal(field(store, RECORD, "s2"), "k");
	assert_answer(store, tell(store, "ringing", "2", "", "", DV2), "[ok,,ringing,2]");
	assert_answer(store, tell(store, "ringing", "1", "", "", DV1), "[ok,,ringing,1]");
	assert_string_equal(field(store, RECORD, "s1"), "c");
	assert_string_equal(field(store, RECORD, "rev"), "2");
}

static void test_a_device_speaks_for_its_own_leg_only(void **state)
{
	static const char *const events[] = { "ringing", "reject", "hangup" };
	struct store *store = *state;
	const char *before;

	create_ringing(store);
	before = record(store);
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		assert_told(tell(store, events[i], "2", "", "declined", DV3), "NO_SUCH_LEG");
		assert_told(tell(store, events[i], "2", "", "declined", ""), "NO_SUCH_LEG");
		assert_told(tell(store, events[i], "9", "", "declined", DV3), "NO_SUCH_LEG");
		assert_told(tell(store, events[i], "0", "", "declined", DV3), "NO_SUCH_LEG");
		assert_told(tell(store, events[i], "0", "", "declined", ""), "NO_SUCH_LEG");
	}
	assert_string_equal(record(store), before);
}

static void test_a_rejection_ends_that_leg_only(void **state)
{
	struct store *store = *state;

	create_ringing(store);
	assert_told(tell(store, "reject", "2", "", "busy", DV2), "ok");
	assert_string_equal(field(store, RECORD, "s2"), "x");
	assert_string_equal(field(store, RECORD, "r2"), "busy");
	assert_string_equal(field(store, RECORD, "st"), "ringing");
	assert_told(tell(store, "reject", "2", "", "declined", DV2), "CALL_ENDED");
	assert_told(tell(store, "reject", "1", "", "declined", DV1), "CALL_ENDED");
	assert_told(answer_of(store, "3", "2"), "ok");
	assert_told(tell(store, "reject", "3", "", "declined", DV3), "CALL_ENDED");
}

/* A client may not know yet that it was answered, by HTTP; the record does. */
static void test_a_hang_up_of_a_leg_that_rings_is_a_rejection(void **state)
{
	struct store *store = *state;

	create_ringing(store);
	assert_told(tell(store, "hangup", "2", "", "remote_hangup", DV2), "ok");
	assert_string_equal(field(store, RECORD, "s2"), "x");
	assert_string_equal(field(store, RECORD, "r2"), "declined");
	assert_int_equal(number(DO(store, "HEXISTS", RECORD, "hup")), 0);
	assert_told(tell(store, "hangup", "2", "", "remote_hangup", DV2), "CALL_ENDED");
	assert_told(tell(store, "hangup", "1", "", "remote_hangup", DV1), "CALL_ENDED");
}

static void test_a_leg_hangs_up_when_it_talks(void **state)
{
	struct store *store = *state;

	create_ringing(store);
	assert_told(answer_of(store, "2", "2"), "ok");
	assert_told(tell(store, "hangup", "3", "", "remote_hangup", DV3), "CALL_ENDED");
	assert_told(tell(store, "hangup", "2", "", "remote_hangup", DV2), "ok");
	assert_string_equal(field(store, RECORD, "hup"), "2");
	assert_string_equal(field(store, RECORD, "hupr"), "remote_hangup");
	assert_told(tell(store, "hangup", "2", "", "again", DV2), "CALL_ENDED");
	/* the caller's hang-up ends more than the Dial, so it counts even now */
	assert_told(tell(store, "hangup", "0", "", "caller_hangup", CALLER), "ok");
	assert_string_equal(field(store, RECORD, "hup"), "0");
	assert_told(tell(store, "hangup", "0", "", "caller_hangup", CALLER), "CALL_ENDED");
}

/* ---- the caller's side ---- */

static void test_a_gateway_has_no_device_to_show(void **state)
{
	struct store *store = *state;

	create_ringing(store);
	DO(store, "HDEL", RECORD, "cdev");
	assert_told(tell(store, "hangup", "0", "", "remote_hangup", DV1), "NO_SUCH_LEG");
	assert_told(tell(store, "hangup", "0", "", "remote_hangup", ""), "ok");
	assert_string_equal(field(store, RECORD, "hup"), "0");
	assert_told(tell(store, "detach", "0", "", "", ""), "ok");
	assert_string_equal(field(store, RECORD, "caddr"), "");
}

static void test_a_gateway_speaks_for_its_leg_until_it_has_rung_there(void **state)
{
	struct store *store = *state;

	create_ringing(store);
	DO(store, "HSET", RECORD, "i2", "+15550177|||0");
	assert_told(tell(store, "unreachable", "2", "", "not_taken", DV2), "NO_SUCH_LEG");
	assert_told(tell(store, "unreachable", "1", "", "not_taken", ""), "NO_SUCH_LEG");
	assert_told(tell(store, "ringing", "2", "", "", ""), "ok");
	assert_told(tell(store, "unreachable", "2", "", "not_taken", ""), "CALL_ENDED");
	DO(store, "HSET", RECORD, "s2", "n");
	assert_told(tell(store, "unreachable", "2", "", "not_taken", ""), "ok");
	assert_string_equal(field(store, RECORD, "s2"), "l");
	assert_string_equal(field(store, RECORD, "r2"), "not_taken");
	assert_told(answer_of(store, "2", "2"), "COMM_TOKEN_EXPIRED");
}

/* Of a created call the caller's side is the device that answered first; it is known by that leg. */
static void test_the_caller_of_a_created_call_hangs_up_in_every_state(void **state)
{
	static const char *const states[] = { "fetch", "claim", "ringing", "answered", "bridged", "pause" };
	struct store *store = *state;

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		store_set_up(state);
		create_of_api(store, states[i]);
		if (strcmp(outcome(tell(store, "hangup", "1", "", "caller_hangup", DV1)), "ok") != 0)
			fail_msg("not in state %s", states[i]);
		assert_string_equal(field(store, RECORD, "hup"), "0");
	}
}

static void test_the_caller_of_a_created_call_may_come_back_in_every_state(void **state)
{
	static const char *const states[] = { "fetch", "claim", "ringing", "answered", "bridged", "pause" };
	struct store *store = *state;

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		store_set_up(state);
		create_of_api(store, states[i]);
		if (strcmp(outcome(tell(store, "gone", "", "", "10000", DV1)), "ok") != 0)
			fail_msg("not in state %s", states[i]);
		assert_between(number(DO(store, "HGET", RECORD, "lost0")) - store_now_us(store) / 1000, 0,
			       10000);
		assert_answer(store, tell(store, "back", "", "", OTHER, DV1),
			      text_of(store, "[ok," OWNER ",%s,1]", states[i]));
		assert_int_equal(number(DO(store, "HEXISTS", RECORD, "lost0")), 0);
		assert_string_equal(field(store, RECORD, "caddr"), OTHER);
	}
}

/* ---- lost channels ---- */

static void test_a_rung_device_that_is_gone_rings_no_more(void **state)
{
	struct store *store = *state;

	create_ringing(store);
	assert_told(tell(store, "gone", "", "", "10000", DV2), "ok");
	assert_string_equal(field(store, RECORD, "s2"), "l");
	assert_string_equal(field(store, RECORD, "r2"), "lost");
	assert_told(tell(store, "gone", "", "", "10000", DV1), "CALL_ENDED");
	assert_told(tell(store, "gone", "", "", "10000", "DV0000000000000000000000000000000f"), "CALL_ENDED");
	assert_told(answer_of(store, "2", "2"), "COMM_TOKEN_EXPIRED");
}

static void test_who_talks_or_calls_may_come_back(void **state)
{
	struct store *store = *state;
	const char *until;

	create_bridged(store, "bridged");
	assert_told(tell(store, "gone", "", "", "10000", DV2), "ok");
	until = field(store, RECORD, "lost2");
	assert_answer(store, tell(store, "gone", "", "", "90000", DV2), "[ok,,bridged,2]");
	assert_string_equal(field(store, RECORD, "lost2"), until);
	assert_answer(store, tell(store, "back", "", "", OTHER, DV2), "[ok," OWNER ",bridged,2]");
	assert_int_equal(number(DO(store, "HEXISTS", RECORD, "lost2")), 0);
	assert_string_equal(field(store, RECORD, "i2"), "alice|" DV2 "|" OTHER "|0");

	assert_told(tell(store, "gone", "", "", "10000", CALLER), "ok");
	assert_between(number(DO(store, "HGET", RECORD, "lost0")) - store_now_us(store) / 1000, 0, 10000);
	assert_answer(store, tell(store, "back", "", "", OTHER, CALLER), "[ok," OWNER ",bridged,0]");
	assert_int_equal(number(DO(store, "HEXISTS", RECORD, "lost0")), 0);
	assert_told(tell(store, "back", "", "", OTHER, DV3), "CALL_ENDED");
}

static void test_a_rung_device_on_another_channel_is_to_be_rung_there(void **state)
{
	struct store *store = *state;

	create_ringing(store);
	assert_answer(store, tell(store, "back", "", "", OTHER, DV2), "[ok," OWNER ",ringing,2,rings]");
	assert_string_equal(field(store, RECORD, "i2"), "alice|" DV2 "|" OTHER "|0");
	assert_string_equal(field(store, RECORD, "b2"), "1");
	assert_told(answer_of(store, "2", "2"), "ok");
}

static void test_a_rung_device_that_comes_too_late_hears_why(void **state)
{
	struct store *store = *state;

	create_ringing(store);
	assert_told(answer_of(store, "3", "2"), "ok");
	DO(store, "HSET", RECORD, "s2", "c");
	assert_answer(store, tell(store, "back", "", "", OTHER, DV2),
		      "[CALL_ENDED," OWNER ",answered,2,answered_elsewhere]");
	DO(store, "HSET", RECORD, "win", "", "st", "ended");
	assert_answer(store, tell(store, "back", "", "", OTHER, DV2),
		      "[CALL_ENDED," OWNER ",ended,2,canceled]");
}

/* ---- REST ---- */

static void test_rest_ends_a_call_once(void **state)
{
	struct store *store = *state;

	create_ringing(store);
	assert_told(tell(store, "control", "0", "", "canceled", ""), "ok");
	assert_string_equal(field(store, RECORD, "ctl"), "canceled");
	assert_told(tell(store, "control", "0", "", "completed", ""), "CALL_STATE");
}

static void test_only_a_call_that_is_not_answered_can_be_canceled(void **state)
{
	struct store *store = *state;

	create_bridged(store, "answered");
	assert_told(tell(store, "control", "0", "", "canceled", ""), "CALL_STATE");
	assert_told(tell(store, "control", "0", "", "completed", ""), "ok");
	store_set_up(state);
	create_of_api(store, "ringing");
	assert_told(tell(store, "control", "0", "", "canceled", ""), "CALL_STATE");
	assert_told(tell(store, "control", "0", "", "completed", ""), "ok");
}

/* ---- the end ---- */

static void test_nothing_changes_an_ended_call(void **state)
{
	static const char *const events[] = { "ringing", "answer", "reject",  "gone", "back",
					      "hangup",	 "detach", "control", "?" };
	static const char *const devices[] = { CALLER, DV1, DV2, DV3, "" };
	struct store *store = *state;
	const char *before;

	create_bridged(store, "bridged");
	end_call(store);
	before = record(store);
	for (size_t e = 0; e < ARRAY_LEN(events); e++) {
		for (int leg = 0; leg <= 4; leg++) {
			for (size_t d = 0; d < ARRAY_LEN(devices); d++)
				tell(store, events[e], text_of(store, "%d", leg), "", "completed",
				     devices[d]);
		}
	}
	assert_string_equal(record(store), before);
	assert_keys(store, "[" RECORD "," LIST "," TRACE "]");
	assert_true(lives_for_ms(store, RECORD) > 0 && lives_for_ms(store, TRACE) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_the_first_answer_wins),
		STORE_TEST(test_an_answer_that_is_refused_changes_nothing),
		STORE_TEST(test_a_leg_answers_whether_or_not_it_said_that_it_rings),
		STORE_TEST(test_of_all_orders_of_events_one_leg_wins),
		STORE_TEST(test_ringing_is_noted_once),
		STORE_TEST(test_a_device_speaks_for_its_own_leg_only),
		STORE_TEST(test_a_rejection_ends_that_leg_only),
		STORE_TEST(test_a_hang_up_of_a_leg_that_rings_is_a_rejection),
		STORE_TEST(test_a_leg_hangs_up_when_it_talks),
		STORE_TEST(test_a_gateway_has_no_device_to_show),
		STORE_TEST(test_a_gateway_speaks_for_its_leg_until_it_has_rung_there),
		STORE_TEST(test_the_caller_of_a_created_call_hangs_up_in_every_state),
		STORE_TEST(test_the_caller_of_a_created_call_may_come_back_in_every_state),
		STORE_TEST(test_a_rung_device_that_is_gone_rings_no_more),
		STORE_TEST(test_who_talks_or_calls_may_come_back),
		STORE_TEST(test_a_rung_device_on_another_channel_is_to_be_rung_there),
		STORE_TEST(test_a_rung_device_that_comes_too_late_hears_why),
		STORE_TEST(test_rest_ends_a_call_once),
		STORE_TEST(test_only_a_call_that_is_not_answered_can_be_canceled),
		STORE_TEST(test_nothing_changes_an_ended_call),
	};

	return cmocka_run_group_tests(tests, store_group_set_up, store_group_tear_down);
}
