/* channel.h - the messages of the client channel (docs/asyncapi.yaml), one handler each.
 *
 * A message is a flow: its handler's steps end in one reply (channel_ok or a frame)
 * or in flow_fail, which sends an error frame.  When the socket closes meanwhile,
 * the flow is abandoned.
 */
#pragma once

#include "presence-svc/session.h"

struct message {
	struct flow flow;
	struct session *session;
	struct json *doc;
	bool has_id;
	int64_t id;
};

/* Works on one text; when it is done, session_next. */
void channel_receive(struct session *session, struct str text);

/* ---- replies and frames ---- */

struct frame {
	struct buf text;
	struct json_writer w;
};
void frame_begin(struct frame *frame, const char *type);
void frame_reply(struct frame *frame, const char *type, const struct message *message);   /* with "re" */
void frame_send(struct frame *frame, struct session *session);                            /* ends the object */
void channel_ok(struct message *message, struct frame *frame_or_null);   /* replies and ends the flow */
void channel_error(struct session *session, const struct message *message_or_null, enum err err, const char *detail);

static inline struct message *message_of(struct flow *flow)
{
	return flow->owner;
}

/* ---- handlers ---- */

typedef void message_fn(struct message *message);
/* channel_device.c */
message_fn channel_hello, channel_status, channel_token;
/* channel_call.c */
message_fn channel_call, channel_answer, channel_reject, channel_ringing, channel_hangup, channel_candidate;
