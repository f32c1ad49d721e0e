/* channel.c - the table of messages, and how one is received, answered and ended. */
#include "presence-svc/channel.h"

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/settings.h"
#include "presence-svc/app.h"

enum { MESSAGE_ARENA_MAX = 1024 * 1024, FRAME_MAX = 256 * 1024, CLOSE_POLICY = 1008 };

static message_fn ack, not_yet;

static const struct {
	const char *type;
	message_fn *fn;
	bool before_hello;
} messages[] = {
	{ "hello", channel_hello, true },
	{ "status", channel_status, false },
	{ "token", channel_token, false },
	{ "call", channel_call, false },
	{ "ringing", channel_ringing, false },
	{ "answer", channel_answer, false },
	{ "reject", channel_reject, false },
	{ "hangup", channel_hangup, false },
	{ "candidate", channel_candidate, false },
	{ "ack", ack, false },
	{ "watch", not_yet, false },
	{ "unwatch", not_yet, false },
};

/* ---- frames ---- */

void frame_begin(struct frame *frame, const char *type)
{
	buf_init(&frame->text, FRAME_MAX);
	json_begin(&frame->w, &frame->text);
	json_object(&frame->w);
	json_str(&frame->w, "type", str_of(type));
}

void frame_reply(struct frame *frame, const char *type, const struct message *message)
{
	frame_begin(frame, type);
	if (message->has_id)
		json_int(&frame->w, "re", message->id);
}

void frame_send(struct frame *frame, struct session *session)
{
	json_object_end(&frame->w);
	if (session->ws && buf_ok(&frame->text))
		ws_send(session->ws, buf_str(&frame->text));
	buf_fini(&frame->text);
}

void channel_ok(struct message *message, struct frame *frame_or_null)
{
	struct frame frame;

	if (!frame_or_null) {
		frame_reply(&frame, "ok", message);
		frame_or_null = &frame;
	}
	frame_send(frame_or_null, message->session);
	flow_done(&message->flow);
}

void channel_error(struct session *session, const struct message *message_or_null, enum err err,
		   const char *detail)
{
	struct frame frame;

	frame_begin(&frame, "error");
	if (message_or_null && message_or_null->has_id)
		json_int(&frame.w, "re", message_or_null->id);
	json_int(&frame.w, "code", err_code(err));
	json_str(&frame.w, "message", str_of(detail[0] ? detail : err_text(err)));
	frame_send(&frame, session);
	metrics_count_error(err);
}

/* ---- one message as a flow ---- */

static void on_fail(struct flow *flow, enum err err, const char *detail)
{
	struct message *message = message_of(flow);
	struct session *session = message->session;

	log_info("channel_refused", "type=%s err=%s", log_str(json_string(json_get(message->doc, "type"))),
		 err_name(err));
	channel_error(session, message, err, detail);
	if (!session->admitted && session->ws)
		ws_close(session->ws, CLOSE_POLICY, "not admitted");
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

static void ack(struct message *message)
{
	channel_ok(message, NULL);
}

static void not_yet(struct message *message)
{
	flow_fail(&message->flow, ERR_NOT_IMPLEMENTED, "watching comes with a later version");
}

static void dispatch(struct flow *flow)
{
	struct message *message = message_of(flow);
	const struct str type = json_string(json_get(message->doc, "type"));

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
	channel_error(session, NULL, ERR_BAD_FRAME, why);
	if (!session->admitted)
		ws_close(session->ws, CLOSE_POLICY, "not admitted");
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
	message->has_id = json_integer(json_get(doc, "id"), &message->id);
	session->busy = message;
	flow_init(&message->flow, &channel_kind, session->worker, arena_new(MESSAGE_ARENA_MAX), message);
	flow_deadline(&message->flow, settings->deadline_ms);
	flow_log(&message->flow, "acct", sid_str(&session->account));
	flow_log(&message->flow, "device", sid_str(&session->device));
	flow_next(&message->flow, STEP(dispatch));
}
