/* test_http_stream.c - a reply that is written over time, seen through raw sockets. */
#include "common/io/http.h"

static req_handler_fn get_stream, get_late_stream;

#define MORE_ROUTES { HTTP_GET, "/stream", 0, get_stream }, { HTTP_GET, "/late-stream", 0, get_late_stream },
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/http_stream.h"
#include "tests/unit/http_server_fixture.h"

enum {
	PING_MS = 50,
	DEAD_MS = 300,
	PIECE = 64 * 1024,
	MUCH = 16 * PIECE,
	QUEUE_MAX = MUCH + PIECE,
	MAX_STREAMS = 100
};

static struct {
	struct req *req; /* of the only stream */
	struct http_stream *stream;
	sem_t opened, closed;
	unsigned closes;
	enum http_stream_fate fate;
	const char *text; /* what the next errand writes */
	bool written;
	unsigned ping_ms;
} s;

/* ---- on the server's thread ---- */

static void on_close(void *arg, enum http_stream_fate fate)
{
	assert_ptr_equal(arg, &s);
	if (s.req)
		assert_int_equal(*req_id(s.req), 'R'); /* the request is there until now */
	s.stream = NULL;
	s.fate = fate;
	s.closes++;
	sem_post(&s.closed);
}

static void open_stream(struct req *req)
{
	const struct http_stream_conf conf = {
		.content_type = "text/event-stream",
		.ping = ": ping\n\n",
		.ping_ms = s.ping_ms,
		.dead_ms = DEAD_MS,
		.max_queue = QUEUE_MAX,
	};

	reply_header(req, "X-Kind", STR("stream"));
	s.req = s.stream ? NULL : req;
	s.stream = reply_stream(req, &conf, on_close, &s);
	sem_post(&s.opened);
}

static void get_stream(struct req *req)
{
	open_stream(req);
}

/* As get_wait of the fixture: the test goes on with it. */
static void get_late_stream(struct req *req)
{
	get_wait(req);
}

static void on_go(struct flow *flow)
{
	open_stream(flow_req(flow));
}

static void go(void)
{
	struct flow *flow = t.waiting;

	t.waiting = NULL;
	flow_resume(flow, STEP(on_go));
}

static void open_for_gone(void)
{
	struct flow *flow = t.waiting;

	t.waiting = NULL;
	open_stream(flow_req(flow)); /* what a handler's callback does that has not heard of the hang-up */
	(void)!flow_settle(flow);
}

static void write_text(void)
{
	s.written = http_stream_write(s.stream, str_of(s.text));
}

static void write_piece(void)
{
	static char piece[PIECE];

	memset(piece, 'p', sizeof(piece));
	s.written = http_stream_write(s.stream, str_n(piece, sizeof(piece)));
}

static void write_and_end(void)
{
	assert_true(http_stream_write(s.stream, STR("one ")));
	assert_true(http_stream_write(s.stream, STR("two ")));
	assert_true(http_stream_write(s.stream, STR("three")));
	http_stream_end(s.stream);
	assert_false(http_stream_write(s.stream, STR("four")));
}

static void drop(void)
{
	http_stream_drop(s.stream);
	http_stream_drop(s.stream);
	assert_false(http_stream_write(s.stream, STR("late")));
}

static bool idle;

static void look_if_idle(void)
{
	idle = http_server_is_idle(t.server);
}

static void quiesce(void)
{
	http_server_quiesce(t.server);
}

static void end_stream(void)
{
	http_stream_end(s.stream);
}

/* ---- the test's side ---- */

static int setup_stream(void **state)
{
	memset(&s, 0, sizeof(s));
	s.ping_ms = PATIENCE_S * 1000;
	sem_init(&s.opened, 0, 0);
	sem_init(&s.closed, 0, 0);
	return setup(state);
}

static int setup_pinged(void **state)
{
	const int result = setup_stream(state);

	s.ping_ms = PING_MS;
	return result;
}

static int teardown_stream(void **state)
{
	const int result = teardown(state);

	assert_null(s.stream);
	sem_destroy(&s.opened);
	sem_destroy(&s.closed);
	return result;
}

static int open_it(void)
{
	const int fd = dial();
	const int small = 16 * 1024;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	say(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	wait_for(&s.opened);
	return fd;
}

static void tell(const char *text)
{
	s.text = text;
	on_loop(write_text);
	assert_true(s.written);
}

static void closed_as(enum http_stream_fate fate)
{
	wait_for(&s.closed);
	on_loop(look_if_idle); /* whatever else comes has come */
	assert_int_equal(s.closes, 1);
	assert_int_equal(s.fate, fate);
	assert_true(idle);
}

/* More than the kernel holds for the two, so some of it waits until the client reads. */
static void write_much(void)
{
	for (int i = 0; i < MUCH / PIECE; i++) {
		on_loop(write_piece);
		assert_true(s.written);
	}
}

/* ---- what is written ---- */

static void the_head_comes_before_anything_is_written(void **state)
{
	const int fd = open_it();
	const char *head = hear_until(fd, "\r\n\r\n");

	(void)state;
	has(head, "HTTP/1.1 200 ");
	has(head, "Content-Type: text/event-stream\r\n");
	has(head, "Transfer-Encoding: chunked\r\n");
	has(head, "Connection: close\r\n");
	has(head, " GMT\r\n");
	has(head, "X-Kind: stream\r\n");
	has(head, "Request-Id: RQ");
	close(fd);
	closed_as(HTTP_STREAM_GONE);
}

static void what_is_written_comes_at_once(void **state)
{
	const int fd = open_it();

	(void)state;
	hear_until(fd, "\r\n\r\n");
	for (int i = 0; i < 3; i++) {
		tell("data: x\n\n");
		has(hear_until(fd, "data: x\n\n"), "9\r\ndata: x\n\n");
	}
	close(fd);
	closed_as(HTTP_STREAM_GONE);
}

static void its_end_comes_after_all_that_was_written(void **state)
{
	const int fd = open_it();
	const char *reply;

	(void)state;
	on_loop(write_and_end);
	reply = hear_all(fd);
	has(reply, "4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n");
	has_not(reply, "four");
	closed_as(HTTP_STREAM_ENDED);
}

static void a_dropped_one_is_seen_to_be_cut(void **state)
{
	const int fd = open_it();

	(void)state;
	hear_until(fd, "\r\n\r\n");
	on_loop(drop);
	has_not(hear_all(fd), "0\r\n\r\n");
	closed_as(HTTP_STREAM_GONE);
}

static void more_than_the_kernel_takes_comes_whole(void **state)
{
	const int fd = open_it();
	size_t n = 0;
	char some[4096];
	ssize_t got;

	(void)state;
	write_much();
	on_loop(end_stream);
	while ((got = recv(fd, some, sizeof(some), 0)) > 0)
		n += (size_t)got;
	assert_int_equal(got, 0);
	assert_true(n > MUCH);
	close(fd);
	closed_as(HTTP_STREAM_ENDED);
}

static void the_deadline_of_requests_does_not_end_it(void **state)
{
	const uint64_t from_ms = clock_mono_ms();
	const int fd = open_it();

	(void)state;
	while (clock_mono_ms() - from_ms < 2 * DEADLINE_MS)
		hear_until(fd, ": ping\n\n");
	close(fd);
	closed_as(HTTP_STREAM_GONE);
}

static void what_is_written_spares_the_ping(void **state)
{
	const int fd = open_it();
	const uint64_t from_ms = clock_mono_ms();
	unsigned pings = 0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		tell("x");
		pings += count(hear_until(fd, "x\r\n"), ": ping");
	}
	assert_true(pings <= (clock_mono_ms() - from_ms) / PING_MS + 1);
	close(fd);
	closed_as(HTTP_STREAM_GONE);
}

/* ---- other versions and methods ---- */

static void http_1_0_gets_it_bare(void **state)
{
	const int fd = dial();
	const char *reply;

	(void)state;
	say(fd, "GET /stream HTTP/1.0\r\nHost: h\r\n\r\n");
	wait_for(&s.opened);
	on_loop(write_and_end);
	reply = hear_all(fd);
	has(reply, "\r\n\r\none two three");
	has_not(reply, "chunked");
	closed_as(HTTP_STREAM_ENDED);
}

static void head_gets_the_head(void **state)
{
	const int fd = dial();

	(void)state;
	say(fd, "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
	has(hear_all(fd), "Content-Type: text/event-stream\r\n");
	closed_as(HTTP_STREAM_ENDED);
}

/* ---- how it ends from outside ---- */

static void a_client_that_hangs_up_ends_it(void **state)
{
	const int fd = open_it();

	(void)state;
	tell("data: x\n\n");
	hear_until(fd, "data: x\n\n");
	close(fd);
	closed_as(HTTP_STREAM_GONE);
}

static void a_client_gone_before_the_reply_is_told_like_any_other(void **state)
{
	const int fd = dial();

	(void)state;
	say(fd, "GET /late-stream HTTP/1.1\r\nHost: h\r\n\r\n");
	wait_for(&t.suspended);
	close(fd);
	wait_for(&t.abandoned);
	on_loop(open_for_gone);
	closed_as(HTTP_STREAM_GONE);
}

static void a_late_stream_is_one_too(void **state)
{
	const int fd = dial();

	(void)state;
	say(fd, "GET /late-stream HTTP/1.1\r\nHost: h\r\n\r\n");
	wait_for(&t.suspended);
	on_loop(go);
	hear_until(fd, "\r\n\r\n");
	tell("data: x\n\n");
	hear_until(fd, "data: x\n\n");
	close(fd);
	closed_as(HTTP_STREAM_GONE);
}

static int connections[MAX_STREAMS];

static void more_than_the_server_may_have_are_refused(void **state)
{
	(void)state;
	for (int i = 0; i < MAX_STREAMS; i++)
		connections[i] = open_it();
	has(ask("GET /stream HTTP/1.1\r\n" HEAD_END), "HTTP/1.1 503 ");
	wait_for(&s.closed);
	for (int i = 0; i < MAX_STREAMS; i++) {
		close(connections[i]);
		wait_for(&s.closed);
	}
	has(ask("HEAD /stream HTTP/1.1\r\n" HEAD_END), "HTTP/1.1 200 ");
	wait_for(&s.closed);
}

static void one_who_reads_too_slowly_is_cut(void **state)
{
	const int fd = open_it();

	(void)state;
	do
		on_loop(write_piece);
	while (s.written);
	closed_as(HTTP_STREAM_SLOW);
	has_not(hear_all(fd), "\r\n0\r\n\r\n");
}

static void one_who_stops_reading_is_cut_after_a_while(void **state)
{
	const uint64_t from_ms = clock_mono_ms();
	const int fd = open_it();

	(void)state;
	write_much();
	closed_as(HTTP_STREAM_SLOW);
	assert_true(clock_mono_ms() - from_ms >= DEAD_MS);
	close(fd);
}

static void a_blocked_one_can_be_dropped(void **state)
{
	const int fd = open_it();

	(void)state;
	write_much();
	on_loop(drop);
	closed_as(HTTP_STREAM_GONE);
	close(fd);
}

static void the_server_waits_for_it_and_its_end(void **state)
{
	const int fd = open_it();

	(void)state;
	hear_until(fd, "\r\n\r\n");
	on_loop(quiesce);
	tell("data: drain\n\n");
	on_loop(look_if_idle);
	assert_false(idle);
	on_loop(end_stream);
	has(hear_all(fd), "data: drain\n\n\r\n0\r\n\r\n");
	closed_as(HTTP_STREAM_ENDED);
}

static void stopping_ends_one_that_is_idle(void **state)
{
	const int fd = open_it();

	(void)state;
	hear_until(fd, "\r\n\r\n");
	on_loop(stop);
	has_not(hear_all(fd), "0\r\n\r\n");
	wait_for(&s.closed);
	assert_int_equal(s.fate, HTTP_STREAM_GONE);
}

static void stopping_ends_one_that_is_blocked(void **state)
{
	const int fd = open_it();

	(void)state;
	write_much();
	on_loop(stop);
	wait_for(&s.closed);
	assert_int_equal(s.fate, HTTP_STREAM_GONE);
	close(fd);
}

#define STREAMED(fn) cmocka_unit_test_setup_teardown(fn, setup_stream, teardown_stream)
#define PINGED(fn)   cmocka_unit_test_setup_teardown(fn, setup_pinged, teardown_stream)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STREAMED(the_head_comes_before_anything_is_written),
		STREAMED(what_is_written_comes_at_once),
		STREAMED(its_end_comes_after_all_that_was_written),
		STREAMED(a_dropped_one_is_seen_to_be_cut),
		STREAMED(more_than_the_kernel_takes_comes_whole),
		PINGED(the_deadline_of_requests_does_not_end_it),
		PINGED(what_is_written_spares_the_ping),
		STREAMED(http_1_0_gets_it_bare),
		STREAMED(head_gets_the_head),
		STREAMED(a_client_that_hangs_up_ends_it),
		STREAMED(a_client_gone_before_the_reply_is_told_like_any_other),
		STREAMED(a_late_stream_is_one_too),
		STREAMED(more_than_the_server_may_have_are_refused),
		STREAMED(one_who_reads_too_slowly_is_cut),
		PINGED(one_who_stops_reading_is_cut_after_a_while),
		STREAMED(a_blocked_one_can_be_dropped),
		STREAMED(the_server_waits_for_it_and_its_end),
		STREAMED(stopping_ends_one_that_is_idle),
		STREAMED(stopping_ends_one_that_is_blocked),
	};

	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
