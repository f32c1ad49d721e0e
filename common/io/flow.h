/* flow.h - the one mechanism for work of several steps.
 *
 * An HTTP request, a message on a client channel, and one round of a call's
 * progress are all flows: an arena, a state struct in it, a deadline, and
 * steps.  A step ends in exactly one of: start one I/O naming the next step,
 * reply (flow_done through the owner's reply function), or flow_fail.
 *
 *     static void on_account(struct flow *flow);
 *     ...
 *     account_load(flow, sid, &st->account, STEP(on_account));
 *
 * Handled here, once, for everybody:
 *   - an I/O that failed reaches no step: the flow fails with its error and
 *     kind->on_fail answers;
 *   - the deadline: the flow fails with ERR_DEADLINE, logged with the name of
 *     the step it waited for;
 *   - the owner goes away (client hung up, socket closed): flow_abandon runs the
 *     abandon hooks, newest first, and no further step runs;
 *   - memory: the flow lives until it is over and its last I/O has come back.
 *
 * on_fail runs at most once, on_end exactly once; a flow that is over ignores
 * every later done, fail or abandon.  Steps never run inside the call that
 * named them.
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/io/worker.h"

struct flow;
struct flow_pause;
typedef void flow_step_fn(struct flow *flow);

struct flow_step {
	const char *name;
	flow_step_fn *fn;
};
#define STEP(fn) ((struct flow_step){ #fn, fn })

struct flow_kind {
	const char *name;                                        /* "http", "channel", "bridge" */
	void (*on_fail)(struct flow *flow, enum err err, const char *detail);   /* answer the failure; detail may be "" */
	void (*on_end)(struct flow *flow);                       /* nothing is pending any more: free what holds the flow */
};

enum { FLOW_ABANDON_MAX = 4, FLOW_DETAIL_MAX = 200 };

struct flow {
	const struct flow_kind *kind;
	struct worker *worker;
	struct arena *arena;             /* borrowed from the owner */
	void *owner;                     /* struct req *, struct session *, struct call * ... by kind */
	void *state;                     /* the handler's own struct, from the arena */
	struct str asker;                /* the address whose credentials are looked at; STR_NULL: they are nobody's */
	/* private */
	struct flow *next, **at;         /* of the worker's flows; *at points here */
	const char *waiting_for;         /* step name, for the log */
	struct flow_step join_next;
	unsigned join_left;
	unsigned pending;
	unsigned abandon_count;
	bool over;
	bool ended;
	unsigned running;                /* steps on the stack */
	struct flow_pause *pauses;       /* of flow_sleep */
	struct loop_timer *deadline;
	uint64_t ends_at_ms;             /* monotonic */
	struct {
		void (*fn)(struct flow *flow, void *arg);
		void *arg;
	} abandon[FLOW_ABANDON_MAX];
	struct { const char *key; char value[65]; } log[3];
};

void flow_init(struct flow *flow, const struct flow_kind *kind, struct worker *worker, struct arena *arena, void *owner);
void *flow_state(struct flow *flow, size_t size) MUST_USE;   /* allocates and sets flow->state, zeroed */
void *flow_alloc(struct flow *flow, size_t size) MUST_USE;

void flow_deadline(struct flow *flow, uint64_t ms);          /* from now; replaces the earlier one */
uint64_t flow_left_ms(const struct flow *flow);              /* what remains; UINT64_MAX without a deadline */
void flow_log(struct flow *flow, const char *key, struct str value);   /* on every log line of its steps; key is a literal */

void flow_done(struct flow *flow);                           /* answered */
void flow_fail(struct flow *flow, enum err err, const char *fmt, ...) PRINTF_LIKE(3, 4);   /* fmt "" for the error's own text */
void flow_abandon(struct flow *flow);                        /* the owner went away */
void flow_on_abandon(struct flow *flow, void (*fn)(struct flow *flow, void *arg), void *arg);
bool flow_is_live(const struct flow *flow);

/* The worker stops: every flow that lives fails with ERR_CLOSED, so that no step of theirs runs
 * once what they use is gone.  They end as their I/O comes back. */
void flows_close(struct worker *worker);

/* Waits for n I/Os started side by side: pass the returned step to each. */
struct flow_step flow_join(struct flow *flow, unsigned n, struct flow_step next) MUST_USE;

/* Runs `next` through the loop, for a model that has its answer at hand. */
void flow_next(struct flow *flow, struct flow_step next);

/* A pause; ends early only with the flow. */
void flow_sleep(struct flow *flow, uint64_t ms, struct flow_step next);

/* For facades: hold before starting an I/O, resume in its completion.
 * flow_resume ends the hold and runs the step if the flow is live;
 * flow_resume_failed ends it and fails the flow. flow_settle ends a hold
 * without either: true if the flow is live, and then the caller has to go on
 * with a step, flow_next or flow_fail. */
void flow_hold(struct flow *flow, const char *waiting_for);
void flow_resume(struct flow *flow, struct flow_step next);
void flow_resume_failed(struct flow *flow, enum err err, const char *detail);
bool flow_settle(struct flow *flow) MUST_USE;
void flow_run(struct flow *flow, struct flow_step step);     /* one step now, in the flow's log context */
void flow_log_enter(const struct flow *flow);                /* around a log line of the owner's, outside of steps */
void flow_log_leave(const struct flow *flow);
