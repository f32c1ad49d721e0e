/* event.c - see event.h.  JSON as we write it has no line ends, so an event's data is one line. */
#include "presence-svc/event.h"

#include <inttypes.h>
#include <stdio.h>

enum { EVENT_MAX = 2 * 1024 * 1024 };

void event_begin(struct event *event, const char *name, struct str id)
{
	buf_init(&event->text, EVENT_MAX);
	if (!str_is_null(id))
		buf_printf(&event->text, "id: " STR_FMT "\n", STR_ARG(id));
	buf_printf(&event->text, "event: %s\ndata: ", name);
	json_begin(&event->w, &event->text);
	json_object(&event->w);
}

void event_send(struct event *event, struct http_stream *stream)
{
	json_object_end(&event->w);
	buf_puts(&event->text, "\n\n");
	INVARIANT(buf_ok(&event->text));
	(void)http_stream_write(stream, buf_str(&event->text));
	buf_fini(&event->text);
}

void event_retry(struct http_stream *stream, uint64_t ms)
{
	char line[40];

	(void)http_stream_write(stream, str_n(line, (size_t)snprintf(line, sizeof(line),
								     "retry: %" PRIu64 "\n\n", ms)));
}
