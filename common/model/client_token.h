/* client_token.h - what a client's JWT says, and whether it is true.  Pure.
 *
 * Access tokens (header cty "twilio-fpa;v=1") signed with an API key's secret,
 * and legacy capability tokens signed with the account's auth token, as the
 * twilio packages make them (RFC 7515, RFC 7519); and tokens with an access
 * token's claims signed with a private key, whose public half the account has
 * registered: header kid names it, sub the account.
 *
 * The order is fixed: shape and algorithm, then the key by our own records, then
 * the signature, only then any claim.  The algorithm belongs to the key: a shared
 * secret takes HS256, HS384 and HS512, a public key its own one, nothing else.
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/crypto.h"
#include "common/base/err.h"
#include "common/base/json.h"
#include "common/base/sid.h"
#include "common/model/keys.h"

enum { CLIENT_TOKEN_MAX = 8192, CLIENT_TOKEN_LIFETIME_MAX_S = 24 * 3600, CLIENT_TOKEN_SKEW_S = 5, CLIENT_TOKEN_WATCH_MAX = 64 };
enum { CLIENT_TOKEN_ID_MAX = 128, CLIENT_TOKEN_KID_MAX = 128 };      /* bytes */

struct client_token {
	struct sid account;
	struct sid key;                  /* not set: a capability token */
	uint32_t signer;                 /* of a capability token: which auth token signed it, see auth_token_mark */
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

/* Who may have made a token, by our records. */
struct client_token_key {
	struct sid sid;                  /* SK..; not set: the account's auth token */
	struct str secret;               /* shared; empty: none */
	struct str algorithm;            /* of a public key: client_token_algorithm(); empty: it is none */
	struct str public_key;           /* PEM */
	struct str kid;                  /* its other name; may be empty */
	struct str issuer;               /* of a public key; what iss has to be; empty: absent, sid or kid */
	struct str audience;             /* of a public key; what aud has to hold; empty: anything */
};

struct client_token_draft {          /* read, not believed */
	bool is_access;
	bool is_by_pair;                 /* signed with a private key */
	enum crypto_pair pair;           /* then */
	struct str kid;                  /* then: the key's sid, or its own name */
	enum crypto_hash hash;           /* else */
	struct sid issuer;               /* else: SK.. of an access token, AC.. of a capability token */
	struct sid account;              /* sub of an access token (may be unset), iss of a capability token */
	struct str signed_part;
	struct str payload;              /* JSON text */
	struct str signature;
	uint8_t sha256[CRYPTO_SHA256_LEN];
};

/* TOKEN_INVALID, TOKEN_HEADER or TOKEN_ISSUER (no issuer to look the key up by). */
MUST_USE enum err client_token_read(struct arena *arena, struct str text, struct client_token_draft *out);

/* key and account come from our records.  TOKEN_HEADER (not the key's algorithm) and TOKEN_SIGNATURE before
 * anything else, then TOKEN_ISSUER, TOKEN_AUDIENCE, TOKEN_EXPIRED, TOKEN_NOT_YET, TOKEN_LIFETIME, TOKEN_GRANTS. */
MUST_USE enum err client_token_verify(struct arena *arena, const struct client_token_draft *draft, struct sid account,
                                      const struct client_token_key *key, uint64_t now_s, struct client_token *out);

/* As tokens and records name it: "RS256", "ES256", "EdDSA". */
struct str client_token_algorithm(enum crypto_pair pair);

/* One identity, a directory ("support/" and a star), or a star for everybody. */
bool client_token_pattern_is_valid(struct str pattern);

/* What one pattern says of an identity, and of all that start so. */
bool client_token_pattern_permits(struct str pattern, struct str identity);
bool client_token_pattern_covers(struct str pattern, struct str prefix);

/* May this token watch (read) that identity?  Its own always. */
bool client_token_may_watch(const struct client_token *token, struct str identity);
/* And everybody whose name starts so, whoever that may become?  "" is everybody. */
bool client_token_may_watch_prefix(const struct client_token *token, struct str prefix);
