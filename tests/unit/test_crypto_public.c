/* test_crypto_public.c - public keys: which are taken, and published signatures; RFC 7515 A.2 and A.3, RFC 8037 A.4. */
#include "tests/unit/unit.h"

#include "common/base/arena.h"
#include "common/base/crypto.h"
#include "tests/unit/signed_tokens.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new(1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static struct str bytes(const char *base64url)
{
	struct buf buf;
	struct str copy;

	buf_init(&buf, CRYPTO_PUBLIC_TEXT_MAX);
	assert_true(crypto_base64url_decode(str_of(base64url), &buf));
	copy = arena_copy(arena, buf_str(&buf));
	buf_fini(&buf);
	return copy;
}

/* what the functions of the facade have in common: a text, or what is wrong with it */
static struct str taken(const char *fault, struct buf *pem)
{
	struct str copy;

	if (fault)
		fail_msg("%s", fault);
	copy = arena_copy(arena, buf_str(pem));
	buf_fini(pem);
	return copy;
}

static struct str from_pem(const char *text, enum crypto_pair *pair)
{
	struct buf pem;

	buf_init(&pem, CRYPTO_PUBLIC_TEXT_MAX);
	return taken(crypto_public_from_pem(str_of(text), pair, &pem), &pem);
}

/* -- published vectors ---------------------------------------------------- */

static const char rsa_n[] =
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0"
	"Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXnd"
	"S5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5Ihl"
	"JH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
static const char p256_x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
static const char p256_y[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
static const char ed25519_x[] = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

#define JOE "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

static struct vector {
	enum crypto_pair pair;
	const char *text, *signature;
	struct str pem;
} vectors[] = {
	{ CRYPTO_RSA,
	  "eyJhbGciOiJSUzI1NiJ9." JOE,
	  "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
	  "O8W2Fp5jujGbds9uJdbF9"
	  "CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_"
	  "eSN9383LcOL"
	  "n6_dO--xi12jzDwusC-"
	  "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtV"
	  "rBp0igcN_IoypGlUPQGe77Rw",
	  { NULL, 0 } },
	{ CRYPTO_P256,
	  "eyJhbGciOiJFUzI1NiJ9." JOE,
	  "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
	  { NULL, 0 } },
	{ CRYPTO_ED25519,
	  "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
	  "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
	  { NULL, 0 } },
};

static void build_keys(void)
{
	struct buf rsa, p256, ed25519;

	buf_init(&rsa, CRYPTO_PUBLIC_TEXT_MAX);
	buf_init(&p256, CRYPTO_PUBLIC_TEXT_MAX);
	buf_init(&ed25519, CRYPTO_PUBLIC_TEXT_MAX);
	vectors[0].pem = taken(crypto_public_from_rsa(bytes(rsa_n), bytes("AQAB"), &rsa), &rsa);
	vectors[1].pem = taken(crypto_public_from_p256(bytes(p256_x), bytes(p256_y), &p256), &p256);
	vectors[2].pem = taken(crypto_public_from_ed25519(bytes(ed25519_x), &ed25519), &ed25519);
}

static void test_published(void **state)
{
	(void)state;
	build_keys();
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const struct vector *v = &vectors[i];
		const struct str signature = bytes(v->signature);
		enum crypto_pair found;

		assert_true(crypto_verify(v->pair, v->pem, str_of(v->text), signature));
		assert_false(crypto_verify(v->pair, v->pem, str_skip(str_of(v->text), 1), signature));
		/* what was built from numbers is what PEM says too */
		assert_true(str_eq(from_pem(arena_cstr(arena, v->pem), &found), v->pem));
		assert_int_equal(found, v->pair);
	}
}

/* A signature is good for its own key as its own sort, whole, and with every bit as it is. */
static void test_signatures(void **state)
{
	(void)state;
	build_keys();
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		const struct vector *v = &vectors[i];
		const struct str text = str_of(v->text), signature = bytes(v->signature);
		char *touched = arena_cstr(arena, signature);

		for (size_t k = 0; k < ARRAY_LEN(vectors); k++) {
			assert_int_equal(crypto_verify(v->pair, vectors[k].pem, text, signature), k == i);
			assert_int_equal(crypto_verify(vectors[k].pair, v->pem, text, signature), k == i);
		}
		for (size_t at = 0; at < signature.n; at++) {
			touched[at] ^= (char)(1 << at % 8);
			assert_false(crypto_verify(v->pair, v->pem, text, str_n(touched, signature.n)));
			touched[at] ^= (char)(1 << at % 8);
		}
		assert_false(crypto_verify(v->pair, v->pem, text, str_n(touched, signature.n - 1)));
		assert_false(crypto_verify(v->pair, v->pem, text, str_n(touched, signature.n + 1)));
		assert_false(crypto_verify(v->pair, v->pem, text, STR("")));
		assert_false(crypto_verify(v->pair, v->pem, text, STR_NULL));
		assert_false(crypto_verify(v->pair, STR("no key"), text, signature));
		assert_false(crypto_verify(v->pair, STR_NULL, text, signature));
	}
}

/* r or s of zero (CVE-2022-21449), or beyond the order */
static void test_degenerate_p256(void **state)
{
	char raw[2 * CRYPTO_P256_LEN] = { 0 };
	const struct str signature = str_n(raw, sizeof(raw));

	(void)state;
	build_keys();
	assert_false(crypto_verify(CRYPTO_P256, vectors[1].pem, str_of(vectors[1].text), signature));
	memset(raw, 0xff, sizeof(raw));
	assert_false(crypto_verify(CRYPTO_P256, vectors[1].pem, str_of(vectors[1].text), signature));
}

/* -- what is taken -------------------------------------------------------- */

static void assert_refused(const char *text, const char *why)
{
	enum crypto_pair pair;
	struct buf pem;
	const char *fault;

	buf_init(&pem, CRYPTO_PUBLIC_TEXT_MAX);
	fault = crypto_public_from_pem(str_of(text), &pair, &pem);
	assert_int_equal(pem.n, 0);
	buf_fini(&pem);
	if (!fault || !strstr(fault, why))
		fail_msg("%s instead of %s", fault ? fault : "taken", why);
}

static void test_pem(void **state)
{
	enum crypto_pair pair;

	(void)state;
	assert_str_equal(from_pem(rsa_pem, &pair), rsa_pem);
	assert_int_equal(pair, CRYPTO_RSA);
	assert_str_equal(from_pem(rsa_pkcs1_pem, &pair), rsa_pem);
	assert_int_equal(pair, CRYPTO_RSA);
	assert_str_equal(from_pem(p256_pem, &pair), p256_pem);
	assert_int_equal(pair, CRYPTO_P256);
	assert_str_equal(from_pem(p256_compressed_pem, &pair), p256_pem);
	assert_int_equal(pair, CRYPTO_P256);
	assert_str_equal(from_pem(ed25519_pem, &pair), ed25519_pem);
	assert_int_equal(pair, CRYPTO_ED25519);

	assert_refused(weak_rsa_pem, "2048");
	assert_refused(p384_pem, "P-256");
	assert_refused(p256_explicit_pem, "unusual");
	assert_refused(x25519_pem, "another sort");
	assert_refused(encrypted_pem, "private");
	assert_refused("", "not one public key");
	assert_refused("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "not a public key");
	assert_refused(arena_printf(arena, "%s%s", p256_pem, ed25519_pem).p, "not one public key");
	assert_refused(arena_printf(arena, "%s%s", p256_pem, encrypted_pem).p, "private");
	assert_refused(arena_printf(arena, "%s%*s", p256_pem, CRYPTO_PUBLIC_TEXT_MAX, "").p,
		       "not one public key");
}

/* A cut or touched text is never another key than the one it was: it is refused. */
static void test_pem_cut(void **state)
{
	const size_t n = strlen(p256_pem);

	(void)state;
	for (size_t len = 0; len < n - 2; len++) {
		struct buf pem;
		enum crypto_pair pair;

		buf_init(&pem, CRYPTO_PUBLIC_TEXT_MAX);
		assert_non_null(crypto_public_from_pem(str_n(p256_pem, len), &pair, &pem));
		buf_fini(&pem);
	}
}

static void test_numbers(void **state)
{
	const struct str n = bytes(rsa_n), x = bytes(p256_x), y = bytes(p256_y);
	char even[] = "\x01\x00\x02", huge[1025];
	struct buf pem;

	(void)state;
	memset(huge, 0xff, sizeof(huge));
	buf_init(&pem, CRYPTO_PUBLIC_TEXT_MAX);
	assert_non_null(crypto_public_from_rsa(str_n(n.p, 128), bytes("AQAB"), &pem));
	assert_non_null(crypto_public_from_rsa(str_n(huge, 1025), bytes("AQAB"), &pem));
	assert_non_null(crypto_public_from_rsa(n, STR("\x01"), &pem));
	assert_non_null(crypto_public_from_rsa(n, str_n(even, 3), &pem));
	assert_non_null(crypto_public_from_rsa(n, str_n(huge, 9), &pem));
	assert_non_null(crypto_public_from_rsa(n, STR(""), &pem));
	assert_non_null(crypto_public_from_rsa(STR(""), bytes("AQAB"), &pem));
	assert_non_null(crypto_public_from_p256(x, x, &pem));
	assert_non_null(crypto_public_from_p256(x, str_n(y.p, 31), &pem));
	assert_non_null(crypto_public_from_p256(str_n(huge, 32), str_n(huge, 32), &pem));
	assert_non_null(crypto_public_from_ed25519(str_n(x.p, 31), &pem));
	assert_non_null(crypto_public_from_ed25519(STR_NULL, &pem));
	assert_int_equal(pem.n, 0);
	buf_fini(&pem);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_published), TEST(test_signatures), TEST(test_degenerate_p256),
		TEST(test_pem),	      TEST(test_pem_cut),    TEST(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
