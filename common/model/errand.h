/* errand.h - an operator's command that does its work in Redis and exits: --seed, --reseal.
 *
 * It has a loop and a worker of its own.  Work starts once there is a connection
 * to Redis; without one for 10 s the errand fails.
 */
#pragma once

#include "common/io/redis.h"
#include "common/io/worker.h"
#include "common/model/settings.h"

enum { ERRAND_FAILED = 1, ERRAND_REFUSED = 2 };   /* exit codes beside 0 */

struct errand {
	struct worker worker;
	struct redis_conf redis;         /* of worker.redis; without callbacks, so that others can connect likewise */
	int exit_code;
	/* private */
	struct loop_timer *patience;
	loop_fn *start;
	void *arg;
};

/* settings, name and what they point to outlive the errand. */
void errand_open(struct errand *errand, const struct settings *settings, const char *name);
void errand_run(struct errand *errand, loop_fn *start, void *arg);   /* until errand_end */
void errand_end(struct errand *errand);                              /* from within start, or what it has begun */
void errand_close(struct errand *errand);
