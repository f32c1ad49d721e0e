/* http_stream.c - a reply that is written over time.           (libmicrohttpd inside)
 *
 *     reply_stream: the head waits -> http_stream_take, in the library's callback -> flush ... -> end
 *       -> finish -> on_close
 *
 * The socket leaves the library, as that of an upgrade does: the library keeps
 * 20 KB for each connection, and walks over all that are suspended whenever one
 * is resumed.  It shuts down and closes what it finds under its number, and that
 * is a descriptor of nothing by then.
 *
 * end() may be called from anywhere; whoever called it still finds the struct:
 * finish, which tells the owner and frees, comes through the loop.  The stream
 * holds the request's flow, and so its memory, until on_close has run.
 */
#include "common/io/http_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/io/http_private.h"

enum {
	HEAD_MAX = 16 * 1024,
	CHUNK_MAX = 32, /* what stands around a chunk */
	SEND_BUFFER = 64 * 1024,
};

struct http_stream {
	struct req *req;
	struct http_server *server;
	struct http_stream *next, **at; /* of the server's; *at points here */
	struct loop_watch *watch;
	struct loop_timer *timer;
	int fd; /* -1: not taken yet, or closed */
	http_stream_close_fn *on_close;
	void *arg;
	const char *ping;
	unsigned ping_ms, dead_ms;
	size_t max_queue;
	struct buf out;
	size_t taken;	     /* of out, by the kernel */
	uint64_t written_ms; /* when something was written last */
	uint64_t taken_ms;   /* when the kernel last took something of what waits */
	bool is_chunked;
	bool ending, over;
	enum http_stream_fate fate;
};

static void finish(void *arg);

/* ---- its end ---- */

static void end(struct http_stream *stream, enum http_stream_fate fate)
{
	if (stream->over)
		return;
	stream->over = true;
	stream->fate = fate;
	stream->timer = loop_timer_free(stream->timer);
	stream->watch = loop_watch_free(stream->watch);
	if (stream->fd >= 0) {
		close(stream->fd);
	} else if (stream->req->stream == stream) {
		stream->req->dropped = true;
		http_wake(stream->req);
	}
	stream->fd = -1;
	*stream->at = stream->next;
	if (stream->next)
		stream->next->at = stream->at;
	stream->server->open_streams--;
	buf_fini(&stream->out);
	stream->taken = 0;
	loop_defer(stream->server->worker->loop, finish, stream);
}

static void finish(void *arg)
{
	struct http_stream *stream = arg;
	struct flow *flow = &stream->req->flow;

	metric_add(METRIC_http_streams, -1);
	if (stream->req->stream == stream)
		stream->req->stream = NULL;
	stream->on_close(stream->arg, stream->fate);
	x_free(stream);
	(void)!flow_settle(flow); /* the request's memory may be gone now */
}

static void cut_slow(struct http_stream *stream)
{
	metric_add(METRIC_http_slow_consumers_total, 1);
	end(stream, HTTP_STREAM_SLOW);
}

/* ---- writing ---- */

static void on_flushed(struct http_stream *stream)
{
	buf_fini(&stream->out);
	stream->taken = 0;
	if (stream->ending)
		end(stream, HTTP_STREAM_ENDED);
}

static void flush(struct http_stream *stream)
{
	ssize_t n;

	if (stream->fd < 0 || stream->over)
		return;
	do
		n = send(stream->fd, stream->out.p + stream->taken, stream->out.n - stream->taken,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
		end(stream, HTTP_STREAM_GONE);
		return;
	}
	if (n > 0) {
		stream->taken += (size_t)n;
		stream->taken_ms = clock_mono_ms();
	}
	loop_watch_set(stream->watch, LOOP_READ | (http_stream_queued(stream) ? LOOP_WRITE : 0));
	if (http_stream_queued(stream) == 0)
		on_flushed(stream);
}

static void put_chunk(struct http_stream *stream, struct str text)
{
	if (stream->out.n == 0)
		stream->taken_ms = clock_mono_ms();
	if (stream->taken && stream->out.n + text.n + CHUNK_MAX > stream->out.cap) {
		buf_consume(&stream->out, stream->taken);
		stream->taken = 0;
	}
	if (stream->is_chunked)
		buf_printf(&stream->out, "%zx\r\n", text.n);
	buf_put(&stream->out, text);
	if (stream->is_chunked)
		buf_put(&stream->out, STR("\r\n"));
}

/* ---- the socket ---- */

/* What a client still sends is not looked at; that it hangs up is. */
static void on_readable(struct http_stream *stream)
{
	char ignored[512];
	const ssize_t n = recv(stream->fd, ignored, sizeof(ignored), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		end(stream, HTTP_STREAM_GONE);
}

static void on_socket(void *arg, unsigned events)
{
	struct http_stream *stream = arg;

	if ((events & LOOP_WRITE) && http_stream_queued(stream))
		flush(stream);
	if ((events & (LOOP_READ | LOOP_HANGUP)) && !stream->over)
		on_readable(stream);
	if ((events & LOOP_FAILED) && !stream->over)
		end(stream, HTTP_STREAM_GONE);
}

static void on_timer(void *arg)
{
	struct http_stream *stream = arg;
	const uint64_t now_ms = clock_mono_ms();

	if (http_stream_queued(stream) && now_ms - stream->taken_ms >= stream->dead_ms) {
		cut_slow(stream);
		return;
	}
	if (now_ms - stream->written_ms >= stream->ping_ms)
		(void)http_stream_write(stream, str_of(stream->ping));
	if (!stream->over)
		loop_timer_start(stream->timer,
				 stream->ping_ms - MIN(now_ms - stream->written_ms, stream->ping_ms - 1));
}

/* The kernel would hold megabytes for a peer that does not read, and has many minutes of patience with one that
 * gives no sign of life.  A little longer than ours, so that who does not read is known as such. */
static void set_options(const struct http_stream *stream)
{
	const unsigned patience_ms = stream->dead_ms + 2 * stream->ping_ms;
	const int size = SEND_BUFFER, on = 1;

	setsockopt(stream->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms));
	setsockopt(stream->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* The library's epoll has to find in its place what it will take out of it, or it aborts. */
static int take_socket(struct conn *conn)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(conn->server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct epoll_event nothing = { .events = 0 };
	const int fd = conn->fd, own = fcntl(fd, F_DUPFD_CLOEXEC, 0), blind = eventfd(0, EFD_CLOEXEC);

	if (own < 0 || blind < 0) {
		close_if_open(own);
		close_if_open(blind);
		return -1;
	}
	http_forget_hangups(conn);
	(void)epoll_ctl(info->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	(void)dup3(blind, fd, O_CLOEXEC);
	close(blind);
	(void)epoll_ctl(info->epoll_fd, EPOLL_CTL_ADD, fd, &nothing);
	return own;
}

void http_stream_take(struct http_stream *stream)
{
	struct conn *conn = stream->req->conn;
	struct loop *loop = stream->server->worker->loop;

	if (stream->over)
		return;
	stream->fd = take_socket(conn);
	if (stream->fd < 0) {
		log_error("stream_failed", "errno=%d", errno);
		end(stream, HTTP_STREAM_GONE);
		return;
	}
	set_options(stream);
	stream->watch = loop_watch_new(loop, stream->fd, on_socket, stream);
	stream->timer = loop_timer_new(loop, on_timer, stream);
	loop_timer_start(stream->timer, stream->ping_ms);
	flush(stream);
}

void http_stream_untaken(struct http_stream *stream)
{
	if (stream->fd < 0)
		end(stream, HTTP_STREAM_GONE);
}

/* ---- the head ---- */

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	buf_printf(cls, "%s: %s\r\n", name, value);
	return MHD_YES;
}

/* As RFC 9110, 5.6.7 wants it, which is RFC 2822 but for the zone. */
static void put_date(struct buf *out, struct arena *arena)
{
	struct str date = clock_rfc2822(arena, clock_wall_ms());

	date.n -= strlen("+0000");
	buf_printf(out, "Date: " STR_FMT "GMT\r\n", STR_ARG(date));
}

static void put_head(struct http_stream *stream, const char *content_type)
{
	struct req *req = stream->req;
	struct buf *out = &stream->out;

	req->response = MHD_create_response_from_buffer_with_free_callback(0, NULL, NULL);
	INVARIANT(req->response != NULL);
	http_reply_put_headers(req);
	buf_printf(out, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n", content_type);
	put_date(out, req->arena);
	MHD_get_response_headers(req->response, on_header, out);
	if (stream->is_chunked)
		buf_put(out, STR("Transfer-Encoding: chunked\r\n"));
	buf_put(out, STR("\r\n"));
	http_reply_discard(req);
}

/* ---- for the owner ---- */

static struct http_stream *stream_new(struct req *req, const struct http_stream_conf *conf,
				      http_stream_close_fn *on_close, void *arg)
{
	struct http_stream *stream = x_alloc(sizeof(*stream));

	*stream = (struct http_stream){
		.req = req,
		.server = req->server,
		.fd = -1,
		.on_close = on_close,
		.arg = arg,
		.ping = conf->ping,
		.ping_ms = conf->ping_ms,
		.dead_ms = conf->dead_ms,
		.max_queue = conf->max_queue,
		.written_ms = clock_mono_ms(),
		.taken_ms = clock_mono_ms(),
		.is_chunked = !req->is_http_1_0,
		.next = req->server->streams,
		.at = &req->server->streams,
	};
	if (stream->next)
		stream->next->at = &stream->next;
	req->server->streams = stream;
	req->server->open_streams++;
	buf_init(&stream->out, conf->max_queue + HEAD_MAX);
	flow_hold(&req->flow, "stream");
	metric_add(METRIC_http_streams, 1);
	return stream;
}

struct http_stream *reply_stream(struct req *req, const struct http_stream_conf *conf,
				 http_stream_close_fn *on_close, void *arg)
{
	struct http_stream *stream = stream_new(req, conf, on_close, arg);

	if (req->server->open_streams > req->server->max_streams) {
		reply_error(req, ERR_OVERLOAD, "%s", err_text(ERR_OVERLOAD));
		end(stream, HTTP_STREAM_GONE);
	} else if (http_reply_begin(req)) {
		req->stream = stream;
		req->status = MHD_HTTP_OK;
		req->close = true;
		put_head(stream, conf->content_type);
		stream->ending = strcmp(req->method_name, "HEAD") == 0;
		flow_done(&req->flow);
		http_wake(req);
	} else {
		end(stream, HTTP_STREAM_GONE);
	}
	return stream;
}

size_t http_stream_queued(const struct http_stream *stream)
{
	return stream->out.n - stream->taken;
}

bool http_stream_write(struct http_stream *stream, struct str text)
{
	if (stream->over || stream->ending)
		return false;
	if (http_stream_queued(stream) + text.n + CHUNK_MAX > stream->max_queue) {
		cut_slow(stream);
		return false;
	}
	put_chunk(stream, text);
	stream->written_ms = clock_mono_ms();
	flush(stream);
	return !stream->over;
}

void http_stream_end(struct http_stream *stream)
{
	if (stream->over || stream->ending)
		return;
	if (stream->is_chunked)
		put_chunk(stream, STR(""));
	stream->ending = true;
	flush(stream);
}

void http_stream_drop(struct http_stream *stream)
{
	end(stream, HTTP_STREAM_GONE);
}
