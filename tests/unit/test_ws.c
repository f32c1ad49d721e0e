/* test_ws.c - WebSockets on a real server and a free port, with a raw client.
 *
 * The server's loop runs in a thread of its own.  It notes what its sockets'
 * owner hears ("open text:hello close:1000"); the tests await that text.  The
 * owner echoes every text, save a few that are commands.
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
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

static void note(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void note(const char *fmt, ...)
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

static void on_open(void *arg, struct ws *ws)
{
	assert_null(arg);
	t.ws = ws;
	t.open++;
	ws_set_arg(ws, &t.owner);
	note("open ");
}

/* More than the socket and the queue take together. */
static void flood(void)
{
	static char text[60000];

	memset(text, 'f', sizeof(text));
	t.is_calling = true;
	for (int i = 0; i < 1000; i++)
		ws_send(t.ws, str_n(text, sizeof(text)));
	t.is_calling = false;
}

/* As much as certainly waits in the queue, but fits. */
static void fill(void)
{
	static char text[1024];

	memset(text, 'f', sizeof(text));
	for (int i = 0; i < FLOOD; i++)
		ws_send(t.ws, str_n(text, sizeof(text)));
}

static void on_text(void *arg, struct str text)
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
	} else if (str_eq(text, STR("!fill and close"))) {
		fill();
		ws_close(t.ws, 1012, "restart");
	} else {
		ws_send(t.ws, text);
	}
}

static void on_close(void *arg, unsigned code)
{
	assert_ptr_equal(arg, &t.owner);
	assert_false(t.is_calling);
	t.ws = NULL;
	t.open--;
	note("close:%u ", code);
}

static void get_ws(struct req *req)
{
	static const struct ws_ops ops = { on_open, on_text, on_close };

	ws_accept_or_reply(req, &t.conf, &ops, NULL);
}

static const struct route routes[] = { { HTTP_GET, "/ws", 0, get_ws } };
static const struct http_app app = { routes, ARRAY_LEN(routes), NULL };

/* ---- the server's thread ---- */

static void *thread_main(void *arg)
{
	metrics_attach();
	loop_run(arg);
	return NULL;
}

/* Once every socket's owner has heard of its end. */
static void stop(void *arg)
{
	(void)arg;
	t.server = http_server_free(t.server);
	if (t.open)
		loop_post(t.worker.loop, stop, NULL);
	else
		loop_stop(t.worker.loop);
}

static int setup(void **state)
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
	t.conf = (struct ws_conf){ "chat.v1", MAX_MESSAGE, MAX_QUEUE, 60000, 120000 };
	t.worker = (struct worker){ .count = 1, .all = &t.worker, .loop = loop_new() };
	pthread_mutex_init(&t.lock, NULL);
	pthread_cond_init(&t.changed, NULL);
	assert_int_equal(http_server_new(&t.worker, &conf, &t.server), ERR_NONE);
	assert_int_equal(pthread_create(&t.thread, NULL, thread_main, t.worker.loop), 0);
	return 0;
}

static int teardown(void **state)
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
static void await_notes(const char *expected)
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

static void forget_notes(void)
{
	pthread_mutex_lock(&t.lock);
	t.notes[0] = '\0';
	pthread_mutex_unlock(&t.lock);
}

/* ---- the client ---- */

static int dial(void)
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

static void hang_up(int fd)
{
	size_t i = 0;

	while (t.dialed[i] != fd)
		i++;
	t.dialed[i] = t.dialed[--t.n_dialed];
	close(fd);
}

static void say(int fd, struct str bytes)
{
	assert_int_equal(send(fd, bytes.p, bytes.n, MSG_NOSIGNAL), bytes.n);
}

/* The head of the answer, and not a byte more. */
static const char *hear_head(int fd)
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

static void hear_n(int fd, char *out, size_t n)
{
	for (size_t have = 0; have < n;) {
		const ssize_t got = recv(fd, out + have, n - have, 0);

		assert_true(got > 0);
		have += (size_t)got;
	}
}

/* With its body, when it has one. */
static const char *hear_answer(int fd)
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

static int open_ws(void)
{
	const int fd = dial();

	say(fd, STR(HELLO));
	assert_memory_equal(hear_head(fd), "HTTP/1.1 101", 12);
	await_notes("open ");
	forget_notes();
	return fd;
}

/* A frame of the server: "1 5 hello" is opcode, length, payload. */
static struct ws_frame hear(int fd)
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

static void assert_hears(int fd, enum ws_opcode opcode, const char *payload)
{
	const struct ws_frame frame = hear(fd);

	assert_int_equal(frame.opcode, opcode);
	assert_true(frame.fin);
	assert_str_equal(frame.payload, payload);
}

static unsigned hear_close(int fd)
{
	struct ws_frame frame;

	do
		frame = hear(fd);
	while (frame.opcode != WS_CLOSE);
	return frame.payload.n < 2 ? 0 : (uint8_t)frame.payload.p[0] << 8 | (uint8_t)frame.payload.p[1];
}

static void assert_hears_end(int fd)
{
	char byte;
	const ssize_t n = recv(fd, &byte, 1, 0);

	assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
	hang_up(fd);
}

/* first: FIN and opcode as on the wire */
static void put_frame(struct buf *out, unsigned first, struct str payload)
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

static void say_frame(int fd, unsigned first, struct str payload)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	put_frame(&out, first, payload);
	say(fd, buf_str(&out));
	buf_fini(&out);
}

/* ---- the handshake ---- */

static void shakes_hands(void **state)
{
	static const struct {
		const char *what, *headers, *status;
		const char *has, *has_not; /* in the answer; NULL: no matter */
	} rows[] = {
		{ "plain", UPGRADE KEY "Sec-WebSocket-Version: 13\r\n", "101",
		  "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "Sec-WebSocket-Protocol" },
		{ "lists and case",
		  "Connection: keep-alive, upgrade\r\nUpgrade: WebSocket\r\n" KEY
		  "Sec-WebSocket-Version: 13\r\n",
		  "101", "\r\nUpgrade: websocket\r\n", NULL },
		{ "protocol offered",
		  UPGRADE KEY "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: other, chat.v1\r\n",
		  "101", "\r\nSec-WebSocket-Protocol: chat.v1\r\n", NULL },
		{ "other protocols",
		  UPGRADE KEY "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: other, CHAT.V1\r\n",
		  "101", NULL, "Sec-WebSocket-Protocol" },
		{ "compression",
		  UPGRADE KEY "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n",
		  "101", NULL, "Sec-WebSocket-Extensions" },
		{ "no upgrade", "", "426", "\r\nUpgrade: websocket\r\n", NULL },
		{ "another upgrade",
		  "Connection: Upgrade\r\nUpgrade: h2c\r\n" KEY "Sec-WebSocket-Version: 13\r\n", "426",
		  "\"code\":45026", NULL },
		{ "no version", UPGRADE KEY, "426", "\r\nSec-WebSocket-Version: 13\r\n", NULL },
		{ "version 8", UPGRADE KEY "Sec-WebSocket-Version: 8\r\n", "426",
		  "\r\nSec-WebSocket-Version: 13\r\n", NULL },
		{ "no Connection", "Upgrade: websocket\r\n" KEY "Sec-WebSocket-Version: 13\r\n", "400", NULL,
		  NULL },
		{ "no key", UPGRADE "Sec-WebSocket-Version: 13\r\n", "400", NULL, "Sec-WebSocket-Accept" },
		{ "15 bytes",
		  UPGRADE "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1\r\nSec-WebSocket-Version: 13\r\n", "400",
		  NULL, NULL },
		{ "17 bytes",
		  UPGRADE "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Njc=\r\nSec-WebSocket-Version: 13\r\n",
		  "400", NULL, NULL },
		{ "no base64",
		  UPGRADE "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==\r\nSec-WebSocket-Version: 13\r\n",
		  "400", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char request[1024];
		const char *answer;
		const int fd = dial();

		say(fd, str_n(request,
			      (size_t)snprintf(request, sizeof(request),
					       "GET /ws HTTP/1.1\r\nHost: h\r\n%s\r\n", rows[i].headers)));
		answer = hear_answer(fd);
		hang_up(fd);
		if (memcmp(answer + 9, rows[i].status, 3) != 0 ||
		    (rows[i].has && !strstr(answer, rows[i].has)) ||
		    (rows[i].has_not && strstr(answer, rows[i].has_not)))
			fail_msg("%s: %s", rows[i].what, answer);
		await_notes(strcmp(rows[i].status, "101") == 0 ? "open close:1006 " : "");
		forget_notes();
	}
}

/* ---- messages ---- */

static void echoes_texts_of_every_length(void **state)
{
	static const size_t lengths[] = { 0, 1, 125, 126, 4096, 65535, 65536, MAX_MESSAGE };
	static char text[MAX_MESSAGE];
	const int fd = open_ws();

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		say_frame(fd, 0x80 | WS_TEXT, str_n(text, lengths[i]));
		const struct ws_frame frame = hear(fd);

		assert_int_equal(frame.opcode, WS_TEXT);
		assert_true(str_eq(frame.payload, str_n(text, lengths[i])));
	}
	hang_up(fd);
}

static void takes_bytes_as_they_come(void **state)
{
	struct buf out;
	const int fd = dial();

	(void)state;
	buf_init(&out, 4096);
	buf_puts(&out, HELLO); /* all at once: the frames come early */
	put_frame(&out, 0x80 | WS_TEXT, STR("first"));
	put_frame(&out, 0x80 | WS_TEXT, STR("second"));
	put_frame(&out, 0x80 | WS_TEXT, STR("third"));
	say(fd, str_n(out.p, out.n - 3));
	assert_memory_equal(hear_head(fd), "HTTP/1.1 101", 12);
	assert_hears(fd, WS_TEXT, "first");
	assert_hears(fd, WS_TEXT, "second");
	say(fd, str_n(out.p + out.n - 3, 3));
	assert_hears(fd, WS_TEXT, "third");

	buf_clear(&out);
	put_frame(&out, 0x80 | WS_TEXT, STR("drop by drop"));
	put_frame(&out, 0x80 | WS_PING, STR("p"));
	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &(int){ 1 }, sizeof(int));
	for (size_t i = 0; i < out.n; i++)
		say(fd, str_n(out.p + i, 1));
	assert_hears(fd, WS_TEXT, "drop by drop");
	assert_hears(fd, WS_PONG, "p");
	await_notes("open text:first text:second text:third text:drop by drop ");
	buf_fini(&out);
	hang_up(fd);
}

static void joins_fragments(void **state)
{
	const int fd = open_ws();

	(void)state;
	say_frame(fd, WS_TEXT, STR("\xc3")); /* half a character */
	say_frame(fd, 0x80 | WS_PING, STR("between"));
	say_frame(fd, WS_CONT, STR(""));
	say_frame(fd, 0x80 | WS_PONG, STR("unasked"));
	assert_hears(fd, WS_PONG, "between");
	say_frame(fd, 0x80 | WS_CONT, STR("\xa4!"));
	assert_hears(fd, WS_TEXT, "\xc3\xa4!");
	say_frame(fd, 0x80 | WS_TEXT, STR("whole"));
	assert_hears(fd, WS_TEXT, "whole");
	hang_up(fd);
	await_notes("text:\xc3\xa4! text:whole close:1006 ");
}

static void refuses_bad_input(void **state)
{
	static char big[MAX_MESSAGE];
	static const struct {
		const char *what;
		struct {
			unsigned first;
			const char *payload; /* NULL ends */
			size_t n;	     /* 0: the payload's length */
		} frames[3];
		unsigned code;
	} rows[] = {
		{ "binary", { { 0x82, "x", 0 } }, 1003 },
		{ "fragmented binary", { { 0x02, "x", 0 } }, 1003 },
		{ "reserved bit", { { 0xc1, "x", 0 } }, 1002 },
		{ "unknown opcode", { { 0x83, "x", 0 } }, 1002 },
		{ "fragmented ping", { { 0x09, "x", 0 } }, 1002 },
		{ "nothing to continue", { { 0x80, "x", 0 } }, 1002 },
		{ "text in a text", { { 0x01, "x", 0 }, { 0x81, "y", 0 } }, 1002 },
		{ "bad UTF-8", { { 0x81, "a\xff", 0 } }, 1007 },
		{ "cut UTF-8", { { 0x01, "\xe2\x82", 0 }, { 0x80, "", 0 } }, 1007 },
		{ "too long", { { 0x81, big, MAX_MESSAGE + 1 } }, 1009 },
		{ "too long in all",
		  { { 0x01, big, MAX_MESSAGE - 1 }, { 0x00, "", 0 }, { 0x80, "xy", 0 } },
		  1009 },
		{ "close of one byte", { { 0x88, "\x03", 0 } }, 1002 },
		{ "close 999", { { 0x88, "\x03\xe7", 0 } }, 1002 },
		{ "close 1004", { { 0x88, "\x03\xec", 0 } }, 1002 },
		{ "close 1005", { { 0x88, "\x03\xed", 0 } }, 1002 },
		{ "close 1006", { { 0x88, "\x03\xee", 0 } }, 1002 },
		{ "close 1015", { { 0x88, "\x03\xf7", 0 } }, 1002 },
		{ "close 2999", { { 0x88, "\x0b\xb7", 0 } }, 1002 },
		{ "close 5000", { { 0x88, "\x13\x88", 0 } }, 1002 },
		{ "close with a bad reason", { { 0x88, "\x03\xe8\xff", 0 } }, 1007 },
	};

	(void)state;
	memset(big, 'b', sizeof(big));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const int fd = open_ws();
		char end[32];

		for (size_t j = 0; j < ARRAY_LEN(rows[i].frames) && rows[i].frames[j].payload; j++) {
			const char *payload = rows[i].frames[j].payload;
			const size_t n = rows[i].frames[j].n;

			if (n > MAX_MESSAGE) /* refused by its head alone */
				say(fd, STR("\x81\xff\0\0\0\0\0\x01\x11\x71"));
			else
				say_frame(fd, rows[i].frames[j].first,
					  n ? str_n(payload, n) : str_of(payload));
		}
		if (hear_close(fd) != rows[i].code)
			fail_msg("%s", rows[i].what);
		say_frame(fd, 0x81, STR("unheard"));
		shutdown(fd, SHUT_WR);
		assert_hears_end(fd);
		snprintf(end, sizeof(end), "close:%u ", rows[i].code);
		await_notes(end);
		forget_notes();
	}
}

/* The peer reads our close frame and the end at once, not only after the longest wait. */
static void refuses_frames_without_a_mask(void **state)
{
	const int fd = open_ws();
	uint64_t start;

	(void)state;
	say(fd, STR("\x81\x05Hello"));
	start = clock_mono_ms();
	assert_int_equal(hear_close(fd), 1002);
	assert_hears_end(fd);
	assert_true(clock_mono_ms() - start < 1500);
	await_notes("close:1002 ");
}

/* ---- closing ---- */

static void answers_a_close(void **state)
{
	static const struct {
		struct {
			const char *p;
			size_t n;
		} payload;
		unsigned heard, noted;
	} rows[] = {
		{ { "\x03\xe8", 2 }, 1000, 1000 },
		{ { "\x03\xe9 away", 7 }, 1001, 1001 },
		{ { "\x0b\xb8", 2 }, 3000, 3000 },
		{ { "\x13\x87", 2 }, 4999, 4999 },
		{ { "", 0 }, 0, 1005 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const int fd = open_ws();
		char end[32];

		say_frame(fd, 0x80 | WS_CLOSE, str_n(rows[i].payload.p, rows[i].payload.n));
		assert_int_equal(hear_close(fd), rows[i].heard);
		assert_hears_end(fd);
		snprintf(end, sizeof(end), "close:%u ", rows[i].noted);
		await_notes(end);
		forget_notes();
	}
}

static void closes_first(void **state)
{
	const int fd = open_ws();

	(void)state;
	say_frame(fd, 0x80 | WS_TEXT, STR("!close it"));
	assert_hears(fd, WS_CLOSE,
		     "\x0f\xa1"
		     "bye"); /* 4001, and nothing after it */
	await_notes("text:!close it after:!close it ");
	say_frame(fd, 0x80 | WS_TEXT, STR("unheard"));
	say_frame(fd, 0x80 | WS_PING, STR("unanswered"));
	say_frame(fd, 0x80 | WS_CLOSE, STR("\x0f\xa1"));
	assert_hears_end(fd);
	await_notes("text:!close it after:!close it close:4001 ");
}

static void closes_from_within_a_joined_message(void **state)
{
	const int fd = open_ws();

	(void)state;
	say_frame(fd, WS_TEXT, STR("!clo"));
	say_frame(fd, 0x80 | WS_CONT, STR("se"));
	assert_int_equal(hear_close(fd), 4001);
	hang_up(fd);
	await_notes("text:!close after:!close close:4001 ");
}

static void waits_two_seconds_for_the_answer(void **state)
{
	const int fd = open_ws();
	uint64_t start;

	(void)state;
	say_frame(fd, 0x80 | WS_TEXT, STR("!close"));
	assert_int_equal(hear_close(fd), 4001);
	start = clock_mono_ms();
	assert_hears_end(fd);
	assert_in_range(clock_mono_ms() - start, 1500, 4000);
	await_notes("text:!close after:!close close:4001 ");
}

static void flushes_before_it_closes(void **state)
{
	const int fd = open_ws();

	(void)state;
	say_frame(fd, 0x80 | WS_TEXT, STR("!fill and close"));
	say_frame(fd, 0x80 | WS_CLOSE, STR("\x03\xe8")); /* crosses ours */
	for (int i = 0; i < FLOOD; i++) {
		const struct ws_frame frame = hear(fd);

		assert_int_equal(frame.opcode, WS_TEXT);
		assert_int_equal(frame.payload.n, 1024);
	}
	assert_hears(fd, WS_CLOSE,
		     "\x03\xf4"
		     "restart");
	assert_hears_end(fd);
	await_notes("text:!fill and close close:1012 ");
}

static void notices_a_peer_that_vanishes(void **state)
{
	const int fd = open_ws();
	const struct linger reset = { 1, 0 };

	(void)state;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	hang_up(fd);
	await_notes("close:1006 ");
}

static void cuts_who_does_not_read(void **state)
{
	const int fd = open_ws();

	(void)state;
	say_frame(fd, 0x80 | WS_TEXT, STR("!flood"));
	await_notes("text:!flood close:1008 ");
	hang_up(fd);
}

/* ---- life ---- */

static void pings_who_is_silent(void **state)
{
	uint64_t start;

	(void)state;
	t.conf.ping_ms = 100;
	t.conf.dead_ms = 350;
	const int fd = open_ws();

	start = clock_mono_ms();
	for (int i = 0; i < 6; i++) { /* longer than dead_ms: answers keep it alive */
		assert_hears(fd, WS_PING, "");
		say_frame(fd, 0x80 | WS_PONG, STR(""));
	}
	assert_true(clock_mono_ms() - start >= 400);

	start = clock_mono_ms();
	for (int i = 0; i < 3; i++) /* from here on silence */
		assert_hears(fd, WS_PING, "");
	assert_hears_end(fd);
	assert_in_range(clock_mono_ms() - start, 300, 3000);
	await_notes("close:1006 ");
}

static void any_byte_proves_life(void **state)
{
	struct buf out;

	(void)state;
	t.conf.ping_ms = 60000;
	t.conf.dead_ms = 300;
	const int fd = open_ws();

	buf_init(&out, 256);
	put_frame(&out, 0x80 | WS_TEXT, STR("slowly"));
	for (size_t i = 0; i < out.n; i++) {
		say(fd, str_n(out.p + i, 1));
		nanosleep(&(struct timespec){ .tv_nsec = 60 * 1000000 },
			  NULL); /* the pace is what is tested */
	}
	assert_hears(fd, WS_TEXT, "slowly");
	buf_fini(&out);
	assert_hears_end(fd);
	await_notes("text:slowly close:1006 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shakes_hands),
		TEST(echoes_texts_of_every_length),
		TEST(takes_bytes_as_they_come),
		TEST(joins_fragments),
		TEST(refuses_bad_input),
		TEST(refuses_frames_without_a_mask),
		TEST(answers_a_close),
		TEST(closes_first),
		TEST(closes_from_within_a_joined_message),
		TEST(waits_two_seconds_for_the_answer),
		TEST(flushes_before_it_closes),
		TEST(notices_a_peer_that_vanishes),
		TEST(cuts_who_does_not_read),
		TEST(pings_who_is_silent),
		TEST(any_byte_proves_life),
	};

	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	metrics_attach();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
