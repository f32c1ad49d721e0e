/* fuzz_client_token.c - tokens as they arrive, and tokens whose signature is right.
 *
 * Input that starts with "!" is a header line and a payload, signed here, so that
 * the fuzzer gets behind the signature; anything else is a token's text.  No token
 * is good for two keys.
 */
#include "common/model/client_token.h"
#include "tests/unit/signed_tokens.h"

#define ACCOUNT "AC00000000000000000000000000000001"
#define KEY	"SK00000000000000000000000000000002"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* the shared secret, and a public key of each sort; corpus/client_token has a good token for each */
static const struct client_token_key keys[] = {
	{ .sid = { KEY }, .secret = { "secret-of-the-key-0123456789abcd", 32 } },
	{ .sid = { KEY }, .algorithm = { "RS256", 5 }, .public_key = { rsa_pem, sizeof(rsa_pem) - 1 } },
	{ .sid = { KEY }, .algorithm = { "ES256", 5 }, .public_key = { p256_pem, sizeof(p256_pem) - 1 } },
	{ .sid = { KEY },
	  .algorithm = { "EdDSA", 5 },
	  .public_key = { ed25519_pem, sizeof(ed25519_pem) - 1 } },
};

static void put_signed(struct buf *out, struct str payload)
{
	uint8_t mac[CRYPTO_MAC_MAX];
	struct str header;
	size_t len;

	if (!str_split(&payload, '\n', &header))
		return;
	crypto_base64url(out, header);
	buf_putc(out, '.');
	crypto_base64url(out, payload);
	len = crypto_hmac(CRYPTO_SHA256, keys[0].secret, buf_str(out), mac);
	buf_putc(out, '.');
	crypto_base64url(out, str_n((const char *)mac, len));
}

static void check_result(const struct client_token *token)
{
	struct json *parameters;

	INVARIANT(token->identity.n == 0 || identity_is_valid(token->identity));
	INVARIANT(token->identity.n == 0 || client_token_may_watch(token, token->identity));
	INVARIANT(!token->incoming || token->identity.n > 0);
	INVARIANT(token->n_watch <= CLIENT_TOKEN_WATCH_MAX);
	INVARIANT(token->id.n > 0 && token->id.n <= CLIENT_TOKEN_ID_MAX && !str_has_ctl(token->id));
	INVARIANT(json_parse(token->parameters, &parameters, NULL) == ERR_NONE && json_is_object(parameters));
	json_free(parameters);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n((const char *)data, size);
	struct arena *arena = arena_new(8 << 20);
	struct client_token_draft draft;
	struct client_token token;
	struct buf forged;

	buf_init(&forged, 1 << 20);
	if (str_starts(text, STR("!"))) {
		put_signed(&forged, str_skip(text, 1));
		text = buf_str(&forged);
	}
	if (client_token_read(arena, text, &draft) == ERR_NONE) {
		size_t n = 0;

		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			if (client_token_verify(arena, &draft, (struct sid){ ACCOUNT }, &keys[i], 1795327627,
						&token))
				continue;
			check_result(&token);
			n++;
		}
		INVARIANT(n <= 1);
	}
	buf_fini(&forged);
	arena_free(arena);
	return 0;
}
