/* test_redis_end.c - how calls end with their connection and with a flow, and what the log says. */
#include "redis_world.h"

#include <sys/mman.h>

#include "common/base/arena.h"

/* --- the log ------------------------------------------------------------ */

static void the_log_warns_and_keeps_secrets(void **state)
{
	const char *const options[] = { "--maxmemory-policy", "allkeys-lru", "--requirepass", "pass-word",
					NULL };
	struct world world;
	char log[8192] = "";
	const int old = dup(STDERR_FILENO);
	const int file = memfd_create("log", 0);

	(void)state;
	dup2(file, STDERR_FILENO);
	world_open(&world, options);
	world.conf.password = "pass-word";
	world_connect(&world);
	call(&world, "1", ARGV(STR("NO_SUCH"), STR("secret-argument")));
	call(&world, "2", ARGV(STR("HSET"), STR("secret-argument")));
	scene_await(&world.scene, "1=STORE_REPLY 2=STORE_REPLY");
	world_close(&world);
	dup2(old, STDERR_FILENO);
	assert_true(pread(file, log, sizeof(log) - 1, 0) > 0);
	close(file);
	close(old);

	assert_non_null(strstr(log, "event=redis_may_evict"));
	assert_non_null(strstr(log, "event=redis_call_failed command=NO_SUCH"));
	assert_null(strstr(log, "command=HSET")); /* within the same second: counted, not said */
	assert_null(strstr(log, "secret"));
	assert_null(strstr(log, "pass-word"));
}

/* --- the end ------------------------------------------------------------ */

static void free_ends_every_call_once(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world.conf.max_pending = 4;
	world.conf.timeout_ms = 5000;
	world_connect(&world);
	scene_run_for(&world.scene, 20);
	redis_server_do(&world.server, "CLIENT PAUSE 60000");
	call(&world, "1", ARGV(STR("PING")));
	redis_script_call(world.redis, on_call, tag(&world, "2"), &scripts[0], STR("k"), 0, NULL);
	scene_run_for(&world.scene, 20);
	call(&world, "3", ARGV(STR("PING")));
	world.tags[2].again = 1;
	call(&world, "4", ARGV(STR("PING")));
	call(&world, "5", ARGV(STR("PING")));
	world.redis = redis_free(world.redis);
	scene_await(&world.scene, "5=OVERLOAD 1=CLOSED 2=CLOSED 3=CLOSED 4=CLOSED 3=CLOSED");
	scene_run_for(&world.scene, 20);
	assert_int_equal(world.scene.happened.n, 0);
	world_close(&world);
}

static void free_inside_a_callback_is_fine(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world_connect(&world);
	call(&world, "1", ARGV(STR("PING")));
	world.tags[0].frees = true;
	call(&world, "2", ARGV(STR("PING")));
	scene_await(&world.scene, "1=PONG 2=CLOSED");
	assert_null(world.redis);

	redis_server_kill(&world.server);
	world.redis = redis_new(world.scene.loop, &world.conf);
	call(&world, "3", ARGV(STR("PING")));
	world.tags[2].frees = true;
	call(&world, "4", ARGV(STR("PING")));
	scene_await(&world.scene, "3=STORE_DOWN 4=STORE_DOWN");
	world_close(&world);
}

static void free_as_it_gets_ready(void *arg)
{
	struct world *world = arg;

	world->redis = redis_free(world->redis);
	scene_note(&world->scene, "freed");
}

static void free_inside_the_hooks_is_fine(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world.conf.on_ready = free_as_it_gets_ready;
	world.redis = redis_new(world.scene.loop, &world.conf);
	scene_await(&world.scene, "freed");

	world.conf.on_ready = on_ready;
	world.conf.on_lost = free_as_it_gets_ready;
	world_connect(&world);
	call(&world, "1", ARGV(STR("PING")));
	redis_server_kill(&world.server);
	scene_await(&world.scene, "1=STORE_DOWN freed");
	world_close(&world);
}

/* --- flows -------------------------------------------------------------- */

static void on_flow_fail(struct flow *flow, enum err err, const char *detail)
{
	struct world *world = flow->owner;

	(void)detail;
	scene_note(&world->scene, "fail=%s", err_name(err));
}

static void on_flow_end(struct flow *flow)
{
	struct world *world = flow->owner;

	scene_note(&world->scene, "end");
}

static void on_flow_reply(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct world *world = flow->owner;

	scene_note(&world->scene, "%s=" STR_FMT, (const char *)arg, STR_ARG(redis_str(reply)));
	flow_done(flow);
}

static void flows_go_on_or_fail(void **state)
{
	static const struct flow_kind kind = { "test", on_flow_fail, on_flow_end };
	static const struct {
		const char *command;
		bool abandon;
		const char *happens;
	} rows[] = {
		{ "PING", false, "x=PONG end" },
		{ "NO_SUCH_COMMAND", false, "fail=STORE_REPLY end" },
		{ "PING", true, "end" },
	};
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world_connect(&world);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct worker worker = { .loop = world.scene.loop, .redis = world.redis };
		struct arena *arena = arena_new(1 << 16);
		struct flow flow;

		flow_init(&flow, &kind, &worker, arena, &world);
		flow_redis(&flow, "x", on_flow_reply, (void *)"x", ARGV(str_of(rows[i].command)));
		if (rows[i].abandon)
			flow_abandon(&flow);
		scene_await(&world.scene, rows[i].happens);
		arena_free(arena);
	}
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_log_warns_and_keeps_secrets),
		cmocka_unit_test(free_ends_every_call_once),
		cmocka_unit_test(free_inside_a_callback_is_fine),
		cmocka_unit_test(free_inside_the_hooks_is_fine),
		cmocka_unit_test(flows_go_on_or_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
