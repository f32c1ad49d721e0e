/* round_fetch.c - a round asks the customer's server (fetch.h).
 *
 *     round_fetch -> on_account -> ask -> on_answer -+-> round_go_on
 *                                   ^                |
 *                                   +-- (pause) -----+ redirected, or asked again
 */
#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "routing-svc/app.h"
#include "routing-svc/round_private.h"
#include "scripts.gen.h"

enum { HOLD_MS = 3000 };

static void on_account(struct flow *flow);
static void on_answer(struct flow *flow);
static void on_fetched(struct flow *flow);

/* It may take its time; that the owner still waits is told again and again. */
static void hold(void *arg)
{
	struct round *round = arg;
	struct worker *worker = round->flow->worker;
	const struct address own = nodes_address(worker_common(worker)->nodes);
	struct arena *arena = arena_new(1024);
	char fence[24], ms[24];
	const struct str argv[] = { str_of(own.s), redis_num(fence, round->call.fence),
				    redis_num(ms, HOLD_MS) };

	redis_script_call(worker->redis, NULL, NULL, &scripts[SCRIPT_CALL_HOLD], key_call(arena, round->id),
			  ARRAY_LEN(argv), argv);
	arena_free(arena);
	loop_timer_start(round->hold, HOLD_MS / 3);
}

void round_stop_holding(struct round *round)
{
	round->hold = loop_timer_free(round->hold);
}

void round_fetch(struct flow *flow)
{
	struct round *round = flow->state;

	account_find(worker_common(flow->worker)->accounts, flow, round->call.account, &round->account,
		     STEP(on_account));
}

static void ask(struct flow *flow)
{
	struct round *round = flow->state;

	fetch_request(&round->course, clock_mono_ms(), &round->request);
	round->asking = flow_fetch(flow, &round->request, &round->result, STEP(on_answer));
}

static void on_account(struct flow *flow)
{
	struct round *round = flow->state;
	enum err err = ERR_ACCOUNT_SUSPENDED;

	if (sid_is_set(round->account.sid)) /* else it was closed while its call went on */
		err = fetch_begin(&round->course, flow->arena, &round->call, &round->account,
				  worker_common(flow->worker)->settings, clock_mono_ms());
	if (err) {
		fetch_refuse(&round->call, err, &round->input);
		flow_next(flow, STEP(on_fetched));
		return;
	}
	flow_deadline(flow, round->course.budget_ms + ROUND_MS);
	round->hold = loop_timer_new(flow->worker->loop, hold, round);
	hold(round);
	if (round->nudged)
		round_nudge(round);
	ask(flow);
}

static void on_answer(struct flow *flow)
{
	struct round *round = flow->state;
	const uint64_t now_ms = clock_mono_ms();
	uint64_t pause_ms;

	round->asking = NULL;
	if (fetch_take(&round->course, &round->result, now_ms, &pause_ms, &round->input) == FETCH_DONE) {
		on_fetched(flow);
		return;
	}
	round->steps++; /* each request takes as much memory as a step */
	if (pause_ms > 0) {
		metric_add(METRIC_fetch_repeats_total, 1);
		flow_sleep(flow, pause_ms, STEP(ask));
	} else {
		metric_add(METRIC_fetch_redirects_total, 1);
		ask(flow);
	}
}

static void on_fetched(struct flow *flow)
{
	round_stop_holding(flow->state);
	round_go_on(flow);
}
