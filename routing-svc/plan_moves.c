/* plan_moves.c - the moves that lead from one state into another: fetch, ring, end. */
#include "common/io/url.h"
#include "routing-svc/plan_private.h"

void plan_end(struct call *call, struct plan *plan, struct str status, const char *outcome,
	      const char *tell_caller)
{
	call->state = CALL_ENDED;
	call->ended_ms = CALL_NOW;
	call->status = status;
	call->outcome = arena_copy(plan->arena, str_of(outcome));
	plan->work = WORK_NONE;
	plan->run_verbs = false;
	plan->wait_ms = 0;
	if (tell_caller)
		plan_effect(plan, EFFECT_HANGUP, 0, tell_caller);
	if (call->caller == CALLER_DEVICE)
		plan_effect(plan, EFFECT_LET_GO, 0,
			    !call->up_ms && str_eq(status, STR("busy")) ? "busy" : "");
	plan_trace(plan, "ended", "\"status\":\"" STR_FMT "\",\"outcome\":\"%s\"", STR_ARG(status), outcome);
	plan_callback(call, plan, NULL, EVENT_COMPLETED, arena_cstr(plan->arena, status));
}

/* A relative address means the server of the document that names it; ErrorUrl and traces name it whole.
 * Its fragment stays: that is for us (fetch_options.h). */
static struct str whole_url(struct call *call, struct plan *plan, struct str url)
{
	const struct str fragment = url_fragment(url);
	struct str whole;

	if (call->document_url.n == 0 || url_is_http(plan->arena, url) ||
	    !url_resolve(plan->arena, call->document_url, url, &whole))
		return url;
	return fragment.n ? arena_printf(plan->arena, STR_FMT "#" STR_FMT, STR_ARG(whole), STR_ARG(fragment))
			  : whole;
}

void plan_fetch(struct call *call, struct plan *plan, struct str url, bool get, struct str extra)
{
	if (++call->idle_fetches > IDLE_FETCHES_MAX) {
		plan_trace(plan, "loop", "\"url\":" STR_FMT ",\"fetches\":%u", STR_ARG(plan_quote(plan, url)),
			   IDLE_FETCHES_MAX);
		plan_end(call, plan, STR("failed"), "failed", "failed");
		return;
	}
	call->state = CALL_FETCH;
	call->fetch_url = whole_url(call, plan, url);
	call->fetch_get = get;
	call->fetch_extra = extra;
	call->fetch_is_fallback = false;
	call->fetch_number++;
	plan->work = WORK_FETCH;
	plan->wait_ms = FETCH_LATE_MS;
}

void plan_claim_turn(struct call *call, struct plan *plan)
{
	call->state = CALL_CLAIM;
	call->attempt++;
	plan->work = WORK_CLAIM;
	plan->wait_ms = CLAIM_LATE_MS;
}

void plan_claim(struct call *call, struct plan *plan)
{
	call->order = STR("");
	call->turn = 0;
	call->wake_until_ms = 0;
	call->winner = 0;
	call->answer_sdp = STR("");
	call->dial_leg = STR("");
	call->dial_duration_s = 0;
	call->dial_bridged = false;
	plan_claim_turn(call, plan);
}
