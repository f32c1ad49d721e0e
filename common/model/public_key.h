/* public_key.h - public keys as customers give them: PEM, a JWK, or a JWK set (RFC 7517, RFC 8037).  Pure.
 *
 * Taken are RSA of 2048 bits and more (RS256), P-256 (ES256) and Ed25519 (EdDSA).
 * A private key is refused before anything else of it is looked at.
 */
#pragma once

#include "common/base/arena.h"
#include "common/base/crypto.h"
#include "common/base/json.h"

enum { PUBLIC_KEYS_MAX = 16 };           /* in one request */

struct public_key {
	enum crypto_pair pair;
	struct str pem;                  /* as we write it */
	struct str kid;                  /* STR_NULL: it was given none */
};

/* body: exactly one of "pem", "jwk", "jwks"; and "kid", which names the only key.  On false *fault
 * names the member: "jwks.keys[1].crv". */
MUST_USE bool public_keys_read(struct arena *arena, const struct json *body, struct public_key out[PUBLIC_KEYS_MAX],
                               size_t *n, struct json_fault *fault);
