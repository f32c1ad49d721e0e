/* session_clock.c - the one timer of a channel: whatever comes first.
 *
 *     no hello -> closed;  the token is about to end -> token_will_expire;  it ends -> the
 *     registration ends, and the channel with the last call;  a ring's end -> cancel
 */
#include "presence-svc/session_private.h"

#include <utlist.h>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/model/settings.h"
#include "presence-svc/channel_watch.h"
#include "presence-svc/farewell.h"
#include "presence-svc/frame.h"

enum { WARN_BEFORE_S = 10 };

static void earliest(uint64_t *at, uint64_t candidate)
{
	*at = *at ? MIN(*at, candidate) : candidate;
}

static uint64_t token_time_ms(const struct session *session)
{
	const uint64_t now_s = clock_wall_s();
	const uint64_t at_s = session->warned ? session->expires_at_s : session->expires_at_s - WARN_BEFORE_S;

	return clock_mono_ms() + (at_s > now_s ? (at_s - now_s) * 1000 : 0);
}

void session_rearm(struct session *session)
{
	const uint64_t now = clock_mono_ms();
	struct session_leg *leg;
	uint64_t at = 0;

	if (!session->timer)
		return;
	if (!session->admitted && !session->busy) /* a hello that is worked on has its own deadline */
		earliest(&at, session->opened_ms + worker_common(session->worker)->settings->hello_ms);
	else if (session->admitted && !session->expired)
		earliest(&at, token_time_ms(session));
	LL_FOREACH(session->legs, leg)
	{
		if (leg->role == LEG_IS_RUNG || leg->role == LEG_IS_OVER)
			earliest(&at, leg->stop_ms);
	}
	if (at)
		loop_timer_start(session->timer, at > now ? at - now : 1);
	else
		loop_timer_stop(session->timer);
}

static void warn(struct session *session)
{
	const uint64_t now_s = clock_wall_s();
	struct frame frame;

	session->warned = true;
	frame_begin(&frame, "token_will_expire");
	json_int(&frame.w, "seconds",
		 session->expires_at_s > now_s ? (int64_t)(session->expires_at_s - now_s) : 0);
	frame_send(&frame, session->ws);
}

/* The registration ends with the token; a call that is under way outlives it. */
static void expire(struct session *session)
{
	session->expired = true;
	channel_watch_end(session);
	frame_error(session->ws, (struct frame_re){ .given = false }, ERR_TOKEN_EXPIRED, "", NULL);
	session_farewell(session, FAREWELL_EXPIRED);
	session_close_if_done(session);
}

void session_on_timer(void *arg)
{
	struct session *session = arg;

	if (!session->admitted) {
		if (!session->busy) {
			frame_error(session->ws, (struct frame_re){ .given = false }, ERR_NOT_HELLO,
				    "no hello came in time", NULL);
			ws_close(session->ws, CLOSE_POLICY, "no hello");
			return;
		}
	} else if (!session->expired && clock_wall_s() >= session->expires_at_s) {
		expire(session);
	} else if (!session->warned && clock_wall_s() + WARN_BEFORE_S >= session->expires_at_s) {
		warn(session);
	}
	session_stop_late_rings(session);
	session_rearm(session);
}
