/* round.h - one round of a call: read, plan, commit, carry out, work, plan again, until it rests.
 *
 *     read -> plan -> commit -> effects -> (commit) -> work -> read -> plan ...
 *       ^               | stale: somebody changed the call
 *       +---------------+
 *
 * A commit that finds the record changed is planned anew from the record, so
 * events of other instances are never overwritten.
 */
#pragma once

#include "common/base/sid.h"
#include "common/io/worker.h"

struct round;

enum round_end {
	ROUND_RESTS,             /* look again after wait_ms; 0: when something happens */
	ROUND_FAILED,            /* the store was away, or somebody was always faster */
	ROUND_GONE,              /* the call has ended, or it is not ours */
};

/* Runs once, last; the round is gone then. */
typedef void round_over_fn(void *arg, enum round_end end, uint64_t wait_ms);

struct round *round_start(struct worker *worker, struct sid call, round_over_fn *over, void *arg);

/* Something happened to the call meanwhile.  A round that waits for a customer's server
 * is broken off if the call is to end; any other comes to it by itself. */
void round_nudge(struct round *round);
