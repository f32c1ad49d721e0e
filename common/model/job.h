/* job.h - a flow that nobody waits for: cleaning up, sweeping, delivering.
 *
 * It has an arena of its own, a deadline, and ends by itself: flow_done at the
 * end of its last step.  A failure is logged once, here, and told to on_failed.
 */
#pragma once

#include "common/io/flow.h"

/* The cap is for a round of a call, which reads a record of up to 300 KB some twenty times. */
enum { JOB_ARENA_MAX = 32 * 1024 * 1024, JOB_DEADLINE_MS = 10000 };

/* name is a literal, for the log.  The job runs from its first flow_next or I/O. */
struct flow *job_new(struct worker *worker, const char *name, size_t state_size) MUST_USE;
/* fn runs after the log line, while the job's state can still be read */
void job_on_failed(struct flow *job, void (*fn)(struct flow *job, enum err err));
