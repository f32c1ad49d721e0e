/* test_client_token.c - tokens of the npm package twilio 6.2.0, and everything that is not quite one.
 *
 * The real ones (twilio_tokens.h) were made at NOW by the package itself; the others are signed here.
 */
#include "tests/unit/client_token_support.h"
#include "tests/unit/twilio_tokens.h"

/* -- real tokens ---------------------------------------------------------- */

static void test_access(void **state)
{
	static const char *const tokens[] = { real_hs256, real_hs384, real_hs512 };
	struct client_token token;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
		uint8_t digest[CRYPTO_MAC_MAX];

		assert_err(check(tokens[i], &token), ERR_NONE, "a real token");
		assert_string_equal(token.account.s, AC);
		assert_string_equal(token.key.s, SK);
		assert_string_equal(token.application.s, AP);
		assert_str(token.identity, "alice");
		assert_str(token.parameters, "{\"foo\":\"bar\",\"n\":\"42\",\"f\":\"1.5\",\"b\":\"true\","
					     "\"\xc3\xbc\":\"\xc3\xa4 \\\"q\\\"\"}");
		assert_true(token.incoming);
		assert_false(token.override);
		assert_int_equal(token.n_watch, 0);
		assert_int_equal(token.expires_at_s, NOW + 3600);
		assert_str(token.id, SK "-1795327627");
		assert_int_equal(token.issued_at_s, NOW);
		crypto_digest(CRYPTO_SHA256, str_of(tokens[i]), digest);
		assert_memory_equal(token.sha256, digest, CRYPTO_SHA256_LEN);
	}
}

static void test_access_without_permissions(void **state)
{
	struct client_token token;

	(void)state;
	assert_err(check(real_empty_grant, &token), ERR_NONE, "empty grant");
	assert_str(token.identity, "alice");
	assert_false(token.incoming);
	assert_false(sid_is_set(token.application));
	assert_str(token.parameters, "{}");

	assert_err(check(real_no_grant, &token), ERR_NONE, "no grant");
	assert_str(token.identity, "support/tier1/bob");
	assert_false(token.incoming || token.override || sid_is_set(token.application) || token.n_watch);
}

static void test_presence_grant(void **state)
{
	static const struct {
		const char *identity;
		bool is_visible;
	} cases[] = {
		{ "alice", true },	   { "bob", true },    { "support/a", true },
		{ "support/a/b", true },   { "carol", false }, { "support", false },
		{ "supporters/x", false }, { "bobby", false }, { "", false },
		{ "sales/bob", false },
	};
	struct client_token token;

	(void)state;
	assert_err(check(real_presence, &token), ERR_NONE, "presence grant");
	assert_true(token.override);
	assert_int_equal(token.n_watch, 2);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(client_token_may_watch(&token, str_of(cases[i].identity)),
				 cases[i].is_visible);
}

static void assert_its_hash_is_its_id(const struct client_token *token)
{
	char hex[2 * CRYPTO_SHA256_LEN + 1];

	crypto_hex(str_n((const char *)token->sha256, sizeof(token->sha256)), hex);
	assert_str(token->id, hex);
}

static void test_capability(void **state)
{
	struct client_token token;

	(void)state;
	assert_err(check_at(str_of(real_capability), auth_token, NOW, &token), ERR_NONE, "capability");
	assert_string_equal(token.account.s, AC);
	assert_false(sid_is_set(token.key));
	assert_string_equal(token.application.s, AP);
	assert_str(token.identity, "alice");
	assert_true(token.incoming);
	assert_str(token.parameters, "{\"foo\":\"b r\",\"x\":\"1&2\"}");
	assert_true(client_token_may_watch(&token, STR("anybody")));
	assert_its_hash_is_its_id(&token);
	assert_int_equal(token.issued_at_s, NOW);

	assert_err(check_at(str_of(real_outgoing_only), auth_token, NOW, &token), ERR_NONE, "outgoing only");
	assert_str(token.identity, "");
	assert_false(token.incoming);
	assert_string_equal(token.application.s, AP);
	assert_true(client_token_may_watch(&token, STR("support/a")));
	assert_false(client_token_may_watch(&token, STR("anybody")));
	assert_false(client_token_may_watch(&token, STR("")));
}

/* RFC 7515, appendix A.1; its issuer is nobody here */
static void test_rfc7515(void **state)
{
	static const char text[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
				   "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvb"
				   "S9pc19yb290Ijp0cnVlfQ";
	struct client_token_draft draft = { .hash = CRYPTO_SHA256, .signed_part = str_of(text) };
	struct client_token_key key = { .sid = { SK } };
	struct client_token token;
	struct buf bytes;
	char *signature;

	(void)state;
	buf_init(&bytes, 200);
	assert_true(crypto_base64url_decode(
		STR("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4h"
		    "cgUuTwjAzZr1Z9CAow"),
		&bytes));
	key.secret = arena_copy(arena, buf_str(&bytes));
	buf_clear(&bytes);
	assert_true(crypto_base64url_decode(STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), &bytes));
	signature = arena_cstr(arena, buf_str(&bytes));
	draft.signature = str_n(signature, bytes.n);
	buf_fini(&bytes);

	assert_err(client_token_verify(arena, &draft, account, &key, NOW, &token), ERR_TOKEN_ISSUER,
		   "right signature");
	signature[31] ^= 1;
	assert_err(client_token_verify(arena, &draft, account, &key, NOW, &token), ERR_TOKEN_SIGNATURE,
		   "wrong one");
	assert_err(client_token_read(arena, arena_printf(arena, "%s.dBjf", text), &draft), ERR_TOKEN_ISSUER,
		   "joe");
}

/* -- what is refused ------------------------------------------------------ */

static void test_every_byte_counts(void **state)
{
	static const char *const tokens[] = { real_hs256, real_hs512, real_capability };
	struct client_token token;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
		struct str secret = tokens[i] == real_capability ? auth_token : key_secret;
		char *text = arena_cstr(arena, str_of(tokens[i]));
		size_t n = strlen(text);

		for (size_t at = 0; at < n; at++) {
			assert_int_not_equal(check_at(str_n(text, at), secret, NOW, &token), ERR_NONE);
			for (int bit = 0; bit < 8; bit++) {
				text[at] ^= (char)(1 << bit);
				assert_int_not_equal(check_at(str_n(text, n), secret, NOW, &token), ERR_NONE);
				text[at] ^= (char)(1 << bit);
			}
		}
		assert_err(check_at(str_n(text, n), secret, NOW, &token), ERR_NONE, "untouched again");
	}
}

static void test_wrong_secret(void **state)
{
	struct client_token token;

	(void)state;
	assert_err(check_at(str_of(real_hs256), auth_token, NOW, &token), ERR_TOKEN_SIGNATURE,
		   "another secret");
	assert_err(check_at(str_of(real_hs256), STR_NULL, NOW, &token), ERR_TOKEN_SIGNATURE, "no secret");
	assert_err(check(jwt_forge(ACCESS, "{\"iss\":\"" SK "\",\"sub\":\"" AC "\"}", CRYPTO_SHA256, STR("")),
			 &token),
		   ERR_TOKEN_SIGNATURE, "signed with nothing");
	assert_err(check_at(str_of(jwt_forge(ACCESS, "{\"iss\":\"" SK "\"}", CRYPTO_SHA256, STR(""))),
			    STR(""), NOW, &token),
		   ERR_TOKEN_SIGNATURE, "nothing is no secret");
	/* an expired one that is forged too is forged first of all */
	assert_err(check_at(str_of(real_hs256), auth_token, NOW + 9999, &token), ERR_TOKEN_SIGNATURE, "both");
}

static void test_header(void **state)
{
	static const struct {
		const char *header;
		enum err err;
	} cases[] = {
		{ ACCESS, ERR_NONE },
		{ "{\"alg\":\"HS256\",\"cty\":\"twilio-fpa;v=1\"}", ERR_NONE },
		{ "{\"alg\":\"HS256\",\"typ\":\"jwt\",\"cty\":\"twilio-fpa;v=1\",\"kid\":\"x\",\"twr\":"
		  "\"ie1\"}",
		  ERR_NONE },
		{ "{\"alg\":\"none\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"None\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"NONE\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"nOnE\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":null,\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":[\"HS256\"],\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"hs256\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"Alg\":\"HS256\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"HS256 \",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"HS1\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"RS256\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"ES256\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"HS256\",\"typ\":\"JWE\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"HS256\",\"typ\":1,\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"HS256\",\"cty\":\"twilio-fpa;v=2\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"HS256\",\"cty\":true}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"HS256\",\"cty\":\"twilio-fpa;v=1\",\"crit\":[\"exp\"]}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"HS256\",\"alg\":\"HS256\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_INVALID },
		{ "{\"alg\":\"none\",\"alg\":\"HS256\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_INVALID },
		{ "[\"HS256\"]", ERR_TOKEN_INVALID },
		{ "\"HS256\"", ERR_TOKEN_INVALID },
		{ "null", ERR_TOKEN_INVALID },
		{ "", ERR_TOKEN_INVALID },
		{ ACCESS " {}", ERR_TOKEN_INVALID },
		{ "{\"alg\":\"HS256\\u0000\",\"cty\":\"twilio-fpa;v=1\"}", ERR_TOKEN_INVALID },
	};
	static const char payload[] = "{\"iss\":\"" SK "\",\"sub\":\"" AC "\",\"exp\":1795331227,"
				      "\"grants\":{\"identity\":\"alice\"}}";
	struct client_token token;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_err(check(jwt_forge(cases[i].header, payload, CRYPTO_SHA256, key_secret), &token),
			   cases[i].err, cases[i].header);
}

/* the hash that was used has to be the one that the header names */
static void test_swapped_algorithm(void **state)
{
	static const char payload[] = "{\"iss\":\"" SK "\",\"sub\":\"" AC "\",\"exp\":1795331227,"
				      "\"grants\":{\"identity\":\"alice\"}}";
	static const char *const names[] = { "HS256", "HS384", "HS512" };
	static const enum crypto_hash hashes[] = { CRYPTO_SHA256, CRYPTO_SHA384, CRYPTO_SHA512 };
	struct client_token token;

	(void)state;
	for (size_t named = 0; named < 3; named++) {
		struct str header =
			arena_printf(arena, "{\"alg\":\"%s\",\"cty\":\"twilio-fpa;v=1\"}", names[named]);

		for (size_t used = 0; used < 3; used++)
			assert_err(check(jwt_forge(header.p, payload, hashes[used], key_secret), &token),
				   named == used ? ERR_NONE : ERR_TOKEN_SIGNATURE, names[named]);
	}
	/* an access token's secret must not sign a capability token, nor the other way round */
	assert_err(check(jwt_forge(LEGACY, payload, CRYPTO_SHA256, key_secret), &token), ERR_TOKEN_ISSUER,
		   "no cty");
	assert_err(check(jwt_forge(ACCESS, "{\"iss\":\"" AC "\",\"exp\":1795331227}", CRYPTO_SHA256,
				   auth_token),
			 &token),
		   ERR_TOKEN_ISSUER, "cty");
}

static void test_shape(void **state)
{
	static const char *const texts[] = { "",
					     ".",
					     "..",
					     "...",
					     "a.b",
					     "a.b.c.d",
					     "e30.e30.",
					     "e30.e30.e30.e30",
					     "e30=.e30.e30",
					     " e30.e30.e30",
					     "e30 .e30.e30" };
	struct client_token token;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		enum err err = check(texts[i], &token);

		assert_true(err == ERR_TOKEN_INVALID || err == ERR_TOKEN_HEADER);
	}
	assert_err(check_at(STR_NULL, key_secret, NOW, &token), ERR_TOKEN_INVALID, "nothing");
	assert_err(check_at(arena_printf(arena, "%s.e30", real_hs256), key_secret, NOW, &token),
		   ERR_TOKEN_INVALID, "four parts");
	assert_err(check_at(arena_printf(arena, "%sAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
					 real_hs256),
			    key_secret, NOW, &token),
		   ERR_TOKEN_INVALID, "a signature longer than any");
}

/* true in every other respect */
static void test_size(void **state)
{
	(void)state;
	for (int n = 5000; n <= 7000; n += 20) {
		struct str payload = arena_printf(arena,
						  "{\"iss\":\"" SK "\",\"sub\":\"" AC "\",\"exp\":1795331227,"
						  "\"grants\":{\"identity\":\"alice\"},\"jti\":\"%0*d\"}",
						  n, 0);
		struct str text = str_of(jwt_forge(ACCESS, payload.p, CRYPTO_SHA256, key_secret));
		struct client_token token;

		assert_err(check_at(text, key_secret, NOW, &token),
			   text.n > CLIENT_TOKEN_MAX ? ERR_TOKEN_INVALID : ERR_NONE, "size");
	}
}

/* -- claims --------------------------------------------------------------- */

#define ALICE "\"grants\":{\"identity\":\"alice\"}"

static void test_times(void **state)
{
	static const struct claim_case cases[] = {
		{ ALICE ",\"exp\":1795327628", ERR_NONE },
		{ ALICE ",\"exp\":1795327623", ERR_NONE },	    /* 4 s ago: skew */
		{ ALICE ",\"exp\":1795327622", ERR_TOKEN_EXPIRED }, /* 5 s ago */
		{ ALICE ",\"exp\":0", ERR_TOKEN_EXPIRED },
		{ ALICE ",\"exp\":-1", ERR_TOKEN_INVALID },
		{ ALICE, ERR_TOKEN_INVALID },
		{ ALICE ",\"exp\":null", ERR_TOKEN_INVALID },
		{ ALICE ",\"exp\":\"1795331227\"", ERR_TOKEN_INVALID },
		{ ALICE ",\"exp\":1795331227.5", ERR_TOKEN_INVALID },
		{ ALICE ",\"exp\":true", ERR_TOKEN_INVALID },
		{ ALICE ",\"exp\":1e300", ERR_TOKEN_INVALID },
		{ ALICE ",\"exp\":1795331227,\"exp\":1795331227", ERR_TOKEN_INVALID },
		{ ALICE ",\"exp\":1795331227,\"nbf\":1795327632", ERR_NONE },
		{ ALICE ",\"exp\":1795331227,\"nbf\":1795327633", ERR_TOKEN_NOT_YET },
		{ ALICE ",\"exp\":1795331227,\"nbf\":\"now\"", ERR_TOKEN_INVALID },
		{ ALICE ",\"exp\":1795331227,\"iat\":[]", ERR_TOKEN_INVALID },
		/* 24 hours from iat, else from nbf, else from now */
		{ ALICE ",\"exp\":1795414027", ERR_NONE },
		{ ALICE ",\"exp\":1795414028", ERR_TOKEN_LIFETIME },
		{ ALICE ",\"exp\":1795414027,\"iat\":1795327627", ERR_NONE },
		{ ALICE ",\"exp\":1795414027,\"iat\":1795327626", ERR_TOKEN_LIFETIME },
		{ ALICE ",\"exp\":1795414027,\"nbf\":1795327627", ERR_NONE },
		{ ALICE ",\"exp\":1795414027,\"nbf\":1795327626", ERR_TOKEN_LIFETIME },
		{ ALICE ",\"exp\":1795414027,\"iat\":1795327627,\"nbf\":1795327000", ERR_NONE },
		{ ALICE ",\"exp\":1795331227,\"iat\":0", ERR_TOKEN_LIFETIME },
		{ ALICE ",\"exp\":9007199254740991", ERR_TOKEN_LIFETIME },
		/* a clock that is a little fast may mint for a whole day, one that is far ahead may not */
		{ ALICE ",\"exp\":1795414030,\"iat\":1795327630", ERR_NONE },
		{ ALICE ",\"exp\":1795500000,\"iat\":1795413700", ERR_TOKEN_LIFETIME },
	};
	struct client_token token;

	(void)state;
	check_claims(cases, ARRAY_LEN(cases), "\"iss\":\"" SK "\",\"sub\":\"" AC "\"", ACCESS, key_secret);
	assert_err(check(real_day, &token), ERR_NONE, "a day");
	assert_err(check(real_25_hours, &token), ERR_TOKEN_LIFETIME, "25 hours");
	assert_err(check_at(str_of(real_hs256), key_secret, NOW + 3604, &token), ERR_NONE, "just run out");
	assert_err(check_at(str_of(real_hs256), key_secret, NOW + 3605, &token), ERR_TOKEN_EXPIRED,
		   "run out");
}

/* what a revocation goes by: when it was issued, and its id */
static void test_issued_at_and_id(void **state)
{
#define REST "\"sub\":\"" AC "\",\"exp\":1795331227," ALICE
	static const struct {
		const char *claims;
		uint64_t issued_at_s;
		bool has_id;
	} cases[] = {
		{ "\"iat\":1795327600,\"jti\":\"j\"", 1795327600, true },
		{ "\"iat\":1795327632,\"jti\":\"j\"", 1795327632, true }, /* within the skew */
		{ "\"iat\":1795327633,\"jti\":\"j\"", 0, true },
		{ "\"nbf\":1795327600,\"jti\":\"\"", 0, false },
	};
	struct client_token token;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str payload = arena_printf(arena, "{\"iss\":\"" SK "\"," REST ",%s}", cases[i].claims);

		assert_err(check(jwt_forge(ACCESS, payload.p, CRYPTO_SHA256, key_secret), &token), ERR_NONE,
			   cases[i].claims);
		assert_int_equal(token.issued_at_s, cases[i].issued_at_s);
		if (cases[i].has_id)
			assert_str(token.id, "j");
		else
			assert_its_hash_is_its_id(&token);
	}
	for (int n = CLIENT_TOKEN_ID_MAX; n <= CLIENT_TOKEN_ID_MAX + 1; n++) {
		struct str payload =
			arena_printf(arena, "{\"iss\":\"" SK "\"," REST ",\"jti\":\"%0*d\"}", n, 0);

		assert_err(check(jwt_forge(ACCESS, payload.p, CRYPTO_SHA256, key_secret), &token), ERR_NONE,
			   "a long id");
		assert_int_equal(token.id.n, n == CLIENT_TOKEN_ID_MAX ? n : 2 * CRYPTO_SHA256_LEN);
	}
#undef REST
}

static void test_issuer(void **state)
{
#define REST "\"exp\":1795331227," ALICE "}"
	static const struct claim_case access[] = {
		{ "{\"iss\":\"" SK "\",\"sub\":\"" AC "\"," REST, ERR_NONE },
		{ "{\"iss\":\"" SK "\",\"sub\":\"AC00000000000000000000000000000009\"," REST,
		  ERR_TOKEN_ISSUER },
		{ "{\"iss\":\"" SK "\"," REST, ERR_TOKEN_ISSUER },
		{ "{\"iss\":\"" SK "\",\"sub\":\"\"," REST, ERR_TOKEN_ISSUER },
		{ "{\"iss\":\"" SK "\",\"sub\":1," REST, ERR_TOKEN_ISSUER },
		{ "{\"sub\":\"" AC "\"," REST, ERR_TOKEN_ISSUER },
		{ "{\"iss\":\"" AC "\",\"sub\":\"" AC "\"," REST, ERR_TOKEN_ISSUER },
		{ "{\"iss\":\"SK0000000000000000000000000000000\",\"sub\":\"" AC "\"," REST,
		  ERR_TOKEN_ISSUER },
		{ "{\"iss\":\"SK0000000000000000000000000000000Z\",\"sub\":\"" AC "\"," REST,
		  ERR_TOKEN_ISSUER },
		{ "{\"iss\":[\"" SK "\"],\"sub\":\"" AC "\"," REST, ERR_TOKEN_ISSUER },
		{ "{\"iss\":\"" SK "\",\"sub\":\"" AC "\",\"jti\":7," REST, ERR_TOKEN_INVALID },
	};
	static const struct claim_case legacy[] = {
		{ "{\"iss\":\"" AC "\",\"scope\":\"\",\"exp\":1795331227}", ERR_NONE },
		{ "{\"iss\":\"AC00000000000000000000000000000009\",\"scope\":\"\",\"exp\":1795331227}",
		  ERR_TOKEN_ISSUER },
		{ "{\"iss\":\"" SK "\",\"scope\":\"\",\"exp\":1795331227}", ERR_TOKEN_ISSUER },
		{ "{\"scope\":\"\",\"exp\":1795331227}", ERR_TOKEN_ISSUER },
	};
#undef REST

	(void)state;
	check_claims(access, ARRAY_LEN(access), "", ACCESS, key_secret);
	check_claims(legacy, ARRAY_LEN(legacy), "", LEGACY, auth_token);
}

/* two accounts that are not known are not the same one */
static void test_no_account(void **state)
{
	const char *text = jwt_forge(ACCESS, "{\"iss\":\"" SK "\",\"exp\":1795331227," ALICE "}",
				     CRYPTO_SHA256, key_secret);
	const struct client_token_key key = { .sid = { SK }, .secret = key_secret };
	struct client_token_draft draft;
	struct client_token token;

	(void)state;
	assert_err(client_token_read(arena, str_of(text), &draft), ERR_NONE, "no sub");
	assert_err(client_token_verify(arena, &draft, (struct sid){ "" }, &key, NOW, &token),
		   ERR_TOKEN_ISSUER, "no account");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_access),
		TEST(test_access_without_permissions),
		TEST(test_presence_grant),
		TEST(test_capability),
		TEST(test_rfc7515),
		TEST(test_every_byte_counts),
		TEST(test_wrong_secret),
		TEST(test_header),
		TEST(test_swapped_algorithm),
		TEST(test_shape),
		TEST(test_size),
		TEST(test_times),
		TEST(test_issued_at_and_id),
		TEST(test_issuer),
		TEST(test_no_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
