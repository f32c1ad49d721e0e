/* test_account_settings.c - what an account says about itself: its settings at rest, origins, secrets, its family. */
#include "tests/unit/account_fixture.h"

#include "common/model/account_rules.h"
#include "common/model/keys.h"

#define CHILD "AC0000000000000000000000000000000c"

/* -- at rest -- */

static struct account full_account(void)
{
	return (struct account){
		.sid = sid_of(CHILD),
		.parent = sid_of(AC),
		.name = STR("Child"),
		.status = STR("active"),
		.auth_token = STR(PRIMARY),
		.call_waiting = true,
		.away_rings = true,
		.close_grace_ms = 60000,
		.ring_proof_ms = 10000,
		.away_after_missed = 100,
		.wake_url = STR("https://example.com/w"),
		.wake_hold_s = 30,
		.presence_webhook_url = STR("https://example.com/p"),
		.policy_url = STR("https://example.com/q"),
		.webhook_secret = STR("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
		.origins = STR("https://a.example http://localhost:3000"),
	};
}

static struct account read_child(struct bench *bench, struct node *node)
{
	struct account account;

	account_read_even_closed(node->accounts, begin(bench, node), sid_of(CHILD), &account, STEP(on_done));
	scene_await(&bench->scene, "ok end");
	return account;
}

static void test_settings_are_kept(void **state)
{
	struct bench *bench = *state;
	struct account in = full_account(), out;
	const struct heard before = heard(bench);

	account_create(bench->here.accounts, begin(bench, &bench->here), &in, STEP(on_done));
	await_change(bench, &bench->here, before);
	out = read_child(bench, &bench->there);
	assert_true(record_equal(&record_account, &in, &out));
	assert_string_equal(out.parent.s, AC);
	assert_true(out.call_waiting && out.away_rings);
	assert_int_equal(out.close_grace_ms, 60000);
	assert_int_equal(out.ring_proof_ms, 10000);
	assert_int_equal(out.away_after_missed, 100);
	assert_str_equal(out.origins, "https://a.example http://localhost:3000");
	assert_null(strstr(everything(bench), "whsec_"));
}

/* A record of before there were settings. */
static void test_presets(void **state)
{
	struct bench *bench = *state;
	struct account account;

	redis_server_do(&bench->server,
			"HSET a:{" AC "} record '{\"updated\":1,\"created\":1,\"status\":\"active\"}'");
	account = load_account(bench, &bench->here, "ok end");
	assert_int_equal(account.close_grace_ms, CLOSE_GRACE_PRESET_MS);
	assert_int_equal(account.ring_proof_ms, RING_PROOF_PRESET_MS);
	assert_int_equal(account.away_after_missed, 0);
	assert_int_equal(account.wake_hold_s, WAKE_HOLD_PRESET_S);
	assert_false(account.call_waiting || account.away_rings || sid_is_set(account.parent));
	assert_str_equal(account.webhook_secret, "");
	assert_str_equal(account.origins, "");
	assert_true(account_permits_origin(&account, STR("https://any.example")));
}

static void test_what_is_no_setting_is_unreadable(void **state)
{
	static const char *const records[] = {
		"\"call_waiting\":1",	    "\"call_waiting\":\"true\"",
		"\"close_grace_ms\":-1",    "\"close_grace_ms\":1.5",
		"\"close_grace_ms\":\"2\"", "\"parent\":\"" KEY "\"",
		"\"webhook_secret\":\"x\"", "\"origins\":[]",
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		struct arena *arena = arena_new(1 << 16);
		const struct str text = arena_printf(arena, "{\"updated\":1,\"created\":1,%s}", records[i]);
		struct account account;

		if (record_read(&record_account, bench->seal, sid_of(AC), STR(AC), text, arena, &account))
			fail_msg("%s is read", records[i]);
		arena_free(arena);
	}
}

/* -- origins -- */

static void test_what_is_an_origin(void **state)
{
	static const struct {
		const char *origin;
		bool is_valid;
	} cases[] = {
		{ "https://example.com", true },
		{ "http://example.com", true },
		{ "https://app.example-1.com:8443", true },
		{ "http://localhost:3000", true },
		{ "http://[::1]:3000", true },
		{ "https://xn--mller-kva.example", true },
		{ "", false },
		{ "null", false },
		{ "*", false },
		{ "example.com", false },
		{ "https://", false },
		{ "https:///", false },
		{ "https://example.com/", false },
		{ "https://example.com/path", false },
		{ "https://example.com?q", false },
		{ "https://example.com#f", false },
		{ "https://user@example.com", false },
		{ "https://EXAMPLE.com", false },
		{ "HTTPS://example.com", false },
		{ "https://example.com:443", false },
		{ "http://example.com:80", false },
		{ "https://example.com:", false },
		{ "https://example.com:99999", false },
		{ "https://*.example.com", false },
		{ "https://a.example https://b.example", false },
		{ "ws://example.com", false },
		{ "file://", false },
	};
	struct arena *arena = arena_new(1 << 16);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (account_origin_is_valid(arena, str_of(cases[i].origin)) != cases[i].is_valid)
			fail_msg("%s", cases[i].origin);
	arena_free(arena);
}

static void test_permitted_origins(void **state)
{
	const struct account any = { .origins = STR("") }, one = { .origins = STR("https://a.example") },
			     two = { .origins = STR("https://a.example http://b.example:81") };

	(void)state;
	assert_true(account_permits_origin(&any, STR("https://x.example")));
	assert_true(account_permits_origin(&one, STR_NULL));
	assert_true(account_permits_origin(&one, STR("https://a.example")));
	assert_false(account_permits_origin(&one, STR("https://a.example.")));
	assert_false(account_permits_origin(&one, STR("https://a.exampl")));
	assert_true(account_permits_origin(&two, STR("https://a.example")));
	assert_true(account_permits_origin(&two, STR("http://b.example:81")));
	assert_false(account_permits_origin(&two, STR("http://b.example")));
	assert_false(account_permits_origin(&two, STR("https://a.example http://b.example:81")));
	assert_false(account_permits_origin(&two, STR(" ")));
}

/* -- secrets -- */

static void test_secrets_that_are_made(void **state)
{
	struct arena *arena = arena_new(1 << 16);
	const struct str token = account_auth_token_new(arena), secret = account_webhook_secret_new(arena);

	(void)state;
	assert_int_equal(token.n, 32);
	assert_false(str_eq(token, account_auth_token_new(arena)));
	assert_true(account_webhook_secret_is_valid(secret));
	assert_false(str_eq(secret, account_webhook_secret_new(arena)));
	arena_free(arena);
}

static void test_what_is_a_webhook_secret(void **state)
{
	(void)state;
	assert_true(account_webhook_secret_is_valid(STR("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")));
	assert_false(account_webhook_secret_is_valid(STR("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAA")));
	assert_false(account_webhook_secret_is_valid(STR("whsec_")));
	assert_false(account_webhook_secret_is_valid(STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")));
	assert_false(account_webhook_secret_is_valid(STR("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!")));
	assert_false(account_webhook_secret_is_valid(STR(
		"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAA")));
	assert_false(account_webhook_secret_is_valid(STR_NULL));
}

/* -- the rules in the partitions -- */

static const char *rules_in(struct bench *bench, unsigned n)
{
	struct str key = key_account_rules(bench->arena, key_partition_nth(STR(AC), n), STR(AC));

	return redis_server_do(&bench->server,
			       arena_cstr(bench->arena, arena_printf(bench->arena, "HGET %s p", key.p)));
}

static void set_rules(struct bench *bench, unsigned n, const char *rules)
{
	struct str key = key_account_rules(bench->arena, key_partition_nth(STR(AC), n), STR(AC));

	redis_server_do(&bench->server,
			arena_cstr(bench->arena, arena_printf(bench->arena, "HSET %s p %s", key.p, rules)));
}

static void test_rules_are_told(void **state)
{
	struct bench *bench = *state;
	const struct account account = {
		.sid = sid_of(AC), .updated_ms = 1000, .call_waiting = true, .close_grace_ms = 7
	};

	set_rules(bench, 0, "999|0|2000|old");
	set_rules(bench, 3, "1000|0|2000|same");
	set_rules(bench, 5, "1001|2|2000|newer");
	account_rules_tell(begin(bench, &bench->here), bench->seal, &account, STEP(on_done));
	scene_await(&bench->scene, "ok end");
	assert_non_null(strstr(rules_in(bench, 0), "1000|1|7|"));
	assert_non_null(strstr(rules_in(bench, 3), "1000|1|7|"));
	assert_non_null(strstr(rules_in(bench, 5), "1001|2|2000|newer"));
	for (unsigned n = 0; n < KEYS_SPREAD; n++)
		if (n != 0 && n != 3 && n != 5)
			assert_string_equal(rules_in(bench, n), "$-1\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_settings_are_kept),
		BENCH_TEST(test_presets),
		BENCH_TEST(test_what_is_no_setting_is_unreadable),
		cmocka_unit_test(test_what_is_an_origin),
		cmocka_unit_test(test_permitted_origins),
		cmocka_unit_test(test_secrets_that_are_made),
		cmocka_unit_test(test_what_is_a_webhook_secret),
		BENCH_TEST(test_rules_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
