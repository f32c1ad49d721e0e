/* flow.c - work of several steps.
 *
 * Two facts decide everything: `over` (somebody has answered, failed or
 * abandoned it: no step runs any more) and `pending` (holds: I/Os under way, and
 * the step that runs just now).  A flow ends, once, when it is over and nothing
 * is pending.  Who makes it over from outside of its steps still holds its
 * pointer, so there the end comes through the loop.
 */
#include "common/io/flow.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"

struct flow_pause {
	struct flow_pause *next;
	struct flow *flow;
	struct flow_step step;
	struct loop_timer *timer;
};

struct flow_hop { /* a step on its way through the loop */
	struct flow *flow;
	struct flow_step step;
};

void flow_init(struct flow *flow, const struct flow_kind *kind, struct worker *worker, struct arena *arena,
	       void *owner)
{
	*flow = (struct flow){
		.kind = kind,
		.worker = worker,
		.arena = arena,
		.owner = owner,
		.waiting_for = "",
		.ends_at_ms = UINT64_MAX,
		.next = worker->flows,
		.at = &worker->flows,
	};
	if (flow->next)
		flow->next->at = &flow->next;
	worker->flows = flow;
}

static void unlink_flow(struct flow *flow)
{
	*flow->at = flow->next;
	if (flow->next)
		flow->next->at = flow->at;
}

void *flow_state(struct flow *flow, size_t size)
{
	flow->state = arena_alloc(flow->arena, size);
	return flow->state;
}

void *flow_alloc(struct flow *flow, size_t size)
{
	return arena_alloc(flow->arena, size);
}

bool flow_is_live(const struct flow *flow)
{
	return !flow->over;
}

/* ---- the log context ---- */

void flow_log(struct flow *flow, const char *key, struct str value)
{
	for (size_t i = 0; i < ARRAY_LEN(flow->log); i++) {
		const bool is_new = !flow->log[i].key;

		if (!is_new && strcmp(flow->log[i].key, key) != 0)
			continue;
		flow->log[i].key = key;
		if (!str_copy(str_n(value.p, MIN(value.n, sizeof(flow->log[i].value) - 1)),
			      flow->log[i].value, sizeof(flow->log[i].value)))
			flow->log[i].value[0] = '\0';
		if (is_new && flow->running) /* the step that runs has pushed the pairs before it */
			log_push(key, str_of(flow->log[i].value));
		return;
	}
}

void flow_log_enter(const struct flow *flow)
{
	for (size_t i = 0; i < ARRAY_LEN(flow->log) && flow->log[i].key; i++)
		log_push(flow->log[i].key, str_of(flow->log[i].value));
}

void flow_log_leave(const struct flow *flow)
{
	for (size_t i = 0; i < ARRAY_LEN(flow->log) && flow->log[i].key; i++)
		log_pop();
}

/* Enters the log context unless a step of the flow is running, which has done so. */
static void enter(struct flow *flow)
{
	if (flow->running++ == 0)
		flow_log_enter(flow);
}

static void leave(struct flow *flow)
{
	if (--flow->running == 0)
		flow_log_leave(flow);
}

/* ---- being over, and the end ---- */

static void end_if_settled(struct flow *flow)
{
	if (!flow->over || flow->pending || flow->ended)
		return;
	flow->ended = true;
	unlink_flow(flow);
	flow->deadline = loop_timer_free(flow->deadline);
	flow->kind->on_end(flow);
}

static void release(struct flow *flow)
{
	INVARIANT(flow->pending > 0);
	flow->pending--;
	end_if_settled(flow);
}

static void on_release(void *arg)
{
	release(arg);
}

/* No further step.  The caller goes on to answer or to undo, then calls leave_over. */
static bool enter_over(struct flow *flow)
{
	if (flow->over)
		return false;
	flow->over = true;
	if (flow->deadline)
		loop_timer_stop(flow->deadline);
	for (struct flow_pause *p = flow->pauses; p; p = p->next)
		loop_timer_start(p->timer, 0);
	flow->pending++;
	enter(flow);
	return true;
}

static void leave_over(struct flow *flow)
{
	leave(flow);
	if (flow->pending > 1)
		flow->pending--;
	else
		loop_defer(flow->worker->loop, on_release, flow);
}

void flow_done(struct flow *flow)
{
	if (enter_over(flow))
		leave_over(flow);
}

static void fail(struct flow *flow, enum err err, const char *detail)
{
	if (!enter_over(flow))
		return;
	flow->kind->on_fail(flow, err, detail);
	leave_over(flow);
}

void flow_fail(struct flow *flow, enum err err, const char *fmt, ...)
{
	char detail[FLOW_DETAIL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	fail(flow, err, detail);
}

/* None of them ends in here: an end that nothing else holds up comes through the loop. */
void flows_close(struct worker *worker)
{
	worker->stopping = true;
	for (struct flow *flow = worker->flows; flow; flow = flow->next)
		fail(flow, ERR_CLOSED, "");
}

void flow_on_abandon(struct flow *flow, void (*fn)(struct flow *flow, void *arg), void *arg)
{
	INVARIANT(flow->abandon_count < FLOW_ABANDON_MAX);
	flow->abandon[flow->abandon_count].fn = fn;
	flow->abandon[flow->abandon_count].arg = arg;
	flow->abandon_count++;
}

void flow_abandon(struct flow *flow)
{
	if (!enter_over(flow))
		return;
	while (flow->abandon_count) {
		flow->abandon_count--;
		flow->abandon[flow->abandon_count].fn(flow, flow->abandon[flow->abandon_count].arg);
	}
	leave_over(flow);
}

/* ---- the deadline ---- */

static void on_deadline(void *arg)
{
	struct flow *flow = arg;

	flow_log_enter(flow);
	log_warn("deadline", "flow=%s waited_for=%s", flow->kind->name, log_str(str_of(flow->waiting_for)));
	flow_log_leave(flow);
	fail(flow, ERR_DEADLINE, "");
}

void flow_deadline(struct flow *flow, uint64_t ms)
{
	if (flow->over)
		return;
	if (!flow->deadline)
		flow->deadline = loop_timer_new(flow->worker->loop, on_deadline, flow);
	flow->ends_at_ms = clock_mono_ms() + ms;
	loop_timer_start(flow->deadline, ms);
}

uint64_t flow_left_ms(const struct flow *flow)
{
	const uint64_t now_ms = clock_mono_ms();

	if (flow->ends_at_ms == UINT64_MAX)
		return UINT64_MAX;
	return flow->ends_at_ms > now_ms ? flow->ends_at_ms - now_ms : 0;
}

/* ---- steps ---- */

void flow_run(struct flow *flow, struct flow_step step)
{
	flow->pending++; /* the flow does not end under a running step */
	if (!flow->over) {
		enter(flow);
		step.fn(flow);
		leave(flow);
	}
	release(flow);
}

void flow_hold(struct flow *flow, const char *waiting_for)
{
	flow->pending++;
	flow->waiting_for = waiting_for;
}

bool flow_settle(struct flow *flow)
{
	const bool is_live = !flow->over;

	release(flow);
	return is_live;
}

void flow_resume(struct flow *flow, struct flow_step next)
{
	if (flow_settle(flow))
		flow_run(flow, next);
}

void flow_resume_failed(struct flow *flow, enum err err, const char *detail)
{
	fail(flow, err, detail);
	release(flow);
}

static void join_arrived(struct flow *flow)
{
	INVARIANT(flow->join_left > 0);
	if (--flow->join_left == 0)
		flow->join_next.fn(flow);
}

struct flow_step flow_join(struct flow *flow, unsigned n, struct flow_step next)
{
	INVARIANT(n > 0 && flow->join_left == 0);
	flow->join_left = n;
	flow->join_next = next;
	return (struct flow_step){ next.name, join_arrived };
}

static void on_hop(void *arg)
{
	struct flow_hop *hop = arg;

	flow_resume(hop->flow, hop->step);
}

void flow_next(struct flow *flow, struct flow_step next)
{
	struct flow_hop *hop = flow_alloc(flow, sizeof(*hop));

	*hop = (struct flow_hop){ flow, next };
	flow_hold(flow, next.name);
	loop_defer(flow->worker->loop, on_hop, hop);
}

static void on_pause_over(void *arg)
{
	struct flow_pause *pause = arg;
	struct flow_pause **at = &pause->flow->pauses;

	while (*at != pause)
		at = &(*at)->next;
	*at = pause->next;
	loop_timer_free(pause->timer);
	flow_resume(pause->flow, pause->step);
}

void flow_sleep(struct flow *flow, uint64_t ms, struct flow_step next)
{
	struct flow_pause *pause = flow_alloc(flow, sizeof(*pause));

	*pause = (struct flow_pause){ flow->pauses, flow, next, NULL };
	pause->timer = loop_timer_new(flow->worker->loop, on_pause_over, pause);
	flow->pauses = pause;
	flow_hold(flow, next.name);
	loop_timer_start(pause->timer, flow->over ? 0 : ms);
}
