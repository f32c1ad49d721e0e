/* effects_message.c - see effects_message.h. */
#include "routing-svc/effects_message.h"

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/model/inbox.h"

/* A body and parameters may be nothing but characters that JSON writes as six. */
enum { NOTICE_MAX = 6 * (CALL_BODY_MAX + INSTRUCTIONS_MAX) + 16 * 1024 };

struct notice { /* {"to":..., "msg":{...}} under way */
	struct buf text;
	struct json_writer w;
};

static void notice_begin(struct notice *notice, struct sid to, struct str type, struct sid message)
{
	buf_init(&notice->text, NOTICE_MAX);
	json_begin(&notice->w, &notice->text);
	json_object(&notice->w);
	json_str(&notice->w, "to", sid_str(&to));
	json_name(&notice->w, "msg");
	json_object(&notice->w);
	json_str(&notice->w, "type", type);
	json_str(&notice->w, "message", sid_str(&message));
}

static void notice_send(struct flow *flow, struct notice *notice, struct address to, struct flow_step next)
{
	json_object_end(&notice->w);
	json_object_end(&notice->w);
	INVARIANT(buf_ok(&notice->text));
	inbox_send(flow, to, buf_str(&notice->text), next);
	buf_fini(&notice->text);
}

/* What the document says of the client wins over what the sender says. */
static void put_parameters(struct json_writer *w, const struct call *call, const struct dial_target *target)
{
	json_name(w, "parameters");
	if ((!target || target->n_parameters == 0) && call->parameters.n > 0) {
		json_put_raw(w, call->parameters);
		return;
	}
	json_object(w);
	for (size_t i = 0; target && i < target->n_parameters; i++) {
		json_name_str(w, target->parameters[i].name);
		json_put_str(w, target->parameters[i].value);
	}
	json_object_end(w);
}

void effects_message_deliver(struct flow *flow, const struct call *call, const struct leg *leg,
			     const struct plan_target *target, struct flow_step next)
{
	struct notice notice;

	notice_begin(&notice, leg->device, STR("message"), sid_leg(call->id, leg->number));
	json_str(&notice.w, "from", target->from);
	json_str(&notice.w, "to", leg_address(flow->arena, leg));
	json_str(&notice.w, "body", call->body);
	put_parameters(&notice.w, call, target->target);
	json_str(&notice.w, "sent_at", clock_rfc3339(flow->arena, (uint64_t)call->created_ms));
	notice_send(flow, &notice, leg->address, next);
}

static bool sender_listens(const struct call *call)
{
	return call->caller == CALLER_DEVICE && sid_is_set(call->caller_device);
}

void effects_message_receipt(struct flow *flow, const struct call *call, const struct leg *leg,
			     struct flow_step next)
{
	struct notice notice;

	if (!sender_listens(call)) {
		flow_next(flow, next);
		return;
	}
	notice_begin(&notice, call->caller_device, STR("receipt"), call->id);
	json_str(&notice.w, "status", STR("delivered"));
	json_str(&notice.w, "to", leg_address(flow->arena, leg));
	json_str(&notice.w, "device", sid_str(&leg->device));
	json_str(&notice.w, "at", clock_rfc3339(flow->arena, (uint64_t)call->now_ms));
	notice_send(flow, &notice, call->caller_address, next);
}

void effects_message_over(struct flow *flow, const struct call *call, const struct effect *effect,
			  struct flow_step next)
{
	struct notice notice;

	if (effect->op != EFFECT_HANGUP || !sender_listens(call) || str_eq(effect->word, MESSAGE_DELIVERED)) {
		flow_next(flow, next);
		return;
	}
	notice_begin(&notice, call->caller_device, STR("receipt"), call->id);
	json_str(&notice.w, "status", STR("undelivered"));
	json_str(&notice.w, "reason", effect->word);
	json_str(&notice.w, "at", clock_rfc3339(flow->arena, (uint64_t)call->now_ms));
	notice_send(flow, &notice, call->caller_address, next);
}
