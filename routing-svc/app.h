/* app.h - what a worker of routing-svc has. */
#pragma once

#include "common/model/app.h"
#include "common/model/node.h"
#include "common/model/settings.h"

struct bridge;
struct outbox;
struct waiters;
struct patrol;

struct app {
	struct app_common common;        /* first: see worker_common */
	struct bridge *bridge;           /* the calls this worker works on */
	struct outbox *outbox;           /* status callbacks under way */
	struct outbox *gateway;          /* what a gateway is told of its legs */
	struct waiters *waiters;         /* gateways that wait for an outcome */
	struct patrol *sweep;            /* deadlines of the shards */
};

static inline struct app *app_of(struct worker *worker)
{
	return worker->app;
}
