/* session.c - the life of a channel, and all channels of a worker. */
#include "presence-svc/session_private.h"

#include <utlist.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/client_token.h"
#include "common/model/limits.h"
#include "common/model/settings.h"
#include "presence-svc/channel_watch.h"
#include "presence-svc/frame.h"
#include "presence-svc/reassert.h"
#include "presence-svc/recheck.h"

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
	session->timer = loop_timer_new(worker->loop, session_on_timer, session);
	DL_APPEND(sessions->all, session);
	sessions->count++;
	ws_set_arg(ws, session);
	session_rearm(session);
	if (worker->draining)
		ws_close(ws, CLOSE_RESTART, "draining");
}

bool session_count(struct session *session, struct sid account)
{
	session->account = account;
	session->counted = limits_hold(worker_common(session->worker)->limits, account);
	return session->counted;
}

void session_admit(struct session *session, const struct client_token *token)
{
	channel_watch_admit(session, token);
	session->warned = false;
	session->account = token->account;
	session->application = token->application;
	session->may_call = sid_is_set(token->application);
	session->expires_at_s = token->expires_at_s;
	x_free(session->parameters);
	session->parameters = NULL;
	if (token->parameters.n > 2) {
		session->parameters = x_alloc(token->parameters.n + 1);
		memcpy(session->parameters, token->parameters.p, token->parameters.n);
	}
}

void session_registered(struct session *session, int64_t registration)
{
	session->registration = registration;
	metric_add(METRIC_devices_held, 1);
}

bool session_unregistered(struct session *session)
{
	const bool was = session->registration != 0;

	if (session->registration > 0)
		metric_add(METRIC_devices_held, -1);
	session->registration = 0;
	return was;
}

void session_farewell(struct session *session, enum farewell_kind kind)
{
	const int64_t registration = session->registration > 0 ? session->registration : 0;

	if (session_unregistered(session))
		farewell(app_of(session->worker)->farewells, session_client(session), session->device,
			 registration, kind);
}

void session_replaced(struct session *session)
{
	HASH_DELETE(hh, sessions_of(session->worker)->by_device, session);
	session_unregistered(session);
	session->device.s[0] = '\0';
	session_close(session, CLOSE_POLICY, "replaced");
}

void session_bind(struct session *session, struct sid device)
{
	struct sessions *sessions = sessions_of(session->worker);
	struct session *old;

	HASH_FIND(hh, sessions->by_device, device.s, SID_LEN, old);
	if (old && old != session) /* the device came back before its old socket was found dead */
		session_replaced(old);
	session->device = device;
	HASH_ADD(hh, sessions->by_device, device.s, SID_LEN, session);
}

struct session *session_by_device(struct worker *worker, struct sid device)
{
	struct session *session;

	HASH_FIND(hh, sessions_of(worker)->by_device, device.s, SID_LEN, session);
	return session;
}

bool sessions_hold(struct worker *worker, struct sid device)
{
	return session_by_device(worker, device) != NULL;
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
	session_legs_free(session);
	x_free(session->messages);
	x_free(session->parameters);
	x_free(session->profile);
	x_free(session->token_id);
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

static void leave(struct session *session)
{
	struct sessions *sessions = sessions_of(session->worker);

	if (session->device.s[0])
		HASH_DELETE(hh, sessions->by_device, session);
	if (sessions->drain_next == session)
		sessions->drain_next = session->next;
	DL_DELETE(sessions->all, session);
	sessions->count--;
	channel_watch_end(session);
	recheck_forget(session);
	reassert_forget(session);
	if (session->counted)
		limits_let_go(worker_common(session->worker)->limits, session->account);
	if (session->registration)
		session_legs_beside_gone(session);
	if (session->registration)
		session_farewell(session, FAREWELL_CLOSED);
	else if (session->device.s[0])
		session_legs_tell_gone(session);
}

/* Nothing of it waits for the peer to close: a message at work ends here too. */
void session_revoke(struct session *session, enum err err)
{
	if (session->revoked)
		return;
	session->revoked = true;
	log_info("channel_revoked", "acct=%s device=%s err=%s", session->account.s, session->device.s,
		 err_name(err));
	metric_add(METRIC_channels_revoked_total, 1);
	channel_watch_end(session);
	frame_error(session->ws, (struct frame_re){ .given = false }, err, "", NULL);
	if (session->registration)
		session_farewell(session, FAREWELL_REVOKED);
	else
		session_legs_tell_gone(session);
	session_close(session, CLOSE_POLICY, "token revoked");
	if (session->busy)
		flow_abandon(session->busy);
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

const struct ws_ops session_ops = { on_open, on_text, on_close, session_heard };

/* ---- all of a worker ---- */

struct sessions *sessions_new(struct worker *worker, session_receive_fn *receive)
{
	struct sessions *sessions = x_alloc(sizeof(*sessions));

	sessions->worker = worker;
	sessions->receive = receive;
	sessions->drain_timer = loop_timer_new(worker->loop, sessions_drain_tick, sessions);
	return sessions;
}

size_t sessions_count(const struct sessions *sessions)
{
	return sessions->count;
}

/* What a drain did not end in time is cut; the sockets' last callbacks find no worker any more. */
struct sessions *sessions_free(struct sessions *sessions)
{
	struct session *session, *next;

	if (!sessions)
		return NULL;
	loop_timer_free(sessions->drain_timer);
	HASH_CLEAR(hh, sessions->by_device);
	DL_FOREACH_SAFE(sessions->all, session, next)
	{
		DL_DELETE(sessions->all, session);
		session->timer = loop_timer_free(session->timer);
		forget_waiting(session);
		channel_watch_end(session);
		session->worker = NULL;
		ws_drop(session->ws);
	}
	x_free(sessions);
	return NULL;
}
