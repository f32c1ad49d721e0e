/* test_redis.c - calls, their order, and what happens to their connection, against a real server. */
#include "redis_world.h"

#include <limits.h>

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
