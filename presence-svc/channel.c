/* channel.c - the table of messages, and how one is received, answered and ended. */
#include "presence-svc/channel.h"

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/limits.h"
#include "common/model/settings.h"
#include "presence-svc/app.h"

enum { MESSAGE_ARENA_MAX = 1024 * 1024, CLOSE_POLICY = 1008, CLOSE_TRY_AGAIN = 1013 };

static const struct {
	const char *type;
	message_fn *fn;
	bool before_hello;
} messages[] = {
	{ "hello", channel_hello, true },
	{ "status", channel_status, false },
	{ "unregister", channel_unregister, false },
	{ "token", channel_token, false },
	{ "call", channel_call, false },
	{ "ringing", channel_ringing, false },
	{ "answer", channel_answer, false },
	{ "reject", channel_reject, false },
	{ "hangup", channel_hangup, false },
	{ "candidate", channel_candidate, false },
	{ "update", channel_update, false },
	{ "hold", channel_hold, false },
	{ "resume", channel_resume, false },
	{ "transfer", channel_transfer, false },
	{ "message", channel_message, false },
	{ "ack", channel_ack, false },
	{ "watch", channel_watch, false },
	{ "unwatch", channel_unwatch, false },
};

/* ---- replies ---- */

void channel_reply(struct message *message, struct frame *frame, const char *type)
{
	frame_reply(frame, type, message->re);
}

void channel_ok(struct message *message, struct frame *frame_or_null)
{
	struct frame frame;

	if (!frame_or_null) {
		frame_reply(&frame, "ok", message->re);
		frame_or_null = &frame;
	}
	frame_send(frame_or_null, message->session->ws);
	flow_done(&message->flow);
}

void channel_fail_field(struct message *message, const struct json_fault *fault)
{
	message->field = arena_cstr(message->flow.arena, str_of(fault->field));
	flow_fail(&message->flow, fault->missing ? ERR_MISSING_FIELD : ERR_BAD_FIELD, "%s %s", fault->field,
		  fault->why);
}

void channel_fail_until(struct message *message, enum err err, uint64_t retry_after_ms, const char *why)
{
	message->retry_after_ms = retry_after_ms;
	flow_fail(&message->flow, err, "%s", why);
}

/* ---- one message as a flow ---- */

void channel_log(struct message *message)
{
	flow_log(&message->flow, "acct", sid_str(&message->session->account));
	flow_log(&message->flow, "device", sid_str(&message->session->device));
}

static void on_fail(struct flow *flow, enum err err, const char *detail)
{
	struct message *message = message_of(flow);
	struct session *session = message->session;

	log_info("channel_refused", "type=%s err=%s", log_str(json_string(json_get(message->doc, "type"))),
		 err_name(err));
	if (message->retry_after_ms)
		frame_error_until(session->ws, message->re, err, detail, message->retry_after_ms);
	else
		frame_error(session->ws, message->re, err, detail, message->field);
	if (!session->admitted)
		session_close(session, message->retry_after_ms ? CLOSE_TRY_AGAIN : CLOSE_POLICY,
			      "not admitted");
}

static void on_end(struct flow *flow)
{
	struct message *message = message_of(flow);
	struct session *session = message->session;

	json_free(message->doc);
	arena_free(flow->arena);
	x_free(message);
	session_next(session);
}

static const struct flow_kind channel_kind = { "channel", on_fail, on_end };

static bool is_too_many(struct message *message)
{
	const struct session *session = message->session;
	const uint64_t wait_ms = limits_take(worker_common(session->worker)->limits, LIMIT_IDENTITY,
					     sid_str(&session->account), str_of(session->identity));

	if (wait_ms > 0)
		channel_fail_until(message, ERR_TOO_MANY_REQUESTS, wait_ms,
				   "too many messages of this client");
	return wait_ms > 0;
}

static void dispatch(struct flow *flow)
{
	struct message *message = message_of(flow);
	const struct str type = json_string(json_get(message->doc, "type"));

	if (message->session->admitted && is_too_many(message))
		return;
	for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
		if (!str_eq(type, str_of(messages[i].type)))
			continue;
		if (message->session->admitted != messages[i].before_hello)
			messages[i].fn(message);
		else if (message->session->admitted)
			flow_fail(flow, ERR_CONFLICT, "hello was said already");
		else
			flow_fail(flow, ERR_NOT_HELLO, "");
		return;
	}
	flow_fail(flow, message->session->admitted ? ERR_UNKNOWN_TYPE : ERR_NOT_HELLO, "");
}

static void refuse(struct session *session, const char *why)
{
	frame_error(session->ws, (struct frame_re){ .given = false }, ERR_BAD_FRAME, why, NULL);
	if (!session->admitted)
		session_close(session, CLOSE_POLICY, "not admitted");
}

void channel_receive(struct session *session, struct str text)
{
	const struct settings *settings = worker_common(session->worker)->settings;
	struct message *message;
	struct json *doc;

	if (json_parse(text, &doc, NULL) != ERR_NONE)
		doc = NULL;
	if (!doc || !json_is_object(doc)) {
		refuse(session, "the message is not a JSON object");
		json_free(doc);
		return;
	}
	message = x_alloc(sizeof(*message));
	message->session = session;
	message->doc = doc;
	message->re.given = json_integer(json_get(doc, "id"), &message->re.id);
	session->busy = &message->flow;
	flow_init(&message->flow, &channel_kind, session->worker, arena_new(MESSAGE_ARENA_MAX), message);
	flow_deadline(&message->flow, settings->deadline_ms);
	if (session->admitted)
		channel_log(message);
	flow_next(&message->flow, STEP(dispatch));
}
