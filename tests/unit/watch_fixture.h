/* watch_fixture.h - watchers over a real Redis whose messages are made by hand.
 *
 * What a watcher is told becomes the scene's text: "S[alice=100]" a snapshot ("s[..]" when more of it follows, "R[..]" a
 * resumed one), "P[..]" changes, "resync:why", "cut:ERROR".
 */
#pragma once

#include "tests/unit/account_fixture.h"

#include "presence-svc/app.h"
#include "presence-svc/watch_private.h"

enum { QUEUE = 1 << 20 };

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

static inline void note_frame(struct world *world, const char *kind, const struct watch_frame *frame)
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

static inline void free_if(struct world *world, char kind)
{
	if (world->free_at == kind)
		world->watcher = watcher_free(world->watcher);
}

static inline void on_snapshot(void *arg, const struct watch_frame *frame)
{
	note_frame(arg, frame->resumed ? "R" : frame->more ? "s" : "S", frame);
	free_if(arg, 'S');
}

static inline void on_presence(void *arg, const struct watch_frame *frame)
{
	note_frame(arg, "P", frame);
	free_if(arg, 'P');
}

static inline void on_resync(void *arg, const char *reason)
{
	struct world *world = arg;

	scene_note(&world->bench->scene, "resync:%s", reason);
	free_if(arg, 'r');
}

static inline void on_cut(void *arg, enum err err, const char *why)
{
	struct world *world = arg;

	assert_string_equal(why, err_text(err));
	scene_note(&world->bench->scene, "cut:%s", err_name(err));
	world->watcher = watcher_free(world->watcher);
}

static inline size_t queued(void *arg)
{
	return ((struct world *)arg)->queued;
}

static inline bool may(void *arg, struct str identity)
{
	struct world *world = arg;

	return !world->hidden || !str_eq(identity, str_of(world->hidden));
}

static const struct watch_ops ops = { on_snapshot, on_presence, on_resync, on_cut, queued, may };

static inline struct watcher *watcher(struct world *world)
{
	const struct watcher_conf conf = { sid_of(AC), &ops, world, QUEUE };

	return watcher_new(&world->bench->here.worker, &conf);
}

/* -- the world -- */

static inline void world_open(struct world *world, void **state)
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

static inline void world_close(struct world *world)
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

static inline void store(struct world *world, const char *identity, int64_t version)
{
	const unsigned partition = key_partition(STR(AC), str_of(identity));
	char command[512], space[96];

	snprintf(command, sizeof(command), "HSET c:{p%u}:" AC ":%s m '%s'", partition, identity,
		 line(space, version));
	redis_server_do(&world->bench->server, command);
	snprintf(command, sizeof(command), "ZADD i:{p%u}:" AC ":all 0 %s", partition, identity);
	redis_server_do(&world->bench->server, command);
}

static inline void publish_text(struct world *world, const char *identity, const char *text)
{
	char command[512], name[RULES_CHANNEL_MAX];

	rules_channel(world->bench->seal, sid_of(AC), key_partition(STR(AC), str_of(identity)), name);
	snprintf(command, sizeof(command), "PUBLISH %s '%s'", name, text);
	redis_server_do(&world->bench->server, command);
}

static inline void publish(struct world *world, const char *identity, int64_t version)
{
	int64_t *counter = &world->counter[key_crc16(str_of(identity)) % KEYS_SPREAD];
	char text[256], space[96];

	snprintf(text, sizeof(text), "%lld|%s|%s", (long long)++*counter, identity, line(space, version));
	publish_text(world, identity, text);
}

static inline void lose(struct world *world, const char *identity)
{
	world->counter[key_crc16(str_of(identity)) % KEYS_SPREAD]++;
}

static inline void watch(struct world *world, const char *a, const char *b_or_null)
{
	const struct str names[] = { str_of(a), str_of(b_or_null) };

	assert_int_equal(watcher_add(world->watcher, names, b_or_null ? 2 : 1, STR_NULL), ERR_NONE);
}

static inline void expect(struct world *world, const char *text)
{
	scene_await(&world->bench->scene, text);
}

/* Once this one's change has come, earlier ones would have. */
static inline void nothing_but(struct world *world, const char *identity, int64_t version)
{
	char text[160];

	publish(world, identity, version);
	snprintf(text, sizeof(text), "P[%s=%lld]", identity, (long long)version);
	expect(world, text);
}
