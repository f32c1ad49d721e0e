/* app.h - what both services keep per worker; worker->app starts with it. */
#pragma once

#include "common/io/worker.h"

struct accounts;
struct limits;
struct nodes;
struct seal;
struct service_worker;
struct settings;

struct app_common {
	const struct settings *settings;         /* shared, read only */
	const struct seal *seal;                 /* shared, read only */
	struct accounts *accounts;
	struct limits *limits;
	struct nodes *nodes;
	struct service_worker *part;             /* listener and inbox: service.c's own */
};

static inline struct app_common *worker_common(struct worker *worker)
{
	return worker->app;
}
