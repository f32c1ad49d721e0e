/* reassert.c - rounds over the channels of a worker.
 *
 *     reassert_all -> tick: some channels, each a job: assert -> on_asserted (-> back -> on_back) -> ... -> done
 *
 * A channel whose assertion failed for a while is found by the next walk; a round that
 * begins in mid-walk begins at the front again.
 */
#include "presence-svc/reassert.h"

#include <utlist.h>

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/call.h"
#include "common/model/job.h"
#include "common/model/settings.h"
#include "presence-svc/frame.h"
#include "presence-svc/session_private.h"

enum { TICK_MS = 20, RETRY_MS = 250, AT_ONCE_MAX = 256, LOOK_AT_MAX = 5000 };

struct reassert {
	struct worker *worker;
	unsigned round;	      /* who was last heard in an earlier one is unsettled */
	unsigned moved_round; /* the first one under this node's present id */
	struct session *cursor;
	unsigned at_once;
	bool again; /* somebody was not heard */
	struct loop_timer *timer;
};

struct assertion {
	struct reassert *reassert; /* NULL: made by a message, which goes on afterwards */
	struct flow_step next;	   /* of the message */
	void *state;		   /* of the message */
	struct session *session;   /* of the message */
	struct sid account, device;
	char identity[IDENTITY_MAX + 1];
	int64_t registration;
	unsigned round;
	bool moved; /* calls know the device by another address */
	bool call_is_over;
	struct address own;
	struct device_profile profile;
	struct device_state answer;
	unsigned leg; /* of the call that holds the device */
};

static void on_tick(void *arg);
static void on_asserted(struct flow *job);
static void on_back(struct flow *job);

static struct reassert *reassert_of(const struct session *session)
{
	return app_of(session->worker)->reassert;
}

/* ---- one channel ---- */

static bool is_joined(const struct worker *worker)
{
	const struct app_common *app = worker->app;

	return nodes_is_joined(app->nodes);
}

static bool is_unheard(const struct session *session)
{
	return session->registration > 0 && session->heard_round != reassert_of(session)->round;
}

/* A node that has slept does not know yet what the store holds of it. */
bool reassert_is_due(const struct session *session)
{
	return is_unheard(session) || (session->registration > 0 && !is_joined(session->worker));
}

static void fill(struct assertion *assertion, struct session *session, struct arena *arena)
{
	const struct reassert *reassert = reassert_of(session);

	assertion->account = session->account;
	assertion->device = session->device;
	(void)!str_copy(str_of(session->identity), assertion->identity, sizeof(assertion->identity));
	assertion->registration = session->registration;
	assertion->round = reassert->round;
	assertion->moved = session->heard_round < reassert->moved_round;
	assertion->own = nodes_address(worker_common(session->worker)->nodes);
	session_profile_read(session, arena, &assertion->profile);
}

static void say(struct flow *flow)
{
	struct assertion *assertion = flow->state;
	const struct client_key client = { assertion->account, str_of(assertion->identity) };

	device_assert(flow, client, assertion->device, assertion->registration, assertion->own,
		      &assertion->profile, &assertion->answer, STEP(on_asserted));
}

/* The channel that it is about, if it is still there and the same. */
static struct session *session_of(const struct flow *flow)
{
	const struct assertion *assertion = flow->state;
	struct session *session = session_by_device(flow->worker, assertion->device);

	return session && session->ws && session->registration == assertion->registration ? session : NULL;
}

/* While this node was taken for dead, calls let its devices go and could not tell them. */
static void end_lost_legs(struct session *session, struct sid held_by)
{
	struct session_leg *leg, *next;

	LL_FOREACH_SAFE(session->legs, leg, next)
	{
		if (leg->role != LEG_IS_OVER && !sid_eq(sid_call_of(leg->leg), held_by))
			session_leg_lost(session, leg);
	}
}

static void go_on(struct flow *flow, const struct assertion *assertion)
{
	flow->state = assertion->state;
	flow_run(flow, assertion->next);
}

static void finish(struct flow *flow)
{
	const struct assertion *assertion = flow->state;
	struct session *session = session_of(flow);

	if (session) {
		session->heard_round = assertion->round;
		metric_add(METRIC_devices_reasserted_total, 1);
	}
	if (assertion->reassert) {
		assertion->reassert->at_once--;
		flow_done(flow);
	} else {
		go_on(flow, assertion);
	}
}

static void on_asserted(struct flow *flow)
{
	struct assertion *assertion = flow->state;
	const struct sid call = assertion->answer.claim.call;
	struct session *session = session_of(flow);

	if (session && assertion->moved)
		end_lost_legs(session, call);
	if (!session || !assertion->moved || !sid_is_set(call)) {
		finish(flow);
		return;
	}
	call_tell(flow,
		  &(struct call_event){ .event = "back",
					.leg = call,
					.word = str_of(assertion->own.s),
					.text = sid_str(&assertion->device),
					.leg_out = &assertion->leg,
					.refused = &assertion->call_is_over },
		  STEP(on_back));
}

static void on_back(struct flow *flow)
{
	const struct assertion *assertion = flow->state;
	struct session *session = session_of(flow);

	if (session && assertion->call_is_over)
		end_lost_legs(session, (struct sid){ "" });
	finish(flow);
}

static void when_joined(struct flow *flow)
{
	struct assertion *assertion = flow->state;
	struct session *session = assertion->session;

	if (redis_is_ready(flow->worker->redis) && !is_joined(flow->worker)) {
		flow_sleep(flow, TICK_MS, STEP(when_joined));
	} else if (!is_unheard(session)) {
		go_on(flow, assertion);
	} else {
		fill(assertion, session, flow->arena);
		say(flow);
	}
}

void reassert_now(struct flow *flow, struct session *session, struct flow_step next)
{
	struct assertion *assertion = flow_alloc(flow, sizeof(*assertion));

	assertion->session = session;
	assertion->next = next;
	assertion->state = flow->state;
	flow->state = assertion;
	when_joined(flow);
}

/* ---- a round ---- */

static void on_failed(struct flow *job, enum err err)
{
	const struct assertion *assertion = job->state;
	struct session *session = session_of(job);

	assertion->reassert->at_once--;
	if (err == ERR_CLOSED || !session)
		return;
	if (err == ERR_NO_SUCH_DEVICE)
		session_replaced(session);
	else if (err_http(err) <
		 500) /* the store will not have it: the client hears why when it comes anew */
		session_close(session, CLOSE_RESTART, "the registration was lost");
	else
		assertion->reassert->again = true;
}

static void start(struct reassert *reassert, struct session *session)
{
	struct flow *job = job_new(reassert->worker, "reassert", sizeof(struct assertion));
	struct assertion *assertion = job->state;

	reassert->at_once++;
	job_on_failed(job, on_failed);
	fill(assertion, session, job->arena);
	assertion->reassert = reassert;
	say(job);
}

static void walk(struct reassert *reassert)
{
	const uint64_t per_s = worker_common(reassert->worker)->settings->reassert_per_s;
	uint64_t budget = MAX(per_s * TICK_MS / 1000, 1);

	for (unsigned looked_at = 0;
	     reassert->cursor && looked_at < LOOK_AT_MAX && budget > 0 && reassert->at_once < AT_ONCE_MAX;
	     looked_at++) {
		struct session *session = reassert->cursor;

		reassert->cursor = session->next;
		if (!is_unheard(session))
			continue;
		start(reassert, session);
		budget--;
	}
}

static void begin(struct reassert *reassert)
{
	reassert->again = false;
	reassert->cursor = sessions_of(reassert->worker)->all;
}

static bool store_is_there(const struct reassert *reassert)
{
	return redis_is_ready(reassert->worker->redis) && is_joined(reassert->worker);
}

static void on_tick(void *arg)
{
	struct reassert *reassert = arg;

	if (store_is_there(reassert))
		walk(reassert);
	if (reassert->cursor || reassert->at_once > 0) {
		loop_timer_start(reassert->timer, TICK_MS);
	} else if (reassert->again) {
		begin(reassert);
		loop_timer_start(reassert->timer, RETRY_MS);
	}
}

static void wake(struct reassert *reassert)
{
	begin(reassert);
	loop_timer_start(reassert->timer, 1);
}

void reassert_all(struct reassert *reassert)
{
	reassert->round++;
	wake(reassert);
}

void reassert_all_moved(struct reassert *reassert)
{
	reassert->moved_round = reassert->round + 1;
	reassert_all(reassert);
}

unsigned reassert_round(const struct reassert *reassert)
{
	return reassert->round;
}

void reassert_registered(struct session *session, unsigned round)
{
	session->heard_round = round;
	if (is_unheard(session))
		wake(reassert_of(session));
}

/* ---- life ---- */

void reassert_forget(struct session *session)
{
	struct reassert *reassert = reassert_of(session);

	if (reassert->cursor == session)
		reassert->cursor = session->next;
}

struct reassert *reassert_new(struct worker *worker)
{
	struct reassert *reassert = x_alloc(sizeof(*reassert));

	reassert->worker = worker;
	reassert->timer = loop_timer_new(worker->loop, on_tick, reassert);
	return reassert;
}

struct reassert *reassert_free(struct reassert *reassert)
{
	if (!reassert)
		return NULL;
	loop_timer_free(reassert->timer);
	x_free(reassert);
	return NULL;
}
