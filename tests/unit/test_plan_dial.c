/* test_plan_dial.c - Dials: who rings, how it ends, who is told. */
#include "tests/unit/plan_fixture.h"

/* Claims refused for these reasons, one per target. */
static void round_refused(struct stage *stage, const char *first, const char *second)
{
	const struct claim_result claims[] = { refused_because(first), refused_because(second) };

	round_claims(stage, claims, stage->call.first_ring ? 1 : 2);
}

static void assert_dial_over(struct stage *stage, const char *status, const char *outcome)
{
	assert_str_equal(stage->call.dial_status, status);
	assert_str_equal(stage->call.outcome, outcome);
}

/* ---- how a Dial ends ---- */

static void test_why_nobody_rings_decides_the_outcome(void **state)
{
	static const struct {
		const char *first, *second, *status, *outcome;
	} rows[] = {
		{ "offline", "offline", "no-answer", "unreachable" },
		{ "away", "media", "no-answer", "unreachable" },
		{ "no_channel", "no_room", "no-answer", "unreachable" },
		{ "busy", "offline", "busy", "busy" },
		{ "offline", "on_call", "busy", "busy" },
		{ "engaged", "offline", "busy", "busy" },
		{ "offline", "dnd", "busy", "busy" },
	};
	struct stage *stage = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		stage_claiming(stage, CALLER_DEVICE, DIAL(""));
		round_refused(stage, rows[i].first, rows[i].second);
		assert_dial_over(stage, rows[i].status, rows[i].outcome);

		stage_call(stage, CALLER_API);
		round_look(stage);
		round_refused(stage, rows[i].first, "");
		assert_int_equal(stage->call.state, CALL_ENDED);
	}
}

static void test_who_refused_decides_the_outcome(void **state)
{
	static const struct {
		const char *legs[3]; /* NULL: it is lost */
		const char *status, *outcome;
	} rows[] = {
		{ { "declined", "declined", "declined" }, "busy", "declined" },
		{ { "busy", "declined", "busy" }, "busy", "declined" },
		{ { "busy", NULL, NULL }, "busy", "busy" },
		{ { NULL, NULL, "declined" }, "busy", "declined" },
		{ { NULL, NULL, NULL }, "no-answer", "unreachable" },
	};
	struct stage *stage = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		stage_ringing(stage, CALLER_DEVICE, DIAL(""));
		for (unsigned leg = 1; leg <= 3; leg++) {
			if (rows[i].legs[leg - 1])
				event_reject(stage, leg, rows[i].legs[leg - 1]);
			else
				event_lost(stage, leg);
			round_look(stage); /* each noticed by itself */
			assert_int_equal(stage->call.state, leg < 3 ? CALL_RINGING : CALL_PAUSE);
		}
		assert_dial_over(stage, rows[i].status, rows[i].outcome);
	}
}

static void test_a_ring_ends_when_its_time_is_over(void **state)
{
	struct stage *stage = *state;

	stage_ringing(stage, CALLER_DEVICE, DIAL(""));
	time_passes(stage, 19999);
	round_look(stage);
	assert_plan(stage, "ringing none 1 [] []");
	event_reject(stage, 1, "declined");
	time_passes(stage, 1);
	round_look(stage);
	assert_plan(stage, "pause none 5000 [L 1, C 2 timeout, L 2, C 3 timeout, L 3] [1=busy, 2=no-answer]");
	assert_dial_over(stage, "no-answer", "no-answer");
}

static void test_the_action_hears_how_it_went(void **state)
{
	struct stage *stage = *state;
	const char *leg;

	stage_bridged(stage, CALLER_DEVICE, DIAL("action=\"/after\" method=\"GET\""));
	time_passes(stage, 7900);
	event_hangup(stage, 1);
	round_look(stage);
	assert_plan(stage, "fetch fetch 3000 [L 1] [1=completed]");
	leg = arena_printf(stage->arena, "%s", sid_leg(stage->call.id, 1).s).p;
	assert_str_equal(stage->call.fetch_url, AFTER);
	assert_true(stage->call.fetch_get);
	assert_str_equal(
		stage->call.fetch_extra,
		arena_printf(stage->arena,
			     "DialCallStatus=completed&DialBridged=true&DialCallSid=%s&DialCallDuration=7",
			     leg)
			.p);
	assert_string_equal(callback_parameter(stage, 0, "CallDuration"), "7");
	assert_int_equal(stage->call.hangup_leg, -1);

	stage_claiming(stage, CALLER_DEVICE, DIAL("action=\"/after\""));
	round_refused(stage, "offline", "dnd");
	assert_str_equal(stage->call.fetch_extra, "DialCallStatus=busy&DialBridged=false");
	assert_false(stage->call.fetch_get);
	/* the next document knows nothing of it */
	round_document(stage, "<Response><Redirect>/more</Redirect></Response>");
	assert_str_equal(stage->call.fetch_extra, "");
}

static void test_the_next_dial_begins_anew(void **state)
{
	struct stage *stage = *state;

	stage_bridged(stage, CALLER_DEVICE,
		      "<Response><Dial><Client>alice</Client><Client>bob</Client></Dial>"
		      "<Dial timeout=\"5\"><Client>carol</Client></Dial></Response>");
	event_hangup(stage, 1);
	round_look(stage);
	assert_plan(stage, "claim claim 5000 [L 1] []");
	assert_int_equal(stage->call.attempt, 2);
	assert_int_equal(stage->call.winner, 0);
	assert_str_equal(stage->call.answer_sdp, "");
	round_claims(stage, (struct claim_result[]){ claims_of(stage, 1) }, 1);
	assert_plan(stage, "ringing none 5000 [R 4, P 0 ringing] []");
	event_answer(stage, 4);
	round_look(stage);
	/* the call's own `in-progress` is told once */
	assert_plan(stage, "bridged again 1000 [E 4, A 4, A 0] []");
}

/* ---- who rings ---- */

static void test_what_cannot_be_rung_is_passed_over(void **state)
{
	struct stage *stage = *state;
	struct claim_result claims[] = { refused_because("named_twice"), claims_of(stage, 1),
					 refused_because("named_twice") };

	stage_claiming(stage, CALLER_DEVICE,
		       "<Response><Dial><Number>+15550001</Number><Client>bob</Client>"
		       "<Client>bob</Client></Dial></Response>");
	round_claims(stage, claims, ARRAY_LEN(claims));
	assert_plan(stage, "ringing none 30000 [R 1, P 0 ringing] []");
	assert_int_equal(call_leg(&stage->call, 1)->target, 1);
	assert_str_equal(call_leg(&stage->call, 1)->identity, "bob");
}

static void assert_shares(struct stage *stage, const size_t claimed[], const size_t kept[], size_t n)
{
	struct claim_result claims[PLAN_RING_MAX], surplus[PLAN_RING_MAX];
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		claims[i] = claims_of(stage, claimed[i]);
	for (size_t i = 0; i < n; i++)
		total += claimed[i] - kept[i];
	assert_int_equal(plan_share_room(&stage->call, claims, surplus, n), total);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(claims[i].n, kept[i]);
		assert_int_equal(surplus[i].n, claimed[i] - kept[i]);
		if (surplus[i].n)
			assert_ptr_equal(surplus[i].devices, claims[i].devices + kept[i]);
		if (claimed[i] && !kept[i])
			assert_str_equal(claims[i].reason, "no_room");
	}
}

static void test_room_is_shared_so_that_every_client_rings(void **state)
{
	struct stage *stage = *state;

	stage_call(stage, CALLER_DEVICE);
	assert_shares(stage, (size_t[]){ 2, 0, 1 }, (size_t[]){ 2, 0, 1 }, 3);
	assert_shares(stage, (size_t[]){ 30, 30 }, (size_t[]){ 25, 25 }, 2);
	assert_shares(stage, (size_t[]){ 50, 1, 3 }, (size_t[]){ 46, 1, 3 }, 3);
	assert_shares(stage, (size_t[]){ 20, 20, 20 }, (size_t[]){ 17, 17, 16 }, 3);
	stage->call.leg_count = CALL_LEGS_MAX - 2;
	assert_shares(stage, (size_t[]){ 2, 2, 2 }, (size_t[]){ 1, 1, 0 }, 3);
	stage->call.leg_count = CALL_LEGS_MAX;
	assert_shares(stage, (size_t[]){ 1, 0 }, (size_t[]){ 0, 0 }, 2);
}

/* ---- limits of time ---- */

static void test_the_shorter_time_limit_ends_the_talk(void **state)
{
	struct stage *stage = *state;

	stage_bridged(stage, CALLER_DEVICE, DIAL("")); /* its own limit is 60 s */
	stage->call.time_limit_s = 90;
	time_passes(stage, 60000);
	round_look(stage);
	assert_plan(stage, "pause none 5000 [H 1 time_limit, L 1] [1=completed]");
	time_passes(stage, 4000);
	round_look(stage);
	assert_plan(stage, "pause none 1000 [] []");

	stage_bridged(stage, CALLER_DEVICE, DIAL(""));
	stage->call.time_limit_s = 20;
	time_passes(stage, 5000);
	round_look(stage);
	assert_plan(stage, "bridged none 15000 [] []");
	time_passes(stage, 15000);
	round_look(stage);
	assert_plan(stage,
		    "ended none 0 [H 1 time_limit, L 1, H 0 time_limit, L 0] [1=completed, 0=completed]");
	assert_str_equal(stage->call.status, "completed");
}

static void test_a_call_that_is_not_up_has_no_time_limit(void **state)
{
	struct stage *stage = *state;

	stage_ringing(stage, CALLER_DEVICE, DIAL(""));
	stage->call.time_limit_s = 1;
	time_passes(stage, 5000);
	round_look(stage);
	assert_plan(stage, "ringing none 15000 [] []");
}

/* ---- a gateway ---- */

static void test_a_waiting_gateway_is_told_of_every_end(void **state)
{
	struct stage *stage = *state;

	stage_ringing(stage, CALLER_GATEWAY, DIAL(""));
	event_hangup(stage, 0); /* by another request than the one that waits */
	round_look(stage);
	assert_plan(stage,
		    "ended none 0 [C 1 caller_hangup, L 1, C 2 caller_hangup, L 2, C 3 caller_hangup, L 3, "
		    "H 0 caller_hangup] [1=canceled, 2=canceled, 0=canceled]");
	assert_str_equal(stage->call.outcome, "caller_hangup");
	stage_ringing(stage, CALLER_GATEWAY, DIAL(""));
	event_control(stage, "completed");
	round_look(stage);
	assert_str_equal(stage->call.status, "canceled");
	assert_str_equal(stage->call.outcome, "canceled");
}

/* Both are told to be busy; the claim of a caller that was refused as busy winds down. */
static void test_a_caller_that_finds_all_busy_is_let_go_slowly(void **state)
{
	struct stage *stage = *state;

	stage_claiming(stage, CALLER_DEVICE,
		       "<Response><Dial><Client>alice</Client><Client>bob</Client></Dial></Response>");
	round_refused(stage, "on_call", "offline");
	assert_plan(stage, "ended none 0 [H 0 busy, L 0 busy] [0=busy]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_why_nobody_rings_decides_the_outcome),
		STAGE_TEST(test_who_refused_decides_the_outcome),
		STAGE_TEST(test_a_ring_ends_when_its_time_is_over),
		STAGE_TEST(test_the_action_hears_how_it_went),
		STAGE_TEST(test_the_next_dial_begins_anew),
		STAGE_TEST(test_what_cannot_be_rung_is_passed_over),
		STAGE_TEST(test_room_is_shared_so_that_every_client_rings),
		STAGE_TEST(test_the_shorter_time_limit_ends_the_talk),
		STAGE_TEST(test_a_call_that_is_not_up_has_no_time_limit),
		STAGE_TEST(test_a_waiting_gateway_is_told_of_every_end),
		STAGE_TEST(test_a_caller_that_finds_all_busy_is_let_go_slowly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
