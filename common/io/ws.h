/* ws.h - a WebSocket (RFC 6455) on a socket that left the HTTP server.
 *
 * Text messages only, each at most max_message bytes; fragments are joined,
 * masks required, reserved bits and unknown opcodes close with 1002, bad UTF-8
 * with 1007, binary with 1003, too long with 1009.  An idle connection holds no
 * buffers.
 *
 * Only received bytes prove life: a ping goes out every ping_ms of silence, and
 * after dead_ms without a single byte the connection is dead (1006).  A peer that
 * does not read is cut when more than max_queue bytes wait (1008).
 *
 * on_close runs exactly once, last; the ws is freed after it.  Nothing runs inside
 * ws_send or ws_close.
 */
#pragma once

#include "common/io/http.h"

struct ws;

enum { WS_ORIGIN_MAX = 512 };            /* longer than any that is permitted */

struct ws_ops {
	void (*on_open)(void *arg, struct ws *ws);
	void (*on_text)(void *arg, struct str text);             /* valid UTF-8; borrowed */
	/* ours when this side began the close, else the peer's; 1005: it gave none; 1006: no close frame came */
	void (*on_close)(void *arg, unsigned code);
	void (*on_heard)(void *arg);     /* once after ws_await_byte, before what it brings; may be NULL */
};

struct ws_conf {
	const char *protocol;            /* offered and chosen subprotocol, or NULL: none is chosen */
	size_t max_message;
	size_t max_queue;
	unsigned ping_ms;
	unsigned dead_ms;
	struct str address;              /* the client's; kept for ws_address */
	struct str origin;               /* of the web page; kept for ws_origin, at most WS_ORIGIN_MAX bytes of it */
};

/* Checks the handshake (RFC 6455 section 4.2.1) and replies 101, 400 or 426.
 * on_open comes only when the socket is really there: then on_close comes too,
 * otherwise arg is never touched.  conf and ops are copied.  The owner may make
 * what it needs in on_open and hang it on with ws_set_arg. */
void ws_accept_or_reply(struct req *req, const struct ws_conf *conf, const struct ws_ops *ops, void *arg);
void ws_set_arg(struct ws *ws, void *arg);

void ws_send(struct ws *ws, struct str text);
void ws_close(struct ws *ws, unsigned code, const char *reason);     /* flushes, sends a close frame, waits at most 2 s for the peer's */
void ws_drop(struct ws *ws);                              /* no farewell; on_close (1006) still comes */
size_t ws_queued(const struct ws *ws);                               /* bytes that the socket has not taken */
void ws_await_byte(struct ws *ws);                                   /* the next byte that is received is told to on_heard */
uint64_t ws_last_inbound_ms(const struct ws *ws);                    /* monotonic */
struct str ws_origin(const struct ws *ws);                           /* STR_NULL: no browser; as long as the ws */
struct str ws_address(const struct ws *ws);                          /* of the client; as long as the ws */
