/* public_key.c - see public_key.h.
 *
 *     body -> "pem"          -> one key
 *          -> "jwk", "jwks"  -> each by its kty: its numbers -> one key
 *          -> kids: fit to be looked up by, none twice
 */
#include "common/model/public_key.h"

#include <stdio.h>

#include "common/base/sid.h"
#include "common/model/client_token.h"

enum { MEMBER_MAX = 64, WORD_MAX = 64 };

/* Puts where we are in front of the member that is wrong. */
static bool fault_within(struct json_fault *fault, const char *path)
{
	char inner[sizeof(fault->field)];

	memcpy(inner, fault->field, sizeof(inner));
	snprintf(fault->field, sizeof(fault->field), "%.30s.%.30s", path, inner);
	return false;
}

/* -- one key -------------------------------------------------------------- */

static bool take_pem(struct arena *arena, const char *fault_text, const char *member, struct buf *pem,
		     struct public_key *out, struct json_fault *fault)
{
	if (!fault_text)
		out->pem = arena_copy(arena, buf_str(pem));
	buf_fini(pem);
	return !fault_text || json_fault_set(fault, member, "%s", fault_text);
}

static bool read_pem(struct arena *arena, struct str text, struct public_key *out, struct json_fault *fault)
{
	struct buf pem;

	buf_init(&pem, CRYPTO_PUBLIC_TEXT_MAX);
	return take_pem(arena, crypto_public_from_pem(text, &out->pair, &pem), "pem", &pem, out, fault);
}

static bool read_number(struct arena *arena, const struct json *jwk, const char *member, struct str *out,
			struct json_fault *fault)
{
	struct str text;
	struct buf bytes;
	bool is_fine;

	if (!json_get_str(jwk, member, JSON_REQUIRED, CRYPTO_PUBLIC_TEXT_MAX, &text, fault))
		return false;
	buf_init(&bytes, CRYPTO_PUBLIC_TEXT_MAX);
	is_fine = crypto_base64url_decode(text, &bytes);
	if (is_fine)
		*out = arena_copy(arena, buf_str(&bytes));
	buf_fini(&bytes);
	return is_fine || json_fault_set(fault, member, "has to be base64url without padding");
}

static bool read_rsa(struct arena *arena, const struct json *jwk, struct public_key *out,
		     struct json_fault *fault)
{
	struct str modulus, exponent;
	struct buf pem;

	if (!read_number(arena, jwk, "n", &modulus, fault) || !read_number(arena, jwk, "e", &exponent, fault))
		return false;
	buf_init(&pem, CRYPTO_PUBLIC_TEXT_MAX);
	return take_pem(arena, crypto_public_from_rsa(modulus, exponent, &pem), "n", &pem, out, fault);
}

static bool read_p256(struct arena *arena, const struct json *jwk, struct public_key *out,
		      struct json_fault *fault)
{
	struct str x, y;
	struct buf pem;

	if (!read_number(arena, jwk, "x", &x, fault) || !read_number(arena, jwk, "y", &y, fault))
		return false;
	buf_init(&pem, CRYPTO_PUBLIC_TEXT_MAX);
	return take_pem(arena, crypto_public_from_p256(x, y, &pem), "x", &pem, out, fault);
}

static bool read_ed25519(struct arena *arena, const struct json *jwk, struct public_key *out,
			 struct json_fault *fault)
{
	struct str x;
	struct buf pem;

	if (!read_number(arena, jwk, "x", &x, fault))
		return false;
	buf_init(&pem, CRYPTO_PUBLIC_TEXT_MAX);
	return take_pem(arena, crypto_public_from_ed25519(x, &pem), "x", &pem, out, fault);
}

static const struct sort {
	const char *type, *curve;
	enum crypto_pair pair;
	bool (*read)(struct arena *arena, const struct json *jwk, struct public_key *out,
		     struct json_fault *fault);
} sorts[] = {
	{ "RSA", NULL, CRYPTO_RSA, read_rsa },
	{ "EC", "P-256", CRYPTO_P256, read_p256 },
	{ "OKP", "Ed25519", CRYPTO_ED25519, read_ed25519 },
};

/* An optional member that, when it is there, can only say one thing. */
static bool agrees(const struct json *jwk, const char *member, struct str expected, enum json_need need,
		   struct json_fault *fault)
{
	struct str word;

	if (!json_get_str(jwk, member, need, WORD_MAX, &word, fault))
		return false;
	return str_is_null(word) || str_eq(word, expected) ||
	       json_fault_set(fault, member, "has to be " STR_FMT, STR_ARG(expected));
}

static bool has_no_secret(const struct json *jwk, struct json_fault *fault)
{
	static const char *const members[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k" };

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		if (json_get(jwk, members[i]))
			return json_fault_set(fault, members[i],
					      "belongs to a private key: only the public half is taken");
	}
	return true;
}

static bool read_jwk(struct arena *arena, const struct json *jwk, struct public_key *out,
		     struct json_fault *fault)
{
	struct str type;

	if (!has_no_secret(jwk, fault) || !json_get_str(jwk, "kty", JSON_REQUIRED, WORD_MAX, &type, fault) ||
	    !agrees(jwk, "use", STR("sig"), JSON_OPTIONAL, fault) ||
	    !json_get_str(jwk, "kid", JSON_OPTIONAL, CLIENT_TOKEN_KID_MAX, &out->kid, fault))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(sorts); i++) {
		const struct sort *sort = &sorts[i];

		if (!str_eq(type, str_of(sort->type)))
			continue;
		out->pair = sort->pair;
		return (!sort->curve || agrees(jwk, "crv", str_of(sort->curve), JSON_REQUIRED, fault)) &&
		       agrees(jwk, "alg", client_token_algorithm(sort->pair), JSON_OPTIONAL, fault) &&
		       sort->read(arena, jwk, out, fault);
	}
	return json_fault_set(fault, "kty", "has to be RSA, EC or OKP");
}

/* -- several -------------------------------------------------------------- */

static bool read_set(struct arena *arena, const struct json *set, struct public_key *out, size_t *n,
		     struct json_fault *fault)
{
	const struct json *keys;
	char path[MEMBER_MAX];

	if (!json_get_array(set, "keys", JSON_REQUIRED, PUBLIC_KEYS_MAX, &keys, fault))
		return fault_within(fault, "jwks");
	for (const struct json *one = json_first(keys); one; one = json_next(one)) {
		snprintf(path, sizeof(path), "jwks.keys[%zu]", *n);
		if (!json_is_object(one))
			return json_fault_set(fault, path, "has to be an object");
		if (!read_jwk(arena, one, &out[(*n)++], fault))
			return fault_within(fault, path);
	}
	return *n > 0 || json_fault_set(fault, "jwks.keys", "has to hold a key");
}

static bool read_given(struct arena *arena, const struct json *body, struct public_key *out, size_t *n,
		       struct json_fault *fault)
{
	const struct json *jwk, *set;
	struct str pem;

	if (!json_get_str(body, "pem", JSON_OPTIONAL, CRYPTO_PUBLIC_TEXT_MAX, &pem, fault) ||
	    !json_get_object(body, "jwk", JSON_OPTIONAL, &jwk, fault) ||
	    !json_get_object(body, "jwks", JSON_OPTIONAL, &set, fault))
		return false;
	if (!str_is_null(pem) + !!jwk + !!set != 1)
		return json_fault_set(fault, "pem", "or jwk or jwks has to be given, and only one of them");
	if (set)
		return read_set(arena, set, out, n, fault);
	*n = 1;
	if (jwk)
		return read_jwk(arena, jwk, out, fault) || fault_within(fault, "jwk");
	return read_pem(arena, pem, out, fault);
}

static bool read_kid(const struct json *body, bool is_set, struct public_key *out, struct json_fault *fault)
{
	struct str kid;

	if (!json_get_str(body, "kid", JSON_OPTIONAL, CLIENT_TOKEN_KID_MAX, &kid, fault))
		return false;
	if (str_is_null(kid))
		return true;
	if (is_set)
		return json_fault_set(fault, "kid", "names one key: those of a set have their own");
	out->kid = kid;
	return true;
}

/* A key can be asked for by its sid as well, so a kid that looks like one would be ambiguous. */
static bool check_kid(const struct public_key *keys, size_t at, struct json_fault *fault)
{
	struct str kid = keys[at].kid;
	struct sid sid;

	if (kid.n == 0 || str_has_ctl(kid))
		return json_fault_set(fault, "kid", "has to be 1 to %d bytes without control characters",
				      CLIENT_TOKEN_KID_MAX);
	if (sid_parse(kid, "SK", &sid))
		return json_fault_set(fault, "kid", "must not look like a key's sid");
	for (size_t i = 0; i < at; i++) {
		if (str_eq(keys[i].kid, kid))
			return json_fault_set(fault, "kid", "is there twice");
	}
	return true;
}

bool public_keys_read(struct arena *arena, const struct json *body, struct public_key out[PUBLIC_KEYS_MAX],
		      size_t *n, struct json_fault *fault)
{
	const bool is_set = json_get(body, "jwks") != NULL;
	char path[MEMBER_MAX];

	*n = 0;
	memset(out, 0, PUBLIC_KEYS_MAX * sizeof(*out));
	if (!read_given(arena, body, out, n, fault) || !read_kid(body, is_set, out, fault))
		return false;
	for (size_t i = 0; i < *n; i++) {
		if (str_is_null(out[i].kid) || check_kid(out, i, fault))
			continue;
		snprintf(path, sizeof(path), "jwks.keys[%zu]", i);
		return is_set && fault_within(fault, path);
	}
	return true;
}
