/* http_client.h - requests to customers' servers.                    (libcurl inside)
 *
 * One client (one curl multi) per worker and trust: connections of a filtered
 * client are never shared with another.  http and https only, no proxy from the
 * environment, redirects never followed here, no decompression, bodies cut
 * at max_body.  Every callback runs exactly once, never inside http_fetch.
 * A finished fetch, whatever became of it, is a result: failures are for the
 * caller to judge (fallback URL, retry), they do not fail a flow.
 */
#pragma once

#include "common/base/err.h"
#include "common/io/flow.h"
#include "common/io/netguard.h"

struct http_client;
struct http_fetch_op;

struct http_client_conf {
	const struct netguard *guard;    /* NULL: trusted, no filter */
	unsigned max_total;              /* connections */
	unsigned max_per_tenant;         /* 0: no less than all */
	unsigned max_per_host;
	unsigned max_waiting;            /* beyond it: ERR_OVERLOAD; one tenant may fill a quarter (http_queue.h) */
	unsigned break_after;            /* so many failures of a tenant's host in a row (no connection, no answer in time),
	                                    and for break_ms its requests fail at once with FETCH_CONNECT; 0: never */
	unsigned break_ms;
	const char *user_agent;
	const char *ca_file;             /* NULL or "": the system's */
};

enum { HTTP_FETCH_MAX_HEADERS = 12 };

struct http_fetch {
	struct str tenant;               /* who shares turns and limits; empty is one, too */
	bool post;                       /* else GET */
	struct str url;                  /* without fragment; user:password inside becomes HTTP auth */
	struct str body;                 /* POST */
	struct str content_type;
	struct { struct str name, value; } headers[HTTP_FETCH_MAX_HEADERS];
	size_t n_headers;
	unsigned connect_ms;
	unsigned read_ms;                /* so long the server may be silent, once it has the request; 0: until total_ms */
	unsigned total_ms;               /* from http_fetch on, waiting for a free connection included */
	size_t max_body;
};

struct http_result {
	enum err err;                    /* ERR_NONE: an answer came, of whatever status */
	unsigned status;
	struct str body;
	struct str content_type, content_encoding;
	struct str location;
	struct str set_cookie[8];
	size_t n_set_cookie;
	uint64_t elapsed_us;
	bool was_refused;                /* FETCH_CONNECT without a try: its host has failed again and again */
	char detail[120];                /* what failed, for the trace; no secrets, no user:password */
};

typedef void http_fetch_fn(void *arg, const struct http_result *result);   /* borrowed */

struct http_client *http_client_new(struct loop *loop, const struct http_client_conf *conf);
struct http_client *http_client_free(struct http_client *client);      /* open fetches end with ERR_CLOSED, through the loop; NULL */

struct http_fetch_op *http_fetch(struct http_client *client, const struct http_fetch *fetch, http_fetch_fn *fn, void *arg);   /* copies what it needs */
void http_fetch_cancel(struct http_fetch_op *op);        /* only until fn has run, which it then never does */

/* For a flow: *out is copied into its arena, then next runs; total_ms is cut to what the flow has left. */
struct http_fetch_op *flow_fetch(struct flow *flow, const struct http_fetch *fetch, struct http_result *out, struct flow_step next);
/* For a flow that was abandoned while it waits: the connection is closed, and the flow ends now.  Only until next would have run. */
void flow_fetch_cancel(struct flow *flow, struct http_fetch_op *op);
