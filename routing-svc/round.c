/* round.c - see round.h. */
#include "routing-svc/round.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/job.h"
#include "common/model/outbox.h"
#include "routing-svc/app.h"
#include "routing-svc/effects.h"
#include "routing-svc/round_private.h"
#include "scripts.gen.h"

enum {
	STALE_MAX = 20,
	STEPS_MAX = 8, /* a new round has new memory */
	EFFECTS_LATE_MS = 1000,
	EFFECTS_MAX = 64 * 1024,
};

struct peek {		     /* a look at the record meanwhile */
	struct round *round; /* NULL: it is over */
	struct call call;
};

static void on_read(struct flow *flow);
static void decide(struct flow *flow);
static void plan(struct flow *flow);
static void on_effects(struct flow *flow);
static void work(struct flow *flow);
static void on_released(struct flow *flow);

/* ---- begin and end ---- */

static void over(struct round *round, enum round_end end, uint64_t wait_ms)
{
	round_stop_holding(round);
	if (round->peek)
		round->peek->round = NULL;
	buf_fini(&round->effects);
	round->over(round->arg, end, wait_ms);
}

static void read_call(struct flow *flow)
{
	struct round *round = flow->state;

	round->nudged = false;
	call_read(flow, round->id, &round->call, STEP(on_read));
}

static void on_failed(struct flow *flow, enum err err)
{
	over(flow->state, err == ERR_NOT_FOUND ? ROUND_GONE : ROUND_FAILED, 0);
}

static void done(struct flow *flow, enum round_end end, uint64_t wait_ms)
{
	over(flow->state, end, wait_ms);
	flow_done(flow);
}

struct round *round_start(struct worker *worker, struct sid call, round_over_fn *on_over, void *arg)
{
	struct flow *flow = job_new(worker, "call_round", sizeof(struct round));
	struct round *round = flow->state;

	round->flow = flow;
	round->id = call;
	round->over = on_over;
	round->arg = arg;
	buf_init(&round->effects, EFFECTS_MAX);
	job_on_failed(flow, on_failed);
	flow_deadline(flow, ROUND_MS);
	flow_log(flow, "call", sid_str(&round->id));
	read_call(flow);
	return round;
}

/* ---- read, plan ---- */

static bool is_ours(struct worker *worker, const struct call *call)
{
	const struct address own = nodes_address(worker_common(worker)->nodes);

	return str_eq(call->owner, str_of(own.s));
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

	round->known_at_ms = clock_mono_ms();
	decide(flow);
}

/* What was committed is what stands in the record, unless somebody changed it since: then the
 * next commit is stale. */
void round_go_on(struct flow *flow)
{
	struct round *round = flow->state;
	const uint64_t now = clock_mono_ms();

	if (round->nudged) {
		read_call(flow);
		return;
	}
	round->call.now_ms += (int64_t)(now - round->known_at_ms);
	round->known_at_ms = now;
	decide(flow);
}

static void decide(struct flow *flow)
{
	struct round *round = flow->state;

	if (claims_are_late(round)) {
		round_release_late(flow, STEP(on_released));
		return;
	}
	if (!is_ours(flow->worker, &round->call)) {
		done(flow, ROUND_GONE, 0);
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
	decide(flow);
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
			read_call(flow);
		return;
	}
	round->call.revision = redis_int_at(reply, 1, 0);
	call_fix_times(&round->call, redis_int_at(reply, 2, 0));
	round->known_at_ms = clock_mono_ms();
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
		outbox_kick(app_of(flow->worker)->outbox, sid_str(&round->plan.callbacks[i].subject));
	round->plan.n_callbacks = 0;
	round->plan.n_traces = 0;
	round->stale = 0;
	round->input = (struct plan_input){ .kind = INPUT_NONE }; /* what came of it is in the record now */
	if (round->call.state == CALL_ENDED && round->before.state != CALL_ENDED) {
		metric_add(METRIC_calls_ended_total, 1);
		log_info("call_ended", "acct=%s status=" STR_FMT, round->call.account.s,
			 STR_ARG(round->call.status));
	}
	effects_run(flow, &round->call, round->call.effects, STEP(on_effects));
}

static void plan(struct flow *flow)
{
	struct round *round = flow->state;
	const struct settings *settings = worker_common(flow->worker)->settings;
	struct call *call = &round->call;

	buf_clear(&round->effects);
	if (!str_eq(call->effects, round->done))
		buf_put(&round->effects, call->effects); /* what a predecessor may not have done */
	round->plan =
		(struct plan){ .arena = flow->arena,
			       .instance = nodes_instance(worker_common(flow->worker)->nodes, flow->arena),
			       .effects = &round->effects };
	round->before = *call;
	*call = call_copy(flow->arena, call); /* with room for more legs */
	plan_next(call, &round->input, &round->plan);
	if (!buf_ok(&round->effects)) {
		flow_fail(flow, ERR_TOO_LARGE, "the list of effects is too long");
		return;
	}
	call->effects = arena_copy(flow->arena, buf_str(&round->effects));
	if (call->state == CALL_ENDED && round->before.state == CALL_ENDED && call->effects.n == 0) {
		done(flow, ROUND_GONE, 0);
		return;
	}
	call_diff(flow->arena, &round->before, call, &round->changes);
	commit_step(flow, look_of(flow, round),
		    call->state == CALL_ENDED ? number(flow, (int64_t)settings->call_retention_s * 1000)
					      : STR(""),
		    on_planned);
}

/* ---- effects ---- */

static void on_effects(struct flow *flow)
{
	struct round *round = flow->state;

	if (round->call.effects.n == 0) {
		work(flow);
		return;
	}
	round->done = round->call.effects;
	round->before = call_copy(flow->arena, &round->call);
	round->call.effects = STR("");
	buf_clear(&round->effects);
	call_diff(flow->arena, &round->before, &round->call, &round->changes);
	commit_step(flow, look_of(flow, round), STR(""), work);
}

/* ---- nudged ---- */

static void forget_peek(const struct peek *peek)
{
	if (peek->round)
		peek->round->peek = NULL;
}

static void on_peek_failed(struct flow *flow, enum err err)
{
	(void)err;
	forget_peek(flow->state);
}

static bool is_wanted_elsewhere(struct worker *worker, const struct call *call)
{
	return call->hangup_leg == 0 || call->control.n > 0 || call->redirect_url.n > 0 ||
	       call->redirect_document.n > 0 || !is_ours(worker, call);
}

static void on_peeked(struct flow *flow)
{
	const struct peek *peek = flow->state;
	struct round *round = peek->round;

	forget_peek(peek);
	if (round && round->hold && is_wanted_elsewhere(flow->worker, &peek->call)) {
		struct flow *waiting = round->flow;
		struct http_fetch_op *asking = round->asking;

		over(round, ROUND_RESTS, 1);
		flow_abandon(waiting);
		if (asking)
			flow_fetch_cancel(waiting, asking);
	}
	flow_done(flow);
}

void round_nudge(struct round *round)
{
	struct flow *job;

	round->nudged = true;
	if (!round->hold || round->peek)
		return;
	job = job_new(round->flow->worker, "call_peek", sizeof(struct peek));
	round->peek = job->state;
	round->peek->round = round;
	job_on_failed(job, on_peek_failed);
	flow_log(job, "call", sid_str(&round->id));
	call_read(job, round->id, &round->peek->call, STEP(on_peeked));
}

/* ---- work ---- */

static void work(struct flow *flow)
{
	struct round *round = flow->state;

	if (round->plan.work != WORK_NONE && ++round->steps > STEPS_MAX) {
		done(flow, ROUND_RESTS, 1);
		return;
	}
	switch (round->plan.work) {
	case WORK_FETCH:
		round_fetch(flow);
		break;
	case WORK_CLAIM:
		round_claim(flow);
		break;
	case WORK_AGAIN:
		round_go_on(flow);
		break;
	case WORK_NONE:
		done(flow, round->call.state == CALL_ENDED ? ROUND_GONE : ROUND_RESTS, round->plan.wait_ms);
		break;
	}
}
