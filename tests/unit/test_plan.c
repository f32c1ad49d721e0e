/* test_plan.c - every state of a call, and what each event makes of it.
 *
 * A client's device calls; alice has legs 1 and 2, bob has leg 3.  In `answered` and
 * `bridged` leg 1 has won, three seconds after the ring began.
 */
#include "tests/unit/plan_fixture.h"

typedef void stage_fn(struct stage *stage);

/* ---- the states ---- */

static void in_new(struct stage *stage)
{
	stage_call(stage, CALLER_DEVICE);
}

static void in_fetch(struct stage *stage)
{
	stage_fetching(stage, CALLER_DEVICE);
}

static void in_claim(struct stage *stage)
{
	stage_claiming(stage, CALLER_DEVICE, DIAL(""));
}

static void in_ringing(struct stage *stage)
{
	stage_ringing(stage, CALLER_DEVICE, DIAL(""));
}

static void in_answered(struct stage *stage)
{
	stage_answered(stage, CALLER_DEVICE, DIAL(""));
}

static void in_bridged(struct stage *stage)
{
	stage_bridged(stage, CALLER_DEVICE, DIAL(""));
}

static void in_pause(struct stage *stage)
{
	stage_fetching(stage, CALLER_DEVICE);
	round_document(stage, "<Response><Pause length=\"5\"/><Hangup/></Response>");
}

static void in_ended(struct stage *stage)
{
	stage_fetching(stage, CALLER_DEVICE);
	round_document(stage, "<Response><Reject/></Response>");
}

/* ---- the events ---- */

static void nothing(struct stage *stage)
{
	(void)stage;
}

static void time_up(struct stage *stage)
{
	stage->call.now_ms = MAX(stage->call.until_ms, stage->call.now_ms + 3600000);
}

static void leg_2_rings(struct stage *stage)
{
	event_ringing(stage, 2);
}

static void leg_2_busy(struct stage *stage)
{
	event_reject(stage, 2, "busy");
}

static void leg_2_lost(struct stage *stage)
{
	event_lost(stage, 2);
}

static void all_decline(struct stage *stage)
{
	for (unsigned i = 1; i <= 3; i++)
		event_reject(stage, i, "declined");
}

static void winner_hangs_up(struct stage *stage)
{
	event_hangup(stage, 1);
}

static void winner_gone(struct stage *stage)
{
	call_leg(&stage->call, 1)->lost_until_ms = stage->call.now_ms + 10000;
}

static void winner_lost(struct stage *stage)
{
	call_leg(&stage->call, 1)->lost_until_ms = stage->call.now_ms;
}

static void caller_hangs_up(struct stage *stage)
{
	event_hangup(stage, 0);
}

static void caller_gone(struct stage *stage)
{
	stage->call.caller_lost_until_ms = stage->call.now_ms + 10000;
}

static void caller_lost(struct stage *stage)
{
	stage->call.caller_lost_until_ms = stage->call.now_ms;
}

static void canceled(struct stage *stage)
{
	event_control(stage, "canceled");
}

static void completed(struct stage *stage)
{
	event_control(stage, "completed");
}

/* ---- the rounds ---- */

static void look(struct stage *stage)
{
	round_look(stage);
}

static void fetched(struct stage *stage)
{
	round_document(stage, DIAL(""));
}

static void fetch_failed(struct stage *stage)
{
	round_fetch_failed(stage, ERR_FETCH_FAILED);
}

static void claimed(struct stage *stage)
{
	round_claimed_devices(stage, 2, 1);
}

static void nobody(struct stage *stage)
{
	round_claimed_devices(stage, 0, 0);
}

/* ---- the table ---- */

struct row {
	const char *name;
	stage_fn *event, *round;
	const char *expected;
};

#define ROW(event, round, expected)                                                                          \
	{                                                                                                    \
#event ", " #round, event, round, expected                                                   \
	}
#define ROWS 24

#define CONNECTED(wait)                                                                                      \
	"bridged again " wait " [C 2 answered_elsewhere, L 2, C 3 answered_elsewhere, L 3, E 1, A 1, A 0]"   \
	" [1=ringing, 2=canceled, 0=in-progress, 1=in-progress]"

static const struct {
	const char *name;
	stage_fn *enter;
	struct row rows[ROWS];
} states[] = {
	{ "new",
	  in_new,
	  {
		  ROW(nothing, look, "fetch fetch 3000 [] [0=initiated]"),
		  ROW(nothing, fetched, "fetch fetch 3000 [] [0=initiated]"),
		  ROW(nothing, claimed, "fetch fetch 3000 [] [0=initiated]"),
		  ROW(caller_hangs_up, look, "ended none 0 [L 0] [0=canceled]"),
		  ROW(caller_gone, look, "fetch fetch 3000 [] [0=initiated]"),
		  ROW(caller_lost, look, "ended none 0 [L 0] [0=canceled]"),
		  ROW(canceled, look, "ended none 0 [H 0 canceled, L 0] [0=canceled]"),
		  ROW(completed, look, "ended none 0 [H 0 completed, L 0] [0=canceled]"),
	  } },
	{ "fetch",
	  in_fetch,
	  {
		  ROW(nothing, look, "fetch fetch 3000 [] []"),
		  ROW(nothing, fetched, "claim claim 5000 [] []"),
		  ROW(nothing, fetch_failed, "ended none 0 [H 0 failed, L 0] [0=failed]"),
		  ROW(nothing, claimed, "fetch fetch 3000 [] []"),
		  ROW(time_up, look, "fetch fetch 3000 [] []"),
		  ROW(caller_hangs_up, look, "ended none 0 [L 0] [0=canceled]"),
		  ROW(caller_hangs_up, fetched, "ended none 0 [L 0] [0=canceled]"),
		  ROW(caller_gone, look, "fetch fetch 3000 [] []"),
		  ROW(caller_lost, look, "ended none 0 [L 0] [0=canceled]"),
		  ROW(canceled, look, "ended none 0 [H 0 canceled, L 0] [0=canceled]"),
		  ROW(completed, fetched, "ended none 0 [H 0 completed, L 0] [0=canceled]"),
	  } },
	{ "claim",
	  in_claim,
	  {
		  ROW(nothing, look, "claim claim 5000 [] []"),
		  ROW(nothing, claimed,
		      "ringing none 20000 [R 1, R 2, R 3, P 0 ringing] [1=initiated, 2=initiated]"),
		  ROW(nothing, nobody, "pause none 5000 [] []"),
		  ROW(nothing, fetched, "claim claim 5000 [] []"),
		  ROW(time_up, look, "claim claim 5000 [] []"),
		  ROW(caller_hangs_up, look, "claim claim 5000 [] []"),
		  ROW(caller_hangs_up, claimed, "ended none 0 [L 0, L 1, L 2, L 3] [0=canceled]"),
		  ROW(caller_hangs_up, nobody, "ended none 0 [L 0] [0=canceled]"),
		  ROW(caller_gone, look, "claim claim 5000 [] []"),
		  ROW(caller_gone, claimed,
		      "ringing none 10000 [R 1, R 2, R 3, P 0 ringing] [1=initiated, 2=initiated]"),
		  ROW(caller_lost, look, "claim claim 1 [] []"),
		  ROW(caller_lost, claimed, "ended none 0 [L 0, L 1, L 2, L 3] [0=canceled]"),
		  ROW(canceled, claimed, "ended none 0 [H 0 canceled, L 0, L 1, L 2, L 3] [0=canceled]"),
		  ROW(completed, look, "claim claim 5000 [] []"),
	  } },
	{ "ringing",
	  in_ringing,
	  {
		  ROW(nothing, look, "ringing none 20000 [] []"),
		  ROW(nothing, fetched, "ringing none 20000 [] []"),
		  ROW(nothing, claimed, "ringing none 20000 [] []"),
		  ROW(time_up, look,
		      "pause none 5000 [C 1 timeout, L 1, C 2 timeout, L 2, C 3 timeout, L 3] [1=no-answer, "
		      "2=no-answer]"),
		  ROW(leg_2_rings, look, "ringing none 20000 [] [2=ringing]"),
		  ROW(leg_2_busy, look, "ringing none 20000 [L 2] [2=busy]"),
		  ROW(leg_2_lost, look, "ringing none 20000 [L 2] [2=no-answer]"),
		  ROW(all_decline, look, "pause none 5000 [L 1, L 2, L 3] [1=busy, 2=busy]"),
		  ROW(caller_hangs_up, look,
		      "ended none 0 [C 1 caller_hangup, L 1, C 2 caller_hangup, L 2, C 3 caller_hangup, L 3, "
		      "L 0] [1=canceled, 2=canceled, 0=canceled]"),
		  ROW(caller_gone, look, "ringing none 10000 [] []"),
		  ROW(caller_lost, look,
		      "ended none 0 [C 1 client_lost, L 1, C 2 client_lost, L 2, C 3 client_lost, L 3, L 0] "
		      "[1=canceled, 2=canceled, 0=canceled]"),
		  ROW(canceled, look,
		      "ended none 0 [C 1 canceled, L 1, C 2 canceled, L 2, C 3 canceled, L 3, H 0 canceled, "
		      "L 0] [1=canceled, 2=canceled, 0=canceled]"),
		  ROW(completed, look,
		      "ended none 0 [C 1 completed, L 1, C 2 completed, L 2, C 3 completed, L 3, H 0 "
		      "completed, L 0] [1=canceled, 2=canceled, 0=canceled]"),
	  } },
	{ "answered",
	  in_answered,
	  {
		  ROW(nothing, look, CONNECTED("1000")),
		  ROW(nothing, fetched, CONNECTED("1000")),
		  ROW(nothing, claimed, CONNECTED("1000")),
		  ROW(time_up, look, CONNECTED("1000")),
		  ROW(leg_2_busy, look,
		      "bridged again 1000 [L 2, C 3 answered_elsewhere, L 3, E 1, A 1, A 0] [1=ringing, "
		      "2=busy, 0=in-progress, 1=in-progress]"),
		  ROW(leg_2_lost, look,
		      "bridged again 1000 [L 2, C 3 answered_elsewhere, L 3, E 1, A 1, A 0] [1=ringing, "
		      "2=no-answer, 0=in-progress, 1=in-progress]"),
		  ROW(winner_hangs_up, look, CONNECTED("1000")),
		  ROW(winner_gone, look, CONNECTED("1000")),
		  ROW(caller_hangs_up, look, CONNECTED("1000")),
		  ROW(caller_gone, look, CONNECTED("1000")),
		  ROW(caller_lost, look, CONNECTED("1")),
		  ROW(completed, look, CONNECTED("1000")),
	  } },
	{ "bridged",
	  in_bridged,
	  {
		  ROW(nothing, look, "bridged none 60000 [] []"),
		  ROW(nothing, fetched, "bridged none 60000 [] []"),
		  ROW(nothing, claimed, "bridged none 60000 [] []"),
		  ROW(time_up, look, "pause none 5000 [H 1 time_limit, L 1] [1=completed]"),
		  ROW(winner_hangs_up, look, "pause none 5000 [L 1] [1=completed]"),
		  ROW(winner_gone, look, "bridged none 10000 [] []"),
		  ROW(winner_lost, look, "pause none 5000 [L 1] [1=completed]"),
		  ROW(caller_hangs_up, look,
		      "ended none 0 [H 1 remote_hangup, L 1, L 0] [1=completed, 0=completed]"),
		  ROW(caller_gone, look, "bridged none 10000 [] []"),
		  ROW(caller_lost, look,
		      "ended none 0 [H 1 client_lost, L 1, L 0] [1=completed, 0=completed]"),
		  ROW(completed, look,
		      "ended none 0 [H 1 completed, L 1, H 0 completed, L 0] [1=completed, 0=completed]"),
	  } },
	{ "pause",
	  in_pause,
	  {
		  ROW(nothing, look, "pause none 5000 [] []"),
		  ROW(nothing, fetched, "pause none 5000 [] []"),
		  ROW(nothing, claimed, "pause none 5000 [] []"),
		  ROW(time_up, look, "ended none 0 [H 0 completed, L 0] [0=completed]"),
		  ROW(caller_hangs_up, look, "ended none 0 [L 0] [0=canceled]"),
		  ROW(caller_gone, look, "pause none 5000 [] []"),
		  ROW(caller_lost, look, "ended none 0 [L 0] [0=canceled]"),
		  ROW(canceled, look, "ended none 0 [H 0 canceled, L 0] [0=canceled]"),
		  ROW(completed, look, "ended none 0 [H 0 completed, L 0] [0=canceled]"),
	  } },
	{ "ended",
	  in_ended,
	  {
		  ROW(nothing, look, "ended none 0 [] []"),
		  ROW(nothing, fetched, "ended none 0 [] []"),
		  ROW(nothing, claimed, "ended none 0 [] []"),
		  ROW(time_up, look, "ended none 0 [] []"),
		  ROW(caller_hangs_up, look, "ended none 0 [] []"),
		  ROW(caller_lost, look, "ended none 0 [] []"),
		  ROW(completed, look, "ended none 0 [] []"),
	  } },
};

static void test_every_event_in_every_state(void **state)
{
	struct stage *stage = *state;
	unsigned wrong = 0;

	for (size_t s = 0; s < ARRAY_LEN(states); s++) {
		for (const struct row *row = states[s].rows; row->name; row++) {
			const char *is;

			states[s].enter(stage);
			assert_str_equal(call_state_word(stage->call.state), states[s].name);
			row->event(stage);
			row->round(stage);
			is = summary(stage);
			if (strcmp(is, row->expected) == 0)
				continue;
			print_error("%s: %s\n     is %s\n     not %s\n", states[s].name, row->name, is,
				    row->expected);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_every_event_in_every_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
