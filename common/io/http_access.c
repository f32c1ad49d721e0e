/* http_access.c - one request, from its first line to its end.  (libmicrohttpd inside)
 *
 *     http_req_new (request line) -> take_head -> take_piece ... -> take_end -> dispatch
 *       -> a reply at once, or suspended until there is one -> http_req_completed
 *
 * What cannot be served is refused as early as the library permits: at the head,
 * where a reply closes the connection, so that nothing after it is read as a
 * request.  Headers that parsers disagree about are refused there.
 */
#include "common/io/http_private.h"

#include <inttypes.h>
#include <time.h>

#include <microhttpd.h>

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/base/sid.h"

enum {
	SWALLOW_MAX = 4 * HTTP_BODY_MAX, /* of a body that is too large, before the connection is cut */
	ID_MAX = 64,
};

static void on_fail(struct flow *flow, enum err err, const char *detail);
static void on_end(struct flow *flow);
static void dispatch(struct flow *flow);

static const struct flow_kind http_flow = { "http", on_fail, on_end };

static const struct {
	const char *name;
	enum http_method method;
} methods[] = {
	{ "GET", HTTP_GET }, { "HEAD", HTTP_GET },	{ "POST", HTTP_POST },
	{ "PUT", HTTP_PUT }, { "DELETE", HTTP_DELETE }, { "OPTIONS", HTTP_OPTIONS },
};

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- birth and death ---- */

struct req *http_req_new(struct conn *conn, struct MHD_Connection *mhd, const char *uri)
{
	struct arena *arena = arena_new(REQ_ARENA_MAX);
	struct req *req = arena_alloc(arena, sizeof(*req));
	struct str rest = arena_copy(arena, str_of(uri));

	req->arena = arena;
	req->worker = conn->server->worker;
	req->server = conn->server;
	req->conn = conn;
	req->mhd = mhd;
	req->started_us = now_us();
	req->method_name = "?";
	str_split(&rest, '?', &req->path);
	req->raw_query = rest;
	buf_init(&req->body, HTTP_BODY_MAX);
	flow_init(&req->flow, &http_flow, req->worker, arena, req);
	conn->req = req;
	return req;
}

static void req_free(struct req *req)
{
	if (req->upgrade_fn)
		req->upgrade_fn(req->upgrade_arg, req->worker, -1, STR_NULL);
	json_free(req->json);
	buf_fini(&req->body);
	arena_free(req->arena);
}

static void on_fail(struct flow *flow, enum err err, const char *detail)
{
	struct req *req = flow->owner;

	if (req->blamed && err_http(err) == 400)
		http_reply_error_about(req, err, *detail ? detail : err_text(err), req->blamed);
	else
		reply_error(req, err, "%s", *detail ? detail : err_text(err));
}

static void on_end(struct flow *flow)
{
	struct req *req = flow->owner;

	req->ended = true;
	if (req->completed) {
		req_free(req);
	} else if (!req->answered && !req->dropped) { /* nobody will: do not leave the client waiting */
		log_error("unanswered", "path=%s", log_str(req->path));
		reply_error(req, ERR_INTERNAL, "%s", err_text(ERR_INTERNAL));
	}
}

void http_drop(struct req *req)
{
	req->dropped = true;
	flow_abandon(&req->flow);
	http_wake(req);
}

static void write_access_line(const struct req *req, unsigned status)
{
	const uint64_t us = now_us() - req->started_us;

	if (status) {
		metric_add(METRIC_http_requests_total, 1);
		metric_observe_us(METRIC_http_request_seconds, us);
	} else {
		metric_add(METRIC_http_dropped_total, 1);
	}
	if (!log_enabled(LOG_INFO))
		return;
	flow_log_enter(&req->flow);
	log_info("http", "method=%s path=%s status=%u ms=%" PRIu64 ".%03u", req->method_name,
		 log_str(req->path), status, us / 1000, (unsigned)(us % 1000));
	flow_log_leave(&req->flow);
}

void http_req_completed(struct req *req, unsigned library_status)
{
	if (!req->answered)
		req->dropped = true;
	flow_abandon(&req->flow);
	http_reply_discard(req);
	write_access_line(req, req->status ? req->status : library_status);
	if (req->stream)
		http_stream_untaken(req->stream);
	req->conn->req = NULL;
	req->conn = NULL;
	req->mhd = NULL;
	req->completed = true;
	if (req->ended)
		req_free(req);
}

/* ---- the head ---- */

struct framing {
	bool bad_name;
	unsigned lengths, codings, hosts;
	struct str length, coding;
};

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct framing *framing = cls;
	const struct str name = str_of(key);

	(void)kind;
	if (strpbrk(key, " \t\"(),/:;<=>?@[\\]{}") || str_has_ctl(name))
		framing->bad_name = true;
	if (str_eq_nocase(name, STR("Content-Length"))) {
		framing->lengths++;
		framing->length = str_of(value);
	} else if (str_eq_nocase(name, STR("Transfer-Encoding"))) {
		framing->codings++;
		framing->coding = str_of(value);
	} else if (str_eq_nocase(name, STR("Host"))) {
		framing->hosts++;
	}
	return MHD_YES;
}

/* What another parser on the way may have read otherwise (RFC 9112 section 6.3). */
static const char *framing_fault(const struct framing *framing, uint64_t *length)
{
	*length = 0;
	if (framing->bad_name) /* "Content-Length :" is one header to some, another to others */
		return "the name of a header is not valid";
	if (framing->lengths + framing->codings > 1)
		return "one Content-Length or Transfer-Encoding is allowed";
	if (framing->hosts > 1)
		return "one Host is allowed";
	if (framing->codings && !str_eq_nocase(framing->coding, STR("chunked")))
		return "the only Transfer-Encoding is chunked";
	if (framing->lengths && !str_to_u64(framing->length, length))
		return "Content-Length is not a number";
	return NULL;
}

static bool is_safe_id(struct str id)
{
	if (id.n == 0 || id.n > ID_MAX)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		const char c = id.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

static void choose_id(struct req *req)
{
	struct str given = STR_NULL;

	if (req->conn->is_trusted) {
		given = req_header(req, "Request-Id");
		if (!is_safe_id(given))
			given = req_header(req, "X-Request-Id");
	}
	if (!is_safe_id(given) || !str_copy(given, req->id, sizeof(req->id))) {
		const struct sid sid = sid_new("RQ");

		memcpy(req->id, sid.s, sizeof(sid.s));
	}
	flow_log(&req->flow, "req", str_of(req->id));
}

static int refuse(struct req *req, enum err err, const char *why)
{
	req->close = true;
	reply_error(req, err, "%s", why);
	return http_queue(req);
}

static int take_head(struct req *req, const char *method, const char *version)
{
	struct framing framing = { .lengths = 0 };
	const char *fault;
	uint64_t length;

	req->phase = REQ_BODY;
	req->method_name = arena_cstr(req->arena, str_of(method));
	req->is_http_1_0 = strcmp(version, MHD_HTTP_VERSION_1_0) == 0;
	choose_id(req);
	MHD_get_connection_values(req->mhd, MHD_HEADER_KIND, on_header, &framing);
	fault = framing_fault(&framing, &length);
	if (fault)
		return refuse(req, ERR_BAD_REQUEST, fault);
	if (str_has_ctl(req->path) || str_has_ctl(req->raw_query))
		return refuse(req, ERR_BAD_REQUEST, "the address holds a control character");
	if (length > HTTP_BODY_MAX)
		return refuse(req, ERR_TOO_LARGE, err_text(ERR_TOO_LARGE));
	return MHD_YES;
}

/* ---- the body ---- */

static int take_piece(struct req *req, const char *data, size_t *size)
{
	req->body_size += *size;
	buf_put(&req->body, str_n(data, *size));
	*size = 0;
	return req->body_size > SWALLOW_MAX ? MHD_NO : MHD_YES;
}

/* The reply goes to the library; a stream takes the socket away from it. */
static int hand_over(struct req *req)
{
	if (!req->stream || req->dropped)
		return http_queue(req);
	http_stream_take(req->stream);
	return MHD_NO;
}

static int take_end(struct req *req)
{
	struct conn *conn = req->conn;

	req->phase = REQ_WORK;
	loop_timer_stop(conn->arrival);
	flow_deadline(&req->flow, conn->server->deadline_ms);
	flow_run(&req->flow, STEP(dispatch));
	if (req->answered)
		return hand_over(req);
	if (conn->hung_up) { /* before there was anybody to tell */
		http_drop(req);
		return MHD_NO;
	}
	http_suspend(req);
	return MHD_YES;
}

int http_req_continue(struct req *req, const char *method, const char *version, const char *data,
		      size_t *size)
{
	switch (req->phase) {
	case REQ_HEAD:
		return take_head(req, method, version);
	case REQ_BODY:
		return *size ? take_piece(req, data, size) : take_end(req);
	case REQ_WORK:
		break;
	}
	return hand_over(req);
}

/* ---- routing ---- */

static struct str allow_list(struct req *req, unsigned allowed)
{
	struct buf list;
	struct str text;

	buf_init(&list, 64);
	buf_puts(&list, "OPTIONS");
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (methods[i].method != HTTP_OPTIONS && (allowed & 1u << methods[i].method))
			buf_printf(&list, ", %s", methods[i].name);
	text = arena_copy(req->arena, buf_str(&list));
	buf_fini(&list);
	return text;
}

/* Also the answer to a browser's preflight (Fetch standard, CORS protocol). */
static void reply_options(struct req *req)
{
	const struct str allow = allow_list(req, req->match.allowed);

	reply_header(req, "Allow", allow);
	if (!str_is_null(req_header(req, "Origin"))) {
		reply_header(req, "Access-Control-Allow-Methods", allow);
		reply_header(req, "Access-Control-Allow-Headers",
			     STR("Authorization, Content-Type, If-None-Match, Last-Event-ID"));
		reply_header(req, "Access-Control-Max-Age", STR("600"));
	}
	reply_empty(req, 204);
}

static bool decode_or_reply(struct req *req)
{
	for (size_t i = 0; i < req->match.n; i++) {
		if (!urlenc_decode(req->arena, req->match.values[i], PLUS_IS_PLUS, &req->params[i])) {
			reply_error(req, ERR_BAD_REQUEST, "the path is not valid at {" STR_FMT "}",
				    STR_ARG(req->match.names[i]));
			return false;
		}
	}
	if (req->raw_query.n && form_parse(req->arena, req->raw_query, &req->query) != ERR_NONE) {
		reply_error(req, ERR_BAD_REQUEST, "the query is not valid");
		return false;
	}
	return true;
}

static void serve(struct req *req)
{
	const struct http_app *app = req->conn->server->app;
	const struct route *route = req->match.route;

	if (!decode_or_reply(req))
		return;
	if (app->authorize)
		app->authorize(req, route);
	else
		route->handler(req);
}

static void reply_not_allowed(struct req *req)
{
	reply_header(req, "Allow", allow_list(req, req->match.allowed));
	reply_error(req, ERR_METHOD_NOT_ALLOWED, "%s", err_text(ERR_METHOD_NOT_ALLOWED));
}

static void dispatch(struct flow *flow)
{
	struct req *req = flow->owner;
	const struct http_server *server = req->conn->server;
	enum http_method method = HTTP_OPTIONS;
	bool is_known = false;

	for (size_t i = 0; i < ARRAY_LEN(methods) && !is_known; i++) {
		is_known = strcmp(methods[i].name, req->method_name) == 0;
		method = is_known ? methods[i].method : HTTP_OPTIONS;
	}
	if (server->stopping) {
		reply_error(req, ERR_DRAINING, "%s", err_text(ERR_DRAINING));
		return;
	}
	if (!buf_ok(&req->body)) {
		reply_error(req, ERR_TOO_LARGE, "%s", err_text(ERR_TOO_LARGE));
		return;
	}
	switch (route_find(server->app, method, req->path, &req->match)) {
	case ROUTE_NOT_FOUND:
		reply_error(req, ERR_NOT_FOUND, "%s", err_text(ERR_NOT_FOUND));
		break;
	case ROUTE_BAD_METHOD:
		if (is_known && method == HTTP_OPTIONS)
			reply_options(req);
		else
			reply_not_allowed(req);
		break;
	case ROUTE_FOUND:
		if (is_known)
			serve(req);
		else
			reply_not_allowed(req);
		break;
	}
}
