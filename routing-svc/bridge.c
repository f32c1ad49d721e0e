/* bridge.c - the rounds of the calls that this worker owns. */
#include "routing-svc/bridge.h"

#include <uthash.h>

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/account.h"
#include "common/model/inbox.h"
#include "common/model/job.h"
#include "routing-svc/app.h"
#include "routing-svc/effects.h"
#include "routing-svc/fetch.h"
#include "routing-svc/outbox.h"
#include "routing-svc/plan.h"
#include "scripts.gen.h"

enum {
	STALE_MAX = 50,
	RETRY_MIN_MS = 100,
	RETRY_MAX_MS = 2000,
	EFFECTS_LATE_MS = 1000,
	EFFECTS_MAX = 64 * 1024,
	ROUND_MS = 60000,
	CLAIM_SPARE_MS = 5000,
	HOLD_MS = 3000
};

struct owned { /* a call at hand */
	struct sid call;
	struct bridge *bridge;
	struct flow *round; /* NULL between rounds */
	struct loop_timer *timer;
	unsigned retry_ms;
	bool again;
	bool fetching; /* the round waits for a customer's server */
	UT_hash_handle hh;
};

struct bridge {
	struct worker *worker;
	struct owned *calls;
	bool draining;
};

struct round { /* one round's state, in its job */
	struct owned *owned;
	struct call call, before;
	struct plan plan;
	struct plan_input input;
	struct buf effects;
	struct call_changes changes;
	struct plan_target targets[PLAN_RING_MAX];
	struct claim_result claims[PLAN_RING_MAX];
	unsigned claimed_attempt;
	struct account account;
	struct http_fetch request;
	struct http_result result;
	unsigned stale;
};

static void on_read(struct flow *flow);
static void plan(struct flow *flow);
static void on_effects(struct flow *flow);
static void work(struct flow *flow);
static void on_account(struct flow *flow);
static void on_fetched(struct flow *flow);
static void on_claimed(struct flow *flow);
static void on_released(struct flow *flow);

/* ---- the calls at hand ---- */

static struct owned *owned_find(struct bridge *bridge, struct sid call)
{
	struct owned *owned;

	HASH_FIND(hh, bridge->calls, call.s, SID_LEN, owned);
	return owned;
}

static void hold(struct owned *owned);

static void on_timer(void *arg)
{
	struct owned *owned = arg;

	if (owned->fetching)
		hold(owned);
	else
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

static bool is_ours(struct worker *worker, const struct call *call)
{
	const struct address own = nodes_address(worker_common(worker)->nodes);

	return str_eq(call->owner, str_of(own.s));
}

/* ---- letting go ---- */

struct release {
	struct sid call;
};

static void on_let_go(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct release *release = arg;
	struct address to;

	(void)reply;
	if (nodes_pick(worker_common(flow->worker)->nodes, NODE_ROUTING, sid_str(&release->call), &to))
		inbox_post(flow->worker, to,
			   arena_printf(flow->arena, "{\"to\":\"%s\",\"do\":\"adopt\"}", release->call.s));
	flow_done(flow);
}

static void let_go(struct owned *owned)
{
	struct worker *worker = owned->bridge->worker;
	struct nodes *nodes = worker_common(worker)->nodes;
	struct flow *job = job_new(worker, "call_release", sizeof(struct release));
	struct release *release = job->state;
	const struct sid node = nodes_own(nodes);
	const struct address own = nodes_address(nodes);
	const struct str argv[] = { str_of(own.s), call_trace(job->arena, str_of(node.s), "let_go", "") };

	release->call = owned->call;
	flow_script(job, "call_release", on_let_go, release, &scripts[SCRIPT_CALL_RELEASE],
		    key_call(job->arena, owned->call), ARRAY_LEN(argv), argv);
	owned_drop(owned);
}

/* ---- a round's end ---- */

static void round_over(struct flow *flow, bool keep, uint64_t wait_ms)
{
	struct round *round = flow->state;
	struct owned *owned = round->owned;

	owned->round = NULL;
	owned->fetching = false;
	if (owned->timer)
		loop_timer_stop(owned->timer);
	buf_fini(&round->effects);
	if (!owned->bridge) {
		x_free(owned);
	} else if (!keep) {
		owned_drop(owned);
	} else if (owned->bridge->draining) {
		let_go(owned);
	} else if (owned->again) {
		bridge_look(owned->bridge, owned->call);
	} else if (wait_ms) {
		loop_timer_start(owned->timer, wait_ms);
	}
}

static void on_round_failed(struct flow *flow, enum err err)
{
	struct round *round = flow->state;
	struct owned *owned = round->owned;

	owned->retry_ms = MIN(MAX(owned->retry_ms * 2, (unsigned)RETRY_MIN_MS), (unsigned)RETRY_MAX_MS);
	round_over(flow, err != ERR_NOT_FOUND, owned->retry_ms);
}

static void done(struct flow *flow, bool keep, uint64_t wait_ms)
{
	struct round *round = flow->state;

	round->owned->retry_ms = 0;
	round_over(flow, keep, wait_ms);
	flow_done(flow);
}

/* ---- read, plan ---- */

static void on_peeked(struct flow *flow);

struct peek {
	struct bridge *bridge;
	struct call call;
};

/* Something happened while a customer's server lets us wait: if the call is to end, it ends now. */
static void peek(struct owned *owned)
{
	struct flow *job = job_new(owned->bridge->worker, "call_peek", sizeof(struct peek));
	struct peek *peek = job->state;

	peek->bridge = owned->bridge;
	flow_log(job, "call", sid_str(&owned->call));
	call_read(job, owned->call, &peek->call, STEP(on_peeked));
}

static void on_peeked(struct flow *flow)
{
	const struct peek *peek = flow->state;
	const struct call *call = &peek->call;
	struct owned *owned = owned_find(peek->bridge, call->id);

	if (owned && owned->fetching &&
	    (call->hangup_leg == 0 || call->control.n > 0 || !is_ours(flow->worker, call))) {
		struct flow *waiting = owned->round;

		owned->again = true;
		flow_abandon(waiting);
		round_over(waiting, true, 0);
	}
	flow_done(flow);
}

void bridge_look(struct bridge *bridge, struct sid call)
{
	struct owned *owned = owned_find(bridge, call);
	struct round *round;

	if (!owned)
		owned = owned_add(bridge, call);
	if (owned->round) {
		owned->again = true;
		if (owned->fetching)
			peek(owned);
		return;
	}
	owned->again = false;
	loop_timer_stop(owned->timer);
	owned->round = job_new(bridge->worker, "call_round", sizeof(*round));
	round = owned->round->state;
	round->owned = owned;
	buf_init(&round->effects, EFFECTS_MAX);
	job_on_failed(owned->round, on_round_failed);
	flow_deadline(owned->round, ROUND_MS);
	flow_log(owned->round, "call", sid_str(&owned->call));
	call_read(owned->round, call, &round->call, STEP(on_read));
}

/* The instance where the gateway's request waited has died, and the connection with it. */
static bool gateway_is_gone(struct worker *worker, const struct call *call)
{
	struct str rest = str_of(call->caller_address.s);
	struct str node;

	return call->caller == CALLER_GATEWAY && !call->up_ms && call->state != CALL_ENDED &&
	       str_split(&rest, '.', &node) && node.n > 0 &&
	       nodes_is_gone(worker_common(worker)->nodes, node);
}

/* Claims that came back after the call had gone another way. */
static bool claims_are_late(const struct round *round)
{
	return round->input.kind == INPUT_CLAIMED &&
	       (round->call.state != CALL_CLAIM || round->call.attempt != round->claimed_attempt);
}

static void on_read(struct flow *flow)
{
	struct round *round = flow->state;

	if (claims_are_late(round)) {
		effects_release_claims(flow, &round->call, round->targets, round->claims,
				       round->input.n_claims, STEP(on_released));
		return;
	}
	if (!is_ours(flow->worker, &round->call)) {
		done(flow, false, 0);
		return;
	}
	if (gateway_is_gone(flow->worker, &round->call))
		round->call.hangup_leg = 0;
	if (round->input.kind == INPUT_FETCHED && round->input.fetch_number != round->call.fetch_number)
		round->input = (struct plan_input){ .kind = INPUT_NONE };
	plan(flow);
}

static void on_released(struct flow *flow)
{
	struct round *round = flow->state;

	round->input = (struct plan_input){ .kind = INPUT_NONE };
	on_read(flow);
}

/* ---- commit ---- */

struct commit {
	void (*then)(struct flow *flow);
};

static void on_commit(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct commit *commit = arg;
	struct round *round = flow->state;

	if (!str_eq(redis_str_at(reply, 0), STR("ok"))) {
		if (++round->stale > STALE_MAX)
			flow_fail(flow, ERR_STALE, "");
		else
			call_read(flow, round->owned->call, &round->call, STEP(on_read));
		return;
	}
	round->call.revision = redis_int_at(reply, 1, 0);
	call_fix_times(&round->call, redis_int_at(reply, 2, 0));
	commit->then(flow);
}

static struct str number(struct flow *flow, int64_t v)
{
	return arena_printf(flow->arena, "%lld", (long long)v);
}

/* What the plan changed, its trace lines and callbacks, in one step. */
static void commit_step(struct flow *flow, struct str look_ms, struct str retention_ms,
			void (*then)(struct flow *flow))
{
	struct round *round = flow->state;
	struct plan *plan = &round->plan;
	struct commit *commit = flow_alloc(flow, sizeof(*commit));
	struct str argv[REDIS_MAX_ARGS];
	size_t n = 0;

	commit->then = then;
	argv[n++] = number(flow, round->call.fence);
	argv[n++] = number(flow, round->call.revision);
	argv[n++] = look_ms;
	argv[n++] = retention_ms;
	argv[n++] = number(flow, (int64_t)round->changes.n);
	memcpy(&argv[n], round->changes.pair, 2 * round->changes.n * sizeof(argv[0]));
	n += 2 * round->changes.n;
	argv[n++] = number(flow, (int64_t)plan->n_traces);
	memcpy(&argv[n], plan->traces, plan->n_traces * sizeof(argv[0]));
	n += plan->n_traces;
	for (size_t i = 0; i < plan->n_callbacks; i++) {
		argv[n++] = sid_str(&plan->callbacks[i].subject);
		argv[n++] = plan->callbacks[i].json;
	}
	flow_script(flow, "call_commit", on_commit, commit, &scripts[SCRIPT_CALL_COMMIT],
		    key_call(flow->arena, round->call.id), n, argv);
}

static struct str look_of(struct flow *flow, const struct round *round)
{
	if (round->effects.n > 0)
		return number(flow, EFFECTS_LATE_MS);
	return round->plan.wait_ms ? number(flow, (int64_t)round->plan.wait_ms) : STR("-1");
}

static void on_planned(struct flow *flow)
{
	struct round *round = flow->state;

	for (size_t i = 0; i < round->plan.n_callbacks; i++)
		outbox_kick(app_of(flow->worker)->outbox, round->plan.callbacks[i].subject);
	round->plan.n_callbacks = 0;
	round->plan.n_traces = 0;
	round->stale = 0;
	if (round->call.state == CALL_ENDED && round->before.state != CALL_ENDED)
		metric_add(METRIC_calls_ended_total, 1);
	effects_run(flow, &round->call, round->call.effects, STEP(on_effects));
}

static void plan(struct flow *flow)
{
	struct round *round = flow->state;
	const struct sid node = nodes_own(worker_common(flow->worker)->nodes);
	const struct settings *settings = worker_common(flow->worker)->settings;
	struct call *call = &round->call;

	buf_clear(&round->effects);
	buf_put(&round->effects, call->effects); /* what a predecessor may not have done */
	round->plan = (struct plan){ .arena = flow->arena,
				     .node = arena_copy(flow->arena, str_of(node.s)),
				     .effects = &round->effects };
	round->before = call_copy(flow->arena, call);
	plan_next(call, &round->input, &round->plan);
	if (!buf_ok(&round->effects)) {
		flow_fail(flow, ERR_TOO_LARGE, "the list of effects is too long");
		return;
	}
	call->effects = arena_copy(flow->arena, buf_str(&round->effects));
	if (call->state == CALL_ENDED && round->before.state == CALL_ENDED && call->effects.n == 0) {
		done(flow, false, 0);
		return;
	}
	call_diff(flow->arena, &round->before, call, &round->changes);
	commit_step(flow, look_of(flow, round),
		    call->state == CALL_ENDED ? number(flow, (int64_t)settings->call_retention_s * 1000)
					      : STR(""),
		    on_planned);
}

/* ---- effects, work ---- */

static void on_effects(struct flow *flow)
{
	struct round *round = flow->state;

	if (round->call.effects.n == 0) {
		work(flow);
		return;
	}
	round->before = call_copy(flow->arena, &round->call);
	round->call.effects = STR("");
	buf_clear(&round->effects);
	call_diff(flow->arena, &round->before, &round->call, &round->changes);
	commit_step(flow, look_of(flow, round), STR(""), work);
}

/* A customer's server may take its time; that the owner still waits is told again and again. */
static void hold(struct owned *owned)
{
	struct worker *worker = owned->bridge->worker;
	const struct round *round = owned->round->state;
	const struct address own = nodes_address(worker_common(worker)->nodes);
	struct arena *arena = arena_new(1024);
	char fence[24], ms[24];
	const struct str argv[] = { str_of(own.s), redis_num(fence, round->call.fence),
				    redis_num(ms, HOLD_MS) };

	redis_script_call(worker->redis, NULL, NULL, &scripts[SCRIPT_CALL_HOLD], key_call(arena, owned->call),
			  ARRAY_LEN(argv), argv);
	arena_free(arena);
	loop_timer_start(owned->timer, HOLD_MS / 3);
}

static void fetch(struct flow *flow)
{
	struct round *round = flow->state;

	account_load(worker_common(flow->worker)->accounts, flow, round->call.account, &round->account,
		     STEP(on_account));
}

static void on_account(struct flow *flow)
{
	struct round *round = flow->state;

	round->result = (struct http_result){
		.err = fetch_instructions(flow->arena, &round->call, round->account.auth_token,
					  worker_common(flow->worker)->settings, &round->request)
	};
	if (round->result.err) {
		flow_next(flow, STEP(on_fetched));
		return;
	}
	round->owned->fetching = true;
	hold(round->owned);
	flow_fetch(flow, &round->request, &round->result, STEP(on_fetched));
}

static void on_fetched(struct flow *flow)
{
	struct round *round = flow->state;

	round->owned->fetching = false;
	loop_timer_stop(round->owned->timer);
	fetch_judge(flow->arena, &round->call, &round->result, &round->input);
	call_read(flow, round->owned->call, &round->call, STEP(on_read));
}

static void claim(struct flow *flow)
{
	struct round *round = flow->state;
	struct call *call = &round->call;
	struct nodes *nodes = worker_common(flow->worker)->nodes;
	const size_t n = plan_targets(call, &round->plan, round->targets, PLAN_RING_MAX);
	const struct str dead = arena_copy(flow->arena, nodes_dead(nodes));
	struct flow_step each;

	round->claimed_attempt = call->attempt;
	round->input = (struct plan_input){ .kind = INPUT_CLAIMED, .claims = round->claims, .n_claims = n };
	if (n == 0) {
		flow_next(flow, STEP(on_claimed));
		return;
	}
	each = flow_join(flow, (unsigned)n, STEP(on_claimed));
	for (size_t i = 0; i < n; i++) {
		const struct claim_ask ask = {
			.client = { call->account, round->targets[i].identity },
			.call = call->id,
			.fence = call->fence,
			.attempt = call->attempt,
			.medium = call->medium,
			.hold_ms = plan_ring_ms(call, &round->plan) + CLAIM_SPARE_MS,
			.most = DEVICES_MAX,
			.dead_nodes = dead,
		};

		if (round->targets[i].target && round->targets[i].target->kind != TARGET_CLIENT)
			flow_next(flow, each);
		else
			claim_take(flow, &ask, &round->claims[i], each);
	}
}

static void on_claimed(struct flow *flow)
{
	struct round *round = flow->state;

	call_read(flow, round->owned->call, &round->call, STEP(on_read));
}

static void work(struct flow *flow)
{
	struct round *round = flow->state;

	round->input = (struct plan_input){ .kind = INPUT_NONE };
	switch (round->plan.work) {
	case WORK_FETCH:
		fetch(flow);
		break;
	case WORK_CLAIM:
		claim(flow);
		break;
	case WORK_AGAIN:
		call_read(flow, round->owned->call, &round->call, STEP(on_read));
		break;
	case WORK_NONE:
		done(flow, round->call.state != CALL_ENDED, round->plan.wait_ms);
		break;
	}
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
	const struct sid node = nodes_own(nodes);
	const struct str argv[] = { str_of(own.s), overdue_ms ? number(job, (int64_t)overdue_ms) : STR(""),
				    call_trace(job->arena, str_of(node.s), "adopted", "") };

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
	return HASH_COUNT(bridge->calls) == 0;
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
