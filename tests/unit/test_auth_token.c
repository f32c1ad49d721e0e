/* test_auth_token.c - client tokens against records in a real Redis: which key, which
 * account, what is remembered and what makes it forgotten.  What a token says is
 * tested in test_client_token.c.
 */
#include "tests/unit/account_fixture.h"

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/model/auth.h"

#define UNKNOWN "SK00000000000000000000000000000009"

static struct client_token token_read;

static int set_up_records(void **state)
{
	set_up(state);
	put_account(*state, &((struct bench *)*state)->here, "", "active");
	put_key(*state, &((struct bench *)*state)->here);
	return 0;
}

static void delete_key(struct bench *bench)
{
	const struct heard before = heard(bench);

	api_key_delete(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), sid_of(KEY),
		       STEP(on_done));
	await_change(bench, &bench->here, before);
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
	token_read = (struct client_token){ .incoming = false };
	auth_client_token(bench->here.accounts, begin(bench, &bench->here), sid_of(account), text,
			  &token_read, STEP(on_done));
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
		{ "", access_token(bench, KEY, AC, KEY_SECRET, 600), "ok end" },
		{ AC, access_token(bench, KEY, AC, KEY_SECRET, 601), "ok end" },
		{ OTHER, access_token(bench, KEY, AC, KEY_SECRET, 602), "TOKEN_ACCOUNT end" },
		{ "", access_token(bench, UNKNOWN, AC, KEY_SECRET, 600), "TOKEN_ISSUER end" },
		{ "", access_token(bench, KEY, OTHER, KEY_SECRET, 600), "TOKEN_ISSUER end" },
		{ "", access_token(bench, KEY, AC, "another-secret", 600), "TOKEN_SIGNATURE end" },
		{ OTHER, access_token(bench, KEY, AC, "another-secret", 600), "TOKEN_SIGNATURE end" },
		{ "", access_token(bench, KEY, AC, KEY_SECRET, -30), "TOKEN_EXPIRED end" },
		{ "", STR("no.token"), "TOKEN_INVALID end" },
		{ "", STR(""), "TOKEN_INVALID end" },
		{ AC, capability_token(bench, PRIMARY), "ok end" },
		{ AC, capability_token(bench, SECOND), "ok end" },
		{ AC, capability_token(bench, KEY_SECRET), "TOKEN_SIGNATURE end" },
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
	const struct str text = access_token(bench, KEY, AC, KEY_SECRET, 600);

	for (int i = 0; i < 2; i++) {
		check(bench, AC, text, "ok end");
		assert_int_equal(account_cache_count(bench->here.accounts->tokens), 1);
		assert_str_equal(token_read.identity, "alice");
		assert_str_equal(token_read.id, "j");
		assert_str_equal(token_read.parameters, "{}");
		assert_string_equal(token_read.key.s, KEY);
		assert_true(token_read.incoming);
	}
	check(bench, OTHER, text, "TOKEN_ACCOUNT end");
}

static void test_remembered_until_the_account_changes(void **state)
{
	struct bench *bench = *state;
	const struct str text = access_token(bench, KEY, AC, KEY_SECRET, 600);

	check(bench, AC, text, "ok end");
	redis_server_do(&bench->server, "DEL k:{" AC "}");
	check(bench, AC, text, "ok end");

	put_key(bench, &bench->here);
	check(bench, AC, text, "ok end");
	delete_key(bench);
	check(bench, AC, text, "TOKEN_ISSUER end");
}

static void test_suspended_and_closed(void **state)
{
	struct bench *bench = *state;
	const struct str text = access_token(bench, KEY, AC, KEY_SECRET, 600);

	check(bench, AC, text, "ok end");
	put_account(bench, &bench->here, "", "suspended");
	check(bench, AC, text, "ACCOUNT_SUSPENDED end");
	check(bench, AC, access_token(bench, KEY, AC, "another-secret", 600), "TOKEN_SIGNATURE end");
	put_account(bench, &bench->here, "", "closed");
	check(bench, AC, text, "TOKEN_ISSUER end");
	put_account(bench, &bench->here, "", "active");
	check(bench, AC, text, "ok end");
}

static void test_a_token_in_its_last_moment_is_not_remembered(void **state)
{
	struct bench *bench = *state;

	/* accepted by the tolerance for clocks */
	check(bench, AC, access_token(bench, KEY, AC, KEY_SECRET, -1), "ok end");
	assert_int_equal(account_cache_count(bench->here.accounts->tokens), 0);
}

static void test_store_away_is_no_refusal(void **state)
{
	struct bench *bench = *state;
	const long refused = counted("switchhook_tokens_refused_total");

	accounts_forget(bench->here.accounts, STR(AC));
	redis_server_kill(&bench->server);
	check(bench, AC, access_token(bench, KEY, AC, KEY_SECRET, 600), "STORE_DOWN end");
	assert_int_equal(counted("switchhook_tokens_refused_total"), refused);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up_records, tear_down)

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
