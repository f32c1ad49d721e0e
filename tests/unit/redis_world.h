/* redis_world.h - a scene with a server and one connection, whose calls write down how they ended. */
#pragma once

#include "redis_fixture.h"

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

static inline void on_ready(void *arg)
{
	struct world *world = arg;

	scene_note(&world->scene, "ready");
}

static inline void on_lost(void *arg)
{
	struct world *world = arg;

	scene_note(&world->scene, "lost");
}

static inline void world_open(struct world *world, const char *const options[])
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

static inline void world_connect(struct world *world)
{
	world->redis = redis_new(world->scene.loop, &world->conf);
	assert_false(redis_is_ready(world->redis));
	scene_await(&world->scene, "ready");
	assert_true(redis_is_ready(world->redis));
}

static inline void world_close(struct world *world)
{
	world->redis = redis_free(world->redis);
	scene_close(&world->scene);
	redis_server_kill(&world->server);
}

static inline void put_reply(struct buf *out, const struct redis_reply *reply)
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

static inline void on_call(void *arg, enum err err, const struct redis_reply *reply)
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

static inline struct tag *tag(struct world *world, const char *name)
{
	assert_true(world->n_tags < TAGS);
	world->tags[world->n_tags] = (struct tag){ world, name, 0, false };
	return &world->tags[world->n_tags++];
}

static inline void call(struct world *world, const char *name, size_t argc, const struct str argv[])
{
	redis_call(world->redis, on_call, tag(world, name), argc, argv);
}
