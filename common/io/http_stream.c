/* http_stream.c - a reply that is written over time.           (libmicrohttpd inside)
 *
 *     reply_stream -> head -> on_room (the library asks) -> bytes, or suspended until there are some
 *       -> http_stream_completed (the library has ended the request) -> finish -> on_close
 *
 * The library asks for bytes whenever the socket takes some.  With nothing to
 * give the connection is suspended, else the library would ask again at once;
 * a write wakes it.  So a connection that is not suspended is one whose client
 * does not keep up, or one that the library is about to ask for.
 *
 * The stream holds the request's flow, and so its memory, until on_close has run.
 */
#include "common/io/http_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/io/http_private.h"

enum {
	BLOCK_SIZE = 1024, /* the library's own buffer, for HTTP/1.0 only */
	SEND_BUFFER = 64 * 1024,
};

struct http_stream {
	struct req *req;
	bool open; /* the library has it */
	struct loop *loop;
	struct loop_timer *timer;
	struct http_stream_ops ops;
	void *arg;
	const char *ping;
	unsigned ping_ms, dead_ms;
	struct buf out;
	size_t taken;	     /* of out */
	uint64_t written_ms; /* when something was written last */
	uint64_t taken_ms;   /* when the socket last took something of what waits */
	bool ending;
	enum http_stream_fate fate;
};

static void finish(void *arg);

/* ---- what the library takes ---- */

static void release(struct http_stream *stream)
{
	buf_fini(&stream->out);
	stream->taken = 0;
}

static void on_drained(void *arg)
{
	struct http_stream *stream = arg;

	if (stream->open && !stream->ending && stream->out.n == 0)
		stream->ops.on_drained(stream->arg);
}

static ssize_t take(struct http_stream *stream, char *to, size_t room)
{
	const size_t n = MIN(http_stream_queued(stream), room);

	memcpy(to, stream->out.p + stream->taken, n);
	stream->taken += n;
	stream->taken_ms = clock_mono_ms();
	if (http_stream_queued(stream) == 0) {
		release(stream);
		if (stream->ops.on_drained)
			loop_defer(stream->loop, on_drained, stream);
	}
	return (ssize_t)n;
}

static ssize_t on_room(void *cls, uint64_t at, char *to, size_t room)
{
	struct http_stream *stream = cls;
	struct req *req = stream->req;

	(void)at;
	if (req->dropped || req->conn->hung_up)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (stream->out.n)
		return take(stream, to, room);
	if (stream->ending) {
		stream->fate = HTTP_STREAM_ENDED;
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	http_suspend(req);
	return 0;
}

/* ---- time ---- */

static void cut_slow(struct http_stream *stream)
{
	metric_add(METRIC_http_slow_consumers_total, 1);
	stream->fate = HTTP_STREAM_SLOW;
	http_stream_drop(stream);
}

static void on_timer(void *arg)
{
	struct http_stream *stream = arg;
	const uint64_t now_ms = clock_mono_ms();

	if (stream->out.n && now_ms - stream->taken_ms >= stream->dead_ms) {
		cut_slow(stream);
		return;
	}
	if (now_ms - stream->written_ms >= stream->ping_ms)
		(void)http_stream_write(stream, str_of(stream->ping));
	loop_timer_start(stream->timer,
			 stream->ping_ms - MIN(now_ms - stream->written_ms, stream->ping_ms - 1));
}

/* ---- birth and end ---- */

/* The kernel would hold megabytes for a peer that does not read, and has many minutes of patience with one that
 * gives no sign of life.  A little longer than ours, so that who does not read is known as such. */
static void limit_kernel(const struct http_stream *stream)
{
	const int fd = stream->req->conn->fd;
	const unsigned patience_ms = stream->dead_ms + 2 * stream->ping_ms;
	const int size = SEND_BUFFER;

	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static void begin(struct http_stream *stream, unsigned status, const char *content_type)
{
	struct req *req = stream->req;
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_room, stream, NULL);

	INVARIANT(response != NULL);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	limit_kernel(stream);
	stream->timer = loop_timer_new(stream->loop, on_timer, stream);
	loop_timer_start(stream->timer, stream->ping_ms);
	stream->open = true;
	req->stream = stream;
	req->close = true;
	http_reply_finish(req, status, response);
}

struct http_stream *reply_stream(struct req *req, unsigned status, const struct http_stream_conf *conf,
				 const struct http_stream_ops *ops, void *arg)
{
	struct http_stream *stream = x_alloc(sizeof(*stream));

	*stream = (struct http_stream){
		.req = req,
		.loop = req->worker->loop,
		.ops = *ops,
		.arg = arg,
		.ping = conf->ping,
		.ping_ms = conf->ping_ms,
		.dead_ms = conf->dead_ms,
		.written_ms = clock_mono_ms(),
		.fate = HTTP_STREAM_GONE,
	};
	buf_init(&stream->out, conf->max_queue);
	metric_add(METRIC_http_streams, 1);
	flow_hold(&req->flow, "stream");
	if (http_reply_begin(req))
		begin(stream, status, conf->content_type);
	else
		loop_defer(stream->loop, finish, stream);
	return stream;
}

void http_stream_completed(struct req *req)
{
	struct http_stream *stream = req->stream;

	req->stream = NULL;
	stream->open = false;
	stream->timer = loop_timer_free(stream->timer);
	release(stream);
	loop_defer(stream->loop, finish, stream);
}

static void finish(void *arg)
{
	struct http_stream *stream = arg;

	metric_add(METRIC_http_streams, -1);
	stream->ops.on_close(stream->arg, stream->fate);
	(void)!flow_settle(&stream->req->flow); /* its memory may be gone now */
	buf_fini(&stream->out);
	x_free(stream);
}

/* ---- for the owner ---- */

size_t http_stream_queued(const struct http_stream *stream)
{
	return stream->out.n - stream->taken;
}

bool http_stream_write(struct http_stream *stream, struct str text)
{
	if (!stream->open || stream->req->dropped || stream->ending)
		return false;
	if (stream->out.n == 0)
		stream->taken_ms = clock_mono_ms();
	if (stream->taken && stream->out.n + text.n > stream->out.cap) {
		buf_consume(&stream->out, stream->taken);
		stream->taken = 0;
	}
	buf_put(&stream->out, text);
	if (!buf_ok(&stream->out)) {
		cut_slow(stream);
		return false;
	}
	stream->written_ms = clock_mono_ms();
	http_wake(stream->req);
	return true;
}

void http_stream_end(struct http_stream *stream)
{
	if (!stream->open)
		return;
	stream->ending = true;
	http_wake(stream->req);
}

void http_stream_drop(struct http_stream *stream)
{
	struct req *req = stream->req;

	if (!stream->open || req->dropped)
		return;
	req->dropped = true;
	if (req->suspended)
		http_wake(req);
	else
		shutdown(req->conn->fd, SHUT_RDWR); /* the library waits for this socket, and sees its end */
}
