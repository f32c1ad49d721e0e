/* sweep.c - a timer; one script per shard that is ours; what is due goes to bridge and outbox.
 *
 * Every worker sweeps the shards whose number is its own modulo the workers.
 */
#include "routing-svc/sweep.h"

#include <stdio.h>

#include "common/io/redis.h"
#include "common/model/keys.h"
#include "routing-svc/app.h"
#include "routing-svc/bridge.h"
#include "routing-svc/outbox.h"
#include "scripts.gen.h"

enum { DUE_MAX = 100 };

struct sweep {
	struct worker *worker;
	struct loop_timer *timer;
};

struct look {
	struct worker *worker;
	uint64_t overdue_ms;
};

static void on_due(void *arg, enum err err, const struct redis_reply *reply)
{
	struct look *look = arg;
	struct app *app = app_of(look->worker);
	const struct redis_reply *calls = redis_at(reply, 0);
	const struct redis_reply *subjects = redis_at(reply, 1);
	struct sid sid;

	for (size_t i = 0; !err && app->bridge && i < redis_count(calls); i++) {
		if (sid_parse(redis_str_at(calls, i), "CA", &sid))
			bridge_take(app->bridge, sid, look->overdue_ms);
	}
	for (size_t i = 0; !err && app->outbox && i < redis_count(subjects); i++) {
		if (sid_parse(redis_str_at(subjects, i), "CA", &sid))
			outbox_kick(app->outbox, sid);
	}
	x_free(look);
}

static void sweep_shard(struct worker *worker, unsigned shard, uint64_t overdue_ms)
{
	struct arena *arena = arena_new(4096);
	struct look *look = x_alloc(sizeof(*look));
	char overdue[24], most[24];
	const struct str argv[] = { redis_num(overdue, (int64_t)overdue_ms), redis_num(most, DUE_MAX) };

	*look = (struct look){ worker, overdue_ms };
	redis_script_call(worker->redis, on_due, look, &scripts[SCRIPT_CALLS_DUE],
			  key_shard_deadlines(arena, shard), ARRAY_LEN(argv), argv);
	arena_free(arena);
}

static void on_timer(void *arg)
{
	struct sweep *sweep = arg;
	struct worker *worker = sweep->worker;
	const struct app_common *app = worker_common(worker);

	loop_timer_start(sweep->timer, app->settings->sweep_ms);
	if (worker->draining || !redis_is_ready(worker->redis) || !nodes_is_joined(app->nodes))
		return;
	for (unsigned shard = worker->index; shard < KEYS_SHARDS; shard += worker->count) {
		char key[16];
		int rank;

		snprintf(key, sizeof(key), "c%u", shard);
		rank = nodes_rank(app->nodes, str_of(key));
		if (rank == 0 || rank == 1)
			sweep_shard(worker, shard, rank == 0 ? SWEEP_FIRST_MS : SWEEP_SECOND_MS);
	}
}

struct sweep *sweep_new(struct worker *worker)
{
	struct sweep *sweep = x_alloc(sizeof(*sweep));

	sweep->worker = worker;
	sweep->timer = loop_timer_new(worker->loop, on_timer, sweep);
	loop_timer_start(sweep->timer, worker_common(worker)->settings->sweep_ms);
	return sweep;
}

struct sweep *sweep_free(struct sweep *sweep)
{
	if (sweep) {
		loop_timer_free(sweep->timer);
		x_free(sweep);
	}
	return NULL;
}
