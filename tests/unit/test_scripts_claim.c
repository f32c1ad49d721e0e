/* test_scripts_claim.c - claims: who may be rung, whose a device is, and that nobody keeps it for ever. */
#include "tests/unit/presence_records.h"

static const char *claim_state(struct store *store, const char *dv)
{
	const char *packed = field(store, CLIENT, text_of(store, "k%s", dv));
	struct str rest = str_of(packed), call, state;

	if (!str_split(&rest, '|', &call) || !str_split(&rest, '|', &state))
		return "";
	return text_of(store, STR_FMT " by " STR_FMT, STR_ARG(state), STR_ARG(call));
}

/* Without its time: "[[DV..,ND..0]]", or the refusal as it is. */
static void assert_claimed(struct store *store, struct answer answer, const char *expected)
{
	if (number(item(answer, 0)) > 0) {
		answer.item++;
		answer.n--;
	}
	assert_answer(store, answer, expected);
}

static struct answer claim_as(struct store *store, const char *call, const char *fence, const char *attempt,
			      const char *medium, const char *most, const char *dead)
{
	return RUN(store, CLAIM_TAKE, CLIENT, call, fence, attempt, medium, "r", LONG, "", most, dead);
}

static void put(struct store *store, const char *dv, const char *status, const char *media)
{
	put_on_channel(store, dv, ND1, status, media);
}

/* ---- who may be rung ---- */

static void test_why_a_device_cannot_be_rung(void **state)
{
	static const struct {
		const char *status, *media, *dead, *reason;
	} rows[] = {
		{ "away", "1", "", "[-1,away]" },
		{ "busy", "1", "", "[-1,busy]" },
		{ "dnd", "1", "", "[-1,dnd]" },
		{ "available", "2", "", "[-1,media]" },
		{ "available", "0", "", "[-1,media]" },
		{ "available", "1", ND1, "[-1,offline]" },
		{ "available", "1", ND2 "," ND1, "[-1,offline]" },
	};
	struct store *store = *state;

	assert_claimed(store, claim(store, CA1, LONG), "[-1,offline]");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		store_set_up(state);
		put(store, DV1, rows[i].status, rows[i].media);
		assert_claimed(store, claim_as(store, CA1, "1", "1", VOICE, "50", rows[i].dead),
			       rows[i].reason);
		assert_string_equal(claim_state(store, DV1), "");
		assert_int_equal(number(DO(store, "EXISTS", DUE)), 0);
	}
	store_set_up(state);
	put_by_lease(store, DV1, LONG);
	assert_claimed(store, claim(store, CA1, LONG), "[-1,no_channel]");
	put(store, DV2, "available", VOICE);
	assert_claimed(store, claim_as(store, CA1, "1", "1", VOICE, "50", ND2), "[[" DV2 "," ND1 ".0]]");
}

/* Of several devices the weightiest reason is told. */
static void test_the_weightiest_reason_is_told(void **state)
{
	struct store *store = *state;

	put(store, DV1, "away", VOICE);
	put(store, DV2, "available", VIDEO);
	assert_claimed(store, claim(store, CA1, LONG), "[-1,away]");
	put(store, DV3, "busy", VOICE);
	assert_claimed(store, claim(store, CA1, LONG), "[-1,busy]");
	put(store, DV2, "dnd", VOICE);
	assert_claimed(store, claim(store, CA1, LONG), "[-1,dnd]");
	assert_presence(store, "dnd ringable 0 media 1 devices 3");
}

/* A device's own dnd, or a talk on one device, blocks the client; its own busy only that device. */
static void test_what_blocks_the_whole_client(void **state)
{
	struct store *store = *state;

	put(store, DV1, "available", VOICE);
	put(store, DV2, "busy", VOICE);
	assert_presence(store, "available ringable 1 media 1 devices 2");
	assert_claimed(store, engage_own(store, CA2, DV2, LONG), "[[" DV2 "," ND1 ".0]]");
	assert_presence(store, "on_call ringable 0 media 1 devices 2");
	assert_claimed(store, claim(store, CA1, LONG), "[-1,on_call]");
	settle(store, CA2, "", "", "r", DV2);
	assert_presence(store, "available ringable 1 media 1 devices 2");
	assert_claimed(store, claim(store, CA1, LONG), "[[" DV1 "," ND1 ".0]]");
	assert_presence(store, "available ringable 0 media 1 devices 2");
}

static void test_a_talk_of_a_device_that_is_gone_blocks_nobody(void **state)
{
	struct store *store = *state;

	put(store, DV1, "available", VOICE);
	put(store, DV2, "available", VOICE);
	engage_own(store, CA1, DV1, LONG);
	remove_held(store, DV1, ND1);
	assert_presence(store, "available ringable 1 media 1 devices 1");
	assert_claimed(store, claim(store, CA2, LONG), "[[" DV2 "," ND1 ".0]]");
	/* it comes back into its call */
	put(store, DV1, "available", VOICE);
	assert_presence(store, "on_call ringable 0 media 1 devices 2");
}

static void test_no_more_than_asked_for_in_order(void **state)
{
	struct store *store = *state;

	put(store, DV3, "available", VOICE);
	put(store, DV1, "available", VOICE);
	put(store, DV2, "available", VOICE);
	assert_claimed(store, claim_as(store, CA1, "1", "1", VOICE, "2", ""),
		       "[[" DV1 "," ND1 ".0],[" DV2 "," ND1 ".0]]");
	assert_presence(store, "available ringable 1 media 1 devices 3");
	assert_claimed(store, claim(store, CA2, LONG), "[[" DV3 "," ND1 ".0]]");
	assert_claimed(store, claim(store, CA2, LONG), "[[" DV3 "," ND1 ".0]]"); /* its own is no rival */
	assert_string_equal(claim_state(store, DV1), "r by " CA1);
}

/* ---- who comes along from another call ---- */

#define OTHER_CALL "CA00000000000000000000000003000000"

static struct answer claim_from(struct store *store, const char *call, const char *dv, const char *leaves)
{
	return RUN(store, CLAIM_TAKE, CLIENT, call, "1", "1", VOICE, "r", LONG, dv, "1", "", leaves);
}

static void test_a_device_comes_along_from_its_call_without_being_free_between(void **state)
{
	struct store *store = *state;

	put(store, DV1, "available", VOICE);
	put(store, DV2, "available", VOICE);
	(void)engage_own(store, CA1, DV1, LONG);
	assert_claimed(store, claim_from(store, CA2, DV1, OTHER_CALL), "[-1,on_call]");
	assert_claimed(store, claim_from(store, CA2, DV1, CA1), "[[" DV1 "," ND1 ".0]]");
	assert_string_equal(claim_state(store, DV1), "e by " CA2);
	assert_claimed(store, claim_from(store, CA2, DV1, CA1), "[[" DV1 "," ND1 ".0]]"); /* repeated */
	assert_int_equal(number(settle(store, CA1, "", "", "r", DV1)), 0);
	assert_string_equal(claim_state(store, DV1), "e by " CA2);
	assert_claimed(store, claim_from(store, OTHER_CALL, DV2, CA1),
		       "[-1,on_call]"); /* the others are not free for it */
}

/* ---- what a device has to have ---- */

static struct answer claim_requiring(struct store *store, const char *one, const char *other_or_null)
{
	return store_run(store, SCRIPT_CLAIM_TAKE,
			 (const char *const[]){ CLIENT, CA1, "1", "1", VOICE, "r", LONG, "", "50", "", "",
						one, other_or_null, NULL });
}

static void put_skilled(struct store *store, const char *dv, const char *term, const char *other)
{
	RUN(store, DEVICE_PUT, CLIENT, dv, "new", "", ND1 ".0", "available", VOICE, "{}", "", "", "", term,
	    other);
}

static void test_a_device_has_to_have_all_that_is_required(void **state)
{
	struct store *store = *state;

	put_skilled(store, DV1, "skill=billing", "lang=de");
	put_skilled(store, DV2, "skill=billing", "lang=en");
	put(store, DV3, "available", VOICE);
	assert_claimed(store, claim_requiring(store, "skill=sales", NULL), "[-1,requirement]");
	assert_claimed(store, claim_requiring(store, "skill=billing", "lang=fr"), "[-1,requirement]");
	assert_claimed(store, claim_requiring(store, "skill=billing", "lang=en"), "[[" DV2 "," ND1 ".0]]");
	assert_claimed(store, claim_requiring(store, "skill=billing", NULL),
		       "[[" DV1 "," ND1 ".0],[" DV2 "," ND1 ".0]]");
}

/* ---- what comes of rings that led to nothing ---- */

static void ring_and(struct store *store, const char *how)
{
	assert_claimed(store, claim(store, CA1, LONG), "[[" DV1 "," ND1 ".0]]");
	assert_answer(store, settle(store, CA1, "1", "", how, DV1), "1");
}

static void test_who_is_silent_is_suspect_until_it_is_heard(void **state)
{
	struct store *store = *state;
	const char *reg;

	reg = text(item(put_on_channel(store, DV1, ND1, "available", VOICE), 0));
	ring_and(store, "u");
	assert_string_equal(claim_state(store, DV1), "");
	assert_presence(store, "available ringable 0 media 1 devices 1");
	assert_claimed(store, claim(store, CA2, LONG), "[-1,suspect]");
	assert_answer(store, settle(store, CA1, "1", "", "u", DV1), "0");
	update(store, DV1, reg, "", "", ""); /* its channel was heard */
	assert_presence(store, "available ringable 1 media 1 devices 1");
	/* who has another channel by now was heard there */
	assert_claimed(store, claim(store, CA1, LONG), "[[" DV1 "," ND1 ".0]]");
	put_on_channel(store, DV1, ND2, "available", VOICE);
	settle(store, CA1, "1", "", "u", DV1);
	assert_presence(store, "available ringable 1 media 1 devices 1");
	/* and whoever registers again is a new one */
	put(store, DV1, "available", VOICE);
	ring_and(store, "u");
	put(store, DV1, "available", VOICE);
	assert_presence(store, "available ringable 1 media 1 devices 1");
}

static void set_rules_away_after(struct store *store, const char *n)
{
	DO(store, "HSET", "s:{p0}:" AC, "p", text_of(store, "1|0|0||%s", n));
}

static void test_missed_rings_turn_a_device_away(void **state)
{
	static const char *const breaks[] = { "d", "e" };
	struct store *store = *state;
	const char *reg;

	reg = text(item(put_on_channel(store, DV1, ND1, "available", VOICE), 0));
	for (int i = 0; i < 3; i++)
		ring_and(store, "m"); /* no rule: nothing comes of it */
	assert_presence(store, "available ringable 1 media 1 devices 1");
	set_rules_away_after(store, "2");
	for (size_t i = 0; i < ARRAY_LEN(breaks); i++) {
		update(store, DV1, reg, "available", "", "");
		ring_and(store, "m");
		ring_and(store, breaks[i]); /* no longer in a row */
		settle(store, CA1, "", "", "r", DV1);
		ring_and(store, "m");
		ring_and(store, "r");
		assert_presence(store, "available ringable 1 media 1 devices 1");
		ring_and(store, "m");
		assert_presence(store, "away ringable 0 media 1 devices 1");
	}
	update(store, DV1, reg, "", "", ""); /* that it lives is not that its user is there */
	assert_presence(store, "away ringable 0 media 1 devices 1");
	update(store, DV1, reg, "available", "", "");
	assert_presence(store, "available ringable 1 media 1 devices 1");
	ring_and(store, "m");
	assert_presence(store, "available ringable 1 media 1 devices 1");
}

/* ---- whose it is ---- */

static void test_a_claim_excludes_every_other_call(void **state)
{
	struct store *store = *state;

	put(store, DV1, "available", VOICE);
	assert_claimed(store, claim(store, CA1, LONG), "[[" DV1 "," ND1 ".0]]");
	assert_claimed(store, claim(store, CA2, LONG), "[-1,engaged]");
	assert_claimed(store, engage_own(store, CA2, DV1, LONG), "[-1,engaged]");
	assert_answer(store, settle(store, CA2, "", "", "r", DV1), "0");
	assert_answer(store, settle(store, CA2, "1", "", "e", DV1), "0");
	settle(store, CA1, "1", "", "e", DV1);
	assert_claimed(store, claim(store, CA2, LONG), "[-1,on_call]");
	assert_claimed(store, engage_own(store, CA1, DV1, LONG), "[-1,engaged]");
	assert_string_equal(claim_state(store, DV1), "e by " CA1);
}

/* A successor claims again what its predecessor claimed; after that the predecessor has lost it. */
static void test_a_higher_fence_takes_over_and_a_lower_one_has_lost(void **state)
{
	struct store *store = *state;

	put(store, DV1, "available", VOICE);
	assert_claimed(store, claim_as(store, CA1, "1", "1", VOICE, "50", ""), "[[" DV1 "," ND1 ".0]]");
	assert_claimed(store, claim_as(store, CA1, "2", "1", VOICE, "50", ""), "[[" DV1 "," ND1 ".0]]");
	assert_claimed(store, claim_as(store, CA1, "1", "1", VOICE, "50", ""), "[-1,engaged]");
	/* what it claimed before it slept is not its to give back */
	assert_answer(store, settle(store, CA1, "", "1", "r", DV1), "0");
	assert_string_equal(claim_state(store, DV1), "r by " CA1);
	assert_answer(store, settle(store, CA1, "", "2", "r", DV1), "1");
	assert_string_equal(claim_state(store, DV1), "");
}

static void test_a_late_release_of_an_earlier_attempt_frees_nothing(void **state)
{
	struct store *store = *state;

	put(store, DV1, "available", VOICE);
	claim_as(store, CA1, "1", "1", VOICE, "50", "");
	claim_as(store, CA1, "1", "2", VOICE, "50", "");
	assert_answer(store, settle(store, CA1, "1", "", "r", DV1), "0");
	assert_answer(store, settle(store, CA1, "2", "", "r", DV1), "1");
}

static void test_settling_may_be_repeated(void **state)
{
	struct store *store = *state;
	int64_t version;

	put(store, DV1, "available", VOICE);
	claim(store, CA1, LONG);
	assert_answer(store, settle(store, CA1, "1", "", "e", DV1), "1");
	version = line_number(store, LINE_VERSION);
	assert_answer(store, settle(store, CA1, "1", "", "e", DV1), "0");
	assert_int_equal(line_number(store, LINE_VERSION), version);
	assert_answer(store, settle(store, CA1, "1", "", "r", DV1), "1");
	assert_answer(store, settle(store, CA1, "1", "", "r", DV1), "0");
	assert_answer(store, settle(store, CA1, "1", "", "e", DV1), "0"); /* too late: it is nobody's */
	assert_presence(store, "available ringable 1 media 1 devices 1");
	assert_lives(store, "[" CLIENT ",n:{p0}:" ND1 "]");
}

/* Of two clients that call each other both are busy: the first refused one stays so for a moment. */
static void test_a_claim_that_winds_down_holds_a_moment_longer(void **state)
{
	struct store *store = *state;

	put(store, DV1, "available", VOICE);
	engage_own(store, CA1, DV1, LONG);
	assert_answer(store, settle(store, CA1, "", "", "s", DV1), "1");
	assert_answer(store, settle(store, CA1, "", "", "s", DV1), "0");
	assert_answer(store, settle(store, CA1, "", "", "e", DV1), "0");
	assert_presence(store, "available ringable 0 media 1 devices 1");
	assert_claimed(store, claim(store, CA2, LONG), "[-1,engaged]");
	assert_claimed(store, engage_own(store, CA2, DV1, LONG),
		       "[[" DV1 "," ND1 ".0]]"); /* its owner may call again */

	settle(store, CA2, "", "", "s", DV1);
	while (number(DO(store, "ZCOUNT", DUE, "-inf",
			 text_of(store, "%lld", (long long)store_now_us(store) / 1000))) == 0)
		store_forget(store);
	assert_sweep(store, sweep(store), "[0]");
	assert_presence(store, "available ringable 1 media 1 devices 1");
	assert_lives(store, "[" CLIENT ",n:{p0}:" ND1 "]");
}

/* ---- how claims end ---- */

static void test_a_ring_that_nobody_ends_lets_go_by_itself(void **state)
{
	struct store *store = *state;

	put(store, DV1, "available", VOICE);
	claim(store, CA1, "0");
	assert_presence(store, "available ringable 0 media 1 devices 1");
	assert_sweep(store, sweep(store), "[0]");
	assert_presence(store, "available ringable 1 media 1 devices 1");
	assert_lives(store, "[" CLIENT ",n:{p0}:" ND1 "]");
}

static void test_a_talk_is_looked_at_again_and_again(void **state)
{
	struct store *store = *state;
	const char *listed;

	put(store, DV1, "available", VOICE);
	engage_own(store, CA1, DV1, "0");
	listed = text_of(store, "[0,[" ALICE "|" DV1 ",%s,1]]", field(store, CLIENT, "k" DV1));
	assert_sweep(store, sweep_some(store, "100", "0"), listed);
	assert_sweep(store, sweep_some(store, "100", LONG), listed);
	assert_sweep(store, sweep(store), "[0]"); /* not before its time */
	assert_string_equal(claim_state(store, DV1), "e by " CA1);
}

static void test_a_sweep_tells_of_a_talk_whose_device_is_gone(void **state)
{
	struct store *store = *state;

	put(store, DV1, "available", VOICE);
	engage_own(store, CA1, DV1, "0");
	assert_string_equal(text(item(remove_held(store, DV1, ND1), 2)), field(store, CLIENT, "k" DV1));
	assert_sweep(store, sweep(store),
		     text_of(store, "[0,[" ALICE "|" DV1 ",%s,0]]", field(store, CLIENT, "k" DV1)));
}

static void test_reaping_hands_over_the_claims_of_its_devices(void **state)
{
	struct store *store = *state;
	const char *packed;

	put(store, DV1, "available", VOICE);
	engage_own(store, CA1, DV1, LONG);
	packed = field(store, CLIENT, "k" DV1);
	assert_answer(store, reap(store, ND1), text_of(store, "[0,[" ALICE "|" DV1 ",%s]]", packed));
	assert_string_equal(field(store, CLIENT, "k" DV1), packed); /* the call decides about it */
	assert_presence(store, "offline ringable 0 media 0 devices 0");
}

/* A claim that outlived its device keeps the record; when it goes, the record has an end again. */
static void test_the_last_claim_leaves_nothing_behind(void **state)
{
	struct store *store = *state;

	put(store, DV1, "available", VOICE);
	put(store, DV2, "available", VOICE);
	claim(store, CA1, "0");
	settle(store, CA1, "1", "", "e", DV1);
	remove_held(store, DV1, ND1);
	remove_held(store, DV2, ND1);
	assert_int_equal(forgotten_in_ms(store), -1);
	settle(store, CA1, "1", "", "r", DV1);
	assert_int_equal(forgotten_in_ms(store), -1);
	sweep(store); /* ends the ring of the other */
	assert_true(forgotten_in_ms(store) > 6 * 24 * 3600 * 1000 + 1);
	assert_lives(store, "[" DUE "," CLIENT "]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_why_a_device_cannot_be_rung),
		STORE_TEST(test_the_weightiest_reason_is_told),
		STORE_TEST(test_what_blocks_the_whole_client),
		STORE_TEST(test_a_talk_of_a_device_that_is_gone_blocks_nobody),
		STORE_TEST(test_no_more_than_asked_for_in_order),
		STORE_TEST(test_a_device_comes_along_from_its_call_without_being_free_between),
		STORE_TEST(test_a_device_has_to_have_all_that_is_required),
		STORE_TEST(test_who_is_silent_is_suspect_until_it_is_heard),
		STORE_TEST(test_missed_rings_turn_a_device_away),
		STORE_TEST(test_a_claim_excludes_every_other_call),
		STORE_TEST(test_a_higher_fence_takes_over_and_a_lower_one_has_lost),
		STORE_TEST(test_a_late_release_of_an_earlier_attempt_frees_nothing),
		STORE_TEST(test_settling_may_be_repeated),
		STORE_TEST(test_a_claim_that_winds_down_holds_a_moment_longer),
		STORE_TEST(test_a_ring_that_nobody_ends_lets_go_by_itself),
		STORE_TEST(test_a_talk_is_looked_at_again_and_again),
		STORE_TEST(test_a_sweep_tells_of_a_talk_whose_device_is_gone),
		STORE_TEST(test_reaping_hands_over_the_claims_of_its_devices),
		STORE_TEST(test_the_last_claim_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, store_group_set_up, store_group_tear_down);
}
