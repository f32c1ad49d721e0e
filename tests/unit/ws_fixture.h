/* ws_fixture.h - WebSockets on a real server and a free port, with a raw client.
 *
 * The server's loop runs in a thread of its own.  It notes what its sockets'
 * owner hears ("open text:hello close:1000"); the tests await that text.  The
 * owner echoes every text, save a few that are commands.
 */
#pragma once

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "common/base/metrics.h"
#include "common/io/http_server.h"
#include "common/io/ws.h"
#include "common/io/ws_frame.h"

enum { PATIENCE_S = 10, MAX_MESSAGE = 70000, MAX_QUEUE = 256 * 1024, FLOOD = 64 };

#define KEY	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define HELLO	"GET /ws HTTP/1.1\r\nHost: h\r\n" UPGRADE KEY "Sec-WebSocket-Version: 13\r\n\r\n"

static struct {
	struct worker worker;
	struct http_server *server;
	struct ws_conf conf;
	pthread_t thread;
	struct ws *ws; /* of the owner, while open */
	bool is_calling;
	int owner;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char notes[1024];
	unsigned open;	/* sockets of the owner */
	int dialed[32]; /* the client's, to be closed at the end of a test, also of a failed one */
	size_t n_dialed;
} t;

/* ---- the owner of the sockets, on the loop's thread ---- */

static inline void note(const char *fmt, ...) PRINTF_LIKE(1, 2);
static inline void note(const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&t.lock);
	const size_t n = strlen(t.notes);

	va_start(ap, fmt);
	vsnprintf(t.notes + n, sizeof(t.notes) - n, fmt, ap);
	va_end(ap);
	pthread_cond_broadcast(&t.changed);
	pthread_mutex_unlock(&t.lock);
}

static inline void on_open(void *arg, struct ws *ws)
{
	assert_null(arg);
	t.ws = ws;
	t.open++;
	ws_set_arg(ws, &t.owner);
	note("open ");
}

/* More than the socket and the queue take together. */
static inline void flood(void)
{
	static char text[60000];

	memset(text, 'f', sizeof(text));
	t.is_calling = true;
	for (int i = 0; i < 1000; i++)
		ws_send(t.ws, str_n(text, sizeof(text)));
	t.is_calling = false;
}

/* As much as certainly waits in the queue, but fits. */
static inline void fill(void)
{
	static char text[1024];

	memset(text, 'f', sizeof(text));
	for (int i = 0; i < FLOOD; i++)
		ws_send(t.ws, str_n(text, sizeof(text)));
}

static inline void on_text(void *arg, struct str text)
{
	assert_ptr_equal(arg, &t.owner);
	assert_false(t.is_calling);
	if (text.n < 32)
		note("text:" STR_FMT " ", STR_ARG(text));
	if (str_eq(text, STR("!flood"))) {
		flood();
	} else if (str_starts(text, STR("!close"))) {
		t.is_calling = true;
		ws_close(t.ws, 4001, "bye");
		ws_send(t.ws, STR("too late"));
		ws_close(t.ws, 4002, "again");
		t.is_calling = false;
		note("after:" STR_FMT " ", STR_ARG(text)); /* the text is still there */
	} else if (str_eq(text, STR("!await"))) {
		ws_await_byte(t.ws);
	} else if (str_eq(text, STR("!fill and close"))) {
		fill();
		ws_close(t.ws, 1012, "restart");
	} else {
		ws_send(t.ws, text);
	}
}

static inline void on_close(void *arg, unsigned code)
{
	assert_ptr_equal(arg, &t.owner);
	assert_false(t.is_calling);
	t.ws = NULL;
	t.open--;
	note("close:%u ", code);
}

static inline void on_heard(void *arg)
{
	assert_ptr_equal(arg, &t.owner);
	note("heard ");
}

static inline void get_ws(struct req *req)
{
	static const struct ws_ops ops = { on_open, on_text, on_close, on_heard };

	ws_accept_or_reply(req, &t.conf, &ops, NULL);
}

static const struct route routes[] = { { HTTP_GET, "/ws", 0, get_ws } };
static const struct http_app app = { routes, ARRAY_LEN(routes), NULL };

/* ---- the server's thread ---- */

static inline void *thread_main(void *arg)
{
	metrics_attach();
	loop_run(arg);
	return NULL;
}

/* Once every socket's owner has heard of its end. */
static inline void stop(void *arg)
{
	(void)arg;
	t.server = http_server_free(t.server);
	if (t.open)
		loop_post(t.worker.loop, stop, NULL);
	else
		loop_stop(t.worker.loop);
}

static inline int setup(void **state)
{
	const struct http_server_conf conf = { .bind = "127.0.0.1",
					       .max_connections = 100,
					       .arrival_ms = 60000,
					       .idle_ms = 60000,
					       .deadline_ms = 60000,
					       .trusted_proxies = "",
					       .app = &app };

	(void)state;
	t.notes[0] = '\0';
	t.conf = (struct ws_conf){ .protocol = "chat.v1",
				   .max_message = MAX_MESSAGE,
				   .max_queue = MAX_QUEUE,
				   .ping_ms = 60000,
				   .dead_ms = 120000 };
	t.worker = (struct worker){ .count = 1, .all = &t.worker, .loop = loop_new() };
	pthread_mutex_init(&t.lock, NULL);
	pthread_cond_init(&t.changed, NULL);
	assert_int_equal(http_server_new(&t.worker, &conf, &t.server), ERR_NONE);
	assert_int_equal(pthread_create(&t.thread, NULL, thread_main, t.worker.loop), 0);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	while (t.n_dialed)
		close(t.dialed[--t.n_dialed]);
	loop_post(t.worker.loop, stop, NULL);
	pthread_join(t.thread, NULL);
	loop_finish(t.worker.loop);
	loop_free(t.worker.loop);
	pthread_mutex_destroy(&t.lock);
	pthread_cond_destroy(&t.changed);
	return 0;
}

/* Until the notes end with this. */
static inline void await_notes(const char *expected)
{
	char notes[sizeof(t.notes)];
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&t.lock);
	while (strcmp(t.notes, expected) != 0)
		if (pthread_cond_timedwait(&t.changed, &t.lock, &until) != 0)
			break;
	memcpy(notes, t.notes, sizeof(notes));
	pthread_mutex_unlock(&t.lock);
	assert_string_equal(notes, expected);
}

static inline void forget_notes(void)
{
	pthread_mutex_lock(&t.lock);
	t.notes[0] = '\0';
	pthread_mutex_unlock(&t.lock);
}

/* ---- the client ---- */

static inline int dial(void)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(http_server_port(t.server)) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(t.n_dialed < ARRAY_LEN(t.dialed));
	t.dialed[t.n_dialed++] = fd;
	return fd;
}

static inline void hang_up(int fd)
{
	size_t i = 0;

	while (t.dialed[i] != fd)
		i++;
	t.dialed[i] = t.dialed[--t.n_dialed];
	close(fd);
}

static inline void say(int fd, struct str bytes)
{
	assert_int_equal(send(fd, bytes.p, bytes.n, MSG_NOSIGNAL), bytes.n);
}

/* The head of the answer, and not a byte more. */
static inline const char *hear_head(int fd)
{
	static char head[4096];
	size_t n = 0;

	while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0) {
		assert_true(n < sizeof(head) - 1);
		assert_int_equal(recv(fd, head + n, 1, 0), 1);
		n++;
	}
	head[n] = '\0';
	return head;
}

static inline void hear_n(int fd, char *out, size_t n)
{
	for (size_t have = 0; have < n;) {
		const ssize_t got = recv(fd, out + have, n - have, 0);

		assert_true(got > 0);
		have += (size_t)got;
	}
}

/* With its body, when it has one. */
static inline const char *hear_answer(int fd)
{
	static char answer[8192];
	const char *head = hear_head(fd), *length = strstr(head, "Content-Length: ");
	const size_t head_n = strlen(head), n = length ? strtoul(length + 16, NULL, 10) : 0;

	assert_true(head_n + n < sizeof(answer));
	memcpy(answer, head, head_n);
	hear_n(fd, answer + head_n, n);
	answer[head_n + n] = '\0';
	return answer;
}

static inline int open_ws(void)
{
	const int fd = dial();

	say(fd, STR(HELLO));
	assert_memory_equal(hear_head(fd), "HTTP/1.1 101", 12);
	await_notes("open ");
	forget_notes();
	return fd;
}

/* A frame of the server: "1 5 hello" is opcode, length, payload. */
static inline struct ws_frame hear(int fd)
{
	static char payload[MAX_MESSAGE];
	uint8_t head[2], longer[8];
	uint64_t n;

	hear_n(fd, (char *)head, 2);
	n = head[1];
	assert_true(n < 128); /* not masked */
	if (n >= 126) {
		const size_t bytes = n == 126 ? 2 : 8;

		hear_n(fd, (char *)longer, bytes);
		n = 0;
		for (size_t i = 0; i < bytes; i++)
			n = n << 8 | longer[i];
	}
	assert_true(n <= sizeof(payload));
	hear_n(fd, payload, n);
	assert_int_equal(head[0] & 0x70, 0);
	return (struct ws_frame){ (enum ws_opcode)(head[0] & 15), head[0] >> 7, str_n(payload, n) };
}

static inline void assert_hears(int fd, enum ws_opcode opcode, const char *payload)
{
	const struct ws_frame frame = hear(fd);

	assert_int_equal(frame.opcode, opcode);
	assert_true(frame.fin);
	assert_str_equal(frame.payload, payload);
}

static inline unsigned hear_close(int fd)
{
	struct ws_frame frame;

	do
		frame = hear(fd);
	while (frame.opcode != WS_CLOSE);
	return frame.payload.n < 2 ? 0 : (uint8_t)frame.payload.p[0] << 8 | (uint8_t)frame.payload.p[1];
}

static inline void assert_hears_end(int fd)
{
	char byte;
	const ssize_t n = recv(fd, &byte, 1, 0);

	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
	hang_up(fd);
}

/* first: FIN and opcode as on the wire */
static inline void put_frame(struct buf *out, unsigned first, struct str payload)
{
	static const char mask[4] = { 0x11, 0x22, 0x33, 0x44 };
	struct buf plain;

	buf_init(&plain, 1 << 20);
	ws_frame_write(&plain, WS_BINARY, payload);
	plain.p[0] = (char)first;
	plain.p[1] = (char)(plain.p[1] | 0x80);
	buf_put(out, str_n(plain.p, plain.n - payload.n));
	buf_put(out, str_n(mask, 4));
	for (size_t i = 0; i < payload.n; i++)
		buf_putc(out, (char)(payload.p[i] ^ mask[i % 4]));
	buf_fini(&plain);
}

static inline void say_frame(int fd, unsigned first, struct str payload)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	put_frame(&out, first, payload);
	say(fd, buf_str(&out));
	buf_fini(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
