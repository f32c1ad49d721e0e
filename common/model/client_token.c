/* client_token.c - a JWT's shape, signature and times; its permissions are read
 * by client_token_grants.c.
 *
 *     client_token_read    shape, algorithm, who claims to have made it
 *     (the caller finds that key or account in our own records)
 *     client_token_verify  is it the key's algorithm, signature, issuer, audience, times, permissions
 *
 * Between the two nothing of the payload is used but the names of key and account.
 */
#include "common/model/client_token_grants.h"

static const struct shared_algorithm {
	struct str name;
	enum crypto_hash hash;
} shared_algorithms[] = {
	{ { "HS256", 5 }, CRYPTO_SHA256 },
	{ { "HS384", 5 }, CRYPTO_SHA384 },
	{ { "HS512", 5 }, CRYPTO_SHA512 },
};

static const struct str pair_algorithms[] = {
	[CRYPTO_RSA] = { "RS256", 5 },
	[CRYPTO_P256] = { "ES256", 5 },
	[CRYPTO_ED25519] = { "EdDSA", 5 },
};

struct str client_token_algorithm(enum crypto_pair pair)
{
	return pair_algorithms[pair];
}

static bool decode(struct arena *arena, struct str part, struct str *out)
{
	struct buf bytes;
	bool is_base64;

	buf_init(&bytes, CLIENT_TOKEN_MAX);
	is_base64 = crypto_base64url_decode(part, &bytes);
	if (is_base64)
		*out = arena_copy(arena, buf_str(&bytes));
	buf_fini(&bytes);
	return is_base64;
}

/* an object or nothing */
static struct json *parse_object(struct str text)
{
	struct json *doc;

	if (json_parse(text, &doc, NULL) != ERR_NONE)
		return NULL;
	return json_is_object(doc) ? doc : json_free(doc);
}

static bool read_algorithm(struct str name, struct client_token_draft *out)
{
	for (size_t i = 0; i < ARRAY_LEN(shared_algorithms); i++) {
		if (str_eq(name, shared_algorithms[i].name)) {
			out->hash = shared_algorithms[i].hash;
			return true;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(pair_algorithms); i++) {
		if (str_eq(name, pair_algorithms[i])) {
			out->pair = (enum crypto_pair)i;
			out->is_by_pair = true;
			return true;
		}
	}
	return false;
}

/* A secret's key is named by iss; what kid may say beside it is not looked at. */
static bool read_kid(struct arena *arena, const struct json *header, struct client_token_draft *out)
{
	struct str kid = json_string(json_get(header, "kid"));

	if (!out->is_by_pair)
		return true;
	out->kid = arena_copy(arena, kid);
	return kid.n > 0 && kid.n <= CLIENT_TOKEN_KID_MAX && !str_has_ctl(kid);
}

static bool header_is_acceptable(struct arena *arena, const struct json *header,
				 struct client_token_draft *out)
{
	const struct json *type = json_get(header, "typ"), *content = json_get(header, "cty");

	if (json_get(header, "crit") || (type && !str_eq_nocase(json_string(type), STR("JWT"))))
		return false;
	if (content && !str_eq(json_string(content), STR("twilio-fpa;v=1")))
		return false;
	if (!read_algorithm(json_string(json_get(header, "alg")), out))
		return false;
	out->is_access = content || out->is_by_pair;
	return read_kid(arena, header, out);
}

static enum err read_header(struct arena *arena, struct str part, struct client_token_draft *out)
{
	struct json *header = NULL;
	struct str text;
	bool is_acceptable;

	if (!decode(arena, part, &text) || !(header = parse_object(text)))
		return ERR_TOKEN_INVALID;
	is_acceptable = header_is_acceptable(arena, header, out);
	json_free(header);
	return is_acceptable ? ERR_NONE : ERR_TOKEN_HEADER;
}

static enum err read_issuer(const struct json *claims, struct client_token_draft *out)
{
	struct str issuer = json_string(json_get(claims, "iss"));
	const struct json *subject = json_get(claims, "sub");

	if (out->is_by_pair)
		return sid_parse(json_string(subject), "AC", &out->account) ? ERR_NONE : ERR_TOKEN_ISSUER;
	if (!sid_parse(issuer, out->is_access ? "SK" : "AC", &out->issuer))
		return ERR_TOKEN_ISSUER;
	if (!out->is_access)
		out->account = out->issuer;
	else if (subject && !sid_parse(json_string(subject), "AC", &out->account))
		return ERR_TOKEN_ISSUER;
	return ERR_NONE;
}

static enum err read_payload(struct arena *arena, struct str part, struct client_token_draft *out)
{
	struct json *claims = NULL;
	enum err err;

	if (!decode(arena, part, &out->payload) || !(claims = parse_object(out->payload)))
		return ERR_TOKEN_INVALID;
	err = read_issuer(claims, out);
	json_free(claims);
	return err;
}

static enum err read_signature(struct arena *arena, struct str part, struct client_token_draft *out)
{
	const size_t longest = out->is_by_pair ? CRYPTO_SIGNATURE_MAX : CRYPTO_MAC_MAX;

	if (!decode(arena, part, &out->signature) || out->signature.n > longest)
		return ERR_TOKEN_INVALID;
	return ERR_NONE;
}

enum err client_token_read(struct arena *arena, struct str text, struct client_token_draft *out)
{
	struct str rest = text, header, payload, signature;
	uint8_t digest[CRYPTO_MAC_MAX];
	enum err err;

	*out = (struct client_token_draft){ 0 };
	if (text.n > CLIENT_TOKEN_MAX || !str_split(&rest, '.', &header) ||
	    !str_split(&rest, '.', &payload) || !str_split(&rest, '.', &signature) || !str_is_null(rest))
		return ERR_TOKEN_INVALID;

	if ((err = read_header(arena, header, out)) || (err = read_signature(arena, signature, out)) ||
	    (err = read_payload(arena, payload, out)))
		return err;
	out->signed_part = arena_copy(arena, str_n(text.p, text.n - signature.n - 1));
	crypto_digest(CRYPTO_SHA256, text, digest);
	memcpy(out->sha256, digest, sizeof(out->sha256));
	return ERR_NONE;
}

/* -- verifying ------------------------------------------------------------ */

static bool algorithm_is_the_keys(const struct client_token_draft *draft, const struct client_token_key *key)
{
	return str_eq(key->algorithm, draft->is_by_pair ? pair_algorithms[draft->pair] : STR(""));
}

static bool signature_is_right(const struct client_token_draft *draft, const struct client_token_key *key)
{
	uint8_t mac[CRYPTO_MAC_MAX];
	size_t len;

	if (draft->is_by_pair)
		return crypto_verify(draft->pair, key->public_key, draft->signed_part, draft->signature);
	if (key->secret.n == 0)
		return false;
	len = crypto_hmac(draft->hash, key->secret, draft->signed_part, mac);
	return crypto_equal(str_n((const char *)mac, len), draft->signature);
}

static bool issuer_is_the_keys(const struct json *claims, const struct client_token_key *key)
{
	const struct json *claim = json_get(claims, "iss");
	struct str issuer = json_string(claim);

	if (key->issuer.n > 0)
		return str_eq(issuer, key->issuer);
	return !claim || str_eq(issuer, sid_str(&key->sid)) || (key->kid.n > 0 && str_eq(issuer, key->kid));
}

/* "aud" is one name or a list of them (RFC 7519, 4.1.3). */
static bool audience_is(const struct json *claims, struct str expected)
{
	const struct json *claim = json_get(claims, "aud");

	if (expected.n == 0 || str_eq(json_string(claim), expected))
		return true;
	for (const struct json *one = json_is_array(claim) ? json_first(claim) : NULL; one;
	     one = json_next(one)) {
		if (str_eq(json_string(one), expected))
			return true;
	}
	return false;
}

/* A secret's key was found by iss, so that is right; a public key was not. */
static enum err check_parties(const struct json *claims, const struct client_token_draft *draft,
			      const struct client_token_key *key)
{
	if (!draft->is_by_pair)
		return ERR_NONE;
	if (!issuer_is_the_keys(claims, key))
		return ERR_TOKEN_ISSUER;
	return audience_is(claims, key->audience) ? ERR_NONE : ERR_TOKEN_AUDIENCE;
}

/* The lifetime counts from the moment of issue that the token states; one that
 * it places in the future must not buy more time, so then it counts from now. */
static bool lifetime_is_short(int64_t issued, int64_t expires, int64_t now)
{
	if (issued < 0 || issued > now + CLIENT_TOKEN_SKEW_S)
		issued = now;
	return expires - issued <= CLIENT_TOKEN_LIFETIME_MAX_S;
}

static enum err check_times(const struct json *claims, uint64_t now_s, struct client_token *out)
{
	static const int64_t latest = INT64_C(1) << 53, not_given = -1;
	int64_t now = (int64_t)now_s, expires, issued = not_given, starts = not_given;
	struct json_fault fault;

	if (!json_get_int(claims, "exp", JSON_REQUIRED, 0, latest, &expires, &fault) ||
	    !json_get_int(claims, "iat", JSON_OPTIONAL, 0, latest, &issued, &fault) ||
	    !json_get_int(claims, "nbf", JSON_OPTIONAL, 0, latest, &starts, &fault))
		return ERR_TOKEN_INVALID;
	if (expires + CLIENT_TOKEN_SKEW_S <= now)
		return ERR_TOKEN_EXPIRED;
	if (starts > now + CLIENT_TOKEN_SKEW_S)
		return ERR_TOKEN_NOT_YET;
	if (!lifetime_is_short(issued != not_given ? issued : starts, expires, now))
		return ERR_TOKEN_LIFETIME;
	out->expires_at_s = (uint64_t)expires;
	/* A date in the future would outlive a revocation of everything issued until now. */
	if (issued != not_given && issued <= now + CLIENT_TOKEN_SKEW_S)
		out->issued_at_s = (uint64_t)issued;
	return ERR_NONE;
}

/* Every token has an id by which it can be revoked. */
static struct str id_of(struct arena *arena, struct str jti, const struct client_token *token)
{
	char hex[2 * sizeof(token->sha256) + 1];

	if (jti.n > 0 && jti.n <= CLIENT_TOKEN_ID_MAX && !str_has_ctl(jti))
		return arena_copy(arena, jti);
	crypto_hex(str_n((const char *)token->sha256, sizeof(token->sha256)), hex);
	return arena_copy(arena, str_of(hex));
}

static enum err read_claims(struct arena *arena, const struct json *claims,
			    const struct client_token_draft *draft, const struct client_token_key *key,
			    uint64_t now_s, struct client_token *out)
{
	struct json_fault fault;
	struct str id = STR_NULL;
	enum err err;
	bool is_fine;

	if ((err = check_parties(claims, draft, key)) || (err = check_times(claims, now_s, out)))
		return err;
	if (!json_get_str(claims, "jti", JSON_OPTIONAL, CLIENT_TOKEN_MAX, &id, &fault))
		return ERR_TOKEN_INVALID;
	out->id = id_of(arena, id, out);
	is_fine = draft->is_access ? access_grants_read(arena, claims, out) : scopes_read(arena, claims, out);
	return is_fine ? ERR_NONE : ERR_TOKEN_GRANTS;
}

enum err client_token_verify(struct arena *arena, const struct client_token_draft *draft, struct sid account,
			     const struct client_token_key *key, uint64_t now_s, struct client_token *out)
{
	struct json *claims;
	enum err err;

	*out = (struct client_token){ .account = account, .identity = STR(""), .parameters = STR("{}") };
	if (!algorithm_is_the_keys(draft, key))
		return ERR_TOKEN_HEADER;
	if (!signature_is_right(draft, key))
		return ERR_TOKEN_SIGNATURE;
	if (!sid_is_set(account) || !sid_eq(draft->account, account))
		return ERR_TOKEN_ISSUER;

	if (draft->is_access)
		out->key = key->sid;
	memcpy(out->sha256, draft->sha256, sizeof(out->sha256));
	claims = parse_object(draft->payload);
	if (!claims)
		return ERR_TOKEN_INVALID;
	err = read_claims(arena, claims, draft, key, now_s, out);
	json_free(claims);
	return err;
}

/* -- asking --------------------------------------------------------------- */

bool client_token_pattern_covers(struct str pattern, struct str prefix)
{
	return str_ends(pattern, STR("*")) && str_starts(prefix, str_n(pattern.p, pattern.n - 1));
}

bool client_token_pattern_permits(struct str pattern, struct str identity)
{
	return client_token_pattern_covers(pattern, identity) || str_eq(pattern, identity);
}

bool client_token_may_watch(const struct client_token *token, struct str identity)
{
	if (identity.n == 0)
		return false;
	if (str_eq(token->identity, identity))
		return true;
	for (size_t i = 0; i < token->n_watch; i++) {
		if (client_token_pattern_permits(token->watch[i], identity))
			return true;
	}
	return false;
}

bool client_token_may_watch_prefix(const struct client_token *token, struct str prefix)
{
	for (size_t i = 0; i < token->n_watch; i++) {
		if (client_token_pattern_covers(token->watch[i], prefix))
			return true;
	}
	return false;
}
