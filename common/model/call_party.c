/* call_party.c - see call_party.h. */
#include "common/model/call_party.h"

#include "common/model/call_request.h"
#include "common/model/gateway.h"
#include "common/model/inbox.h"

bool call_other_side(const struct call *call, unsigned leg, struct call_party *out)
{
	const struct leg *winner = call_leg((struct call *)call, call->winner);

	if (call->state != CALL_BRIDGED || !winner)
		return false;
	if (leg != call->winner)
		*out = (struct call_party){ winner->number, winner->device, winner->address };
	else if (call->caller == CALLER_DEVICE)
		*out = (struct call_party){ call->caller_leg, call->caller_device, call->caller_address };
	else
		*out = (struct call_party){ .leg = call->caller_leg };
	return sid_is_set(out->device) || out->leg > 0;
}

static void pass_to_device(struct flow *flow, const struct call *call, const struct call_party *to,
			   struct str candidate, struct flow_step next)
{
	const struct sid leg = sid_leg(call->id, to->leg);
	struct json_writer w;
	struct buf text;

	buf_init(&text, CALL_CANDIDATE_JSON_MAX);
	json_begin(&w, &text);
	json_object(&w);
	json_str(&w, "to", sid_str(&to->device));
	json_name(&w, "msg");
	json_object(&w);
	json_str(&w, "type", STR("candidate"));
	json_str(&w, "call", sid_str(&leg));
	json_str(&w, "candidate", candidate);
	json_object_end(&w);
	json_object_end(&w);
	INVARIANT(buf_ok(&text));
	inbox_send(flow, to->address, arena_copy(flow->arena, buf_str(&text)), next);
	buf_fini(&text);
}

void call_pass_candidate(struct flow *flow, const struct call *call, const struct call_party *to,
			 struct str candidate, struct flow_step next)
{
	struct gateway_note note;

	if (sid_is_set(to->device)) {
		pass_to_device(flow, call, to, candidate, next);
		return;
	}
	gateway_begin(&note, call, to->leg, "candidate");
	json_str(&note.w, "candidate", candidate);
	gateway_send(flow, &note, next);
}
