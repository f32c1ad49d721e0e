/* test_http_server_bounds.c - what the server refuses or cuts off, and the end of a peer and of the server. */
#include <poll.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/unit/http_server_fixture.h"

/* ---- what it refuses and cuts off ---- */

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

static bool idle;

static void look_if_idle(void)
{
	idle = http_server_is_idle(t.server);
}

/* The client may see the end of a connection some turns of the loop before the library tells of it. */
static bool becomes_idle(void)
{
	const uint64_t from_ms = clock_mono_ms();

	do
		on_loop(look_if_idle);
	while (!idle && clock_mono_ms() - from_ms < 10 * ARRIVAL_MS);
	return idle;
}

/* The library answers some of them itself, and hangs up on others without telling us of their end. */
static void heads_that_overflow_leave_nothing_behind(void **state)
{
	(void)state;
	for (int n = 60; n <= 150; n += 10) {
		static char request[32 * 1024];
		size_t at = (size_t)snprintf(request, sizeof(request), "GET /hello?");

		for (int i = 0; i < n; i++)
			at += (size_t)snprintf(request + at, sizeof(request) - at, "Identity=%0100d&", i);
		snprintf(request + at, sizeof(request) - at, "z=1 HTTP/1.1\r\n" HEAD_END);
		(void)ask(request);
		assert_true(becomes_idle());
	}
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

/* ---- the end of a peer, and of the server ---- */

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

/* ---- upgrades ---- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(ambiguous_framing_is_refused),
		SERVED(too_large_bodies_are_refused),
		SERVED(a_body_as_large_as_allowed_comes_back_whole),
		SERVED(heads_that_overflow_leave_nothing_behind),
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
