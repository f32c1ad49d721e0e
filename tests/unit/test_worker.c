/* test_worker.c - start, drain and stop, by real signals to this process. */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/worker.h"

enum { COUNT = 3, NOBODY = 99 };

static struct {
	_Atomic unsigned started, drained, stopped, greeted;
	unsigned failing; /* the index of the worker whose start fails */
	bool never_drained;
	bool kill_twice;
	int app;
} t;

static void on_greeting(void *arg)
{
	(void)arg;
	atomic_fetch_add(&t.greeted, 1);
}

static void on_all_started(void *arg)
{
	(void)arg;
	kill(getpid(), SIGTERM);
}

static enum err start(struct worker *worker)
{
	assert_ptr_equal(worker->app, &t.app);
	assert_ptr_equal(&worker->all[worker->index], worker);
	assert_int_equal(worker->count, COUNT);
	if (worker->index == t.failing)
		return ERR_UNAVAILABLE;
	if (atomic_fetch_add(&t.started, 1) + 1 == COUNT)
		loop_post(worker->loop, on_all_started, NULL);
	return ERR_NONE;
}

static void on_drained(void *arg)
{
	worker_drained(arg);
	worker_drained(arg); /* counts once */
}

static void drain(struct worker *worker)
{
	assert_true(worker->draining);
	if (atomic_fetch_add(&t.drained, 1) + 1 == COUNT && t.kill_twice)
		kill(getpid(), SIGINT);
	if (!t.never_drained)
		loop_defer(worker->loop, on_drained, worker);
}

static void stop(struct worker *worker)
{
	atomic_fetch_add(&t.stopped, 1);
	for (unsigned i = 0; i < worker->count; i++)
		loop_post(worker->all[i].loop, on_greeting, NULL);
}

static int run(uint64_t drain_max_ms)
{
	const struct worker_conf conf = { COUNT, drain_max_ms, start, drain, stop, &t.app };

	return workers_run(&conf);
}

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.failing = NOBODY;
	return 0;
}

static void a_signal_drains_and_stops_all(void **state)
{
	const uint64_t from_ms = clock_mono_ms();

	(void)state;
	assert_int_equal(run(60000), 0);
	assert_int_equal(t.started, COUNT);
	assert_int_equal(t.drained, COUNT);
	assert_int_equal(t.stopped, COUNT);
	assert_int_equal(t.greeted, COUNT * COUNT); /* the loops still ran after the last stop */
	assert_true(clock_mono_ms() - from_ms < 30000);
}

static void the_longest_wait_ends_the_drain(void **state)
{
	const uint64_t from_ms = clock_mono_ms();

	(void)state;
	t.never_drained = true;
	assert_int_equal(run(100), 0);
	assert_int_equal(t.stopped, COUNT);
	assert_true(clock_mono_ms() - from_ms >= 100);
}

static void a_second_signal_ends_the_drain(void **state)
{
	const uint64_t from_ms = clock_mono_ms();

	(void)state;
	t.never_drained = true;
	t.kill_twice = true;
	assert_int_equal(run(60000), 0);
	assert_int_equal(t.stopped, COUNT);
	assert_true(clock_mono_ms() - from_ms < 30000);
}

static void a_failed_start_stops_the_others(void **state)
{
	(void)state;
	t.failing = 1;
	assert_int_equal(run(60000), 1);
	assert_int_equal(t.started, COUNT - 1);
	assert_int_equal(t.drained, 0);
	assert_int_equal(t.stopped, COUNT - 1);
}

static void signals_are_given_back(void **state)
{
	sigset_t before, after;
	struct sigaction pipe_before, pipe_after;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	sigaction(SIGPIPE, NULL, &pipe_before);
	assert_int_equal(run(60000), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	sigaction(SIGPIPE, NULL, &pipe_after);
	assert_int_equal(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
	assert_ptr_equal(pipe_before.sa_handler, pipe_after.sa_handler);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_signal_drains_and_stops_all, setup),
		cmocka_unit_test_setup(the_longest_wait_ends_the_drain, setup),
		cmocka_unit_test_setup(a_second_signal_ends_the_drain, setup),
		cmocka_unit_test_setup(a_failed_start_stops_the_others, setup),
		cmocka_unit_test_setup(signals_are_given_back, setup),
	};

	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
