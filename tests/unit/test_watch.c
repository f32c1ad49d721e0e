/* test_watch.c - what a watcher is told: by name, by prefix, after gaps. */
#include "tests/unit/watch_fixture.h"

/* -- by name -- */

static void a_snapshot_and_then_changes(void **state)
{
	struct world world;

	world_open(&world, state);
	store(&world, "alice", 100);
	watch(&world, "alice", "bob");
	assert_int_equal(world.bench->scene.happened.n, 0); /* never inside the call */
	expect(&world, "S[alice=100,bob=0]");
	publish(&world, "alice", 200);
	expect(&world, "P[alice=200]");
	publish(&world, "bob", 300);
	expect(&world, "P[bob=300]");
	world_close(&world);
}

static void versions_never_go_back(void **state)
{
	struct world world;

	world_open(&world, state);
	store(&world, "alice", 100);
	watch(&world, "alice", "bob");
	expect(&world, "S[alice=100,bob=0]");
	publish(&world, "alice", 99);
	publish(&world, "alice", 100);
	nothing_but(&world, "bob", 5);
	world_close(&world);
}

static void of_a_burst_the_last_one_is_told(void **state)
{
	struct world world;

	world_open(&world, state);
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=0]");
	for (int64_t version = 1; version <= 50; version++) /* all there before the loop turns */
		publish(&world, "alice", version);
	expect(&world, "P[alice=50]");
	world_close(&world);
}

static void who_may_not_be_seen_is_left_out(void **state)
{
	struct world world;

	world_open(&world, state);
	watch(&world, "alice", "bob");
	world.hidden = "alice";
	expect(&world, "S[bob=0]");
	publish(&world, "alice", 7);
	nothing_but(&world, "bob", 8);
	world_close(&world);
}

static void somebody_else_is_not_told(void **state)
{
	struct world world;

	world_open(&world, state);
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=0]");
	publish(&world, "carol", 7);
	publish_text(&world, "alice", "no message");
	publish_text(&world, "alice", "1||");
	publish_text(&world, "alice", "|alice|");
	nothing_but(&world, "alice", 8);
	world_close(&world);
}

static void a_second_watcher_is_served_from_memory(void **state)
{
	struct world world;
	struct watcher *first;
	long reads;

	world_open(&world, state);
	store(&world, "alice", 100);
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=100]");
	reads = redis_server_count(&world.bench->server, "commandstats", "cmdstat_evalsha:calls=");
	first = world.watcher;
	world.watcher = watcher(&world);
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=100]");
	assert_int_equal(redis_server_count(&world.bench->server, "commandstats", "cmdstat_evalsha:calls="),
			 reads);
	publish(&world, "alice", 200);
	expect(&world, "P[alice=200] P[alice=200]");
	watcher_free(first);
	nothing_but(&world, "alice", 300);
	world_close(&world);
}

static void removed_is_not_told(void **state)
{
	struct world world;

	world_open(&world, state);
	watch(&world, "alice", "bob");
	expect(&world, "S[alice=0,bob=0]");
	watcher_remove(world.watcher, &STR("alice"), 1);
	assert_int_equal(watcher_count(world.watcher), 1);
	publish(&world, "alice", 7);
	nothing_but(&world, "bob", 8);
	watcher_remove_all(world.watcher);
	assert_false(watcher_is_watching(world.watcher));
	world_close(&world);
}

/* -- by prefix -- */

static void a_prefix_has_those_of_now_and_those_of_later(void **state)
{
	struct world world;

	world_open(&world, state);
	store(&world, "support/ann", 100);
	store(&world, "sales/bob", 100);
	assert_int_equal(watcher_add_prefix(world.watcher, STR("support/"), STR_NULL), ERR_NONE);
	expect(&world, "S[support/ann=100]");
	publish(&world, "sales/bob", 101);
	nothing_but(&world, "support/cid", 102);
	assert_int_equal(watcher_count(world.watcher), 2);
	watcher_remove_prefix(world.watcher, STR("support/"));
	assert_false(watcher_is_watching(world.watcher));
	world_close(&world);
}

static void a_prefix_has_whom_another_one_waited_for(void **state)
{
	struct world world;
	struct watcher *by_name;

	world_open(&world, state);
	watch(&world, "support/ann", NULL);
	expect(&world, "S[support/ann=0]");
	by_name = world.watcher;
	world.watcher = watcher(&world);
	assert_int_equal(watcher_add_prefix(world.watcher, STR(""), STR_NULL), ERR_NONE);
	expect(&world, "S[]");
	publish(&world, "support/ann", 100);
	expect(&world, "P[support/ann=100] P[support/ann=100]");
	watcher_free(by_name);
	nothing_but(&world, "support/ann", 101);
	world_close(&world);
}

static void prefixes_that_overlap_tell_once(void **state)
{
	struct world world;

	world_open(&world, state);
	store(&world, "a/b/c", 100);
	assert_int_equal(watcher_add_prefix(world.watcher, STR("a/"), STR_NULL), ERR_NONE);
	assert_int_equal(watcher_add_prefix(world.watcher, STR("a/b/"), STR_NULL), ERR_NONE);
	expect(&world, "S[a/b/c=100]");
	nothing_but(&world, "a/b/d", 101);
	watcher_remove_prefix(world.watcher, STR("a/"));
	assert_int_equal(watcher_count(world.watcher), 2);
	nothing_but(&world, "a/b/e", 102);
	world_close(&world);
}

static void a_long_snapshot_comes_in_parts(void **state)
{
	struct world world;
	char name[32];

	world_open(&world, state);
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		store(&world, name, 100 + i);
	}
	assert_int_equal(watcher_add_prefix(world.watcher, STR("many/"), STR_NULL), ERR_NONE);
	while (!buf_ok(&world.bench->scene.happened) || !strstr(buf_cstr(&world.bench->scene.happened), "S["))
		scene_run_for(&world.bench->scene, 5);
	assert_non_null(strstr(buf_cstr(&world.bench->scene.happened), "s["));
	assert_int_equal(watcher_count(world.watcher), 600);
	buf_clear(&world.bench->scene.happened);
	world_close(&world);
}

/* -- gaps -- */

static void a_missing_message_is_a_gap(void **state)
{
	struct world world;

	world_open(&world, state);
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=0]");
	nothing_but(&world, "alice", 100);
	store(&world, "alice", 300);
	lose(&world, "alice");
	publish(&world, "alice", 250); /* told, or not: what is read is newer */
	expect(&world, "resync:a message is missing S[alice=300]");
	nothing_but(&world, "alice", 400);
	world_close(&world);
}

static void a_lost_subscription_is_a_gap(void **state)
{
	struct world world;

	world_open(&world, state);
	store(&world, "support/ann", 100);
	assert_int_equal(watcher_add_prefix(world.watcher, STR("support/"), STR_NULL), ERR_NONE);
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=0,support/ann=100]");
	redis_server_do(&world.bench->server, "CLIENT KILL TYPE pubsub");
	store(&world, "support/ann", 200);
	store(&world, "support/bea", 201);
	store(&world, "alice", 202);
	while (!strstr(buf_cstr(&world.bench->scene.happened), "S["))
		scene_run_for(&world.bench->scene, 1);
	assert_true(str_starts(buf_str(&world.bench->scene.happened), STR("resync:reconnected ")));
	assert_non_null(strstr(buf_cstr(&world.bench->scene.happened), "support/ann=200"));
	assert_non_null(strstr(buf_cstr(&world.bench->scene.happened), "support/bea=201"));
	assert_non_null(strstr(buf_cstr(&world.bench->scene.happened), "alice=202"));
	buf_clear(&world.bench->scene.happened);
	memset(world.counter, 0, sizeof(world.counter)); /* nothing was heard since: any number is right */
	nothing_but(&world, "support/bea", 300);
	world_close(&world);
}

static void what_the_store_has_lost_is_not_shown_any_more(void **state)
{
	struct world world;

	world_open(&world, state);
	store(&world, "alice", 100);
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=100]");
	redis_server_do(&world.bench->server, "FLUSHALL");
	redis_server_do(&world.bench->server, "CLIENT KILL TYPE pubsub");
	expect(&world, "resync:reconnected S[alice=0]");
	world_close(&world);
}

static void the_channel_under_the_previous_secret_is_heard(void **state)
{
	struct world world;
	struct bench *bench = *state;
	struct seal *seals = seal_new(STR("another-cluster-secret-0123456789abcdef"), STR(CLUSTER_SECRET));

	world_open(&world, state);
	world.app.common.seal = seals;
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=0]");
	publish(&world, "alice", 100); /* by an instance that has not heard of the new one */
	expect(&world, "P[alice=100]");
	world_close(&world);
	assert_non_null(bench->seal);
	seal_free(seals);
}

/* -- freed by its own callbacks -- */

static void freed_by_its_callbacks(void **state)
{
	struct world world;

	world_open(&world, state);
	world.free_at = 'S';
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=0]");
	assert_null(world.watcher);

	world.watcher = watcher(&world);
	world.free_at = 'P';
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=0]");
	publish(&world, "alice", 1);
	expect(&world, "P[alice=1]");
	assert_null(world.watcher);

	world.watcher = watcher(&world);
	world.free_at = 'r';
	watch(&world, "bob", NULL);
	expect(&world, "S[bob=0]");
	redis_server_do(&world.bench->server, "CLIENT KILL TYPE pubsub");
	expect(&world, "resync:reconnected");
	assert_null(world.watcher);
	world_close(&world);
}

static void freed_while_it_is_asked_for(void **state)
{
	struct world world;

	world_open(&world, state);
	watch(&world, "alice", NULL);
	assert_int_equal(watcher_add_prefix(world.watcher, STR("support/"), STR_NULL), ERR_NONE);
	world.watcher = watcher_free(world.watcher);
	world.watcher = watcher(&world);
	watch(&world, "alice", NULL);
	expect(&world, "S[alice=0]");
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(a_snapshot_and_then_changes),
		BENCH_TEST(versions_never_go_back),
		BENCH_TEST(of_a_burst_the_last_one_is_told),
		BENCH_TEST(who_may_not_be_seen_is_left_out),
		BENCH_TEST(somebody_else_is_not_told),
		BENCH_TEST(a_second_watcher_is_served_from_memory),
		BENCH_TEST(removed_is_not_told),
		BENCH_TEST(a_prefix_has_those_of_now_and_those_of_later),
		BENCH_TEST(a_prefix_has_whom_another_one_waited_for),
		BENCH_TEST(prefixes_that_overlap_tell_once),
		BENCH_TEST(a_long_snapshot_comes_in_parts),
		BENCH_TEST(a_missing_message_is_a_gap),
		BENCH_TEST(a_lost_subscription_is_a_gap),
		BENCH_TEST(what_the_store_has_lost_is_not_shown_any_more),
		BENCH_TEST(the_channel_under_the_previous_secret_is_heard),
		BENCH_TEST(freed_by_its_callbacks),
		BENCH_TEST(freed_while_it_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
