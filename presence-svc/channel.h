/* channel.h - the messages of the client channel (docs/asyncapi.yaml), one handler each.
 *
 * A message is a flow: its handler's steps end in one reply (channel_ok or a frame)
 * or in flow_fail, which sends an error frame.  When the socket closes meanwhile,
 * the flow is abandoned.
 */
#pragma once

#include "presence-svc/frame.h"
#include "presence-svc/session.h"

struct message {
	struct flow flow;
	struct session *session;
	struct json *doc;
	struct frame_re re;
	const char *field;               /* of the message, that an error is about; NULL: none */
	uint64_t retry_after_ms;         /* of an error: when to try again; 0: not told */
};

/* Works on one text; when it is done, session_next. */
session_receive_fn channel_receive;

/* Replies and ends the flow; frame NULL: a plain "ok". */
void channel_ok(struct message *message, struct frame *frame_or_null);
void channel_reply(struct message *message, struct frame *frame, const char *type);      /* begins a frame with "re" */
void channel_fail_field(struct message *message, const struct json_fault *fault);
void channel_fail_until(struct message *message, enum err err, uint64_t retry_after_ms, const char *why);
void channel_log(struct message *message);       /* from here on its lines say whose it is */

static inline struct message *message_of(struct flow *flow)
{
	return flow->owner;
}

/* ---- handlers ---- */

typedef void message_fn(struct message *message);
/* channel_hello.c */
message_fn channel_hello;
/* channel_device.c */
message_fn channel_status, channel_unregister, channel_token;
MUST_USE bool channel_read_token(struct message *message, struct str *token);    /* false: the message has failed */
/* channel_watch.c */
message_fn channel_watch, channel_unwatch;
/* channel_call.c */
message_fn channel_call, channel_answer, channel_reject, channel_ringing, channel_hangup;
MUST_USE bool channel_read_leg(struct message *message, struct sid *out);        /* "call", one of this device's; false: failed */
message_fn channel_message, channel_ack;                                         /* channel_message.c */
/* channel_talk.c */
message_fn channel_candidate, channel_update, channel_hold, channel_resume, channel_transfer;
