/* token_mint.h - an access token, letter for letter as the twilio package would make it.  Pure.
 *
 * HS256, header cty "twilio-fpa;v=1", claims jti, grants, iat, exp, iss, sub. The jti is the
 * key's sid, the second, and 64 random bits: two tokens of one second are revoked one by one.
 */
#pragma once

#include "common/model/client_token.h"

enum { TOKEN_TTL_PRESET_S = 3600 };

struct token_order {
	struct sid account, key;
	struct str secret;               /* the key's */
	struct str identity;
	bool incoming;
	struct sid application;          /* outgoing; not set: none */
	const struct json *parameters;   /* outgoing: an object of strings, or NULL */
	const struct json *watch;        /* an array of patterns, or NULL */
	bool override;
	uint64_t issued_at_s, ttl_s;
};

struct minted_token {
	struct str text, id;
	uint64_t expires_at_s;
};

/* What is asked for, and whether it can be put into a token; key, secret and times are left alone. */
MUST_USE bool token_order_read(const struct json *body, struct token_order *out, struct json_fault *fault);

/* False: it would be longer than any token may be. */
MUST_USE bool token_mint(struct arena *arena, const struct token_order *order, struct minted_token *out);
