/* session_beside.c - a call that a client makes beside the one that it is in.
 *
 * A device has one claim, which is of its first call.  When that call ends first, the claim goes on to
 * the one beside it, without the device being free between:
 *
 *     leg over -> claim_take (leaving the call that is over) -> on_taken
 */
#include "common/model/call.h"
#include "common/model/job.h"
#include "common/model/presence.h"
#include "presence-svc/session_private.h"

enum { CLAIM_MS = 30000 };

struct passing {
	struct sid account, device, leg;
	char identity[IDENTITY_MAX + 1];
	struct claim_result claim;
};

static void on_released(struct flow *job)
{
	flow_done(job);
}

static void release(struct flow *job)
{
	const struct passing *passing = job->state;
	const struct client_key client = { passing->account, str_of(passing->identity) };

	claim_settle(job, client, passing->device, sid_call_of(passing->leg), 0, CLAIM_RELEASE,
		     STEP(on_released));
}

/* That call may have ended meanwhile, before it had a claim to let go. */
static void on_taken(struct flow *job)
{
	const struct passing *passing = job->state;
	struct session *session = session_by_device(job->worker, passing->device);

	if (session && session_leg_find(session, passing->leg))
		flow_done(job);
	else
		release(job);
}

static struct flow *job_for(struct session *session, struct sid leg)
{
	struct flow *job = job_new(session->worker, "claim_pass", sizeof(struct passing));
	struct passing *passing = job->state;

	*passing = (struct passing){ .account = session->account, .device = session->device, .leg = leg };
	(void)!str_copy(str_of(session->identity), passing->identity, sizeof(passing->identity));
	return job;
}

static struct session_leg *leg_beside(struct session *session)
{
	struct session_leg *leg;

	for (leg = session->legs; leg; leg = leg->next) {
		if (leg->claim == CLAIM_OF_ANOTHER && leg->role != LEG_IS_OVER)
			return leg;
	}
	return NULL;
}

static void pass_claim(struct session *session, struct session_leg *leg, struct sid from)
{
	struct flow *job = job_for(session, leg->leg);
	struct passing *passing = job->state;

	leg->claim = CLAIM_PASSED;
	claim_take(job,
		   &(struct claim_ask){ .client = { passing->account, str_of(passing->identity) },
					.call = sid_call_of(leg->leg),
					.fence = 1,
					.engage = true,
					.hold_ms = CLAIM_MS,
					.device = passing->device,
					.most = 1,
					.leaves = sid_call_of(from) },
		   &passing->claim, STEP(on_taken));
}

void session_leg_beside_over(struct session *session, const struct session_leg *over)
{
	struct session_leg *next;

	if (session->registration <= 0 || over->role == LEG_IS_RUNG)
		return;
	if (over->claim == CLAIM_PASSED) /* perhaps its end came before the claim */
		release(job_for(session, over->leg));
	next = over->claim == CLAIM_OF_ANOTHER ? NULL : leg_beside(session);
	if (next)
		pass_claim(session, next, over->leg);
}

void session_legs_beside_gone(struct session *session)
{
	const struct session_leg *leg;

	for (leg = session->legs; leg; leg = leg->next) {
		if (leg->claim == CLAIM_OF_ANOTHER)
			call_device_gone(session->worker, sid_call_of(leg->leg), session->device);
	}
}
