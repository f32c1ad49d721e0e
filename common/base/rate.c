/* rate.c - the bucket is kept as the time at which it will be full again.
 *
 * One costs an interval; the bucket may be behind by as many intervals as the burst has.
 * Counted in nanoseconds inside an interval, so that a rate beyond a million holds too.
 */
#include "common/base/rate.h"

enum { NS_PER_US = 1000 };
#define NS_PER_S	 UINT64_C(1000000000)
#define INTERVALS_MAX_NS (UINT64_MAX / 4) /* far beyond what any clock says */

static uint64_t interval_ns(const struct rate *rate)
{
	return MAX(NS_PER_S / rate->per_s, 1);
}

static uint64_t slack_ns(const struct rate *rate)
{
	const uint64_t more = rate->burst > 0 ? rate->burst - 1 : 0;

	return more > INTERVALS_MAX_NS / interval_ns(rate) ? INTERVALS_MAX_NS : more * interval_ns(rate);
}

static uint64_t wait_ns(const struct rate *rate, uint64_t state, uint64_t now_ns)
{
	const uint64_t free_at = now_ns + slack_ns(rate);

	return state > free_at ? state - free_at : 0;
}

static uint64_t up_to_us(uint64_t ns)
{
	return (ns + NS_PER_US - 1) / NS_PER_US;
}

bool rate_book(const struct rate *rate, uint64_t *state, uint64_t now_us, uint64_t most_us, uint64_t *wait_us)
{
	const uint64_t now_ns = now_us * NS_PER_US;

	*wait_us = 0;
	if (rate->per_s == 0)
		return true;
	*wait_us = up_to_us(wait_ns(rate, *state, now_ns));
	if (*wait_us > most_us)
		return false;
	*state = MAX(*state, now_ns) + interval_ns(rate);
	return true;
}

bool rate_take(const struct rate *rate, uint64_t *state, uint64_t now_us, uint64_t *wait_us)
{
	return rate_book(rate, state, now_us, 0, wait_us);
}

uint64_t rate_wait_us(const struct rate *rate, uint64_t state, uint64_t now_us)
{
	return rate->per_s == 0 ? 0 : up_to_us(wait_ns(rate, state, now_us * NS_PER_US));
}
