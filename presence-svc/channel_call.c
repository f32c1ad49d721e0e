/* channel_call.c - what a client says about calls.
 *
 *     call      -> on_application -> on_claimed -> on_created -> ok
 *     answer    -> on_won -> ok                    (the compare-and-set in the call's shard)
 *     ringing, reject, hangup -> on_told -> ok
 */
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/call_request.h"
#include "common/model/comm_token.h"
#include "common/model/inbox.h"
#include "common/model/job.h"
#include "presence-svc/app.h"
#include "presence-svc/channel.h"

enum { CREATE_SPARE_MS = 1000 };

static struct str own_device(struct flow *flow)
{
	return arena_copy(flow->arena, sid_str(&message_of(flow)->session->device));
}

/* ---- call ---- */

struct outgoing {
	struct call call;
	struct application application;
	struct claim_result claim;
	bool is_beside; /* another call of this device, which has its claim */
	struct address owner;
};

static void on_application(struct flow *flow);
static void on_claimed(struct flow *flow);
static void create(struct flow *flow);
static void on_created(struct flow *flow);

static bool read_call(struct message *message, struct call *call, struct json_fault *fault)
{
	return call_read_address(message->doc, "to", &call->to, fault) &&
	       json_get_str(message->doc, "sdp", JSON_OPTIONAL, CALL_SDP_MAX, &call->sdp, fault) &&
	       call_read_media(message->doc, call, fault) && call_read_body(message->doc, call, fault) &&
	       call_read_parameters(message->flow.arena, message->doc, call, fault);
}

/* A device is in one call, unless it says that it knows of it. */
static bool read_beside(struct message *message, bool *out)
{
	struct json_fault fault = { .missing = false };
	const struct session_leg *leg = NULL;
	struct str text;
	struct sid id;

	if (json_get_str(message->doc, "beside", JSON_OPTIONAL, SID_LEN, &text, &fault)) {
		*out = !str_is_null(text);
		if (*out && sid_parse(text, "CA", &id))
			leg = session_leg_find(message->session, id);
		if (!*out || (leg && leg->role != LEG_IS_RUNG))
			return true;
		(void)!json_fault_set(&fault, "beside", "has to be a call that this device is in");
	}
	channel_fail_field(message, &fault);
	return false;
}

void channel_call(struct message *message)
{
	struct flow *flow = &message->flow;
	struct session *session = message->session;
	struct outgoing *out = flow_state(flow, sizeof(*out));
	struct json_fault fault = { .missing = false };

	if (!session->may_call || session->expired) {
		flow_fail(flow, ERR_NO_OUTGOING, "");
		return;
	}
	if (!session_leg_room(session)) {
		flow_fail(flow, ERR_TOO_MANY_REQUESTS, "this channel is in as many calls as it may be");
		return;
	}
	if (!read_call(message, &out->call, &fault)) {
		channel_fail_field(message, &fault);
		return;
	}
	out->call.answer_with_call = true; /* who only writes says `message` */
	if (!read_beside(message, &out->is_beside))
		return;
	out->call.id = sid_new_call();
	out->call.account = session->account;
	out->call.from = arena_printf(flow->arena, "client:%s", session->identity);
	out->call.caller = CALLER_DEVICE;
	out->call.caller_identity = arena_copy(flow->arena, str_of(session->identity));
	out->call.caller_device = session->device;
	out->call.caller_address = nodes_address(worker_common(flow->worker)->nodes);
	if (session->parameters)
		out->call.fixed = arena_copy(flow->arena, str_of(session->parameters));
	application_load(worker_common(flow->worker)->accounts, flow, session->account, session->application,
			 &out->application, STEP(on_application));
}

/* The caller's own device is taken first: so of two clients that call each other both are busy. */
static void on_application(struct flow *flow)
{
	struct outgoing *out = flow->state;
	struct session *session = message_of(flow)->session;
	const uint64_t create_ms = worker_common(flow->worker)->settings->redis_timeout_ms;
	const struct claim_ask ask = {
		.client = session_client(session),
		.call = out->call.id,
		.fence = 1,
		.medium = out->call.medium,
		.engage = true,
		.hold_ms = create_ms + CREATE_SPARE_MS, /* then the sweep asks whether the call was made */
		.device = session->device,
		.most = 1,
	};

	if (out->application.voice_url.n == 0) {
		flow_fail(flow, ERR_BAD_APPLICATION, "the token's application has no voice URL");
		return;
	}
	call_from_application(&out->call, &out->application);
	if (session->registration && !out->is_beside)
		claim_take(flow, &ask, &out->claim, STEP(on_claimed));
	else
		create(flow);
}

static void on_released(struct flow *job)
{
	flow_done(job);
}

/* A call that was never written must not keep its caller's device. */
static void release(struct flow *flow, void *arg)
{
	struct outgoing *out = arg;
	struct flow *job = job_new(flow->worker, "claim_release", 0);
	const struct client_key client = { out->call.account,
					   arena_copy(job->arena, out->call.caller_identity) };

	claim_settle(job, client, out->call.caller_device, out->call.id, 0, CLAIM_RELEASE, STEP(on_released));
}

static void on_claimed(struct flow *flow)
{
	struct outgoing *out = flow->state;

	if (out->claim.n == 0) {
		flow_fail(flow, ERR_BUSY, "");
		return;
	}
	create(flow);
}

static void create(struct flow *flow)
{
	struct outgoing *out = flow->state;
	struct nodes *nodes = worker_common(flow->worker)->nodes;

	if (!nodes_pick(nodes, NODE_ROUTING, sid_str(&out->call.id), &out->owner)) {
		release(flow, out);
		flow_fail(flow, ERR_UNAVAILABLE, "no routing instance is up");
		return;
	}
	session_leg_add(message_of(flow)->session, out->call.id, LEG_IS_CALLER, 0);
	if (out->is_beside)
		message_of(flow)->session->legs->claim = CLAIM_OF_ANOTHER;
	call_create(flow, &out->call, out->owner,
		    call_trace(flow->arena, nodes_instance(nodes, flow->arena), "created",
			       "\"how\":\"client\",\"device\":\"%s\"", out->call.caller_device.s),
		    STEP(on_created));
}

static void on_created(struct flow *flow)
{
	struct outgoing *out = flow->state;
	struct message *message = message_of(flow);
	struct frame frame;

	inbox_look(flow->worker, str_of(out->owner.s), out->call.id);
	channel_reply(message, &frame, "ok");
	json_str(&frame.w, "call", sid_str(&out->call.id));
	channel_ok(message, &frame);
}

/* ---- answer ---- */

static void on_won(struct flow *flow);

void channel_answer(struct message *message)
{
	struct flow *flow = &message->flow;
	struct comm_token *token = flow_state(flow, sizeof(*token));
	struct json_fault fault = { .missing = false };
	struct str text, sdp;

	if (message->session->expired) {
		flow_fail(flow, ERR_TOKEN_EXPIRED, "");
		return;
	}
	if (!json_get_str(message->doc, "token", JSON_REQUIRED, COMM_TOKEN_MAX, &text, &fault) ||
	    !json_get_str(message->doc, "sdp", JSON_OPTIONAL, CALL_SDP_MAX, &sdp, &fault)) {
		channel_fail_field(message, &fault);
		return;
	}
	if (!comm_token_open(worker_common(flow->worker)->seal, text, token) ||
	    !sid_eq(token->device, message->session->device) ||
	    !sid_eq(token->account, message->session->account)) {
		flow_fail(flow, ERR_COMM_TOKEN_INVALID, "");
		return;
	}
	call_tell(flow,
		  &(struct call_event){
			  .event = "answer", .leg = token->leg, .attempt = token->attempt, .text = sdp },
		  STEP(on_won));
}

static void on_won(struct flow *flow)
{
	const struct comm_token *token = flow->state;
	struct message *message = message_of(flow);
	struct session_leg *leg = session_leg_find(message->session, token->leg);
	struct frame frame;

	metric_add(METRIC_answers_won_total, 1);
	if (leg)
		leg->role = LEG_IS_TALKING;
	channel_reply(message, &frame, "ok");
	json_str(&frame.w, "call", sid_str(&token->leg));
	channel_ok(message, &frame);
}

/* ---- ringing, reject, hangup ---- */

struct word {
	struct sid leg;
	bool ends; /* after it the device has no such leg */
};

static void on_told(struct flow *flow);

bool channel_read_leg(struct message *message, struct sid *out)
{
	struct json_fault fault = { .missing = false };
	struct str text;

	if (!json_get_str(message->doc, "call", JSON_REQUIRED, SID_LEN, &text, &fault))
		channel_fail_field(message, &fault);
	else if (!sid_parse(text, "CA", out) || !session_leg_find(message->session, *out))
		flow_fail(&message->flow, ERR_NO_SUCH_LEG, "");
	else
		return true;
	return false;
}

static void tell(struct message *message, const char *event, struct str reason, bool ends)
{
	struct flow *flow = &message->flow;
	struct word *word = flow->state;

	word->ends = ends;
	call_tell(flow,
		  &(struct call_event){
			  .event = event, .leg = word->leg, .word = reason, .text = own_device(flow) },
		  STEP(on_told));
}

static void on_told(struct flow *flow)
{
	const struct word *word = flow->state;

	channel_ok(message_of(flow), NULL);
	if (word->ends) /* may close the channel, so after the reply */
		session_leg_over(message_of(flow)->session, word->leg);
}

void channel_ringing(struct message *message)
{
	struct word *word = flow_state(&message->flow, sizeof(*word));

	if (channel_read_leg(message, &word->leg))
		tell(message, "ringing", STR(""), false);
}

/* By the leg's id, or by the token that came with it. */
static bool read_rung_leg(struct message *message, struct sid *out)
{
	const struct str text = json_string(json_get(message->doc, "token"));
	struct comm_token token;

	if (str_is_null(text))
		return channel_read_leg(message, out);
	if (!comm_token_open(worker_common(message->flow.worker)->seal, text, &token) ||
	    !sid_eq(token.device, message->session->device)) {
		flow_fail(&message->flow, ERR_COMM_TOKEN_INVALID, "");
		return false;
	}
	*out = token.leg;
	return true;
}

void channel_reject(struct message *message)
{
	struct word *word = flow_state(&message->flow, sizeof(*word));
	struct json_fault fault = { .missing = false };
	struct str reason;

	if (!json_get_str(message->doc, "reason", JSON_OPTIONAL, 16, &reason, &fault)) {
		channel_fail_field(message, &fault);
		return;
	}
	if (!str_is_null(reason) && !str_eq(reason, STR("declined")) && !str_eq(reason, STR("busy"))) {
		(void)!json_fault_set(&fault, "reason", "has to be declined or busy");
		channel_fail_field(message, &fault);
		return;
	}
	if (read_rung_leg(message, &word->leg))
		tell(message, "reject", str_is_null(reason) ? STR("declined") : reason, true);
}

void channel_hangup(struct message *message)
{
	struct word *word = flow_state(&message->flow, sizeof(*word));
	const struct session_leg *leg;

	if (!channel_read_leg(message, &word->leg))
		return;
	leg = session_leg_find(message->session, word->leg);
	tell(message, "hangup", leg->role == LEG_IS_CALLER ? STR("caller_hangup") : STR("remote_hangup"),
	     true);
}
