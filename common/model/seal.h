/* seal.h - secrets at rest, and tokens that only we can open.
 *
 * Keys are made from the cluster secret by HKDF, one per purpose.  Sealed text
 * starts with the id of the secret it was sealed under ("s1." + first 4 hex of a
 * hash + "."), so that two secrets can be live during a rotation.
 */
#pragma once

#include "common/base/crypto.h"

struct seal;

struct seal *seal_new(struct str secret, struct str previous_or_null);
struct seal *seal_free(struct seal *seal);               /* wipes; NULL */

/* purpose: a literal such as "account-secret"; context binds the text to its place (account + field) */
void seal_text(const struct seal *seal, const char *purpose, struct str context, struct str plain, struct buf *out);
MUST_USE bool seal_open(const struct seal *seal, const char *purpose, struct str context, struct str sealed, struct buf *plain);

/* A short proof that we said something: out gets HMAC-SHA256 of the text, cut to n bytes.
 * Checking tries both secrets and runs in constant time. */
void seal_mac(const struct seal *seal, const char *purpose, struct str text, uint8_t *out, size_t n);
/* The same under the other secret, while there is one. */
MUST_USE bool seal_mac_previous(const struct seal *seal, const char *purpose, struct str text, uint8_t *out, size_t n);
MUST_USE bool seal_mac_is(const struct seal *seal, const char *purpose, struct str text, const uint8_t *mac, size_t n);
