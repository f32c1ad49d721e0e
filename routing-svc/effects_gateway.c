/* effects_gateway.c - see effects_gateway.h. */
#include "routing-svc/effects_gateway.h"

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/model/app.h"
#include "common/model/call_talk.h"
#include "common/model/gateway.h"
#include "common/model/settings.h"

/* What a Number or Sip says beside the destination. */
static void put_target(struct json_writer *w, const struct dial_target *target)
{
	if (target && target->send_digits.n > 0)
		json_str(w, "send_digits", target->send_digits);
	if (target && target->username.n > 0) {
		json_str(w, "username", target->username);
		json_str(w, "password", target->password);
	}
	json_name(w, "parameters");
	json_object(w);
	for (size_t i = 0; target && i < target->n_parameters; i++) {
		json_name_str(w, target->parameters[i].name);
		json_put_str(w, target->parameters[i].value);
	}
	json_object_end(w);
}

void effects_gateway_ring(struct flow *flow, const struct call *call, const struct leg *leg,
			  const struct plan_target *target, struct flow_step next)
{
	const struct settings *settings = worker_common(flow->worker)->settings;
	const int64_t left_ms = MAX(call->until_ms - call->now_ms, 1);
	struct gateway_note note;

	gateway_begin(&note, call, leg->number, "ring");
	note.once = STR("ring");
	note.try_ms = MIN((uint64_t)left_ms, settings->gateway_give_up_ms);
	json_str(&note.w, "from", target->from);
	json_str(&note.w, "to", leg->identity);
	json_str(&note.w, "media", media_word_of(call->medium));
	put_target(&note.w, target->target);
	if (call->first_ring)
		json_bool(&note.w, "needs_offer", true);
	else if (call->sdp.n > 0)
		json_str(&note.w, "sdp", call->sdp);
	json_str(&note.w, "expires_at", clock_rfc3339(flow->arena, (uint64_t)call->until_ms));
	metric_add(METRIC_rings_total, 1);
	gateway_send(flow, &note, next);
}

static void tell(struct flow *flow, const struct call *call, unsigned leg, const char *action,
		 struct str reason, struct flow_step next)
{
	struct gateway_note note;

	gateway_begin(&note, call, leg, action);
	note.once = str_of(action);
	json_str(&note.w, "reason", reason);
	gateway_send(flow, &note, next);
}

/* The caller's side hears of each Dial that connects it, and gets the winner's SDP. */
static void tell_answered(struct flow *flow, const struct call *call, unsigned leg, struct flow_step next)
{
	const bool is_caller = leg == call->caller_leg;
	const struct leg *winner = call_leg((struct call *)call, call->winner);
	struct gateway_note note;

	gateway_begin(&note, call, leg, "answered");
	note.once = arena_printf(flow->arena, "answered%u", is_caller ? call->attempt : 0);
	if (is_caller && call->answer_sdp.n > 0)
		json_str(&note.w, "sdp", call->answer_sdp);
	if (!is_caller)
		call_put_candidates(&note.w, call->candidates);
	else if (winner)
		call_put_candidates(&note.w, winner->candidates);
	gateway_send(flow, &note, next);
}

void effects_gateway_tell(struct flow *flow, const struct call *call, unsigned leg,
			  const struct effect *effect, struct flow_step next)
{
	const struct leg *rung = call_leg((struct call *)call, leg);
	const bool may_ring = rung && str_eq(rung->reason, LEG_NOT_TAKEN);

	if (effect->op == EFFECT_CANCEL)
		tell(flow, call, leg, "cancel", effect->word, next);
	else if (effect->op == EFFECT_LET_GO && may_ring)
		tell(flow, call, leg, "cancel", STR("unreachable"), next);
	else if (effect->op == EFFECT_HANGUP)
		tell(flow, call, leg, "hangup", effect->word, next);
	else if (effect->op == EFFECT_ANSWERED)
		tell_answered(flow, call, leg, next);
	else
		flow_next(flow, next); /* it holds no claim, and does not wait to hear how it goes */
}
