/* http_private.h - what the files of the HTTP server share.
 *
 *   http_server.c   the daemon on its epoll, connections, drain
 *   http_access.c   one request from its first line to its end: bounds, routing
 *   http_request.c  what handlers read
 *   http_stream.c   a reply that is written over time
 *   http_reply.c    what handlers answer, and the upgrade
 *   http_conn.c     what all of them do to a connection: suspend, wake, look a header up
 *
 * Each knows only those below it.
 *
 * Life of a struct req: made when the request line is here; its flow runs once
 * the body is; it dies when the library has ended it (`completed`) and its flow
 * has ended (`ended`), whichever comes last.
 */
#pragma once

#include "common/io/http_server.h"
#include "common/io/netguard.h"

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

struct http_server {
	struct worker *worker;
	const struct http_app *app;
	unsigned arrival_ms, idle_ms, deadline_ms;
	struct netguard trusted;
	struct MHD_Daemon *daemon;
	int listen_fd;                   /* ours once quiesced, the library's before */
	uint16_t port;
	struct loop_watch *watch;        /* the library's epoll */
	struct loop_timer *timer;        /* the library's next timeout */
	uint64_t timer_at_ms;
	bool dirty;                      /* the library has something to do before the loop sleeps */
	bool quiesced;
	bool stopping;                   /* nothing may be suspended any more */
	int hangup_fd;                   /* an epoll that only tells who hung up */
	struct loop_watch *hangup_watch;
	struct conn *conns;
	unsigned open_requests;
	struct http_stream *streams;     /* those that are open */
	unsigned open_streams, max_streams;
};

struct conn {
	struct http_server *server;
	struct conn *next, **at;         /* *at points here */
	int fd;
	bool is_trusted;                 /* the peer is a proxy of ours */
	bool hung_up;
	bool is_reused;                  /* has ended a request already */
	struct req *req;
	struct loop_timer *arrival;      /* the next request has to be here by then */
};

enum req_phase { REQ_HEAD, REQ_BODY, REQ_WORK };

struct req_reply_header {
	struct req_reply_header *next;
	const char *name;
	struct str value;
};

struct req {
	struct flow flow;
	struct arena *arena;
	struct worker *worker;
	struct http_server *server;
	bool is_http_1_0;
	struct conn *conn;               /* NULL once completed */
	struct MHD_Connection *mhd;      /* NULL once completed */
	enum req_phase phase;
	uint64_t started_us;

	/* what came */
	const char *method_name;
	struct str path, raw_query;
	char id[65];
	struct buf body;
	size_t body_size;                /* with what was not kept */
	struct route_match match;
	struct str params[ROUTE_MAX_PARAMS];     /* decoded */
	struct form query;
	struct form form;
	struct json *json;
	void *user;
	const char *blamed;              /* see req_blame */

	/* what goes */
	struct req_reply_header *headers;
	struct MHD_Response *response;   /* until it is queued */
	unsigned status;                 /* 0: none */
	bool close;                      /* the connection, after the reply */
	bool answered;
	bool suspended;
	bool dropped;                    /* no answer: cut the connection */
	bool completed, ended;
	struct http_stream *stream;      /* the reply, when it is one and not over */
	req_upgrade_fn *upgrade_fn;      /* until it has run */
	void *upgrade_arg;
};

/* http_conn.c */
void http_suspend(struct req *req);
void http_wake(struct req *req);                 /* the reply is there, or the request dropped: back to the library */
void http_kick(struct http_server *server);      /* run the library before the loop sleeps */
void http_forget_hangups(struct conn *conn);

/* http_access.c */
struct req *http_req_new(struct conn *conn, struct MHD_Connection *mhd, const char *uri);
void http_req_completed(struct req *req, unsigned library_status);
void http_drop(struct req *req);                 /* the client is gone */
int http_req_continue(struct req *req, const char *method, const char *version, const char *data, size_t *size);  /* an MHD_Result */

/* http_stream.c */
void http_stream_take(struct http_stream *stream);       /* the library is about to close the socket of this reply */
void http_stream_untaken(struct http_stream *stream);    /* it has; fine when it was taken before */

/* http_reply.c */
bool http_reply_begin(struct req *req);          /* false when nobody waits for it */
void http_reply_put_headers(struct req *req);    /* what every reply has, into req->response */
void http_reply_finish(struct req *req, unsigned status, struct MHD_Response *response);
void http_reply_error_about(struct req *req, enum err err, const char *message, const char *field_or_null);
int http_queue(struct req *req);                 /* an MHD_Result: hands the reply to the library */
void http_reply_discard(struct req *req);        /* it will not be sent */
