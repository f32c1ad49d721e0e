/* http_server.c - the library's daemon on our loop.            (libmicrohttpd inside)
 *
 * The library watches its sockets with an epoll of its own, which we watch.  It
 * runs in one place, http_run, just before the loop sleeps, and only when it is
 * `dirty`: its epoll has news, its timeout is due, or a request was resumed or a
 * socket upgraded, of which its epoll tells nothing.  So all the answers that one
 * turn of the loop brings are sent in one go.
 *
 * A suspended connection is blind: the library watches it no more.  Every
 * connection is therefore in a second epoll too, that only hears of hang-ups
 * (edge-triggered, so one registration serves all requests of a connection).
 *
 * Idle time is the library's; the time until a request has arrived is ours: the
 * library's clock starts again with every byte.
 */
#include "common/io/http_private.h"
#include "common/io/http_stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <microhttpd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"

enum {
	BACKLOG = 1024,
	POOL_SIZE = 16 * 1024, /* per connection: head, and pieces of the body; zeroed with every request */
	RUNS_PER_TURN = 8,
	RUNS_AT_END = 32,
	HANGUPS_AT_ONCE = 64,
};

/* ---- running the library ---- */

static void arm_timer(struct http_server *server)
{
	const uint64_t now_ms = clock_mono_ms();
	unsigned long long left_ms;

	if (server->dirty)
		left_ms = 0;
	else if (MHD_get_timeout(server->daemon, &left_ms) != MHD_YES)
		return;
	/* A timer that fires too early does no harm and moving it costs. */
	if (loop_timer_is_active(server->timer) && server->timer_at_ms <= now_ms + left_ms)
		return;
	server->timer_at_ms = now_ms + left_ms;
	loop_timer_start(server->timer, left_ms);
}

static void http_run(void *arg)
{
	struct http_server *server = arg;

	if (!server->dirty)
		return;
	for (int i = 0; server->dirty && i < RUNS_PER_TURN; i++) {
		server->dirty = false;
		MHD_run(server->daemon);
	}
	arm_timer(server);
}

static void on_library_events(void *arg, unsigned events)
{
	(void)events;
	http_kick(arg);
}

static void on_timer(void *arg)
{
	http_kick(arg);
}

/* ---- hang-ups ---- */

static void on_hangups(void *arg, unsigned events)
{
	struct http_server *server = arg;
	struct epoll_event found[HANGUPS_AT_ONCE];
	int n = epoll_wait(server->hangup_fd, found, HANGUPS_AT_ONCE, 0);

	(void)events;
	for (int i = 0; i < n; i++) {
		struct conn *conn = found[i].data.ptr;

		conn->hung_up = true;
		if (conn->req && conn->req->suspended)
			http_drop(conn->req);
	}
}

static void listen_for_hangups(struct conn *conn)
{
	struct epoll_event wanted = { .events = EPOLLRDHUP | EPOLLET, .data.ptr = conn };

	if (epoll_ctl(conn->server->hangup_fd, EPOLL_CTL_ADD, conn->fd, &wanted) != 0)
		log_warn("hangup_watch_failed", "errno=%d", errno);
}

/* ---- connections ---- */

static void on_arrival_time(void *arg)
{
	struct conn *conn = arg;

	log_debug("arrival_timeout", "in_request=%d", conn->req != NULL);
	if (!conn->req)
		metric_add(METRIC_http_dropped_total, 1);
	shutdown(conn->fd, SHUT_RDWR); /* the library sees the end and closes */
}

/* Version 1 of the library answers each question in the same place: what it said before is gone then. */
static MHD_socket socket_of(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static const struct sockaddr *peer_of(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
}

static struct conn *conn_new(struct http_server *server, struct MHD_Connection *mhd)
{
	struct conn *conn = x_alloc(sizeof(*conn));

	conn->server = server;
	conn->fd = socket_of(mhd);
	conn->is_trusted = netguard_lists(&server->trusted, peer_of(mhd));
	conn->arrival = loop_timer_new(server->worker->loop, on_arrival_time, conn);
	conn->next = server->conns;
	conn->at = &server->conns;
	if (conn->next)
		conn->next->at = &conn->next;
	server->conns = conn;
	listen_for_hangups(conn);
	loop_timer_start(conn->arrival, server->arrival_ms);
	metric_add(METRIC_http_connections, 1);
	return conn;
}

/* A head that overflows its memory in certain places ends the connection without a word about the request. */
static void end_unfinished(struct conn *conn)
{
	if (!conn->req)
		return;
	conn->server->open_requests--;
	http_req_completed(conn->req, 0);
}

static void conn_free(struct conn *conn)
{
	end_unfinished(conn);
	http_forget_hangups(conn);
	loop_timer_free(conn->arrival);
	*conn->at = conn->next;
	if (conn->next)
		conn->next->at = conn->at;
	metric_add(METRIC_http_connections, -1);
	x_free(conn);
}

/* ---- what the library calls ---- */

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = conn_new(cls, mhd);
	} else {
		conn_free(*socket_context);
		*socket_context = NULL;
	}
}

static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct http_server *server = cls;
	struct conn *conn = info->socket_context;

	server->open_requests++;
	if (conn->is_reused) /* else its time runs since the connection came */
		loop_timer_start(conn->arrival, server->arrival_ms);
	return http_req_new(conn, mhd, uri);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *decoded_path,
				  const char *method, const char *version, const char *data, size_t *size,
				  void **req)
{
	(void)cls;
	(void)mhd;
	(void)decoded_path;
	return http_req_continue(*req, method, version, data, size);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **req_context,
			 enum MHD_RequestTerminationCode code)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_HTTP_STATUS);
	struct http_server *server = cls;
	struct req *req = *req_context;

	(void)code;
	if (!req)
		return;
	*req_context = NULL;
	server->open_requests--;
	req->conn->is_reused = true;
	loop_timer_start(req->conn->arrival, (uint64_t)server->idle_ms + server->arrival_ms);
	http_req_completed(req, info ? info->http_status : 0);
}

static void on_library_log(void *cls, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
static void on_library_log(void *cls, const char *fmt, va_list ap)
{
	char text[200];

	(void)cls;
	if (!log_enabled(LOG_DEBUG))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	log_debug("libmicrohttpd", "text=%s", log_str(str_trim(str_of(text))));
}

static void on_panic(void *cls, const char *file, unsigned line, const char *reason)
{
	(void)cls;
	log_error("libmicrohttpd_panic", "file=%s line=%u reason=%s", file, line, log_str(str_of(reason)));
	abort();
}

static void set_panic(void)
{
	MHD_set_panic_func(on_panic, NULL);
}

/* ---- start and stop ---- */

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
}

static enum err open_listener(struct http_server *server, const struct http_server_conf *conf)
{
	const int on = 1;
	struct sockaddr_storage address;
	const socklen_t len = loop_numeric_address(conf->bind, conf->port, &address);
	int fd;

	if (!len) {
		log_error("listen_failed", "bind=%s why=%s", log_str(str_of(conf->bind)),
			  log_str(STR("not a numeric address")));
		return ERR_BAD_FIELD;
	}
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, BACKLOG) != 0) {
		log_error("listen_failed", "bind=%s port=%u errno=%d", log_str(str_of(conf->bind)),
			  conf->port, errno);
		if (fd >= 0)
			close(fd);
		return ERR_UNAVAILABLE;
	}
	server->listen_fd = fd;
	server->port = bound_port(fd);
	return ERR_NONE;
}

static struct MHD_Daemon *start_daemon(struct http_server *server, const struct http_server_conf *conf)
{
	const unsigned flags =
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE;

	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER,
				on_library_log, NULL, MHD_OPTION_LISTEN_SOCKET, server->listen_fd,
				MHD_OPTION_CONNECTION_LIMIT, conf->max_connections,
				MHD_OPTION_CONNECTION_TIMEOUT, MAX((conf->idle_ms + 999) / 1000, 1u),
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_SIZE,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
				MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,
				MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
#if MHD_VERSION >= 0x01000000
				MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1,
#else
				MHD_OPTION_STRICT_FOR_CLIENT, 1,
#endif
				MHD_OPTION_END);
}

static void watch_library(struct http_server *server)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct loop *loop = server->worker->loop;

	server->watch = loop_watch_new(loop, info->epoll_fd, on_library_events, server);
	loop_watch_set(server->watch, LOOP_READ);
	server->timer = loop_timer_new(loop, on_timer, server);
	server->hangup_watch = loop_watch_new(loop, server->hangup_fd, on_hangups, server);
	loop_watch_set(server->hangup_watch, LOOP_READ);
	loop_before_wait(loop, http_run, server);
	http_kick(server);
}

enum err http_server_new(struct worker *worker, const struct http_server_conf *conf, struct http_server **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http_server *server = x_alloc(sizeof(*server));
	struct str bad = STR_NULL;
	enum err err = ERR_NONE;

	pthread_once(&once, set_panic);
	server->worker = worker;
	server->app = conf->app;
	server->arrival_ms = conf->arrival_ms;
	server->idle_ms = conf->idle_ms;
	server->deadline_ms = conf->deadline_ms;
	server->max_streams = conf->max_connections;
	server->listen_fd = -1;
	server->hangup_fd = epoll_create1(EPOLL_CLOEXEC);
	INVARIANT(server->hangup_fd >= 0);

	if (!netguard_parse(&server->trusted, str_of(conf->trusted_proxies), &bad)) {
		log_error("listen_failed", "trusted_proxies=%s", log_str(bad));
		err = ERR_BAD_FIELD;
		goto fail;
	}
	err = open_listener(server, conf);
	if (err)
		goto fail;
	server->daemon = start_daemon(server, conf);
	if (!server->daemon) {
		log_error("listen_failed", "why=%s", log_str(STR("libmicrohttpd did not start")));
		close(server->listen_fd);
		err = ERR_UNAVAILABLE;
		goto fail;
	}
	watch_library(server);
	*out = server;
	return ERR_NONE;
fail:
	close(server->hangup_fd);
	x_free(server);
	return err;
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}

void http_server_quiesce(struct http_server *server)
{
	if (server->quiesced)
		return;
	MHD_run(server->daemon); /* takes what the kernel has accepted already */
	server->quiesced = true;
	if (MHD_quiesce_daemon(server->daemon) == server->listen_fd)
		close(server->listen_fd);
	server->listen_fd = -1;
	http_kick(server);
}

bool http_server_is_idle(const struct http_server *server)
{
	return server->open_requests == 0 && server->open_streams == 0;
}

/* The library aborts when it is stopped with a suspended connection. */
static void answer_suspended(struct http_server *server)
{
	server->stopping = true;
	for (struct conn *conn = server->conns; conn; conn = conn->next) {
		if (!conn->req || !conn->req->suspended)
			continue;
		flow_fail(&conn->req->flow, ERR_DRAINING, "%s", err_text(ERR_DRAINING));
		if (conn->req->suspended)
			http_drop(conn->req);
	}
	for (int i = 0; server->dirty && i < RUNS_AT_END; i++) {
		server->dirty = false;
		MHD_run(server->daemon);
	}
}

struct http_server *http_server_free(struct http_server *server)
{
	if (!server)
		return NULL;
	http_server_quiesce(server);
	while (server->streams)
		http_stream_drop(server->streams);
	answer_suspended(server);
	loop_before_wait_end(server->worker->loop, http_run, server);
	loop_watch_free(server->watch);
	MHD_stop_daemon(server->daemon);
	loop_timer_free(server->timer);
	loop_watch_free(server->hangup_watch);
	close(server->hangup_fd);
	x_free(server);
	return NULL;
}
