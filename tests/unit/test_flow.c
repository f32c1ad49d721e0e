/* test_flow.c - a flow fails, ends and is abandoned exactly once, whatever comes in what order. */
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/flow.h"

static void on_fail(struct flow *flow, enum err err, const char *detail);
static void on_end(struct flow *flow);

static const struct flow_kind kind = { "test", on_fail, on_end };

static struct {
	struct worker worker;
	struct arena *arena;
	struct flow flow;
	char trace[128]; /* what ran */
	unsigned fails, ends;
	enum err err;
	char detail[FLOW_DETAIL_MAX];
} t;

static void note(const char *what)
{
	const size_t n = strlen(t.trace);

	assert_true(n + strlen(what) + 1 < sizeof(t.trace));
	memcpy(t.trace + n, what, strlen(what) + 1);
}

static void on_fail(struct flow *flow, enum err err, const char *detail)
{
	assert_false(flow_is_live(flow));
	t.fails++;
	t.err = err;
	snprintf(t.detail, sizeof(t.detail), "%s", detail);
	note("F");
}

static void on_end(struct flow *flow)
{
	assert_ptr_equal(flow, &t.flow);
	t.ends++;
	note("E");
	memset(flow, 0xa5, sizeof(*flow)); /* whoever touches it from here on is found out */
}

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.worker = (struct worker){ .count = 1, .all = &t.worker, .loop = loop_new() };
	t.arena = arena_new(64 * 1024);
	flow_init(&t.flow, &kind, &t.worker, t.arena, &t);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	loop_free(t.worker.loop);
	arena_free(t.arena);
	return 0;
}

static void turn(void)
{
	loop_finish(t.worker.loop);
}

static void on_stop(void *arg)
{
	loop_stop(arg);
}

static void run_for(uint64_t ms)
{
	struct loop_timer *timer = loop_timer_new(t.worker.loop, on_stop, t.worker.loop);

	loop_timer_start(timer, ms);
	loop_run(t.worker.loop);
	loop_timer_free(timer);
}

static void step_a(struct flow *flow)
{
	assert_true(flow_is_live(flow));
	note("a");
}

static void step_done(struct flow *flow)
{
	note("d");
	flow_done(flow);
	assert_int_equal(t.ends, 0); /* never below a running step */
}

/* ---- ending ---- */

static void a_flow_that_is_done_ends_once(void **state)
{
	(void)state;
	flow_run(&t.flow, STEP(step_done));
	assert_string_equal(t.trace, "dE");
	turn();
	assert_string_equal(t.trace, "dE");
}

static void done_from_outside_ends_through_the_loop(void **state)
{
	(void)state;
	flow_done(&t.flow);
	assert_false(flow_is_live(&t.flow));
	flow_done(&t.flow);
	flow_fail(&t.flow, ERR_INTERNAL, "%s", "late");
	flow_abandon(&t.flow);
	assert_string_equal(t.trace, "");
	turn();
	assert_string_equal(t.trace, "E");
}

static void the_end_waits_for_the_last_io(void **state)
{
	(void)state;
	flow_hold(&t.flow, "one");
	flow_hold(&t.flow, "two");
	flow_done(&t.flow);
	turn();
	assert_int_equal(t.ends, 0);
	flow_resume(&t.flow, STEP(step_a));
	assert_int_equal(t.ends, 0);
	flow_resume(&t.flow, STEP(step_a));
	assert_string_equal(t.trace, "E");
}

static void a_flow_that_is_not_over_does_not_end(void **state)
{
	(void)state;
	flow_run(&t.flow, STEP(step_a));
	turn();
	assert_string_equal(t.trace, "a");
	flow_done(&t.flow);
}

/* ---- failing ---- */

static void a_failed_io_reaches_no_step(void **state)
{
	(void)state;
	flow_hold(&t.flow, "io");
	flow_resume_failed(&t.flow, ERR_STORE_DOWN, "no store");
	assert_string_equal(t.trace, "FE");
	assert_int_equal(t.err, ERR_STORE_DOWN);
	assert_string_equal(t.detail, "no store");
}

static void step_fails(struct flow *flow)
{
	flow_fail(flow, ERR_CONFLICT, "%s is %d", "x", 7);
	flow_fail(flow, ERR_INTERNAL, "%s", "again");
	note("s");
}

static void the_first_failure_counts(void **state)
{
	(void)state;
	flow_run(&t.flow, STEP(step_fails));
	assert_string_equal(t.trace, "FsE");
	assert_int_equal(t.err, ERR_CONFLICT);
	assert_string_equal(t.detail, "x is 7");
}

static void the_deadline_fails_what_waits(void **state)
{
	(void)state;
	assert_true(flow_left_ms(&t.flow) == UINT64_MAX);
	flow_deadline(&t.flow, 10000);
	assert_in_range(flow_left_ms(&t.flow), 9000, 10000);
	flow_deadline(&t.flow, 20);
	assert_in_range(flow_left_ms(&t.flow), 0, 20);
	flow_hold(&t.flow, "io");
	run_for(60);
	assert_string_equal(t.trace, "F");
	assert_int_equal(t.err, ERR_DEADLINE);
	assert_int_equal(flow_left_ms(&t.flow), 0);
	flow_resume(&t.flow, STEP(step_a));
	assert_string_equal(t.trace, "FE");
}

static void no_deadline_after_the_end(void **state)
{
	(void)state;
	flow_deadline(&t.flow, 20);
	flow_run(&t.flow, STEP(step_done));
	run_for(60);
	assert_string_equal(t.trace, "dE");
}

static void the_deadline_names_the_step_it_waited_for(void **state)
{
	char line[1024] = "";
	const int saved = dup(STDERR_FILENO);
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	log_setup(LOG_INFO, LOG_LOGFMT, "test");
	flow_log(&t.flow, "req", STR("RQ7"));
	flow_deadline(&t.flow, 1);
	flow_sleep(&t.flow, 10000, STEP(step_a));
	run_for(30);
	dup2(saved, STDERR_FILENO);
	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
	assert_non_null(strstr(line, "deadline"));
	assert_non_null(strstr(line, "step_a"));
	assert_non_null(strstr(line, "req=RQ7"));
	assert_string_equal(t.trace, "FE");
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

/* ---- being abandoned ---- */

static void on_abandon(struct flow *flow, void *arg)
{
	assert_false(flow_is_live(flow));
	note(arg);
}

static void abandoning_undoes_newest_first(void **state)
{
	(void)state;
	flow_on_abandon(&t.flow, on_abandon, "1");
	flow_on_abandon(&t.flow, on_abandon, "2");
	flow_hold(&t.flow, "io");
	flow_abandon(&t.flow);
	flow_abandon(&t.flow);
	assert_string_equal(t.trace, "21");
	flow_resume(&t.flow, STEP(step_a));
	assert_string_equal(t.trace, "21E");
	assert_int_equal(t.fails, 0);
}

static void what_is_answered_is_not_undone(void **state)
{
	(void)state;
	flow_on_abandon(&t.flow, on_abandon, "1");
	flow_hold(&t.flow, "io");
	flow_done(&t.flow);
	flow_abandon(&t.flow);
	assert_false(flow_settle(&t.flow));
	assert_string_equal(t.trace, "E");
}

/* ---- going on ---- */

static void step_next(struct flow *flow)
{
	note("n");
	flow_next(flow, STEP(step_done));
	note("|");
}

static void a_next_step_never_runs_inside_the_call(void **state)
{
	(void)state;
	flow_run(&t.flow, STEP(step_next));
	assert_string_equal(t.trace, "n|");
	turn();
	assert_string_equal(t.trace, "n|dE");
}

static void a_join_waits_for_all(void **state)
{
	struct flow_step step;

	(void)state;
	step = flow_join(&t.flow, 3, STEP(step_a));
	assert_string_equal(step.name, "step_a");
	for (int i = 0; i < 3; i++)
		flow_hold(&t.flow, step.name);
	flow_resume(&t.flow, step);
	flow_resume(&t.flow, step);
	assert_string_equal(t.trace, "");
	flow_resume(&t.flow, step);
	assert_string_equal(t.trace, "a");

	step = flow_join(&t.flow, 2, STEP(step_a)); /* one after the other is fine */
	flow_hold(&t.flow, step.name);
	flow_hold(&t.flow, step.name);
	flow_resume_failed(&t.flow, ERR_STORE_TIMEOUT, "");
	flow_resume(&t.flow, step);
	assert_string_equal(t.trace, "aFE");
}

static void sleep_a(struct flow *flow)
{
	flow_sleep(flow, 20, STEP(step_done));
}

static void a_sleep_ends_with_its_step(void **state)
{
	const uint64_t from_ms = clock_mono_ms();

	(void)state;
	flow_run(&t.flow, STEP(sleep_a));
	while (!t.ends)
		run_for(5);
	assert_string_equal(t.trace, "dE");
	assert_true(clock_mono_ms() - from_ms >= 20);
}

static void a_sleep_ends_early_with_the_flow(void **state)
{
	(void)state;
	flow_sleep(&t.flow, 100000, STEP(step_a));
	flow_sleep(&t.flow, 200000, STEP(step_a));
	flow_abandon(&t.flow);
	assert_int_equal(t.ends, 0);
	run_for(20);
	assert_string_equal(t.trace, "E");
}

static void settling_tells_whether_to_go_on(void **state)
{
	(void)state;
	flow_hold(&t.flow, "io");
	assert_true(flow_settle(&t.flow));
	flow_run(&t.flow, STEP(step_done));
	assert_string_equal(t.trace, "dE");
}

static void state_is_zeroed_and_kept(void **state)
{
	const char *space = flow_state(&t.flow, 100);

	(void)state;
	assert_ptr_equal(space, t.flow.state);
	for (int i = 0; i < 100; i++)
		assert_int_equal(space[i], 0);
	assert_ptr_not_equal(flow_alloc(&t.flow, 10), space);
	flow_done(&t.flow);
}

/* ---- the log context ---- */

static void step_logs(struct flow *flow)
{
	flow_log(flow, "call", STR("CA1"));
	log_error("inside", "x=1");
}

static void steps_log_in_context(void **state)
{
	char lines[2048] = "";
	char *second;
	const int saved = dup(STDERR_FILENO);
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	flow_log(&t.flow, "req", STR("RQ1"));
	flow_run(&t.flow, STEP(step_logs));
	log_error("outside", "x=2");
	dup2(saved, STDERR_FILENO);
	assert_true(read(fds[0], lines, sizeof(lines) - 1) > 0);
	second = strchr(lines, '\n');
	assert_non_null(second);
	*second++ = '\0';
	assert_non_null(strstr(lines, "req=RQ1"));
	assert_non_null(strstr(lines, "call=CA1"));
	assert_non_null(strstr(second, "outside"));
	assert_null(strstr(second, "RQ1"));
	assert_null(strstr(second, "CA1"));
	close(saved);
	close(fds[0]);
	close(fds[1]);
	flow_done(&t.flow);
}

static void of_a_worker_that_stops_no_step_runs_any_more(void **state)
{
	(void)state;
	flow_hold(&t.flow, "io");
	flow_next(&t.flow, STEP(step_a));
	flow_sleep(&t.flow, 60000, STEP(step_a));
	flows_close(&t.worker);
	assert_string_equal(t.trace, "F");
	assert_int_equal(t.err, ERR_CLOSED);
	run_for(1);
	assert_string_equal(t.trace, "F");
	assert_ptr_equal(t.worker.flows, &t.flow);
	flow_resume(&t.flow, STEP(step_a));
	assert_string_equal(t.trace, "FE");
	assert_null(t.worker.flows);
}

#define WITH_FLOW(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FLOW(a_flow_that_is_done_ends_once),
		WITH_FLOW(done_from_outside_ends_through_the_loop),
		WITH_FLOW(the_end_waits_for_the_last_io),
		WITH_FLOW(a_flow_that_is_not_over_does_not_end),
		WITH_FLOW(a_failed_io_reaches_no_step),
		WITH_FLOW(the_first_failure_counts),
		WITH_FLOW(the_deadline_fails_what_waits),
		WITH_FLOW(no_deadline_after_the_end),
		WITH_FLOW(the_deadline_names_the_step_it_waited_for),
		WITH_FLOW(abandoning_undoes_newest_first),
		WITH_FLOW(what_is_answered_is_not_undone),
		WITH_FLOW(a_next_step_never_runs_inside_the_call),
		WITH_FLOW(a_join_waits_for_all),
		WITH_FLOW(a_sleep_ends_with_its_step),
		WITH_FLOW(a_sleep_ends_early_with_the_flow),
		WITH_FLOW(settling_tells_whether_to_go_on),
		WITH_FLOW(state_is_zeroed_and_kept),
		WITH_FLOW(steps_log_in_context),
		WITH_FLOW(of_a_worker_that_stops_no_step_runs_any_more),
	};

	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
