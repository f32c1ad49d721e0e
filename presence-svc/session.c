/* session.c - the life of a channel, its legs and its clock, and what reaches it from elsewhere. */
#include "presence-svc/session.h"

#include <utlist.h>

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/call.h"
#include "common/model/settings.h"
#include "presence-svc/app.h"
#include "presence-svc/farewell.h"
#include "presence-svc/frame.h"

enum { CLOSE_POLICY = 1008, CLOSE_RESTART = 1012, WARN_BEFORE_S = 10, RING_SPARE_MS = 800 };

struct sessions {
	struct worker *worker;
	session_receive_fn *receive;
	struct session *all;	   /* utlist */
	struct session *by_device; /* uthash */
	size_t count;
};

static void on_timer(void *arg);

static struct sessions *sessions_of(struct worker *worker)
{
	return app_of(worker)->sessions;
}

/* ---- open ---- */

static void on_open(void *arg, struct ws *ws)
{
	struct worker *worker = arg;
	struct sessions *sessions;
	struct session *session;

	if (worker->stopping) {
		ws_set_arg(ws, NULL);
		ws_drop(ws);
		return;
	}
	sessions = sessions_of(worker);
	session = x_alloc(sizeof(*session));
	session->worker = worker;
	session->ws = ws;
	session->waiting_end = &session->waiting;
	session->opened_ms = clock_mono_ms();
	session->timer = loop_timer_new(worker->loop, on_timer, session);
	DL_APPEND(sessions->all, session);
	sessions->count++;
	ws_set_arg(ws, session);
	session_rearm(session);
	if (worker->draining)
		ws_close(ws, CLOSE_RESTART, "draining");
}

void session_bind(struct session *session, struct sid device)
{
	struct sessions *sessions = sessions_of(session->worker);
	struct session *old;

	HASH_FIND(hh, sessions->by_device, device.s, SID_LEN, old);
	if (old && old != session) { /* the device came back before its old socket was found dead */
		HASH_DELETE(hh, sessions->by_device, old);
		if (old->registration > 0)
			metric_add(METRIC_devices_held, -1);
		old->registration = 0;
		old->device.s[0] = '\0';
		session_close(old, CLOSE_POLICY, "replaced");
	}
	session->device = device;
	HASH_ADD(hh, sessions->by_device, device.s, SID_LEN, session);
}

bool sessions_hold(struct worker *worker, struct sid device)
{
	struct session *session;

	HASH_FIND(hh, sessions_of(worker)->by_device, device.s, SID_LEN, session);
	return session != NULL;
}

struct client_key session_client(struct session *session)
{
	return (struct client_key){ session->account, str_of(session->identity) };
}

/* ---- messages in ---- */

static void enqueue(struct session *session, struct str text)
{
	struct waiting *waiting = x_alloc(sizeof(*waiting) + text.n);

	memcpy(waiting->text, text.p, text.n);
	waiting->n = text.n;
	*session->waiting_end = waiting;
	session->waiting_end = &waiting->next;
	session->n_waiting++;
	session->waiting_bytes += text.n;
}

static void on_text(void *arg, struct str text)
{
	struct session *session = arg;

	if (!session->busy)
		sessions_of(session->worker)->receive(session, text);
	else if (session->n_waiting < SESSION_WAITING_MAX &&
		 session->waiting_bytes + text.n <= SESSION_WAITING_BYTES_MAX)
		enqueue(session, text);
	else
		session_close(session, CLOSE_POLICY, "too many messages wait");
}

static struct waiting *dequeue(struct session *session)
{
	struct waiting *waiting = session->waiting;

	session->waiting = waiting->next;
	if (!session->waiting)
		session->waiting_end = &session->waiting;
	session->n_waiting--;
	session->waiting_bytes -= waiting->n;
	return waiting;
}

static void forget_waiting(struct session *session)
{
	while (session->waiting)
		x_free(dequeue(session));
}

void session_close(struct session *session, unsigned code, const char *why)
{
	forget_waiting(session);
	if (session->ws)
		ws_close(session->ws, code, why);
}

static void session_free(struct session *session)
{
	forget_waiting(session);
	while (session->legs) {
		struct session_leg *leg = session->legs;

		session->legs = leg->next;
		x_free(leg);
	}
	x_free(session->parameters);
	x_free(session);
}

void session_next(struct session *session)
{
	session->busy = NULL;
	if (session_is_gone(session)) {
		session_free(session);
		return;
	}
	if (session->waiting && session->worker->stopping)
		forget_waiting(session);
	while (session->waiting && !session->busy) { /* one that cannot be read occupies nobody */
		struct waiting *waiting = dequeue(session);

		sessions_of(session->worker)->receive(session, str_n(waiting->text, waiting->n));
		x_free(waiting);
	}
}

bool session_is_gone(const struct session *session)
{
	return session->ws == NULL;
}

/* ---- close ---- */

/* The calls of a device without a registration hold no claim: they are told by its legs. */
static void tell_calls(struct session *session)
{
	struct session_leg *leg;

	LL_FOREACH(session->legs, leg)
	call_device_gone(session->worker, sid_call_of(leg->leg), session->device);
}

static void leave(struct session *session)
{
	struct sessions *sessions = sessions_of(session->worker);

	if (session->device.s[0])
		HASH_DELETE(hh, sessions->by_device, session);
	DL_DELETE(sessions->all, session);
	sessions->count--;
	if (session->registration) {
		const bool known = session->registration > 0;

		metric_add(METRIC_devices_held, known ? -1 : 0);
		farewell(app_of(session->worker)->farewells, session_client(session), session->device,
			 known ? session->registration : 0, true);
	} else if (session->device.s[0]) {
		tell_calls(session);
	}
}

static void on_close(void *arg, unsigned code)
{
	struct session *session = arg;

	if (!session) /* never opened */
		return;
	if (!session->worker) {
		session->ws = NULL;
		if (!session->busy) /* else session_next frees */
			session_free(session);
		return;
	}
	if (session->admitted)
		log_debug("channel_closed", "acct=%s device=%s code=%u", session->account.s,
			  session->device.s, code);
	else
		log_debug("channel_closed", "code=%u", code);
	leave(session);
	session->ws = NULL;
	session->timer = loop_timer_free(session->timer);
	if (session->busy)
		flow_abandon(session->busy); /* ends in session_next, which frees */
	else
		session_free(session);
}

const struct ws_ops session_ops = { on_open, on_text, on_close };

/* ---- legs ---- */

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

void session_leg_add(struct session *session, struct sid leg, enum leg_role role, uint64_t stop_ms)
{
	struct session_leg *one = x_alloc(sizeof(*one));

	*one = (struct session_leg){ .leg = leg, .role = role, .stop_ms = stop_ms };
	LL_PREPEND(session->legs, one);
	session->n_legs++;
	session_rearm(session);
}

/* A channel whose token has run out stays only for its calls. */
static void close_if_done(struct session *session)
{
	if (session->expired && !has_live_leg(session) && session->ws)
		ws_close(session->ws, CLOSE_POLICY, "token expired");
}

void session_leg_over(struct session *session, struct sid leg)
{
	struct session_leg *one = session_leg_find(session, leg);

	if (!one)
		return;
	if (one->stop_ms > clock_mono_ms())
		one->role = LEG_IS_OVER;
	else
		leg_forget(session, one);
	close_if_done(session);
}

/* ---- the clock ---- */

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

static void cancel_frame(struct session *session, struct sid leg, const char *reason)
{
	struct frame frame;

	frame_begin(&frame, "cancel");
	json_str(&frame.w, "call", sid_str(&leg));
	json_str(&frame.w, "reason", str_of(reason));
	frame_send(&frame, session->ws);
}

/* A ring whose bridge is gone for good must not ring for ever. */
static void stop_late_rings(struct session *session)
{
	const uint64_t now = clock_mono_ms();
	struct session_leg *leg, *next;

	LL_FOREACH_SAFE(session->legs, leg, next)
	{
		if ((leg->role != LEG_IS_RUNG && leg->role != LEG_IS_OVER) || leg->stop_ms > now)
			continue;
		if (leg->role == LEG_IS_RUNG)
			cancel_frame(session, leg->leg, "timeout");
		leg_forget(session, leg);
	}
	close_if_done(session);
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
	frame_error(session->ws, (struct frame_re){ .given = false }, ERR_TOKEN_EXPIRED, "", NULL);
	if (session->registration) {
		metric_add(METRIC_devices_held, -1);
		farewell(app_of(session->worker)->farewells, session_client(session), session->device,
			 session->registration, false);
		session->registration = 0;
	}
	close_if_done(session);
}

static void on_timer(void *arg)
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
	stop_late_rings(session);
	session_rearm(session);
}

/* ---- from elsewhere ---- */

static uint64_t ring_stop_ms(const struct json *msg)
{
	int64_t ring_ms = 0;

	(void)!json_integer(json_get(msg, "ring_ms"), &ring_ms);
	return clock_mono_ms() + (uint64_t)MAX(ring_ms, 0) + RING_SPARE_MS;
}

/* What a message means for the legs; false when it must not be passed on. */
static bool note_leg(struct session *session, struct str type, struct sid id, const struct json *msg)
{
	struct session_leg *leg = session_leg_find(session, id);

	if (str_eq(type, STR("incoming"))) {
		if (leg_find_any(session, id) || session->n_legs >= SESSION_LEGS_MAX)
			return false; /* the same ring again */
		session_leg_add(session, id, LEG_IS_RUNG, ring_stop_ms(msg));
		return true;
	}
	if (!leg)
		return false;
	if (str_eq(type, STR("cancel")) || str_eq(type, STR("hangup"))) {
		const bool fits = str_eq(type, STR("hangup")) || leg->role == LEG_IS_RUNG;

		if (fits)
			session_leg_over(session, id);
		return fits;
	}
	if (str_eq(type, STR("answered")) && leg->role == LEG_IS_RUNG)
		leg->role = LEG_IS_TALKING;
	return true;
}

static void deliver(struct worker *worker, struct sid device, const struct json *msg)
{
	const struct str type = json_string(json_get(msg, "type"));
	struct session *session;
	struct sid call;

	if (!sid_parse(json_string(json_get(msg, "call")), "CA", &call))
		return;
	HASH_FIND(hh, sessions_of(worker)->by_device, device.s, SID_LEN, session);
	if (!session || !session->ws) {
		if (str_eq(type, STR("incoming")))
			call_device_gone(worker, sid_call_of(call), device);
		return;
	}
	if (note_leg(session, type, call, msg))
		frame_pass(msg, session->ws);
}

void sessions_on_message(void *arg, struct str text)
{
	struct worker *worker = arg;
	struct json *message;
	struct sid device;

	if (json_parse(text, &message, NULL) != ERR_NONE) {
		log_error("inbox_unreadable", "bytes=%zu", text.n);
		return;
	}
	if (sid_parse(json_string(json_get(message, "to")), "DV", &device) && json_get(message, "msg"))
		deliver(worker, device, json_get(message, "msg"));
	json_free(message);
}

/* ---- all of a worker ---- */

struct sessions *sessions_new(struct worker *worker, session_receive_fn *receive)
{
	struct sessions *sessions = x_alloc(sizeof(*sessions));

	sessions->worker = worker;
	sessions->receive = receive;
	return sessions;
}

size_t sessions_count(const struct sessions *sessions)
{
	return sessions->count;
}

/* Each client is given a moment of its own to come back, so that they do not come as one herd. */
void sessions_drain(struct sessions *sessions, struct str why)
{
	const uint64_t spread = worker_common(sessions->worker)->settings->reconnect_spread_ms;
	struct session *session, *next;

	DL_FOREACH_SAFE(sessions->all, session, next)
	{
		struct frame frame;
		uint32_t random;

		crypto_random(&random, sizeof(random));
		frame_begin(&frame, "drain");
		json_int(&frame.w, "reconnect_after_ms", (int64_t)(random % (spread + 1)));
		frame_send(&frame, session->ws);
		ws_close(session->ws, CLOSE_RESTART, why.p);
	}
}

/* What a drain did not end in time is cut; the sockets' last callbacks find no worker any more. */
struct sessions *sessions_free(struct sessions *sessions)
{
	struct session *session, *next;

	if (!sessions)
		return NULL;
	HASH_CLEAR(hh, sessions->by_device);
	DL_FOREACH_SAFE(sessions->all, session, next)
	{
		DL_DELETE(sessions->all, session);
		session->timer = loop_timer_free(session->timer);
		forget_waiting(session);
		session->worker = NULL;
		ws_drop(session->ws);
	}
	x_free(sessions);
	return NULL;
}
