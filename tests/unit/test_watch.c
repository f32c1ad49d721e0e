/* test_watch.c - watchers over a real Redis whose messages are made by hand.
 *
 * What a watcher is told becomes the scene's text: "S[alice=100]" a snapshot ("s[..]" when more of it follows, "R[..]" a
 * resumed one), "P[..]" changes, "resync:why", "cut:ERROR".
 */
#include "tests/unit/account_fixture.h"

#include "presence-svc/app.h"
#include "presence-svc/watch_private.h"

enum { NAMES_MAX = 10001, QUEUE = 1 << 20 };

struct world {
	struct bench *bench;
	struct settings settings;
	struct app app;
	struct watcher *watcher;
	int64_t counter[KEYS_SPREAD];
	size_t queued;
	const char *hidden; /* nobody may see this one */
	char free_at;	    /* the frame at which the watcher is freed: 'S', 'P', 'r' */
};

/* -- a watcher that notes what it is told -- */

static void note_frame(struct world *world, const char *kind, const struct watch_frame *frame)
{
	char text[512];
	size_t n = 0;

	for (size_t i = 0; i < frame->n && n + 64 < sizeof(text); i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s" STR_FMT "=%lld", i ? "," : "",
				      STR_ARG(frame->clients[i].identity),
				      (long long)frame->clients[i].version);
	text[n] = '\0';
	if (frame->n > 4)
		snprintf(text, sizeof(text), "%zu", frame->n);
	scene_note(&world->bench->scene, "%s[%s]", kind, text);
}

static void free_if(struct world *world, char kind)
{
	if (world->free_at == kind)
		world->watcher = watcher_free(world->watcher);
}

static void on_snapshot(void *arg, const struct watch_frame *frame)
{
	note_frame(arg, frame->resumed ? "R" : frame->more ? "s" : "S", frame);
	free_if(arg, 'S');
}

static void on_presence(void *arg, const struct watch_frame *frame)
{
	note_frame(arg, "P", frame);
	free_if(arg, 'P');
}

static void on_resync(void *arg, const char *reason)
{
	struct world *world = arg;

	scene_note(&world->bench->scene, "resync:%s", reason);
	free_if(arg, 'r');
}

static void on_cut(void *arg, enum err err, const char *why)
{
	struct world *world = arg;

	assert_string_equal(why, err_text(err));
	scene_note(&world->bench->scene, "cut:%s", err_name(err));
	world->watcher = watcher_free(world->watcher);
}

static size_t queued(void *arg)
{
	return ((struct world *)arg)->queued;
}

static bool may(void *arg, struct str identity)
{
	struct world *world = arg;

	return !world->hidden || !str_eq(identity, str_of(world->hidden));
}

static const struct watch_ops ops = { on_snapshot, on_presence, on_resync, on_cut, queued, may };

static struct watcher *watcher(struct world *world)
{
	const struct watcher_conf conf = { sid_of(AC), &ops, world, QUEUE };

	return watcher_new(&world->bench->here.worker, &conf);
}

/* -- the world -- */

static void world_open(struct world *world, void **state)
{
	memset(world, 0, sizeof(*world));
	world->bench = *state;
	world->settings =
		(struct settings){ .watch_batch_ms = 30, .watch_stall_ms = 100, .watch_max = 1000000 };
	world->app.common = (struct app_common){ .settings = &world->settings,
						 .seal = world->bench->seal,
						 .accounts = world->bench->here.accounts };
	world->bench->here.worker.app = &world->app;
	world->app.watches = watches_new(&world->bench->here.worker);
	world->watcher = watcher(world);
}

static void world_close(struct world *world)
{
	struct bench *bench = world->bench;

	watcher_free(world->watcher);
	node_close(&bench->here); /* the subscriber goes first, as in a service */
	world->app.watches = watches_free(world->app.watches);
	assert_int_equal(bench->scene.happened.n, 0);
}

static const char *line(char space[96], int64_t version)
{
	snprintf(space, 96, "%lld|available|1|1|1|5|5||", (long long)version);
	return space;
}

static void store(struct world *world, const char *identity, int64_t version)
{
	const unsigned partition = key_partition(STR(AC), str_of(identity));
	char command[512], space[96];

	snprintf(command, sizeof(command), "HSET c:{p%u}:" AC ":%s m '%s'", partition, identity,
		 line(space, version));
	redis_server_do(&world->bench->server, command);
	snprintf(command, sizeof(command), "ZADD i:{p%u}:" AC ":all 0 %s", partition, identity);
	redis_server_do(&world->bench->server, command);
}

static void publish_text(struct world *world, const char *identity, const char *text)
{
	char command[512], name[RULES_CHANNEL_MAX];

	rules_channel(world->bench->seal, sid_of(AC), key_partition(STR(AC), str_of(identity)), name);
	snprintf(command, sizeof(command), "PUBLISH %s '%s'", name, text);
	redis_server_do(&world->bench->server, command);
}

static void publish(struct world *world, const char *identity, int64_t version)
{
	int64_t *counter = &world->counter[key_crc16(str_of(identity)) % KEYS_SPREAD];
	char text[256], space[96];

	snprintf(text, sizeof(text), "%lld|%s|%s", (long long)++*counter, identity, line(space, version));
	publish_text(world, identity, text);
}

static void lose(struct world *world, const char *identity)
{
	world->counter[key_crc16(str_of(identity)) % KEYS_SPREAD]++;
}

static void watch(struct world *world, const char *a, const char *b_or_null)
{
	const struct str names[] = { str_of(a), str_of(b_or_null) };

	assert_int_equal(watcher_add(world->watcher, names, b_or_null ? 2 : 1, STR_NULL), ERR_NONE);
}

static void expect(struct world *world, const char *text)
{
	scene_await(&world->bench->scene, text);
}

/* Once this one's change has come, earlier ones would have. */
static void nothing_but(struct world *world, const char *identity, int64_t version)
{
	char text[160];

	publish(world, identity, version);
	snprintf(text, sizeof(text), "P[%s=%lld]", identity, (long long)version);
	expect(world, text);
}

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

static void more_than_ten_thousand_are_refused(void **state)
{
	static struct str names[NAMES_MAX];
	static char space[NAMES_MAX][8];
	struct world world;

	world_open(&world, state);
	for (size_t i = 0; i < NAMES_MAX; i++) {
		snprintf(space[i], sizeof(space[i]), "n%zu", i);
		names[i] = str_of(space[i]);
	}
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
		BENCH_TEST(a_slow_transport_is_spared_and_gets_the_last_state),
		BENCH_TEST(without_any_progress_it_is_cut),
		BENCH_TEST(more_than_ten_thousand_are_refused),
		BENCH_TEST(prefixes_of_nobody_are_counted_too),
		BENCH_TEST(freed_by_its_callbacks),
		BENCH_TEST(freed_while_it_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
