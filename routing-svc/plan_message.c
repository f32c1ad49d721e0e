/* plan_message.c - a message, from its delivery to the receipts.
 *
 * It goes the way of a call: instructions, a Dial, the clients that can be reached.  But it takes no device, every
 * device of a client gets it, and a receipt is all that comes back.  A Dial is over when each client of its turn has one,
 * or its time is.
 */
#include "routing-svc/plan_private.h"

static void end_leg(struct call *call, struct plan *plan, struct leg *leg, struct str how, const char *status)
{
	leg->status = LEG_ENDED;
	leg->reason = how;
	plan_callback(call, plan, leg, EVENT_COMPLETED, status);
}

static void take_receipt(struct call *call, struct plan *plan, struct leg *leg)
{
	if (!call->winner)
		call->winner = leg->number;
	plan_effect(plan, EFFECT_RECEIPT, leg->number, "");
	plan_trace(plan, "delivered", "\"leg\":%u,\"client\":" STR_FMT ",\"device\":\"%s\"", leg->number,
		   STR_ARG(plan_quote(plan, leg->identity)), leg->device.s);
	end_leg(call, plan, leg, MESSAGE_DELIVERED, "completed");
}

static bool has_it(const struct call *call, struct str identity)
{
	for (unsigned i = 0; i < call->leg_count; i++) {
		const struct leg *leg = &call->legs[i];

		if (leg->attempt == call->attempt && str_eq(leg->reason, MESSAGE_DELIVERED) &&
		    str_eq(leg->identity, identity))
			return true;
	}
	return false;
}

static void look_at_legs(struct call *call, struct plan *plan)
{
	for (unsigned i = 0; i < call->leg_count; i++) {
		struct leg *leg = &call->legs[i];

		if (leg->status == LEG_ACKNOWLEDGED)
			take_receipt(call, plan, leg);
		else if (leg->status == LEG_REJECTED || leg->status == LEG_LOST)
			end_leg(call, plan, leg, STR("lost"), "no-answer");
	}
}

static bool somebody_waits(const struct call *call)
{
	for (unsigned i = 0; i < call->leg_count; i++) {
		if (leg_rings(&call->legs[i]) && !has_it(call, call->legs[i].identity))
			return true;
	}
	return false;
}

void plan_delivering(struct call *call, struct plan *plan)
{
	look_at_legs(call, plan);
	if (somebody_waits(call) && call->until_ms > call->now_ms) {
		plan->wait_ms = (uint64_t)(call->until_ms - call->now_ms);
		return;
	}
	for (unsigned i = 0; i < call->leg_count; i++) {
		if (leg_rings(&call->legs[i]))
			end_leg(call, plan, &call->legs[i], STR("lost"), "no-answer");
	}
	if (call->winner)
		plan_dial_over(call, plan, "completed", "delivered");
	else
		plan_turn_over(call, plan, "no-answer", "unreachable");
}
