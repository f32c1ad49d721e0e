/* http_server_fixture.h - a real server on a free port, driven by raw sockets.
 *
 * The server's loop runs in a thread of its own; the tests talk to it over TCP,
 * and reach into it only through loop_post.
 */
#pragma once

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <time.h>

#include "common/io/http_server.h"

enum { PATIENCE_S = 10, ARRIVAL_MS = 400, DEADLINE_MS = 600, REPLY_MAX = 600 * 1024 };

static struct {
	struct worker worker;
	struct http_server *server;
	pthread_t thread;
	sem_t suspended; /* a request waits in /wait */
	sem_t abandoned;
	sem_t upgraded;
	int upgrade_fd;
	struct flow *waiting;
} t;

/* ---- the routes under test ---- */

static inline void reply_cstr(struct req *req, unsigned status, const char *text)
{
	struct buf body;

	buf_init(&body, 4096);
	buf_puts(&body, text);
	reply_text(req, status, "text/plain", &body);
}

static inline void get_hello(struct req *req)
{
	reply_cstr(req, 200, "hello");
}

static inline void post_echo(struct req *req)
{
	struct buf body;

	buf_init(&body, HTTP_BODY_MAX);
	buf_put(&body, req_body(req));
	reply_text(req, 200, "application/octet-stream", &body);
}

static inline void on_abandoned(struct flow *flow, void *arg)
{
	(void)flow;
	sem_post(arg);
}

static inline void on_released(struct flow *flow)
{
	reply_cstr(flow_req(flow), 200, "released");
}

/* Waits until a test releases it; long enough a deadline that only the test ends it. */
static inline void get_wait(struct req *req)
{
	struct flow *flow = req_flow(req);

	flow_deadline(flow, PATIENCE_S * 1000);
	flow_on_abandon(flow, on_abandoned, &t.abandoned);
	flow_hold(flow, "the test");
	t.waiting = flow;
	sem_post(&t.suspended);
}

static inline void get_slow(struct req *req)
{
	flow_sleep(req_flow(req), 20, STEP(on_released));
}

static inline void get_never(struct req *req)
{
	flow_sleep(req_flow(req), PATIENCE_S * 1000, STEP(on_released));
}

static inline void get_forgets(struct req *req)
{
	(void)req;
}

static inline void get_item(struct req *req)
{
	struct buf body;
	const struct str q = req_query(req, "q");

	buf_init(&body, 4096);
	buf_printf(&body, "id=" STR_FMT " q=" STR_FMT, STR_ARG(req_param(req, "id")),
		   str_is_null(q) ? 6 : (int)q.n, str_is_null(q) ? "(none)" : q.p);
	reply_text(req, 200, "text/plain", &body);
}

static inline void get_whoami(struct req *req)
{
	struct buf body;

	buf_init(&body, 4096);
	buf_put(&body, req_client_address(req));
	reply_text(req, 200, "text/plain", &body);
}

static inline void put_json(struct req *req)
{
	const struct json *object;
	struct json_fault fault = { .missing = false };
	struct str name;

	if (!req_json_or_reply(req, &object))
		return;
	if (!json_get_str(object, "name", JSON_REQUIRED, 8, &name, &fault)) {
		reply_fault(req, &fault);
		return;
	}
	reply_header(req, "ETag", STR("\"1\""));
	reply_empty(req, 204);
}

static inline void post_form(struct req *req)
{
	const struct form *form;

	if (req_form_or_reply(req, &form))
		reply_cstr(req, 200, form_has(form, "To", STR("client:a b")) ? "yes" : "no");
}

static inline void get_private(struct req *req)
{
	reply_error(req, ERR_UNAUTHORIZED, "no");
}

/* Echoes what comes until the peer ends. */
static inline void on_echo(void *arg, unsigned events)
{
	struct loop_watch **watch = arg;
	char data[256];
	const ssize_t n = read(t.upgrade_fd, data, sizeof(data));

	(void)events;
	if (n > 0) {
		assert_int_equal(write(t.upgrade_fd, data, (size_t)n), n);
		return;
	}
	*watch = loop_watch_free(*watch);
	close(t.upgrade_fd);
	sem_post(&t.upgraded);
}

static inline void on_upgrade(void *arg, struct worker *worker, int fd, struct str early)
{
	static struct loop_watch *watch;

	(void)arg;
	t.upgrade_fd = fd;
	if (fd < 0) {
		sem_post(&t.upgraded);
		return;
	}
	if (early.n)
		assert_int_equal(write(fd, early.p, early.n), (ssize_t)early.n);
	watch = loop_watch_new(worker->loop, fd, on_echo, &watch);
	loop_watch_set(watch, LOOP_READ);
}

static inline void get_up(struct req *req)
{
	req_upgrade(req, "echo.v1", STR("key"), on_upgrade, NULL);
}

#ifndef MORE_ROUTES /* a test may add its own before it includes this */
#define MORE_ROUTES
#endif

static const struct route routes[] = {
	{ HTTP_GET, "/hello", 0, get_hello },	  { HTTP_POST, "/echo", 0, post_echo },
	{ HTTP_DELETE, "/echo", 0, post_echo },	  { HTTP_GET, "/wait", 0, get_wait },
	{ HTTP_GET, "/slow", 0, get_slow },	  { HTTP_GET, "/never", 0, get_never },
	{ HTTP_GET, "/forgets", 0, get_forgets }, { HTTP_GET, "/items/{id}", 0, get_item },
	{ HTTP_GET, "/whoami", 0, get_whoami },	  { HTTP_PUT, "/json", 0, put_json },
	{ HTTP_POST, "/form", 0, post_form },	  { HTTP_GET, "/private", 0, get_private },
	{ HTTP_GET, "/up", 0, get_up },		  MORE_ROUTES
};
static const struct http_app app = { routes, ARRAY_LEN(routes), NULL };

/* ---- the server's thread ---- */

static inline void *thread_main(void *arg)
{
	loop_run(arg);
	return NULL;
}

struct errand {
	void (*fn)(void);
	sem_t done;
};

static inline void on_errand(void *arg)
{
	struct errand *errand = arg;

	errand->fn();
	sem_post(&errand->done);
}

static inline void wait_for(sem_t *sem)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	assert_int_equal(sem_timedwait(sem, &until), 0);
}

static inline void on_loop(void (*fn)(void))
{
	struct errand errand = { .fn = fn };

	sem_init(&errand.done, 0, 0);
	loop_post(t.worker.loop, on_errand, &errand);
	wait_for(&errand.done);
	sem_destroy(&errand.done);
}

static inline void stop(void)
{
	t.server = http_server_free(t.server);
	loop_stop(t.worker.loop);
}

static inline int setup_behind(const char *trusted_proxies)
{
	const struct http_server_conf conf = {
		.bind = "127.0.0.1",
		.max_connections = 100,
		.arrival_ms = ARRIVAL_MS,
		.idle_ms = 60000,
		.deadline_ms = DEADLINE_MS,
		.trusted_proxies = trusted_proxies,
		.app = &app,
	};

	t.worker = (struct worker){ .count = 1, .all = &t.worker, .loop = loop_new() };
	sem_init(&t.suspended, 0, 0);
	sem_init(&t.abandoned, 0, 0);
	sem_init(&t.upgraded, 0, 0);
	assert_int_equal(http_server_new(&t.worker, &conf, &t.server), ERR_NONE);
	assert_int_equal(pthread_create(&t.thread, NULL, thread_main, t.worker.loop), 0);
	return 0;
}

static inline int setup(void **state)
{
	(void)state;
	return setup_behind("127.0.0.1,10.0.0.0/8");
}

static inline int teardown(void **state)
{
	(void)state;
	if (t.server)
		on_loop(stop);
	pthread_join(t.thread, NULL);
	loop_free(t.worker.loop);
	sem_destroy(&t.suspended);
	sem_destroy(&t.abandoned);
	sem_destroy(&t.upgraded);
	return 0;
}

/* ---- the client ---- */

static inline int try_dial(uint16_t port)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static inline int dial(void)
{
	const int fd = try_dial(http_server_port(t.server));

	assert_true(fd >= 0);
	return fd;
}

static inline void say_n(int fd, const char *p, size_t n)
{
	while (n) {
		const ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0) /* a server may refuse and close before it has read all */
			return;
		p += sent;
		n -= (size_t)sent;
	}
}

static inline void say(int fd, const char *text)
{
	say_n(fd, text, strlen(text));
}

/* Everything until the server ends the connection. */
static inline const char *hear_all(int fd)
{
	static char reply[REPLY_MAX];
	size_t n = 0;
	ssize_t got;

	while ((got = recv(fd, reply + n, sizeof(reply) - 1 - n, 0)) > 0)
		n += (size_t)got;
	if (got < 0)
		assert_int_equal(errno, ECONNRESET); /* and not EAGAIN: it has to end */
	reply[n] = '\0';
	close(fd);
	return reply;
}

/* Until the text has been heard; the connection stays. */
static inline const char *hear_until(int fd, const char *text)
{
	static char reply[REPLY_MAX];
	size_t n = 0;

	reply[0] = '\0';
	while (!strstr(reply, text)) {
		const ssize_t got = recv(fd, reply + n, sizeof(reply) - 1 - n, 0);

		assert_true(got > 0);
		n += (size_t)got;
		reply[n] = '\0';
	}
	return reply;
}

static inline const char *ask(const char *request)
{
	const int fd = dial();

	say(fd, request);
	return hear_all(fd);
}

static inline unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	for (const char *p = strstr(text, part); p; p = strstr(p + 1, part))
		n++;
	return n;
}

static inline void has(const char *reply, const char *part)
{
	if (!strstr(reply, part))
		fail_msg("no \"%s\" in:\n%s", part, reply);
}

static inline void has_not(const char *reply, const char *part)
{
	if (strstr(reply, part))
		fail_msg("\"%s\" in:\n%s", part, reply);
}

#define HEAD_END "Host: h\r\nConnection: close\r\n\r\n"
#define SERVED(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
