/* plan_dial.c - a Dial from the first ring to the hang-up, and the first ring of an outbound-api call. */
#include "routing-svc/plan_private.h"
#include "routing-svc/ring_order.h"

/* ---- ring ---- */

/* Whose fault it was that a ring led to nothing is kept with the leg: its device learns from it (effects.c). */
static void drop_leg(struct call *call, struct plan *plan, struct leg *leg, const char *why)
{
	leg->status = LEG_CANCELLED;
	if (strcmp(why, "timeout") == 0)
		leg->reason = LEG_MISSED;
	plan_effect(plan, EFFECT_CANCEL, leg->number, why);
	plan_effect(plan, EFFECT_LET_GO, leg->number, "");
	plan_trace(plan, "cancel", "\"leg\":%u,\"reason\":\"%s\"", leg->number, why);
	plan_callback(call, plan, leg, EVENT_COMPLETED,
		      strcmp(why, "timeout") == 0 ? "no-answer" : "canceled");
}

/* Its device did not acknowledge the ring.  Let go first: who hears the cancel makes up for it when it is heard. */
static void skip_leg(struct call *call, struct plan *plan, struct leg *leg)
{
	leg->status = LEG_CANCELLED;
	leg->reason = LEG_SILENT;
	plan_effect(plan, EFFECT_LET_GO, leg->number, "");
	plan_effect(plan, EFFECT_CANCEL, leg->number, "unreachable");
	plan_trace(plan, "cancel", "\"leg\":%u,\"reason\":\"unreachable\"", leg->number);
	plan_callback(call, plan, leg, EVENT_COMPLETED, "no-answer");
}

static void skip_the_silent(struct call *call, struct plan *plan)
{
	if (!call->proof_until_ms || call->proof_until_ms > call->now_ms)
		return;
	call->proof_until_ms = 0;
	for (unsigned i = 0; i < call->leg_count; i++) {
		if (call->legs[i].status == LEG_RUNG && !leg_is_gateways(&call->legs[i]))
			skip_leg(call, plan, &call->legs[i]);
	}
}

/* Its device has rejected or vanished. */
static void let_gone_go(struct call *call, struct plan *plan, struct leg *leg)
{
	if (leg->status != LEG_REJECTED && leg->status != LEG_LOST)
		return;
	plan_effect(plan, EFFECT_LET_GO, leg->number, "");
	plan_callback(call, plan, leg, EVENT_COMPLETED, leg->status == LEG_REJECTED ? "busy" : "no-answer");
	leg->status = LEG_ENDED;
}

static void end_ring(struct call *call, struct plan *plan, const char *why)
{
	for (unsigned i = 0; i < call->leg_count; i++) {
		if (leg_rings(&call->legs[i]))
			drop_leg(call, plan, &call->legs[i], why);
		else
			let_gone_go(call, plan, &call->legs[i]);
	}
}

void plan_end_talk(struct call *call, struct plan *plan, const char *tell_or_null)
{
	struct leg *leg = call_leg(call, call->winner);

	if (!leg || leg->status != LEG_ANSWERED || call->first_ring)
		return;
	leg->status = LEG_ENDED;
	if (tell_or_null)
		plan_effect(plan, EFFECT_HANGUP, leg->number, tell_or_null);
	plan_effect(plan, EFFECT_LET_GO, leg->number, "");
	call->dial_duration_s = (unsigned)(MAX(call->now_ms - call->answered_ms, 0) / 1000);
	plan_callback(call, plan, leg, EVENT_COMPLETED, "completed");
}

void plan_drop_legs(struct call *call, struct plan *plan, const char *why)
{
	const bool hung_up = strcmp(why, "caller_hangup") == 0;

	end_ring(call, plan, why);
	if (call->state == CALL_BRIDGED)
		plan_end_talk(call, plan, hung_up ? "remote_hangup" : why);
}

static void report_ringing(struct call *call, struct plan *plan, struct leg *leg, enum leg_status status)
{
	leg->status = (char)status;
	plan_callback(call, plan, leg, EVENT_RINGING, "ringing");
	if (call->first_ring && !call->rang)
		plan_callback(call, plan, NULL, EVENT_RINGING, "ringing");
	call->rang = true;
}

/* How somebody refused, "declined" or "busy"; NULL when nobody did. */
static const char *refusal(const struct call *call)
{
	const char *word = NULL;

	for (unsigned i = 0; i < call->leg_count; i++) {
		const struct leg *leg = &call->legs[i];

		if (leg->attempt != call->attempt)
			continue;
		if (str_eq(leg->reason, STR("declined")))
			return "declined";
		if (str_eq(leg->reason, STR("busy")))
			word = "busy";
	}
	return word;
}

/* A turn is over; the clients before have had theirs, and the last one decides. */
void plan_turn_over(struct call *call, struct plan *plan, const char *status, const char *outcome)
{
	if (call->turn >= ring_order_count(call->order)) {
		plan_dial_over(call, plan, status, outcome);
		return;
	}
	plan_trace(plan, "turn_over", "\"outcome\":\"%s\"", outcome);
	plan_claim_turn(call, plan);
}

/* Its device rang on a channel that it has left for another. */
static void ring_again(struct plan *plan, struct leg *leg)
{
	if (leg->moved && leg_rings(leg)) {
		plan_effect(plan, EFFECT_RING, leg->number, "");
		plan_trace(plan, "ring_again", "\"leg\":%u,\"by\":\"%s\"", leg->number, leg->address.s);
	}
	leg->moved = false;
}

void plan_ringing(struct call *call, struct plan *plan)
{
	const char *refused = refusal(call);
	int64_t next = call->until_ms;
	bool any_left = false;

	skip_the_silent(call, plan);
	for (unsigned i = 0; i < call->leg_count; i++) {
		struct leg *leg = &call->legs[i];

		if (leg->status == LEG_ACKNOWLEDGED)
			report_ringing(call, plan, leg, LEG_RINGING);
		ring_again(plan, leg);
		let_gone_go(call, plan, leg);
		any_left = any_left || leg_rings(leg);
	}
	if (call->proof_until_ms)
		next = MIN(next, call->proof_until_ms);
	if (any_left && call->until_ms > call->now_ms) {
		plan->wait_ms = (uint64_t)(next - call->now_ms);
	} else if (any_left) {
		end_ring(call, plan, "timeout");
		plan_turn_over(call, plan, "no-answer", "no-answer");
	} else {
		plan_turn_over(call, plan, refused ? "busy" : "no-answer", refused ? refused : "unreachable");
	}
}

/* ---- answer ---- */

void plan_take_place(struct call *call, const struct leg *leg)
{
	call->caller = leg_is_gateways(leg) ? CALLER_GATEWAY : CALLER_DEVICE;
	call->caller_identity = leg->identity;
	call->caller_device = leg->device;
	call->caller_address = leg->address;
	call->caller_leg = leg->number;
	call->caller_lost_until_ms = leg->lost_until_ms;
	call->sdp = call->answer_sdp;
	call->candidates = leg->candidates;
	call->winner = 0;
	if (call->hangup_leg == (int)leg->number)
		call->hangup_leg = 0;
}

static void become_caller(struct call *call, struct plan *plan, const struct leg *leg)
{
	call->first_ring = false;
	plan_take_place(call, leg);
	if (call->inline_document.n > 0)
		plan_document(call, plan, STR("text/xml"), call->inline_document, STR(""));
	else
		plan_fetch(call, plan, call->voice_url, call->voice_get, STR(""));
}

static void go_up(struct call *call, struct plan *plan)
{
	if (call->up_ms)
		return;
	call->up_ms = CALL_NOW;
	plan_callback(call, plan, NULL, EVENT_ANSWERED, "in-progress");
}

void plan_connect(struct call *call, struct plan *plan)
{
	struct leg *leg = call_leg(call, call->winner);
	const struct verb *verb;

	if (leg->status == LEG_PICKED_UP)
		report_ringing(call, plan, leg, LEG_ANSWERED);
	end_ring(call, plan, "answered_elsewhere");
	plan_effect(plan, EFFECT_ENGAGE, leg->number, "");
	plan_trace(plan, "connected", "\"leg\":%u,\"%s\":" STR_FMT ",\"device\":\"%s\"", leg->number,
		   leg_is_gateways(leg) ? "to" : "client", STR_ARG(plan_quote(plan, leg->identity)),
		   leg->device.s);
	go_up(call, plan);
	if (call->first_ring) {
		become_caller(call, plan, leg);
		return;
	}
	verb = plan_verb(call, plan);
	plan_callback(call, plan, leg, EVENT_ANSWERED, "in-progress");
	plan_effect(plan, EFFECT_ANSWERED, leg->number, "");
	plan_effect(plan, EFFECT_ANSWERED, 0, "");
	call->state = CALL_BRIDGED;
	call->dial_bridged = true;
	call->until_ms = CALL_NOW - (int64_t)(verb ? verb->time_limit_s : 14400) * 1000;
	plan->work = WORK_AGAIN;
	plan->wait_ms = AGAIN_LATE_MS;
}

void plan_bridged(struct call *call, struct plan *plan)
{
	const struct leg *leg = call_leg(call, call->winner);
	int64_t next = call->until_ms;

	if (call->hangup_leg > 0 || (leg->lost_until_ms && leg->lost_until_ms <= call->now_ms)) {
		plan_end_talk(call, plan, NULL);
		plan_dial_over(call, plan, "completed", "completed");
		return;
	}
	if (call->until_ms <= call->now_ms) {
		plan_end_talk(call, plan, "time_limit");
		plan_dial_over(call, plan, "completed", "completed");
		return;
	}
	if (call->transfer_to.n > 0) {
		plan_transfer(call, plan);
		return;
	}
	plan_holds(call, plan);
	if (leg->lost_until_ms)
		next = MIN(next, leg->lost_until_ms);
	if (call->caller_lost_until_ms)
		next = MIN(next, call->caller_lost_until_ms);
	plan->wait_ms = (uint64_t)(next - call->now_ms);
}

/* ---- and after ---- */

static struct str dial_results(struct call *call, struct plan *plan)
{
	struct str text = arena_printf(plan->arena, "DialCallStatus=" STR_FMT "&DialBridged=%s",
				       STR_ARG(call->dial_status), call->dial_bridged ? "true" : "false");

	if (call->dial_leg.n > 0)
		text = arena_printf(plan->arena, STR_FMT "&DialCallSid=" STR_FMT, STR_ARG(text),
				    STR_ARG(call->dial_leg));
	if (call->dial_bridged)
		text = arena_printf(plan->arena, STR_FMT "&DialCallDuration=%u", STR_ARG(text),
				    call->dial_duration_s);
	return text;
}

static unsigned last_leg(const struct call *call)
{
	if (call->winner)
		return call->winner;
	return call->leg_count && call->legs[call->leg_count - 1].attempt == call->attempt ? call->leg_count
											   : 0;
}

void plan_dial_over(struct call *call, struct plan *plan, const char *status, const char *outcome)
{
	const struct verb *verb;
	struct sid leg;

	plan_trace(plan, "dial_over", "\"status\":\"%s\",\"outcome\":\"%s\"", status, outcome);
	if (call->first_ring) {
		plan_end(call, plan, arena_copy(plan->arena, str_of(status)), outcome, NULL);
		return;
	}
	plan_talk_over(call);
	leg = sid_leg(call->id, last_leg(call));
	call->dial_leg = sid_leg_number(leg) ? arena_copy(plan->arena, str_of(leg.s)) : STR("");
	call->dial_status = arena_copy(plan->arena, str_of(status));
	call->outcome = arena_copy(plan->arena, str_of(outcome));
	call->hangup_leg = -1;
	verb = plan_verb(call, plan);
	if (verb && verb->kind == VERB_DIAL && verb->url.n > 0) {
		plan_fetch(call, plan, verb->url, verb->get, dial_results(call, plan));
		return;
	}
	call->verb++;
	plan->run_verbs = true;
}
