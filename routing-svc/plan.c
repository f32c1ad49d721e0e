/* plan.c - the states of a call and who decides in each. */
#include "routing-svc/plan_private.h"

/* ---- the end ---- */

/* The caller's side is gone, or REST wants the call to end. */
static void leave(struct call *call, struct plan *plan, const char *why, bool tell_caller)
{
	const bool was_up = call->up_ms != 0;
	const char *cut_short = strcmp(why, "completed") == 0 ? "canceled" : why;

	plan_drop_legs(call, plan, why);
	plan_end(call, plan, was_up ? STR("completed") : STR("canceled"), was_up ? "completed" : cut_short,
		 tell_caller ? why : NULL);
}

static int64_t time_limit_ms(const struct call *call)
{
	return call->up_ms > 0 && call->time_limit_s ? call->up_ms + (int64_t)call->time_limit_s * 1000
						     : INT64_MAX;
}

/* Something that ends the call whatever it was doing.  A gateway may hang up by another
 * request than the one that waits. */
static bool leave_if_wanted(struct call *call, struct plan *plan)
{
	if (call->control.n > 0) {
		leave(call, plan, arena_cstr(plan->arena, call->control), true);
	} else if (call->hangup_leg == 0) {
		leave(call, plan, "caller_hangup", call->caller == CALLER_GATEWAY && !call->caller_leg);
	} else if (call->caller_lost_until_ms && call->caller_lost_until_ms <= call->now_ms) {
		leave(call, plan, "client_lost", false);
	} else if (time_limit_ms(call) <= call->now_ms) {
		leave(call, plan, "time_limit", true);
	} else {
		return false;
	}
	return true;
}

/* REST gave other instructions: what is going on ends, and the caller's side goes on with them. */
static bool redirect_if_wanted(struct call *call, const struct plan_input *input, struct plan *plan)
{
	const struct str url = call->redirect_url, document = call->redirect_document;

	if (url.n == 0 && document.n == 0)
		return false;
	plan_trace(plan, "redirected", "");
	if (call->state == CALL_CLAIM)
		plan_give_back(call, input, plan);
	plan_drop_legs(call, plan, "completed");
	call->redirect_url = call->redirect_document = STR("");
	call->hangup_leg = -1;
	call->is_transferred = false;
	plan_talk_over(call);
	if (url.n > 0)
		plan_fetch(call, plan, url, call->redirect_get, STR(""));
	else
		plan_document(call, plan, STR("text/xml"), document, STR(""));
	call->redirect_get = false;
	return true;
}

/* ---- states ---- */

static void on_new(struct call *call, const struct plan_input *input, struct plan *plan)
{
	(void)input;
	plan_callback(call, plan, NULL, EVENT_INITIATED, "initiated");
	if (call->outbound_api) {
		call->first_ring = true;
		plan_claim(call, plan);
	} else {
		plan_fetch(call, plan, call->voice_url, call->voice_get, STR(""));
	}
}

static void on_fetch(struct call *call, const struct plan_input *input, struct plan *plan)
{
	if (input->kind == INPUT_FETCHED) {
		plan_fetched(call, input, plan);
	} else {
		plan->work = WORK_FETCH;
		plan->wait_ms = FETCH_LATE_MS;
	}
}

static void on_claim(struct call *call, const struct plan_input *input, struct plan *plan)
{
	if (input->kind == INPUT_CLAIMED) {
		plan_claimed(call, input, plan);
	} else {
		plan->work = WORK_CLAIM;
		plan->wait_ms = CLAIM_LATE_MS;
	}
}

static void on_ringing(struct call *call, const struct plan_input *input, struct plan *plan)
{
	(void)input;
	if (call_is_message(call))
		plan_delivering(call, plan);
	else
		plan_ringing(call, plan);
}

static void on_answered(struct call *call, const struct plan_input *input, struct plan *plan)
{
	(void)input;
	plan_connect(call, plan);
	if (call->state != CALL_BRIDGED && call->state != CALL_ENDED)
		(void)leave_if_wanted(call, plan); /* who became the caller may have hung up by now */
}

static void on_bridged(struct call *call, const struct plan_input *input, struct plan *plan)
{
	(void)input;
	plan_bridged(call, plan);
}

static void on_pause(struct call *call, const struct plan_input *input, struct plan *plan)
{
	(void)input;
	if (call->until_ms > call->now_ms) {
		plan->wait_ms = (uint64_t)(call->until_ms - call->now_ms);
		return;
	}
	call->verb++;
	plan->run_verbs = true;
}

static void on_ended(struct call *call, const struct plan_input *input, struct plan *plan)
{
	(void)call;
	(void)input;
	(void)plan;
}

typedef void state_fn(struct call *call, const struct plan_input *input, struct plan *plan);

static state_fn *const states[CALL_STATE_COUNT] = {
	[CALL_NEW] = on_new,	     [CALL_FETCH] = on_fetch,	    [CALL_CLAIM] = on_claim,
	[CALL_RINGING] = on_ringing, [CALL_ANSWERED] = on_answered, [CALL_BRIDGED] = on_bridged,
	[CALL_PAUSE] = on_pause,     [CALL_ENDED] = on_ended,
};

/* What has begun is brought to an end first.  An answer that won is connected before a later
 * hang-up is looked at: the winner then hears that hang-up like any other.  Claims that
 * are under way are awaited, for they have to be given back. */
static bool may_leave(const struct call *call, const struct plan_input *input)
{
	if (call->state == CALL_CLAIM)
		return input->kind == INPUT_CLAIMED;
	return call->state != CALL_ANSWERED && call->state != CALL_ENDED;
}

/* However long the state waits: at this time the call may have to end. */
static void look_by(const struct call *call, struct plan *plan, int64_t at_ms)
{
	const uint64_t left_ms = (uint64_t)MAX(at_ms - call->now_ms, 1);

	plan->wait_ms = plan->wait_ms ? MIN(plan->wait_ms, left_ms) : left_ms;
}

void plan_next(struct call *call, const struct plan_input *input, struct plan *plan)
{
	const bool has_claims = call->state == CALL_CLAIM && input->kind == INPUT_CLAIMED;

	if (may_leave(call, input) && leave_if_wanted(call, plan)) {
		if (has_claims)
			plan_give_back(call, input, plan);
		return;
	}
	if (!may_leave(call, input) || !redirect_if_wanted(call, input, plan))
		states[call->state](call, input, plan);
	if (plan->run_verbs)
		plan_run(call, plan);
	if (call->state == CALL_ENDED)
		return;
	if (call->caller_lost_until_ms)
		look_by(call, plan, call->caller_lost_until_ms);
	if (time_limit_ms(call) != INT64_MAX)
		look_by(call, plan, time_limit_ms(call));
}
