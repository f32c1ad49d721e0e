/* test_client_token_pair.c - tokens signed with a private key: the registered public key decides, nothing in the token does.
 *
 * The tokens (signed_tokens.h) were made at NOW by node:crypto; what a claim says is tested with access tokens
 * (test_client_token.c) and from outside (tests/service/public_keys.test.mjs).
 */
#include "tests/unit/client_token_support.h"
#include "tests/unit/signed_tokens.h"

static const struct family {
	const char *algorithm, *pem, *token;
} families[] = {
	{ "RS256", rsa_pem, rsa_token },
	{ "ES256", p256_pem, p256_token },
	{ "EdDSA", ed25519_pem, ed25519_token },
};

static struct client_token_key key_of(const struct family *family)
{
	return (struct client_token_key){
		.sid = { SK },
		.algorithm = str_of(family->algorithm),
		.public_key = str_of(family->pem),
		.kid = STR("k"),
	};
}

static enum err check_with(struct str text, const struct client_token_key *key, uint64_t now_s,
			   struct client_token *out)
{
	struct client_token_draft draft;
	enum err err = client_token_read(arena, text, &draft);

	return err ? err : client_token_verify(arena, &draft, account, key, now_s, out);
}

static void test_accepted(void **state)
{
	struct client_token_draft draft;
	struct client_token token;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const struct client_token_key key = key_of(&families[i]);

		assert_err(client_token_read(arena, str_of(families[i].token), &draft), ERR_NONE, "read");
		assert_true(draft.is_access && draft.is_by_pair);
		assert_str(draft.kid, "k");
		assert_string_equal(draft.account.s, AC);
		assert_err(check_with(str_of(families[i].token), &key, NOW, &token), ERR_NONE,
			   families[i].algorithm);
		assert_string_equal(token.key.s, SK);
		assert_str(token.identity, "alice");
		assert_str(token.id, "j");
		assert_true(token.incoming);
		assert_int_equal(token.issued_at_s, NOW);
		assert_int_equal(token.expires_at_s, NOW + 3600);
		assert_err(check_with(str_of(families[i].token), &key, NOW + 3605, &token), ERR_TOKEN_EXPIRED,
			   "run out");
	}
}

static void test_every_byte_counts(void **state)
{
	struct client_token token;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const struct client_token_key key = key_of(&families[i]);
		char *text = arena_cstr(arena, str_of(families[i].token));
		const size_t n = strlen(text);

		for (size_t at = 0; at < n; at++) {
			assert_int_not_equal(check_with(str_n(text, at), &key, NOW, &token), ERR_NONE);
			text[at] ^= (char)(1 << at % 7);
			assert_int_not_equal(check_with(str_n(text, n), &key, NOW, &token), ERR_NONE);
			text[at] ^= (char)(1 << at % 7);
		}
		assert_err(check_with(str_n(text, n), &key, NOW, &token), ERR_NONE, "untouched again");
	}
}

/* A family's token with another family's key, whatever our record calls that one */
static void test_other_key(void **state)
{
	struct client_token token;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		for (size_t k = 0; k < ARRAY_LEN(families); k++) {
			struct client_token_key key = key_of(&families[k]);
			struct str text = str_of(families[i].token);

			assert_err(check_with(text, &key, NOW, &token), i == k ? ERR_NONE : ERR_TOKEN_HEADER,
				   families[k].algorithm);
			key.algorithm = str_of(families[i].algorithm);
			assert_err(check_with(text, &key, NOW, &token),
				   i == k ? ERR_NONE : ERR_TOKEN_SIGNATURE, families[k].pem);
		}
	}
}

/* The oldest trick: HS256 with the text of the public key as its secret */
static void test_public_key_as_secret(void **state)
{
	static const char payload[] = "{\"iss\":\"" SK "\",\"sub\":\"" AC "\",\"exp\":1795331227,"
				      "\"grants\":{\"identity\":\"alice\"}}";
	struct client_token token;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		struct client_token_key key = key_of(&families[i]);
		struct str text = str_of(jwt_forge(ACCESS, payload, CRYPTO_SHA256, str_of(families[i].pem)));

		assert_err(check_with(text, &key, NOW, &token), ERR_TOKEN_HEADER, "HS256 and a public key");
		/* nor with a record that lost its algorithm */
		key.algorithm = STR("");
		assert_err(check_with(text, &key, NOW, &token), ERR_TOKEN_SIGNATURE, "no secret");
		/* and a secret verifies no pair's token, even if it is a public key's text */
		key.secret = str_of(families[i].pem);
		assert_err(check_with(str_of(families[i].token), &key, NOW, &token), ERR_TOKEN_HEADER,
			   "a secret");
	}
}

/* What is refused before any key is looked for; the signatures are of no meaning then. */
static void test_header(void **state)
{
	static const struct {
		const char *header;
		enum err err;
	} cases[] = {
		{ "{\"alg\":\"EdDSA\",\"kid\":\"k\"}", ERR_NONE },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"typ\":\"JWT\",\"cty\":\"twilio-fpa;v=1\"}", ERR_NONE },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"jku\":\"https://evil.example\",\"jwk\":{}}", ERR_NONE },
		{ "{\"alg\":\"EdDSA\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"EdDSA\",\"kid\":null}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"EdDSA\",\"kid\":7}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"EdDSA\",\"kid\":[\"k\"]}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"a\\nb\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"a\\u007fb\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"kid\":\"l\"}", ERR_TOKEN_INVALID },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"crit\":[\"exp\"]}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"cty\":\"JWT\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"eddsa\",\"kid\":\"k\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"Ed25519\",\"kid\":\"k\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"RS384\",\"kid\":\"k\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"RS512\",\"kid\":\"k\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"PS256\",\"kid\":\"k\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"ES384\",\"kid\":\"k\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"ES256K\",\"kid\":\"k\"}", ERR_TOKEN_HEADER },
		{ "{\"alg\":\"none\",\"kid\":\"k\"}", ERR_TOKEN_HEADER },
	};
	static const char payload[] = "{\"sub\":\"" AC "\",\"exp\":1795331227}";
	struct client_token_draft draft;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *text = jwt_forge(cases[i].header, payload, CRYPTO_SHA256, key_secret);

		assert_err(client_token_read(arena, str_of(text), &draft), cases[i].err, cases[i].header);
	}
	for (int n = CLIENT_TOKEN_KID_MAX; n <= CLIENT_TOKEN_KID_MAX + 1; n++) {
		struct str header = arena_printf(arena, "{\"alg\":\"RS256\",\"kid\":\"%0*d\"}", n, 0);
		const char *text = jwt_forge(header.p, payload, CRYPTO_SHA256, key_secret);

		assert_err(client_token_read(arena, str_of(text), &draft),
			   n == CLIENT_TOKEN_KID_MAX ? ERR_NONE : ERR_TOKEN_HEADER, "a long kid");
	}
}

/* sub names the account in any case: there is no key to be found without it */
static void test_subject(void **state)
{
	static const char *const payloads[] = {
		"{\"exp\":1795331227}", "{\"sub\":null}",	  "{\"sub\":\"alice\"}",
		"{\"sub\":\"" SK "\"}", "{\"sub\":[\"" AC "\"]}",
	};
	struct client_token_draft draft;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
		const char *text = jwt_forge("{\"alg\":\"ES256\",\"kid\":\"k\"}", payloads[i], CRYPTO_SHA256,
					     key_secret);

		assert_err(client_token_read(arena, str_of(text), &draft), ERR_TOKEN_ISSUER, payloads[i]);
	}
}

/* The account is ours to say as well: a key of another account does not get a token in. */
static void test_account(void **state)
{
	const struct client_token_key key = key_of(&families[2]);
	struct client_token_draft draft;
	struct client_token token;

	(void)state;
	assert_err(client_token_read(arena, str_of(ed25519_token), &draft), ERR_NONE, "read");
	assert_err(client_token_verify(arena, &draft, (struct sid){ "AC00000000000000000000000000000009" },
				       &key, NOW, &token),
		   ERR_TOKEN_ISSUER, "another account");
}

/* The tokens say neither iss nor aud: what a key wants of them has to be there. */
static void test_expected_parties(void **state)
{
	struct client_token_key key = key_of(&families[2]);
	struct client_token token;

	(void)state;
	key.audience = STR("us");
	assert_err(check_with(str_of(ed25519_token), &key, NOW, &token), ERR_TOKEN_AUDIENCE, "aud");
	key.issuer = STR("https://login.example");
	assert_err(check_with(str_of(ed25519_token), &key, NOW, &token), ERR_TOKEN_ISSUER, "iss");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_accepted),  TEST(test_every_byte_counts),
		TEST(test_other_key), TEST(test_public_key_as_secret),
		TEST(test_header),    TEST(test_subject),
		TEST(test_account),   TEST(test_expected_parties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
