/* seal.c - see seal.h for the form: "s1.<4 hex>.<sealed>".
 *
 * The id of a secret is made like a key, under a purpose of its own, so it
 * tells nothing about the others.  Two secrets may share an id by chance: every
 * one that has it is tried.
 */
#include "common/model/seal.h"

enum { ID_DIGITS = 4, PREFIX_LEN = 3 + ID_DIGITS + 1, SECRETS_MAX = 2 };

struct secret {
	char *bytes;
	size_t n;
	char prefix[PREFIX_LEN + 1]; /* "s1.1f2e." */
};

struct seal {
	struct secret secrets[SECRETS_MAX]; /* the first one seals, all open */
	size_t n;
};

static struct crypto_key key_for(const struct secret *secret, const char *purpose)
{
	struct crypto_key key;

	crypto_hkdf(str_n(secret->bytes, secret->n), str_of(purpose), &key);
	return key;
}

static void add_secret(struct seal *seal, struct str bytes)
{
	struct secret *secret = &seal->secrets[seal->n++];
	struct crypto_key id;

	INVARIANT(bytes.n > 0);
	secret->bytes = x_alloc(bytes.n);
	secret->n = bytes.n;
	memcpy(secret->bytes, bytes.p, bytes.n);

	id = key_for(secret, "switchhook secret id");
	memcpy(secret->prefix, "s1.", 3);
	crypto_hex(str_n((const char *)id.b, ID_DIGITS / 2), secret->prefix + 3);
	memcpy(secret->prefix + PREFIX_LEN - 1, ".", 2);
	crypto_wipe(&id, sizeof(id));
}

struct seal *seal_new(struct str secret, struct str previous_or_null)
{
	struct seal *seal = x_alloc(sizeof(*seal));

	add_secret(seal, secret);
	if (previous_or_null.n > 0)
		add_secret(seal, previous_or_null);
	return seal;
}

struct seal *seal_free(struct seal *seal)
{
	if (!seal)
		return NULL;
	for (size_t i = 0; i < seal->n; i++) {
		crypto_wipe(seal->secrets[i].bytes, seal->secrets[i].n);
		x_free(seal->secrets[i].bytes);
	}
	x_free(seal);
	return NULL;
}

void seal_text(const struct seal *seal, const char *purpose, struct str context, struct str plain,
	       struct buf *out)
{
	struct crypto_key key = key_for(&seal->secrets[0], purpose);

	buf_puts(out, seal->secrets[0].prefix);
	crypto_seal(&key, context, plain, out);
	crypto_wipe(&key, sizeof(key));
}

bool seal_open(const struct seal *seal, const char *purpose, struct str context, struct str sealed,
	       struct buf *plain)
{
	for (size_t i = 0; i < seal->n; i++) {
		struct crypto_key key;
		bool is_ours;

		if (!str_starts(sealed, str_of(seal->secrets[i].prefix)))
			continue;
		key = key_for(&seal->secrets[i], purpose);
		is_ours = crypto_open(&key, context, str_skip(sealed, PREFIX_LEN), plain);
		crypto_wipe(&key, sizeof(key));
		if (is_ours)
			return true;
	}
	return false;
}

static void mac_with(const struct secret *secret, const char *purpose, struct str text,
		     uint8_t mac[CRYPTO_MAC_MAX])
{
	struct crypto_key key = key_for(secret, purpose);

	(void)crypto_hmac(CRYPTO_SHA256, str_n((const char *)key.b, sizeof(key.b)), text, mac);
	crypto_wipe(&key, sizeof(key));
}

static void mac_cut(const struct secret *secret, const char *purpose, struct str text, uint8_t *out, size_t n)
{
	uint8_t mac[CRYPTO_MAC_MAX];

	INVARIANT(n <= CRYPTO_SHA256_LEN);
	mac_with(secret, purpose, text, mac);
	memcpy(out, mac, n);
}

void seal_mac(const struct seal *seal, const char *purpose, struct str text, uint8_t *out, size_t n)
{
	mac_cut(&seal->secrets[0], purpose, text, out, n);
}

bool seal_mac_previous(const struct seal *seal, const char *purpose, struct str text, uint8_t *out, size_t n)
{
	if (seal->n < SECRETS_MAX)
		return false;
	mac_cut(&seal->secrets[1], purpose, text, out, n);
	return true;
}

bool seal_mac_is(const struct seal *seal, const char *purpose, struct str text, const uint8_t *mac, size_t n)
{
	bool is_ours = false;

	INVARIANT(n <= CRYPTO_SHA256_LEN);
	for (size_t i = 0; i < seal->n; i++) {
		uint8_t own[CRYPTO_MAC_MAX];

		mac_with(&seal->secrets[i], purpose, text, own);
		is_ours |= crypto_equal(str_n((const char *)own, n), str_n((const char *)mac, n));
	}
	return is_ours;
}
