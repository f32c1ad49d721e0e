/* test_http_client_ends.c - fetches that end by time, by number or by their owner, and those of a flow. */
#include <signal.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "tests/unit/http_client_fixture.h"

/* ---- how long it may take ---- */

static void ends_in_time(void **state)
{
	static const char *const paths[] = { "http://127.0.0.1:%u/hang", "http://127.0.0.1:%u/drip",
					     "http://127.0.0.1:%u/drip-head" };
	struct scene *scene = *state;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const uint64_t start = clock_mono_ms();
		const struct outcome *outcome =
			fetch_on(scene, scene->client,
				 (struct http_fetch){ .url = url_of(scene, paths[i]), .total_ms = 150 });

		await(scene, 1);
		assert_err(outcome, ERR_FETCH_FAILED, paths[i]);
		assert_string_equal(outcome->detail, "no answer within 150 ms");
		assert_in_range(clock_mono_ms() - start, 140, 5000);
	}
}

/* While it sends something, a server may take until total_ms; so may what only waits for its turn. */
static void ends_when_a_server_is_silent(void **state)
{
	struct scene *scene = *state;
	struct http_client *narrow =
		client_of(scene, "127.0.0.1",
			  (struct http_client_conf){ .max_total = 1, .max_per_host = 1, .max_waiting = 4 });
	const uint64_t start = clock_mono_ms();
	const struct outcome *outcome =
		fetch_on(scene, scene->client,
			 (struct http_fetch){ .url = url_of(scene, "http://127.0.0.1:%u/hang"),
					      .read_ms = 100,
					      .total_ms = 10000 });
	const struct outcome *waiting;

	await(scene, 1);
	assert_err(outcome, ERR_FETCH_FAILED, "hang");
	assert_string_equal(outcome->detail, "nothing was heard for 100 ms");
	assert_in_range(clock_mono_ms() - start, 90, 5000);

	outcome = fetch_on(scene, scene->client,
			   (struct http_fetch){ .url = url_of(scene, "http://127.0.0.1:%u/drip"),
						.read_ms = 300,
						.total_ms = 900 });
	await(scene, 1);
	assert_string_equal(outcome->detail, "no answer within 900 ms");

	(void)fetch_on(scene, narrow,
		       (struct http_fetch){ .url = url_of(scene, "http://127.0.0.1:%u/hang"),
					    .total_ms = 600 });
	waiting = fetch_on(scene, narrow,
			   (struct http_fetch){ .url = url_of(scene, "http://127.0.0.1:%u/ok"),
						.read_ms = 200,
						.total_ms = 10000 });
	await(scene, 2);
	assert_int_equal(waiting->err, ERR_NONE);
	(void)http_client_free(narrow);
}

/* The loop must not wait for the resolver's thread, which is stuck until the end of this test. */
static void a_slow_name_does_not_hold_the_loop(void **state)
{
	struct scene *scene = *state;
	const struct str url = url_of(scene, "http://slow.test:%u/ok");
	const struct outcome *connect =
		fetch_on(scene, scene->client, (struct http_fetch){ .url = url, .connect_ms = 100 });
	const struct outcome *total =
		fetch_on(scene, scene->client, (struct http_fetch){ .url = url, .total_ms = 100 });
	const struct outcome *closed = fetch_on(scene, scene->client, (struct http_fetch){ .url = url });

	await(scene, 2);
	assert_err(connect, ERR_FETCH_CONNECT, "connect");
	assert_string_equal(connect->detail, "no connection within 100 ms");
	assert_err(total, ERR_FETCH_FAILED, "total");
	assert_int_equal(name_lookups(), 3);
	scene->client = http_client_free(scene->client);
	await(scene, 1);
	assert_err(closed, ERR_CLOSED, "closed");
	assert_int_equal(name_lookups(), 3);
	name_release();
}

/* ---- how many ---- */

static void waits_within_bounds(void **state)
{
	struct scene *scene = *state;
	struct http_client *narrow =
		client_of(scene, "127.0.0.1",
			  (struct http_client_conf){ .max_total = 1, .max_per_host = 1, .max_waiting = 1 });
	struct http_fetch fetch = { .url = url_of(scene, "http://127.0.0.1:%u/hang"), .total_ms = 300 };
	const struct outcome *working = fetch_on(scene, narrow, fetch);

	fetch.total_ms = 100;
	const struct outcome *waiting = fetch_on(scene, narrow, fetch);
	const struct outcome *refused = fetch_on(scene, narrow, fetch);

	await(scene, 1);
	assert_err(refused, ERR_OVERLOAD, "refused");
	assert_int_equal(waiting->runs, 0);
	await(scene, 1);
	assert_err(waiting, ERR_FETCH_FAILED, "waiting");
	assert_string_equal(waiting->detail, "no answer within 100 ms");
	assert_int_equal(working->runs, 0);

	const struct outcome *next =
		fetch_on(scene, narrow,
			 (struct http_fetch){ .url = url_of(scene, "http://127.0.0.1:%u/ok") });

	await(scene, 2);
	assert_err(working, ERR_FETCH_FAILED, "working");
	assert_err(next, ERR_NONE, "next");
	http_client_free(narrow);
}

static void works_side_by_side_within_the_limit(void **state)
{
	struct scene *scene = *state;
	struct http_client *two =
		client_of(scene, "127.0.0.1",
			  (struct http_client_conf){ .max_total = 8, .max_per_host = 2, .max_waiting = 80 });

	for (size_t i = 0; i < 10; i++)
		(void)fetch_on(scene, two,
			       (struct http_fetch){ .url = url_of(scene, "http://127.0.0.1:%u/work") });
	await(scene, 10);
	for (size_t i = 0; i < 10; i++)
		assert_err(&scene->outcomes[i], ERR_NONE, "work");
	assert_int_equal(atomic_load(&scene->customer->working_peak), 2);
	assert_int_equal(atomic_load(&scene->customer->accepted), 2);
	http_client_free(two);
}

/* ---- giving up ---- */

static void a_cancelled_fetch_is_silent(void **state)
{
	struct scene *scene = *state;
	struct outcome *at_once = get(scene, "http://127.0.0.1:%u/ok");
	struct outcome *concluded = get(scene, "not a URL");
	struct outcome *hanging = get(scene, "http://127.0.0.1:%u/hang");
	struct outcome *ok = get(scene, "http://127.0.0.1:%u/work");

	http_fetch_cancel(at_once->op);
	http_fetch_cancel(concluded->op);
	ok->cancels = hanging;
	await(scene, 1);
	assert_err(ok, ERR_NONE, "ok");

	struct outcome *later = get(scene, "http://127.0.0.1:%u/ok");

	await(scene, 1);
	assert_err(later, ERR_NONE, "later");
	assert_int_equal(at_once->runs + concluded->runs + hanging->runs, 0);
}

static void freeing_ends_what_is_open(void **state)
{
	struct scene *scene = *state;
	const struct outcome *hanging = get(scene, "http://127.0.0.1:%u/hang");
	const struct outcome *ok = get(scene, "http://127.0.0.1:%u/ok");

	await(scene, 1);
	assert_err(ok, ERR_NONE, "ok");
	const struct outcome *fresh = get(scene, "http://127.0.0.1:%u/ok");

	scene->client = http_client_free(scene->client);
	assert_int_equal(hanging->runs + fresh->runs, 0);
	await(scene, 2);
	assert_err(hanging, ERR_CLOSED, "hanging");
	assert_err(fresh, ERR_CLOSED, "fresh");
}

/* ---- for a flow ---- */

struct flow_scene {
	struct scene *scene;
	struct http_result result;
	unsigned steps, fails, ends;
	enum err err;
};

static void flow_failed(struct flow *flow, enum err err, const char *detail)
{
	struct flow_scene *fs = flow->owner;

	(void)detail;
	fs->fails++;
	fs->err = err;
}

static void flow_ended(struct flow *flow)
{
	struct flow_scene *fs = flow->owner;

	fs->ends++;
	loop_stop(fs->scene->loop);
}

static const struct flow_kind flow_kind = { "test", flow_failed, flow_ended };

static void on_fetched(struct flow *flow)
{
	struct flow_scene *fs = flow->owner;

	fs->steps++;
	flow_done(flow);
}

static void run_flow(struct flow_scene *fs, const char *url, uint64_t deadline_ms, bool abandon)
{
	struct scene *scene = fs->scene;
	struct worker worker = { .loop = scene->loop, .untrusted = scene->client };
	struct arena *arena = arena_new(1 << 20);
	struct flow flow;

	flow_init(&flow, &flow_kind, &worker, arena, fs);
	flow_deadline(&flow, deadline_ms);
	(void)flow_fetch(&flow,
			 &(struct http_fetch){ .url = url_of(scene, url),
					       .connect_ms = 5000,
					       .total_ms = 10000,
					       .max_body = BODY_MAX },
			 &fs->result, STEP(on_fetched));
	assert_int_equal(fs->steps, 0);
	if (abandon)
		flow_abandon(&flow);
	await(scene, 0);
	assert_int_equal(fs->ends, 1);
	if (fs->steps && fs->result.err == ERR_NONE)
		assert_str_equal(fs->result.body, "hello"); /* in the arena, which still lives */
	arena_free(arena);
}

static void a_flow_goes_on_with_the_result(void **state)
{
	struct flow_scene good = { .scene = *state }, bad = { .scene = *state };

	run_flow(&good, "http://127.0.0.1:%u/ok", 5000, false);
	assert_int_equal(good.steps, 1);
	assert_int_equal(good.result.status, 200);
	run_flow(&bad, "http://127.0.0.1:1/", 5000, false);
	assert_int_equal(bad.steps, 1); /* a failure is a result */
	assert_int_equal(bad.result.err, ERR_FETCH_CONNECT);
}

static void a_flow_ends_with_its_deadline(void **state)
{
	struct flow_scene late = { .scene = *state };
	const uint64_t start = clock_mono_ms();

	run_flow(&late, "http://127.0.0.1:%u/hang", 100, false);
	assert_true(clock_mono_ms() - start < 5000);
	assert_true(late.steps == 1 ? late.result.err == ERR_FETCH_FAILED : late.err == ERR_DEADLINE);
}

static void an_abandoned_flow_runs_no_step(void **state)
{
	struct flow_scene gone = { .scene = *state };

	run_flow(&gone, "http://127.0.0.1:%u/ok", 5000, true);
	assert_int_equal(gone.steps, 0);
	assert_int_equal(gone.fails, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ends_in_time),
		TEST(ends_when_a_server_is_silent),
		TEST(a_slow_name_does_not_hold_the_loop),
		TEST(waits_within_bounds),
		TEST(works_side_by_side_within_the_limit),
		TEST(a_cancelled_fetch_is_silent),
		TEST(freeing_ends_what_is_open),
		TEST(a_flow_goes_on_with_the_result),
		TEST(a_flow_ends_with_its_deadline),
		TEST(an_abandoned_flow_runs_no_step),
	};

	signal(SIGPIPE, SIG_IGN);
	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	metrics_attach();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
