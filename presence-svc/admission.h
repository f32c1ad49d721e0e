/* admission.h - how fast this worker lets channels in.
 *
 * After an instance has died its clients come to the others as a herd.  They are let
 * in at ADMIT_PER_S: handshakes wait for their turn, in order; who would wait too
 * long, and a hello that came around the queue, is told when to come again.  Who is
 * connected already notices nothing.
 */
#pragma once

#include "common/base/rate.h"
#include "common/model/settings.h"

struct admission {                       /* of one worker */
	struct rate handshakes, hellos;
	uint64_t handshakes_at, hellos_at;
	uint64_t most_wait_ms, spread_ms;
};

void admission_init(struct admission *admission, const struct settings *settings);

/* The turn of a handshake is in *wait_ms (0: now).  False: it has to come again, in *wait_ms. */
MUST_USE bool admission_handshake(struct admission *admission, uint64_t *wait_ms);
/* A hello that is to register a device may.  False: it has to come again, in *wait_ms. */
MUST_USE bool admission_hello(struct admission *admission, uint64_t *wait_ms);
