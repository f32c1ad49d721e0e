/* client_token.h - what a client's JWT says, and whether it is true.  Pure.
 *
 * Access tokens (header cty "twilio-fpa;v=1") signed with an API key's secret,
 * and legacy capability tokens signed with the account's auth token, as the
 * twilio packages make them (RFC 7515, RFC 7519).  The order is fixed: shape and
 * algorithm, then the key by our own records, then the signature in constant
 * time, only then any claim.  The algorithm family belongs to the key: a shared
 * secret takes HS256, HS384 and HS512, nothing else.
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/crypto.h"
#include "common/base/err.h"
#include "common/base/json.h"
#include "common/base/sid.h"
#include "common/model/keys.h"

enum { CLIENT_TOKEN_MAX = 8192, CLIENT_TOKEN_LIFETIME_MAX_S = 24 * 3600, CLIENT_TOKEN_SKEW_S = 5, CLIENT_TOKEN_WATCH_MAX = 64 };
enum { CLIENT_TOKEN_ID_MAX = 128 };      /* bytes */

struct client_token {
	struct sid account;
	struct sid key;                  /* not set: a capability token */
	struct sid application;          /* outgoing; not set: no outgoing permission */
	struct str identity;             /* empty: none (a capability token without a client name) */
	struct str parameters;           /* outgoing, fixed: JSON object of strings, "{}" when none */
	struct str watch[CLIENT_TOKEN_WATCH_MAX];    /* identities; "*" at the end stands for any rest: a whole directory, or everybody */
	size_t n_watch;
	bool incoming;
	bool override;
	uint64_t expires_at_s;
	uint64_t issued_at_s;            /* iat; 0: not stated, or in the future, so nobody knows */
	struct str id;                   /* jti; sha256 in hex where that is absent, too long or not printable.  An issuer may use one twice */
	uint8_t sha256[CRYPTO_SHA256_LEN];
};

struct client_token_draft {          /* read, not believed */
	enum crypto_hash hash;
	bool is_access;
	struct sid issuer;               /* SK.. of an access token, AC.. of a capability token */
	struct sid account;              /* sub of an access token (may be unset), iss of a capability token */
	struct str signed_part;
	struct str payload;              /* JSON text */
	uint8_t mac[CRYPTO_MAC_MAX];
	size_t mac_len;
	uint8_t sha256[CRYPTO_SHA256_LEN];
};

/* TOKEN_INVALID, TOKEN_HEADER or TOKEN_ISSUER (no issuer to look the key up by). */
MUST_USE enum err client_token_read(struct arena *arena, struct str text, struct client_token_draft *out);

/* secret and account come from our records.  TOKEN_SIGNATURE before anything else,
 * then TOKEN_ISSUER, TOKEN_EXPIRED, TOKEN_NOT_YET, TOKEN_LIFETIME, TOKEN_GRANTS. */
MUST_USE enum err client_token_verify(struct arena *arena, const struct client_token_draft *draft, struct sid account,
                                      struct str secret, uint64_t now_s, struct client_token *out);

/* May this token watch (read) that identity?  Its own always. */
bool client_token_may_watch(const struct client_token *token, struct str identity);
