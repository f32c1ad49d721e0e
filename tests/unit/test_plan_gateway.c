/* test_plan_gateway.c - numbers and SIP addresses among what a call rings. */
#include "tests/unit/plan_fixture.h"

#define NUMBER "+15550177"
#define DIAL_NUMBER                                                                                          \
	"<Response><Dial timeout=\"20\"><Number statusCallback=\"/leg\" statusCallbackEvent=\"initiated "    \
	"answered completed\">" NUMBER "</Number><Client>bob</Client></Dial></Response>"

static struct claim_result by_gateway(struct stage *stage)
{
	return (struct claim_result){ .reason = STR_NULL,
				      .devices = arena_alloc(stage->arena, sizeof(struct claimed_device)),
				      .n = 1 };
}

/* leg 1 is the number's, leg 2 bob's */
static void stage_number(struct stage *stage, enum caller_kind caller)
{
	struct claim_result claims[2];

	stage_claiming(stage, caller, DIAL_NUMBER);
	claims[0] = by_gateway(stage);
	claims[1] = claims_of(stage, 1);
	round_claims(stage, claims, 2);
}

static bool is_traced(const struct stage *stage, const char *text)
{
	for (size_t i = 0; i < stage->plan.n_traces; i++) {
		if (strstr(arena_cstr(stage->arena, stage->plan.traces[i]), text))
			return true;
	}
	return false;
}

static void test_a_number_rings_beside_clients(void **state)
{
	struct stage *stage = *state;

	stage_number(stage, CALLER_DEVICE);
	assert_plan(stage, "ringing none 20000 [R 1, R 2, P 0 ringing] [1=initiated]");
	assert_string_equal(callback_parameter(stage, 0, "To"), NUMBER);
	assert_true(leg_is_gateways(call_leg(&stage->call, 1)));
	assert_false(leg_is_gateways(call_leg(&stage->call, 2)));
	assert_true(is_traced(stage, "{\"to\":\"" NUMBER "\",\"leg\":1,\"by\":\"gateway\"}"));
	assert_true(is_traced(stage, "\"client\":\"bob\""));

	event_answer(stage, 1);
	round_look(stage);
	assert_plan(stage, "bridged again 1000 [C 2 answered_elsewhere, L 2, E 1, A 1, A 0] [0=in-progress, "
			   "1=in-progress]");
	round_look(stage);
	event_hangup(stage, 1);
	round_look(stage);
	assert_plan(stage, "ended none 0 [L 1, H 0 completed, L 0] [1=completed, 0=completed]");
}

static void test_without_a_gateway_only_the_clients_ring(void **state)
{
	struct stage *stage = *state;
	struct claim_result claims[2];

	stage_claiming(stage, CALLER_DEVICE, DIAL_NUMBER);
	claims[0] = refused_because("no_gateway");
	claims[1] = claims_of(stage, 1);
	round_claims(stage, claims, 2);
	assert_plan(stage, "ringing none 20000 [R 1, P 0 ringing] []");
	assert_true(is_traced(stage, "{\"to\":\"" NUMBER "\",\"reason\":\"no_gateway\"}"));
}

static void test_a_gateway_that_cannot_reach_it_leaves_the_others(void **state)
{
	struct stage *stage = *state;

	stage_number(stage, CALLER_DEVICE);
	event_lost(stage, 1);
	call_leg(&stage->call, 1)->reason = STR("not_taken");
	round_look(stage);
	assert_plan(stage, "ringing none 20000 [L 1] [1=no-answer]");
	event_reject(stage, 2, "busy");
	round_look(stage);
	assert_int_equal(stage->call.state, CALL_ENDED);
	assert_str_equal(stage->call.outcome, "busy");
}

static void test_the_first_ring_of_a_number_makes_a_gateway_the_caller(void **state)
{
	struct stage *stage = *state;
	struct claim_result claim;

	stage_call(stage, CALLER_API);
	stage->call.to = STR(NUMBER);
	round_look(stage);
	claim = by_gateway(stage);
	round_claims(stage, &claim, 1);
	event_answer(stage, 1);
	round_look(stage);
	assert_int_equal(stage->call.caller, CALLER_GATEWAY);
	assert_int_equal(stage->call.caller_leg, 1);
	assert_str_equal(stage->call.sdp, "v=0 answer");

	/* who has hung up hears no more of it */
	event_hangup(stage, 0);
	round_look(stage);
	assert_plan(stage, "ended none 0 [] [0=completed]");
}

static void test_rest_ends_a_call_whose_caller_is_a_gateway(void **state)
{
	struct stage *stage = *state;
	struct claim_result claim;

	stage_call(stage, CALLER_API);
	stage->call.to = STR("sip:desk@pbx.example");
	round_look(stage);
	claim = by_gateway(stage);
	round_claims(stage, &claim, 1);
	event_answer(stage, 1);
	round_look(stage);
	event_control(stage, "completed");
	round_look(stage);
	assert_plan(stage, "ended none 0 [H 0 completed] [0=completed]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_a_number_rings_beside_clients),
		STAGE_TEST(test_without_a_gateway_only_the_clients_ring),
		STAGE_TEST(test_a_gateway_that_cannot_reach_it_leaves_the_others),
		STAGE_TEST(test_the_first_ring_of_a_number_makes_a_gateway_the_caller),
		STAGE_TEST(test_rest_ends_a_call_whose_caller_is_a_gateway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
