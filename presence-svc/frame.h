/* frame.h - a message to a client, written member by member and sent. */
#pragma once

#include "common/base/err.h"
#include "common/base/json.h"
#include "common/io/ws.h"

struct frame {
	struct buf text;
	struct json_writer w;
};

/* A ring with the longest SDP and parameters, of characters that JSON writes as six. */
enum { FRAME_MAX = 1024 * 1024 };

/* What a reply refers to: the "id" of the client's message, if it had one. */
struct frame_re {
	bool given;
	int64_t id;
};

void frame_begin(struct frame *frame, const char *type);
void frame_reply(struct frame *frame, const char *type, struct frame_re re);
void frame_send(struct frame *frame, struct ws *ws_or_null);     /* ends the object; without a socket it is dropped */
void frame_error(struct ws *ws_or_null, struct frame_re re, enum err err, const char *detail, const char *field_or_null);
/* The same, with when to try again */
void frame_error_until(struct ws *ws_or_null, struct frame_re re, enum err err, const char *detail, uint64_t retry_after_ms);
void frame_pass(const struct json *message, struct ws *ws);      /* one that was written elsewhere */
