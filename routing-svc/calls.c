/* calls.c - /2010-04-01/Accounts/{A}/Calls.json and Calls/{CA}.json, as the helper libraries speak.
 *
 *     calls_create -> (on_application ->) start -> on_started -> 201
 *     call_get     -> on_call -> 200
 *     call_update  -> on_current -> on_told -> on_call -> 200
 *
 * A created call rings To=client:... by presence; the answer runs the instructions.
 */
#include "routing-svc/endpoints.h"

#include "common/model/auth.h"
#include "common/model/instructions.h"
#include "common/model/twilio_json.h"
#include "routing-svc/app.h"
#include "routing-svc/call_start.h"
#include "routing-svc/outcome.h"

enum { TWIML_MAX = 4000, RING_PRESET_S = 60, RING_MAX_S = 600, TIME_LIMIT_MAX_S = 86400 };

struct one {
	struct req *req;
	struct sid id; /* as asked for: the call or one of its legs */
	struct call call;
	struct application application;
	struct sid application_sid;
	struct str status;
};

static void on_application(struct flow *flow);
static void start(struct flow *flow);
static void on_started(struct flow *flow);
static void on_created(struct flow *flow);
static void on_current(struct flow *flow);
static void on_told(struct flow *flow);
static void on_call(struct flow *flow);

/* ---- the resource ---- */

struct view { /* a call or a leg in the resource's words */
	struct sid sid, parent;
	struct str from, to, status, direction;
	int64_t start_ms, end_ms;
};

static struct str leg_status_word(const struct call *call, const struct leg *leg)
{
	switch (leg->status) {
	case LEG_RUNG:
	case LEG_ACKNOWLEDGED:
	case LEG_RINGING:
		return STR("ringing");
	case LEG_PICKED_UP:
	case LEG_ANSWERED:
		return STR("in-progress");
	case LEG_CANCELLED:
		return STR("canceled");
	case LEG_REJECTED:
		return STR("busy");
	default:
		if (leg->number == call->winner)
			return STR("completed");
		return leg->reason.n && !str_eq(leg->reason, STR("lost")) ? STR("busy") : STR("no-answer");
	}
}

static bool view_of(struct arena *arena, const struct call *call, struct sid id, struct view *out)
{
	const unsigned number = sid_leg_number(id);
	const struct leg *leg = call_leg((struct call *)call, number);

	if (number == 0) {
		*out = (struct view){ .sid = call->id,
				      .from = call->from,
				      .to = call->to,
				      .status = outcome_status(call),
				      .direction = call->outbound_api ? STR("outbound-api") : STR("inbound"),
				      .start_ms = call->up_ms,
				      .end_ms = call->ended_ms };
		return true;
	}
	if (!leg)
		return false;
	*out = (struct view){ .sid = id,
			      .parent = call->id,
			      .from = call->from,
			      .status = leg_status_word(call, leg),
			      .direction = STR("outbound-dial"),
			      .start_ms = leg->number == call->winner ? call->answered_ms : 0 };
	out->to = arena_printf(arena, "client:" STR_FMT, STR_ARG(leg->identity));
	return true;
}

static void put_subresources(struct json_writer *w, struct arena *arena, struct str uri)
{
	static const char *const names[] = { "recordings", "notifications", "events" };
	const struct str stem = str_n(uri.p, uri.n - strlen(".json"));

	json_name(w, "subresource_uris");
	json_object(w);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		json_str(w, names[i],
			 arena_printf(arena, STR_FMT "/%c%s.json", STR_ARG(stem), names[i][0] - 'a' + 'A',
				      names[i] + 1));
	json_object_end(w);
}

static void put_call(struct json_writer *w, struct arena *arena, const struct call *call,
		     const struct view *view)
{
	static const char *const nulls[] = { "phone_number_sid", "price",     "answered_by",
					     "forwarded_from",	 "group_sid", "caller_name",
					     "trunk_sid" };
	const struct str uri = twilio_uri(arena, call->account, "Calls", view->sid);

	json_object(w);
	json_str(w, "sid", sid_str(&view->sid));
	json_str(w, "account_sid", sid_str(&call->account));
	json_str(w, "parent_call_sid", sid_is_set(view->parent) ? sid_str(&view->parent) : STR_NULL);
	json_str(w, "from", view->from);
	json_str(w, "from_formatted", view->from);
	json_str(w, "to", view->to);
	json_str(w, "to_formatted", view->to);
	json_str(w, "status", view->status);
	json_str(w, "direction", view->direction);
	json_str(w, "api_version", STR("2010-04-01"));
	twilio_date(w, arena, "start_time", (uint64_t)view->start_ms);
	twilio_date(w, arena, "end_time", (uint64_t)view->end_ms);
	twilio_date(w, arena, "date_created", (uint64_t)call->created_ms);
	twilio_date(w, arena, "date_updated",
		    (uint64_t)MAX(call->created_ms, MAX(view->start_ms, view->end_ms)));
	json_str(w, "duration",
		 view->start_ms && view->end_ms
			 ? arena_printf(arena, "%lld", (long long)(view->end_ms - view->start_ms) / 1000)
			 : STR_NULL);
	json_str(w, "queue_time", STR("0"));
	json_str(w, "price_unit", STR("USD"));
	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		json_str(w, nulls[i], STR_NULL);
	json_str(w, "uri", uri);
	put_subresources(w, arena, uri);
	json_object_end(w);
}

static void reply_call(struct flow *flow, unsigned status)
{
	struct one *one = flow->state;
	struct json_writer w;
	struct view view;
	struct buf body;

	if (!view_of(flow->arena, &one->call, one->id, &view)) {
		flow_fail(flow, ERR_NOT_FOUND, "");
		return;
	}
	buf_init(&body, 65536);
	json_begin(&w, &body);
	put_call(&w, flow->arena, &one->call, &view);
	reply_json(one->req, status, &body);
}

/* ---- create ---- */

static bool is_client(struct str to, struct str *identity)
{
	*identity = str_skip(to, strlen("client:"));
	return str_starts(to, STR("client:")) && identity_is_valid(*identity);
}

static bool parties_or_reply(struct req *req, const struct form *form, struct call *call)
{
	struct str identity;

	call->to = form_get(form, "To");
	call->from = form_get(form, "From");
	if (call->to.n == 0)
		reply_error(req, ERR_NO_TO, "");
	else if (!is_client(call->to, &identity))
		reply_error(req, ERR_BAD_TO, "To has to be client: and the name of a client");
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

void call_update(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	const struct form *form;

	if (!sid_or_reply(req, one) || !req_form_or_reply(req, &form))
		return;
	one->status = form_get(form, "Status");
	if (one->status.n == 0 && (form_get(form, "Url").n > 0 || form_get(form, "Twiml").n > 0))
		reply_error(req, ERR_NOT_IMPLEMENTED,
			    "Url and Twiml cannot be changed in a call yet; Status can");
	else if (!str_eq(one->status, STR("canceled")) && !str_eq(one->status, STR("completed")))
		(void)!twilio_fault(req, "Status", "has to be canceled or completed");
	else
		call_read(req_flow(req), sid_call_of(one->id), &one->call, STEP(on_current));
}

static void on_current(struct flow *flow)
{
	struct one *one = flow->state;

	if (!is_theirs(flow))
		return;
	call_tell(flow, &(struct call_event){ .event = "control", .leg = one->call.id, .word = one->status },
		  STEP(on_told));
}

static void on_told(struct flow *flow)
{
	struct one *one = flow->state;

	call_read(flow, one->call.id, &one->call, STEP(on_call));
}
