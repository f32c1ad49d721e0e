/* test_plan_message.c - a message: delivered to devices, over when each client has it. */
#include "tests/unit/plan_fixture.h"

static void stage_message(struct stage *stage, enum caller_kind caller, size_t alices, size_t bobs)
{
	stage_call(stage, caller);
	stage->call.medium = MEDIA_MESSAGE;
	stage->call.body = STR("hello");
	round_look(stage);
	round_document(stage, DIAL(""));
	round_claimed_devices(stage, alices, bobs);
}

static void test_each_client_has_to_have_it(void **state)
{
	struct stage *stage = *state;

	stage_message(stage, CALLER_DEVICE, 2, 1);
	assert_plan(stage, "ringing none 20000 [R 1, R 2, R 3, P 0 ringing] [1=initiated, 2=initiated]");
	event_ringing(stage, 2);
	round_look(stage);
	assert_plan(stage, "ringing none 20000 [M 2] [2=completed]");
	event_ringing(stage, 3);
	round_look(stage);
	assert_int_equal(stage->call.winner, 2);
	assert_str_equal(stage->call.dial_status, "completed");
	assert_str_equal(stage->call.outcome, "delivered");
	assert_int_equal(stage->call.state, CALL_PAUSE);
	assert_int_equal(call_leg(&stage->call, 1)->status, LEG_ENDED);
}

static void test_the_end_of_the_document_is_the_end_of_the_message(void **state)
{
	struct stage *stage = *state;

	stage_message(stage, CALLER_GATEWAY, 1, 0);
	event_ringing(stage, 1);
	round_look(stage);
	time_passes(stage, 5000);
	round_look(stage);
	assert_plan(stage, "ended none 0 [H 0 delivered] [0=completed]");
	assert_string_equal(callback_parameter(stage, 0, "MessageStatus"), "delivered");
	assert_string_equal(callback_parameter(stage, 0, "MessageSid"), CA);
	assert_str_equal(stage->call.status, "completed");
}

static void test_nobody_acknowledges(void **state)
{
	struct stage *stage = *state;

	stage_message(stage, CALLER_GATEWAY, 1, 1);
	event_lost(stage, 2);
	round_look(stage);
	assert_plan(stage, "ringing none 20000 [] []");
	time_passes(stage, 20000);
	round_look(stage);
	assert_str_equal(stage->call.dial_status, "no-answer");
	time_passes(stage, 5000);
	round_look(stage);
	assert_plan(stage, "ended none 0 [H 0 unreachable] [0=no-answer]");
	assert_string_equal(callback_parameter(stage, 0, "MessageStatus"), "undelivered");
}

static void test_its_sender_may_take_it_back(void **state)
{
	struct stage *stage = *state;

	stage_message(stage, CALLER_GATEWAY, 1, 0);
	event_control(stage, "canceled");
	round_look(stage);
	assert_int_equal(stage->call.state, CALL_ENDED);
	assert_str_equal(stage->call.status, "canceled");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_each_client_has_to_have_it),
		STAGE_TEST(test_the_end_of_the_document_is_the_end_of_the_message),
		STAGE_TEST(test_nobody_acknowledges),
		STAGE_TEST(test_its_sender_may_take_it_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
