/* calls.c - /2010-04-01/Accounts/{A}/Calls.json and Calls/{CA}.json, as the helper libraries speak.
 *
 *     calls_create -> (on_application ->) start -> on_started -> 201
 *     call_get     -> on_call -> 200
 *     call_update  -> on_current -> on_told -> on_call -> 200
 *
 * A created call rings To=client:... by presence, or a number by a gateway; the answer runs the instructions.
 */
#include "routing-svc/endpoints.h"

#include "common/model/auth.h"
#include "common/model/instructions.h"
#include "common/model/twilio_json.h"
#include "routing-svc/app.h"
#include "routing-svc/call_start.h"
#include "routing-svc/call_view.h"

enum { TWIML_MAX = 4000, RING_PRESET_S = 60, RING_MAX_S = 600, TIME_LIMIT_MAX_S = 86400 };

struct one {
	struct req *req;
	struct sid id; /* as asked for: the call or one of its legs */
	struct call call;
	struct application application;
	struct sid application_sid;
	struct str status;
	struct str redirect;	  /* URL or document */
	const char *redirect_how; /* get, post or document; NULL: no other instructions */
};

static void on_application(struct flow *flow);
static void start(struct flow *flow);
static void on_started(struct flow *flow);
static void on_created(struct flow *flow);
static void on_current(struct flow *flow);
static void on_told(struct flow *flow);
static void on_call(struct flow *flow);

/* ---- replies ---- */

static void reply_call(struct flow *flow, unsigned status)
{
	struct one *one = flow->state;
	struct json_writer w;
	struct buf body;

	buf_init(&body, 65536);
	json_begin(&w, &body);
	if (call_view_put(&w, flow->arena, &one->call, one->id)) {
		reply_json(one->req, status, &body);
		return;
	}
	buf_fini(&body);
	flow_fail(flow, ERR_NOT_FOUND, "");
}

/* ---- create ---- */

static bool is_client(struct str to)
{
	const struct str scheme = STR("client:");

	return str_starts(to, scheme) && identity_is_valid(str_skip(to, scheme.n));
}

/* A number or address; the gateway knows better what it can ring. */
static bool is_for_gateway(struct str to)
{
	const bool is_sip = str_starts(to, STR("sip:")) || str_starts(to, STR("sips:"));

	if (!is_sip)
		return str_starts(to, STR("+")) && phone_number_is_valid(to);
	for (size_t i = 0; i < to.n; i++) {
		if (to.p[i] <= ' ' || to.p[i] >= 0x7f || to.p[i] == '|')
			return false;
	}
	return to.n > strlen("sips:") && to.n <= CALL_ADDRESS_MAX;
}

static bool parties_or_reply(struct req *req, const struct form *form, struct call *call)
{
	call->to = form_get(form, "To");
	call->from = form_get(form, "From");
	if (call->to.n == 0)
		reply_error(req, ERR_NO_TO, "");
	else if (!is_client(call->to) && !is_for_gateway(call->to))
		reply_error(
			req, ERR_BAD_TO,
			"To has to be client: and the name of a client, a number in E.164 or a SIP address");
	else if (call->from.n == 0)
		reply_error(req, ERR_NO_FROM, "");
	else if (call->from.n > CALL_ADDRESS_MAX || str_has_ctl(call->from))
		reply_error(req, ERR_BAD_FROM, "");
	else
		return true;
	return false;
}

static bool seconds_or_reply(struct req *req, const struct form *form, const char *name, unsigned max,
			     unsigned *out)
{
	const struct str text = form_get(form, name);
	uint64_t seconds;

	if (text.n == 0)
		return true;
	if (!str_to_u64(text, &seconds) || seconds == 0 || seconds > max) {
		reply_error(req, ERR_BAD_TIMEOUT, "%s has to be a number of seconds from 1 to %u", name, max);
		return false;
	}
	*out = (unsigned)seconds;
	return true;
}

static bool method_or_reply(struct req *req, const struct form *form, const char *name, bool *get)
{
	struct str word = STR("POST");

	if (!twilio_method_or_reply(req, form, name, &word))
		return false;
	*get = str_eq(word, STR("GET"));
	return true;
}

static unsigned events_of(const struct form *form)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = { { "initiated", EVENT_INITIATED },
		      { "ringing", EVENT_RINGING },
		      { "answered", EVENT_ANSWERED },
		      { "completed", EVENT_COMPLETED } };
	unsigned events = 0;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (form_has(form, "StatusCallbackEvent", str_of(words[i].word)))
			events |= words[i].bit;
	}
	return events ? events : EVENT_COMPLETED;
}

static bool instructions_or_reply(struct req *req, const struct form *form, struct one *one)
{
	const struct str application = form_get(form, "ApplicationSid");
	const struct str twiml = form_get(form, "Twiml");

	if (application.n > 0 && !sid_parse(application, "AP", &one->application_sid)) {
		reply_error(req, ERR_BAD_APPLICATION, "");
		return false;
	}
	if (!twilio_url_or_reply(req, form, "Url", &one->call.voice_url) ||
	    !twilio_url_or_reply(req, form, "FallbackUrl", &one->call.fallback_url))
		return false;
	if (one->call.voice_url.n == 0 && application.n == 0 && twiml.n == 0) {
		reply_error(req, ERR_NO_INSTRUCTIONS, "");
		return false;
	}
	if (twiml.n > TWIML_MAX)
		return twilio_fault(req, "Twiml", "is longer than %d bytes", TWIML_MAX);
	one->call.inline_document = one->call.voice_url.n > 0 ? STR("") : twiml;
	return true;
}

void calls_create(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	struct call *call = &one->call;
	const struct form *form;

	one->req = req;
	call->ring_s = RING_PRESET_S;
	if (!req_form_or_reply(req, &form) || !parties_or_reply(req, form, call) ||
	    !instructions_or_reply(req, form, one) ||
	    !method_or_reply(req, form, "Method", &call->voice_get) ||
	    !method_or_reply(req, form, "FallbackMethod", &call->fallback_get) ||
	    !twilio_url_or_reply(req, form, "StatusCallback", &call->status_callback) ||
	    !method_or_reply(req, form, "StatusCallbackMethod", &call->status_callback_get) ||
	    !seconds_or_reply(req, form, "Timeout", RING_MAX_S, &call->ring_s) ||
	    !seconds_or_reply(req, form, "TimeLimit", TIME_LIMIT_MAX_S, &call->time_limit_s))
		return;
	call->id = sid_new_call();
	one->id = call->id;
	call->account = req_caller(req)->account;
	call->caller = CALLER_API;
	call->outbound_api = true;
	call->medium = MEDIA_VOICE;
	call->status_events = events_of(form);
	if (sid_is_set(one->application_sid) && call->voice_url.n == 0 && call->inline_document.n == 0)
		application_find(worker_common(req_worker(req))->accounts, req_flow(req), call->account,
				 one->application_sid, &one->application, STEP(on_application));
	else
		start(req_flow(req));
}

static void on_application(struct flow *flow)
{
	struct one *one = flow->state;

	if (!sid_is_set(one->application.sid) || one->application.voice_url.n == 0) {
		flow_fail(flow, ERR_BAD_APPLICATION, "");
		return;
	}
	call_from_application(&one->call, &one->application);
	start(flow);
}

static void start(struct flow *flow)
{
	struct one *one = flow->state;

	call_start(flow, &one->call, "outbound-api", STEP(on_started));
}

static void on_started(struct flow *flow)
{
	struct one *one = flow->state;

	call_started(flow, &one->call);
	call_read(flow, one->call.id, &one->call, STEP(on_created));
}

static void on_created(struct flow *flow)
{
	reply_call(flow, 201);
}

/* ---- read, update ---- */

static bool sid_or_reply(struct req *req, struct one *one)
{
	one->req = req;
	return twilio_sid_or_reply(req, "CA", "CA", &one->id);
}

static bool is_theirs(struct flow *flow)
{
	struct one *one = flow->state;

	if (sid_eq(one->call.account, req_caller(one->req)->account))
		return true;
	flow_fail(flow, ERR_NOT_FOUND, "");
	return false;
}

void call_get(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));

	if (sid_or_reply(req, one))
		call_read(req_flow(req), sid_call_of(one->id), &one->call, STEP(on_call));
}

static void on_call(struct flow *flow)
{
	if (is_theirs(flow))
		reply_call(flow, 200);
}

/* Status ends the call, Url or Twiml leads it elsewhere; Status wins, as at Twilio. */
static bool change_or_reply(struct req *req, const struct form *form, struct one *one)
{
	const struct str twiml = form_get(form, "Twiml");
	bool get = false;

	one->status = form_get(form, "Status");
	if (one->status.n > 0)
		return str_eq(one->status, STR("canceled")) || str_eq(one->status, STR("completed")) ||
		       twilio_fault(req, "Status", "has to be canceled or completed");
	if (!twilio_url_or_reply(req, form, "Url", &one->redirect) ||
	    !method_or_reply(req, form, "Method", &get))
		return false;
	if (one->redirect.n == 0 && twiml.n == 0)
		return twilio_fault(req, "Status", "or Url or Twiml has to be given");
	if (twiml.n > TWIML_MAX)
		return twilio_fault(req, "Twiml", "is longer than %d bytes", TWIML_MAX);
	one->redirect_how = one->redirect.n == 0 ? "document" : get ? "get" : "post";
	if (one->redirect.n == 0)
		one->redirect = twiml;
	return true;
}

void call_update(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	const struct form *form;

	if (sid_or_reply(req, one) && req_form_or_reply(req, &form) && change_or_reply(req, form, one))
		call_read(req_flow(req), sid_call_of(one->id), &one->call, STEP(on_current));
}

static void on_current(struct flow *flow)
{
	struct one *one = flow->state;
	const struct call_event end = { .event = "control", .leg = one->call.id, .word = one->status };
	struct call_event redirect = { .event = "redirect", .leg = one->call.id, .text = one->redirect };

	if (!is_theirs(flow))
		return;
	if (!one->redirect_how) {
		call_tell(flow, &end, STEP(on_told));
	} else if (sid_leg_number(one->id)) {
		flow_fail(flow, ERR_CALL_STATE,
			  "a leg of a Dial has no instructions of its own: change its call");
	} else {
		redirect.word = str_of(one->redirect_how);
		call_tell(flow, &redirect, STEP(on_told));
	}
}

static void on_told(struct flow *flow)
{
	struct one *one = flow->state;

	call_read(flow, one->call.id, &one->call, STEP(on_call));
}
