/* test_loop.c - order, cancelling, and what other threads may do. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <time.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/io/loop.h"

static struct {
	struct loop *loop;
	char trace[256]; /* one letter per callback */
	unsigned events;
} t;

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.loop = loop_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	t.loop = loop_free(t.loop);
	return 0;
}

static void note(const char *letter)
{
	const size_t n = strlen(t.trace);

	assert_true(n + 1 < sizeof(t.trace));
	t.trace[n] = *letter;
}

static void on_note(void *letter)
{
	note(letter);
}

static void on_stop(void *arg)
{
	(void)arg;
	loop_stop(t.loop);
}

/* ---- posts and deferred work ---- */

static void on_defers(void *arg)
{
	(void)arg;
	loop_defer(t.loop, on_note, "b");
	note("a");
}

static void deferred_work_waits_for_the_callback(void **state)
{
	(void)state;
	loop_post(t.loop, on_defers, NULL);
	loop_post(t.loop, on_note, "c");
	assert_string_equal(t.trace, "");
	loop_finish(t.loop);
	assert_string_equal(t.trace, "acb");
}

static void on_defers_for_ever(void *arg)
{
	unsigned *left = arg;

	if ((*left)-- > 0)
		loop_defer(t.loop, on_defers_for_ever, arg);
	else
		loop_stop(t.loop);
}

/* Chains of deferred work neither stop at a sleep nor keep timers from running. */
static void long_chains_of_deferred_work_run(void **state)
{
	unsigned left = 100000;
	struct loop_timer *timer = loop_timer_new(t.loop, on_note, "t");

	(void)state;
	loop_timer_start(timer, 0);
	loop_defer(t.loop, on_defers_for_ever, &left);
	loop_run(t.loop);
	assert_int_equal(left, UINT32_MAX);
	assert_string_equal(t.trace, "t");
	loop_timer_free(timer);
}

enum { POSTS = 1000 };

static int next_post;

static void on_post(void *arg)
{
	if ((int)(intptr_t)arg == next_post)
		next_post++;
	if (next_post == POSTS)
		loop_stop(t.loop);
}

static void *posts(void *arg)
{
	for (intptr_t i = 0; i < POSTS; i++)
		loop_post(arg, on_post, (void *)i);
	return NULL;
}

static void posts_of_a_thread_arrive_in_order(void **state)
{
	pthread_t thread;

	(void)state;
	next_post = 0;
	assert_int_equal(pthread_create(&thread, NULL, posts, t.loop), 0);
	loop_run(t.loop);
	pthread_join(thread, NULL);
	assert_int_equal(next_post, POSTS);
}

static void what_is_left_runs_when_the_loop_is_freed(void **state)
{
	(void)state;
	loop_post(t.loop, on_note, "p");
	loop_defer(t.loop, on_note, "d");
	t.loop = loop_free(t.loop);
	assert_string_equal(t.trace, "dp");
}

static void on_hook(void *arg)
{
	note(arg);
}

static void hooks_run_before_the_loop_sleeps(void **state)
{
	struct loop_timer *timer = loop_timer_new(t.loop, on_stop, NULL);

	(void)state;
	loop_before_wait(t.loop, on_hook, "1");
	loop_before_wait(t.loop, on_hook, "2");
	loop_defer(t.loop, on_note, "d");
	loop_timer_start(timer, 1);
	loop_run(t.loop);
	assert_int_equal(strncmp(t.trace, "d12", 3), 0);

	memset(t.trace, 0, sizeof(t.trace));
	loop_before_wait_end(t.loop, on_hook, "1");
	loop_finish(t.loop);
	assert_string_equal(t.trace, "2");
	loop_timer_free(timer);
}

/* ---- timers ---- */

static void timers_run_in_order_of_time(void **state)
{
	struct loop_timer *a = loop_timer_new(t.loop, on_note, "a");
	struct loop_timer *b = loop_timer_new(t.loop, on_note, "b");
	struct loop_timer *moved = loop_timer_new(t.loop, on_note, "m");
	struct loop_timer *stopped = loop_timer_new(t.loop, on_note, "s");
	struct loop_timer *freed = loop_timer_new(t.loop, on_note, "f");
	struct loop_timer *end = loop_timer_new(t.loop, on_stop, NULL);
	const uint64_t from_ms = clock_mono_ms();

	(void)state;
	loop_timer_start(end, 40);
	loop_timer_start(moved, 1);
	loop_timer_start(b, 20);
	loop_timer_start(a, 10);
	loop_timer_start(stopped, 5);
	loop_timer_start(freed, 5);
	loop_timer_start(moved, 30);
	loop_timer_stop(stopped);
	assert_true(loop_timer_is_active(a));
	assert_false(loop_timer_is_active(stopped));
	freed = loop_timer_free(freed);
	assert_null(freed);
	loop_run(t.loop);
	assert_string_equal(t.trace, "abm");
	assert_true(clock_mono_ms() - from_ms >= 40);
	assert_false(loop_timer_is_active(a));
	loop_timer_free(a);
	loop_timer_free(b);
	loop_timer_free(moved);
	loop_timer_free(stopped);
	loop_timer_free(end);
}

static void on_free_self(void *arg)
{
	struct loop_timer **timer = arg;

	*timer = loop_timer_free(*timer);
	note("x");
	loop_stop(t.loop);
}

static void a_timer_may_free_itself(void **state)
{
	struct loop_timer *timer;

	(void)state;
	timer = loop_timer_new(t.loop, on_free_self, &timer);
	loop_timer_start(timer, 0);
	loop_run(t.loop);
	assert_string_equal(t.trace, "x");
}

static void a_long_callback_does_not_shorten_a_wait(void **state)
{
	struct loop_timer *end = loop_timer_new(t.loop, on_stop, NULL);
	const struct timespec pause = { .tv_nsec = 60 * 1000 * 1000 };
	uint64_t from_ms;

	(void)state;
	nanosleep(&pause, NULL); /* the loop's own idea of the time is old now */
	from_ms = clock_mono_ms();
	loop_timer_start(end, 50);
	loop_run(t.loop);
	assert_true(clock_mono_ms() - from_ms >= 49);
	loop_timer_free(end);
}

/* ---- watches ---- */

static void on_events(void *arg, unsigned events)
{
	(void)arg;
	t.events |= events;
	note("e");
	loop_stop(t.loop);
}

static void watches_tell_what_happens(void **state)
{
	int pair[2];
	struct loop_watch *watch;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	watch = loop_watch_new(t.loop, pair[0], on_events, NULL);
	loop_watch_set(watch, LOOP_WRITE);
	loop_run(t.loop);
	assert_int_equal(t.events, LOOP_WRITE);

	t.events = 0;
	loop_watch_set(watch, LOOP_READ);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_run(t.loop);
	assert_int_equal(t.events, LOOP_READ);

	t.events = 0;
	loop_watch_set(watch, LOOP_HANGUP);
	shutdown(pair[1], SHUT_WR);
	loop_run(t.loop);
	assert_int_equal(t.events, LOOP_HANGUP);

	memset(t.trace, 0, sizeof(t.trace));
	loop_watch_set(watch, 0);
	loop_finish(t.loop);
	assert_string_equal(t.trace, "");
	loop_watch_set(watch, LOOP_READ);
	watch = loop_watch_free(watch);
	assert_null(watch);
	loop_finish(t.loop);
	assert_string_equal(t.trace, "");
	close(pair[0]);
	close(pair[1]);
}

static void a_refused_connection_is_told(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	const int closed = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct loop_watch *watch;

	(void)state;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(closed, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(getsockname(closed, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), -1);
	watch = loop_watch_new(t.loop, fd, on_events, NULL);
	loop_watch_set(watch, LOOP_WRITE);
	loop_run(t.loop);
	assert_int_equal(t.events, LOOP_FAILED);
	assert_string_equal(t.trace, "e");
	loop_watch_free(watch);
	close(fd);
	close(closed);
}

/* ---- names ---- */

static struct {
	unsigned calls;
	enum err err;
	char text[INET6_ADDRSTRLEN];
} found;

static void on_found(void *arg, enum err err, const struct sockaddr_storage *address, socklen_t len)
{
	(void)arg;
	found.calls++;
	found.err = err;
	if (!err && address->ss_family == AF_INET) {
		assert_int_equal(len, sizeof(struct sockaddr_in));
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, found.text,
			  sizeof(found.text));
	} else if (!err) {
		assert_int_equal(len, sizeof(struct sockaddr_in6));
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
			  found.text, sizeof(found.text));
	}
	loop_stop(t.loop);
}

static void names_are_resolved(void **state)
{
	static char too_long[400];
	static const struct {
		const char *host, *text;
	} cases[] = {
		{ "127.0.0.9", "127.0.0.9" },
		{ "::1", "::1" },
		{ "no.such.host.invalid", NULL },
		{ too_long, NULL },
	};

	(void)state;
	memset(too_long, 'a', sizeof(too_long) - 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		memset(&found, 0, sizeof(found));
		assert_non_null(loop_resolve(t.loop, cases[i].host, on_found, NULL));
		assert_int_equal(found.calls, 0);
		loop_run(t.loop);
		assert_int_equal(found.calls, 1);
		assert_int_equal(found.err, cases[i].text ? ERR_NONE : ERR_UNAVAILABLE);
		if (cases[i].text)
			assert_string_equal(found.text, cases[i].text);
	}

	memset(&found, 0, sizeof(found));
	loop_resolve(t.loop, "localhost", on_found, NULL);
	loop_run(t.loop);
	assert_int_equal(found.err, ERR_NONE);
	assert_true(strcmp(found.text, "127.0.0.1") == 0 || strcmp(found.text, "::1") == 0);
}

static void a_cancelled_lookup_is_silent(void **state)
{
	(void)state;
	memset(&found, 0, sizeof(found));
	loop_resolve_cancel(loop_resolve(t.loop, "127.0.0.1", on_found, NULL));
	loop_resolve_cancel(loop_resolve(t.loop, "localhost", on_found, NULL));
	assert_null(loop_resolve_cancel(NULL));
	t.loop = loop_free(t.loop);
	assert_int_equal(found.calls, 0);
}

static void the_loop_ticks_while_nothing_happens(void **state)
{
	struct loop_timer *end = loop_timer_new(t.loop, on_stop, NULL);
	uint64_t before;

	(void)state;
	loop_finish(t.loop);
	before = loop_ticks(t.loop);
	loop_timer_start(end, 1000);
	loop_run(t.loop);
	assert_true(loop_ticks(t.loop) - before >= 2); /* one turn is the timer's own */
	loop_timer_free(end);
}

#define ON_LOOP(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_LOOP(deferred_work_waits_for_the_callback),
		ON_LOOP(long_chains_of_deferred_work_run),
		ON_LOOP(posts_of_a_thread_arrive_in_order),
		ON_LOOP(what_is_left_runs_when_the_loop_is_freed),
		ON_LOOP(hooks_run_before_the_loop_sleeps),
		ON_LOOP(timers_run_in_order_of_time),
		ON_LOOP(a_timer_may_free_itself),
		ON_LOOP(a_long_callback_does_not_shorten_a_wait),
		ON_LOOP(watches_tell_what_happens),
		ON_LOOP(a_refused_connection_is_told),
		ON_LOOP(names_are_resolved),
		ON_LOOP(a_cancelled_lookup_is_silent),
		ON_LOOP(the_loop_ticks_while_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
