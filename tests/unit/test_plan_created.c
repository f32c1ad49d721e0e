/* test_plan_created.c - calls created by the backend: the first ring, and how its answer becomes the caller. */
#include "tests/unit/plan_fixture.h"

static void stage_created(struct stage *stage, size_t devices)
{
	stage_call(stage, CALLER_API);
	round_look(stage);
	assert_plan(stage, "claim claim 5000 [] [0=initiated]");
	round_claims(stage, (struct claim_result[]){ claims_of(stage, devices) }, 1);
}

static void test_the_first_answer_of_a_created_call_becomes_its_caller(void **state)
{
	struct stage *stage = *state;

	stage_created(stage, 2);
	assert_plan(stage, "ringing none 30000 [R 1, R 2, P 0 ringing] []");
	event_ringing(stage, 2);
	round_look(stage);
	event_ringing(stage, 1);
	assert_plan(stage, "ringing none 30000 [] [0=ringing]");
	round_look(stage);
	assert_plan(stage, "ringing none 30000 [] []");
	event_answer(stage, 2);
	round_look(stage);
	assert_plan(stage, "fetch fetch 3000 [C 1 answered_elsewhere, L 1, E 2] [0=in-progress]");
	assert_str_equal(stage->call.fetch_url, URL);
	assert_int_equal(stage->call.caller, CALLER_DEVICE);
	assert_int_equal(stage->call.caller_leg, 2);
	assert_true(sid_eq(stage->call.caller_device, call_leg(&stage->call, 2)->device));
	assert_str_equal(stage->call.sdp, "v=0 answer");

	round_document(stage, DIAL(""));
	round_claimed_devices(stage, 1, 0);
	event_answer(stage, 3);
	round_look(stage);
	assert_plan(stage, "bridged again 1000 [E 3, A 3, A 0] [3=ringing, 3=in-progress]");
	event_hangup(stage, 0);
	round_look(stage);
	/* leg 2 is the caller by now: it is let go as such */
	assert_plan(stage, "ended none 0 [H 3 remote_hangup, L 3, L 0] [3=completed, 0=completed]");
}

/* ---- led elsewhere in mid-call ---- */

static void redirect(struct stage *stage, const char *url, const char *document)
{
	stage->call.redirect_url = str_of(url);
	stage->call.redirect_document = str_of(document);
	round_look(stage);
}

static void test_a_call_can_be_led_elsewhere_whatever_it_does(void **state)
{
	struct stage *stage = *state;

	stage_created(stage, 1);
	event_answer(stage, 1);
	round_look(stage);
	redirect(stage, "http://other.example/", "");
	assert_plan(stage, "fetch fetch 3000 [] []");
	assert_str_equal(stage->call.fetch_url, "http://other.example/");
	assert_int_equal(stage->call.redirect_url.n, 0);

	/* while the devices are being claimed: they are given back, then the new document runs */
	round_document(stage, DIAL(""));
	redirect(stage, "", DIAL(""));
	assert_plan(stage, "claim claim 5000 [] []");
	round_claims(stage, (struct claim_result[]){ claims_of(stage, 1) }, 1);
	assert_plan(stage, "claim claim 5000 [L 2] []");

	/* while they ring, while they talk */
	round_claims(stage, (struct claim_result[]){ claims_of(stage, 1) }, 1);
	redirect(stage, "", DIAL(""));
	assert_plan(stage, "claim claim 5000 [C 3 completed, L 3] []");
	round_claims(stage, (struct claim_result[]){ claims_of(stage, 1) }, 1);
	event_answer(stage, 4);
	redirect(stage, "http://other.example/", "");
	assert_plan(stage, "bridged again 1000 [E 4, A 4, A 0] []");
	round_look(stage);
	assert_plan(stage, "fetch fetch 3000 [H 4 completed, L 4] []");
}

static void test_a_created_call_that_nobody_answers_ends(void **state)
{
	struct stage *stage = *state;

	stage_created(stage, 1);
	time_passes(stage, 30000);
	round_look(stage);
	assert_plan(stage, "ended none 0 [C 1 timeout, L 1] [0=no-answer]");
	stage_created(stage, 1);
	event_reject(stage, 1, "declined");
	round_look(stage);
	assert_plan(stage, "ended none 0 [L 1] [0=busy]");
	assert_str_equal(stage->call.outcome, "declined");
	stage_created(stage, 0);
	assert_plan(stage, "ended none 0 [] [0=no-answer]");
	assert_str_equal(stage->call.outcome, "unreachable");
}

static void test_its_own_document_needs_no_fetch(void **state)
{
	struct stage *stage = *state;

	stage_created(stage, 1);
	stage->call.inline_document = STR("<Response><Dial><Client>bob</Client></Dial></Response>");
	event_answer(stage, 1);
	round_look(stage);
	assert_plan(stage, "claim claim 5000 [E 1] [0=ringing, 0=in-progress]");
	stage_created(stage, 1);
	stage->call.inline_document = STR("<Response><Dial>");
	event_answer(stage, 1);
	round_look(stage);
	assert_plan(stage, "ended none 0 [E 1, H 0 failed, L 0] [0=ringing, 0=in-progress, 0=failed]");
}

/* What the winner did before its answer was planned was said by the caller. */
static void test_a_winner_that_is_gone_at_once_ends_the_created_call(void **state)
{
	struct stage *stage = *state;

	stage_created(stage, 1);
	event_answer(stage, 1);
	event_hangup(stage, 1);
	round_look(stage);
	assert_plan(stage, "ended none 0 [E 1, L 0] [0=ringing, 0=in-progress, 0=completed]");

	stage_created(stage, 1);
	stage->call.inline_document = STR("<Response><Dial><Client>bob</Client></Dial></Response>");
	event_answer(stage, 1);
	event_hangup(stage, 1);
	round_look(stage);
	assert_plan(stage, "ended none 0 [E 1, L 0] [0=ringing, 0=in-progress, 0=completed]");

	stage_created(stage, 1);
	event_answer(stage, 1);
	call_leg(&stage->call, 1)->lost_until_ms = stage->call.now_ms + 2000;
	round_look(stage);
	assert_plan(stage, "fetch fetch 2000 [E 1] [0=ringing, 0=in-progress]");
	time_passes(stage, 2000);
	round_look(stage);
	assert_plan(stage, "ended none 0 [L 0] [0=completed]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_the_first_answer_of_a_created_call_becomes_its_caller),
		STAGE_TEST(test_a_call_can_be_led_elsewhere_whatever_it_does),
		STAGE_TEST(test_a_created_call_that_nobody_answers_ends),
		STAGE_TEST(test_its_own_document_needs_no_fetch),
		STAGE_TEST(test_a_winner_that_is_gone_at_once_ends_the_created_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
