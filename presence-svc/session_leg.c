/* session_leg.c - the legs of calls that a channel knows, and what reaches it from elsewhere. */
#include "presence-svc/session_private.h"

#include <utlist.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/model/call.h"
#include "presence-svc/frame.h"

enum { RING_SPARE_MS = 800, AWAITED_MS = 10000 };

static struct session_leg *leg_find_any(struct session *session, struct sid leg)
{
	struct session_leg *one;

	LL_FOREACH(session->legs, one)
	{
		if (sid_eq(one->leg, leg))
			return one;
	}
	return NULL;
}

struct session_leg *session_leg_find(struct session *session, struct sid leg)
{
	struct session_leg *one = leg_find_any(session, leg);

	return one && one->role != LEG_IS_OVER ? one : NULL;
}

static bool has_live_leg(const struct session *session)
{
	const struct session_leg *one;

	LL_FOREACH(session->legs, one)
	{
		if (one->role != LEG_IS_OVER)
			return true;
	}
	return false;
}

static void leg_forget(struct session *session, struct session_leg *leg)
{
	LL_DELETE(session->legs, leg);
	session->n_legs--;
	x_free(leg);
}

bool session_leg_room(struct session *session)
{
	struct session_leg *one, *oldest_over = NULL;

	if (session->n_legs < SESSION_LEGS_MAX)
		return true;
	LL_FOREACH(session->legs, one)
	{
		if (one->role == LEG_IS_OVER)
			oldest_over = one;
	}
	if (oldest_over)
		leg_forget(session, oldest_over);
	return oldest_over != NULL;
}

void session_leg_add(struct session *session, struct sid leg, enum leg_role role, uint64_t stop_ms)
{
	struct session_leg *one = x_alloc(sizeof(*one));

	*one = (struct session_leg){ .leg = leg, .role = role, .stop_ms = stop_ms };
	LL_PREPEND(session->legs, one);
	session->n_legs++;
	session_rearm(session);
}

void session_leg_await(struct session *session, struct sid leg)
{
	session_leg_add(session, leg, LEG_IS_RUNG, clock_mono_ms() + AWAITED_MS);
	session->legs->awaited = true;
}

void session_close_if_done(struct session *session)
{
	if (session->expired && !has_live_leg(session) && session->ws)
		ws_close(session->ws, CLOSE_POLICY, "token expired");
}

static void leg_over(struct session *session, struct session_leg *leg)
{
	session_leg_beside_over(session, leg);
	if (leg->stop_ms > clock_mono_ms())
		leg->role = LEG_IS_OVER;
	else
		leg_forget(session, leg);
}

void session_leg_over(struct session *session, struct sid leg)
{
	struct session_leg *one = session_leg_find(session, leg);

	if (!one)
		return;
	leg_over(session, one);
	session_close_if_done(session);
}

static void cancel_frame(struct session *session, struct sid leg, struct str reason)
{
	struct frame frame;

	frame_begin(&frame, "cancel");
	json_str(&frame.w, "call", sid_str(&leg));
	json_str(&frame.w, "reason", reason);
	frame_send(&frame, session->ws);
}

void session_leg_stopped(struct session *session, struct sid leg, struct str reason)
{
	cancel_frame(session, leg, reason);
}

void session_leg_lost(struct session *session, struct session_leg *leg)
{
	struct frame frame;

	if (leg->role == LEG_IS_RUNG) { /* perhaps it rings on there */
		cancel_frame(session, leg->leg, STR("client_lost"));
		call_device_gone(session->worker, sid_call_of(leg->leg), session->device);
	} else {
		frame_begin(&frame, "hangup");
		json_str(&frame.w, "call", sid_str(&leg->leg));
		json_str(&frame.w, "reason", STR("client_lost"));
		frame_send(&frame, session->ws);
	}
	session_leg_over(session, leg->leg);
}

void session_stop_late_rings(struct session *session)
{
	const uint64_t now = clock_mono_ms();
	struct session_leg *leg, *next;

	LL_FOREACH_SAFE(session->legs, leg, next)
	{
		if ((leg->role != LEG_IS_RUNG && leg->role != LEG_IS_OVER) || leg->stop_ms > now)
			continue;
		if (leg->role == LEG_IS_RUNG)
			cancel_frame(session, leg->leg, STR("timeout"));
		leg_forget(session, leg);
	}
	session_close_if_done(session);
}

/* The calls of a device without a registration hold no claim: they are told by its legs. */
void session_legs_tell_gone(struct session *session)
{
	struct session_leg *leg;

	LL_FOREACH(session->legs, leg)
	call_device_gone(session->worker, sid_call_of(leg->leg), session->device);
}

void session_legs_free(struct session *session)
{
	while (session->legs) {
		struct session_leg *leg = session->legs;

		session->legs = leg->next;
		x_free(leg);
	}
}

/* ---- from elsewhere ---- */

static uint64_t ring_stop_ms(const struct json *msg)
{
	int64_t ring_ms = 0;

	(void)!json_integer(json_get(msg, "ring_ms"), &ring_ms);
	return clock_mono_ms() + (uint64_t)MAX(ring_ms, 0) + RING_SPARE_MS;
}

/* False: the same ring again. */
static bool note_ring(struct session *session, struct sid id, const struct json *msg)
{
	struct session_leg *leg = leg_find_any(session, id);

	if (!leg && session_leg_room(session)) {
		session_leg_add(session, id, LEG_IS_RUNG, ring_stop_ms(msg));
		return true;
	}
	if (!leg || !leg->awaited)
		return false;
	leg->awaited = false;
	leg->stop_ms = ring_stop_ms(msg);
	session_rearm(session);
	return true;
}

/* False: the same answer again.  A caller's leg is answered anew by each ring. */
static bool note_answer(struct session_leg *leg, int64_t attempt)
{
	if (attempt && attempt <= leg->answered)
		return false;
	leg->answered = attempt;
	if (leg->role == LEG_IS_RUNG)
		leg->role = LEG_IS_TALKING;
	return true;
}

/* What a message means for the legs; false when it must not be passed on. */
static bool note_leg(struct session *session, struct str type, struct sid id, const struct json *msg,
		     int64_t attempt)
{
	struct session_leg *leg = session_leg_find(session, id);

	if (str_eq(type, STR("incoming")))
		return note_ring(session, id, msg);
	if (!leg)
		return false;
	if (str_eq(type, STR("cancel")) || str_eq(type, STR("hangup"))) {
		const bool fits = str_eq(type, STR("hangup")) || leg->role == LEG_IS_RUNG;

		if (fits)
			leg_over(session, leg);
		return fits;
	}
	return !str_eq(type, STR("answered")) || note_answer(leg, attempt);
}

static void deliver(struct worker *worker, struct sid device, const struct json *msg, int64_t attempt)
{
	const struct str type = json_string(json_get(msg, "type"));
	struct session *session = session_by_device(worker, device);
	struct sid call;

	if (session_message_pass(worker, device, msg) ||
	    !sid_parse(json_string(json_get(msg, "call")), "CA", &call))
		return;
	if (!session || !session->ws) {
		if (str_eq(type, STR("incoming")))
			call_device_gone(worker, sid_call_of(call), device);
		return;
	}
	if (str_eq(type, STR("cancel")) && str_eq(json_string(json_get(msg, "reason")), STR("unreachable")))
		session_suspected(session); /* also when that is said again: it was marked again, too */
	if (note_leg(session, type, call, msg, attempt))
		frame_pass(msg, session->ws);
	session_close_if_done(session); /* how its last call ended is the last that it hears */
}

void sessions_on_message(void *arg, struct str text)
{
	struct worker *worker = arg;
	struct json *message;
	struct sid device;
	int64_t attempt = 0;

	if (json_parse(text, &message, NULL) != ERR_NONE) {
		log_error("inbox_unreadable", "bytes=%zu", text.n);
		return;
	}
	(void)!json_integer(json_get(message, "attempt"), &attempt);
	if (sid_parse(json_string(json_get(message, "to")), "DV", &device) && json_get(message, "msg"))
		deliver(worker, device, json_get(message, "msg"), attempt);
	json_free(message);
}
