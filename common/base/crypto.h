/* crypto.h - digests, MACs, sealing, randomness.                   (OpenSSL inside)
 *
 * Every comparison of secrets goes through crypto_equal.  Sealed text is
 * AES-256-GCM with a random 96-bit nonce: base64url(nonce | ciphertext | tag).
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

enum { CRYPTO_KEY_LEN = 32, CRYPTO_SHA1_LEN = 20, CRYPTO_SHA256_LEN = 32, CRYPTO_MAC_MAX = 64 };

/* Signatures that a public key verifies.  (crypto_public.c) */
enum crypto_pair {
	CRYPTO_RSA,                      /* 2048 to 8192 bits; PKCS #1 v1.5 with SHA-256: RS256 */
	CRYPTO_P256,                     /* SHA-256, r and s as 64 bytes: ES256 */
	CRYPTO_ED25519,                  /* EdDSA */
};
enum { CRYPTO_PUBLIC_TEXT_MAX = 8192, CRYPTO_SIGNATURE_MAX = 1024, CRYPTO_P256_LEN = 32, CRYPTO_ED25519_LEN = 32 };

enum crypto_hash { CRYPTO_SHA1, CRYPTO_SHA256, CRYPTO_SHA384, CRYPTO_SHA512 };

struct crypto_key {
	uint8_t b[CRYPTO_KEY_LEN];
};

void crypto_random(void *out, size_t n);                 /* aborts when the system has none */
bool crypto_equal(struct str a, struct str b);           /* constant time in the bytes; lengths may differ */
void crypto_wipe(void *p, size_t n);

size_t crypto_digest(enum crypto_hash hash, struct str data, uint8_t out[CRYPTO_MAC_MAX]);          /* length */
size_t crypto_hmac(enum crypto_hash hash, struct str key, struct str data, uint8_t out[CRYPTO_MAC_MAX]);
void crypto_hkdf(struct str secret, struct str info, struct crypto_key *out);                       /* RFC 5869, SHA-256, no salt */

void crypto_base64(struct buf *out, struct str data);                  /* RFC 4648 section 4, padded */
void crypto_base64url(struct buf *out, struct str data);               /* section 5, no padding */
MUST_USE bool crypto_base64url_decode(struct str text, struct buf *out);   /* strict: no padding, no stray bits */
MUST_USE bool crypto_base64_decode(struct str text, struct buf *out);      /* padded, strict */
void crypto_hex(struct str data, char *out);                           /* 2n digits and a NUL */

void crypto_seal(const struct crypto_key *key, struct str aad, struct str plain, struct buf *out);
MUST_USE bool crypto_open(const struct crypto_key *key, struct str aad, struct str sealed, struct buf *plain);

/* A public key from what somebody gives us, checked: its sort, and *pem as we write it.  NULL, or
 * what is wrong with it, to be said behind its name: "is ..."; nothing of the key is in it. */
const char *crypto_public_from_pem(struct str text, enum crypto_pair *pair, struct buf *pem) MUST_USE;
const char *crypto_public_from_rsa(struct str modulus, struct str exponent, struct buf *pem) MUST_USE;   /* big-endian, as JWKs have them */
const char *crypto_public_from_p256(struct str x, struct str y, struct buf *pem) MUST_USE;
const char *crypto_public_from_ed25519(struct str x, struct buf *pem) MUST_USE;
/* pem: one of ours.  False: a signature that is wrong, or a key of another sort than `pair`. */
MUST_USE bool crypto_verify(enum crypto_pair pair, struct str pem, struct str data, struct str signature);
