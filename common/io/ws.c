/* ws.c - the life of one WebSocket.
 *
 *     ws_accept_or_reply -> 101 -> on_upgrade -> start -> on_readable ... -> end -> finish
 *
 * States: OPEN; CLOSING (our close frame is on its way, the peer's is awaited);
 * DEAF (the same after a broken frame: nothing is understood any more, input is
 * only drained so that our close frame is not lost to a reset); LAST (both
 * close frames are made, ours is not flushed yet); ENDED (the descriptor is closed).
 * One timer serves pings while OPEN, the longest wait afterwards.
 *
 * end() may be called from anywhere, also below ws_send; whoever called it
 * still finds the struct: finish, which tells the owner and frees, comes
 * through the loop.  Bytes are read into a scratch space of the thread and
 * understood there; only the start of an incomplete frame is kept.
 */
#include "common/io/ws.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/metrics.h"
#include "common/io/ws_frame.h"

enum {
	CODE_NORMAL = 1000,
	CODE_PROTOCOL = 1002,
	CODE_NOT_TEXT = 1003,
	CODE_NONE = 1005,
	CODE_ABNORMAL = 1006,
	CODE_BAD_TEXT = 1007,
	CODE_POLICY = 1008,
	CODE_TOO_LONG = 1009,
};

enum {
	SCRATCH_SIZE = 16 * 1024,
	CLOSE_WAIT_MS = 2000,
	REASON_MAX = 123, /* a control frame's 125 bytes without the code */
	KEY_LEN = 16,
	FRAME_HEAD_MAX = 14, /* incoming: with a mask */
};

enum ws_state { WS_OPEN, WS_CLOSING, WS_DEAF, WS_LAST, WS_ENDED };

struct ws {
	struct ws_ops ops;
	void *arg;
	char *address;
	char *origin; /* NULL: none */
	struct loop *loop;
	struct loop_watch *watch;
	struct loop_timer *timer;
	int fd;
	enum ws_state state;
	unsigned code; /* for on_close */
	bool in_message;
	size_t max_message;
	unsigned ping_ms, dead_ms;
	uint64_t last_inbound_ms;
	bool byte_awaited;
	struct buf in;	    /* the start of a frame whose rest has not come */
	struct buf message; /* the fragments so far */
	struct buf out;	    /* what the socket has not taken yet */
};

struct accept { /* in the request's arena */
	struct ws_conf conf;
	struct ws_ops ops;
	void *arg;
};

static void on_upgrade(void *arg, struct worker *worker, int fd, struct str early);
static void start(void *arg);
static void on_socket(void *arg, unsigned events);
static void on_timer(void *arg);
static void finish(void *arg);

/* ---- the handshake ---- */

static bool has_token(struct str list, struct str token, bool (*eq)(struct str a, struct str b))
{
	struct str item;

	while (str_split(&list, ',', &item))
		if (eq(str_trim(item), token))
			return true;
	return false;
}

static bool is_key(struct str key)
{
	struct buf decoded;

	buf_init(&decoded, KEY_LEN);
	const bool ok = crypto_base64_decode(key, &decoded) && buf_ok(&decoded) && decoded.n == KEY_LEN;

	buf_fini(&decoded);
	return ok;
}

static void reply_upgrade_required(struct req *req, const char *why)
{
	reply_header(req, "Upgrade", STR("websocket"));
	reply_header(req, "Sec-WebSocket-Version", STR("13"));
	reply_error(req, ERR_UPGRADE_REQUIRED, "%s", why);
}

static bool handshake_or_reply(struct req *req, struct str key)
{
	if (!has_token(req_header(req, "Upgrade"), STR("websocket"), str_eq_nocase)) {
		reply_upgrade_required(req, err_text(ERR_UPGRADE_REQUIRED));
		return false;
	}
	if (!has_token(req_header(req, "Connection"), STR("upgrade"), str_eq_nocase)) {
		reply_error(req, ERR_BAD_REQUEST, "Connection has to name Upgrade");
		return false;
	}
	if (!str_eq(str_trim(req_header(req, "Sec-WebSocket-Version")), STR("13"))) {
		reply_upgrade_required(req, "Sec-WebSocket-Version has to be 13");
		return false;
	}
	if (!is_key(key)) {
		reply_error(req, ERR_BAD_REQUEST, "Sec-WebSocket-Key has to be 16 bytes in base64");
		return false;
	}
	if (req_body(req).n) {
		reply_error(req, ERR_BAD_REQUEST, "the handshake has no body");
		return false;
	}
	return true;
}

void ws_accept_or_reply(struct req *req, const struct ws_conf *conf, const struct ws_ops *ops, void *arg)
{
	const struct str key = str_trim(req_header(req, "Sec-WebSocket-Key"));
	const struct str offered = req_header(req, "Sec-WebSocket-Protocol");
	const bool is_chosen = conf->protocol && has_token(offered, str_of(conf->protocol), str_eq);
	struct accept *accept;
	char answer[29];

	if (!handshake_or_reply(req, key))
		return;

	ws_accept_key(key, answer);
	accept = arena_alloc(req_arena(req), sizeof(*accept));
	*accept = (struct accept){ *conf, *ops, arg };
	accept->conf.address = arena_copy(req_arena(req), conf->address);
	accept->conf.origin = arena_copy(req_arena(req), conf->origin);
	req_upgrade(req, is_chosen ? conf->protocol : NULL, str_of(answer), on_upgrade, accept);
}

static void keep_origin(struct ws *ws, struct str origin)
{
	const size_t n = MIN(origin.n, (size_t)WS_ORIGIN_MAX);

	if (n == 0)
		return;
	ws->origin = x_alloc(n + 1);
	memcpy(ws->origin, origin.p, n);
}

static void on_upgrade(void *arg, struct worker *worker, int fd, struct str early)
{
	const struct accept *accept = arg;
	const struct ws_conf *conf = &accept->conf;
	struct ws *ws;

	if (fd < 0) /* the client went away before the answer */
		return;
	ws = x_alloc(sizeof(*ws));
	*ws = (struct ws){
		.ops = accept->ops,
		.arg = accept->arg,
		.address = x_alloc(conf->address.n + 1),
		.loop = worker->loop,
		.fd = fd,
		.state = WS_OPEN,
		.max_message = conf->max_message,
		.ping_ms = conf->ping_ms,
		.dead_ms = conf->dead_ms,
		.last_inbound_ms = clock_mono_ms(),
	};
	(void)!str_copy(conf->address, ws->address, conf->address.n + 1);
	keep_origin(ws, conf->origin);
	buf_init(&ws->in, FRAME_HEAD_MAX + conf->max_message + MAX((size_t)SCRATCH_SIZE, early.n));
	buf_init(&ws->message, conf->max_message);
	buf_init(&ws->out, conf->max_queue);
	buf_put(&ws->in, early);

	ws->timer = loop_timer_new(ws->loop, on_timer, ws);
	ws->watch = loop_watch_new(ws->loop, fd, on_socket, ws);
	metric_add(METRIC_ws_connections, 1);
	loop_defer(ws->loop, start, ws); /* the request has to be over first */
}

/* ---- ending ---- */

static void end(struct ws *ws, unsigned code)
{
	if (ws->state == WS_ENDED)
		return;
	ws->state = WS_ENDED;
	ws->code = code;
	ws->watch = loop_watch_free(ws->watch);
	ws->timer = loop_timer_free(ws->timer);
	(void)close(ws->fd);
	loop_defer(ws->loop, finish, ws);
}

static void finish(void *arg)
{
	struct ws *ws = arg;

	metric_add(METRIC_ws_connections, -1);
	ws->ops.on_close(ws->arg, ws->code);
	buf_fini(&ws->in);
	buf_fini(&ws->message);
	buf_fini(&ws->out);
	x_free(ws->address);
	x_free(ws->origin);
	x_free(ws);
}

void ws_drop(struct ws *ws)
{
	end(ws, CODE_ABNORMAL);
}

/* ---- writing ---- */

static void release(struct buf *buf)
{
	const size_t cap = buf->cap;

	buf_fini(buf);
	buf_init(buf, cap);
}

static void watch(struct ws *ws)
{
	const unsigned read = ws->state == WS_LAST ? 0 : LOOP_READ;
	const unsigned write = ws->out.n ? LOOP_WRITE : 0;

	loop_watch_set(ws->watch, read | write);
}

static void end_after_loss(struct ws *ws)
{
	end(ws, ws->state == WS_OPEN ? CODE_ABNORMAL : ws->code);
}

/* False: the connection is lost. Else *sent bytes were taken, maybe 0. */
static bool write_some(struct ws *ws, struct str head, struct str payload, size_t *sent)
{
	struct iovec parts[2] = { { (void *)head.p, head.n }, { (void *)payload.p, payload.n } };
	const struct msghdr msg = { .msg_iov = parts, .msg_iovlen = ARRAY_LEN(parts) };
	ssize_t n;

	do
		n = sendmsg(ws->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);

	*sent = n > 0 ? (size_t)n : 0;
	return n >= 0 || errno == EAGAIN || errno == EWOULDBLOCK;
}

static void send_frame(struct ws *ws, enum ws_opcode opcode, struct str payload)
{
	char space[WS_HEAD_MAX];
	const struct str head = str_n(space, ws_frame_head(space, opcode, payload.n));
	size_t sent = 0;

	if (ws->out.n == 0 && !write_some(ws, head, payload, &sent)) {
		end_after_loss(ws);
		return;
	}
	if (sent == head.n + payload.n)
		return;

	buf_put(&ws->out, str_skip(head, sent));
	buf_put(&ws->out, str_skip(payload, sent > head.n ? sent - head.n : 0));
	if (!buf_ok(&ws->out)) {
		metric_add(METRIC_ws_slow_consumers_total, 1);
		end(ws, CODE_POLICY);
		return;
	}
	watch(ws);
}

/* What a state still had to do once everything is written. */
static void on_flushed(struct ws *ws)
{
	if (ws->state == WS_LAST)
		end(ws, ws->code);
	else if (ws->state == WS_DEAF)
		(void)shutdown(ws->fd, SHUT_WR);
}

static void flush(struct ws *ws)
{
	size_t sent;

	if (!write_some(ws, buf_str(&ws->out), STR_NULL, &sent)) {
		end_after_loss(ws);
		return;
	}
	buf_consume(&ws->out, sent);
	if (ws->out.n)
		return;
	release(&ws->out);
	watch(ws);
	on_flushed(ws);
}

/* Our close frame goes out, and the connection into a state that waits CLOSE_WAIT_MS at most. */
static void send_close(struct ws *ws, enum ws_state next, unsigned code, struct str reason)
{
	char payload[2 + REASON_MAX] = { (char)(code >> 8), (char)code };
	const size_t reason_n = MIN(reason.n, (size_t)REASON_MAX);

	if (reason_n)
		memcpy(payload + 2, reason.p, reason_n);
	ws->code = code;
	ws->state = next;
	loop_timer_start(ws->timer, CLOSE_WAIT_MS);
	send_frame(ws, WS_CLOSE, code == CODE_NONE ? STR_NULL : str_n(payload, 2 + reason_n));

	if (ws->state == WS_ENDED)
		return;
	watch(ws);
	if (ws->out.n == 0)
		on_flushed(ws);
}

/* The peer broke the protocol. */
static void fail(struct ws *ws, unsigned code, const char *reason)
{
	if (ws->state == WS_OPEN)
		send_close(ws, WS_DEAF, code, str_of(reason));
	else
		end(ws, ws->code);
}

/* ---- reading ---- */

static void deliver(struct ws *ws, struct str text)
{
	if (!str_is_utf8(text)) {
		fail(ws, CODE_BAD_TEXT, "text has to be UTF-8");
		return;
	}
	metric_add(METRIC_ws_frames_in_total, 1);
	ws->ops.on_text(ws->arg, text);
}

static void on_data(struct ws *ws, const struct ws_frame *frame)
{
	if (frame->opcode == WS_BINARY) {
		fail(ws, CODE_NOT_TEXT, "only text is understood");
	} else if ((frame->opcode == WS_CONT) != ws->in_message) {
		fail(ws, CODE_PROTOCOL, "fragments out of order");
	} else if (frame->fin && !ws->in_message) {
		deliver(ws, frame->payload);
	} else {
		ws->in_message = !frame->fin;
		buf_put(&ws->message, frame->payload);
		if (frame->fin) {
			deliver(ws, buf_str(&ws->message));
			release(&ws->message);
		}
	}
}

/* Section 7.4 and the IANA registry; 1004 to 1006 and 1015 never travel. */
static bool is_close_code(unsigned code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
	       (code >= 3000 && code <= 4999);
}

/* Ours was first; the peer's may have crossed it while ours still waits to be written. */
static void on_peer_answer(struct ws *ws)
{
	ws->state = WS_LAST;
	watch(ws);
	if (ws->out.n == 0)
		on_flushed(ws);
}

static void on_peer_close(struct ws *ws, struct str payload)
{
	const uint8_t *b = (const uint8_t *)payload.p;
	const unsigned code = payload.n >= 2 ? (unsigned)(b[0] << 8 | b[1]) : CODE_NONE;

	if (ws->state == WS_CLOSING)
		on_peer_answer(ws);
	else if (payload.n == 1 || (payload.n && !is_close_code(code)))
		fail(ws, CODE_PROTOCOL, "bad close frame");
	else if (!str_is_utf8(str_skip(payload, 2)))
		fail(ws, CODE_BAD_TEXT, "the reason has to be UTF-8");
	else
		send_close(ws, WS_LAST, code, STR_NULL);
}

static void on_frame(struct ws *ws, const struct ws_frame *frame)
{
	if (frame->opcode == WS_CLOSE)
		on_peer_close(ws, frame->payload);
	else if (ws->state != WS_OPEN)
		return;
	else if (frame->opcode == WS_PING)
		send_frame(ws, WS_PONG, frame->payload);
	else if (frame->opcode != WS_PONG)
		on_data(ws, frame);
}

/* How many bytes were used up; all of them once there is nothing to understand any more. */
static size_t read_frames(struct ws *ws, char *data, size_t n)
{
	size_t used = 0;

	while (ws->state == WS_OPEN || ws->state == WS_CLOSING) {
		struct ws_frame frame;
		size_t took;

		switch (ws_frame_read(data + used, n - used, ws->max_message - ws->message.n, &frame,
				      &took)) {
		case WS_READ_FRAME:
			used += took;
			on_frame(ws, &frame);
			break;
		case WS_READ_MORE:
			return used;
		case WS_READ_BAD:
			fail(ws, CODE_PROTOCOL, "bad frame");
			break;
		case WS_READ_TOO_LONG:
			fail(ws, CODE_TOO_LONG, "the message is too long");
			break;
		}
	}
	return n;
}

static void take_kept(struct ws *ws)
{
	buf_consume(&ws->in, read_frames(ws, ws->in.p, ws->in.n));
	if (ws->in.n == 0)
		release(&ws->in);
}

static void take(struct ws *ws, char *data, size_t n)
{
	if (ws->in.n) {
		buf_put(&ws->in, str_n(data, n));
		INVARIANT(buf_ok(&ws->in));
		take_kept(ws);
	} else {
		const size_t used = read_frames(ws, data, n);

		buf_put(&ws->in, str_n(data + used, n - used));
	}
}

static void start(void *arg)
{
	struct ws *ws = arg;

	watch(ws);
	loop_timer_start(ws->timer, MIN(ws->ping_ms, ws->dead_ms));
	ws->ops.on_open(ws->arg, ws);
	if (ws->in.n)
		take_kept(ws);
}

static void tell_heard(struct ws *ws)
{
	const bool awaited = ws->byte_awaited;

	ws->byte_awaited = false;
	if (awaited && ws->ops.on_heard)
		ws->ops.on_heard(ws->arg);
}

static void on_readable(struct ws *ws)
{
	static _Thread_local char scratch[SCRATCH_SIZE];
	const ssize_t n = recv(ws->fd, scratch, sizeof(scratch), MSG_DONTWAIT);

	if (n > 0) {
		ws->last_inbound_ms = clock_mono_ms();
		tell_heard(ws);
		take(ws, scratch, (size_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
		end_after_loss(ws);
	}
}

static void on_socket(void *arg, unsigned events)
{
	struct ws *ws = arg;

	if ((events & LOOP_WRITE) && ws->out.n)
		flush(ws);
	if ((events & ~(unsigned)LOOP_WRITE) && ws->state != WS_ENDED && ws->state != WS_LAST)
		on_readable(ws);
	if ((events & LOOP_FAILED) && ws->state != WS_ENDED)
		end_after_loss(ws);
}

static void on_timer(void *arg)
{
	struct ws *ws = arg;
	const uint64_t silent_ms = clock_mono_ms() - ws->last_inbound_ms;

	if (ws->state != WS_OPEN) {
		end(ws, ws->code);
		return;
	}
	if (silent_ms >= ws->dead_ms) {
		end(ws, CODE_ABNORMAL);
		return;
	}

	uint64_t next_ms = ws->ping_ms;

	if (silent_ms >= ws->ping_ms)
		send_frame(ws, WS_PING, STR_NULL);
	else
		next_ms -= silent_ms;
	if (ws->state == WS_OPEN)
		loop_timer_start(ws->timer, MIN(next_ms, ws->dead_ms - silent_ms));
}

/* ---- for the owner ---- */

void ws_set_arg(struct ws *ws, void *arg)
{
	ws->arg = arg;
}

void ws_send(struct ws *ws, struct str text)
{
	if (ws->state != WS_OPEN)
		return;
	metric_add(METRIC_ws_frames_out_total, 1);
	send_frame(ws, WS_TEXT, text);
}

void ws_close(struct ws *ws, unsigned code, const char *reason)
{
	if (ws->state == WS_OPEN)
		send_close(ws, WS_CLOSING, code, str_of(reason));
}

struct str ws_origin(const struct ws *ws)
{
	return str_of(ws->origin);
}

struct str ws_address(const struct ws *ws)
{
	return str_of(ws->address);
}

size_t ws_queued(const struct ws *ws)
{
	return ws->out.n;
}

void ws_await_byte(struct ws *ws)
{
	ws->byte_awaited = true;
}

uint64_t ws_last_inbound_ms(const struct ws *ws)
{
	return ws->last_inbound_ms;
}
