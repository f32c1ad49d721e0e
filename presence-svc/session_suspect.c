/* session_suspect.c - a device that did not acknowledge its ring cannot be rung until its channel is heard.
 *
 *     cancel "unreachable" -> session_suspected ... a byte -> session_heard -> device_update (nothing but that) -> on_told
 *
 * The bridge has marked the device before the cancel was sent; whoever holds its channel takes the mark away.
 */
#include "common/model/job.h"
#include "presence-svc/session_private.h"

struct heard {
	struct sid account, device;
	char identity[IDENTITY_MAX + 1];
	int64_t registration;
	struct device_profile nothing_new;
	struct device_state state;
};

void session_suspected(struct session *session)
{
	if (session->ws)
		ws_await_byte(session->ws);
}

static void on_told(struct flow *job)
{
	flow_done(job);
}

/* The store is away: the byte after this one is as good. */
static void on_failed(struct flow *job, enum err err)
{
	const struct heard *heard = job->state;
	struct session *session = session_by_device(job->worker, heard->device);

	if (err != ERR_NO_SUCH_DEVICE && err != ERR_CLOSED && session)
		session_suspected(session);
}

void session_heard(void *arg)
{
	struct session *session = arg;
	struct heard *heard;
	struct flow *job;

	if (!session || !session->worker || session->registration <= 0)
		return;
	job = job_new(session->worker, "device_heard", sizeof(*heard));
	heard = job->state;
	job_on_failed(job, on_failed);
	heard->account = session->account;
	heard->device = session->device;
	heard->registration = session->registration;
	(void)!str_copy(str_of(session->identity), heard->identity, sizeof(heard->identity));
	device_update(job, (struct client_key){ heard->account, str_of(heard->identity) }, heard->device,
		      heard->registration, &heard->nothing_new, (struct device_lease){ 0 }, &heard->state,
		      STEP(on_told));
}
