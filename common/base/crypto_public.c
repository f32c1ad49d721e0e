/* crypto_public.c - the facade over OpenSSL 3: public keys and what they verify.
 *
 *     PEM, or the numbers of a JWK -> EVP_PKEY -> checked -> PEM as OpenSSL writes it
 *     (that PEM, data, signature)  -> true or false
 *
 * What is accepted is fixed here, at the time a key is registered: three sorts,
 * with sizes that are neither weak nor costly.  A key says by itself how its
 * signatures are verified; nothing that comes with a signature has a say in it.
 */
#include "common/base/crypto.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <openssl/pem.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, RSA_EXPONENT_BITS_MAX = 64, DER_SIGNATURE_MAX = 80 };

static const char no_key[] = "is not a public key";

static const unsigned char *bytes_of(struct str s)
{
	return (const unsigned char *)(s.p ? s.p : "");
}

/* -- reading PEM ---------------------------------------------------------- */

static size_t count_of(struct str text, struct str word)
{
	size_t n = 0;

	for (; text.n >= word.n; text = str_skip(text, 1))
		n += str_starts(text, word);
	return n;
}

/* An encrypted text would have OpenSSL ask for its passphrase at the terminal. */
static int no_passphrase(char *out, int size, int is_writing, void *arg)
{
	(void)out;
	(void)size;
	(void)is_writing;
	(void)arg;
	return -1;
}

static EVP_PKEY *parse(struct str pem)
{
	const unsigned char *at = bytes_of(pem);
	size_t rest = pem.n;
	EVP_PKEY *key = NULL;
	OSSL_DECODER_CTX *ctx =
		OSSL_DECODER_CTX_new_for_pkey(&key, "PEM", NULL, NULL, EVP_PKEY_PUBLIC_KEY, NULL, NULL);

	INVARIANT(ctx && OSSL_DECODER_CTX_set_pem_password_cb(ctx, no_passphrase, NULL));
	if (!OSSL_DECODER_from_data(ctx, &at, &rest)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	OSSL_DECODER_CTX_free(ctx);
	ERR_clear_error();
	return key;
}

/* -- what is acceptable --------------------------------------------------- */

static const char *rsa_fault(const EVP_PKEY *key)
{
	const int bits = EVP_PKEY_get_bits(key);
	BIGNUM *exponent = NULL;
	bool is_fine;

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return "is an RSA key that has not 2048 to 8192 bits";
	is_fine = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) && BN_is_odd(exponent) &&
		  !BN_is_one(exponent) && BN_num_bits(exponent) <= RSA_EXPONENT_BITS_MAX;
	BN_free(exponent);
	return is_fine ? NULL : "is an RSA key with an exponent that is not used";
}

static const char *p256_fault(EVP_PKEY *key)
{
	char group[32];
	size_t len;
	EVP_PKEY_CTX *ctx;
	bool is_on_curve;

	if (!EVP_PKEY_get_group_name(key, group, sizeof(group), &len) ||
	    !str_eq(str_n(group, len), STR(SN_X9_62_prime256v1)))
		return "is on another curve than P-256";
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	INVARIANT(ctx);
	is_on_curve = EVP_PKEY_public_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	return is_on_curve ? NULL : "is no point of P-256";
}

static bool pair_of(const EVP_PKEY *key, enum crypto_pair *out)
{
	static const char *const names[] = {
		[CRYPTO_RSA] = "RSA",
		[CRYPTO_P256] = "EC",
		[CRYPTO_ED25519] = "ED25519",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (EVP_PKEY_is_a(key, names[i])) {
			*out = (enum crypto_pair)i;
			return true;
		}
	}
	return false;
}

static const char *fault_of(EVP_PKEY *key, enum crypto_pair *pair)
{
	if (!pair_of(key, pair))
		return "is a key of another sort than RSA, P-256 and Ed25519";
	switch (*pair) {
	case CRYPTO_RSA:
		return rsa_fault(key);
	case CRYPTO_P256:
		return p256_fault(key);
	case CRYPTO_ED25519:
		break;
	}
	return NULL;
}

static void put_pem(EVP_PKEY *key, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	INVARIANT(bio && PEM_write_bio_PUBKEY(bio, key) == 1);
	len = BIO_get_mem_data(bio, &text);
	INVARIANT(len > 0);
	buf_put(out, str_n(text, (size_t)len));
	BIO_free(bio);
}

/* key is taken; NULL is no key */
static const char *accept_key(EVP_PKEY *key, enum crypto_pair *pair, struct buf *pem)
{
	const char *fault = key ? fault_of(key, pair) : no_key;

	if (!fault)
		put_pem(key, pem);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return fault;
}

const char *crypto_public_from_pem(struct str text, enum crypto_pair *pair, struct buf *pem)
{
	if (count_of(text, STR("PRIVATE KEY-----")) > 0)
		return "is a private key: it has to stay with you, only its public half belongs here";
	if (text.n > CRYPTO_PUBLIC_TEXT_MAX || count_of(text, STR("-----BEGIN ")) != 1)
		return "is not one public key in PEM";
	return accept_key(parse(text), pair, pem);
}

/* -- the numbers of a JWK ------------------------------------------------- */

static EVP_PKEY *build(const char *sort, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, sort, NULL);
	EVP_PKEY *key = NULL;

	INVARIANT(ctx && EVP_PKEY_fromdata_init(ctx) == 1);
	if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

enum { NUMBER_MAX = RSA_BITS_MAX / 8 };

/* OpenSSL wants its numbers in the machine's order of bytes. */
static bool native_number(struct str big_endian, unsigned char out[NUMBER_MAX])
{
	BIGNUM *number;
	bool is_fine;

	if (big_endian.n == 0 || big_endian.n > NUMBER_MAX)
		return false;
	number = BN_bin2bn(bytes_of(big_endian), (int)big_endian.n, NULL);
	INVARIANT(number);
	is_fine = BN_bn2nativepad(number, out, (int)big_endian.n) > 0;
	BN_free(number);
	return is_fine;
}

const char *crypto_public_from_rsa(struct str modulus, struct str exponent, struct buf *pem)
{
	unsigned char n[NUMBER_MAX], e[NUMBER_MAX];
	enum crypto_pair pair;

	if (!native_number(modulus, n) || !native_number(exponent, e))
		return no_key;

	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, modulus.n),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, exponent.n),
		OSSL_PARAM_construct_end(),
	};

	return accept_key(build("RSA", params), &pair, pem);
}

const char *crypto_public_from_p256(struct str x, struct str y, struct buf *pem)
{
	static const unsigned char uncompressed = 4;
	unsigned char point[1 + 2 * CRYPTO_P256_LEN];
	enum crypto_pair pair;

	if (x.n != CRYPTO_P256_LEN || y.n != CRYPTO_P256_LEN)
		return no_key;
	point[0] = uncompressed;
	memcpy(point + 1, x.p, x.n);
	memcpy(point + 1 + x.n, y.p, y.n);

	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)SN_X9_62_prime256v1, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};

	return accept_key(build("EC", params), &pair, pem);
}

const char *crypto_public_from_ed25519(struct str x, struct buf *pem)
{
	enum crypto_pair pair;

	if (x.n != CRYPTO_ED25519_LEN)
		return no_key;

	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)bytes_of(x), x.n),
		OSSL_PARAM_construct_end(),
	};

	return accept_key(build("ED25519", params), &pair, pem);
}

/* -- verifying ------------------------------------------------------------ */

/* r and s side by side, as JWTs have them, in the DER that OpenSSL reads; 0: they are none */
static size_t der_signature(struct str raw, unsigned char out[DER_SIGNATURE_MAX])
{
	ECDSA_SIG *pair;
	BIGNUM *r, *s;
	int len;

	if (raw.n != 2 * CRYPTO_P256_LEN)
		return 0;
	pair = ECDSA_SIG_new();
	r = BN_bin2bn(bytes_of(raw), CRYPTO_P256_LEN, NULL);
	s = BN_bin2bn(bytes_of(raw) + CRYPTO_P256_LEN, CRYPTO_P256_LEN, NULL);
	INVARIANT(pair && r && s && ECDSA_SIG_set0(pair, r, s));
	len = i2d_ECDSA_SIG(pair, NULL);
	INVARIANT(len > 0 && len <= DER_SIGNATURE_MAX);
	i2d_ECDSA_SIG(pair, &out);
	ECDSA_SIG_free(pair);
	return (size_t)len;
}

static bool is_signed(EVP_PKEY *key, const char *hash, struct str data, struct str signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool is_right;

	INVARIANT(ctx);
	is_right = EVP_DigestVerifyInit_ex(ctx, NULL, hash, NULL, NULL, key, NULL) == 1 &&
		   EVP_DigestVerify(ctx, bytes_of(signature), signature.n, bytes_of(data), data.n) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return is_right;
}

bool crypto_verify(enum crypto_pair pair, struct str pem, struct str data, struct str signature)
{
	static const char *const hashes[] = {
		[CRYPTO_RSA] = "SHA256",
		[CRYPTO_P256] = "SHA256",
		[CRYPTO_ED25519] = NULL,
	};
	unsigned char der[DER_SIGNATURE_MAX];
	enum crypto_pair found;
	EVP_PKEY *key;
	bool is_right;

	if (pair == CRYPTO_P256)
		signature = str_n((const char *)der, der_signature(signature, der));
	if (signature.n == 0 || !(key = parse(pem)))
		return false;
	is_right = pair_of(key, &found) && found == pair && is_signed(key, hashes[pair], data, signature);
	EVP_PKEY_free(key);
	return is_right;
}
