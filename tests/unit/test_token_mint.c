/* test_token_mint.c - what is minted is what we would accept, and says what was asked for; what cannot be is refused by name. */
#include "tests/unit/client_token_support.h"

#include "common/model/token_mint.h"

static struct token_order order_of(const char *text, struct json **body)
{
	struct token_order order = {
		.issued_at_s = NOW, .account = { AC }, .key = { SK }, .secret = key_secret
	};
	struct json_fault fault;

	assert_err(json_parse(str_of(text), body, NULL), ERR_NONE, text);
	if (!token_order_read(*body, &order, &fault))
		fail_msg("%s: %s %s", text, fault.field, fault.why);
	return order;
}

static struct client_token minted(const char *text, struct minted_token *out)
{
	struct client_token token;
	struct json *body;
	const struct token_order order = order_of(text, &body);

	assert_true(token_mint(arena, &order, out));
	assert_err(check_at(out->text, key_secret, NOW, &token), ERR_NONE, text);
	json_free(body);
	return token;
}

static void test_what_is_minted(void **state)
{
	struct minted_token one, two;
	struct client_token token = minted("{\"identity\":\"support/a\"}", &one);

	(void)state;
	assert_str(token.identity, "support/a");
	assert_true(token.incoming);
	assert_false(token.override || sid_is_set(token.application) || token.n_watch);
	assert_int_equal(token.expires_at_s, NOW + TOKEN_TTL_PRESET_S);
	assert_int_equal(one.expires_at_s, NOW + TOKEN_TTL_PRESET_S);
	assert_int_equal(token.issued_at_s, NOW);
	assert_true(str_eq(token.id, one.id));
	assert_true(str_starts(one.id, STR(SK "-1795327627-")));

	token = minted("{\"identity\":\"bob\",\"ttl\":86400,\"incoming\":false,\"override\":true,\"watch\":"
		       "[\"support/*\",\"carol\"],\"outgoing\":{\"application_sid\":\"" AP
		       "\",\"parameters\":{\"a\":\"\xc3\xa4 \\\"\"}}}",
		       &two);
	assert_false(token.incoming);
	assert_true(token.override);
	assert_string_equal(token.application.s, AP);
	assert_str(token.parameters, "{\"a\":\"\xc3\xa4 \\\"\"}");
	assert_int_equal(token.n_watch, 2);
	assert_int_equal(token.expires_at_s, NOW + 86400);

	token = minted("{\"identity\":\"bob\",\"watch\":[\"*\"],\"outgoing\":{\"application_sid\":\"" AP
		       "\"}}",
		       &two);
	assert_true(client_token_may_watch(&token, STR("anybody")));
	assert_str(token.parameters, "{}");
	assert_false(str_eq(one.id, two.id));
}

static void test_refused(void **state)
{
#define BOB "\"identity\":\"bob\","
	static const struct {
		const char *body, *field;
	} cases[] = {
		{ "{}", "identity" },
		{ "{\"identity\":\"\"}", "identity" },
		{ "{\"identity\":\"a b\"}", "identity" },
		{ "{\"identity\":\"support/*\"}", "identity" },
		{ "{\"identity\":7}", "identity" },
		{ "{" BOB "\"ttl\":0}", "ttl" },
		{ "{" BOB "\"ttl\":86401}", "ttl" },
		{ "{" BOB "\"ttl\":\"60\"}", "ttl" },
		{ "{" BOB "\"incoming\":\"yes\"}", "incoming" },
		{ "{" BOB "\"override\":1}", "override" },
		{ "{" BOB "\"outgoing\":true}", "outgoing" },
		{ "{" BOB "\"outgoing\":{}}", "outgoing.application_sid" },
		{ "{" BOB "\"outgoing\":{\"application_sid\":\"" SK "\"}}", "outgoing.application_sid" },
		{ "{" BOB "\"outgoing\":{\"application_sid\":\"" AP "\",\"parameters\":[]}}",
		  "outgoing.parameters" },
		{ "{" BOB "\"outgoing\":{\"application_sid\":\"" AP "\",\"parameters\":{\"n\":7}}}",
		  "outgoing.parameters" },
		{ "{" BOB "\"watch\":\"*\"}", "watch" },
		{ "{" BOB "\"watch\":[7]}", "watch" },
		{ "{" BOB "\"watch\":[\"\"]}", "watch" },
		{ "{" BOB "\"watch\":[\"sup*\"]}", "watch" },
		{ "{" BOB "\"watch\":[\"*/a\"]}", "watch" },
	};
#undef BOB

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct token_order order = { .issued_at_s = NOW };
		struct json_fault fault = { .missing = false };
		struct json *body;

		assert_err(json_parse(str_of(cases[i].body), &body, NULL), ERR_NONE, cases[i].body);
		if (token_order_read(body, &order, &fault))
			fail_msg("%s is taken", cases[i].body);
		assert_string_equal(fault.field, cases[i].field);
		json_free(body);
	}
}

/* As long as a token may be is fine, and accepted; a byte more is not made. */
static void test_size(void **state)
{
	size_t longest = 0;

	(void)state;
	for (int n = 5000; n <= 6200; n += 7) {
		struct str text = arena_printf(arena,
					       "{\"identity\":\"bob\",\"outgoing\":{\"application_sid\":\"" AP
					       "\",\"parameters\":{\"x\":\"%0*d\"}}}",
					       n, 0);
		struct json *body;
		const struct token_order order = order_of(text.p, &body);
		struct minted_token out;
		struct client_token token;

		if (token_mint(arena, &order, &out)) {
			assert_err(check_at(out.text, key_secret, NOW, &token), ERR_NONE, "a long one");
			assert_true(out.text.n > longest);
			longest = out.text.n;
		} else {
			assert_true(longest > CLIENT_TOKEN_MAX - 64);
		}
		json_free(body);
	}
	assert_true(longest > CLIENT_TOKEN_MAX - 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_what_is_minted), TEST(test_refused), TEST(test_size) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
