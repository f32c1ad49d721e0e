/* call_unmake.c - ends a call whose creator was told that it could not be made.
 *
 *     (pause -> tell -> not there, or no store) ... until it is told, or can come no more
 *
 * The store may have been slow rather than away: then the call is made a moment after its
 * creator has given up, and there would be nobody to hang it up.
 */
#include "common/base/log.h"
#include "common/model/call.h"
#include "common/model/job.h"

enum { FIRST_MS = 250, TRIES = 8, SPARE_MS = 10000 };

struct unmaking {
	struct sid id;
	unsigned tries;
};

static void try(struct worker *worker, struct sid id, unsigned tries);

static void on_told(struct flow *job)
{
	log_info("call_unmade", "");
	flow_done(job);
}

static void tell(struct flow *job)
{
	const struct unmaking *unmaking = job->state;

	call_tell(job,
		  &(struct call_event){ .event = "control", .leg = unmaking->id, .word = STR("completed") },
		  STEP(on_told));
}

static void on_failed(struct flow *job, enum err err)
{
	const struct unmaking *unmaking = job->state;

	if (err != ERR_CLOSED && err != ERR_CALL_STATE && unmaking->tries < TRIES)
		try(job->worker, unmaking->id, unmaking->tries);
}

static void try(struct worker *worker, struct sid id, unsigned tries)
{
	const uint64_t pause_ms = (uint64_t)FIRST_MS << tries;
	struct flow *job = job_new(worker, "call_unmake", sizeof(struct unmaking));
	struct unmaking *unmaking = job->state;

	*unmaking = (struct unmaking){ id, tries + 1 };
	job_on_failed(job, on_failed);
	flow_deadline(job, pause_ms + SPARE_MS);
	flow_log(job, "call", sid_str(&unmaking->id));
	flow_sleep(job, pause_ms, STEP(tell));
}

void call_unmake(struct worker *worker, struct sid id)
{
	try(worker, id, 0);
}
