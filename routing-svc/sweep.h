/* sweep.h - looks at the shards' shared deadlines, so that no call waits for a bridge that is gone.
 *
 * Shards are divided over the live routing nodes by rendezvous: the first takes
 * what is SWEEP_FIRST_MS overdue, the second what is SWEEP_SECOND_MS overdue (the
 * first may be the one that died).  An owner that is on time is never disturbed.
 */
#pragma once

#include "common/io/worker.h"

enum { SWEEP_FIRST_MS = 300, SWEEP_SECOND_MS = 600 };

struct sweep;
struct sweep *sweep_new(struct worker *worker);
struct sweep *sweep_free(struct sweep *sweep);
