/* test_plan_wake.c - nobody of a Dial can be rung, and the account has clients woken. */
#include "tests/unit/plan_fixture.h"

enum { WAKE_MS = 2500 };

static void nobody_is_there(struct stage *stage, const char *alice, const char *bob)
{
	const struct claim_result claims[] = { refused_because(alice), refused_because(bob) };

	round_claims(stage, claims, stage->call.first_ring ? 1 : 2);
}

static void hold(struct stage *stage)
{
	stage_claiming(stage, CALLER_DEVICE, DIAL(""));
	stage->wake_ms = WAKE_MS;
	nobody_is_there(stage, "offline", "no_channel");
	assert_plan(stage, "claim none 1000 [W 0 alice, W 0 bob] []");
}

static void look_again(struct stage *stage, int64_t after_ms)
{
	time_passes(stage, after_ms);
	round_look(stage);
	assert_plan(stage, "claim claim 5000 [] []");
}

static void test_a_ring_waits_for_who_was_woken(void **state)
{
	struct stage *stage = *state;

	hold(stage);
	look_again(stage, 1000);
	nobody_is_there(stage, "offline", "offline");
	assert_plan(stage, "claim none 1000 [] []"); /* asked once */
	look_again(stage, 1000);
	nobody_is_there(stage, "offline", "offline");
	assert_plan(stage, "claim none 500 [] []");
	look_again(stage, 400);
	round_claimed_devices(stage, 0, 1);
	assert_plan(stage, "ringing none 20000 [R 1, P 0 ringing] []");
	assert_str_equal(call_leg(&stage->call, 1)->identity, "bob");
}

static void test_who_does_not_wake_up_is_unreachable(void **state)
{
	struct stage *stage = *state;

	hold(stage);
	look_again(stage, WAKE_MS);
	nobody_is_there(stage, "offline", "offline");
	assert_int_equal(stage->call.state, CALL_PAUSE);
	assert_str_equal(stage->call.outcome, "unreachable");
}

static void test_only_who_is_offline_is_woken(void **state)
{
	struct stage *stage = *state;

	stage->wake_ms = WAKE_MS;
	stage_claiming(stage, CALLER_DEVICE, DIAL(""));
	nobody_is_there(stage, "dnd", "offline");
	assert_plan(stage, "claim none 1000 [W 0 bob] []");
	stage_claiming(stage, CALLER_DEVICE, DIAL(""));
	nobody_is_there(stage, "on_call", "suspect");
	assert_int_equal(stage->call.state, CALL_PAUSE);
	stage_claiming(stage, CALLER_DEVICE, DIAL(""));
	round_claimed_devices(stage, 1, 0);
	assert_plan(stage, "ringing none 20000 [R 1, P 0 ringing] [1=initiated]"); /* bob may sleep */
}

static void test_the_caller_need_not_wait(void **state)
{
	struct stage *stage = *state;

	hold(stage);
	event_hangup(stage, 0);
	look_again(stage, 10);
	nobody_is_there(stage, "offline", "offline");
	assert_plan(stage, "ended none 0 [L 0] [0=canceled]");
}

static void test_each_dial_wakes_anew(void **state)
{
	struct stage *stage = *state;

	hold(stage);
	look_again(stage, WAKE_MS);
	stage->call.redirect_document = STR("<Response><Dial><Client>carol</Client></Dial></Response>");
	nobody_is_there(stage, "offline", "offline");
	assert_int_equal(stage->call.state, CALL_CLAIM);
	round_claims(stage, (struct claim_result[]){ refused_because("offline") }, 1);
	assert_plan(stage, "claim none 1000 [W 0 carol] []");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_a_ring_waits_for_who_was_woken),
		STAGE_TEST(test_who_does_not_wake_up_is_unreachable),
		STAGE_TEST(test_only_who_is_offline_is_woken),
		STAGE_TEST(test_the_caller_need_not_wait),
		STAGE_TEST(test_each_dial_wakes_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
