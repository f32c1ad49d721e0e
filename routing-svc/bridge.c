/* bridge.c - the calls that this worker owns, one round at a time each. */
#include "routing-svc/bridge.h"

#include <uthash.h>

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/call.h"
#include "common/model/inbox.h"
#include "common/model/job.h"
#include "routing-svc/app.h"
#include "routing-svc/round.h"
#include "scripts.gen.h"

enum { RETRY_MIN_MS = 100, RETRY_MAX_MS = 2000 };

struct owned { /* a call at hand */
	struct sid call;
	struct bridge *bridge; /* NULL: the process ends */
	struct round *round;   /* NULL between rounds */
	struct loop_timer *timer;
	unsigned retry_ms;
	bool again; /* something happened during the round */
	UT_hash_handle hh;
};

struct bridge {
	struct worker *worker;
	struct owned *calls;
	unsigned letting_go; /* no longer ours, but nobody else knows yet */
	bool draining;
};

/* ---- the calls at hand ---- */

static struct owned *owned_find(struct bridge *bridge, struct sid call)
{
	struct owned *owned;

	HASH_FIND(hh, bridge->calls, call.s, SID_LEN, owned);
	return owned;
}

static void on_timer(void *arg)
{
	struct owned *owned = arg;

	bridge_look(owned->bridge, owned->call);
}

static struct owned *owned_add(struct bridge *bridge, struct sid call)
{
	struct owned *owned = x_alloc(sizeof(*owned));

	owned->call = call;
	owned->bridge = bridge;
	owned->timer = loop_timer_new(bridge->worker->loop, on_timer, owned);
	HASH_ADD(hh, bridge->calls, call.s, SID_LEN, owned);
	metric_add(METRIC_calls_owned, 1);
	return owned;
}

static void owned_drop(struct owned *owned)
{
	HASH_DEL(owned->bridge->calls, owned);
	metric_add(METRIC_calls_owned, -1);
	loop_timer_free(owned->timer);
	x_free(owned);
}

/* ---- letting go ---- */

struct release {
	struct bridge *bridge;
	struct sid call;
};

static void on_release_failed(struct flow *flow, enum err err)
{
	const struct release *release = flow->state;

	(void)err; /* the sweep finds it when it is late */
	release->bridge->letting_go--;
}

static void on_offered(struct flow *flow)
{
	const struct release *release = flow->state;

	release->bridge->letting_go--;
	flow_done(flow);
}

static void on_let_go(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct release *release = arg;
	struct address to;

	(void)reply;
	if (nodes_pick(worker_common(flow->worker)->nodes, NODE_ROUTING, sid_str(&release->call), &to))
		inbox_send(flow, to,
			   arena_printf(flow->arena, "{\"to\":\"%s\",\"do\":\"adopt\"}", release->call.s),
			   STEP(on_offered));
	else
		on_offered(flow);
}

static void let_go(struct owned *owned)
{
	struct worker *worker = owned->bridge->worker;
	struct nodes *nodes = worker_common(worker)->nodes;
	struct flow *job = job_new(worker, "call_release", sizeof(struct release));
	struct release *release = job->state;
	const struct address own = nodes_address(nodes);
	const struct str argv[] = { str_of(own.s),
				    call_trace(job->arena, nodes_instance(nodes, job->arena), "let_go", "") };

	release->bridge = owned->bridge;
	release->call = owned->call;
	release->bridge->letting_go++;
	job_on_failed(job, on_release_failed);
	flow_script(job, "call_release", on_let_go, release, &scripts[SCRIPT_CALL_RELEASE],
		    key_call(job->arena, owned->call), ARRAY_LEN(argv), argv);
	owned_drop(owned);
}

/* ---- rounds ---- */

static unsigned back_off_ms(struct owned *owned)
{
	owned->retry_ms = MIN(MAX(owned->retry_ms * 2, (unsigned)RETRY_MIN_MS), (unsigned)RETRY_MAX_MS);
	return owned->retry_ms;
}

static void on_round_over(void *arg, enum round_end end, uint64_t wait_ms)
{
	struct owned *owned = arg;

	owned->round = NULL;
	if (!owned->bridge) {
		x_free(owned);
		return;
	}
	if (end == ROUND_FAILED)
		wait_ms = back_off_ms(owned);
	else
		owned->retry_ms = 0;
	if (end == ROUND_GONE)
		owned_drop(owned);
	else if (owned->bridge->draining)
		let_go(owned);
	else if (owned->again && end != ROUND_FAILED)
		bridge_look(owned->bridge, owned->call);
	else if (wait_ms)
		loop_timer_start(owned->timer, wait_ms);
}

void bridge_look(struct bridge *bridge, struct sid call)
{
	struct owned *owned = owned_find(bridge, call);

	if (!owned)
		owned = owned_add(bridge, call);
	if (owned->round) {
		owned->again = true;
		round_nudge(owned->round);
		return;
	}
	owned->again = false;
	loop_timer_stop(owned->timer);
	owned->round = round_start(bridge->worker, call, on_round_over, owned);
}

/* ---- taking over ---- */

struct take {
	struct bridge *bridge;
	struct sid call;
};

static void on_taken(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct take *take = arg;

	if (str_eq(redis_str_at(reply, 0), STR("ok"))) {
		log_info("call_adopted", "");
		metric_add(METRIC_calls_adopted_total, 1);
		bridge_look(take->bridge, take->call);
	}
	flow_done(flow);
}

void bridge_take(struct bridge *bridge, struct sid call, uint64_t overdue_ms)
{
	struct nodes *nodes = worker_common(bridge->worker)->nodes;
	struct flow *job = job_new(bridge->worker, "call_take", sizeof(struct take));
	struct take *take = job->state;
	const struct address own = nodes_address(nodes);
	char overdue[24];
	const struct str argv[] = {
		str_of(own.s), overdue_ms ? redis_num(overdue, (int64_t)overdue_ms) : STR(""),
		call_trace(job->arena, nodes_instance(nodes, job->arena), "adopted", "")
	};

	take->bridge = bridge;
	take->call = call;
	flow_log(job, "call", sid_str(&call));
	flow_script(job, "call_take", on_taken, take, &scripts[SCRIPT_CALL_TAKE], key_call(job->arena, call),
		    ARRAY_LEN(argv), argv);
}

/* ---- life ---- */

struct bridge *bridge_new(struct worker *worker)
{
	struct bridge *bridge = x_alloc(sizeof(*bridge));

	bridge->worker = worker;
	return bridge;
}

void bridge_drain(struct bridge *bridge)
{
	struct owned *owned, *next;

	bridge->draining = true;
	HASH_ITER(hh, bridge->calls, owned, next)
	{
		if (!owned->round)
			let_go(owned);
	}
}

bool bridge_is_idle(const struct bridge *bridge)
{
	return HASH_COUNT(bridge->calls) == 0 && bridge->letting_go == 0;
}

struct bridge *bridge_free(struct bridge *bridge)
{
	struct owned *owned, *next;

	if (!bridge)
		return NULL;
	HASH_ITER(hh, bridge->calls, owned, next)
	{
		if (!owned->round) {
			owned_drop(owned);
			continue;
		}
		HASH_DEL(bridge->calls, owned); /* freed when its round has failed */
		owned->timer = loop_timer_free(owned->timer);
		owned->bridge = NULL;
	}
	x_free(bridge);
	return NULL;
}
