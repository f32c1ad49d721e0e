/* test_plan_proof.c - devices that do not acknowledge their ring in time are skipped. */
#include "tests/unit/plan_fixture.h"

enum { PROOF_MS = 2000 };

/* alice has legs 1 and 2, bob has leg 3; all have to acknowledge */
static void ring_with_proof(struct stage *stage)
{
	struct claim_result claims[2];

	stage_claiming(stage, CALLER_DEVICE, DIAL(""));
	claims[0] = claims_of(stage, 2);
	claims[1] = claims_of(stage, 1);
	stage->ring_proof_ms = PROOF_MS;
	round_claims(stage, claims, 2);
	assert_plan(stage, "ringing none 2000 [R 1, R 2, R 3, P 0 ringing] [1=initiated, 2=initiated]");
}

static void test_who_does_not_acknowledge_is_skipped(void **state)
{
	struct stage *stage = *state;

	ring_with_proof(stage);
	time_passes(stage, 500);
	event_ringing(stage, 2);
	round_look(stage);
	assert_plan(stage, "ringing none 1500 [] [2=ringing]");
	time_passes(stage, 1499);
	round_look(stage);
	assert_plan(stage, "ringing none 1 [] []");
	time_passes(stage, 1);
	round_look(stage);
	assert_plan(stage, "ringing none 18000 [L 1, C 1 unreachable, L 3, C 3 unreachable] [1=no-answer]");
	assert_str_equal(call_leg(&stage->call, 1)->reason, "unreachable");
	time_passes(stage, 18000);
	round_look(stage);
	assert_plan(stage, "pause none 5000 [C 2 timeout, L 2] [2=no-answer]");
	assert_str_equal(call_leg(&stage->call, 2)->reason, "timeout");
}

static void test_nobody_acknowledges(void **state)
{
	struct stage *stage = *state;

	ring_with_proof(stage);
	event_reject(stage, 2, "busy"); /* also a sign of life */
	round_look(stage);
	time_passes(stage, PROOF_MS);
	round_look(stage);
	assert_int_equal(stage->call.state, CALL_PAUSE);
	assert_str_equal(stage->call.outcome, "busy");

	ring_with_proof(stage);
	time_passes(stage, PROOF_MS);
	round_look(stage);
	assert_plan(stage,
		    "pause none 5000 [L 1, C 1 unreachable, L 2, C 2 unreachable, L 3, C 3 unreachable] "
		    "[1=no-answer, 2=no-answer]");
	assert_str_equal(stage->call.dial_status, "no-answer");
	assert_str_equal(stage->call.outcome, "unreachable");
}

static void test_an_answer_is_proof(void **state)
{
	struct stage *stage = *state;

	ring_with_proof(stage);
	time_passes(stage, PROOF_MS);
	event_answer(stage, 1); /* just before somebody looked */
	round_look(stage);
	assert_plan(stage, "bridged again 1000 [C 2 answered_elsewhere, L 2, C 3 answered_elsewhere, L 3, E "
			   "1, A 1, A 0] "
			   "[1=ringing, 2=canceled, 0=in-progress, 1=in-progress]");
}

static void test_the_ring_may_be_shorter_than_the_proof(void **state)
{
	struct stage *stage = *state;

	stage_call(stage, CALLER_API);
	stage->call.ring_s = 1;
	round_look(stage);
	stage->ring_proof_ms = PROOF_MS;
	round_claimed_devices(stage, 1, 0);
	assert_plan(stage, "ringing none 1000 [R 1, P 0 ringing] []");
	time_passes(stage, 1000);
	round_look(stage);
	assert_int_equal(stage->call.state, CALL_ENDED);
	assert_str_equal(call_leg(&stage->call, 1)->reason, "timeout");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_who_does_not_acknowledge_is_skipped),
		STAGE_TEST(test_nobody_acknowledges),
		STAGE_TEST(test_an_answer_is_proof),
		STAGE_TEST(test_the_ring_may_be_shorter_than_the_proof),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
