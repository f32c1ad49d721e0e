/* frame.c - see frame.h. */
#include "presence-svc/frame.h"

#include "common/base/metrics.h"

void frame_begin(struct frame *frame, const char *type)
{
	buf_init(&frame->text, FRAME_MAX);
	json_begin(&frame->w, &frame->text);
	json_object(&frame->w);
	json_str(&frame->w, "type", str_of(type));
}

void frame_reply(struct frame *frame, const char *type, struct frame_re re)
{
	frame_begin(frame, type);
	if (re.given)
		json_int(&frame->w, "re", re.id);
}

static void send_text(struct buf *text, struct ws *ws)
{
	if (ws && buf_ok(text))
		ws_send(ws, buf_str(text));
	buf_fini(text);
}

void frame_send(struct frame *frame, struct ws *ws_or_null)
{
	json_object_end(&frame->w);
	send_text(&frame->text, ws_or_null);
}

static void begin_error(struct frame *frame, struct frame_re re, enum err err, const char *detail)
{
	frame_reply(frame, "error", re);
	json_int(&frame->w, "code", err_code(err));
	json_str(&frame->w, "message", str_of(detail[0] ? detail : err_text(err)));
	metrics_count_error(err);
}

void frame_error(struct ws *ws_or_null, struct frame_re re, enum err err, const char *detail,
		 const char *field_or_null)
{
	struct frame frame;

	begin_error(&frame, re, err, detail);
	if (field_or_null)
		json_str(&frame.w, "field", str_of(field_or_null));
	frame_send(&frame, ws_or_null);
}

void frame_error_until(struct ws *ws_or_null, struct frame_re re, enum err err, const char *detail,
		       uint64_t retry_after_ms)
{
	struct frame frame;

	begin_error(&frame, re, err, detail);
	json_int(&frame.w, "retry_after_ms", (int64_t)retry_after_ms);
	frame_send(&frame, ws_or_null);
}

void frame_pass(const struct json *message, struct ws *ws)
{
	struct json_writer w;
	struct buf text;

	buf_init(&text, FRAME_MAX);
	json_begin(&w, &text);
	json_put(&w, message);
	send_text(&text, ws);
}
