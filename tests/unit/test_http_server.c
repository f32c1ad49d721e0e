/* test_http_server.c - a real server on a free port, driven by raw sockets.
 *
 * The server's loop runs in a thread of its own; the tests talk to it over TCP,
 * and reach into it only through loop_post.
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
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

static void reply_cstr(struct req *req, unsigned status, const char *text)
{
	struct buf body;

	buf_init(&body, 4096);
	buf_puts(&body, text);
	reply_text(req, status, "text/plain", &body);
}

static void get_hello(struct req *req)
{
	reply_cstr(req, 200, "hello");
}

static void post_echo(struct req *req)
{
	struct buf body;

	buf_init(&body, HTTP_BODY_MAX);
	buf_put(&body, req_body(req));
	reply_text(req, 200, "application/octet-stream", &body);
}

static void on_abandoned(struct flow *flow, void *arg)
{
	(void)flow;
	sem_post(arg);
}

static void on_released(struct flow *flow)
{
	reply_cstr(flow_req(flow), 200, "released");
}

/* Waits until a test releases it; long enough a deadline that only the test ends it. */
static void get_wait(struct req *req)
{
	struct flow *flow = req_flow(req);

	flow_deadline(flow, PATIENCE_S * 1000);
	flow_on_abandon(flow, on_abandoned, &t.abandoned);
	flow_hold(flow, "the test");
	t.waiting = flow;
	sem_post(&t.suspended);
}

static void get_slow(struct req *req)
{
	flow_sleep(req_flow(req), 20, STEP(on_released));
}

static void get_never(struct req *req)
{
	flow_sleep(req_flow(req), PATIENCE_S * 1000, STEP(on_released));
}

static void get_forgets(struct req *req)
{
	(void)req;
}

static void get_item(struct req *req)
{
	struct buf body;
	const struct str q = req_query(req, "q");

	buf_init(&body, 4096);
	buf_printf(&body, "id=" STR_FMT " q=" STR_FMT, STR_ARG(req_param(req, "id")),
		   str_is_null(q) ? 6 : (int)q.n, str_is_null(q) ? "(none)" : q.p);
	reply_text(req, 200, "text/plain", &body);
}

static void get_whoami(struct req *req)
{
	struct buf body;

	buf_init(&body, 4096);
	buf_put(&body, req_client_address(req));
	reply_text(req, 200, "text/plain", &body);
}

static void put_json(struct req *req)
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

static void post_form(struct req *req)
{
	const struct form *form;

	if (req_form_or_reply(req, &form))
		reply_cstr(req, 200, form_has(form, "To", STR("client:a b")) ? "yes" : "no");
}

static void get_private(struct req *req)
{
	reply_error(req, ERR_UNAUTHORIZED, "no");
}

/* Echoes what comes until the peer ends. */
static void on_echo(void *arg, unsigned events)
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

static void on_upgrade(void *arg, struct worker *worker, int fd, struct str early)
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

static void get_up(struct req *req)
{
	req_upgrade(req, "echo.v1", STR("key"), on_upgrade, NULL);
}

static const struct route routes[] = {
	{ HTTP_GET, "/hello", 0, get_hello },	  { HTTP_POST, "/echo", 0, post_echo },
	{ HTTP_DELETE, "/echo", 0, post_echo },	  { HTTP_GET, "/wait", 0, get_wait },
	{ HTTP_GET, "/slow", 0, get_slow },	  { HTTP_GET, "/never", 0, get_never },
	{ HTTP_GET, "/forgets", 0, get_forgets }, { HTTP_GET, "/items/{id}", 0, get_item },
	{ HTTP_GET, "/whoami", 0, get_whoami },	  { HTTP_PUT, "/json", 0, put_json },
	{ HTTP_POST, "/form", 0, post_form },	  { HTTP_GET, "/private", 0, get_private },
	{ HTTP_GET, "/up", 0, get_up },
};
static const struct http_app app = { routes, ARRAY_LEN(routes), NULL };

/* ---- the server's thread ---- */

static void *thread_main(void *arg)
{
	loop_run(arg);
	return NULL;
}

struct errand {
	void (*fn)(void);
	sem_t done;
};

static void on_errand(void *arg)
{
	struct errand *errand = arg;

	errand->fn();
	sem_post(&errand->done);
}

static void wait_for(sem_t *sem)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	assert_int_equal(sem_timedwait(sem, &until), 0);
}

static void on_loop(void (*fn)(void))
{
	struct errand errand = { .fn = fn };

	sem_init(&errand.done, 0, 0);
	loop_post(t.worker.loop, on_errand, &errand);
	wait_for(&errand.done);
	sem_destroy(&errand.done);
}

static bool idle;

static void look_if_idle(void)
{
	idle = http_server_is_idle(t.server);
}

static void stop(void)
{
	t.server = http_server_free(t.server);
	loop_stop(t.worker.loop);
}

static int setup_behind(const char *trusted_proxies)
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

static int setup(void **state)
{
	(void)state;
	return setup_behind("127.0.0.1,10.0.0.0/8");
}

static int setup_in_the_open(void **state)
{
	(void)state;
	return setup_behind("10.0.0.0/8");
}

static int teardown(void **state)
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

static int try_dial(uint16_t port)
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

static int dial(void)
{
	const int fd = try_dial(http_server_port(t.server));

	assert_true(fd >= 0);
	return fd;
}

static void say_n(int fd, const char *p, size_t n)
{
	while (n) {
		const ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0) /* a server may refuse and close before it has read all */
			return;
		p += sent;
		n -= (size_t)sent;
	}
}

static void say(int fd, const char *text)
{
	say_n(fd, text, strlen(text));
}

/* Everything until the server ends the connection. */
static const char *hear_all(int fd)
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
static const char *hear_until(int fd, const char *text)
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

static const char *ask(const char *request)
{
	const int fd = dial();

	say(fd, request);
	return hear_all(fd);
}

static unsigned count(const char *text, const char *part)
{
	unsigned n = 0;

	for (const char *p = strstr(text, part); p; p = strstr(p + 1, part))
		n++;
	return n;
}

static void has(const char *reply, const char *part)
{
	if (!strstr(reply, part))
		fail_msg("no \"%s\" in:\n%s", part, reply);
}

static void has_not(const char *reply, const char *part)
{
	if (strstr(reply, part))
		fail_msg("\"%s\" in:\n%s", part, reply);
}

#define HEAD_END "Host: h\r\nConnection: close\r\n\r\n"

/* ---- the tests ---- */

static void every_reply_carries_its_headers(void **state)
{
	const char *reply = ask("GET /hello HTTP/1.1\r\ntraceparent: 00-ab-cd-01\r\n" HEAD_END);

	(void)state;
	has(reply, "HTTP/1.1 200 ");
	has(reply, "Request-Id: RQ");
	has(reply, "Cache-Control: no-store");
	has(reply, "Content-Type: text/plain");
	has(reply, "traceparent: 00-ab-cd-01");
	has(reply, "\r\n\r\nhello");
}

static void replies_by_table(void **state)
{
	static const struct {
		const char *request, *status, *part;
	} cases[] = {
		{ "GET /none HTTP/1.1\r\n" HEAD_END, "404", "\"code\":20404" },
		{ "GET /none HTTP/1.1\r\n" HEAD_END, "404", "Content-Type: application/json" },
		{ "GET /none HTTP/1.1\r\n" HEAD_END, "404",
		  "\"more_info\":\"https://www.twilio.com/docs/errors/20404\",\"status\":404" },
		{ "DELETE /hello HTTP/1.1\r\n" HEAD_END, "405", "Allow: OPTIONS, GET, HEAD\r\n" },
		{ "PATCH /hello HTTP/1.1\r\n" HEAD_END, "405", "Allow: OPTIONS, GET, HEAD\r\n" },
		{ "PATCH /none HTTP/1.1\r\n" HEAD_END, "404", "20404" },
		{ "OPTIONS /echo HTTP/1.1\r\n" HEAD_END, "204", "Allow: OPTIONS, POST, DELETE\r\n" },
		{ "OPTIONS /none HTTP/1.1\r\n" HEAD_END, "404", "20404" },
		{ "GET /private HTTP/1.1\r\n" HEAD_END, "401",
		  "WWW-Authenticate: Basic realm=\"switchhook\"" },
		{ "GET /never HTTP/1.1\r\n" HEAD_END, "503", "Retry-After: 1" },
		{ "GET /never HTTP/1.1\r\n" HEAD_END, "503", "\"code\":45055" },
		{ "GET /forgets HTTP/1.1\r\n" HEAD_END, "503", "\"code\":45055" },
		{ "GET /slow HTTP/1.1\r\n" HEAD_END, "200", "\r\n\r\nreleased" },
		{ "GET /items/a%2Fb+c?q=x+y HTTP/1.1\r\n" HEAD_END, "200", "id=a/b+c q=x y" },
		{ "GET /items/a?Q=1&q=2&q=3 HTTP/1.1\r\n" HEAD_END, "200", "id=a q=2" },
		{ "GET /items/a?Q=1 HTTP/1.1\r\n" HEAD_END, "200", "id=a q=(none)" },
		{ "GET /items/a%00b HTTP/1.1\r\n" HEAD_END, "400", "{id}" },
		{ "GET /items/a%zz HTTP/1.1\r\n" HEAD_END, "400", "{id}" },
		{ "GET /items/a?q=b%00c HTTP/1.1\r\n" HEAD_END, "400", "the query is not valid" },
		{ "GET /items/a/b HTTP/1.1\r\n" HEAD_END, "404", "20404" },
		{ "GET /%68ello HTTP/1.1\r\n" HEAD_END, "404", "20404" },
		{ "GET /whoami HTTP/1.1\r\n" HEAD_END, "200", "\r\n\r\n127.0.0.1" },
		{ "GET /whoami HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4, "
		  "10.0.0.9\r\n" HEAD_END,
		  "200", "\r\n\r\n1.2.3.4" },
		{ "GET /whoami HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4, nonsense\r\n" HEAD_END, "200",
		  "\r\n\r\n127.0.0.1" },
		{ "GET /hello HTTP/1.1\r\nX-Request-Id: from-proxy.1\r\n" HEAD_END, "200",
		  "Request-Id: from-proxy.1\r\n" },
		{ "GET /hello HTTP/1.1\r\nRequest-Id: bad id\r\n" HEAD_END, "200", "Request-Id: RQ" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *reply = ask(cases[i].request);

		if (strncmp(reply + 9, cases[i].status, 3) != 0)
			fail_msg("%s\nis not %s:\n%s", cases[i].request, cases[i].status, reply);
		has(reply, cases[i].part);
	}
}

static void bodies_by_table(void **state)
{
	static const struct {
		const char *line, *type, *body, *status, *part;
	} cases[] = {
		{ "PUT /json", "application/json; charset=utf-8", "{\"name\":\"a\"}", "204", "ETag: \"1\"" },
		{ "PUT /json", "text/plain", "{}", "415", "45015" },
		{ "PUT /json", "application/json", "{", "400", "45001" },
		{ "PUT /json", "application/json", "[]", "400", "45001" },
		{ "PUT /json", "application/json", "{}", "400", "\"field\":\"name\"" },
		{ "PUT /json", "application/json", "{\"name\":1}", "400", "45002" },
		{ "POST /form", "application/x-www-form-urlencoded", "X=1&To=client%3Aa+b", "200", "yes" },
		{ "POST /form", "application/x-www-form-urlencoded", "to=client%3Aa+b", "200", "no" },
		{ "POST /form", "application/x-www-form-urlencoded", "To=a%00b", "400", "20001" },
		{ "POST /form", "application/json", "{}", "415", "45015" },
		{ "POST /echo", "a/b", "some bytes", "200", "\r\n\r\nsome bytes" },
		{ "DELETE /echo", "a/b", "some bytes", "200", "\r\n\r\nsome bytes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char request[512];
		const char *reply;

		snprintf(request, sizeof(request),
			 "%s HTTP/1.1\r\nContent-Type: %s\r\nContent-Length: %zu\r\n" HEAD_END "%s",
			 cases[i].line, cases[i].type, strlen(cases[i].body), cases[i].body);
		reply = ask(request);
		if (strncmp(reply + 9, cases[i].status, 3) != 0)
			fail_msg("%s\nis not %s:\n%s", request, cases[i].status, reply);
		has(reply, cases[i].part);
	}
}

static void head_has_no_body(void **state)
{
	const char *reply = ask("HEAD /hello HTTP/1.1\r\n" HEAD_END);

	(void)state;
	has(reply, "HTTP/1.1 200 ");
	has(reply, "Content-Length: 5\r\n");
	has_not(reply, "\r\n\r\nhello");
}

static void other_origins_read_only_with_a_token(void **state)
{
	const char *reply;

	(void)state;
	reply = ask("OPTIONS /echo HTTP/1.1\r\nOrigin: https://a.example\r\n" HEAD_END);
	has(reply, "Access-Control-Allow-Origin: https://a.example\r\n");
	has(reply, "Access-Control-Allow-Methods: OPTIONS, POST, DELETE\r\n");
	has(reply, "Access-Control-Allow-Headers: Authorization, Content-Type\r\n");
	has_not(reply, "Allow-Credentials");
	reply = ask(
		"GET /hello HTTP/1.1\r\nOrigin: https://a.example\r\nAuthorization: Bearer x\r\n" HEAD_END);
	has(reply, "Access-Control-Allow-Origin: https://a.example\r\n");
	reply = ask(
		"GET /hello HTTP/1.1\r\nOrigin: https://a.example\r\nAuthorization: Basic x\r\n" HEAD_END);
	has_not(reply, "Access-Control-Allow-Origin");
	reply = ask("GET /hello HTTP/1.1\r\nOrigin: https://a.example\r\n" HEAD_END);
	has_not(reply, "Access-Control-Allow-Origin");
}

static void strangers_are_not_believed(void **state)
{
	(void)state;
	has(ask("GET /whoami HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\n" HEAD_END), "\r\n\r\n127.0.0.1");
	has(ask("GET /hello HTTP/1.1\r\nRequest-Id: mine\r\n" HEAD_END), "Request-Id: RQ");
}

static void log_all(void)
{
	log_setup(LOG_INFO, LOG_LOGFMT, "test");
}

static void log_errors(void)
{
	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
}

/* What the server's thread writes to stderr while a request is served. */
static const char *log_of(const char *request)
{
	static char lines[4096];
	const int saved = dup(STDERR_FILENO);
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	on_loop(log_all);
	ask(request);
	on_loop(log_errors); /* the line is written once the reply is sent */
	dup2(saved, STDERR_FILENO);
	n = read(fds[0], lines, sizeof(lines) - 1);
	assert_true(n > 0);
	lines[n] = '\0';
	close(saved);
	close(fds[0]);
	close(fds[1]);
	return lines;
}

static void every_request_has_one_access_line(void **state)
{
	static char long_head[20000];
	const char *lines = log_of("GET /items/a%2Fb?q=1 HTTP/1.1\r\n" HEAD_END);

	(void)state;
	assert_int_equal(count(lines, "event=http "), 1);
	has(lines, "method=GET");
	has(lines, "/items/a%2Fb");
	has(lines, "status=200");
	has(lines, "req=RQ");
	has_not(lines, "q=1"); /* a query may hold what is not for logs */

	snprintf(long_head, sizeof(long_head), "GET /hello HTTP/1.1\r\nX: %018000d\r\n" HEAD_END, 1);
	lines = log_of(long_head); /* refused by the library itself */
	assert_int_equal(count(lines, "event=http "), 1);
	has(lines, "status=431");
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	const char *reply = ask("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"
				"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
				"GET /slow HTTP/1.1\r\n" HEAD_END);
	const char *hello = strstr(reply, "hello");

	(void)state;
	assert_int_equal(count(reply, "HTTP/1.1 200 "), 3);
	assert_non_null(hello);
	assert_int_equal(count(hello, "released"), 1);
	assert_int_equal(count(reply, "released"), 2);
}

static void ambiguous_framing_is_refused(void **state)
{
	static const char *const methods[] = { "POST /echo", "DELETE /echo", "GET /hello", "PATCH /x" };
	static const char *const framings[] = {
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
		"Content-Length: 5\r\nContent-Length: 5\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"Transfer-Encoding: gzip, chunked\r\n",
		"Transfer-Encoding: identity\r\n",
		"Transfer-Encoding : chunked\r\n",
		"Content-Length : 5\r\n",
		"Content-Length: +5\r\n",
		"Content-Length: 5, 5\r\n",
		"Host: other\r\n",
	};

	(void)state;
	for (size_t m = 0; m < ARRAY_LEN(methods); m++) {
		for (size_t i = 0; i < ARRAY_LEN(framings); i++) {
			char request[512];
			const char *reply;

			snprintf(request, sizeof(request),
				 "%s HTTP/1.1\r\nHost: h\r\n%s\r\n0\r\n\r\nGET /hello HTTP/1.1\r\nHost: "
				 "h\r\n\r\n",
				 methods[m], framings[i]);
			reply = ask(request);
			if (strncmp(reply, "HTTP/1.1 400 ", 13) != 0 || strstr(reply, "hello"))
				fail_msg("%s\ngot:\n%s", request, reply);
		}
	}
}

static void too_large_bodies_are_refused(void **state)
{
	static char piece[4096 + 8];
	const char *reply;
	int fd;

	(void)state;
	reply = ask("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 262145\r\n\r\n");
	has(reply, "HTTP/1.1 413 ");
	has(reply, "\"code\":45013");
	reply = ask("DELETE /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 262145\r\n\r\n");
	has(reply, "HTTP/1.1 413 ");

	fd = dial();
	say(fd, "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" HEAD_END);
	memcpy(piece, "1000\r\n", 6);
	memset(piece + 6, 'x', 4096);
	memcpy(piece + 6 + 4096, "\r\n", 2);
	for (int i = 0; i < 65; i++)
		say_n(fd, piece, sizeof(piece));
	say(fd, "0\r\n\r\n");
	reply = hear_all(fd);
	has(reply, "HTTP/1.1 413 ");
}

static void a_body_as_large_as_allowed_comes_back_whole(void **state)
{
	static char body[HTTP_BODY_MAX];
	const char *reply;
	const int fd = dial();

	(void)state;
	memset(body, 'y', sizeof(body));
	say(fd, "POST /echo HTTP/1.1\r\nContent-Length: 262144\r\n" HEAD_END);
	say_n(fd, body, sizeof(body));
	reply = hear_all(fd);
	has(reply, "HTTP/1.1 200 ");
	assert_int_equal(strlen(strstr(reply, "\r\n\r\n") + 4), sizeof(body));
}

/* One byte every 50 ms keeps the library's idle time away, ours runs. */
static void dribble(const char *start)
{
	const uint64_t from_ms = clock_mono_ms();
	const int fd = dial();
	struct pollfd ended = { .fd = fd, .events = POLLIN };

	say(fd, start);
	while (poll(&ended, 1, 50) == 0) {
		say(fd, "x");
		assert_true(clock_mono_ms() - from_ms < 10 * ARRIVAL_MS);
	}
	assert_string_equal(hear_all(fd), "");
	assert_true(clock_mono_ms() - from_ms >= ARRIVAL_MS);
}

static void slow_requests_are_cut(void **state)
{
	(void)state;
	dribble("");
	dribble("GET /hello HTTP/1.1\r\nX: ");
	dribble("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n");
}

static void a_slow_second_request_is_cut(void **state)
{
	const int fd = dial();
	const uint64_t from_ms = clock_mono_ms();

	(void)state;
	say(fd, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
	hear_until(fd, "hello");
	say(fd, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc");
	assert_string_equal(hear_all(fd), "");
	assert_true(clock_mono_ms() - from_ms < 10 * ARRIVAL_MS);
}

static void hanging_up_abandons_the_flow(void **state)
{
	const int fd = dial();

	(void)state;
	say(fd, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
	wait_for(&t.suspended);
	close(fd);
	wait_for(&t.abandoned);
}

static void release(void)
{
	struct flow *flow = t.waiting;

	t.waiting = NULL;
	flow_resume(flow, STEP(on_released));
}

static void an_answer_after_the_hang_up_is_dropped(void **state)
{
	hanging_up_abandons_the_flow(state);
	on_loop(release);
	has(ask("GET /hello HTTP/1.1\r\n" HEAD_END), "hello");
}

static int teardown_released(void **state)
{
	if (t.waiting)
		on_loop(release);
	return teardown(state);
}

static void quiesce(void)
{
	http_server_quiesce(t.server);
}

static void quiesced_it_finishes_what_it_has(void **state)
{
	const uint16_t port = http_server_port(t.server);
	const int kept = dial();
	const int fd = dial();
	const char *reply;

	(void)state;
	say(kept, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
	hear_until(kept, "hello");
	say(fd, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
	wait_for(&t.suspended);
	on_loop(quiesce);
	on_loop(look_if_idle);
	assert_false(idle);
	assert_int_equal(try_dial(port), -1);

	say(kept, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
	has(hear_all(kept), "Connection: close");
	on_loop(release);
	reply = hear_all(fd);
	has(reply, "released");
	has(reply, "Connection: close");
	on_loop(look_if_idle);
	assert_true(idle);
}

static void stopping_answers_what_waits(void **state)
{
	const int fd = dial();
	const int half = dial();
	const char *reply;

	(void)state;
	say(half, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
	say(fd, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\nGET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
	wait_for(&t.suspended);
	on_loop(stop);
	reply = hear_all(fd);
	has(reply, "HTTP/1.1 503 ");
	has(reply, "\"code\":45054");
	assert_string_equal(hear_all(half), "");
	pthread_join(t.thread, NULL);
	release(); /* the I/O that came back late ends the request */
	loop_free(t.worker.loop);
}

#define UP "GET /up HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

static void an_upgraded_socket_is_ours(void **state)
{
	const int fd = dial();
	const char *reply;

	(void)state;
	say(fd, UP "early");
	reply = hear_until(fd, "early");
	has(reply, "HTTP/1.1 101 ");
	has(reply, "Upgrade: websocket\r\n");
	has(reply, "Sec-WebSocket-Protocol: echo.v1\r\n");
	has(reply, "Sec-WebSocket-Accept: key\r\n");
	on_loop(look_if_idle);
	assert_true(idle); /* the library is done with it, the socket lives on */
	say(fd, "later");
	hear_until(fd, "later");
	shutdown(fd, SHUT_WR);
	wait_for(&t.upgraded);
	assert_string_equal(hear_all(fd), "");
}

static void an_upgrade_that_fails_is_told(void **state)
{
	const char *reply = ask("GET /up HTTP/1.0\r\nHost: h\r\n\r\n");

	(void)state;
	assert_string_equal(reply, "");
	wait_for(&t.upgraded);
	assert_int_equal(t.upgrade_fd, -1);
}

#define SERVED(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(every_reply_carries_its_headers),
		SERVED(replies_by_table),
		SERVED(bodies_by_table),
		SERVED(head_has_no_body),
		SERVED(other_origins_read_only_with_a_token),
		cmocka_unit_test_setup_teardown(strangers_are_not_believed, setup_in_the_open, teardown),
		SERVED(every_request_has_one_access_line),
		SERVED(pipelined_requests_are_answered_in_order),
		SERVED(ambiguous_framing_is_refused),
		SERVED(too_large_bodies_are_refused),
		SERVED(a_body_as_large_as_allowed_comes_back_whole),
		SERVED(slow_requests_are_cut),
		SERVED(a_slow_second_request_is_cut),
		cmocka_unit_test_setup_teardown(hanging_up_abandons_the_flow, setup, teardown_released),
		SERVED(an_answer_after_the_hang_up_is_dropped),
		SERVED(quiesced_it_finishes_what_it_has),
		cmocka_unit_test_setup(stopping_answers_what_waits, setup),
		SERVED(an_upgraded_socket_is_ours),
		SERVED(an_upgrade_that_fails_is_told),
	};

	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
