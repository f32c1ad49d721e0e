/* effects.c - one function per effect: what is said to whom. */
#include "routing-svc/effects.h"

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/model/call_talk.h"
#include "common/model/comm_token.h"
#include "common/model/inbox.h"
#include "common/model/app.h"
#include "common/model/node.h"
#include "routing-svc/effects_gateway.h"
#include "routing-svc/effects_message.h"
#include "routing-svc/outcome.h"
#include "routing-svc/wake.h"

/* SDP and parameters may be nothing but characters that JSON writes as six. */
enum { FRAME_MAX = 6 * (CALL_SDP_MAX + INSTRUCTIONS_MAX) + 64 * 1024 };

/* ---- frames ---- */

struct frame { /* {"to":..., "msg":{...}} under way */
	struct buf text;
	struct json_writer w;
	unsigned attempt; /* of an `answered`, so that it is passed on once; 0: of nothing else */
};

static void frame_begin(struct frame *frame, struct sid to, struct str type, struct sid leg)
{
	frame->attempt = 0;
	buf_init(&frame->text, FRAME_MAX);
	json_begin(&frame->w, &frame->text);
	json_object(&frame->w);
	json_str(&frame->w, "to", sid_str(&to));
	json_name(&frame->w, "msg");
	json_object(&frame->w);
	json_str(&frame->w, "type", type);
	json_str(&frame->w, "call", sid_str(&leg));
}

static void frame_send(struct flow *flow, struct frame *frame, struct address to, struct flow_step next)
{
	json_object_end(&frame->w);
	if (frame->attempt)
		json_int(&frame->w, "attempt", frame->attempt);
	json_object_end(&frame->w);
	INVARIANT(buf_ok(&frame->text));
	inbox_send(flow, to, buf_str(&frame->text), next);
	buf_fini(&frame->text);
}

/* ---- a leg ---- */

static struct str token_for(struct flow *flow, const struct call *call, const struct leg *leg)
{
	const struct app_common *app = worker_common(flow->worker);
	const struct sid node = nodes_own(app->nodes);
	const struct comm_token token = {
		.leg = sid_leg(call->id, leg->number),
		.account = call->account,
		.device = leg->device,
		.attempt = leg->attempt,
		.expires_at_ms = (uint64_t)call->until_ms,
	};
	struct buf text;
	struct str copy;

	buf_init(&text, COMM_TOKEN_MAX);
	comm_token_make(app->seal, sid_str(&node), &token, &text);
	copy = arena_copy(flow->arena, buf_str(&text));
	buf_fini(&text);
	return copy;
}

/* The client of the ring that the leg came from. */
static struct plan_target target_of(const struct call *call, const struct leg *leg, struct plan *plan)
{
	struct plan_target targets[PLAN_RING_MAX];
	const size_t n = plan_targets((struct call *)call, plan, targets, PLAN_RING_MAX);

	return leg->target < n ? targets[leg->target] : (struct plan_target){ .from = call->from };
}

static void put_parameters(struct frame *frame, const struct dial_target *target)
{
	json_name(&frame->w, "parameters");
	json_object(&frame->w);
	for (size_t i = 0; target && i < target->n_parameters; i++) {
		json_name_str(&frame->w, target->parameters[i].name);
		json_put_str(&frame->w, target->parameters[i].value);
	}
	json_object_end(&frame->w);
}

static void ring(struct flow *flow, const struct call *call, const struct leg *leg, struct plan *plan,
		 struct flow_step next)
{
	const struct plan_target target = target_of(call, leg, plan);
	struct sid device, leaves;
	struct frame frame;

	if (leg_is_gateways(leg)) {
		effects_gateway_ring(flow, call, leg, &target, next);
		return;
	}
	if (call_is_message(call)) {
		effects_message_deliver(flow, call, leg, &target, next);
		return;
	}
	frame_begin(&frame, leg->device, STR("incoming"), sid_leg(call->id, leg->number));
	json_str(&frame.w, "token", token_for(flow, call, leg));
	json_str(&frame.w, "from", target.from);
	json_str(&frame.w, "to", arena_printf(flow->arena, "client:" STR_FMT, STR_ARG(leg->identity)));
	json_str(&frame.w, "media", media_word_of(call->medium));
	put_parameters(&frame, target.target);
	if (call->body.n > 0)
		json_str(&frame.w, "body", call->body);
	if (call->first_ring)
		json_bool(&frame.w, "needs_offer", true);
	else if (call->sdp.n > 0)
		json_str(&frame.w, "sdp", call->sdp);
	if (call_comes_along(call, &device, &leaves) && sid_eq(device, leg->device))
		json_str(&frame.w, "replaces", sid_str(&leaves));
	json_int(&frame.w, "ring_ms", MAX(call->until_ms - call->now_ms, 0));
	json_str(&frame.w, "expires_at", clock_rfc3339(flow->arena, (uint64_t)call->until_ms));
	metric_add(METRIC_rings_total, 1);
	frame_send(flow, &frame, leg->address, next);
}

static void put_sdp(struct frame *frame, struct str sdp)
{
	if (sdp.n > 0)
		json_str(&frame->w, "sdp", sdp);
}

static void tell_winner(struct flow *flow, const struct call *call, const struct leg *leg,
			struct flow_step next)
{
	struct frame frame;

	frame_begin(&frame, leg->device, STR("answered"), sid_leg(call->id, leg->number));
	frame.attempt = call->attempt;
	call_put_candidates(&frame.w, call->candidates);
	frame_send(flow, &frame, leg->address, next);
}

static void tell_leg(struct flow *flow, const struct call *call, const struct leg *leg, struct str type,
		     struct str reason, struct flow_step next)
{
	struct frame frame;

	frame_begin(&frame, leg->device, type, sid_leg(call->id, leg->number));
	if (reason.n > 0)
		json_str(&frame.w, "reason", reason);
	frame_send(flow, &frame, leg->address, next);
}

static void settle_leg(struct flow *flow, const struct call *call, const struct leg *leg,
		       enum claim_change change, struct flow_step next)
{
	const struct client_key client = { call->account, leg->identity };

	claim_settle(flow, client, leg->device, call->id, leg->attempt, change, next);
}

static void let_go(struct flow *flow, const struct call *call, const struct leg *leg, struct flow_step next)
{
	const struct client_key client = { call->account, leg->identity };
	const struct claimed_device device = { leg->device, leg->address };
	const bool was_refused = str_eq(leg->reason, STR("declined")) || str_eq(leg->reason, STR("busy"));

	if (str_eq(leg->reason, LEG_SILENT))
		claim_suspect(flow, client, device, call->id, leg->attempt, next);
	else if (str_eq(leg->reason, LEG_MISSED))
		settle_leg(flow, call, leg, CLAIM_MISSED, next);
	else
		settle_leg(flow, call, leg, was_refused ? CLAIM_REFUSED : CLAIM_RELEASE, next);
}

/* ---- the caller ---- */

static void tell_gateway(struct flow *flow, const struct call *call, struct flow_step next)
{
	if (!call->caller_address.s[0]) {
		flow_next(flow, next);
		return;
	}
	inbox_send(flow, call->caller_address, outcome_message(flow->arena, call), next);
}

static void tell_caller(struct flow *flow, const struct call *call, const struct effect *effect,
			struct flow_step next)
{
	const struct sid leg = sid_leg(call->id, call->caller_leg);
	struct frame frame;

	if (call->caller == CALLER_GATEWAY && call->caller_leg) {
		effects_gateway_tell(flow, call, call->caller_leg, effect, next);
		return;
	}
	if (call->caller == CALLER_GATEWAY && effect->op != EFFECT_PROGRESS) {
		tell_gateway(flow, call, next);
		return;
	}
	if (call_is_message(call)) {
		effects_message_over(flow, call, effect, next);
		return;
	}
	if (call->caller != CALLER_DEVICE) {
		flow_next(flow, next);
		return;
	}
	if (effect->op == EFFECT_ANSWERED) {
		frame_begin(&frame, call->caller_device, STR("answered"), leg);
		frame.attempt = call->attempt;
		put_sdp(&frame, call->answer_sdp);
		if (call_leg((struct call *)call, call->winner))
			call_put_candidates(&frame.w,
					    call_leg((struct call *)call, call->winner)->candidates);
	} else if (effect->op == EFFECT_PROGRESS) {
		frame_begin(&frame, call->caller_device, STR("progress"), leg);
		json_str(&frame.w, "state", effect->word);
	} else {
		frame_begin(&frame, call->caller_device, STR("hangup"), leg);
		json_str(&frame.w, "reason", effect->word);
	}
	frame_send(flow, &frame, call->caller_address, next);
}

static void release_caller(struct flow *flow, const struct call *call, struct str why, struct flow_step next)
{
	const struct client_key client = { call->account, call->caller_identity };

	if (sid_is_set(call->caller_device))
		claim_settle(flow, client, call->caller_device, call->id, 0,
			     str_eq(why, STR("busy")) ? CLAIM_WIND_DOWN : CLAIM_RELEASE, next);
	else
		flow_next(flow, next);
}

/* ---- of the other side ---- */

/* Of a gateway nothing is known that would understand it. */
static void notice(struct flow *flow, const struct call *call, const struct effect *effect,
		   struct flow_step next)
{
	const bool is_caller = effect->leg == 0;
	const struct leg *leg = call_leg((struct call *)call, is_caller ? call->caller_leg : effect->leg);
	const struct sid device = is_caller ? call->caller_device : leg ? leg->device : (struct sid){ "" };
	struct str word = effect->word, type;
	struct frame frame;

	if (!str_split(&word, ' ', &type) || !sid_is_set(device)) {
		flow_next(flow, next);
		return;
	}
	frame_begin(&frame, device, type, sid_leg(call->id, leg ? leg->number : 0));
	if (word.n > 0)
		json_str(&frame.w, "to", word);
	frame_send(flow, &frame, is_caller ? call->caller_address : leg->address, next);
}

/* Who was the caller: the record does not know it any more, so the effect says it all. */
static void part(struct flow *flow, const struct call *call, const struct effect *effect,
		 struct flow_step next)
{
	struct str rest = effect->word, device, address;
	struct claimed_device who = { .device = { "" } };
	struct frame frame;

	if (!str_split(&rest, ' ', &device) || !str_copy(device, who.device.s, SID_SIZE) ||
	    !str_split(&rest, ' ', &address) || !str_copy(address, who.address.s, sizeof(who.address.s))) {
		flow_next(flow, next);
		return;
	}
	frame_begin(&frame, who.device, STR("hangup"), sid_leg(call->id, effect->leg));
	json_str(&frame.w, "reason", rest);
	frame_send(flow, &frame, who.address, next);
}

/* Whether it has ended by itself meanwhile is nothing to us. */
static void end_other(struct flow *flow, const struct effect *effect, struct flow_step next)
{
	bool *refused = flow_alloc(flow, sizeof(*refused));
	struct call_event event = { .event = "control", .word = STR("transferred"), .refused = refused };

	if (sid_parse(effect->word, "CA", &event.leg))
		call_tell(flow, &event, next);
	else
		flow_next(flow, next);
}

static void set_free(struct flow *flow, const struct call *call, const struct effect *effect,
		     struct flow_step next)
{
	struct str rest = effect->word, device;
	struct sid id;

	if (!str_split(&rest, ' ', &device) || !str_copy(device, id.s, SID_SIZE)) {
		flow_next(flow, next);
		return;
	}
	claim_settle(flow, (struct client_key){ call->account, rest }, id, call->id, 0, CLAIM_RELEASE, next);
}

/* ---- all of them ---- */

/* plan: only for reading the document at hand, once for all of them */
static void run_one(struct flow *flow, const struct call *call, const struct effect *effect,
		    struct plan *plan, struct flow_step next)
{
	const struct leg *leg = call_leg((struct call *)call, effect->leg);

	if (effect->op == EFFECT_WAKE)
		wake_client(flow, call, effect->word, next);
	else if (effect->op == EFFECT_PART)
		part(flow, call, effect, next);
	else if (effect->op == EFFECT_END)
		end_other(flow, effect, next);
	else if (effect->op == EFFECT_FREE)
		set_free(flow, call, effect, next);
	else if (effect->op == EFFECT_NOTICE)
		notice(flow, call, effect, next);
	else if (effect->leg == 0 && effect->op == EFFECT_LET_GO)
		release_caller(flow, call, effect->word, next);
	else if (effect->leg == 0)
		tell_caller(flow, call, effect, next);
	else if (!leg)
		flow_next(flow, next);
	else if (effect->op == EFFECT_RING && !leg_rings(leg))
		flow_next(flow, next); /* its predecessor rang it, and it is over by now */
	else if (effect->op == EFFECT_RING)
		ring(flow, call, leg, plan, next);
	else if (leg_is_gateways(leg))
		effects_gateway_tell(flow, call, leg->number, effect, next);
	else if (effect->op == EFFECT_RECEIPT)
		effects_message_receipt(flow, call, leg, next);
	else if (effect->op == EFFECT_CANCEL)
		tell_leg(flow, call, leg, STR("cancel"), effect->word, next);
	else if (effect->op == EFFECT_HANGUP)
		tell_leg(flow, call, leg, STR("hangup"), effect->word, next);
	else if (effect->op == EFFECT_ANSWERED)
		tell_winner(flow, call, leg, next);
	else if (effect->op == EFFECT_LET_GO)
		let_go(flow, call, leg, next);
	else
		settle_leg(flow, call, leg, CLAIM_ENGAGE, next);
}

void effects_run(struct flow *flow, const struct call *call, struct str list, struct flow_step next)
{
	struct plan plan = { .arena = flow->arena };
	struct str rest = list;
	struct effect effect;
	struct flow_step each;
	unsigned n = 0;

	while (effect_next(&rest, &effect))
		n++;
	if (n == 0) {
		flow_next(flow, next);
		return;
	}
	each = flow_join(flow, n, next);
	while (effect_next(&list, &effect))
		run_one(flow, call, &effect, &plan, each);
}

void effects_release_claims(struct flow *flow, const struct call *call, int64_t fence,
			    const struct plan_target *targets, const struct claim_result *claims, size_t n,
			    struct flow_step next)
{
	struct flow_step each;
	unsigned count = 0;

	for (size_t i = 0; i < n; i++)
		count += (unsigned)claims[i].n;
	if (count == 0) {
		flow_next(flow, next);
		return;
	}
	each = flow_join(flow, count, next);
	for (size_t i = 0; i < n; i++) {
		const struct client_key client = { call->account, targets[i].identity };

		for (size_t d = 0; d < claims[i].n; d++) {
			if (targets[i].by_gateway)
				flow_next(flow, each);
			else
				claim_give_back(flow, client, claims[i].devices[d].device, call->id, fence,
						each);
		}
	}
}
