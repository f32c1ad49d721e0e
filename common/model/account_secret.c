/* account_secret.c - the secrets that are made here. */
#include "common/model/account.h"

enum { AUTH_TOKEN_BYTES = 16, WEBHOOK_SECRET_BYTES = 24, WEBHOOK_SECRET_BYTES_MAX = 64 };

struct str account_auth_token_new(struct arena *arena)
{
	uint8_t bytes[AUTH_TOKEN_BYTES];
	char hex[2 * AUTH_TOKEN_BYTES + 1];
	struct str token;

	crypto_random(bytes, sizeof(bytes));
	crypto_hex(str_n((const char *)bytes, sizeof(bytes)), hex);
	token = arena_copy(arena, str_of(hex));
	crypto_wipe(bytes, sizeof(bytes));
	crypto_wipe(hex, sizeof(hex));
	return token;
}

struct str account_webhook_secret_new(struct arena *arena)
{
	uint8_t bytes[WEBHOOK_SECRET_BYTES];
	struct buf text;
	struct str secret;

	crypto_random(bytes, sizeof(bytes));
	buf_init(&text, 64);
	buf_puts(&text, WEBHOOK_SECRET_PREFIX);
	crypto_base64(&text, str_n((const char *)bytes, sizeof(bytes)));
	secret = arena_copy(arena, buf_str(&text));
	crypto_wipe(text.p, text.n);
	buf_fini(&text);
	crypto_wipe(bytes, sizeof(bytes));
	return secret;
}

bool account_webhook_secret_is_valid(struct str secret)
{
	const struct str prefix = STR(WEBHOOK_SECRET_PREFIX);
	struct buf bytes;
	bool is_fine;

	buf_init(&bytes, WEBHOOK_SECRET_BYTES_MAX);
	is_fine = str_starts(secret, prefix) && crypto_base64_decode(str_skip(secret, prefix.n), &bytes) &&
		  buf_ok(&bytes) && bytes.n >= WEBHOOK_SECRET_BYTES;
	if (bytes.p)
		crypto_wipe(bytes.p, bytes.n);
	buf_fini(&bytes);
	return is_fine;
}
