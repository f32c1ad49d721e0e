/* worker.h - one thread and one loop per core, sharing nothing.
 *
 * A worker owns everything its requests use: loop, Redis connections, HTTP
 * clients, listener.  Workers meet only in Redis and in loop_post.
 *
 * Life: start -> run -> SIGTERM or SIGINT: drain on every worker -> each calls
 * worker_drained (or the longest wait passes) -> stop -> workers_run returns 0.
 * A second signal ends the wait at once.  When a start fails the other workers
 * stop without a drain, and workers_run returns 1.
 *
 * The caller's thread only waits for signals.  Every loop lives from before the
 * first start until after the last stop, so a post to another worker is safe in
 * all hooks and callbacks.
 */
#pragma once

#include "common/base/err.h"
#include "common/io/loop.h"

struct redis;
struct http_client;
struct flow;

struct worker {
	unsigned index;
	unsigned count;
	struct worker *all;              /* count of them */
	struct loop *loop;
	struct redis *redis;             /* commands; set by the service's start hook */
	struct http_client *untrusted;   /* customers' URLs */
	void *app;                       /* the service's own per-worker state */
	bool draining;
	bool stopping;                   /* set by flows_close: nothing is begun any more */
	struct flow *flows;              /* all that have not ended (flow.h) */
	/* private */
	bool started;
	bool drained;
};

struct worker_conf {
	unsigned count;
	uint64_t drain_max_ms;
	enum err (*start)(struct worker *worker);    /* on the worker's thread; undoes itself when it fails */
	void (*drain)(struct worker *worker);        /* no new work; call worker_drained when the old is done */
	void (*stop)(struct worker *worker);         /* free everything; the loop still runs once afterwards */
	void *app;                                   /* initial worker->app */
};

MUST_USE int workers_run(const struct worker_conf *conf);    /* exit code */
void worker_drained(struct worker *worker);
bool worker_is_last(struct worker *worker);      /* draining: all the others have drained */
