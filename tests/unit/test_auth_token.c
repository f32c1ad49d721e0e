/* test_auth_token.c - client tokens against records in a real Redis: which key, which
 * account, what is remembered and what makes it forgotten.  What a token says is
 * tested in test_client_token.c.
 */
#include "tests/unit/redis_fixture.h"
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/model/account_store.h"
#include "common/model/auth.h"
#include "scripts.gen.h"

#define AC	"AC00000000000000000000000000000001"
#define OTHER	"AC00000000000000000000000000000002"
#define KEY	"SK00000000000000000000000000000001"
#define UNKNOWN "SK00000000000000000000000000000009"

#define SECRET	"key-secret-0123456789"
#define PRIMARY "primary-token-0123456789"
#define SECOND	"second-token-0123456789"

struct bench {
	struct redis_server server;
	struct scene scene;
	struct seal *seal;
	struct worker worker;
	struct accounts *accounts;
	struct arena *arena;
	struct flow flow;
	struct client_token token;
};

static struct sid sid_of(const char *text)
{
	struct sid sid = { "" };

	assert_true(*text == '\0' || sid_parse(str_of(text), text, &sid));
	return sid;
}

static void on_ready(void *arg)
{
	scene_note(arg, "ready");
}

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

static struct flow *begin(struct bench *bench)
{
	static const struct flow_kind kind = { "test", on_fail, on_end };

	flow_init(&bench->flow, &kind, &bench->worker, bench->arena, &bench->scene);
	return &bench->flow;
}

static void await_epoch(struct bench *bench, uint64_t epoch)
{
	for (int ms = 0; ms < SCENE_PATIENCE_MS && bench->accounts->epoch < epoch; ms++)
		scene_run_for(&bench->scene, 1);
	assert_true(bench->accounts->epoch >= epoch);
}

/* A change is over when its own invalidation has come back. */
static void put_account(struct bench *bench, const char *status)
{
	const uint64_t epoch = bench->accounts->epoch;
	struct account account = { .sid = sid_of(AC),
				   .name = STR(""),
				   .status = str_of(status),
				   .auth_token = STR(PRIMARY),
				   .auth_token_second = STR(SECOND) };

	account_put(bench->accounts, begin(bench), &account, STEP(on_done));
	scene_await(&bench->scene, "ok end");
	await_epoch(bench, epoch + 2);
}

static void put_key(struct bench *bench)
{
	const uint64_t epoch = bench->accounts->epoch;
	struct api_key key = { .sid = sid_of(KEY), .name = STR(""), .secret = STR(SECRET) };

	api_key_put(bench->accounts, begin(bench), sid_of(AC), &key, STEP(on_done));
	scene_await(&bench->scene, "ok end");
	await_epoch(bench, epoch + 2);
}

static void delete_key(struct bench *bench)
{
	const uint64_t epoch = bench->accounts->epoch;

	api_key_delete(bench->accounts, begin(bench), sid_of(AC), sid_of(KEY), STEP(on_done));
	scene_await(&bench->scene, "ok end");
	await_epoch(bench, epoch + 2);
}

static int set_up(void **state)
{
	struct bench *bench = x_alloc(sizeof(*bench));
	struct redis_conf conf = {
		.host = "127.0.0.1",
		.client_name = "test",
		.timeout_ms = 5000,
		.max_pending = 100,
		.scripts = scripts,
		.n_scripts = SCRIPT_COUNT,
		.on_ready = on_ready,
		.arg = &bench->scene,
	};

	redis_server_start(&bench->server, 0, NULL);
	conf.port = bench->server.port;
	scene_open(&bench->scene);
	bench->arena = arena_new(16 << 20);
	bench->seal = seal_new(STR("cluster-secret-of-a-test-0123456789abcdef"), STR_NULL);
	bench->worker.loop = bench->scene.loop;
	bench->worker.redis = redis_new(bench->scene.loop, &conf);
	scene_await(&bench->scene, "ready");
	conf.on_ready = NULL;
	bench->accounts = accounts_new(&bench->worker, &conf, bench->seal);
	await_epoch(bench, 1); /* the gap of the first subscription */
	put_account(bench, "active");
	put_key(bench);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	bench->accounts = accounts_free(bench->accounts);
	bench->worker.redis = redis_free(bench->worker.redis);
	scene_close(&bench->scene);
	bench->seal = seal_free(bench->seal);
	arena_free(bench->arena);
	redis_server_kill(&bench->server);
	x_free(bench);
	return 0;
}

/* -- tokens -- */

static struct str sign(struct bench *bench, const char *header, struct str payload, const char *secret)
{
	uint8_t mac[CRYPTO_MAC_MAX];
	struct buf text;
	struct str token;

	buf_init(&text, CLIENT_TOKEN_MAX);
	crypto_base64url(&text, str_of(header));
	buf_putc(&text, '.');
	crypto_base64url(&text, payload);
	const size_t len = crypto_hmac(CRYPTO_SHA256, str_of(secret), buf_str(&text), mac);
	buf_putc(&text, '.');
	crypto_base64url(&text, str_n((const char *)mac, len));
	token = arena_copy(bench->arena, buf_str(&text));
	buf_fini(&text);
	return token;
}

static struct str access_token(struct bench *bench, const char *key, const char *account, const char *secret,
			       int ttl_s)
{
	const long now = (long)clock_wall_s();

	return sign(
		bench, "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"cty\":\"twilio-fpa;v=1\"}",
		arena_printf(
			bench->arena,
			"{\"jti\":\"j\",\"iss\":\"%s\",\"sub\":\"%s\",\"iat\":%ld,\"exp\":%ld,\"grants\":{"
			"\"identity\":\"alice\",\"voice\":{\"incoming\":{\"allow\":true}}}}",
			key, account, now - 60, now + ttl_s),
		secret);
}

static struct str capability_token(struct bench *bench, const char *secret)
{
	return sign(bench, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
		    arena_printf(bench->arena,
				 "{\"iss\":\"" AC
				 "\",\"exp\":%ld,\"scope\":\"scope:client:incoming?clientName=bob\"}",
				 (long)clock_wall_s() + 600),
		    secret);
}

static void check(struct bench *bench, const char *account, struct str text, const char *expected)
{
	memset(&bench->token, 0, sizeof(bench->token));
	auth_client_token(bench->accounts, begin(bench), sid_of(account), text, &bench->token, STEP(on_done));
	scene_await(&bench->scene, expected);
}

static long counted(const char *name)
{
	struct buf text;
	long value = 0;

	buf_init(&text, 1 << 20);
	metrics_print(&text);
	for (const char *at = buf_cstr(&text); (at = strstr(at, name)); at += strlen(name))
		if (at[strlen(name)] == ' ' && at > buf_cstr(&text) && at[-1] == '\n')
			value = strtol(at + strlen(name), NULL, 10);
	buf_fini(&text);
	return value;
}

/* -- tests -- */

static void test_outcomes(void **state)
{
	struct bench *bench = *state;
	const struct {
		const char *path;
		struct str token;
		const char *expected;
	} cases[] = {
		{ "", access_token(bench, KEY, AC, SECRET, 600), "ok end" },
		{ AC, access_token(bench, KEY, AC, SECRET, 601), "ok end" },
		{ OTHER, access_token(bench, KEY, AC, SECRET, 602), "TOKEN_ACCOUNT end" },
		{ "", access_token(bench, UNKNOWN, AC, SECRET, 600), "TOKEN_ISSUER end" },
		{ "", access_token(bench, KEY, OTHER, SECRET, 600), "TOKEN_ISSUER end" },
		{ "", access_token(bench, KEY, AC, "another-secret", 600), "TOKEN_SIGNATURE end" },
		{ OTHER, access_token(bench, KEY, AC, "another-secret", 600), "TOKEN_SIGNATURE end" },
		{ "", access_token(bench, KEY, AC, SECRET, -30), "TOKEN_EXPIRED end" },
		{ "", STR("no.token"), "TOKEN_INVALID end" },
		{ "", STR(""), "TOKEN_INVALID end" },
		{ AC, capability_token(bench, PRIMARY), "ok end" },
		{ AC, capability_token(bench, SECOND), "ok end" },
		{ AC, capability_token(bench, SECRET), "TOKEN_SIGNATURE end" },
	};
	long accepted = counted("switchhook_tokens_accepted_total"),
	     refused = counted("switchhook_tokens_refused_total");

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		check(bench, cases[i].path, cases[i].token, cases[i].expected);
		if (str_starts(str_of(cases[i].expected), STR("ok")))
			accepted++;
		else
			refused++;
		assert_int_equal(counted("switchhook_tokens_accepted_total"), accepted);
		assert_int_equal(counted("switchhook_tokens_refused_total"), refused);
	}
}

static void test_what_a_remembered_token_says(void **state)
{
	struct bench *bench = *state;
	const struct str text = access_token(bench, KEY, AC, SECRET, 600);

	for (int i = 0; i < 2; i++) {
		check(bench, AC, text, "ok end");
		assert_int_equal(account_cache_count(bench->accounts->tokens), 1);
		assert_str_equal(bench->token.identity, "alice");
		assert_str_equal(bench->token.id, "j");
		assert_str_equal(bench->token.parameters, "{}");
		assert_string_equal(bench->token.key.s, KEY);
		assert_true(bench->token.incoming);
	}
	check(bench, OTHER, text, "TOKEN_ACCOUNT end");
}

static void test_remembered_until_the_account_changes(void **state)
{
	struct bench *bench = *state;
	const struct str text = access_token(bench, KEY, AC, SECRET, 600);

	check(bench, AC, text, "ok end");
	redis_server_do(&bench->server, "DEL k:{" AC "}");
	check(bench, AC, text, "ok end");

	put_key(bench);
	check(bench, AC, text, "ok end");
	delete_key(bench);
	check(bench, AC, text, "TOKEN_ISSUER end");
}

static void test_suspended_and_closed(void **state)
{
	struct bench *bench = *state;
	const struct str text = access_token(bench, KEY, AC, SECRET, 600);

	check(bench, AC, text, "ok end");
	put_account(bench, "suspended");
	check(bench, AC, text, "ACCOUNT_SUSPENDED end");
	check(bench, AC, access_token(bench, KEY, AC, "another-secret", 600), "TOKEN_SIGNATURE end");
	put_account(bench, "closed");
	check(bench, AC, text, "TOKEN_ISSUER end");
	put_account(bench, "active");
	check(bench, AC, text, "ok end");
}

static void test_a_token_in_its_last_moment_is_not_remembered(void **state)
{
	struct bench *bench = *state;

	/* accepted by the tolerance for clocks */
	check(bench, AC, access_token(bench, KEY, AC, SECRET, -1), "ok end");
	assert_int_equal(account_cache_count(bench->accounts->tokens), 0);
}

static void test_store_away_is_no_refusal(void **state)
{
	struct bench *bench = *state;
	const long refused = counted("switchhook_tokens_refused_total");

	accounts_forget(bench->accounts, STR(AC));
	redis_server_kill(&bench->server);
	check(bench, AC, access_token(bench, KEY, AC, SECRET, 600), "STORE_DOWN end");
	assert_int_equal(counted("switchhook_tokens_refused_total"), refused);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_outcomes),
		TEST(test_what_a_remembered_token_says),
		TEST(test_remembered_until_the_account_changes),
		TEST(test_suspended_and_closed),
		TEST(test_a_token_in_its_last_moment_is_not_remembered),
		TEST(test_store_away_is_no_refusal),
	};

	metrics_attach();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
