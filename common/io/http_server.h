/* http_server.h - one listener per loop on a shared port.    (libmicrohttpd inside)
 *
 * SO_REUSEPORT spreads connections over the workers.  Bounds: header block,
 * body (HTTP_BODY_MAX), time until a request has arrived (408 or cut), idle
 * time, connections in all.  Requests that parsers disagree about (both
 * Content-Length and Transfer-Encoding, repeated Content-Length, any transfer
 * coding but chunked, a header's name that is no token, NUL in a decoded value)
 * are refused.  A raw NUL in a header cuts its value in the library: the proxy in
 * front has to refuse those, as HAProxy does.
 *
 * Stop: http_server_quiesce takes no new connection; http_server_is_idle tells
 * when the last request is answered; then http_server_free.
 */
#pragma once

#include "common/io/http_route.h"

struct http_server;

struct http_server_conf {
	const char *bind;                /* numeric address */
	uint16_t port;
	unsigned max_connections;        /* per worker */
	unsigned arrival_ms;             /* head and body have to be here by then */
	unsigned idle_ms;
	unsigned deadline_ms;            /* default for a request's work */
	const char *trusted_proxies;     /* comma-separated CIDRs whose X-Forwarded-For counts */
	const struct http_app *app;
};

MUST_USE enum err http_server_new(struct worker *worker, const struct http_server_conf *conf, struct http_server **out);
uint16_t http_server_port(const struct http_server *server);           /* the real one when conf's is 0 */
void http_server_quiesce(struct http_server *server);
bool http_server_is_idle(const struct http_server *server);
struct http_server *http_server_free(struct http_server *server);      /* open requests are answered ERR_DRAINING first; NULL */
