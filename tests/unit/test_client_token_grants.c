/* test_client_token_grants.c - what tokens permit, in both spellings, and permissions that are refused. */
#include "tests/unit/client_token_support.h"

static void test_grants(void **state)
{
#define GRANTS(text)   "\"exp\":1795331227,\"grants\":" text
#define VOICE(text)    GRANTS("{\"identity\":\"alice\",\"voice\":" text "}")
#define PRESENCE(text) GRANTS("{\"identity\":\"alice\",\"presence\":" text "}")
	static const struct claim_case cases[] = {
		{ GRANTS("{\"identity\":\"alice\"}"), ERR_NONE },
		{ "\"exp\":1795331227", ERR_TOKEN_GRANTS },
		{ GRANTS("[]"), ERR_TOKEN_GRANTS },
		{ GRANTS("{}"), ERR_TOKEN_GRANTS },
		{ GRANTS("{\"identity\":\"\"}"), ERR_TOKEN_GRANTS },
		{ GRANTS("{\"identity\":7}"), ERR_TOKEN_GRANTS },
		{ GRANTS("{\"identity\":null}"), ERR_TOKEN_GRANTS },
		{ GRANTS("{\"identity\":\"a b\"}"), ERR_TOKEN_GRANTS },
		{ GRANTS("{\"identity\":\"../bob\"}"), ERR_TOKEN_GRANTS },
		{ GRANTS("{\"identity\":\"*\"}"), ERR_TOKEN_GRANTS },
		{ GRANTS("{\"identity\":\"alice\",\"identity\":\"bob\"}"), ERR_TOKEN_INVALID },
		{ GRANTS("{\"identity\":\"alice\",\"chat\":{\"service_sid\":\"IS1\"}}"), ERR_NONE },
		{ VOICE("true"), ERR_TOKEN_GRANTS },
		{ VOICE("null"), ERR_NONE },
		{ VOICE("{\"incoming\":{}}"), ERR_NONE },
		{ VOICE("{\"incoming\":{\"allow\":\"true\"}}"), ERR_TOKEN_GRANTS },
		{ VOICE("{\"incoming\":{\"allow\":1}}"), ERR_TOKEN_GRANTS },
		{ VOICE("{\"incoming\":true}"), ERR_TOKEN_GRANTS },
		{ VOICE("{\"outgoing\":{}}"), ERR_TOKEN_GRANTS },
		{ VOICE("{\"outgoing\":{\"application_sid\":\"AP1\"}}"), ERR_TOKEN_GRANTS },
		{ VOICE("{\"outgoing\":{\"application_sid\":\"" AC "\"}}"), ERR_TOKEN_GRANTS },
		{ VOICE("{\"outgoing\":{\"application_sid\":\"" AP "\"}}"), ERR_NONE },
		{ VOICE("{\"outgoing\":{\"application_sid\":\"" AP "\",\"params\":[1]}}"), ERR_TOKEN_GRANTS },
		{ VOICE("{\"outgoing\":{\"application_sid\":\"" AP "\",\"params\":\"a=b\"}}"),
		  ERR_TOKEN_GRANTS },
		{ PRESENCE("{}"), ERR_NONE },
		{ PRESENCE("[]"), ERR_TOKEN_GRANTS },
		{ PRESENCE("{\"watch\":\"*\"}"), ERR_NONE },
		{ PRESENCE("{\"watch\":\"support/*\"}"), ERR_NONE },
		{ PRESENCE("{\"watch\":[]}"), ERR_NONE },
		{ PRESENCE("{\"watch\":7}"), ERR_TOKEN_GRANTS },
		{ PRESENCE("{\"watch\":[7]}"), ERR_TOKEN_GRANTS },
		{ PRESENCE("{\"watch\":\"\"}"), ERR_TOKEN_GRANTS },
		{ PRESENCE("{\"watch\":\"/*\"}"), ERR_TOKEN_GRANTS },
		{ PRESENCE("{\"watch\":\"sup*\"}"), ERR_TOKEN_GRANTS },
		{ PRESENCE("{\"watch\":\"*/a\"}"), ERR_TOKEN_GRANTS },
		{ PRESENCE("{\"watch\":[\"bob\",\"../x\"]}"), ERR_TOKEN_GRANTS },
		{ PRESENCE("{\"override\":\"yes\"}"), ERR_TOKEN_GRANTS },
	};

	(void)state;
	check_claims(cases, ARRAY_LEN(cases), "\"iss\":\"" SK "\",\"sub\":\"" AC "\"", ACCESS, key_secret);
}

static void test_watch_count(void **state)
{
	(void)state;
	for (int n = CLIENT_TOKEN_WATCH_MAX; n <= CLIENT_TOKEN_WATCH_MAX + 1; n++) {
		struct client_token token;
		const char *text;
		struct buf payload;

		buf_init(&payload, 4096);
		buf_puts(&payload, "{\"iss\":\"" SK "\",\"sub\":\"" AC "\",\"exp\":1795331227,"
				   "\"grants\":{\"identity\":\"alice\",\"presence\":{\"watch\":[");
		for (int i = 0; i < n; i++)
			buf_printf(&payload, "%s\"bob%d\"", i ? "," : "", i);
		buf_puts(&payload, "]}}}");
		text = jwt_forge(ACCESS, buf_cstr(&payload), CRYPTO_SHA256, key_secret);
		buf_fini(&payload);
		assert_err(check(text, &token), n > CLIENT_TOKEN_WATCH_MAX ? ERR_TOKEN_GRANTS : ERR_NONE,
			   "watch");
	}
}

static void test_scopes(void **state)
{
#define SCOPE(text) "\"exp\":1795331227,\"scope\":\"" text "\""
#define INCOMING    "scope:client:incoming?clientName="
#define OUTGOING    "scope:client:outgoing?appSid="
#define EVENTS	    "scope:stream:subscribe?path=/2010-04-01/Events"
	static const struct claim_case cases[] = {
		{ SCOPE(INCOMING "alice"), ERR_NONE },
		{ SCOPE(INCOMING "support%2Falice"), ERR_NONE },
		{ SCOPE(INCOMING "alice  " OUTGOING AP), ERR_NONE },
		{ SCOPE("scope:video:join?room=1 " INCOMING "alice"), ERR_NONE },
		{ SCOPE(EVENTS), ERR_NONE },
		{ "\"exp\":1795331227", ERR_TOKEN_GRANTS },
		{ "\"exp\":1795331227,\"scope\":[]", ERR_TOKEN_GRANTS },
		{ SCOPE("scope:client:incoming"), ERR_TOKEN_GRANTS },
		{ SCOPE(INCOMING), ERR_TOKEN_GRANTS },
		{ SCOPE(INCOMING "a%20b"), ERR_TOKEN_GRANTS },
		{ SCOPE(INCOMING "a%2"), ERR_TOKEN_GRANTS },
		{ SCOPE(INCOMING "a%00"), ERR_TOKEN_GRANTS },
		{ SCOPE(INCOMING "%2E%2E%2Fbob"), ERR_TOKEN_GRANTS },
		{ SCOPE(INCOMING "alice " INCOMING "bob"), ERR_TOKEN_GRANTS },
		{ SCOPE(INCOMING "alice " OUTGOING AP "&clientName=bob"), ERR_TOKEN_GRANTS },
		{ SCOPE(OUTGOING), ERR_TOKEN_GRANTS },
		{ SCOPE(OUTGOING "AP1"), ERR_TOKEN_GRANTS },
		{ SCOPE("scope:client:outgoing?clientName=alice"), ERR_TOKEN_GRANTS },
		{ SCOPE(OUTGOING AP " " OUTGOING AP), ERR_TOKEN_GRANTS },
		{ SCOPE(OUTGOING AP "&appParams=a%3D%25zz"), ERR_TOKEN_GRANTS },
		{ SCOPE(EVENTS "&appParams=identity%3Da%2520b"), ERR_TOKEN_GRANTS },
	};

	(void)state;
	check_claims(cases, ARRAY_LEN(cases), "\"iss\":\"" AC "\"", LEGACY, auth_token);
}

static void test_scope_details(void **state)
{
	static const struct {
		const char *scope, *parameters;
		bool sees_bob, sees_carol;
	} cases[] = {
		{ SCOPE(OUTGOING AP "&appParams=a%3D1%26a%3D2%26b"), "{\"a\":\"1\",\"b\":\"\"}", false,
		  false },
		{ SCOPE(OUTGOING AP "&appParams="), "{}", false, false },
		{ SCOPE(EVENTS "&appParams=identity%3Dbob"), "{}", true, false },
		{ SCOPE(EVENTS "&appParams=identity%3Dbob%26EventType%3Dx"), "{}", false, false },
		{ SCOPE("scope:stream:subscribe?path=/2010-04-01/Other"), "{}", false, false },
		{ SCOPE("scope:stream:subscribe"), "{}", false, false },
		{ SCOPE(EVENTS), "{}", true, true },
		{ SCOPE(""), "{}", false, false },
	};
	struct client_token token;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str payload = arena_printf(arena, "{\"iss\":\"" AC "\",%s}", cases[i].scope);
		const char *text = jwt_forge(LEGACY, payload.p, CRYPTO_SHA256, auth_token);

		assert_err(check_at(str_of(text), auth_token, NOW, &token), ERR_NONE, cases[i].scope);
		assert_str(token.parameters, cases[i].parameters);
		assert_int_equal(client_token_may_watch(&token, STR("bob")), cases[i].sees_bob);
		assert_int_equal(client_token_may_watch(&token, STR("carol")), cases[i].sees_carol);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_grants),
		TEST(test_watch_count),
		TEST(test_scopes),
		TEST(test_scope_details),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
