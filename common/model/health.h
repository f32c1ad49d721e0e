/* health.h - what operators and the balancer ask of an instance.
 *
 * /healthz  200 while it serves, 503 only while it drains (a store that is away must
 *           not empty the balancer's backend)
 * /readyz   200 once the store is there, its scripts are loaded and the node has joined: for all loops of the process,
 *           whichever of them is asked
 * /metrics  Prometheus text
 */
#pragma once

#include "common/io/http.h"

/* Why this worker is not ready, NULL when it is. */
const char *health_waits_for(const struct worker *worker);
/* To be told from time to time by each worker: /readyz goes by what all of them have said last. */
void health_note(struct worker *worker);

req_handler_fn health_get;
req_handler_fn ready_get;
req_handler_fn metrics_get;

#define HEALTH_ROUTES                                                   \
	{ HTTP_GET, "/healthz", AUTH_NONE, health_get },                \
	{ HTTP_GET, "/readyz", AUTH_NONE, ready_get },                  \
	{ HTTP_GET, "/metrics", AUTH_NONE, metrics_get },
