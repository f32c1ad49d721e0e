/* rate.h - so many per second, some of them at once: the generic cell rate algorithm.  Pure.
 *
 * What is counted costs one number: the time when its bucket is full again.  A fresh
 * one is 0.  Times are microseconds of a clock that does not go back.
 */
#pragma once

#include "common/base/base.h"

struct rate {
	uint64_t per_s;                  /* 0: no limit */
	uint64_t burst;                  /* so many may come at once; at least 1 counts */
};

/* Takes one.  False: too many came; nothing is taken, and *wait_us tells when one may be. */
MUST_USE bool rate_take(const struct rate *rate, uint64_t *state, uint64_t now_us, uint64_t *wait_us);

/* Takes one whose turn may come later, in *wait_us.  False: later than most_us; nothing is taken. */
MUST_USE bool rate_book(const struct rate *rate, uint64_t *state, uint64_t now_us, uint64_t most_us, uint64_t *wait_us);

/* Would one be taken?  0: yes, else the time until it would. */
uint64_t rate_wait_us(const struct rate *rate, uint64_t state, uint64_t now_us);
