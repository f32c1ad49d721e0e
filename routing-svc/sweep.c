/* sweep.c - one script per shard that is ours; what is due goes to bridge and outbox. */
#include "routing-svc/sweep.h"

#include "common/io/redis.h"
#include "common/model/gateway.h"
#include "common/model/outbox.h"
#include "routing-svc/app.h"
#include "routing-svc/bridge.h"
#include "scripts.gen.h"

enum { DUE_MAX = 100 };

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
		const struct str subject = redis_str_at(subjects, i);

		outbox_kick(gateway_is_subject(subject) ? app->gateway : app->outbox, subject);
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

static void visit(void *arg, unsigned shard, int rank)
{
	sweep_shard(arg, shard, rank == 0 ? SWEEP_FIRST_MS : SWEEP_SECOND_MS);
}

struct patrol *sweep_new(struct worker *worker)
{
	return patrol_new(worker, &(struct patrol_conf){
					  .tag = 'c',
					  .count = KEYS_SHARDS,
					  .ranks = 2,
					  .every_ms = worker_common(worker)->settings->sweep_ms,
					  .visit = visit,
					  .arg = worker,
				  });
}
