/* health.c - see health.h. */
#include "common/model/health.h"

#include "common/base/metrics.h"
#include "common/io/redis.h"
#include "common/model/account.h"
#include "common/model/app.h"
#include "common/model/node.h"

enum { METRICS_MAX = 1024 * 1024 };

static void reply_word(struct req *req, unsigned status, const char *word)
{
	struct buf body;

	buf_init(&body, 256);
	buf_printf(&body, "%s\n", word);
	reply_text(req, status, "text/plain", &body);
}

void health_get(struct req *req)
{
	if (req_worker(req)->draining)
		reply_word(req, 503, "draining");
	else
		reply_word(req, 200, "ok");
}

const char *health_waits_for(const struct worker *worker)
{
	const struct app_common *app = worker->app;

	return !redis_is_ready(worker->redis)	   ? "the store"
	       : !accounts_is_ready(app->accounts) ? "the store's notices"
	       : !nodes_is_joined(app->nodes)	   ? "its place in the table of nodes"
						   : NULL;
}

void health_note(struct worker *worker)
{
	metric_set(METRIC_loops_ready, health_waits_for(worker) == NULL);
}

void ready_get(struct req *req)
{
	struct worker *worker = req_worker(req);
	const char *missing = health_waits_for(worker);

	health_note(worker);
	if (worker->draining)
		reply_word(req, 503, "draining");
	else if (missing)
		reply_word(req, 503, arena_printf(req_arena(req), "waiting for %s", missing).p);
	else if (metric_total(METRIC_loops_ready) < worker->count)
		reply_word(req, 503, "waiting for another loop");
	else
		reply_word(req, 200, "ready");
}

void metrics_get(struct req *req)
{
	struct buf body;

	buf_init(&body, METRICS_MAX);
	metrics_print(&body);
	reply_text(req, 200, "text/plain; version=0.0.4", &body);
}
