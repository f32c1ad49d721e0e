/* communications.c - the incoming communication, from a gateway or another system.
 *
 *     communications_create  -> on_number (-> on_application) -> start -> on_started -> wait
 *                               wait ends with the outcome (200), after ANSWER_WAIT_MS (202), or with
 *                               the caller hanging up its request (then the communication ends too)
 *     communication_continue -> on_call -> go_... -> on_told -> 200     (also of a leg that a gateway is rung for)
 */
#include "routing-svc/endpoints.h"

#include "common/model/auth.h"
#include "common/model/call_request.h"
#include "common/model/call_talk.h"
#include "common/io/url.h"
#include "routing-svc/app.h"
#include "routing-svc/call_start.h"
#include "routing-svc/outcome.h"
#include "routing-svc/waiters.h"

enum { REPLY_MAX = OUTCOME_MAX, GRACE_MS = 2000 };

struct incoming {
	struct req *req;
	struct call call;
	struct phone_number number;
	struct application application;
	bool async;
	bool waits;
};

static void on_number(struct flow *flow);
static void on_application(struct flow *flow);
static void start(struct flow *flow);
static void on_started(struct flow *flow);
static void on_hung_up(struct flow *flow, void *arg);
static void on_waited(struct flow *flow);

/* ---- reading the request ---- */

static bool read_callback(struct arena *arena, const struct json *body, struct call *call,
			  struct json_fault *fault)
{
	if (!json_get_str(body, "status_callback", JSON_OPTIONAL, URL_MAX, &call->status_callback, fault))
		return false;
	return str_is_null(call->status_callback) || url_is_http(arena, call->status_callback) ||
	       json_fault_set(fault, "status_callback", "has to be an http or https URL");
}

static bool read_or_reply(struct req *req, struct incoming *in)
{
	struct json_fault fault = { .missing = false };
	const struct json *body;

	if (!req_json_or_reply(req, &body))
		return false;
	if (call_read_address(body, "from", &in->call.from, &fault) &&
	    call_read_address(body, "to", &in->call.to, &fault) && call_read_media(body, &in->call, &fault) &&
	    call_read_body(body, &in->call, &fault) &&
	    json_get_str(body, "sdp", JSON_OPTIONAL, CALL_SDP_MAX, &in->call.sdp, &fault) &&
	    call_read_parameters(req_arena(req), body, &in->call, &fault) &&
	    read_callback(req_arena(req), body, &in->call, &fault) &&
	    json_get_bool(body, "async", &in->async, &fault))
		return true;
	reply_fault(req, &fault);
	return false;
}

/* ---- whose instructions ---- */

void communications_create(struct req *req)
{
	struct incoming *in = req_state(req, sizeof(*in));
	struct accounts *accounts = worker_common(req_worker(req))->accounts;
	const struct sid account = req_caller(req)->account;
	struct sid application;

	in->req = req;
	if (!read_or_reply(req, in))
		return;
	in->call.id = sid_new_call();
	in->call.account = account;
	in->call.caller = CALLER_GATEWAY;
	if (sid_parse(in->call.to, "AP", &application))
		application_load(accounts, req_flow(req), account, application, &in->application,
				 STEP(on_application));
	else
		phone_number_find(accounts, req_flow(req), account, in->call.to, &in->number,
				  STEP(on_number));
}

static void on_number(struct flow *flow)
{
	struct incoming *in = flow->state;

	if (!sid_is_set(in->number.sid)) {
		flow_fail(flow, ERR_NOT_FOUND, "to: no address of this account has this name");
		return;
	}
	call_from_number(&in->call, &in->number);
	if (sid_is_set(in->number.application))
		application_load(worker_common(flow->worker)->accounts, flow, in->call.account,
				 in->number.application, &in->application, STEP(on_application));
	else
		start(flow);
}

static void on_application(struct flow *flow)
{
	struct incoming *in = flow->state;

	call_from_application(&in->call, &in->application);
	start(flow);
}

static void start(struct flow *flow)
{
	struct incoming *in = flow->state;

	if (in->call.voice_url.n == 0) {
		flow_fail(flow, ERR_BAD_URL, "to: no voice URL is set for this address");
		return;
	}
	if (!in->async) {
		in->call.caller_address = nodes_address(worker_common(flow->worker)->nodes);
		flow_on_abandon(flow, on_hung_up, in); /* from now on there may be a call */
	}
	call_start(flow, &in->call, call_is_message(&in->call) ? "message" : "communication",
		   STEP(on_started));
}

/* ---- waiting ---- */

static void reply_outcome(struct req *req, unsigned status, struct str json)
{
	struct buf body;

	buf_init(&body, REPLY_MAX);
	buf_put(&body, json);
	reply_json(req, status, &body);
}

static void reply_accepted(struct flow *flow)
{
	struct incoming *in = flow->state;
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_str(&w, "call", sid_str(&in->call.id));
	json_str(&w, "status", STR("ringing"));
	json_object_end(&w);
	reply_json(in->req, 202, &body);
}

/* The wait's own hold on the flow ends here, whichever way it ended. */
static bool stop_waiting(struct flow *flow)
{
	struct incoming *in = flow->state;

	if (!in->waits)
		return false;
	in->waits = false;
	waiters_remove(app_of(flow->worker)->waiters, in->call.id);
	return flow_settle(flow);
}

/* The request ends before the call does: the call goes on without it. */
static void detach(struct flow *flow)
{
	const struct incoming *in = flow->state;

	call_tell_later(flow->worker, &(struct call_event){ .event = "detach", .leg = in->call.id });
}

static void on_outcome(struct flow *flow, struct str body)
{
	struct incoming *in = flow->state;

	if (!stop_waiting(flow))
		return;
	if (body.n > 0) {
		reply_outcome(in->req, 200, body);
		return;
	}
	detach(flow);
	reply_accepted(flow);
}

static void on_hung_up(struct flow *flow, void *arg)
{
	const struct incoming *in = arg;

	call_tell_later(flow->worker, &(struct call_event){ .event = "hangup",
							    .leg = in->call.id,
							    .word = STR("caller_hangup") });
	(void)!stop_waiting(flow);
}

static void on_started(struct flow *flow)
{
	const struct settings *settings = worker_common(flow->worker)->settings;
	struct incoming *in = flow->state;

	call_started(flow, &in->call);
	if (in->async) {
		reply_accepted(flow);
		return;
	}
	in->waits = true;
	flow_hold(flow, "outcome");
	waiters_add(app_of(flow->worker)->waiters, in->call.id, flow, on_outcome);
	flow_deadline(flow, settings->answer_wait_ms + GRACE_MS);
	flow_sleep(flow, settings->answer_wait_ms, STEP(on_waited));
}

static void on_waited(struct flow *flow)
{
	if (!stop_waiting(flow))
		return;
	detach(flow);
	reply_accepted(flow);
}

/* ---- the gateway goes on ---- */

struct going {
	struct req *req;
	struct call call;
	struct sid id;
	struct str action, candidate, sdp, reason;
	struct call_said said;
};

static void on_call(struct flow *flow);
static void on_told(struct flow *flow);

void communication_continue(struct req *req)
{
	struct going *going = req_state(req, sizeof(*going));
	struct json_fault fault = { .missing = false };
	const struct json *body;

	going->req = req;
	if (!sid_parse(req_param(req, "CA"), "CA", &going->id)) {
		reply_error(req, ERR_NOT_FOUND, "");
		return;
	}
	if (!req_json_or_reply(req, &body))
		return;
	if (!json_get_str(body, "action", JSON_REQUIRED, 16, &going->action, &fault) ||
	    !json_get_str(body, "candidate",
			  str_eq(going->action, STR("candidate")) ? JSON_REQUIRED : JSON_OPTIONAL,
			  CALL_CANDIDATE_MAX, &going->candidate, &fault) ||
	    !json_get_str(body, "reason", JSON_OPTIONAL, CALL_WORD_MAX, &going->reason, &fault) ||
	    !json_get_str(body, "sdp", JSON_OPTIONAL, CALL_SDP_MAX, &going->sdp, &fault))
		reply_fault(req, &fault);
	else
		call_read(req_flow(req), going->id, &going->call, STEP(on_call));
}

static void tell(struct flow *flow, const char *event, struct str word, struct str text)
{
	const struct going *going = flow->state;
	const struct leg *leg = call_leg((struct call *)&going->call, sid_leg_number(going->id));

	call_tell(flow,
		  &(struct call_event){ .event = event,
					.leg = going->id,
					.attempt = leg ? leg->attempt : 0,
					.word = word,
					.text = text },
		  STEP(on_told));
}

static void go_hangup(struct flow *flow)
{
	tell(flow, "hangup", STR("remote_hangup"), STR(""));
}

/* Before they are connected it is kept for the other side's `answered`. */
static void on_candidate(struct flow *flow)
{
	const struct going *going = flow->state;
	const struct call_party *other = &going->said.other;

	if (sid_is_set(other->device) || other->leg)
		call_pass_candidate(flow, &going->call, other, going->candidate, STEP(on_told));
	else
		on_told(flow);
}

static void go_candidate(struct flow *flow)
{
	struct going *going = flow->state;

	call_say(flow,
		 &(struct call_saying){ .what = "candidate",
					.leg = going->id,
					.text = call_candidate_text(flow->arena, going->candidate) },
		 &going->said, STEP(on_candidate));
}

static void go_ringing(struct flow *flow)
{
	tell(flow, "ringing", STR(""), STR(""));
}

/* An answer that is repeated has won already. */
static void go_answer(struct flow *flow)
{
	const struct going *going = flow->state;

	if (going->call.winner == sid_leg_number(going->id) && going->call.state != CALL_ENDED)
		on_told(flow);
	else
		tell(flow, "answer", STR(""), going->sdp);
}

static void go_reject(struct flow *flow)
{
	const struct going *going = flow->state;
	const struct str reason = str_is_null(going->reason) ? STR("declined") : going->reason;

	if (str_eq(reason, STR("declined")) || str_eq(reason, STR("busy")))
		tell(flow, "reject", reason, STR(""));
	else if (str_eq(reason, STR("unreachable")))
		tell(flow, "unreachable", reason, STR(""));
	else
		flow_fail(flow, ERR_BAD_FIELD, "reason: has to be declined, busy or unreachable");
}

static const struct {
	struct str word;
	bool of_rung_leg; /* not of a communication that the gateway has brought in */
	flow_step_fn *fn;
} actions[] = {
	{ { "hangup", 6 }, false, go_hangup },	{ { "candidate", 9 }, false, go_candidate },
	{ { "ringing", 7 }, true, go_ringing }, { { "answer", 6 }, true, go_answer },
	{ { "reject", 6 }, true, go_reject },
};

static bool is_a_gateways(const struct going *going)
{
	const unsigned number = sid_leg_number(going->id);
	const struct leg *leg = call_leg((struct call *)&going->call, number);

	return number ? leg && leg_is_gateways(leg) : going->call.caller == CALLER_GATEWAY;
}

static void on_call(struct flow *flow)
{
	struct going *going = flow->state;

	if (!sid_eq(going->call.account, req_caller(going->req)->account) || !is_a_gateways(going)) {
		flow_fail(flow, ERR_NOT_FOUND, "there is no such communication of a gateway");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (!str_eq(going->action, actions[i].word))
			continue;
		if (actions[i].of_rung_leg && sid_leg_number(going->id) == 0)
			flow_fail(flow, ERR_CALL_STATE, "nobody has rung the gateway for this communication");
		else
			actions[i].fn(flow);
		return;
	}
	flow_fail(flow, ERR_BAD_FIELD, "action: has to be ringing, answer, reject, candidate or hangup");
}

static void on_told(struct flow *flow)
{
	struct going *going = flow->state;
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_str(&w, "call", sid_str(&going->id));
	json_str(&w, "status", outcome_status(&going->call));
	json_object_end(&w);
	reply_json(going->req, 200, &body);
}
