/* channel_message.c - messages that a client sends, and its word that one has come.
 *
 *     message -> on_application -> on_created -> ok         the receipts come later
 *     ack     -> on_told -> ok                              the receipt
 */
#include "common/model/call_request.h"
#include "common/model/inbox.h"
#include "presence-svc/app.h"
#include "presence-svc/channel.h"

/* ---- message ---- */

struct sending {
	struct call call;
	struct application application;
	struct address owner;
};

static void on_application(struct flow *flow);
static void on_created(struct flow *flow);

static bool read_message(struct message *message, struct call *call, struct json_fault *fault)
{
	call->medium = MEDIA_MESSAGE;
	return call_read_address(message->doc, "to", &call->to, fault) &&
	       json_get_str(message->doc, "body", JSON_REQUIRED, CALL_BODY_MAX, &call->body, fault) &&
	       (call->body.n > 0 || json_fault_set(fault, "body", "has to say something")) &&
	       call_read_parameters(message->flow.arena, message->doc, call, fault);
}

void channel_message(struct message *message)
{
	struct flow *flow = &message->flow;
	struct session *session = message->session;
	struct sending *sending = flow_state(flow, sizeof(*sending));
	struct call *call = &sending->call;
	struct json_fault fault = { .missing = false };

	if (!session->may_call || session->expired) {
		flow_fail(flow, ERR_NO_OUTGOING, "");
		return;
	}
	if (!read_message(message, call, &fault)) {
		channel_fail_field(message, &fault);
		return;
	}
	call->id = sid_new_call();
	call->account = session->account;
	call->from = arena_printf(flow->arena, "client:%s", session->identity);
	call->caller = CALLER_DEVICE;
	call->caller_identity = arena_copy(flow->arena, str_of(session->identity));
	call->caller_device = session->device;
	call->caller_address = nodes_address(worker_common(flow->worker)->nodes);
	if (session->parameters)
		call->fixed = arena_copy(flow->arena, str_of(session->parameters));
	application_load(worker_common(flow->worker)->accounts, flow, session->account, session->application,
			 &sending->application, STEP(on_application));
}

static void on_application(struct flow *flow)
{
	struct sending *sending = flow->state;
	struct nodes *nodes = worker_common(flow->worker)->nodes;

	if (sending->application.voice_url.n == 0) {
		flow_fail(flow, ERR_BAD_APPLICATION, "the token's application has no voice URL");
		return;
	}
	if (!nodes_pick(nodes, NODE_ROUTING, sid_str(&sending->call.id), &sending->owner)) {
		flow_fail(flow, ERR_UNAVAILABLE, "no routing instance is up");
		return;
	}
	call_from_application(&sending->call, &sending->application);
	call_create(flow, &sending->call, sending->owner,
		    call_trace(flow->arena, nodes_instance(nodes, flow->arena), "created",
			       "\"how\":\"message\",\"device\":\"%s\"", sending->call.caller_device.s),
		    STEP(on_created));
}

static void on_created(struct flow *flow)
{
	struct sending *sending = flow->state;
	struct message *message = message_of(flow);
	struct frame frame;

	inbox_look(flow->worker, str_of(sending->owner.s), sending->call.id);
	channel_reply(message, &frame, "ok");
	json_str(&frame.w, "message", sid_str(&sending->call.id));
	channel_ok(message, &frame);
}

/* ---- ack ---- */

static void on_told(struct flow *flow);

/* Without a message it asks for nothing but an answer. */
void channel_ack(struct message *message)
{
	struct flow *flow = &message->flow;
	struct json_fault fault = { .missing = false };
	struct str text;
	struct sid leg;

	if (!json_get_str(message->doc, "message", JSON_OPTIONAL, SID_LEN, &text, &fault))
		channel_fail_field(message, &fault);
	else if (str_is_null(text))
		channel_ok(message, NULL);
	else if (!sid_parse(text, "CA", &leg) || sid_leg_number(leg) == 0)
		flow_fail(flow, ERR_NO_SUCH_LEG, "");
	else
		call_tell(flow,
			  &(struct call_event){
				  .event = "receipt",
				  .leg = leg,
				  .text = arena_copy(flow->arena, sid_str(&message->session->device)) },
			  STEP(on_told));
}

static void on_told(struct flow *flow)
{
	channel_ok(message_of(flow), NULL);
}
