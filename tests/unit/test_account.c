/* test_account.c - accounts against a real Redis: what is cached, what invalidates it,
 * what a change refuses, what lies in Redis.
 *
 * Two workers share a loop, each with connections of its own, so one learns of the
 * other's changes as another process would.
 */
#include "tests/unit/redis_fixture.h"
#include "tests/unit/unit.h"

#include "common/base/json.h"
#include "common/model/account_seed.h"
#include "common/model/account_store.h"
#include "common/model/keys.h"
#include "scripts.gen.h"

#define AC     "AC00000000000000000000000000000001"
#define OTHER  "AC00000000000000000000000000000002"
#define KEY    "SK00000000000000000000000000000001"
#define APP    "AP00000000000000000000000000000001"
#define NUMBER "PN00000000000000000000000000000001"
#define SECOND "PN00000000000000000000000000000002"

static const char cluster_secret[] = "cluster-secret-of-a-test-0123456789abcdef";

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

static struct sid sid_of(const char *text)
{
	struct sid sid;

	assert_true(sid_parse(str_of(text), text, &sid));
	return sid;
}

/* -- set-up -- */

static void on_ready(void *arg)
{
	scene_note(arg, "ready");
}

static void node_open(struct bench *bench, struct node *node)
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
	conf.on_ready = NULL;
	node->accounts = accounts_new(&node->worker, &conf, bench->seal);
}

static void node_close(struct node *node)
{
	node->accounts = accounts_free(node->accounts);
	node->worker.redis = redis_free(node->worker.redis);
}

/* Lets the loop turn until it is so. */
static void await(struct bench *bench, bool (*is_so)(const struct node *node), const struct node *node)
{
	for (int ms = 0; ms < SCENE_PATIENCE_MS && !is_so(node); ms++)
		scene_run_for(&bench->scene, 1);
	assert_true(is_so(node));
}

static bool is_subscribed(const struct node *node)
{
	return accounts_is_ready(node->accounts);
}

static bool is_empty(const struct node *node)
{
	return account_cache_count(node->accounts->records) == 0;
}

static bool is_unsubscribed(const struct node *node)
{
	return !accounts_is_ready(node->accounts);
}

static int set_up(void **state)
{
	struct bench *bench = x_alloc(sizeof(*bench));

	redis_server_start(&bench->server, 0, NULL);
	scene_open(&bench->scene);
	bench->seal = seal_new(str_of(cluster_secret), STR_NULL);
	bench->arena = arena_new(16 << 20);
	node_open(bench, &bench->here);
	node_open(bench, &bench->there);
	scene_await(&bench->scene, "ready ready");
	await(bench, is_subscribed, &bench->here);
	await(bench, is_subscribed, &bench->there);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
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

/* -- one operation at a time -- */

static void on_done(struct flow *flow)
{
	scene_note(flow->owner, "ok");
	flow_done(flow);
}

static void on_fail(struct flow *flow, enum err err, const char *detail)
{
	(void)detail;
	scene_note(flow->owner, "%s", err_name(err));
}

static void on_end(struct flow *flow)
{
	scene_note(flow->owner, "end");
}

static struct flow *begin(struct bench *bench, struct node *node)
{
	static const struct flow_kind kind = { "test", on_fail, on_end };

	flow_init(&bench->flow, &kind, &node->worker, bench->arena, &bench->scene);
	return &bench->flow;
}

#define AWAIT_OK(bench)		scene_await(&(bench)->scene, "ok end")
#define AWAIT_ERR(bench, error) scene_await(&(bench)->scene, error " end")

static struct account load_account(struct bench *bench, struct node *node, const char *expected)
{
	struct account account;

	account_load(node->accounts, begin(bench, node), sid_of(AC), &account, STEP(on_done));
	scene_await(&bench->scene, expected);
	return account;
}

/* A change is over when both have heard of it: the worker that made it knows twice. */
static void await_heard(struct bench *bench, uint64_t here, uint64_t there)
{
	for (int ms = 0; ms < SCENE_PATIENCE_MS; ms++) {
		if (bench->here.accounts->epoch >= here && bench->there.accounts->epoch >= there)
			return;
		scene_run_for(&bench->scene, 1);
	}
	fail_msg("the change was not heard of");
}

static void put_account(struct bench *bench, struct node *node, const char *name, const char *status)
{
	struct account account = {
		.sid = sid_of(AC),
		.name = str_of(name),
		.status = str_of(status),
		.auth_token = STR("primary-token-0123456789"),
		.auth_token_second = STR("second-token-0123456789"),
	};
	const uint64_t here = bench->here.accounts->epoch, there = bench->there.accounts->epoch;

	account_put(node->accounts, begin(bench, node), &account, STEP(on_done));
	AWAIT_OK(bench);
	await_heard(bench, here + 1 + (node == &bench->here), there + 1 + (node == &bench->there));
}

static struct phone_number find_number(struct bench *bench, const char *number)
{
	struct phone_number found;

	phone_number_find(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), str_of(number),
			  &found, STEP(on_done));
	AWAIT_OK(bench);
	return found;
}

static void put_number(struct bench *bench, const char *sid, const char *number, const char *expected)
{
	struct phone_number in = {
		.sid = sid_of(sid), .number = str_of(number), .name = STR("desk"), .application = sid_of(APP)
	};

	phone_number_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &in, STEP(on_done));
	scene_await(&bench->scene, expected);
}

/* -- tests -- */

static void test_what_is_put_is_read(void **state)
{
	struct bench *bench = *state;
	struct account account;

	put_account(bench, &bench->here, "Näme \"x\"", "active");
	account = load_account(bench, &bench->there, "ok end");
	assert_string_equal(account.sid.s, AC);
	assert_str_equal(account.name, "Näme \"x\"");
	assert_str_equal(account.status, "active");
	assert_str_equal(account.auth_token, "primary-token-0123456789");
	assert_str_equal(account.auth_token_second, "second-token-0123456789");
	assert_true(account.created_ms > 0 && account.updated_ms == account.created_ms);
}

static void test_absent_and_closed(void **state)
{
	struct bench *bench = *state;
	struct account account;

	load_account(bench, &bench->here, "NOT_FOUND end");
	put_account(bench, &bench->here, "x", "closed");
	load_account(bench, &bench->here, "NOT_FOUND end");
	account_find(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &account, STEP(on_done));
	AWAIT_OK(bench);
	assert_false(sid_is_set(account.sid));
	/* and the same from the cache, which holds it now */
	assert_int_equal(account_cache_count(bench->here.accounts->records), 1);
	load_account(bench, &bench->here, "NOT_FOUND end");
}

static void test_cache_hit(void **state)
{
	struct bench *bench = *state;

	put_account(bench, &bench->here, "first", "active");
	load_account(bench, &bench->here, "ok end");
	redis_server_do(&bench->server, "DEL a:{" AC "}");
	assert_str_equal(load_account(bench, &bench->here, "ok end").name, "first");

	account_read(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &(struct account){ 0 },
		     STEP(on_done));
	AWAIT_ERR(bench, "NOT_FOUND");
}

static void test_own_change_is_seen_at_once(void **state)
{
	struct bench *bench = *state;

	put_account(bench, &bench->here, "first", "active");
	load_account(bench, &bench->here, "ok end");
	put_account(bench, &bench->here, "second", "active");
	assert_str_equal(load_account(bench, &bench->here, "ok end").name, "second");
}

static void test_invalidation_from_another_connection(void **state)
{
	struct bench *bench = *state;

	put_account(bench, &bench->here, "first", "active");
	load_account(bench, &bench->here, "ok end");
	assert_false(is_empty(&bench->here));

	put_account(bench, &bench->there, "second", "active");
	assert_true(is_empty(&bench->here));
	assert_str_equal(load_account(bench, &bench->here, "ok end").name, "second");
}

static void test_invalidation_is_of_one_account(void **state)
{
	struct bench *bench = *state;

	put_account(bench, &bench->here, "first", "active");
	load_account(bench, &bench->here, "ok end");
	accounts_forget(bench->here.accounts, STR(OTHER));
	assert_false(is_empty(&bench->here));
	accounts_forget(bench->here.accounts, STR(AC));
	assert_true(is_empty(&bench->here));
}

/* The read was answered before the change, its reply comes in after the invalidation. */
static void test_read_that_an_invalidation_overtook_is_not_kept(void **state)
{
	struct bench *bench = *state;
	struct account account;

	put_account(bench, &bench->here, "first", "active");
	account_load(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &account, STEP(on_done));
	accounts_forget(bench->here.accounts, STR(AC));
	AWAIT_OK(bench);
	assert_true(is_empty(&bench->here));
}

static void test_gap_drops_all(void **state)
{
	struct bench *bench = *state;

	put_account(bench, &bench->here, "first", "active");
	load_account(bench, &bench->here, "ok end");
	redis_server_do(&bench->server, "CLIENT KILL TYPE pubsub");
	redis_server_do(&bench->server, "DEL a:{" AC "}");
	await(bench, is_unsubscribed, &bench->here);
	load_account(bench, &bench->here, "NOT_FOUND end"); /* nothing is served from the cache meanwhile */
	await(bench, is_subscribed, &bench->here);
	assert_true(is_empty(&bench->here));
	load_account(bench, &bench->here, "NOT_FOUND end");
}

static void test_versions(void **state)
{
	struct bench *bench = *state;
	struct application app = { .sid = sid_of(APP),
				   .name = STR("one"),
				   .voice_url = STR("http://h/voice") };
	struct application stale, gone;

	application_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &app, STEP(on_done));
	AWAIT_OK(bench);
	stale = gone = app;
	application_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &app, STEP(on_done));
	AWAIT_OK(bench);
	assert_true(app.updated_ms > stale.updated_ms);
	assert_true(app.created_ms == stale.created_ms);
	application_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &stale, STEP(on_done));
	AWAIT_ERR(bench, "STALE");

	application_delete(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), app.sid,
			   STEP(on_done));
	AWAIT_OK(bench);
	application_delete(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), app.sid,
			   STEP(on_done));
	AWAIT_ERR(bench, "NOT_FOUND");
	application_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &gone, STEP(on_done));
	AWAIT_ERR(bench, "NOT_FOUND");
}

static void test_numbers(void **state)
{
	struct bench *bench = *state;
	struct phone_number found;

	assert_false(sid_is_set(find_number(bench, "+15550100").sid));
	put_number(bench, NUMBER, "+15550100", "ok end");
	found = find_number(bench, "+15550100");
	assert_string_equal(found.sid.s, NUMBER);
	assert_string_equal(found.application.s, APP);
	assert_str_equal(found.voice_url, "");

	put_number(bench, SECOND, "+15550100", "CONFLICT end");
	put_number(bench, NUMBER, "+15550101", "CONFLICT end");
	assert_false(sid_is_set(find_number(bench, "+15550101").sid));

	phone_number_delete(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), sid_of(NUMBER),
			    STEP(on_done));
	AWAIT_OK(bench);
	assert_false(sid_is_set(find_number(bench, "+15550100").sid));
	put_number(bench, SECOND, "+15550100", "ok end");
	assert_string_equal(find_number(bench, "+15550100").sid.s, SECOND);
	assert_false(sid_is_set(find_number(bench, "no number at all").sid));
}

static void test_what_is_a_number(void **state)
{
	static const struct {
		const char *number;
		bool is_valid;
	} cases[] = {
		{ "+15551234567", true }, { "+123456789012345", true },
		{ "support", true },	  { "sip:desk@example.com", true },
		{ "sips:a", true },	  { "support/tier1", true },
		{ "15551234567", true },  { "", false },
		{ "+", false },		  { "+1", false },
		{ "+0123", false },	  { "+1234567890123456", false },
		{ "+1 555", false },	  { "+1555x", false },
		{ "sip:", false },	  { "sip:a b", false },
		{ "a//b", false },	  { "a\n", false },
		{ "..", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (phone_number_is_valid(str_of(cases[i].number)) != cases[i].is_valid)
			fail_msg("%s", cases[i].number);
}

static void put_applications(struct bench *bench, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct application app = { .sid = sid_of(APP), .name = i % 3 ? STR("odd") : STR("third") };

		snprintf(app.sid.s + 2, sizeof(app.sid.s) - 2, "%032x", i + 1);
		application_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &app,
				STEP(on_done));
		AWAIT_OK(bench);
	}
}

static void test_pages(void **state)
{
	static const struct {
		unsigned page, size;
		const char *name;
		size_t n;
		bool more;
		unsigned first; /* number in the sid; 0: none */
	} cases[] = {
		{ 0, 50, NULL, 50, true, 1 },	   { 1, 50, NULL, 50, true, 51 },
		{ 4, 50, NULL, 30, false, 201 },   { 5, 50, NULL, 0, false, 0 },
		{ 0, 100, NULL, 100, true, 1 },	   { 1, 100, "odd", 53, false, 152 },
		{ 0, 100, "third", 77, false, 1 }, { 0, 76, "third", 76, true, 1 },
		{ 1, 76, "third", 1, false, 229 }, { 0, 77, "third", 77, false, 1 },
		{ 0, 10, "none", 0, false, 0 },	   { 1000000, 100, NULL, 0, false, 0 },
	};
	struct bench *bench = *state;

	put_applications(bench, 230);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct account_query query = { cases[i].page, cases[i].size, str_of(cases[i].name),
						     STR_NULL };
		struct application_page page;

		applications_list(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &query, &page,
				  STEP(on_done));
		AWAIT_OK(bench);
		assert_int_equal(page.n, cases[i].n);
		assert_int_equal(page.more, cases[i].more);
		if (cases[i].first)
			assert_int_equal(strtoul(page.items[0].sid.s + 2, NULL, 16), cases[i].first);
		for (size_t k = 1; k < page.n; k++)
			assert_true(strcmp(page.items[k - 1].sid.s, page.items[k].sid.s) < 0);
	}
}

/* -- at rest -- */

/* Every key, field and value that Redis has, one after the other. */
static const char *everything(struct bench *bench)
{
	return redis_server_do(
		&bench->server,
		"EVAL \"local t = {} for _, k in ipairs(redis.call('KEYS', '*')) do t[#t + 1] = k "
		"for _, v in ipairs(redis.call('HGETALL', k)) do t[#t + 1] = v end end "
		"return table.concat(t, ' ')\" 0");
}

static void put_key(struct bench *bench)
{
	struct api_key key = { .sid = sid_of(KEY),
			       .name = STR("backend"),
			       .secret = STR("key-secret-0123456789") };

	api_key_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &key, STEP(on_done));
	AWAIT_OK(bench);
}

static void test_secrets_are_sealed(void **state)
{
	struct bench *bench = *state;
	struct api_key key;
	const char *all;

	put_account(bench, &bench->here, "visible name", "active");
	put_key(bench);
	all = everything(bench);
	assert_non_null(strstr(all, "visible name"));
	assert_non_null(strstr(all, "\"secret\":\"s1."));
	assert_null(strstr(all, "primary-token"));
	assert_null(strstr(all, "second-token"));
	assert_null(strstr(all, "key-secret"));

	api_key_load(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), sid_of(KEY), &key,
		     STEP(on_done));
	AWAIT_OK(bench);
	assert_str_equal(key.secret, "key-secret-0123456789");
}

/* A sealed secret opens only where it was put. */
static void test_a_moved_secret_does_not_open(void **state)
{
	struct bench *bench = *state;
	struct api_key key;

	put_key(bench);
	redis_server_do(&bench->server, "COPY k:{" AC "} k:{" OTHER "}");
	api_key_load(bench->here.accounts, begin(bench, &bench->here), sid_of(OTHER), sid_of(KEY), &key,
		     STEP(on_done));
	AWAIT_ERR(bench, "STORE_REPLY");
}

static void test_what_is_no_record_is_no_answer(void **state)
{
	static const char *const values[] = { "x", "{}{}", "[]", "{\"updated\":-1}",
					      "{\"updated\":1,\"name\":7}" };
	struct bench *bench = *state;
	struct application app;

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		char command[200];

		snprintf(command, sizeof(command), "HSET ap:{" AC "} " APP " '%s'", values[i]);
		redis_server_do(&bench->server, command);
		application_load(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), sid_of(APP),
				 &app, STEP(on_done));
		AWAIT_ERR(bench, "STORE_REPLY");
	}
}

/* -- the cache by itself -- */

static void cache_put(struct account_cache *cache, const char *account, const char *key, uint64_t ttl_ms)
{
	account_cache_put_take(cache, sid_of(account), str_of(key), x_alloc(8), 8, ttl_ms);
}

static void test_cache_bounds(void **state)
{
	struct account_cache *cache = account_cache_new(3);

	(void)state;
	cache_put(cache, AC, "a", 60000);
	cache_put(cache, OTHER, "b", 60000);
	cache_put(cache, AC, "c", 60000);
	cache_put(cache, AC, "c", 60000);
	assert_int_equal(account_cache_count(cache), 3);
	cache_put(cache, AC, "d", 60000);
	assert_int_equal(account_cache_count(cache), 3);
	assert_null(account_cache_get(cache, STR("a")));
	assert_non_null(account_cache_get(cache, STR("b")));

	account_cache_drop(cache, STR(AC));
	assert_int_equal(account_cache_count(cache), 1);
	assert_non_null(account_cache_get(cache, STR("b")));
	account_cache_drop(cache, STR(OTHER));
	assert_int_equal(account_cache_count(cache), 0);

	cache_put(cache, AC, "late", 0);
	assert_null(account_cache_get(cache, STR("late")));
	assert_int_equal(account_cache_count(cache), 0);
	account_cache_free(cache);
}

/* -- seeding -- */

static const char sample[] =
	"{\"accounts\":[{\"sid\":\"" AC "\",\"name\":\"Seeded\",\"auth_token\":\"auth-token-0123456789\","
	"\"keys\":[{\"sid\":\"" KEY "\",\"secret\":\"key-secret-0123456789\",\"name\":\"k\"}],"
	"\"applications\":[{\"sid\":\"" APP "\",\"voice_url\":\"http://127.0.0.1:1/voice\"}],"
	"\"phone_numbers\":[{\"number\":\"+15550100\",\"application_sid\":\"" APP "\"},"
	"{\"number\":\"desk\",\"voice_url\":\"https://h/v\",\"voice_method\":\"GET\"}]}]}";

static int seed_text(struct bench *bench, const char *text)
{
	const struct settings settings = {
		.redis_host = (char *)"127.0.0.1",
		.redis_port = bench->server.port,
		.redis_username = (char *)"",
		.redis_password = (char *)"",
		.redis_timeout_ms = 5000,
		.redis_max_pending = 100,
		.cluster_secret = (char *)cluster_secret,
		.cluster_secret_previous = (char *)"",
	};
	char file[] = "/tmp/test_account.XXXXXX";
	const int fd = mkstemp(file);
	int exit_code;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	exit_code = account_seed(&settings, file);
	unlink(file);
	return exit_code;
}

static long changes(struct bench *bench)
{
	return redis_server_count(&bench->server, "commandstats", "cmdstat_publish:calls=");
}

static void test_seed_twice(void **state)
{
	struct bench *bench = *state;
	struct phone_number first;
	struct buf before;

	assert_int_equal(seed_text(bench, sample), 0);
	assert_int_equal(changes(bench), 5);
	first = find_number(bench, "+15550100");
	assert_string_equal(first.application.s, APP);
	assert_str_equal(find_number(bench, "desk").voice_method, "GET");
	assert_str_equal(load_account(bench, &bench->here, "ok end").name, "Seeded");

	buf_init(&before, 1 << 16);
	buf_puts(&before, everything(bench));
	assert_int_equal(seed_text(bench, sample), 0);
	assert_int_equal(changes(bench), 5);
	assert_string_equal(everything(bench), buf_cstr(&before));
	buf_fini(&before);
}

static void test_seed_changes_only_what_differs(void **state)
{
	struct bench *bench = *state;
	struct account account;
	char text[sizeof(sample)];

	assert_int_equal(seed_text(bench, sample), 0);
	account = load_account(bench, &bench->here, "ok end");
	memcpy(text, sample, sizeof(text));
	memcpy(strstr(text, "Seeded"), "Edited", 6);
	assert_int_equal(seed_text(bench, text), 0);
	assert_int_equal(changes(bench), 6);
	await(bench, is_empty, &bench->here);
	assert_str_equal(load_account(bench, &bench->here, "ok end").name, "Edited");
	assert_true(load_account(bench, &bench->here, "ok end").created_ms == account.created_ms);
}

static void test_seed_writes_nothing_of_a_bad_file(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(seed_text(bench, "{\"accounts\":[{\"sid\":\"" AC
					  "\",\"auth_token\":\"auth-token-0123456789\"},{}]}"),
			 2);
	assert_int_equal(seed_text(bench, "{"), 2);
	assert_string_equal(redis_server_do(&bench->server, "DBSIZE"), ":0\r\n");
	assert_int_equal(account_seed(&(struct settings){ 0 }, "/nonexistent/accounts.json"), 2);
}

#define ACCOUNT(rest)	  "{\"accounts\":[{\"sid\":\"" AC "\",\"auth_token\":\"auth-token-0123456789\"" rest "}]}"
#define KEYS(key)	  ACCOUNT(",\"keys\":[" key "]")
#define APPLICATIONS(app) ACCOUNT(",\"applications\":[{\"sid\":\"" APP "\"" app "}]")
#define NUMBERS(numbers)  ACCOUNT(",\"phone_numbers\":[" numbers "]")
#define KEY_OK		  "{\"sid\":\"" KEY "\",\"secret\":\"key-secret-0123456789\"}"

static void test_seed_names_the_bad_field(void **state)
{
	static const struct {
		const char *text, *field;
	} cases[] = {
		{ "[]", "accounts" },
		{ "{}", "accounts" },
		{ "{\"accounts\":7}", "accounts" },
		{ "{\"accounts\":[7]}", "accounts[0]" },
		{ "{\"accounts\":[{}]}", "accounts[0].sid" },
		{ "{\"accounts\":[{\"sid\":\"" KEY "\"}]}", "accounts[0].sid" },
		{ "{\"accounts\":[{\"sid\":\"" AC "\"}]}", "accounts[0].auth_token" },
		{ "{\"accounts\":[{\"sid\":\"" AC "\",\"auth_token\":\"short\"}]}",
		  "accounts[0].auth_token" },
		{ "{\"accounts\":[{\"sid\":\"" AC "\",\"auth_token\":\"$AUTH_TOKEN_OF_MINE\"}]}",
		  "accounts[0].auth_token" },
		{ "{\"accounts\":[{\"sid\":\"" AC "\",\"auth_token\":\"with a blank 0123456\"}]}",
		  "accounts[0].auth_token" },
		{ ACCOUNT(",\"name\":7"), "accounts[0].name" },
		{ ACCOUNT(",\"name\":\"\\n\""), "accounts[0].name" },
		{ ACCOUNT(",\"status\":\"open\""), "accounts[0].status" },
		{ ACCOUNT(",\"nmae\":\"x\""), "accounts[0].nmae" },
		{ ACCOUNT(",\"auth_token_second\":\"$X\""), "accounts[0].auth_token_second" },
		{ ACCOUNT(",\"keys\":{}"), "accounts[0].keys" },
		{ KEYS("{\"secret\":\"key-secret-0123456789\"}"), "accounts[0].keys[0].sid" },
		{ KEYS("{\"sid\":\"" KEY "\"}"), "accounts[0].keys[0].secret" },
		{ KEYS(KEY_OK "," KEY_OK), "accounts[0].keys[1].sid" },
		{ APPLICATIONS(",\"voice_url\":\"ftp://h/\""), "accounts[0].applications[0].voice_url" },
		{ APPLICATIONS(",\"voice_url\":\"http://h/\\u0001\""),
		  "accounts[0].applications[0].voice_url" },
		{ APPLICATIONS(",\"voice_method\":\"PUT\""), "accounts[0].applications[0].voice_method" },
		{ APPLICATIONS(",\"status_callback\":\"x\""), "accounts[0].applications[0].status_callback" },
		{ NUMBERS("{\"voice_url\":\"http://h/\"}"), "accounts[0].phone_numbers[0].number" },
		{ NUMBERS("{\"number\":\"+1 5\",\"voice_url\":\"http://h/\"}"),
		  "accounts[0].phone_numbers[0].number" },
		{ NUMBERS("{\"number\":\"+15550100\"}"), "accounts[0].phone_numbers[0].application_sid" },
		{ NUMBERS("{\"number\":\"+15550100\",\"application_sid\":\"" APP "\"}"),
		  "accounts[0].phone_numbers[0].application_sid" },
		{ NUMBERS("{\"number\":\"+15550100\",\"application_sid\":\"x\"}"),
		  "accounts[0].phone_numbers[0].application_sid" },
		{ NUMBERS("{\"number\":\"a\",\"voice_url\":\"http://h/"
			  "\"},{\"number\":\"a\",\"voice_url\":\"http://h/\"}"),
		  "accounts[0].phone_numbers[1].number" },
	};
	struct seed_plan *plan = x_alloc(sizeof(*plan));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new(1 << 20);
		struct json_fault fault = { .missing = false };
		struct json *doc = NULL;

		assert_int_equal(json_parse(str_of(cases[i].text), &doc, NULL), ERR_NONE);
		if (seed_read(arena, doc, plan, &fault))
			fail_msg("accepted: %s", cases[i].text);
		assert_string_equal(fault.field, cases[i].field);
		assert_true(fault.why[0] != '\0');
		json_free(doc);
		arena_free(arena);
	}
	x_free(plan);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_put_is_read),
		TEST(test_absent_and_closed),
		TEST(test_cache_hit),
		TEST(test_own_change_is_seen_at_once),
		TEST(test_invalidation_from_another_connection),
		TEST(test_invalidation_is_of_one_account),
		TEST(test_read_that_an_invalidation_overtook_is_not_kept),
		TEST(test_gap_drops_all),
		TEST(test_versions),
		TEST(test_numbers),
		cmocka_unit_test(test_what_is_a_number),
		TEST(test_pages),
		TEST(test_secrets_are_sealed),
		TEST(test_a_moved_secret_does_not_open),
		TEST(test_what_is_no_record_is_no_answer),
		cmocka_unit_test(test_cache_bounds),
		TEST(test_seed_twice),
		TEST(test_seed_changes_only_what_differs),
		TEST(test_seed_writes_nothing_of_a_bad_file),
		cmocka_unit_test(test_seed_names_the_bad_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
