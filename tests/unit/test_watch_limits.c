/* test_watch_limits.c - what a slow watcher costs, and how much one watcher, one account and one loop may watch. */
#include "tests/unit/watch_fixture.h"

enum { NAMES_MAX = WATCHED_MAX + 1 };

/* -- slow -- */

static void a_slow_transport_is_spared_and_gets_the_last_state(void **state)
{
	struct world world;

	world_open(&world, state);
	world.settings.watch_stall_ms = 60000;
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=0]");
	world.queued = QUEUE / 2 + 1;
	for (int64_t version = 1; version <= 20; version++) {
		publish(&world, "alice", version);
		scene_run_for(&world.bench->scene, 2);
	}
	assert_int_equal(world.bench->scene.happened.n, 0);
	world.queued = QUEUE / 2;
	expect(&world, "P[alice=20]");
	world_close(&world);
}

static void without_any_progress_it_is_cut(void **state)
{
	struct world world;

	world_open(&world, state);
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=0]");
	world.queued = QUEUE;
	publish(&world, "alice", 1);
	expect(&world, "cut:WATCH_TOO_SLOW");
	assert_null(world.watcher);
	world_close(&world);
}

/* -- limits -- */

static const struct str *many_names(void)
{
	static struct str names[NAMES_MAX];
	static char space[NAMES_MAX][8];

	for (size_t i = 0; i < NAMES_MAX; i++) {
		snprintf(space[i], sizeof(space[i]), "n%zu", i);
		names[i] = str_of(space[i]);
	}
	return names;
}

static void more_than_ten_thousand_are_refused(void **state)
{
	const struct str *names = many_names();
	struct world world;

	world_open(&world, state);
	assert_int_equal(watcher_add(world.watcher, names, NAMES_MAX, STR_NULL), ERR_WATCH_TOO_MANY);
	assert_int_equal(watcher_count(world.watcher), 0);
	world.app.watches->max_edges = 3;
	assert_int_equal(watcher_add(world.watcher, names, 4, STR_NULL), ERR_OVERLOAD);
	assert_int_equal(watcher_count(world.watcher), 0);
	assert_int_equal(watcher_add(world.watcher, names, 3, STR("no cursor")), ERR_BAD_FIELD);
	assert_int_equal(watcher_add(world.watcher, names, 3, STR_NULL), ERR_NONE);
	expect(&world, "S[n0=0,n1=0,n2=0]");
	world_close(&world);
}

static void no_account_takes_all_that_a_loop_has(void **state)
{
	const struct str *names = many_names();
	const struct watcher_conf elsewhere = { sid_of("AC000000000000000000000000000000ff"), &ops, NULL,
						QUEUE };
	struct watcher *second, *other;
	struct world world;

	world_open(&world, state);
	world.app.watches->max_edges = 2 * (WATCHED_MAX + 2);
	second = watcher(&world);
	other = watcher_new(&world.bench->here.worker, &elsewhere);
	assert_int_equal(watcher_add(world.watcher, names, WATCHED_MAX, STR_NULL), ERR_NONE);
	assert_int_equal(watcher_add(second, names, 3, STR_NULL), ERR_OVERLOAD);
	assert_int_equal(watcher_add(second, names, 2, STR_NULL), ERR_NONE);
	assert_int_equal(watcher_add(other, names, WATCHED_MAX, STR_NULL), ERR_NONE);
	world.watcher = watcher_free(world.watcher);
	assert_int_equal(watcher_add(second, names + 2, 3, STR_NULL), ERR_NONE);
	watcher_free(second);
	watcher_free(other);
	world_close(&world);
}

static void prefixes_of_nobody_are_counted_too(void **state)
{
	struct world world;
	char prefix[8];

	world_open(&world, state);
	for (unsigned i = 0; i < WATCHED_PREFIXES_MAX; i++) {
		snprintf(prefix, sizeof(prefix), "n%u/", i);
		assert_int_equal(watcher_add_prefix(world.watcher, str_of(prefix), STR_NULL), ERR_NONE);
	}
	assert_int_equal(watcher_add_prefix(world.watcher, STR("more/"), STR_NULL), ERR_WATCH_TOO_MANY);
	assert_int_equal(watcher_add_prefix(world.watcher, STR("n7/"), STR_NULL), ERR_NONE);
	watcher_remove_prefix(world.watcher, STR("n7/"));
	assert_int_equal(watcher_add_prefix(world.watcher, STR("more/"), STR_NULL), ERR_NONE);
	expect(&world, "S[]");
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(a_slow_transport_is_spared_and_gets_the_last_state),
		BENCH_TEST(without_any_progress_it_is_cut),
		BENCH_TEST(more_than_ten_thousand_are_refused),
		BENCH_TEST(no_account_takes_all_that_a_loop_has),
		BENCH_TEST(prefixes_of_nobody_are_counted_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
