/* http_reply.c - what handlers answer.                         (libmicrohttpd inside)
 *
 *     reply_* -> http_reply_finish: headers, flow_done, wake -> http_queue (in the library's callback)
 *
 * A response is only handed to the library from its own callback: later releases
 * refuse it elsewhere.  A reply to a client that is gone is thrown away, a second
 * reply is a defect and is logged.
 */
#include "common/io/http_private.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

#include <microhttpd.h>

#include "common/base/log.h"
#include "common/base/metrics.h"

enum { MESSAGE_MAX = 300, ERROR_BODY_MAX = 4096, ORIGIN_MAX = 256, TRACEPARENT_MAX = 64, OWN_CODES = 45000 };

/* ---- to the library ---- */

void http_reply_discard(struct req *req)
{
	if (req->response)
		MHD_destroy_response(req->response);
	req->response = NULL;
}

int http_queue(struct req *req)
{
	enum MHD_Result result = MHD_NO;

	if (req->response && !req->dropped)
		result = MHD_queue_response(req->mhd, req->status, req->response);
	if (result != MHD_YES)
		req->status = 0; /* the library cuts the connection */
	http_reply_discard(req);
	return result;
}

/* ---- headers ---- */

static void put_header(struct MHD_Response *response, const char *name, const char *value)
{
	if (MHD_add_response_header(response, name, value) != MHD_YES)
		log_error("bad_reply_header", "name=%s", name);
}

void reply_header(struct req *req, const char *name, struct str value)
{
	struct req_reply_header *header;

	if (str_has_ctl(value)) {
		log_error("bad_reply_header", "name=%s value=%s", name, log_str(value));
		return;
	}
	header = arena_alloc(req->arena, sizeof(*header));
	header->name = name;
	header->value = arena_copy(req->arena, value);
	header->next = req->headers;
	req->headers = header;
}

static bool has_reply_header(const struct req *req, const char *name)
{
	for (const struct req_reply_header *header = req->headers; header; header = header->next)
		if (str_eq_nocase(str_of(header->name), str_of(name)))
			return true;
	return false;
}

/* A script of another origin may read what it asked for with a token of its own,
 * never what a browser's stored credentials or its place in the network gave. */
static bool may_share(const struct req *req)
{
	const struct str authorization = req_header(req, "Authorization");

	if (strcmp(req->method_name, "OPTIONS") == 0)
		return true;
	if (!str_is_null(authorization))
		return authorization.n > 7 && str_eq_nocase(str_n(authorization.p, 7), STR("Bearer "));
	return strcmp(req->method_name, "GET") != 0 && strcmp(req->method_name, "HEAD") != 0;
}

static void put_origin(struct req *req)
{
	const struct str origin = req_header(req, "Origin");

	if (str_is_null(origin) || origin.n > ORIGIN_MAX || str_has_ctl(origin) || !may_share(req))
		return;
	put_header(req->response, "Access-Control-Allow-Origin", arena_cstr(req->arena, origin));
	put_header(req->response, "Access-Control-Expose-Headers", "Request-Id, ETag, Retry-After");
	put_header(req->response, "Vary", "Origin");
}

void http_reply_put_headers(struct req *req)
{
	const struct str trace = req_header(req, "traceparent");

	put_header(req->response, "Request-Id", req->id);
	put_header(req->response, "Cache-Control", "no-store");
	if (trace.n && trace.n <= TRACEPARENT_MAX && !str_has_ctl(trace))
		put_header(req->response, "traceparent", arena_cstr(req->arena, trace));
	put_origin(req);
	for (const struct req_reply_header *header = req->headers; header; header = header->next)
		put_header(req->response, header->name, header->value.p);
	if ((req->close || req->conn->server->quiesced) && req->status != MHD_HTTP_SWITCHING_PROTOCOLS)
		put_header(req->response, "Connection", "close");
}

/* ---- the reply ---- */

bool http_reply_begin(struct req *req)
{
	if (req->dropped || req->completed)
		return false;
	if (req->answered) {
		log_error("second_reply", "path=%s", log_str(req->path));
		return false;
	}
	req->answered = true;
	return true;
}

void http_reply_finish(struct req *req, unsigned status, struct MHD_Response *response)
{
	INVARIANT(response != NULL); /* NULL is out of memory */
	req->response = response;
	req->status = status;
	http_reply_put_headers(req);
	flow_done(&req->flow);
	http_wake(req);
}

static struct MHD_Response *response_of(struct buf *body)
{
	const struct buf taken = *body;

	buf_init(body, taken.cap);
	if (!taken.n) {
		x_free(taken.p);
		return MHD_create_response_from_buffer_with_free_callback(0, NULL, NULL);
	}
	return MHD_create_response_from_buffer_with_free_callback(taken.n, taken.p, x_free);
}

void reply_text(struct req *req, unsigned status, const char *content_type, struct buf *body)
{
	const bool is_whole = buf_ok(body);
	struct MHD_Response *response;

	if (!is_whole) {
		buf_fini(body);
		log_error("reply_too_large", "path=%s", log_str(req->path));
		reply_error(req, ERR_INTERNAL, "%s", err_text(ERR_INTERNAL));
		return;
	}
	if (!http_reply_begin(req)) {
		buf_fini(body);
		return;
	}
	response = response_of(body);
	INVARIANT(response != NULL);
	put_header(response, "Content-Type", content_type);
	http_reply_finish(req, status, response);
}

void reply_json(struct req *req, unsigned status, struct buf *body)
{
	reply_text(req, status, "application/json", body);
}

void reply_empty(struct req *req, unsigned status)
{
	if (http_reply_begin(req))
		http_reply_finish(req, status,
				  MHD_create_response_from_buffer_with_free_callback(0, NULL, NULL));
}

/* ---- errors ---- */

static void add_error_headers(struct req *req, unsigned status)
{
	if (status == 401 && !has_reply_header(req, "WWW-Authenticate"))
		reply_header(req, "WWW-Authenticate", STR("Basic realm=\"switchhook\""));
	if ((status == 429 || status == 503) && !has_reply_header(req, "Retry-After"))
		reply_header(req, "Retry-After", STR("1"));
}

void http_reply_error_about(struct req *req, enum err err, const char *message, const char *field)
{
	const unsigned code = err_code(err);
	struct json_writer w;
	struct buf body;
	char more_info[64];

	snprintf(more_info, sizeof(more_info),
		 code < OWN_CODES ? "https://www.twilio.com/docs/errors/%u" : "/docs/errors#%u", code);
	metrics_count_error(err);
	add_error_headers(req, err_http(err));
	buf_init(&body, ERROR_BODY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_int(&w, "code", code);
	json_str(&w, "message", str_of(message));
	json_str(&w, "more_info", str_of(more_info));
	json_int(&w, "status", err_http(err));
	if (field)
		json_str(&w, "field", str_of(field));
	json_object_end(&w);
	reply_json(req, err_http(err), &body);
}

void reply_error(struct req *req, enum err err, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	/* what a client sent may be in it, and cut in the middle of a character */
	http_reply_error_about(req, err, *message && str_is_utf8(str_of(message)) ? message : err_text(err),
			       NULL);
}

void reply_fault(struct req *req, const struct json_fault *fault)
{
	char message[MESSAGE_MAX];

	snprintf(message, sizeof(message), "%s %s", fault->field, fault->why);
	http_reply_error_about(req, fault->missing ? ERR_MISSING_FIELD : ERR_BAD_FIELD, message,
			       fault->field);
}

/* ---- the upgrade ---- */

/* The duplicate is the socket from now on.  Closing the library's handle at once
 * makes it free everything that it holds for the connection. */
static void on_upgraded(void *cls, struct MHD_Connection *mhd, void *req_context, const char *early, size_t n,
			MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
	struct req *req = cls;
	req_upgrade_fn *fn = req->upgrade_fn;
	const int on = 1;
	int own_fd;

	(void)mhd;
	(void)req_context;
	http_forget_hangups(req->conn);
	own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own_fd < 0)
		log_error("upgrade_failed", "path=%s", log_str(req->path));
	else
		setsockopt(own_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	req->upgrade_fn = NULL;
	fn(req->upgrade_arg, req->worker, own_fd, own_fd < 0 ? STR_NULL : str_n(early, n));
	MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
	http_kick(req->conn->server);
}

void req_upgrade(struct req *req, const char *protocol, struct str sec_websocket_accept, req_upgrade_fn *fn,
		 void *arg)
{
	struct MHD_Response *response;

	INVARIANT(!req->upgrade_fn);
	req->upgrade_fn = fn;
	req->upgrade_arg = arg;
	if (!http_reply_begin(req))
		return; /* fn hears of it when the request is freed */
	response = MHD_create_response_for_upgrade(on_upgraded, req);
	INVARIANT(response != NULL);
	put_header(response, "Upgrade", "websocket");
	put_header(response, "Sec-WebSocket-Accept", arena_cstr(req->arena, sec_websocket_accept));
	if (protocol)
		put_header(response, "Sec-WebSocket-Protocol", protocol);
	http_reply_finish(req, MHD_HTTP_SWITCHING_PROTOCOLS, response);
}
