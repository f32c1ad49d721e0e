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

void ready_get(struct req *req)
{
	const struct worker *worker = req_worker(req);
	const struct app_common *app = worker->app;

	if (worker->draining)
		reply_word(req, 503, "draining");
	else if (!redis_is_ready(worker->redis))
		reply_word(req, 503, "waiting for the store");
	else if (!accounts_is_ready(app->accounts))
		reply_word(req, 503, "waiting for the store's notices");
	else if (!nodes_is_joined(app->nodes))
		reply_word(req, 503, "waiting to join the table of nodes");
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
