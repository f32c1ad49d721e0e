/* test_plan_turns.c - clients of a Dial who are rung one after the other. */
#include "tests/unit/plan_fixture.h"

#define IN_TURNS                                                                                             \
	"<Response><Dial timeout=\"20\" action=\"/after\"><Client>alice</Client><Client>bob</Client>"        \
	"<Client>carol</Client></Dial></Response>"

/* So many clients were asked, and the last of them has a device. */
static void round_turn(struct stage *stage, const char *const refused[], size_t n_refused, bool found)
{
	struct claim_result claims[PLAN_RING_MAX];
	size_t n = 0;

	while (n < n_refused) {
		claims[n] = refused_because(refused[n]);
		n++;
	}
	if (found)
		claims[n++] = claims_of(stage, 1);
	round_claims(stage, claims, n);
}

static bool is_traced(const struct stage *stage, const char *text)
{
	for (size_t i = 0; i < stage->plan.n_traces; i++) {
		if (strstr(arena_cstr(stage->arena, stage->plan.traces[i]), text))
			return true;
	}
	return false;
}

static void begin(struct stage *stage)
{
	stage_claiming(stage, CALLER_DEVICE, IN_TURNS);
	round_turn(stage, NULL, 0, true);
	assert_plan(stage, "ringing none 20000 [R 1, P 0 ringing] []");
	assert_str_equal(call_leg(&stage->call, 1)->identity, "alice");
	assert_str_equal(stage->call.order, "0 - alice\n1 - bob\n2 - carol\n");
}

static void test_the_next_one_rings_when_the_first_does_not_answer(void **state)
{
	static const struct {
		const char *refusal; /* NULL: the time is over; "": the device is lost */
		const char *plan;
	} rows[] = {
		{ "declined", "claim claim 5000 [L 1] []" },
		{ "busy", "claim claim 5000 [L 1] []" },
		{ "", "claim claim 5000 [L 1] []" },
		{ NULL, "claim claim 5000 [C 1 timeout, L 1] []" },
	};
	struct stage *stage = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin(stage);
		if (!rows[i].refusal)
			time_passes(stage, 20000);
		else if (*rows[i].refusal)
			event_reject(stage, 1, rows[i].refusal);
		else
			event_lost(stage, 1);
		round_look(stage);
		assert_plan(stage, rows[i].plan);
		round_turn(stage, NULL, 0, true);
		assert_plan(stage, "ringing none 20000 [R 2, P 0 ringing] []");
		assert_str_equal(call_leg(&stage->call, 2)->identity, "bob");
		assert_int_equal(call_leg(&stage->call, 2)->target, 1);
		assert_int_equal(call_leg(&stage->call, 2)->attempt, call_leg(&stage->call, 1)->attempt + 1);
	}
}

static void test_who_cannot_be_rung_costs_no_time(void **state)
{
	static const char *const refused[] = { "offline", "requirement" };
	struct stage *stage = *state;

	stage_claiming(stage, CALLER_DEVICE, IN_TURNS);
	round_turn(stage, refused, 2, true);
	assert_plan(stage, "ringing none 20000 [R 1, P 0 ringing] []");
	assert_str_equal(call_leg(&stage->call, 1)->identity, "carol");
	assert_true(is_traced(stage, "\"client\":\"alice\",\"reason\":\"offline\""));
	assert_true(is_traced(stage, "\"client\":\"bob\",\"reason\":\"requirement\""));
	event_reject(stage, 1, "declined");
	round_look(stage);
	assert_int_equal(stage->call.state, CALL_FETCH);
	assert_str_equal(stage->call.outcome, "declined");
}

static void test_the_last_one_decides(void **state)
{
	static const struct {
		const char *refused[2];
		const char *outcome;
	} rows[] = {
		{ { "offline", "offline" }, "unreachable" },
		{ { "offline", "dnd" }, "busy" },
		{ { "on_call", "away" }, "busy" },
	};
	struct stage *stage = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin(stage);
		event_reject(stage, 1, "declined");
		round_look(stage);
		assert_true(is_traced(stage, "\"event\":\"turn_over\""));
		assert_true(is_traced(stage, "{\"outcome\":\"declined\"}"));
		round_turn(stage, rows[i].refused, 2, false);
		assert_int_equal(stage->call.state, CALL_FETCH);
		assert_str_equal(stage->call.outcome, rows[i].outcome);
		assert_null(strstr(arena_cstr(stage->arena, stage->call.fetch_extra), "DialCallSid"));
	}
}

static void test_an_answer_ends_the_turns(void **state)
{
	struct stage *stage = *state;

	begin(stage);
	event_reject(stage, 1, "busy");
	round_look(stage);
	round_turn(stage, NULL, 0, true);
	event_answer(stage, 2);
	round_look(stage);
	assert_plan(stage, "bridged again 1000 [E 2, A 2, A 0] [0=in-progress]");
	event_hangup(stage, 2);
	round_look(stage);
	assert_int_equal(stage->call.state, CALL_FETCH);
	assert_str_equal(stage->call.outcome, "completed");
}

static void test_a_hang_up_ends_the_turns(void **state)
{
	struct stage *stage = *state;

	begin(stage);
	event_reject(stage, 1, "busy");
	round_look(stage);
	event_hangup(stage, 0);
	round_turn(stage, NULL, 0, true); /* the claim was under way: it is given back */
	assert_plan(stage, "ended none 0 [L 0, L 2] [0=canceled]");
}

static void test_a_new_dial_has_an_order_of_its_own(void **state)
{
	struct stage *stage = *state;

	begin(stage);
	for (unsigned leg = 1; leg <= 3; leg++) {
		event_reject(stage, leg, "busy");
		round_look(stage);
		if (leg < 3)
			round_turn(stage, NULL, 0, true);
	}
	assert_int_equal(stage->call.state, CALL_FETCH);
	round_document(stage, "<Response><Dial><Client>dave</Client></Dial></Response>");
	assert_int_equal(stage->call.state, CALL_CLAIM);
	round_turn(stage, NULL, 0, true);
	assert_str_equal(stage->call.order, "0 - dave\n");
	assert_int_equal(stage->call.turn, 1);
	assert_str_equal(call_leg(&stage->call, 4)->identity, "dave");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_the_next_one_rings_when_the_first_does_not_answer),
		STAGE_TEST(test_who_cannot_be_rung_costs_no_time),
		STAGE_TEST(test_the_last_one_decides),
		STAGE_TEST(test_an_answer_ends_the_turns),
		STAGE_TEST(test_a_hang_up_ends_the_turns),
		STAGE_TEST(test_a_new_dial_has_an_order_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
