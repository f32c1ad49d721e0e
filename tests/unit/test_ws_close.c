/* test_ws_close.c - how WebSockets end: closed by either side, cut, or found dead. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/unit/ws_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
