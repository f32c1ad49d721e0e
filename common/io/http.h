/* http.h - what a handler sees of an HTTP request, and how it replies.
 *
 * A request is a flow (flow.h): it is suspended while an I/O runs, has one
 * deadline, and ends with exactly one reply.  A client that hangs up while it
 * waits abandons the flow.  Everything lives in the request's arena.
 *
 * The ..._or_reply getters answer the error themselves and return false.
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/urlenc.h"
#include "common/io/flow.h"

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS };

struct req;
struct route;
typedef void req_handler_fn(struct req *req);

enum { HTTP_BODY_MAX = 256 * 1024, REQ_ARENA_MAX = 4 * 1024 * 1024 };

/* the request */
struct flow *req_flow(struct req *req);
struct req *flow_req(struct flow *flow);                 /* of a flow of kind "http" */
struct arena *req_arena(struct req *req);
struct worker *req_worker(struct req *req);
const struct route *req_route(const struct req *req);
const char *req_id(const struct req *req);               /* Request-Id: RQ + 32 hex, or a trusted proxy's own */
struct str req_path(const struct req *req);              /* raw, as sent, without the query */
struct str req_header(const struct req *req, const char *name);      /* STR_NULL when absent */
struct str req_param(const struct req *req, const char *name);       /* {name} of the route, decoded */
struct str req_query(const struct req *req, const char *name);       /* decoded; case-sensitive; STR_NULL when absent */
struct str req_client_address(const struct req *req);    /* X-Forwarded-For only from a trusted proxy */
struct str req_body(const struct req *req);
void req_set_user(struct req *req, void *user);          /* what authorization found; see model/auth.h */
void *req_user(const struct req *req);
void req_blame(struct req *req, const char *field);      /* if the flow fails with a 400 from now on, this is the field that it is about */
void *req_state(struct req *req, size_t size) MUST_USE;  /* = flow_state(req_flow(req), size) */

MUST_USE bool req_json_or_reply(struct req *req, const struct json **object);   /* application/json, an object */
MUST_USE bool req_form_or_reply(struct req *req, const struct form **form);     /* application/x-www-form-urlencoded */
MUST_USE bool req_query_form_or_reply(struct req *req, const struct form **form);

/* the reply: once */
void reply_header(struct req *req, const char *name, struct str value);   /* before the reply; CR/LF refused */
void reply_json(struct req *req, unsigned status, struct buf *body);      /* body is taken and finished */
void reply_text(struct req *req, unsigned status, const char *content_type, struct buf *body);   /* taken too */
void reply_empty(struct req *req, unsigned status);
void reply_error(struct req *req, enum err err, const char *fmt, ...) PRINTF_LIKE(3, 4);
void reply_fault(struct req *req, const struct json_fault *fault);        /* 400 naming the field */

/* 101: the socket leaves the HTTP server.  fn gets a descriptor of its own
 * (non-blocking, to be closed by it) and the bytes that came early (borrowed).
 * fn runs exactly once, never inside req_upgrade; fd is -1 when the client went
 * away first.  The request is over when fn has returned; req is gone afterwards. */
typedef void req_upgrade_fn(void *arg, struct worker *worker, int fd, struct str early);
void req_upgrade(struct req *req, const char *protocol_or_null, struct str sec_websocket_accept, req_upgrade_fn *fn, void *arg);
