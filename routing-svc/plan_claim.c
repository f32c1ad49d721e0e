/* plan_claim.c - whom a ring comes to, and the legs that come of the claims. */
#include "routing-svc/plan_private.h"
#include "routing-svc/ring_order.h"

/* ---- what is named ---- */

uint64_t plan_ring_ms(struct call *call, struct plan *plan)
{
	const struct verb *verb = call->first_ring ? NULL : plan_verb(call, plan);

	return (verb ? verb->timeout_s : call->ring_s ? call->ring_s : 60) * UINT64_C(1000);
}

size_t plan_targets(struct call *call, struct plan *plan, struct plan_target out[], size_t max)
{
	const struct verb *verb;
	size_t n = 0;

	if (call->first_ring) {
		const struct str scheme = STR("client:");
		const bool is_client = str_starts(call->to, scheme);

		out[0] =
			(struct plan_target){ .identity = is_client ? str_skip(call->to, scheme.n) : call->to,
					      .from = call->from,
					      .by_gateway = !is_client };
		return 1;
	}
	verb = plan_verb(call, plan);
	for (size_t i = 0; verb && i < verb->n_targets && n < max; i++) {
		const struct dial_target *target = &verb->targets[i];
		const bool by_gateway = target->kind == TARGET_NUMBER || target->kind == TARGET_SIP;

		out[n++] =
			(struct plan_target){ .identity = by_gateway ? target->destination : target->identity,
					      .from = verb->caller_id.n > 0 ? verb->caller_id : call->from,
					      .target = target,
					      .index = (unsigned)i,
					      .by_gateway = by_gateway };
	}
	return n;
}

enum dial_strategy plan_strategy(struct call *call, struct plan *plan)
{
	const struct verb *verb = call->first_ring ? NULL : plan_verb(call, plan);

	return verb && verb->kind == VERB_DIAL ? verb->strategy : STRATEGY_ALL;
}

/* ---- room ---- */

static size_t room_for(const struct call *call)
{
	return MIN((size_t)CALL_LEGS_SPARE, (size_t)CALL_LEGS_MAX - call->leg_count);
}

size_t plan_share_room(const struct call *call, struct claim_result claims[], struct claim_result surplus[],
		       size_t n)
{
	size_t kept[PLAN_RING_MAX] = { 0 };
	size_t room = room_for(call);
	size_t left = 0;

	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < n && room > 0; i++) {
			if (kept[i] == claims[i].n)
				continue;
			kept[i]++;
			room--;
			more = true;
		}
	}
	for (size_t i = 0; i < n; i++) {
		surplus[i] = (struct claim_result){ .n = claims[i].n - kept[i] };
		if (surplus[i].n == 0)
			continue;
		surplus[i].devices = &claims[i].devices[kept[i]];
		claims[i].n = kept[i];
		if (kept[i] == 0)
			claims[i].reason = STR("no_room");
		left += surplus[i].n;
	}
	return left;
}

/* ---- legs ---- */

static struct leg *add_leg(struct call *call, const struct plan_target *client,
			   const struct claimed_device *device)
{
	struct leg *leg = &call->legs[call->leg_count++];

	*leg = (struct leg){ .number = call->leg_count,
			     .attempt = call->attempt,
			     .identity = client->identity,
			     .device = device->device,
			     .address = device->address,
			     .target = client->index };
	return leg;
}

static void ring_leg(struct call *call, struct plan *plan, struct leg *leg)
{
	leg->status = LEG_RUNG;
	plan_effect(plan, EFFECT_RING, leg->number, "");
	if (leg_is_gateways(leg))
		plan_trace(plan, "ring", "\"to\":" STR_FMT ",\"leg\":%u,\"by\":\"gateway\"",
			   STR_ARG(plan_quote(plan, leg->identity)), leg->number);
	else
		plan_trace(plan, "ring", "\"client\":" STR_FMT ",\"device\":\"%s\",\"leg\":%u,\"by\":\"%s\"",
			   STR_ARG(plan_quote(plan, leg->identity)), leg->device.s, leg->number,
			   leg->address.s);
	plan_callback(call, plan, leg, EVENT_INITIATED, "initiated");
}

static void give_back_leg(struct call *call, struct plan *plan, struct leg *leg)
{
	(void)call;
	leg->status = LEG_CANCELLED;
	plan_effect(plan, EFFECT_LET_GO, leg->number, "");
}

typedef void leg_fn(struct call *call, struct plan *plan, struct leg *leg);

/* A leg for each claimed device; plan_share_room has seen to it that there is room. */
static void add_legs(struct call *call, const struct plan_input *input, struct plan *plan, leg_fn *each)
{
	const size_t most = room_for(call) + call->leg_count;

	for (size_t i = 0; i < input->n_claims; i++) {
		const struct plan_target *client = &input->order[call->turn + i];

		for (size_t d = 0; d < input->claims[i].n && call->leg_count < most; d++)
			each(call, plan, add_leg(call, client, &input->claims[i].devices[d]));
	}
}

/* ---- turns ---- */

static void trace_refused(struct plan *plan, const struct plan_target *client, struct str reason)
{
	const struct str name =
		client->identity.n > 0 || !client->target ? client->identity : client->target->name;

	plan_trace(plan, "not_rung", "\"%s\":" STR_FMT ",\"reason\":\"" STR_FMT "\"",
		   client->by_gateway ? "to" : "client", STR_ARG(plan_quote(plan, name)), STR_ARG(reason));
}

static struct str order_text(struct plan *plan, const struct plan_input *input)
{
	struct str text = STR("");

	for (size_t i = 0; i < input->n_order; i++)
		text = arena_printf(plan->arena, STR_FMT "%s" STR_FMT, STR_ARG(text), i ? "," : "",
				    STR_ARG(plan_quote(plan, input->order[i].identity)));
	return text;
}

/* From its first claims on, whoever works on the ring goes on with the same order. */
static void keep_order(struct call *call, const struct plan_input *input, struct plan *plan)
{
	static const char *const words[] = { "all", "all", "in_order", "round_robin", "longest_idle" };
	const enum dial_strategy strategy = plan_strategy(call, plan);

	if (call->order.n > 0)
		return;
	call->order = ring_order_write(plan->arena, input->order, input->n_order);
	if (strategy != STRATEGY_ALL)
		plan_trace(plan, "order", "\"strategy\":\"%s\",\"clients\":[" STR_FMT "]", words[strategy],
			   STR_ARG(order_text(plan, input)));
}

/* Nobody could be claimed: the weightiest reason of all clients says how the Dial ends. */
static void nobody(struct call *call, struct plan *plan, const struct plan_input *input)
{
	const char *outcome = "unreachable";

	for (size_t i = 0; i < input->n_claims; i++) {
		const struct str reason = input->claims[i].reason;

		if (str_eq(reason, STR("on_call")) || str_eq(reason, STR("engaged")) ||
		    str_eq(reason, STR("busy")) || str_eq(reason, STR("dnd")))
			outcome = "busy";
	}
	plan_dial_over(call, plan, strcmp(outcome, "busy") == 0 ? "busy" : "no-answer", outcome);
}

/* ---- waking ---- */

static unsigned wake_all(struct call *call, const struct plan_input *input, struct plan *plan)
{
	unsigned n = 0;

	for (size_t i = 0; i < input->n_claims; i++) {
		const struct str reason = input->claims[i].reason;
		const struct plan_target *client = &input->order[call->turn + i];

		if (!str_eq(reason, STR("offline")) && !str_eq(reason, STR("no_channel")))
			continue;
		plan_effect(plan, EFFECT_WAKE, 0, arena_cstr(plan->arena, client->identity));
		plan_trace(plan, "wake", "\"client\":" STR_FMT, STR_ARG(plan_quote(plan, client->identity)));
		n++;
	}
	return n;
}

/* Nobody can be rung.  Once in a Dial those who are offline are woken; their turn lasts until one of them
 * is there, or the account's time for that is over. */
static bool waits_for_woken(struct call *call, const struct plan_input *input, struct plan *plan)
{
	uint64_t left_ms = input->wake_ms;

	if (call->wake_until_ms) {
		left_ms = (uint64_t)MAX(call->wake_until_ms - call->now_ms, 0);
	} else if (left_ms > 0 && wake_all(call, input, plan) > 0) {
		call->wake_until_ms = CALL_NOW - (int64_t)left_ms;
	} else {
		return false;
	}
	plan->wait_ms = MIN(left_ms, (uint64_t)WAKE_LOOK_MS);
	return left_ms > 0;
}

static bool is_anybody_claimed(const struct plan_input *input)
{
	for (size_t i = 0; i < input->n_claims; i++) {
		if (input->claims[i].n > 0)
			return true;
	}
	return false;
}

void plan_claimed(struct call *call, const struct plan_input *input, struct plan *plan)
{
	const uint64_t ring_ms = plan_ring_ms(call, plan);
	const unsigned before = call->leg_count;

	keep_order(call, input, plan);
	if (!is_anybody_claimed(input) && waits_for_woken(call, input, plan))
		return;
	for (size_t i = 0; i < input->n_claims; i++) {
		if (input->claims[i].n == 0)
			trace_refused(plan, &input->order[call->turn + i], input->claims[i].reason);
	}
	add_legs(call, input, plan, ring_leg);
	call->turn += (unsigned)input->n_claims;
	if (call->leg_count == before) {
		nobody(call, plan, input);
		return;
	}
	call->state = CALL_RINGING;
	call->until_ms = CALL_NOW - (int64_t)ring_ms;
	call->proof_until_ms = input->ring_proof_ms ? CALL_NOW - (int64_t)input->ring_proof_ms : 0;
	call->idle_fetches = 0;
	plan->wait_ms = input->ring_proof_ms ? MIN(ring_ms, input->ring_proof_ms) : ring_ms;
	plan_effect(plan, EFFECT_PROGRESS, 0, "ringing");
}

/* The call ends just when its claims have come: nobody is rung, all are let go. */
void plan_give_back(struct call *call, const struct plan_input *input, struct plan *plan)
{
	add_legs(call, input, plan, give_back_leg);
}
