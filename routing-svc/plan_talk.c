/* plan_talk.c - what two who are connected want of their talk: hold, and to be followed by somebody else. */
#include "common/base/json.h"
#include "routing-svc/plan_private.h"

enum { HELD_BY_CALLER = 1, HELD_BY_WINNER = 2 };

static void tell_hold(struct call *call, struct plan *plan, unsigned side, unsigned other)
{
	if ((call->hold & side) == (call->hold_told & side))
		return;
	plan_effect(plan, EFFECT_NOTICE, other, call->hold & side ? "held" : "resumed");
}

void plan_holds(struct call *call, struct plan *plan)
{
	tell_hold(call, plan, HELD_BY_CALLER, call->winner);
	tell_hold(call, plan, HELD_BY_WINNER, 0);
	call->hold_told = call->hold;
}

void plan_talk_over(struct call *call)
{
	call->hold = call->hold_told = 0;
	call->update = STR("");
	call->transfer_to = STR("");
	call->transfer_leg = 0;
}

/* ---- transfer ---- */

/* The record will know the caller's device no more, so the effect says it all. */
static void part_with_caller(struct call *call, struct plan *plan)
{
	struct leg *leg = call_leg(call, call->caller_leg);
	const char *hang_up =
		arena_printf(plan->arena, "%s %s transferred", call->caller_device.s, call->caller_address.s)
			.p;
	const char *let_go = arena_printf(plan->arena, "%s " STR_FMT, call->caller_device.s,
					  STR_ARG(call->caller_identity))
				     .p;

	plan_effect(plan, EFFECT_PART, call->caller_leg, hang_up);
	plan_effect(plan, EFFECT_FREE, call->caller_leg, let_go);
	if (leg)
		leg->status = LEG_ENDED;
}

static void stay(struct call *call, struct plan *plan)
{
	struct leg *leg = call_leg(call, call->winner);

	call->dial_duration_s = (unsigned)(MAX(call->now_ms - call->answered_ms, 0) / 1000);
	plan_callback(call, plan, leg, EVENT_COMPLETED, "completed");
	plan_take_place(call, leg);
}

/* The offer was made to who has left; who stays makes another one by `update`. */
static void forget_descriptions(struct call *call)
{
	if (call->caller == CALLER_DEVICE)
		call->sdp = call->candidates = STR("");
}

/* From here on it is a Dial like any other. */
static struct str document_for(struct call *call, struct plan *plan, struct str to)
{
	const struct leg *stays = call_leg(call, call->caller_leg);
	const struct str from = stays ? leg_address(plan->arena, stays) : call->from;
	struct json_writer w;
	struct buf out;
	struct str copy;

	buf_init(&out, 4096);
	json_begin(&w, &out);
	json_object(&w);
	json_name(&w, "instructions");
	json_array(&w);
	json_object(&w);
	json_str(&w, "verb", STR("dial"));
	json_str(&w, "caller_id", from);
	json_name(&w, "clients");
	json_array(&w);
	json_object(&w);
	json_str(&w, "identity", to);
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
	json_array_end(&w);
	json_object_end(&w);
	copy = arena_copy(plan->arena, buf_str(&out));
	buf_fini(&out);
	return copy;
}

void plan_transfer(struct call *call, struct plan *plan)
{
	const struct str to = call->transfer_to;
	const bool caller_leaves = call->transfer_leg == 0;
	struct sid device, leg;
	const struct str told = arena_printf(plan->arena, "transferred " STR_FMT, STR_ARG(to));

	plan_trace(plan, "transferred", "\"leg\":%u,\"to\":" STR_FMT, call->transfer_leg,
		   STR_ARG(plan_quote(plan, to)));
	if (caller_leaves) {
		part_with_caller(call, plan);
		stay(call, plan);
	} else {
		plan_end_talk(call, plan, "transferred");
	}
	plan_talk_over(call);
	forget_descriptions(call);
	call->is_transferred = true;
	if (call_comes_along(call, &device, &leg))
		plan_effect(plan, EFFECT_END, 0, leg.s);
	plan_effect(plan, EFFECT_NOTICE, 0, arena_cstr(plan->arena, told));
	plan_document(call, plan, STR("application/json"),
		      document_for(call, plan, str_skip(to, STR("client:").n)), STR(""));
}
