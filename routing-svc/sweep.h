/* sweep.h - looks at the shards' shared deadlines, so that no call waits for a bridge that is gone.
 *
 * A shard's first node takes what is SWEEP_FIRST_MS overdue, its second what is
 * SWEEP_SECOND_MS overdue.  An owner that is on time is never disturbed.
 */
#pragma once

#include "common/model/patrol.h"

enum { SWEEP_FIRST_MS = 300, SWEEP_SECOND_MS = 600 };

struct patrol *sweep_new(struct worker *worker);         /* ended by patrol_free */
