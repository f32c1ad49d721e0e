/* test_scripts_talk.c - call_talk: what two who are connected may say and want, and who else may not. */
#include "tests/unit/call_records.h"

static struct answer say_as(struct store *store, const char *what, const char *leg, const char *device,
			    const char *word, const char *said)
{
	return RUN(store, CALL_TALK, RECORD, what, leg, device, word, said, LINE);
}

static struct answer caller_says(struct store *store, const char *what, const char *word)
{
	return say_as(store, what, "0", CALLER, word, "");
}

static struct answer winner_says(struct store *store, const char *what, const char *word)
{
	return say_as(store, what, "2", DV2, word, "");
}

/* leg 2 talks to the caller; leg 3 was rung in vain */
static void create_talk(struct store *store)
{
	create_ringing(store);
	DO(store, "HSET", RECORD, "caddr", OWNER);
	assert_string_equal(text(item(answer_of(store, "2", "2"), 0)), "ok");
	DO(store, "HSET", RECORD, "st", "bridged", "s3", "c");
}

#define TO_WINNER "2," DV2 "," OWNER "]"
#define TO_CALLER "0," CALLER "," OWNER "]"

#define assert_refused(store, answer, name) assert_string_equal(text(item(answer, 0)), (name))

/* ---- candidates ---- */

static void test_candidates_are_kept_until_two_are_connected(void **state)
{
	struct store *store = *state;

	create_ringing(store);
	assert_answer(store, say_as(store, "candidate", "0", CALLER, "", "\"a\""), "[ok,,ringing,0,,,]");
	assert_answer(store, say_as(store, "candidate", "0", CALLER, "", "\"b\""), "[ok,,ringing,0,,,]");
	assert_answer(store, say_as(store, "candidate", "2", DV2, "", "\"c\""), "[ok,,ringing,0,,,]");
	assert_string_equal(field(store, RECORD, "e0"), "\"a\",\"b\"");
	assert_string_equal(field(store, RECORD, "e2"), "\"c\"");
	assert_string_equal(field(store, RECORD, "rev"), "4"); /* a commit that has not seen them is stale */
	assert_refused(store, say_as(store, "candidate", "1", DV1, "", "\"late\""), "CALL_ENDED");

	create_talk(store);
	assert_answer(store, say_as(store, "candidate", "0", CALLER, "", "\"d\""),
		      "[ok,,bridged,0," TO_WINNER);
	assert_answer(store, say_as(store, "candidate", "2", DV2, "", "\"e\""), "[ok,,bridged,0," TO_CALLER);
	assert_refused(store, say_as(store, "candidate", "3", DV3, "", "\"f\""), "CALL_ENDED");
}

/* ---- offers ---- */

static void test_one_offer_is_open_at_a_time(void **state)
{
	struct store *store = *state;

	create_talk(store);
	assert_answer(store, caller_says(store, "update", ""), "[ok,,bridged,1," TO_WINNER);
	assert_refused(store, winner_says(store, "update", ""), "CONFLICT");
	assert_refused(store, caller_says(store, "update", "1"), "CONFLICT");
	assert_answer(store, caller_says(store, "update", ""), "[ok,,bridged,2," TO_WINNER);
	assert_refused(store, winner_says(store, "update", "1"), "CONFLICT");
	assert_answer(store, winner_says(store, "update", "2"), "[ok,,bridged,2," TO_CALLER);
	assert_refused(store, winner_says(store, "update", "2"), "CONFLICT");
	assert_answer(store, winner_says(store, "update", ""), "[ok,,bridged,3," TO_CALLER);
}

static void test_an_offer_that_nobody_answers_does_not_last(void **state)
{
	struct store *store = *state;

	create_talk(store);
	DO(store, "HSET", RECORD, "upd", "4 0 1000");
	assert_answer(store, winner_says(store, "update", ""), "[ok,,bridged,5," TO_CALLER);
}

static void test_a_gateway_takes_no_offer(void **state)
{
	struct store *store = *state;

	create_talk(store);
	DO(store, "HSET", RECORD, "ck", "gateway");
	assert_refused(store, winner_says(store, "update", ""), "CONFLICT");
}

/* ---- hold ---- */

static void test_each_side_holds_for_itself(void **state)
{
	static const struct {
		bool by_caller;
		const char *what, *hold;
	} steps[] = { { true, "hold", "1" },   { true, "hold", "1" },	 { false, "hold", "3" },
		      { true, "resume", "2" }, { false, "resume", "0" }, { false, "resume", "0" } };
	struct store *store = *state;

	create_talk(store);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		const bool changes = i == 0 || strcmp(steps[i].hold, steps[i - 1].hold) != 0;
		const struct answer said =
			(steps[i].by_caller ? caller_says : winner_says)(store, steps[i].what, "");

		assert_string_equal(text(item(said, 1)), changes ? OWNER : "");
		assert_string_equal(field(store, RECORD, "hold"), steps[i].hold);
	}
	assert_int_equal(number(DO(store, "LLEN", TRACE)), 1 + 1 + 4); /* made, answered, and each change */
}

/* ---- transfer ---- */

static void test_a_transfer_is_wanted_once(void **state)
{
	struct store *store = *state;

	create_talk(store);
	assert_answer(store, winner_says(store, "transfer", "client:c"),
		      "[ok," OWNER ",bridged,0," TO_CALLER);
	assert_string_equal(field(store, RECORD, "xto"), "client:c");
	assert_string_equal(field(store, RECORD, "xby"), "2");
	assert_answer(store, winner_says(store, "transfer", "client:c"),
		      "[ok," OWNER ",bridged,0," TO_CALLER);
	assert_refused(store, winner_says(store, "transfer", "client:d"), "CALL_STATE");
	assert_refused(store, caller_says(store, "transfer", "client:c"), "CALL_STATE");
	assert_refused(store, caller_says(store, "hold", ""), "CALL_STATE");

	assert_answer(store, tell(store, "hangup", "2", "", "remote_hangup", DV2), "[ok,,bridged,2]");
	assert_string_equal(field(store, RECORD, "hup"), ""); /* it leaves alone */
	assert_string_equal(text(item(tell(store, "hangup", "0", "", "caller_hangup", CALLER), 0)), "ok");
	assert_string_equal(field(store, RECORD, "hup"), "0");
}

/* ---- and who may not ---- */

static void test_only_who_is_connected_may_want_anything(void **state)
{
	static const char *const wants[] = { "update", "hold", "resume", "transfer" };
	static const char *const waits[] = { "new", "fetch", "claim", "ringing", "answered", "pause" };
	struct store *store = *state;

	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		create_talk(store);
		assert_refused(store, say_as(store, wants[i], "3", DV3, "", ""), "CALL_STATE");
		assert_refused(store, say_as(store, wants[i], "2", DV3, "", ""), "NO_SUCH_LEG");
		assert_refused(store, say_as(store, wants[i], "9", DV3, "", ""), "NO_SUCH_LEG");
		DO(store, "HSET", RECORD, "hup", "0");
		assert_refused(store, winner_says(store, wants[i], ""), "CALL_STATE");
		DO(store, "HSET", RECORD, "hup", "", "ctl", "completed");
		assert_refused(store, winner_says(store, wants[i], ""), "CALL_STATE");
		for (size_t j = 0; j < ARRAY_LEN(waits); j++) {
			DO(store, "HSET", RECORD, "ctl", "", "st", waits[j]);
			assert_refused(store, caller_says(store, wants[i], ""), "CALL_STATE");
		}
		DO(store, "HSET", RECORD, "st", "ended");
		assert_refused(store, caller_says(store, wants[i], ""), "CALL_ENDED");
		store_set_up(state);
		assert_refused(store, caller_says(store, wants[i], ""), "NOT_FOUND");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_candidates_are_kept_until_two_are_connected),
		STORE_TEST(test_one_offer_is_open_at_a_time),
		STORE_TEST(test_an_offer_that_nobody_answers_does_not_last),
		STORE_TEST(test_a_gateway_takes_no_offer),
		STORE_TEST(test_each_side_holds_for_itself),
		STORE_TEST(test_a_transfer_is_wanted_once),
		STORE_TEST(test_only_who_is_connected_may_want_anything),
	};

	return cmocka_run_group_tests(tests, store_group_set_up, store_group_tear_down);
}
