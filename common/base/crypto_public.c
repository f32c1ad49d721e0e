/* crypto_public.c - the facade over OpenSSL 3: public keys and what they verify.
 *
 *     PEM, or the numbers of a JWK -> EVP_PKEY -> checked -> PEM of one form for each sort
 *     that PEM -> its numbers -> EVP_PKEY -> is this the signature of these data?
 *
 * What is accepted is fixed here, at the time a key is registered: three sorts,
 * with sizes that are neither weak nor costly.  A key says by itself how its
 * signatures are verified; nothing that comes with a signature has a say in it.
 *
 * The way back from our own PEM is read here: OpenSSL's decoder tries what a text
 * might be at all, and takes 300 us where verifying takes 15.
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

/* -- keys by their numbers ------------------------------------------------ */

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

enum { NUMBER_MAX = RSA_BITS_MAX / 8, POINT_LEN = 1 + 2 * CRYPTO_P256_LEN };

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

static EVP_PKEY *rsa_key(struct str modulus, struct str exponent)
{
	unsigned char n[NUMBER_MAX], e[NUMBER_MAX];

	if (!native_number(modulus, n) || !native_number(exponent, e))
		return NULL;

	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, modulus.n),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, exponent.n),
		OSSL_PARAM_construct_end(),
	};

	return build("RSA", params);
}

static EVP_PKEY *p256_key(struct str point)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)SN_X9_62_prime256v1, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)bytes_of(point), point.n),
		OSSL_PARAM_construct_end(),
	};

	return point.n == POINT_LEN ? build("EC", params) : NULL;
}

static EVP_PKEY *ed25519_key(struct str x)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)bytes_of(x), x.n),
		OSSL_PARAM_construct_end(),
	};

	return x.n == CRYPTO_ED25519_LEN ? build("ED25519", params) : NULL;
}

/* -- our own PEM (RFC 7468, RFC 5280 4.1.2.7) ----------------------------- */

enum { DER_INTEGER = 0x02, DER_BITS = 0x03, DER_SEQUENCE = 0x30 };

/* One element with definite length of at most 64 KiB; *der becomes what is behind it. */
static bool der_take(struct str *der, unsigned char tag, struct str *out)
{
	const unsigned char *p = bytes_of(*der);
	size_t head = 2, len;

	if (der->n < head || p[0] != tag)
		return false;
	len = p[1];
	if (len >= 0x80) {
		const size_t more = len & 0x7f;

		head += more;
		if (more == 0 || more > 2 || der->n < head)
			return false;
		len = more == 1 ? p[2] : (size_t)p[2] << 8 | p[3];
	}
	if (der->n - head < len)
		return false;
	*out = str_n(der->p + head, len);
	*der = str_skip(*der, head + len);
	return true;
}

static EVP_PKEY *rsa_from_der(struct str der)
{
	struct str numbers, modulus, exponent;

	if (!der_take(&der, DER_SEQUENCE, &numbers) || !der_take(&numbers, DER_INTEGER, &modulus) ||
	    !der_take(&numbers, DER_INTEGER, &exponent))
		return NULL;
	/* A zero in front keeps a number from being read as a negative one. */
	if (modulus.n > 0 && modulus.p[0] == 0)
		modulus = str_skip(modulus, 1);
	return rsa_key(modulus, exponent);
}

static const struct {
	struct str algorithm; /* what stands in front of the key: its sort, for P-256 the curve too */
	EVP_PKEY *(*read)(struct str bits);
} forms[] = {
	[CRYPTO_RSA] = { { "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", 13 }, rsa_from_der },
	[CRYPTO_P256] = { { "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
			    19 },
			  p256_key },
	[CRYPTO_ED25519] = { { "\x06\x03\x2b\x65\x70", 5 }, ed25519_key },
};

static EVP_PKEY *key_from_der(enum crypto_pair pair, struct str der)
{
	struct str all, algorithm, bits;

	if (!der_take(&der, DER_SEQUENCE, &all) || !der_take(&all, DER_SEQUENCE, &algorithm) ||
	    !der_take(&all, DER_BITS, &bits) || !str_eq(algorithm, forms[pair].algorithm))
		return NULL;
	/* the first byte tells how many bits of the last are not used: none */
	return bits.n > 0 && bits.p[0] == 0 ? forms[pair].read(str_skip(bits, 1)) : NULL;
}

static EVP_PKEY *key_from_own_pem(enum crypto_pair pair, struct str pem)
{
	static const struct str begin = { "-----BEGIN PUBLIC KEY-----", 26 },
				end = { "-----END PUBLIC KEY-----", 24 };
	struct buf base64, der;
	struct str line;
	EVP_PKEY *key = NULL;

	buf_init(&base64, CRYPTO_PUBLIC_TEXT_MAX);
	buf_init(&der, CRYPTO_PUBLIC_TEXT_MAX);
	if (str_split(&pem, '\n', &line) && str_eq(line, begin)) {
		while (str_split(&pem, '\n', &line) && !str_eq(line, end))
			buf_put(&base64, line);
		if (buf_ok(&base64) && crypto_base64_decode(buf_str(&base64), &der))
			key = key_from_der(pair, buf_str(&der));
	}
	buf_fini(&der);
	buf_fini(&base64);
	return key;
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

/* A point that came compressed is written whole, as all others are. */
static const char *put_own_pem(EVP_PKEY *key, enum crypto_pair pair, struct buf *out)
{
	EVP_PKEY *again;

	if (pair == CRYPTO_P256)
		INVARIANT(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
							 OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED));
	put_pem(key, out);
	again = key_from_own_pem(pair, buf_str(out));
	if (!again)
		buf_clear(out);
	EVP_PKEY_free(again);
	return again ? NULL : "is written in an unusual form";
}

/* -- taking keys ---------------------------------------------------------- */

/* key is taken; NULL is no key */
static const char *accept_key(EVP_PKEY *key, enum crypto_pair *pair, struct buf *pem)
{
	const char *fault = key ? fault_of(key, pair) : no_key;

	if (!fault)
		fault = put_own_pem(key, *pair, pem);
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

const char *crypto_public_from_rsa(struct str modulus, struct str exponent, struct buf *pem)
{
	enum crypto_pair pair;

	return accept_key(rsa_key(modulus, exponent), &pair, pem);
}

const char *crypto_public_from_p256(struct str x, struct str y, struct buf *pem)
{
	static const char uncompressed = 4;
	enum crypto_pair pair;
	char point[POINT_LEN];

	if (x.n != CRYPTO_P256_LEN || y.n != CRYPTO_P256_LEN)
		return no_key;
	point[0] = uncompressed;
	memcpy(point + 1, x.p, x.n);
	memcpy(point + 1 + x.n, y.p, y.n);
	return accept_key(p256_key(str_n(point, sizeof(point))), &pair, pem);
}

const char *crypto_public_from_ed25519(struct str x, struct buf *pem)
{
	enum crypto_pair pair;

	return accept_key(ed25519_key(x), &pair, pem);
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
	EVP_PKEY *key;
	bool is_right;

	if (pair == CRYPTO_P256)
		signature = str_n((const char *)der, der_signature(signature, der));
	if (signature.n == 0 || !(key = key_from_own_pem(pair, pem)))
		return false;
	is_right = is_signed(key, hashes[pair], data, signature);
	EVP_PKEY_free(key);
	return is_right;
}
