/* test_outcome.c - how a call stands, in Twilio's words and in ours. */
#include "tests/unit/unit.h"

#include "common/base/arena.h"
#include "common/base/json.h"
#include "routing-svc/outcome.h"

#define CA "CA0000000000000000000000000a000000"

static struct arena *arena;
static struct leg legs[1] = { { .number = 1, .identity = { "alice", 5 } } };

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(4 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static struct call a_call(enum call_state state)
{
	struct call call = { .state = state, .legs = legs, .leg_count = 1 };

	assert_true(sid_parse(STR(CA), "CA", &call.id));
	return call;
}

static const char *written(const struct call *call)
{
	struct json_writer w;
	struct buf out;
	const char *text;

	buf_init(&out, 1 << 20);
	json_begin(&w, &out);
	outcome_write(call, &w);
	text = arena_cstr(arena, buf_str(&out));
	buf_fini(&out);
	return text;
}

static void test_the_status_follows_the_callers_side(void **state)
{
	struct call call;

	(void)state;
	for (unsigned s = CALL_NEW; s < CALL_ENDED; s++) {
		call = a_call((enum call_state)s);
		assert_str_equal(outcome_status(&call), "ringing");
		call.outbound_api = true;
		assert_str_equal(outcome_status(&call), s == CALL_NEW ? "queued" : "ringing");
		call.up_ms = 5;
		assert_str_equal(outcome_status(&call), "in-progress");
	}
	call = a_call(CALL_ENDED);
	call.up_ms = 5;
	call.status = STR("busy");
	assert_str_equal(outcome_status(&call), "busy");
}

static void test_what_a_waiting_gateway_gets(void **state)
{
	struct call call = a_call(CALL_BRIDGED);

	(void)state;
	call.up_ms = 5;
	call.winner = 1;
	call.answer_sdp = STR("v=0\r\n");
	assert_string_equal(written(&call),
			    "{\"call\":\"" CA "\",\"status\":\"in-progress\",\"outcome\":\"answered\","
			    "\"answered_by\":\"alice\",\"sdp\":\"v=0\\r\\n\"}");
	call = a_call(CALL_ENDED);
	call.status = STR("no-answer");
	call.outcome = STR("unreachable");
	assert_string_equal(written(&call),
			    "{\"call\":\"" CA "\",\"status\":\"no-answer\",\"outcome\":\"unreachable\"}");
	call = a_call(CALL_RINGING);
	assert_string_equal(written(&call),
			    "{\"call\":\"" CA "\",\"status\":\"ringing\",\"outcome\":\"ringing\"}");
}

static void test_as_a_message_it_names_the_call_and_what_to_do(void **state)
{
	struct call call = a_call(CALL_RINGING);
	const struct str message = outcome_message(arena, &call);

	(void)state;
	assert_str_equal(
		message,
		arena_printf(arena, "{\"to\":\"" CA "\",\"do\":\"outcome\",\"msg\":%s}", written(&call)).p);
}

/* However JSON has to write it: a message that is cut off would leave the gateway waiting. */
static void test_the_longest_answer_fits(void **state)
{
	struct call call = a_call(CALL_BRIDGED);
	char *sdp = arena_alloc(arena, CALL_SDP_MAX);
	struct json *doc;

	(void)state;
	memset(sdp, 1, CALL_SDP_MAX);
	call.answer_sdp = str_n(sdp, CALL_SDP_MAX);
	assert_int_equal(json_parse(outcome_message(arena, &call), &doc, NULL), ERR_NONE);
	assert_true(str_eq(json_string(json_get(json_get(doc, "msg"), "sdp")), call.answer_sdp));
	json_free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_status_follows_the_callers_side),
		cmocka_unit_test(test_what_a_waiting_gateway_gets),
		cmocka_unit_test(test_as_a_message_it_names_the_call_and_what_to_do),
		cmocka_unit_test(test_the_longest_answer_fits),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
