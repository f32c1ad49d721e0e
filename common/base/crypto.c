/* crypto.c - the facade over OpenSSL 3.
 *
 * Algorithms are fetched once per process: a fetch by name costs more than the
 * digest of a short text.  What fails inside OpenSSL here can only be lack of
 * memory or a broken build, so it aborts; only what depends on the caller's
 * bytes (a wrong tag, a stray character) is a false.
 */
#include "common/base/crypto.h"

#include <limits.h>
#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

enum { NONCE_LEN = 12, TAG_LEN = 16, HASH_COUNT = 4 };

static const char *const hash_names[HASH_COUNT] = {
	[CRYPTO_SHA1] = "SHA1",
	[CRYPTO_SHA256] = "SHA256",
	[CRYPTO_SHA384] = "SHA384",
	[CRYPTO_SHA512] = "SHA512",
};

static struct {
	EVP_MD *hash[HASH_COUNT];
	EVP_MAC_CTX *hmac[HASH_COUNT]; /* models to copy: digest chosen, key of no meaning */
	EVP_CIPHER *gcm;
	EVP_KDF *hkdf;
} fetched;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	INVARIANT(hmac);
	for (size_t i = 0; i < HASH_COUNT; i++) {
		OSSL_PARAM params[] = {
			OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)hash_names[i], 0),
			OSSL_PARAM_construct_end(),
		};

		fetched.hash[i] = EVP_MD_fetch(NULL, hash_names[i], NULL);
		fetched.hmac[i] = EVP_MAC_CTX_new(hmac);
		INVARIANT(fetched.hash[i] && fetched.hmac[i]);
		INVARIANT(EVP_MAC_init(fetched.hmac[i], (const unsigned char *)"", 0, params));
	}
	EVP_MAC_free(hmac);
	fetched.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	fetched.hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	INVARIANT(fetched.gcm && fetched.hkdf);
}

static void fetch_all(void)
{
	INVARIANT(pthread_once(&fetch_once, fetch) == 0);
}

/* OpenSSL takes NULL for "no data", often with another meaning than "empty". */
static const unsigned char *bytes_of(struct str s)
{
	return (const unsigned char *)(s.p ? s.p : "");
}

void crypto_random(void *out, size_t n)
{
	INVARIANT(n <= INT_MAX);
	INVARIANT(RAND_bytes(out, (int)n) == 1);
}

bool crypto_equal(struct str a, struct str b)
{
	return a.n == b.n && CRYPTO_memcmp(bytes_of(a), bytes_of(b), a.n) == 0;
}

void crypto_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

size_t crypto_digest(enum crypto_hash hash, struct str data, uint8_t out[CRYPTO_MAC_MAX])
{
	unsigned len = 0;

	fetch_all();
	INVARIANT(EVP_Digest(bytes_of(data), data.n, out, &len, fetched.hash[hash], NULL));
	return len;
}

size_t crypto_hmac(enum crypto_hash hash, struct str key, struct str data, uint8_t out[CRYPTO_MAC_MAX])
{
	EVP_MAC_CTX *ctx;
	size_t len = 0;

	fetch_all();
	ctx = EVP_MAC_CTX_dup(fetched.hmac[hash]);
	INVARIANT(ctx);
	INVARIANT(EVP_MAC_init(ctx, bytes_of(key), key.n, NULL));
	INVARIANT(EVP_MAC_update(ctx, bytes_of(data), data.n));
	INVARIANT(EVP_MAC_final(ctx, out, &len, CRYPTO_MAC_MAX));
	EVP_MAC_CTX_free(ctx);
	return len;
}

void crypto_hkdf(struct str secret, struct str info, struct crypto_key *out)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)hash_names[CRYPTO_SHA256], 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)bytes_of(secret), secret.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)bytes_of(info), info.n),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF_CTX *ctx;

	fetch_all();
	ctx = EVP_KDF_CTX_new(fetched.hkdf);
	INVARIANT(ctx);
	INVARIANT(EVP_KDF_derive(ctx, out->b, sizeof(out->b), params) == 1);
	EVP_KDF_CTX_free(ctx);
}

/* -- base64 and hex ------------------------------------------------------- */

static const char standard_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct buf *out, struct str data, const char *digits, bool pad)
{
	const unsigned char *in = bytes_of(data);
	size_t rest = data.n % 3, len = data.n / 3 * 4 + (rest ? (pad ? 4 : rest + 1) : 0);
	char *to = buf_reserve(out, len);
	size_t i;

	if (!to)
		return;
	for (i = 0; i + 3 <= data.n; i += 3) {
		*to++ = digits[in[i] >> 2];
		*to++ = digits[(in[i] & 3) << 4 | in[i + 1] >> 4];
		*to++ = digits[(in[i + 1] & 15) << 2 | in[i + 2] >> 6];
		*to++ = digits[in[i + 2] & 63];
	}
	if (rest) {
		*to++ = digits[in[i] >> 2];
		*to++ = digits[(in[i] & 3) << 4 | (rest == 2 ? in[i + 1] >> 4 : 0)];
		if (rest == 2)
			*to++ = digits[(in[i + 1] & 15) << 2];
		for (; pad && rest < 3; rest++)
			*to++ = '=';
	}
	out->n += len;
}

static int digit_of(char c, char c62, char c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == c62 ? 62 : c == c63 ? 63 : -1;
}

/* text without padding; one text only for every sequence of bytes */
static bool decode(struct str text, char c62, char c63, struct buf *out)
{
	size_t len = text.n / 4 * 3 + (text.n % 4 ? text.n % 4 - 1 : 0);
	char *to = text.n % 4 == 1 ? NULL : buf_reserve(out, len);
	uint32_t bits = 0;
	unsigned held = 0;

	if (!to)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		int digit = digit_of(text.p[i], c62, c63);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		held += 6;
		if (held >= 8) {
			held -= 8;
			*to++ = (char)(bits >> held & 0xff);
		}
	}
	if (bits & ((1u << held) - 1))
		return false;
	out->n += len;
	return true;
}

void crypto_base64(struct buf *out, struct str data)
{
	encode(out, data, standard_digits, true);
}

void crypto_base64url(struct buf *out, struct str data)
{
	encode(out, data, url_digits, false);
}

bool crypto_base64url_decode(struct str text, struct buf *out)
{
	return decode(text, '-', '_', out);
}

bool crypto_base64_decode(struct str text, struct buf *out)
{
	if (text.n % 4 != 0)
		return false;
	for (int i = 0; i < 2 && text.n && text.p[text.n - 1] == '='; i++)
		text.n--;
	return decode(text, '+', '/', out);
}

void crypto_hex(struct str data, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *in = bytes_of(data);

	for (size_t i = 0; i < data.n; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	*out = '\0';
}

/* -- sealing -------------------------------------------------------------- */

static EVP_CIPHER_CTX *gcm_start(const struct crypto_key *key, const uint8_t *nonce, struct str aad,
				 bool seal)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len;

	fetch_all();
	INVARIANT(ctx && aad.n <= INT_MAX);
	INVARIANT(EVP_CipherInit_ex2(ctx, fetched.gcm, key->b, nonce, seal, NULL));
	INVARIANT(EVP_CipherUpdate(ctx, NULL, &len, bytes_of(aad), (int)aad.n));
	return ctx;
}

void crypto_seal(const struct crypto_key *key, struct str aad, struct str plain, struct buf *out)
{
	size_t size = NONCE_LEN + plain.n + TAG_LEN;
	uint8_t *raw = x_alloc(size), *text = raw + NONCE_LEN;
	EVP_CIPHER_CTX *ctx;
	int len;

	INVARIANT(plain.n <= INT_MAX - NONCE_LEN - TAG_LEN);
	crypto_random(raw, NONCE_LEN);
	ctx = gcm_start(key, raw, aad, true);
	INVARIANT(EVP_CipherUpdate(ctx, text, &len, bytes_of(plain), (int)plain.n));
	INVARIANT(EVP_CipherFinal_ex(ctx, text + plain.n, &len));
	INVARIANT(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, text + plain.n));
	EVP_CIPHER_CTX_free(ctx);
	crypto_base64url(out, str_n((const char *)raw, size));
	x_free(raw);
}

/* raw = nonce | ciphertext | tag; its ciphertext is turned into the plain text in place */
static bool open_raw(const struct crypto_key *key, struct str aad, uint8_t *raw, size_t plain_len)
{
	uint8_t *text = raw + NONCE_LEN;
	EVP_CIPHER_CTX *ctx = gcm_start(key, raw, aad, false);
	bool is_ours;
	int len;

	INVARIANT(EVP_CipherUpdate(ctx, text, &len, text, (int)plain_len));
	INVARIANT(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, text + plain_len));
	is_ours = EVP_CipherFinal_ex(ctx, text + plain_len, &len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return is_ours;
}

bool crypto_open(const struct crypto_key *key, struct str aad, struct str sealed, struct buf *plain)
{
	struct buf raw;
	bool is_ours = false;

	if (sealed.n > INT_MAX)
		return false;
	buf_init(&raw, sealed.n + 1);
	if (crypto_base64url_decode(sealed, &raw) && raw.n >= NONCE_LEN + TAG_LEN) {
		size_t len = raw.n - NONCE_LEN - TAG_LEN;

		is_ours = open_raw(key, aad, (uint8_t *)raw.p, len);
		if (is_ours)
			buf_put(plain, str_n(raw.p + NONCE_LEN, len));
		crypto_wipe(raw.p, raw.n);
	}
	buf_fini(&raw);
	return is_ours && buf_ok(plain);
}
