/* test_webhook_request.c - requests to customers' servers: where the body goes, how they are signed. */
#include "tests/unit/unit.h"

#include "common/model/webhook_request.h"

#define ID "msg_p5jXN8AQM9LWM0D4loKWxJek"

static struct arena *arena;
static const struct settings settings = { .fetch_connect_ms = 5000, .fetch_total_ms = 15000 };

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(4 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static struct str header_of(const struct http_fetch *fetch, const char *name)
{
	for (size_t i = 0; i < fetch->n_headers; i++) {
		if (str_eq(fetch->headers[i].name, str_of(name)))
			return fetch->headers[i].value;
	}
	return STR_NULL;
}

static struct http_fetch prepared(struct webhook_request request, const char *secret)
{
	struct account account = { .auth_token = STR("12345"), .webhook_secret = str_of(secret) };
	struct http_fetch fetch;

	assert_true(sid_parse(STR("AC00000000000000000000000000000001"), "AC", &account.sid));
	webhook_prepare(arena, &request, &account, &settings, &fetch);
	assert_str_equal(fetch.tenant, "AC00000000000000000000000000000001");
	return fetch;
}

/* Twilio's published example. */
static void test_a_form_is_signed_with_its_url_and_parameters(void **state)
{
	const struct webhook_request request = {
		.url = STR("https://mycompany.com/myapp.php?foo=1&bar=2"),
		.body = STR("CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309"
			    "&To=%2B18005551212"),
		.id = STR("token-1"),
		.max_answer = 4096,
	};
	const struct http_fetch fetch = prepared(request, "");

	(void)state;
	assert_true(fetch.post);
	assert_str_equal(fetch.url, "https://mycompany.com/myapp.php?foo=1&bar=2");
	assert_true(str_eq(fetch.body, request.body));
	assert_str_equal(fetch.content_type, "application/x-www-form-urlencoded; charset=UTF-8");
	assert_str_equal(header_of(&fetch, "X-Twilio-Signature"), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
	assert_str_equal(header_of(&fetch, "I-Twilio-Idempotency-Token"), "token-1");
	assert_str_equal(header_of(&fetch, "Accept"), "*/*");
	assert_int_equal(fetch.connect_ms, 5000);
	assert_int_equal(fetch.total_ms, 15000);
	assert_int_equal(fetch.max_body, 4096);
}

/* The vector of test_signature.c, of the npm package twilio: GET has no parameters beside the URL's. */
static void test_a_query_is_in_the_url_that_is_signed(void **state)
{
	struct webhook_request request = {
		.url = STR("https://example.com/hook"),
		.kind = WEBHOOK_QUERY,
		.body = STR("x=1"),
		.id = STR("t"),
	};
	struct http_fetch fetch = prepared(request, "");

	(void)state;
	assert_false(fetch.post);
	assert_str_equal(fetch.url, "https://example.com/hook?x=1");
	assert_int_equal(fetch.body.n, 0);
	assert_int_equal(fetch.content_type.n, 0);
	assert_str_equal(header_of(&fetch, "X-Twilio-Signature"), "6ww2fX0+fIJ+RoSMqrY858wGUu8=");

	request.url = STR("https://example.com/hook?a=b");
	fetch = prepared(request, "");
	assert_str_equal(fetch.url, "https://example.com/hook?a=b&x=1");
}

static void test_json_is_bound_to_the_url_by_its_digest(void **state)
{
	const struct webhook_request request = {
		.url = STR("https://example.com/hook"),
		.kind = WEBHOOK_JSON,
		.body = STR("{\"a\":1}"),
		.id = STR("t"),
	};
	const struct http_fetch fetch = prepared(request, "");

	(void)state;
	assert_true(fetch.post);
	assert_str_equal(fetch.url, "https://example.com/hook?bodySHA256="
				    "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862");
	assert_str_equal(fetch.body, "{\"a\":1}");
	assert_str_equal(fetch.content_type, "application/json; charset=utf-8");
	assert_str_equal(header_of(&fetch, "X-Twilio-Signature"), "2e7mH/NA6FwzvUqLZxhsETU/4bw=");
}

/* The example that the Standard Webhooks specification publishes. */
static void test_with_a_secret_it_is_signed_the_standard_way_too(void **state)
{
	struct webhook_request request = {
		.url = STR("https://example.com/hook"),
		.kind = WEBHOOK_JSON,
		.body = STR("{\"test\": 2432232314}"),
		.id = STR(ID),
		.now_s = 1614265330,
	};
	struct http_fetch fetch = prepared(request, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");

	(void)state;
	assert_str_equal(header_of(&fetch, "webhook-id"), ID);
	assert_str_equal(header_of(&fetch, "webhook-timestamp"), "1614265330");
	assert_str_equal(header_of(&fetch, "webhook-signature"),
			 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	assert_true(header_of(&fetch, "X-Twilio-Signature").n > 0);
}

/* Nothing that looks signed and is not. */
static void test_without_a_good_secret_these_headers_are_left_out(void **state)
{
	static const char *const secrets[] = { "", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_???" };
	const struct webhook_request request = { .url = STR("https://example.com/hook"), .id = STR(ID) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
		const struct http_fetch fetch = prepared(request, secrets[i]);

		assert_true(str_is_null(header_of(&fetch, "webhook-id")));
		assert_true(str_is_null(header_of(&fetch, "webhook-timestamp")));
		assert_true(str_is_null(header_of(&fetch, "webhook-signature")));
	}
}

static void test_is_signed_as_it_travels(void **state)
{
	static const char *const rows[][2] = {
		{ "http://a.example", "http://a.example/" },
		{ "http://a.example#rc=2", "http://a.example/" },
		{ "HTTP://u:p@a.example:80/x/../y?z#rc=2", "http://u:p@a.example:80/y?z" },
		{ "no URL#x", "no URL" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct webhook_request request = { .url = str_of(rows[i][0]), .id = STR(ID) };

		assert_str_equal(prepared(request, "").url, rows[i][1]);
		request.kind = WEBHOOK_QUERY;
		assert_str_equal(prepared(request, "").url, rows[i][1]);
	}
	assert_true(str_starts(prepared((struct webhook_request){ .url = STR("http://a.example#x"),
								  .kind = WEBHOOK_JSON,
								  .body = STR("{}"),
								  .id = STR(ID) },
					"")
				       .url,
			       STR("http://a.example/?bodySHA256=")));
}

static void test_sub_accounts_share_their_parents_turns(void **state)
{
	const struct webhook_request request = { .url = STR("https://example.com/hook"), .id = STR(ID) };
	struct account account = { .auth_token = STR("12345"), .webhook_secret = STR("") };
	struct http_fetch fetch;

	(void)state;
	account.sid = sid_new("AC");
	account.parent = sid_new("AC");
	webhook_prepare(arena, &request, &account, &settings, &fetch);
	assert_str_equal(fetch.tenant, account.parent.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_form_is_signed_with_its_url_and_parameters),
		cmocka_unit_test(test_a_query_is_in_the_url_that_is_signed),
		cmocka_unit_test(test_json_is_bound_to_the_url_by_its_digest),
		cmocka_unit_test(test_with_a_secret_it_is_signed_the_standard_way_too),
		cmocka_unit_test(test_without_a_good_secret_these_headers_are_left_out),
		cmocka_unit_test(test_is_signed_as_it_travels),
		cmocka_unit_test(test_sub_accounts_share_their_parents_turns),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
