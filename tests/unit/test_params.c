/* test_params.c - what customers' servers are told about a call, name by name. */
#include "tests/unit/unit.h"

#include "routing-svc/params.h"

#define AC   "AC00000000000000000000000000000001"
#define CA   "CA0000000000000000000000000a000000"
#define LEG2 "CA0000000000000000000000000a000002"
#define AP   "AP00000000000000000000000000000001"

static struct arena *arena;
static struct leg legs[2];

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static struct call a_call(void)
{
	struct call call = {
		.from = STR("+15550123"),
		.to = STR("sales & more"),
		.now_ms = INT64_C(1795328248123),
		.legs = legs,
		.leg_count = ARRAY_LEN(legs),
	};

	legs[0] = (struct leg){ .number = 1, .identity = STR("alice"), .device = sid_new("DV") };
	legs[1] = (struct leg){ .number = 2, .identity = STR("team/bob"), .device = sid_new("DV") };
	assert_true(sid_parse(STR(CA), "CA", &call.id) && sid_parse(STR(AC), "AC", &call.account));
	return call;
}

static const char *fetch_of(const struct call *call)
{
	struct buf out;
	const char *text;

	buf_init(&out, 65536);
	params_fetch(call, &out);
	text = arena_cstr(arena, buf_str(&out));
	buf_fini(&out);
	return text;
}

static const char *callback_of(const struct call *call, const struct leg *leg, const char *status)
{
	struct buf out;
	const char *text;

	buf_init(&out, 65536);
	params_callback(call, leg, status, arena, &out);
	text = arena_cstr(arena, buf_str(&out));
	buf_fini(&out);
	return text;
}

#define PARTIES "&From=%2B15550123&To=sales%20%26%20more&Caller=%2B15550123&Called=sales%20%26%20more"
#define HEAD	"CallSid=" CA "&AccountSid=" AC PARTIES

static void test_a_request_for_instructions_says_who_calls_whom(void **state)
{
	struct call call = a_call();

	(void)state;
	assert_string_equal(fetch_of(&call),
			    HEAD "&CallStatus=ringing&ApiVersion=2010-04-01&Direction=inbound");
	call.up_ms = 1;
	call.outbound_api = true;
	assert_true(sid_parse(STR(AP), "AP", &call.application));
	call.fetch_extra = STR("DialCallStatus=busy&DialBridged=false");
	assert_string_equal(fetch_of(&call),
			    HEAD "&CallStatus=in-progress&ApiVersion=2010-04-01&Direction=outbound-api"
				 "&ApplicationSid=" AP "&DialCallStatus=busy&DialBridged=false");
}

static void test_callers_add_parameters_but_replace_none(void **state)
{
	static const char *const standard[] = {
		"CallSid",     "AccountSid",	 "From",	  "To",
		"Caller",      "Called",	 "CallStatus",	  "ApiVersion",
		"Direction",   "ApplicationSid", "ParentCallSid", "ErrorCode",
		"ErrorUrl",    "DialCallStatus", "DialCallSid",	  "DialCallDuration",
		"DialBridged",
	};
	struct call call = a_call();
	const char *plain = fetch_of(&call);

	(void)state;
	call.parameters = STR("{\"a b\":\"1&2=3\",\"\xc3\xbc\":\"\",\"n\":7,\"o\":{\"x\":\"y\"}}");
	assert_string_equal(fetch_of(&call), arena_printf(arena, "%s&a%%20b=1%%262%%3D3&%%C3%%BC=", plain).p);
	for (size_t i = 0; i < ARRAY_LEN(standard); i++) {
		call.parameters = arena_printf(arena, "{\"%s\":\"mine\"}", standard[i]);
		assert_string_equal(fetch_of(&call), plain);
		call.parameters = STR("");
		call.fixed = arena_printf(arena, "{\"%s\":\"mine\"}", standard[i]);
		assert_string_equal(fetch_of(&call), plain);
		call.fixed = STR("");
	}
}

static void test_what_the_token_fixed_the_client_cannot_change(void **state)
{
	struct call call = a_call();
	const char *plain = fetch_of(&call);

	(void)state;
	call.fixed = STR("{\"tenant\":\"7\",\"empty\":\"\"}");
	call.parameters = STR("{\"tenant\":\"8\",\"empty\":\"x\",\"other\":\"9\"}");
	assert_string_equal(fetch_of(&call), arena_printf(arena, "%s&tenant=7&empty=&other=9", plain).p);
}

static void test_unreadable_parameters_are_left_out(void **state)
{
	static const char *const texts[] = { "{", "[]", "7", "{\"a\":1,\"a\":2}" };
	struct call call = a_call();
	const char *plain = fetch_of(&call);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		call.fixed = call.parameters = str_of(texts[i]);
		assert_string_equal(fetch_of(&call), plain);
	}
}

#define SOURCE(sequence)                                                                                     \
	"&CallbackSource=call-progress-events&SequenceNumber=" sequence                                      \
	"&Timestamp=Sun%2C%2022%20Nov%202026%2006%3A17%3A28%20%2B0000"

static void test_a_callback_of_the_call(void **state)
{
	struct call call = a_call();

	(void)state;
	call.sequence = 3;
	assert_string_equal(callback_of(&call, NULL, "ringing"),
			    HEAD "&CallStatus=ringing&ApiVersion=2010-04-01&Direction=inbound" SOURCE("3"));
	call.outbound_api = true;
	call.up_ms = call.now_ms - 60999;
	assert_string_equal(callback_of(&call, NULL, "completed"),
			    HEAD "&CallStatus=completed&ApiVersion=2010-04-01&Direction=outbound-api" SOURCE(
				    "3") "&CallDuration=60&Duration=1");
	call.up_ms = call.now_ms - 61000;
	assert_non_null(strstr(callback_of(&call, NULL, "completed"), "&CallDuration=61&Duration=2"));
}

/* It ended in the same round in which it was connected: its times are not known yet. */
static void test_a_call_that_was_up_for_no_time_lasted_0_seconds(void **state)
{
	struct call call = a_call();

	(void)state;
	call.up_ms = CALL_NOW;
	assert_non_null(strstr(callback_of(&call, NULL, "completed"), "&CallDuration=0&Duration=0"));
	call.up_ms = 0;
	assert_non_null(strstr(callback_of(&call, NULL, "completed"), "&CallDuration=0&Duration=0"));
	assert_null(strstr(callback_of(&call, NULL, "busy"), "Duration"));
}

static void test_a_callback_of_a_leg_names_its_parent_and_its_client(void **state)
{
	struct call call = a_call();

	(void)state;
	call.winner = 2;
	call.dial_duration_s = 59;
	assert_string_equal(
		callback_of(&call, &legs[1], "completed"),
		"CallSid=" LEG2 "&AccountSid=" AC
		"&From=%2B15550123&To=client%3Ateam%2Fbob&Caller=%2B15550123&Called=client%3Ateam%2Fbob"
		"&CallStatus=completed&ApiVersion=2010-04-01&Direction=outbound-dial&ParentCallSid=" CA
			SOURCE("0") "&CallDuration=59&Duration=1");
	assert_non_null(strstr(callback_of(&call, &legs[0], "completed"), "&CallDuration=0&Duration=0"));
}

static void test_a_callback_of_a_gateways_leg_names_what_the_gateway_rang(void **state)
{
	struct call call = a_call();

	(void)state;
	legs[1] = (struct leg){ .number = 2, .identity = STR("+15550177") };
	assert_non_null(strstr(callback_of(&call, &legs[1], "ringing"), "&To=%2B15550177&"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_for_instructions_says_who_calls_whom),
		cmocka_unit_test(test_callers_add_parameters_but_replace_none),
		cmocka_unit_test(test_what_the_token_fixed_the_client_cannot_change),
		cmocka_unit_test(test_unreadable_parameters_are_left_out),
		cmocka_unit_test(test_a_callback_of_the_call),
		cmocka_unit_test(test_a_call_that_was_up_for_no_time_lasted_0_seconds),
		cmocka_unit_test(test_a_callback_of_a_leg_names_its_parent_and_its_client),
		cmocka_unit_test(test_a_callback_of_a_gateways_leg_names_what_the_gateway_rang),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
