/* test_redis.c - calls, their order, their failures and their end, against a real server. */
#include "redis_fixture.h"

#include <limits.h>
#include <sys/mman.h>

#include "common/base/arena.h"
#include "common/io/redis.h"

#define ARGV(...) ARRAY_LEN(((struct str[]){ __VA_ARGS__ })), ((struct str[]){ __VA_ARGS__ })

enum { TAGS = 64, TIMEOUT_MS = 150, MAX_PENDING = 1000 };

static const char add_text[] = "return redis.call('INCRBY', KEYS[1], ARGV[1] + #ARGV[2])";
static const struct redis_script scripts[] = {
	{ "add", add_text, sizeof(add_text) - 1, "9053582f97f50f8d97491e42b226cd233d9074f9" },
};

struct tag { /* the argument of a call: which one it is */
	struct world *world;
	const char *name;
	unsigned again; /* calls to make when this one fails */
	bool frees;
};

struct world {
	struct redis_server server;
	struct scene scene;
	struct redis_conf conf;
	struct redis *redis;
	struct tag tags[TAGS];
	size_t n_tags;
};

static void on_ready(void *arg)
{
	struct world *world = arg;

	scene_note(&world->scene, "ready");
}

static void on_lost(void *arg)
{
	struct world *world = arg;

	scene_note(&world->scene, "lost");
}

static void world_open(struct world *world, const char *const options[])
{
	memset(world, 0, sizeof(*world));
	scene_open(&world->scene);
	redis_server_start(&world->server, 0, options);
	world->conf = (struct redis_conf){
		.host = "127.0.0.1",
		.port = world->server.port,
		.client_name = "test",
		.timeout_ms = TIMEOUT_MS,
		.max_pending = MAX_PENDING,
		.scripts = scripts,
		.n_scripts = ARRAY_LEN(scripts),
		.on_ready = on_ready,
		.on_lost = on_lost,
		.arg = world,
	};
}

static void world_connect(struct world *world)
{
	world->redis = redis_new(world->scene.loop, &world->conf);
	assert_false(redis_is_ready(world->redis));
	scene_await(&world->scene, "ready");
	assert_true(redis_is_ready(world->redis));
}

static void world_close(struct world *world)
{
	world->redis = redis_free(world->redis);
	scene_close(&world->scene);
	redis_server_kill(&world->server);
}

static void put_reply(struct buf *out, const struct redis_reply *reply)
{
	int64_t number;

	if (redis_is_nil(reply)) {
		buf_puts(out, "nil");
	} else if (redis_is_array(reply)) {
		buf_putc(out, '[');
		for (size_t i = 0; i < redis_count(reply); i++) {
			if (i)
				buf_putc(out, ',');
			put_reply(out, redis_at(reply, i));
		}
		buf_putc(out, ']');
	} else if (!str_is_null(redis_str(reply))) {
		buf_put(out, redis_str(reply));
	} else {
		assert_true(redis_int(reply, &number));
		buf_printf(out, ":%lld", (long long)number);
	}
}

static void on_call(void *arg, enum err err, const struct redis_reply *reply)
{
	struct tag *tag = arg;
	struct world *world = tag->world;
	struct buf text;

	assert_true(!err == !!reply);
	buf_init(&text, 4096);
	if (err)
		buf_puts(&text, err_name(err));
	else
		put_reply(&text, reply);
	scene_note(&world->scene, "%s=%s", tag->name, buf_cstr(&text));
	buf_fini(&text);

	if (tag->frees)
		world->redis = redis_free(world->redis);
	else if (err && tag->again--)
		redis_call(world->redis, on_call, tag, ARGV(STR("PING")));
}

static struct tag *tag(struct world *world, const char *name)
{
	assert_true(world->n_tags < TAGS);
	world->tags[world->n_tags] = (struct tag){ world, name, 0, false };
	return &world->tags[world->n_tags++];
}

static void call(struct world *world, const char *name, size_t argc, const struct str argv[])
{
	redis_call(world->redis, on_call, tag(world, name), argc, argv);
}

/* --- replies ------------------------------------------------------------ */

static void replies_come_in_the_order_of_the_calls(void **state)
{
	struct world world;
	struct buf expected;
	char names[50][4];

	(void)state;
	world_open(&world, NULL);
	world_connect(&world);
	buf_init(&expected, 4096);
	for (int i = 0; i < 50; i++) {
		snprintf(names[i], sizeof(names[i]), "%d", i);
		call(&world, names[i], ARGV(STR("INCR"), STR("n")));
		buf_printf(&expected, "%s%d=:%d", i ? " " : "", i, i + 1);
	}
	assert_int_equal(world.scene.happened.n, 0); /* nothing below its own call */
	scene_await(&world.scene, buf_cstr(&expected));
	buf_fini(&expected);
	world_close(&world);
}

static void replies_of_every_kind_are_read(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world_connect(&world);
	call(&world, "set", ARGV(STR("SET"), STR("k"), STR("v \0\r\n*")));
	call(&world, "get", ARGV(STR("STRLEN"), STR("k")));
	call(&world, "nil", ARGV(STR("GET"), STR("none")));
	call(&world, "empty", ARGV(STR("SET"), STR("e"), STR_NULL));
	call(&world, "hset", ARGV(STR("HSET"), STR("h"), STR("a"), STR("1"), STR("b"), STR("x")));
	call(&world, "mget", ARGV(STR("HMGET"), STR("h"), STR("a"), STR("c"), STR("b")));
	call(&world, "deep",
	     ARGV(STR("EVAL"), STR("return {1, {-2, {'x'}}, {}, false, {ok = 'fine'}}"), STR("0")));
	scene_await(&world.scene, "set=OK get=:6 nil=nil empty=OK hset=:2 mget=[1,nil,x] "
				  "deep=[:1,[:-2,[x]],[],nil,fine]");
	world_close(&world);
}

static void on_hash(void *arg, enum err err, const struct redis_reply *reply)
{
	struct world *world = arg;
	int64_t number = 77;

	assert_int_equal(err, ERR_NONE);
	assert_true(str_eq(redis_field(reply, "a"), STR("12")));
	assert_true(str_eq(redis_field(reply, "b"), STR("a")));
	assert_true(str_is_null(redis_field(reply, "12"))); /* a value is no field */
	assert_true(str_is_null(redis_field(NULL, "a")));
	assert_int_equal(redis_int_at(reply, 1, -1), 12);
	assert_int_equal(redis_int_at(reply, 3, -1), -1);
	assert_int_equal(redis_int_at(reply, 4, -1), -1);
	assert_false(redis_int(redis_at(reply, 3), &number));
	assert_false(redis_int(NULL, &number));
	assert_int_equal(number, 77);
	assert_null(redis_at(reply, 4));
	assert_null(redis_at(redis_at(reply, 0), 0));
	assert_int_equal(redis_count(redis_at(reply, 0)), 0);
	assert_true(str_is_null(redis_str(reply)));
	assert_false(redis_is_nil(NULL));
	scene_note(&world->scene, "hash");
}

static void getters_take_what_is_there_and_nothing_else(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world_connect(&world);
	redis_call(world.redis, NULL, NULL,
		   ARGV(STR("HSET"), STR("h"), STR("a"), STR("12"), STR("b"), STR("a")));
	redis_call(world.redis, on_hash, &world, ARGV(STR("HGETALL"), STR("h")));
	scene_await(&world.scene, "hash");
	world_close(&world);
}

static void numbers_become_text(void **state)
{
	static const struct {
		int64_t number;
		const char *text;
	} rows[] = {
		{ 0, "0" },
		{ 7, "7" },
		{ -10, "-10" },
		{ INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" },
	};
	char space[24];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(str_eq(redis_num(space, rows[i].number), str_of(rows[i].text)));
}

static void an_error_reply_fails_its_call_only(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world_connect(&world);
	call(&world, "1", ARGV(STR("SET"), STR("s"), STR("x")));
	call(&world, "2", ARGV(STR("HGET"), STR("s"), STR("f")));
	redis_call(world.redis, NULL, NULL, ARGV(STR("HGET"), STR("s"), STR("f")));
	call(&world, "3", ARGV(STR("GET"), STR("s")));
	scene_await(&world.scene, "1=OK 2=STORE_REPLY 3=x");
	world_close(&world);
}

static void large_values_pass_in_pieces(void **state)
{
	enum { LARGE = 12 << 20 };
	struct world world;
	char *large = x_alloc(LARGE);

	(void)state;
	memset(large, 'x', LARGE);
	world_open(&world, NULL);
	world.conf.timeout_ms = 5000;
	world_connect(&world);
	call(&world, "1", ARGV(STR("SET"), STR("k"), str_n(large, LARGE)));
	call(&world, "2", ARGV(STR("STRLEN"), STR("k")));
	call(&world, "3", ARGV(STR("GETRANGE"), STR("k"), STR("12582910"), STR("-1")));
	scene_await(&world.scene, "1=OK 2=:12582912 3=xx");
	x_free(large);
	world_close(&world);
}

/* --- scripts ------------------------------------------------------------ */

static void add(struct world *world, const char *name, const char *by)
{
	redis_script_call(world->redis, on_call, tag(world, name), &scripts[0], STR("sum"),
			  ARGV(str_of(by), STR("12345")));
}

static void scripts_are_loaded_and_survive_a_flush(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world_connect(&world);
	add(&world, "1", "1");
	scene_await(&world.scene, "1=:6");
	assert_null(strstr(redis_server_do(&world.server, "INFO commandstats"), "cmdstat_eval:"));

	redis_server_do(&world.server, "SCRIPT FLUSH");
	add(&world, "2", "2");
	call(&world, "between", ARGV(STR("GET"), STR("sum")));
	scene_await(&world.scene, "between=6 2=:13");
	add(&world, "3", "3"); /* EVAL has loaded it again */
	scene_await(&world.scene, "3=:21");
	assert_int_equal(redis_server_count(&world.server, "commandstats", "cmdstat_eval:calls="), 1);
	add(&world, "4", "no number");
	scene_await(&world.scene, "4=STORE_REPLY");
	world_close(&world);
}

static void a_script_that_does_not_load_fails_the_connection(void **state)
{
	static const struct redis_script broken = { "broken", "return (", 8, "0" };
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world.conf.scripts = &broken;
	world.redis = redis_new(world.scene.loop, &world.conf);
	while (redis_server_count(&world.server, "stats", "total_error_replies:") < 2)
		scene_run_for(&world.scene, 10);
	assert_false(redis_is_ready(world.redis));
	assert_int_equal(world.scene.happened.n, 0);
	world_close(&world);
}

/* --- connections -------------------------------------------------------- */

static void without_a_connection_calls_fail_at_once_but_later(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	redis_server_kill(&world.server);
	world.redis = redis_new(world.scene.loop, &world.conf);
	call(&world, "1", ARGV(STR("PING")));
	redis_script_call(world.redis, on_call, tag(&world, "2"), &scripts[0], STR("k"), 0, NULL);
	assert_int_equal(world.scene.happened.n, 0);
	scene_await(&world.scene, "1=STORE_DOWN 2=STORE_DOWN");
	world_close(&world);
}

static void one_that_tries_again_for_ever_does_not_starve_the_loop(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	redis_server_kill(&world.server);
	world.redis = redis_new(world.scene.loop, &world.conf);
	call(&world, "1", ARGV(STR("PING")));
	world.tags[0].again = UINT_MAX;
	scene_run_for(&world.scene, 30); /* comes back */
	assert_true(world.tags[0].again < UINT_MAX - 1);
	world.tags[0].again = 0;
	world_close(&world);
}

static void a_server_that_comes_later_is_found(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	redis_server_kill(&world.server); /* its port refuses now */
	world.redis = redis_new(world.scene.loop, &world.conf);
	scene_run_for(&world.scene, 200);
	assert_false(redis_is_ready(world.redis));
	assert_int_equal(world.scene.happened.n, 0);

	redis_server_start(&world.server, world.conf.port, NULL);
	scene_await(&world.scene, "ready");
	call(&world, "1", ARGV(STR("PING")));
	scene_await(&world.scene, "1=PONG");
	world_close(&world);
}

static void a_host_name_is_resolved(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world.conf.host = "127.1"; /* no number to inet_pton: it takes the resolver's way */
	world_connect(&world);
	world_close(&world);

	world_open(&world, NULL);
	world.conf.host = "no such name";
	world.redis = redis_new(world.scene.loop, &world.conf);
	scene_run_for(&world.scene, 100);
	assert_false(redis_is_ready(world.redis));
	world_close(&world);
}

static void the_password_decides(void **state)
{
	const char *const options[] = { "--requirepass", "first", NULL };
	struct world world;

	(void)state;
	world_open(&world, options);
	world.server.password = "first";
	world.conf.password = "second";
	world.redis = redis_new(world.scene.loop, &world.conf);
	while (redis_server_count(&world.server, "stats", "total_error_replies:") < 2)
		scene_run_for(&world.scene, 10);
	assert_false(redis_is_ready(world.redis));

	redis_server_do(&world.server, "CONFIG SET requirepass second");
	scene_await(&world.scene, "ready");
	call(&world, "1", ARGV(STR("CLIENT"), STR("GETNAME")));
	scene_await(&world.scene, "1=test");
	world_close(&world);
}

static void a_user_with_its_password_is_let_in(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	redis_server_do(&world.server, "ACL SETUSER bob on >pw ~* &* +@all");
	world.conf.username = "bob";
	world.conf.password = "pw";
	world_connect(&world);
	call(&world, "1", ARGV(STR("ACL"), STR("WHOAMI")));
	scene_await(&world.scene, "1=bob");
	world_close(&world);
}

static void a_call_without_an_answer_remakes_the_connection(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world_connect(&world);
	redis_server_do(&world.server, "CLIENT PAUSE 400");
	call(&world, "1", ARGV(STR("INCR"), STR("n")));
	call(&world, "2", ARGV(STR("INCR"), STR("n")));
	scene_await(&world.scene, "lost 1=STORE_TIMEOUT 2=STORE_TIMEOUT ready");
	call(&world, "3", ARGV(STR("PING"))); /* and no reply of before */
	scene_await(&world.scene, "3=PONG");
	world_close(&world);
}

static void a_stall_of_our_own_is_no_timeout(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world_connect(&world);
	redis_server_do(&world.server, "CLIENT PAUSE 50");
	call(&world, "1", ARGV(STR("PING")));
	call(&world, "2", ARGV(STR("PING")));
	scene_run_for(&world.scene, 10);
	usleep(2 * TIMEOUT_MS * 1000); /* the stall itself: nothing to await */
	scene_await(&world.scene, "1=PONG 2=PONG");
	world_close(&world);
}

static void a_dead_server_fails_what_was_pending_once(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world.conf.timeout_ms = 5000;
	world_connect(&world);
	redis_server_do(&world.server, "CLIENT PAUSE 60000");
	call(&world, "1", ARGV(STR("PING")));
	call(&world, "2", ARGV(STR("PING")));
	redis_script_call(world.redis, on_call, tag(&world, "3"), &scripts[0], STR("k"), 0, NULL);
	scene_run_for(&world.scene, 20); /* they are sent */
	redis_server_kill(&world.server);
	scene_await(&world.scene, "lost 1=STORE_DOWN 2=STORE_DOWN 3=STORE_DOWN");

	redis_server_start(&world.server, world.conf.port, NULL);
	scene_await(&world.scene, "ready");
	add(&world, "4", "1"); /* the new server has the scripts */
	scene_await(&world.scene, "4=:6");
	world_close(&world);
}

static void a_server_that_became_a_replica_is_left(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world_connect(&world);
	redis_server_do(&world.server, "REPLICAOF 127.0.0.1 1");
	call(&world, "1", ARGV(STR("SET"), STR("k"), STR("v")));
	scene_await(&world.scene, "lost 1=STORE_REPLY ready");
	world_close(&world);
}

static void waiting_calls_are_bounded(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world.conf.max_pending = 3;
	world.conf.timeout_ms = 5000;
	world_connect(&world);
	scene_run_for(&world.scene, 20); /* the connection's own question is answered */
	redis_server_do(&world.server, "CLIENT PAUSE 100");
	call(&world, "1", ARGV(STR("PING")));
	call(&world, "2", ARGV(STR("PING")));
	call(&world, "3", ARGV(STR("PING")));
	call(&world, "4", ARGV(STR("PING")));
	call(&world, "5", ARGV(STR("PING")));
	scene_await(&world.scene, "4=OVERLOAD 5=OVERLOAD 1=PONG 2=PONG 3=PONG");
	world_close(&world);
}

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
		cmocka_unit_test(replies_come_in_the_order_of_the_calls),
		cmocka_unit_test(replies_of_every_kind_are_read),
		cmocka_unit_test(getters_take_what_is_there_and_nothing_else),
		cmocka_unit_test(numbers_become_text),
		cmocka_unit_test(an_error_reply_fails_its_call_only),
		cmocka_unit_test(large_values_pass_in_pieces),
		cmocka_unit_test(scripts_are_loaded_and_survive_a_flush),
		cmocka_unit_test(a_script_that_does_not_load_fails_the_connection),
		cmocka_unit_test(without_a_connection_calls_fail_at_once_but_later),
		cmocka_unit_test(one_that_tries_again_for_ever_does_not_starve_the_loop),
		cmocka_unit_test(a_server_that_comes_later_is_found),
		cmocka_unit_test(a_host_name_is_resolved),
		cmocka_unit_test(the_password_decides),
		cmocka_unit_test(a_user_with_its_password_is_let_in),
		cmocka_unit_test(a_call_without_an_answer_remakes_the_connection),
		cmocka_unit_test(a_stall_of_our_own_is_no_timeout),
		cmocka_unit_test(a_dead_server_fails_what_was_pending_once),
		cmocka_unit_test(a_server_that_became_a_replica_is_left),
		cmocka_unit_test(waiting_calls_are_bounded),
		cmocka_unit_test(the_log_warns_and_keeps_secrets),
		cmocka_unit_test(free_ends_every_call_once),
		cmocka_unit_test(free_inside_a_callback_is_fine),
		cmocka_unit_test(free_inside_the_hooks_is_fine),
		cmocka_unit_test(flows_go_on_or_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
