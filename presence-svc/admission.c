/* admission.c - two buckets: a herd waits at its handshakes, so that its hellos come paced already. */
#include "presence-svc/admission.h"

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/metrics.h"

enum { WAIT_MAX_MS = 3000, BURST_PARTS = 4 };

void admission_init(struct admission *admission, const struct settings *settings)
{
	const uint64_t per_s = settings->admit_per_s;

	*admission = (struct admission){
		.handshakes = { per_s, MAX(per_s / BURST_PARTS, 1) },
		.hellos = { per_s, per_s },
		.most_wait_ms = MIN((uint64_t)WAIT_MAX_MS, settings->deadline_ms / 2),
		.spread_ms = settings->reconnect_spread_ms,
	};
}

/* Those who are sent away come back at different times. */
static bool come_again(const struct admission *admission, uint64_t wait_us, uint64_t *wait_ms)
{
	uint32_t random;

	crypto_random(&random, sizeof(random));
	*wait_ms = wait_us / 1000 + 1 + random % (admission->spread_ms + 1);
	metric_add(METRIC_admissions_refused_total, 1);
	return false;
}

bool admission_handshake(struct admission *admission, uint64_t *wait_ms)
{
	uint64_t wait_us;

	if (!rate_book(&admission->handshakes, &admission->handshakes_at, clock_mono_ms() * 1000,
		       admission->most_wait_ms * 1000, &wait_us))
		return come_again(admission, wait_us, wait_ms);
	*wait_ms = (wait_us + 999) / 1000;
	if (*wait_ms > 0)
		metric_add(METRIC_admissions_delayed_total, 1);
	return true;
}

bool admission_hello(struct admission *admission, uint64_t *wait_ms)
{
	uint64_t wait_us;

	*wait_ms = 0;
	return rate_take(&admission->hellos, &admission->hellos_at, clock_mono_ms() * 1000, &wait_us) ||
	       come_again(admission, wait_us, wait_ms);
}
