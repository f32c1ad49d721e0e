/* trace.c - GET /v1/Accounts/{A}/Calls/{CA}/Trace: every decision of a call, with its reason and time.
 *
 *     call_trace_get -> on_call -> on_lines -> 200
 */
#include "routing-svc/endpoints.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/model/auth.h"
#include "common/model/call.h"
#include "routing-svc/app.h"

enum { TRACE_MAX = 500 * CALL_TRACE_MAX };

struct trace {
	struct req *req;
	struct sid id;
	struct call call;
};

static void on_call(struct flow *flow);
static void on_lines(struct flow *flow, void *arg, const struct redis_reply *reply);

void call_trace_get(struct req *req)
{
	struct trace *trace = req_state(req, sizeof(*trace));

	trace->req = req;
	if (sid_parse(req_param(req, "CA"), "CA", &trace->id))
		call_read(req_flow(req), sid_call_of(trace->id), &trace->call, STEP(on_call));
	else
		reply_error(req, ERR_NOT_FOUND, "");
}

static void on_call(struct flow *flow)
{
	struct trace *trace = flow->state;
	const struct str argv[] = { STR("LRANGE"), key_call_trace(flow->arena, trace->call.id), STR("0"),
				    STR("-1") };

	if (!sid_eq(trace->call.account, req_caller(trace->req)->account))
		flow_fail(flow, ERR_NOT_FOUND, "");
	else
		flow_redis(flow, "trace", on_lines, trace, ARRAY_LEN(argv), argv);
}

/* A line is "<ms> {"event":..,"node":..,"host":..,"detail":{..}}". */
static void put_line(struct flow *flow, struct json_writer *w, struct str line)
{
	struct str ms_text;
	struct json *doc;
	uint64_t ms;

	if (!str_split(&line, ' ', &ms_text) || !str_to_u64(ms_text, &ms) ||
	    json_parse(line, &doc, NULL) != ERR_NONE)
		return;
	json_object(w);
	json_str(w, "at", clock_rfc3339(flow->arena, ms));
	json_str(w, "event", json_string(json_get(doc, "event")));
	json_str(w, "node", json_string(json_get(doc, "node")));
	json_str(w, "host", json_string(json_get(doc, "host")));
	if (json_get(doc, "detail")) {
		json_name(w, "detail");
		json_put(w, json_get(doc, "detail"));
	}
	json_object_end(w);
	json_free(doc);
}

static void on_lines(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct trace *trace = arg;
	struct json_writer w;
	struct buf body;

	buf_init(&body, TRACE_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_str(&w, "call", sid_str(&trace->call.id));
	json_name(&w, "events");
	json_array(&w);
	for (size_t i = 0; i < redis_count(reply); i++)
		put_line(flow, &w, redis_str_at(reply, i));
	json_array_end(&w);
	json_object_end(&w);
	reply_json(trace->req, 200, &body);
}
