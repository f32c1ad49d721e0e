/* service.h - what both services set up in the same way: the recipe's common lines.
 *
 * A process: service_init, then workers_run with hooks that call service_start,
 * service_stop for the common part of each worker.
 */
#pragma once

#include "common/io/http_route.h"
#include "common/io/redis.h"
#include "common/io/redis_stream.h"
#include "common/model/app.h"
#include "common/model/node.h"
#include "common/model/settings.h"

struct http_server;

struct service {
	struct settings settings;
	struct seal *seal;
	struct netguard *guard;
	enum node_kind kind;
	const struct http_app *api;
	redis_stream_fn *on_message;             /* an inbox message; arg: the worker */
	void (*on_buried)(struct worker *worker);        /* may be NULL */
};

/* Settings, log, seal.  Exits for --help and bad settings; --seed FILE is carried out and exits. */
void service_init(struct service *service, const char *name, int argc, char **argv);
void service_fini(struct service *service);

/* The common part of one worker, into *app (zeroed; the start of the service's own). */
struct service_worker {
	struct worker *worker;
	struct service *service;
	struct http_server *http;
	struct redis_stream *inbox;
};
MUST_USE enum err service_start(struct service_worker *part, struct worker *worker, struct service *service);
void service_stop(struct service_worker *part);
void service_redis_conf(const struct service *service, struct redis_conf *out);

/* Waits, at most DRAIN_MAX_MS, until is_idle says so; then leaves the node table and reports the worker drained. */
void service_drain(struct service_worker *part, bool (*is_idle)(struct worker *worker));
