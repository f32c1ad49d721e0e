/* account_fixture.h - two workers with accounts over one real Redis.
 *
 * They share a loop but no connection, so one learns of the other's changes as
 * another process would.  Operations run one at a time: begin() gives the flow,
 * on_done notes "ok", a failure its name, and the flow's end "end".
 */
#pragma once

#include "tests/unit/redis_fixture.h"
#include "tests/unit/unit.h"

#include "common/model/account_store.h"
#include "scripts.gen.h"

#define AC    "AC00000000000000000000000000000001"
#define OTHER "AC00000000000000000000000000000002"
#define KEY   "SK00000000000000000000000000000001"
#define APP   "AP00000000000000000000000000000001"

#define CLUSTER_SECRET "cluster-secret-of-a-test-0123456789abcdef"
#define PRIMARY        "primary-token-0123456789"
#define SECOND         "second-token-0123456789"
#define KEY_SECRET     "key-secret-0123456789"

struct node {
	struct worker worker;
	struct accounts *accounts;
};

struct bench {
	struct redis_server server;
	struct scene scene;
	struct seal *seal;
	struct node here, there;
	struct arena *arena;
	struct flow flow;
};

/* "" is a sid that is not set. */
static inline struct sid sid_of(const char *text)
{
	struct sid sid = { "" };

	assert_true(*text == '\0' || sid_parse(str_of(text), text, &sid));
	return sid;
}

/* -- the loop -- */

/* Lets the loop turn until it is so. */
static inline void await(struct bench *bench, bool (*is_so)(const struct node *node), const struct node *node)
{
	for (int ms = 0; ms < SCENE_PATIENCE_MS && !is_so(node); ms++)
		scene_run_for(&bench->scene, 1);
	assert_true(is_so(node));
}

static inline bool is_subscribed(const struct node *node)
{
	return accounts_is_ready(node->accounts);
}

static inline bool is_unsubscribed(const struct node *node)
{
	return !accounts_is_ready(node->accounts);
}

static inline bool is_empty(const struct node *node)
{
	return account_cache_count(node->accounts->records) == 0;
}

/* -- one operation -- */

static inline void on_done(struct flow *flow)
{
	scene_note(flow->owner, "ok");
	flow_done(flow);
}

static inline void on_fail(struct flow *flow, enum err err, const char *detail)
{
	(void)detail;
	scene_note(flow->owner, "%s", err_name(err));
}

static inline void on_end(struct flow *flow)
{
	scene_note(flow->owner, "end");
}

static inline struct flow *begin(struct bench *bench, struct node *node)
{
	static const struct flow_kind kind = { "test", on_fail, on_end };

	flow_init(&bench->flow, &kind, &node->worker, bench->arena, &bench->scene);
	return &bench->flow;
}

/* -- changes -- */

struct heard {
	uint64_t here, there;
};

static inline struct heard heard(const struct bench *bench)
{
	return (struct heard){ bench->here.accounts->epoch, bench->there.accounts->epoch };
}

/* A change is over when both have heard of it: the node that made it hears twice. */
static inline void await_change(struct bench *bench, const struct node *by, struct heard before)
{
	const uint64_t here = before.here + 1 + (by == &bench->here);
	const uint64_t there = before.there + 1 + (by == &bench->there);

	scene_await(&bench->scene, "ok end");
	for (int ms = 0; ms < SCENE_PATIENCE_MS; ms++) {
		if (bench->here.accounts->epoch >= here && bench->there.accounts->epoch >= there)
			return;
		scene_run_for(&bench->scene, 1);
	}
	fail_msg("the change was not heard of");
}

static inline void put_account(struct bench *bench, struct node *node, const char *name, const char *status)
{
	const struct heard before = heard(bench);
	struct account account = {
		.sid = sid_of(AC),
		.name = str_of(name),
		.status = str_of(status),
		.auth_token = STR(PRIMARY),
		.auth_token_second = STR(SECOND),
	};

	account_put(node->accounts, begin(bench, node), &account, STEP(on_done));
	await_change(bench, node, before);
}

static inline void put_key(struct bench *bench, struct node *node)
{
	const struct heard before = heard(bench);
	struct api_key key = { .sid = sid_of(KEY), .name = STR("backend"), .secret = STR(KEY_SECRET) };

	api_key_put(node->accounts, begin(bench, node), sid_of(AC), &key, STEP(on_done));
	await_change(bench, node, before);
}

static inline struct account load_account(struct bench *bench, struct node *node, const char *expected)
{
	struct account account;

	account_load(node->accounts, begin(bench, node), sid_of(AC), &account, STEP(on_done));
	scene_await(&bench->scene, expected);
	return account;
}

static inline struct phone_number find_number(struct bench *bench, const char *number)
{
	struct phone_number found;

	phone_number_find(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), str_of(number), &found,
			  STEP(on_done));
	scene_await(&bench->scene, "ok end");
	return found;
}

/* Every key, field and value that Redis has, one after the other. */
static inline const char *everything(struct bench *bench)
{
	return redis_server_do(&bench->server,
			       "EVAL \"local t = {} for _, k in ipairs(redis.call('KEYS', '*')) do t[#t + 1] = k "
			       "for _, v in ipairs(redis.call('HGETALL', k)) do t[#t + 1] = v end end "
			       "return table.concat(t, ' ')\" 0");
}

/* -- set-up -- */

static inline void on_ready(void *arg)
{
	scene_note(arg, "ready");
}

static inline void node_open(struct bench *bench, struct node *node)
{
	struct redis_conf conf = {
		.host = "127.0.0.1",
		.port = bench->server.port,
		.client_name = "test",
		.timeout_ms = 5000,
		.max_pending = 100,
		.scripts = scripts,
		.n_scripts = SCRIPT_COUNT,
		.on_ready = on_ready,
		.arg = &bench->scene,
	};

	node->worker.loop = bench->scene.loop;
	node->worker.redis = redis_new(bench->scene.loop, &conf);
	scene_await(&bench->scene, "ready");
	conf.on_ready = NULL;
	node->accounts = accounts_new(&node->worker, &conf, bench->seal);
	await(bench, is_subscribed, node);
}

static inline void node_close(struct node *node)
{
	node->accounts = accounts_free(node->accounts);
	node->worker.redis = redis_free(node->worker.redis);
}

static inline int set_up(void **state)
{
	struct bench *bench = x_alloc(sizeof(*bench));

	redis_server_start(&bench->server, 0, NULL);
	scene_open(&bench->scene);
	bench->seal = seal_new(STR(CLUSTER_SECRET), STR_NULL);
	bench->arena = arena_new(16 << 20);
	node_open(bench, &bench->here);
	node_open(bench, &bench->there);
	*state = bench;
	return 0;
}

static inline int tear_down(void **state)
{
	struct bench *bench = *state;

	node_close(&bench->here);
	node_close(&bench->there);
	scene_close(&bench->scene);
	bench->seal = seal_free(bench->seal);
	arena_free(bench->arena);
	redis_server_kill(&bench->server);
	x_free(bench);
	return 0;
}

#define BENCH_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
