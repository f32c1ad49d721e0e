/* round_private.h - what the files of a round share: round.c, round_fetch.c, round_claim.c, candidates.c. */
#pragma once

#include "common/model/account.h"
#include "common/model/alias.h"
#include "common/model/presence_search.h"
#include "routing-svc/fetch.h"
#include "routing-svc/plan.h"
#include "routing-svc/ring_order.h"
#include "routing-svc/round.h"

enum { ROUND_MS = 60000 };               /* beside the time that customers' servers take */

struct peek;

struct candidates {                      /* what is read of those who are named */
	struct alias aliases[PLAN_RING_MAX];             /* beside round->named; not one: no members */
	struct presence_filter filters[PLAN_RING_MAX];
	struct presence_page groups[PLAN_RING_MAX];
	struct presence presence[PLAN_RING_MAX];         /* beside round->ring */
	uint64_t start;
	struct flow_step next;
};

struct round {                           /* lives in its job */
	struct flow *flow;
	struct sid id;
	round_over_fn *over;
	void *arg;
	struct loop_timer *hold;         /* only while a customer's server lets us wait */
	struct peek *peek;
	struct call call, before;
	struct plan plan;
	struct plan_input input;
	struct buf effects;
	struct call_changes changes;
	struct str done;                 /* a list of effects that was carried out, but stands in the record yet */

	/* the claims */
	struct plan_target named[PLAN_RING_MAX];
	size_t n_named;
	struct candidates *candidates;   /* NULL: the record knows the order */
	struct ring_list ring;
	struct claim_result claims[PLAN_RING_MAX], surplus[PLAN_RING_MAX];
	unsigned claimed_attempt, claimed_turn;
	int64_t claimed_fence;

	struct account account;
	struct fetch_course course;
	struct http_fetch request;
	struct http_fetch_op *asking;    /* while the request is on its way */
	struct http_result result;
	unsigned stale, steps;
	bool nudged;                     /* something happened after the call was read */
	uint64_t known_at_ms;            /* when call->now_ms was the store's now, by our own clock */
};

/* round.c: with what has come of the work. */
void round_go_on(struct flow *flow);
/* round_fetch.c: instructions, then round_go_on.  While it waits, and only then, round->hold is set. */
void round_fetch(struct flow *flow);
void round_stop_holding(struct round *round);
/* round_claim.c: devices of the clients whose turn it is, then round_go_on. */
void round_claim(struct flow *flow);
/* Claims that are too late for their ring are given back. */
void round_release_late(struct flow *flow, struct flow_step next);
/* candidates.c: the clients that round->named come to, in round->ring. */
void candidates_find(struct flow *flow, struct flow_step next);
