/* scripts_fixture.h - the scripts of common/model/lua on a Redis server of the test's own, one at a time.
 *
 * RUN(store, DEVICE_PUT, key, arg, ...) runs one script, DO(store, "HGET", key, "m") one
 * command; both wait for the answer.  An answer is a tree: item() goes down, text() and
 * number() read a leaf, line_of() writes all of it, "[ok,2,[a,b]]".  Answers last until
 * store_forget.
 *
 * Time is the server's own.  A span of 0 ms is over when the next script runs, and LONG
 * is not over while the test lives: so nothing has to be waited for.
 */
#pragma once

#include "tests/unit/redis_fixture.h"
#include "tests/unit/unit.h"

#include "common/base/arena.h"
#include "common/io/redis.h"
#include "scripts.gen.h"

#define LONG	"3600000"
#define LONG_MS 3600000

struct answer {
	bool nil;
	struct str text; /* a string, or an integer's digits */
	size_t n;	 /* of an array */
	struct answer *item;
};

struct store {
	struct redis_server server;
	struct scene scene;
	struct redis *redis;
	struct arena *arena;
	struct answer answer;
	bool came;
};

static inline struct answer answer_copy(struct arena *arena, const struct redis_reply *reply)
{
	struct answer out = { .nil = redis_is_nil(reply), .n = redis_count(reply) };
	int64_t n;

	if (redis_is_array(reply)) {
		out.item = arena_alloc(arena, (out.n + 1) * sizeof(*out.item));
		for (size_t i = 0; i < out.n; i++)
			out.item[i] = answer_copy(arena, redis_at(reply, i));
	} else if (!str_is_null(redis_str(reply))) {
		out.text = arena_copy(arena, redis_str(reply));
	} else if (redis_int(reply, &n)) {
		out.text = arena_printf(arena, "%lld", (long long)n);
	}
	return out;
}

static inline void store_on_answer(void *arg, enum err err, const struct redis_reply *reply)
{
	struct store *store = arg;

	if (err)
		fail_msg("the store answers %s", err_name(err));
	store->answer = answer_copy(store->arena, reply);
	store->came = true;
	loop_stop(store->scene.loop);
}

static inline struct answer store_await(struct store *store)
{
	loop_timer_start(store->scene.patience, SCENE_PATIENCE_MS);
	while (!store->came && loop_timer_is_active(store->scene.patience))
		loop_run(store->scene.loop);
	loop_timer_stop(store->scene.patience);
	assert_true(store->came);
	return store->answer;
}

static inline size_t store_argv(const char *const words[], struct str argv[REDIS_MAX_ARGS])
{
	size_t n = 0;

	while (words[n]) {
		argv[n] = str_of(words[n]);
		n++;
	}
	return n;
}

/* words: the key, then the arguments */
static inline struct answer store_run(struct store *store, enum script script, const char *const words[])
{
	struct str argv[REDIS_MAX_ARGS];
	const size_t n = store_argv(words, argv);

	store->came = false;
	redis_script_call(store->redis, store_on_answer, store, &scripts[script], argv[0], n - 1, argv + 1);
	return store_await(store);
}

static inline struct answer store_do(struct store *store, const char *const words[])
{
	struct str argv[REDIS_MAX_ARGS];
	const size_t n = store_argv(words, argv);

	store->came = false;
	redis_call(store->redis, store_on_answer, store, n, argv);
	return store_await(store);
}

#define RUN(store, name, ...) store_run((store), SCRIPT_##name, (const char *const[]){ __VA_ARGS__, NULL })
#define DO(store, ...) store_do((store), (const char *const[]){ __VA_ARGS__, NULL })

/* ---- reading answers ---- */

static inline struct answer item(struct answer answer, size_t i)
{
	if (i >= answer.n)
		fail_msg("the answer has %zu items, not %zu", answer.n, i + 1);
	return answer.item[i];
}

static inline const char *text(struct answer answer)
{
	return answer.text.p ? answer.text.p : "";
}

static inline int64_t number(struct answer answer)
{
	int64_t n = 0;

	if (!str_to_i64(answer.text, &n))
		fail_msg("\"%s\" is no whole number", text(answer));
	return n;
}

static inline void answer_write(struct answer answer, struct buf *out)
{
	if (!answer.item) {
		buf_puts(out, answer.nil ? "nil" : text(answer));
		return;
	}
	buf_putc(out, '[');
	for (size_t i = 0; i < answer.n; i++) {
		if (i)
			buf_putc(out, ',');
		answer_write(answer.item[i], out);
	}
	buf_putc(out, ']');
}

static inline const char *line_of(struct store *store, struct answer answer)
{
	struct buf out;
	const char *line;

	buf_init(&out, 1 << 20);
	answer_write(answer, &out);
	line = arena_cstr(store->arena, buf_str(&out));
	buf_fini(&out);
	return line;
}

#define text_of(store, ...) (arena_printf((store)->arena, __VA_ARGS__).p)

#define assert_answer(store, answer, expected) assert_string_equal(line_of((store), (answer)), (expected))

/* ---- looking at what lies in the store ---- */

static inline const char *field(struct store *store, const char *key, const char *name)
{
	return text(DO(store, "HGET", key, name));
}

static inline int64_t lives_for_ms(struct store *store, const char *key) /* -1: for ever, -2: is not there */
{
	return number(DO(store, "PTTL", key));
}

static inline int64_t store_now_us(struct store *store)
{
	const struct answer time = DO(store, "TIME");

	return number(item(time, 0)) * 1000000 + number(item(time, 1));
}

static inline int by_text(const void *a, const void *b)
{
	return str_cmp(((const struct answer *)a)->text, ((const struct answer *)b)->text);
}

/* Every key there is, in order: "[D:{p1},c:{p1}:AC..:alice]". */
static inline const char *every_key(struct store *store)
{
	struct answer keys = DO(store, "KEYS", "*");

	if (keys.n > 1)
		qsort(keys.item, keys.n, sizeof(*keys.item), by_text);
	return line_of(store, keys);
}

static inline void assert_keys(struct store *store, const char *expected)
{
	assert_string_equal(every_key(store), expected);
}

/* ---- random choices that can be repeated ---- */

static inline uint32_t random_next(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

static inline unsigned random_below(uint64_t *seed, unsigned n)
{
	return random_next(seed) % n;
}

/* ---- life ---- */

static inline void store_forget(struct store *store)
{
	arena_free(store->arena);
	store->arena = arena_new(64 << 20);
}

static inline void store_on_ready(void *arg)
{
	scene_note(arg, "ready");
}

static inline void store_open(struct store *store)
{
	struct redis_conf conf = {
		.host = "127.0.0.1",
		.client_name = "test",
		.timeout_ms = 10000,
		.max_pending = 100,
		.scripts = scripts,
		.n_scripts = SCRIPT_COUNT,
		.on_ready = store_on_ready,
		.arg = &store->scene,
	};

	redis_server_start(&store->server, 0, NULL);
	scene_open(&store->scene);
	store->arena = arena_new(64 << 20);
	conf.port = store->server.port;
	store->redis = redis_new(store->scene.loop, &conf);
	scene_await(&store->scene, "ready");
}

static inline void store_close(struct store *store)
{
	store->redis = redis_free(store->redis);
	arena_free(store->arena);
	scene_close(&store->scene);
	redis_server_kill(&store->server);
}

/* One server for all tests of a file, empty at the start of each. */
static inline int store_group_set_up(void **state)
{
	struct store *store = x_alloc(sizeof(*store));

	store_open(store);
	*state = store;
	return 0;
}

static inline int store_group_tear_down(void **state)
{
	store_close(*state);
	x_free(*state);
	return 0;
}

static inline int store_set_up(void **state)
{
	struct store *store = *state;

	store_forget(store);
	DO(store, "FLUSHALL");
	return 0;
}

#define STORE_TEST(fn) cmocka_unit_test_setup(fn, store_set_up)
