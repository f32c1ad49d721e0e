/* client_token_support.h - what both tests of client tokens share: signing, checking, tables of claims. */
#pragma once

#include "common/model/client_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define NOW UINT64_C(1795327627)
#define AC  "AC00000000000000000000000000000001"
#define SK  "SK00000000000000000000000000000002"
#define AP  "AP00000000000000000000000000000003"

static const struct str key_secret = { "secret-of-the-key-0123456789abcd", 32 };
static const struct str auth_token = { "0123456789abcdef0123456789abcdef", 32 };
static const struct sid account = { AC };

/* headers of the two kinds */
#define ACCESS "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"cty\":\"twilio-fpa;v=1\"}"
#define LEGACY "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static struct arena *arena;

static inline int setup(void **state)
{
	(void)state;
	arena = arena_new(64 << 20);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static inline enum err check_at(struct str text, struct str secret, uint64_t now_s, struct client_token *out)
{
	const struct client_token_key key = { .sid = { SK }, .secret = secret };
	struct client_token_draft draft;
	enum err err = client_token_read(arena, text, &draft);

	return err ? err : client_token_verify(arena, &draft, account, &key, now_s, out);
}

static inline enum err check(const char *text, struct client_token *out)
{
	return check_at(str_of(text), key_secret, NOW, out);
}

static inline void assert_err(enum err got, enum err expected, const char *about)
{
	if (got != expected)
		fail_msg("%s: %s instead of %s", about, err_name(got), err_name(expected));
}

static inline void assert_str(struct str got, const char *expected)
{
	assert_string_equal(arena_cstr(arena, got), expected);
}

/* signs with `hash`, whatever the header says */
static inline const char *jwt_forge(const char *header, const char *payload, enum crypto_hash hash,
				    struct str secret)
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

struct claim_case {
	const char *claims; /* members beside iss and sub, or the whole payload when it starts with a brace */
	enum err err;
};

static inline void check_claims(const struct claim_case *cases, size_t n, const char *prefix,
				const char *header, struct str secret)
{
	struct client_token token;

	for (size_t i = 0; i < n; i++) {
		struct str payload = cases[i].claims[0] == '{'
					     ? str_of(cases[i].claims)
					     : arena_printf(arena, "{%s,%s}", prefix, cases[i].claims);
		const char *text = jwt_forge(header, payload.p, CRYPTO_SHA256, secret);

		assert_err(check_at(str_of(text), secret, NOW, &token), cases[i].err, cases[i].claims);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
