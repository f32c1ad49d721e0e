/* http_stream.h - a reply that is written over time, such as server-sent events.
 *
 *     reply_stream -> http_stream_write ... -> http_stream_end, http_stream_drop,
 *       the client goes or does not read, the server stops -> on_close
 *
 * The head goes out at once, what is written as the client reads it; an idle
 * stream holds no buffer.  The request's flow is over with reply_stream, its
 * deadline with it.  The socket leaves the HTTP server, which still waits for the
 * stream when it drains, and cuts it when it stops.
 *
 * After ping_ms without a write the ping goes out, so that a peer that vanished
 * is noticed: the connection is cut once the peer has read nothing of what
 * waits for dead_ms, or acknowledged nothing for little longer.  More than
 * max_queue waiting bytes cut it at once.
 *
 * on_close runs exactly once, last, also when the client was gone before the
 * reply; the stream and the request, with all in its arena, are freed after it.
 * Nothing runs inside the calls below.
 */
#pragma once

#include "common/io/http.h"

struct http_stream;

enum http_stream_fate {
	HTTP_STREAM_ENDED,               /* http_stream_end, and all was handed on */
	HTTP_STREAM_GONE,                /* the client went, the server stopped, or http_stream_drop */
	HTTP_STREAM_SLOW,                /* the client did not read */
};

typedef void http_stream_close_fn(void *arg, enum http_stream_fate fate);

struct http_stream_conf {
	const char *content_type;
	const char *ping;                /* what says nothing in this content type; static */
	unsigned ping_ms, dead_ms;
	size_t max_queue;
};

/* 200; or 503 when the server has as many as it may, and then the stream is over already. */
struct http_stream *reply_stream(struct req *req, const struct http_stream_conf *conf, http_stream_close_fn *on_close, void *arg);

bool http_stream_write(struct http_stream *stream, struct str text);     /* false: it is over */
size_t http_stream_queued(const struct http_stream *stream);     /* bytes that wait for the client */
void http_stream_end(struct http_stream *stream);        /* once all is read: the reply is complete */
void http_stream_drop(struct http_stream *stream);       /* cut; what waits is lost, and the client sees that it was */
