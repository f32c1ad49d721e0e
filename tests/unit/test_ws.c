/* test_ws.c - the handshake of WebSockets, and the messages that they carry or refuse. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/unit/ws_fixture.h"

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

static void tells_of_the_next_byte_once_if_asked_to(void **state)
{
	const int fd = open_ws();

	(void)state;
	say_frame(fd, 0x81, STR("a"));
	say_frame(fd, 0x81, STR("!await"));
	await_notes("text:a text:!await ");
	say_frame(fd, 0x80 | WS_PONG, STR(""));
	await_notes("text:a text:!await heard ");
	say_frame(fd, 0x81, STR("b"));
	await_notes("text:a text:!await heard text:b ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shakes_hands),
		TEST(echoes_texts_of_every_length),
		TEST(takes_bytes_as_they_come),
		TEST(joins_fragments),
		TEST(refuses_bad_input),
		TEST(refuses_frames_without_a_mask),
		TEST(tells_of_the_next_byte_once_if_asked_to),
	};

	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	metrics_attach();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
