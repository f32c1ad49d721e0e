/* event.h - one server-sent event (WHATWG HTML, 9.2), written member by member and sent. */
#pragma once

#include "common/base/json.h"
#include "common/io/http_stream.h"

struct event {
	struct buf text;
	struct json_writer w;
};

/* With data: a JSON object, begun.  id: STR_NULL, or what Last-Event-ID says when the client comes again. */
void event_begin(struct event *event, const char *name, struct str id);
void event_send(struct event *event, struct http_stream *stream);        /* ends the object */

/* When the client shall come again, should the stream end. */
void event_retry(struct http_stream *stream, uint64_t ms);
