/* patrol.c - a timer and a round. */
#include "common/model/patrol.h"

#include <stdio.h>

#include "common/io/redis.h"
#include "common/model/app.h"
#include "common/model/node.h"

struct patrol {
	struct worker *worker;
	struct patrol_conf conf;
	struct loop_timer *timer;
};

static void on_timer(void *arg)
{
	struct patrol *patrol = arg;
	const struct patrol_conf *conf = &patrol->conf;
	struct worker *worker = patrol->worker;
	const struct nodes *nodes = worker_common(worker)->nodes;

	loop_timer_start(patrol->timer, conf->every_ms);
	if (worker->draining || !redis_is_ready(worker->redis) || !nodes_is_joined(nodes))
		return;
	for (unsigned number = worker->index; number < conf->count; number += worker->count) {
		char key[16];
		int rank;

		snprintf(key, sizeof(key), "%c%u", conf->tag, number);
		rank = nodes_rank(nodes, str_of(key));
		if (rank >= 0 && rank < conf->ranks)
			conf->visit(conf->arg, number, rank);
	}
}

struct patrol *patrol_new(struct worker *worker, const struct patrol_conf *conf)
{
	struct patrol *patrol = x_alloc(sizeof(*patrol));

	patrol->worker = worker;
	patrol->conf = *conf;
	patrol->timer = loop_timer_new(worker->loop, on_timer, patrol);
	loop_timer_start(patrol->timer, conf->every_ms);
	return patrol;
}

struct patrol *patrol_free(struct patrol *patrol)
{
	if (!patrol)
		return NULL;
	loop_timer_free(patrol->timer);
	x_free(patrol);
	return NULL;
}
