/* test_crypto.c - published vectors, strict decoding, and tampering with sealed text. */
#include "common/base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void assert_hex(const char *expected, const void *bytes, size_t n)
{
	char hex[2 * CRYPTO_MAC_MAX + 1];

	assert_true(n <= CRYPTO_MAC_MAX);
	crypto_hex(str_n(bytes, n), hex);
	assert_string_equal(hex, expected);
}

static void test_digest(void **state)
{
	static const struct {
		enum crypto_hash hash;
		const char *text, *digest;
	} cases[] = {
		{ CRYPTO_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
		{ CRYPTO_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ CRYPTO_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ CRYPTO_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ CRYPTO_SHA384, "abc",
		  "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
		  "8086072ba1e7cc2358baeca134c825a7" },
		{ CRYPTO_SHA512, "abc",
		  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	};
	uint8_t out[CRYPTO_MAC_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_hex(cases[i].digest, out, crypto_digest(cases[i].hash, str_of(cases[i].text), out));
}

/* RFC 4231 section 4, RFC 2202 section 3 */
static void test_hmac(void **state)
{
	static char x0b[20], xaa[131], xdd[50], counting[25], xcd[50];
	const struct str long_data =
		STR("This is a test using a larger than block-size key and a larger than block-size data. "
		    "The key needs to be hashed before being used by the HMAC algorithm.");
	const struct str hash_first = STR("Test Using Larger Than Block-Size Key - Hash Key First");
	const struct {
		enum crypto_hash hash;
		struct str key, data;
		const char *mac;
	} cases[] = {
		{ CRYPTO_SHA1, str_n(x0b, 20), STR("Hi There"), "b617318655057264e28bc0b6fb378c8ef146be00" },
		{ CRYPTO_SHA1, STR("Jefe"), STR("what do ya want for nothing?"),
		  "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
		{ CRYPTO_SHA256, str_n(x0b, 20), STR("Hi There"),
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
		{ CRYPTO_SHA384, str_n(x0b, 20), STR("Hi There"),
		  "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
		  "faea9ea9076ede7f4af152e8b2fa9cb6" },
		{ CRYPTO_SHA512, str_n(x0b, 20), STR("Hi There"),
		  "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
		  "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854" },
		{ CRYPTO_SHA256, STR("Jefe"), STR("what do ya want for nothing?"),
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ CRYPTO_SHA256, str_n(xaa, 20), str_n(xdd, 50),
		  "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
		{ CRYPTO_SHA256, str_n(counting, 25), str_n(xcd, 50),
		  "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
		{ CRYPTO_SHA256, str_n(xaa, 131), hash_first,
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
		{ CRYPTO_SHA256, str_n(xaa, 131), long_data,
		  "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
		{ CRYPTO_SHA512, str_n(xaa, 131), long_data,
		  "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
		  "b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58" },
		{ CRYPTO_SHA256, STR_NULL, STR_NULL,
		  "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
	};
	uint8_t out[CRYPTO_MAC_MAX];

	(void)state;
	memset(x0b, 0x0b, sizeof(x0b));
	memset(xaa, 0xaa, sizeof(xaa));
	memset(xdd, 0xdd, sizeof(xdd));
	memset(xcd, 0xcd, sizeof(xcd));
	for (size_t i = 0; i < sizeof(counting); i++)
		counting[i] = (char)(i + 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_hex(cases[i].mac, out, crypto_hmac(cases[i].hash, cases[i].key, cases[i].data, out));
}

static void test_hkdf(void **state)
{
	char secret[22];
	struct crypto_key key;

	(void)state;
	/* RFC 5869, A.3: no salt, no info; the first 32 bytes of its output */
	memset(secret, 0x0b, sizeof(secret));
	crypto_hkdf(str_n(secret, sizeof(secret)), STR(""), &key);
	assert_hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d", key.b, sizeof(key.b));

	/* made by another implementation's hkdfSync */
	crypto_hkdf(STR("cluster secret of thirty-two bytes!!"), STR("communication token ND1"), &key);
	assert_hex("e17c1f24318b42b4a535bf05f54f7e423cc15ead12520bec9bb75261f6c28eda", key.b, sizeof(key.b));
}

static void test_equal(void **state)
{
	(void)state;
	assert_true(crypto_equal(STR("secret"), STR("secret")));
	assert_true(crypto_equal(STR(""), STR_NULL));
	assert_false(crypto_equal(STR("secret"), STR("secreT")));
	assert_false(crypto_equal(STR("Secret"), STR("secret")));
	assert_false(crypto_equal(STR("secret"), STR("secret ")));
	assert_false(crypto_equal(STR("secret"), STR_NULL));
}

static void test_random(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	(void)state;
	crypto_random(a, sizeof(a));
	crypto_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	crypto_wipe(a, sizeof(a));
	for (size_t i = 0; i < sizeof(a); i++)
		assert_int_equal(a[i], 0);
}

/* RFC 4648 section 10, and bytes that tell the two alphabets apart */
static const struct {
	struct str bytes;
	const char *base64, *base64url;
} encodings[] = {
	{ { "", 0 }, "", "" },
	{ { "f", 1 }, "Zg==", "Zg" },
	{ { "fo", 2 }, "Zm8=", "Zm8" },
	{ { "foo", 3 }, "Zm9v", "Zm9v" },
	{ { "foob", 4 }, "Zm9vYg==", "Zm9vYg" },
	{ { "fooba", 5 }, "Zm9vYmE=", "Zm9vYmE" },
	{ { "foobar", 6 }, "Zm9vYmFy", "Zm9vYmFy" },
	{ { "\xfb\xff\xfe", 3 }, "+//+", "-__-" },
	{ { "\0\0", 2 }, "AAA=", "AAA" },
};

static void test_base64(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (size_t i = 0; i < ARRAY_LEN(encodings); i++) {
		buf_clear(&out);
		crypto_base64(&out, encodings[i].bytes);
		assert_string_equal(buf_cstr(&out), encodings[i].base64);
		buf_clear(&out);
		crypto_base64url(&out, encodings[i].bytes);
		assert_string_equal(buf_cstr(&out), encodings[i].base64url);

		buf_clear(&out);
		assert_true(crypto_base64_decode(str_of(encodings[i].base64), &out));
		assert_true(str_eq(buf_str(&out), encodings[i].bytes));
		buf_clear(&out);
		assert_true(crypto_base64url_decode(str_of(encodings[i].base64url), &out));
		assert_true(str_eq(buf_str(&out), encodings[i].bytes));
	}
	buf_fini(&out);
}

static void test_base64_refused(void **state)
{
	static const char *const not_url[] = { "Z",	"Zg=",	"Zg==", "Zh",	  "Zm9",   "Zm9vY",
					       "Zm 9v", "+__+", "-//-", "Zm9v\n", "Zm9v.", "ab\xc3\xa4" };
	static const char *const not_standard[] = {
		"Zg",	"Zg=",	    "Zh==", "Zm9=",   "=",	  "====",
		"Z===", "Zg==Zg==", "-__-", "Zm9v\n", "Zm9vYg= ", "A=AA"
	};
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (size_t i = 0; i < ARRAY_LEN(not_url); i++)
		assert_false(crypto_base64url_decode(str_of(not_url[i]), &out));
	for (size_t i = 0; i < ARRAY_LEN(not_standard); i++)
		assert_false(crypto_base64_decode(str_of(not_standard[i]), &out));
	assert_true(buf_ok(&out));
	assert_int_equal(out.n, 0);
	assert_false(crypto_base64url_decode(str_n("Zg\0Zg", 5), &out));
	buf_fini(&out);

	buf_init(&out, 2);
	assert_false(crypto_base64url_decode(STR("Zm9v"), &out));
	assert_false(buf_ok(&out));
	buf_fini(&out);
}

static struct crypto_key counting_key(void)
{
	struct crypto_key key;

	for (size_t i = 0; i < sizeof(key.b); i++)
		key.b[i] = (uint8_t)i;
	return key;
}

/* sealed by another implementation of AES-256-GCM */
static void test_open_foreign(void **state)
{
	struct crypto_key key = counting_key();
	struct buf plain;

	(void)state;
	buf_init(&plain, 100);
	assert_true(crypto_open(&key, STR("place"),
				STR("ZGVmZ2hpamtsbW5vKW-qBxqCdv9KQjuJrQtw8syvYRsQZ6ze5fvEgvrr"), &plain));
	assert_string_equal(buf_cstr(&plain), "attack at dawn");
	buf_clear(&plain);
	assert_true(crypto_open(&key, STR_NULL, STR("ZGVmZ2hpamtsbW5vYJvVD2rXbfZl8Ei6jF_XBg"), &plain));
	assert_int_equal(plain.n, 0);
	buf_fini(&plain);
}

static void test_seal(void **state)
{
	struct crypto_key key = counting_key(), other = key;
	struct buf sealed, again, plain;

	(void)state;
	buf_init(&sealed, 1000);
	buf_init(&again, 1000);
	buf_init(&plain, 1000);
	crypto_seal(&key, STR("place"), STR("attack at dawn"), &sealed);
	crypto_seal(&key, STR("place"), STR("attack at dawn"), &again);
	assert_false(str_eq(buf_str(&sealed), buf_str(&again)));

	assert_true(crypto_open(&key, STR("place"), buf_str(&sealed), &plain));
	assert_string_equal(buf_cstr(&plain), "attack at dawn");
	buf_clear(&plain);
	assert_false(crypto_open(&key, STR("Place"), buf_str(&sealed), &plain));
	assert_false(crypto_open(&key, STR_NULL, buf_str(&sealed), &plain));
	other.b[31] ^= 1;
	assert_false(crypto_open(&other, STR("place"), buf_str(&sealed), &plain));
	assert_int_equal(plain.n, 0);
	assert_true(buf_ok(&plain));
	buf_fini(&plain);

	buf_init(&plain, 5);
	assert_false(crypto_open(&key, STR("place"), buf_str(&sealed), &plain));
	buf_fini(&plain);
	buf_fini(&again);
	buf_fini(&sealed);
}

static void test_seal_tampered(void **state)
{
	struct crypto_key key = counting_key();
	struct buf sealed, plain;

	(void)state;
	buf_init(&sealed, 1000);
	buf_init(&plain, 1000);
	crypto_seal(&key, STR("place"), STR("attack at dawn"), &sealed);
	for (size_t i = 0; i < sealed.n; i++) {
		char kept = sealed.p[i];

		assert_false(crypto_open(&key, STR("place"), str_n(sealed.p, i), &plain));
		sealed.p[i] = kept == 'A' ? 'B' : 'A';
		assert_false(crypto_open(&key, STR("place"), buf_str(&sealed), &plain));
		sealed.p[i] = kept;
	}
	assert_true(crypto_open(&key, STR("place"), buf_str(&sealed), &plain));
	buf_fini(&plain);
	buf_fini(&sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),	       cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_hkdf),	       cmocka_unit_test(test_equal),
		cmocka_unit_test(test_random),	       cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_refused), cmocka_unit_test(test_open_foreign),
		cmocka_unit_test(test_seal),	       cmocka_unit_test(test_seal_tampered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
