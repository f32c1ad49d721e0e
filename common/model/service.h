/* service.h - what both services are made of: the recipe's common lines.
 *
 *     settings, log, seal -> one worker per core: Redis, accounts, nodes, listener,
 *     the service's own parts -> SIGTERM: no new work, the old is finished or handed
 *     over, out of the table of nodes -> stop
 *
 * A service fills in what it adds and calls service_run.
 */
#pragma once

#include "common/io/http_route.h"
#include "common/io/redis.h"
#include "common/io/redis_stream.h"
#include "common/model/app.h"
#include "common/model/node.h"
#include "common/model/settings.h"

struct service {
	const char *name;
	enum node_kind kind;
	const struct http_app *api;
	size_t app_size;                         /* of its per-worker state, which starts with struct app_common */
	void (*open)(struct worker *worker);             /* makes its parts; settings and seal are there, Redis is not asked yet */
	void (*drain)(struct worker *worker);            /* no new work */
	bool (*is_idle)(struct worker *worker);          /* the old work is done, or is somebody else's now */
	void (*close)(struct worker *worker);            /* frees its parts; Redis and the listener are gone already */
	void (*on_buried)(struct worker *worker);        /* others took this node for dead; may be NULL */
	void (*on_store_back)(struct worker *worker);    /* Redis is there, for the first time or again; may be NULL */
	redis_stream_fn *on_message;                     /* a message in this worker's inbox; arg: the worker */
};

/* Exits by itself for --help, bad settings and --seed; else returns the exit code. */
MUST_USE int service_run(const struct service *service, int argc, char **argv);
