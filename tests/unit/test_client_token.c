/* test_client_token.c - tokens of the npm package twilio 6.2.0, and everything that is not quite one.
 *
 * The real ones (twilio_tokens.h) were made at NOW by the package itself; the others are signed here.
 */
#include "common/model/client_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "tests/unit/twilio_tokens.h"

#define NOW    UINT64_C(1795327627)
#define AC     "AC00000000000000000000000000000001"
#define SK     "SK00000000000000000000000000000002"
#define AP     "AP00000000000000000000000000000003"
#define ACCESS "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"cty\":\"twilio-fpa;v=1\"}"
#define LEGACY "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static const struct str key_secret = { "secret-of-the-key-0123456789abcd", 32 };
static const struct str auth_token = { "0123456789abcdef0123456789abcdef", 32 };
static const struct sid account = { AC };

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new(64 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static enum err check_at(struct str text, struct str secret, uint64_t now_s, struct client_token *out)
{
	struct client_token_draft draft;
	enum err err = client_token_read(arena, text, &draft);

	return err ? err : client_token_verify(arena, &draft, account, secret, now_s, out);
}

static enum err check(const char *text, struct client_token *out)
{
	return check_at(str_of(text), key_secret, NOW, out);
}

/* signs with what the header should mean, whatever it says */
static const char *forge(const char *header, const char *payload, enum crypto_hash hash, struct str secret)
{
	uint8_t mac[CRYPTO_MAC_MAX];
	const char *text;
	struct buf token;
	size_t len;

	buf_init(&token, 1 << 20);
	crypto_base64url(&token, str_of(header));
	buf_putc(&token, '.');
	crypto_base64url(&token, str_of(payload));
	len = crypto_hmac(hash, secret, buf_str(&token), mac);
	buf_putc(&token, '.');
	crypto_base64url(&token, str_n((const char *)mac, len));
	text = arena_cstr(arena, buf_str(&token));
	buf_fini(&token);
	return text;
}

static void assert_err(enum err got, enum err expected, const char *about)
{
	if (got != expected)
		fail_msg("%s: %s instead of %s", about, err_name(got), err_name(expected));
}

static void assert_str(struct str got, const char *expected)
{
	assert_string_equal(arena_cstr(arena, got), expected);
}

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
	assert_str(token.id, "");

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
	struct client_token token;
	struct buf bytes;
	struct str key;

	(void)state;
	buf_init(&bytes, 200);
	assert_true(crypto_base64url_decode(
		STR("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4h"
		    "cgUuTwjAzZr1Z9CAow"),
		&bytes));
	key = arena_copy(arena, buf_str(&bytes));
	buf_clear(&bytes);
	assert_true(crypto_base64url_decode(STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), &bytes));
	memcpy(draft.mac, bytes.p, bytes.n);
	draft.mac_len = bytes.n;
	buf_fini(&bytes);

	assert_err(client_token_verify(arena, &draft, account, key, NOW, &token), ERR_TOKEN_ISSUER,
		   "right signature");
	draft.mac[31] ^= 1;
	assert_err(client_token_verify(arena, &draft, account, key, NOW, &token), ERR_TOKEN_SIGNATURE,
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
	assert_err(check(forge(ACCESS, "{\"iss\":\"" SK "\",\"sub\":\"" AC "\"}", CRYPTO_SHA256, STR("")),
			 &token),
		   ERR_TOKEN_SIGNATURE, "signed with nothing");
	assert_err(check_at(str_of(forge(ACCESS, "{\"iss\":\"" SK "\"}", CRYPTO_SHA256, STR(""))), STR(""),
			    NOW, &token),
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
		assert_err(check(forge(cases[i].header, payload, CRYPTO_SHA256, key_secret), &token),
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
			assert_err(check(forge(header.p, payload, hashes[used], key_secret), &token),
				   named == used ? ERR_NONE : ERR_TOKEN_SIGNATURE, names[named]);
	}
	/* an access token's secret must not sign a capability token, nor the other way round */
	assert_err(check(forge(LEGACY, payload, CRYPTO_SHA256, key_secret), &token), ERR_TOKEN_ISSUER,
		   "no cty");
	assert_err(check(forge(ACCESS, "{\"iss\":\"" AC "\",\"exp\":1795331227}", CRYPTO_SHA256, auth_token),
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
	char *huge = arena_alloc(arena, CLIENT_TOKEN_MAX + 2);
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
	memset(huge, 'e', CLIENT_TOKEN_MAX + 1);
	memcpy(huge, real_hs256, sizeof(real_hs256) - 1);
	assert_err(check(huge, &token), ERR_TOKEN_INVALID, "too long");
}

/* -- claims --------------------------------------------------------------- */

struct claim_case {
	const char *claims; /* members beside iss and sub, or the whole payload when it starts with a brace */
	enum err err;
};

static void check_claims(const struct claim_case *cases, size_t n, const char *prefix, const char *header,
			 struct str secret)
{
	struct client_token token;

	for (size_t i = 0; i < n; i++) {
		struct str payload = cases[i].claims[0] == '{'
					     ? str_of(cases[i].claims)
					     : arena_printf(arena, "{%s,%s}", prefix, cases[i].claims);
		const char *text = forge(header, payload.p, CRYPTO_SHA256, secret);

		assert_err(check_at(str_of(text), secret, NOW, &token), cases[i].err, cases[i].claims);
	}
}

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
		text = forge(ACCESS, buf_cstr(&payload), CRYPTO_SHA256, key_secret);
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
		const char *text = forge(LEGACY, payload.p, CRYPTO_SHA256, auth_token);

		assert_err(check_at(str_of(text), auth_token, NOW, &token), ERR_NONE, cases[i].scope);
		assert_str(token.parameters, cases[i].parameters);
		assert_int_equal(client_token_may_watch(&token, STR("bob")), cases[i].sees_bob);
		assert_int_equal(client_token_may_watch(&token, STR("carol")), cases[i].sees_carol);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(test_times),
		TEST(test_issuer),
		TEST(test_grants),
		TEST(test_watch_count),
		TEST(test_scopes),
		TEST(test_scope_details),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
