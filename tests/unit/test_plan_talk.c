/* test_plan_talk.c - hold and transfer: who hears what, who leaves, who is rung then. */
#include "tests/unit/plan_fixture.h"

/* ---- hold ---- */

static void test_the_other_side_hears_of_a_hold_once(void **state)
{
	struct stage *stage = *state;

	stage_bridged(stage, CALLER_DEVICE, DIAL(""));
	stage->call.hold = 1;
	round_look(stage);
	assert_plan(stage, "bridged none 60000 [N 1 held] []");
	round_look(stage);
	assert_plan(stage, "bridged none 60000 [] []");
	stage->call.hold = 2;
	round_look(stage);
	assert_plan(stage, "bridged none 60000 [N 1 resumed, N 0 held] []");
}

static void test_a_hold_ends_with_its_talk(void **state)
{
	struct stage *stage = *state;

	stage_bridged(stage, CALLER_DEVICE, DIAL(""));
	stage->call.hold = 3;
	round_look(stage);
	event_hangup(stage, 1);
	round_look(stage);
	assert_int_equal(stage->call.hold, 0);
	assert_int_equal(stage->call.hold_told, 0);
}

/* ---- transfer ---- */

static void want_transfer(struct stage *stage, unsigned leg)
{
	stage->call.transfer_to = STR("client:carol");
	stage->call.transfer_leg = leg;
	stage->call.hold = stage->call.hold_told = 1;
	round_look(stage);
}

static struct plan_target only_target(struct stage *stage)
{
	struct plan_target targets[PLAN_RING_MAX];
	struct plan plan = { .arena = stage->arena };

	assert_int_equal(plan_targets(&stage->call, &plan, targets, PLAN_RING_MAX), 1);
	return targets[0];
}

static void test_who_was_called_leaves_and_the_caller_is_led_on(void **state)
{
	struct stage *stage = *state;

	stage_bridged(stage, CALLER_DEVICE, DIAL(""));
	stage->call.sdp = STR("v=0 offer");
	want_transfer(stage, 1);
	assert_plan(stage,
		    "claim claim 5000 [H 1 transferred, L 1, N 0 transferred client:carol] [1=completed]");
	assert_int_equal(stage->call.hold, 0);
	assert_str_equal(stage->call.transfer_to, "");
	assert_str_equal(stage->call.sdp, "");
	assert_str_equal(only_target(stage).identity, "carol");
	assert_str_equal(only_target(stage).from, "+15550123");
}

static void test_the_caller_leaves_and_who_was_called_is_led_on(void **state)
{
	struct stage *stage = *state;
	struct sid caller;

	stage_bridged(stage, CALLER_DEVICE, DIAL(""));
	stage->call.caller_identity = STR("zoe");
	(void)!str_copy(STR("ND1.0"), stage->call.caller_address.s, sizeof(stage->call.caller_address.s));
	caller = stage->call.caller_device;
	want_transfer(stage, 0);
	assert_plan(stage, arena_printf(stage->arena,
					"claim claim 5000 [X 0 %s ND1.0 transferred, F 0 %s zoe, "
					"N 0 transferred client:carol] [1=completed]",
					caller.s, caller.s)
				   .p);
	assert_int_equal(stage->call.caller_leg, 1);
	assert_string_equal(stage->call.caller_device.s, stage->call.legs[0].device.s);
	assert_int_equal(stage->call.legs[0].status, LEG_ANSWERED);
	assert_str_equal(only_target(stage).from, "client:alice");
}

static void test_a_gateway_is_led_on_with_the_offer_that_it_made(void **state)
{
	struct stage *stage = *state;

	stage_bridged(stage, CALLER_GATEWAY, DIAL(""));
	stage->call.sdp = STR("v=0 offer");
	want_transfer(stage, 1);
	assert_str_equal(stage->call.sdp, "v=0 offer");
}

static void test_who_stays_hears_why_nobody_follows(void **state)
{
	struct stage *stage = *state;
	const struct claim_result dnd = refused_because("dnd");

	stage_bridged(stage, CALLER_DEVICE, DIAL(""));
	want_transfer(stage, 1);
	round_claims(stage, &dnd, 1);
	assert_plan(stage, "ended none 0 [H 0 busy, L 0] [0=completed]");
	assert_str_equal(stage->call.outcome, "completed");
}

static void test_who_hangs_up_first_is_not_led_on(void **state)
{
	struct stage *stage = *state;

	stage_bridged(stage, CALLER_DEVICE, DIAL(""));
	event_hangup(stage, 1);
	want_transfer(stage, 0);
	assert_plan(stage, "pause none 5000 [L 1] [1=completed]");
	assert_str_equal(stage->call.transfer_to, "");
}

static void test_of_two_talks_the_other_one_ends_too(void **state)
{
	struct stage *stage = *state;
	struct sid device, leg;

	stage_bridged(stage, CALLER_DEVICE, DIAL(""));
	stage->call.transfer_with =
		STR("DV00000000000000000000000000000007 CA0000000000000000000000000b000002");
	assert_false(call_comes_along(&stage->call, &device, &leg));
	want_transfer(stage, 1);
	assert_plan(stage, "claim claim 5000 [H 1 transferred, L 1, Z 0 CA0000000000000000000000000b000002, "
			   "N 0 transferred client:carol] [1=completed]");
	assert_true(call_comes_along(&stage->call, &device, &leg));
	assert_string_equal(device.s, "DV00000000000000000000000000000007");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_the_other_side_hears_of_a_hold_once),
		STAGE_TEST(test_a_hold_ends_with_its_talk),
		STAGE_TEST(test_who_was_called_leaves_and_the_caller_is_led_on),
		STAGE_TEST(test_the_caller_leaves_and_who_was_called_is_led_on),
		STAGE_TEST(test_a_gateway_is_led_on_with_the_offer_that_it_made),
		STAGE_TEST(test_who_stays_hears_why_nobody_follows),
		STAGE_TEST(test_who_hangs_up_first_is_not_led_on),
		STAGE_TEST(test_of_two_talks_the_other_one_ends_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
