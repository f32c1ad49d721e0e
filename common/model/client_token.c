/* client_token.c - a JWT's shape, signature and times; its permissions are read
 * by client_token_grants.c.
 *
 *     client_token_read    shape, algorithm, who claims to have made it
 *     (the caller finds that key or account in our own records)
 *     client_token_verify  signature, issuer, times, permissions
 *
 * Between the two nothing of the payload is used but the name of the key.
 */
#include "common/model/client_token_grants.h"

static const struct algorithm {
	struct str name;
	enum crypto_hash hash;
} algorithms[] = {
	{ { "HS256", 5 }, CRYPTO_SHA256 },
	{ { "HS384", 5 }, CRYPTO_SHA384 },
	{ { "HS512", 5 }, CRYPTO_SHA512 },
};

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

static bool header_is_acceptable(const struct json *header, struct client_token_draft *out)
{
	const struct json *type = json_get(header, "typ"), *content = json_get(header, "cty");
	struct str name = json_string(json_get(header, "alg"));

	if (json_get(header, "crit") || (type && !str_eq_nocase(json_string(type), STR("JWT"))))
		return false;
	if (content && !str_eq(json_string(content), STR("twilio-fpa;v=1")))
		return false;
	out->is_access = content != NULL;

	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
		if (str_eq(name, algorithms[i].name)) {
			out->hash = algorithms[i].hash;
			return true;
		}
	}
	return false;
}

static enum err read_header(struct arena *arena, struct str part, struct client_token_draft *out)
{
	struct json *header = NULL;
	struct str text;
	bool is_acceptable;

	if (!decode(arena, part, &text) || !(header = parse_object(text)))
		return ERR_TOKEN_INVALID;
	is_acceptable = header_is_acceptable(header, out);
	json_free(header);
	return is_acceptable ? ERR_NONE : ERR_TOKEN_HEADER;
}

static enum err read_issuer(const struct json *claims, struct client_token_draft *out)
{
	struct str issuer = json_string(json_get(claims, "iss"));
	const struct json *subject = json_get(claims, "sub");

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

static enum err read_mac(struct arena *arena, struct str part, struct client_token_draft *out)
{
	struct str mac;

	if (!decode(arena, part, &mac) || mac.n > sizeof(out->mac))
		return ERR_TOKEN_INVALID;
	memcpy(out->mac, mac.p, mac.n);
	out->mac_len = mac.n;
	return ERR_NONE;
}

enum err client_token_read(struct arena *arena, struct str text, struct client_token_draft *out)
{
	struct str rest = text, header, payload, mac;
	uint8_t digest[CRYPTO_MAC_MAX];
	enum err err;

	*out = (struct client_token_draft){ 0 };
	if (text.n > CLIENT_TOKEN_MAX || !str_split(&rest, '.', &header) ||
	    !str_split(&rest, '.', &payload) || !str_split(&rest, '.', &mac) || !str_is_null(rest))
		return ERR_TOKEN_INVALID;

	if ((err = read_header(arena, header, out)) || (err = read_mac(arena, mac, out)) ||
	    (err = read_payload(arena, payload, out)))
		return err;
	out->signed_part = arena_copy(arena, str_n(text.p, text.n - mac.n - 1));
	crypto_digest(CRYPTO_SHA256, text, digest);
	memcpy(out->sha256, digest, sizeof(out->sha256));
	return ERR_NONE;
}

/* -- verifying ------------------------------------------------------------ */

static bool signature_is_right(const struct client_token_draft *draft, struct str secret)
{
	uint8_t mac[CRYPTO_MAC_MAX];
	size_t len;

	if (secret.n == 0)
		return false;
	len = crypto_hmac(draft->hash, secret, draft->signed_part, mac);
	return crypto_equal(str_n((const char *)mac, len), str_n((const char *)draft->mac, draft->mac_len));
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
			    const struct client_token_draft *draft, uint64_t now_s, struct client_token *out)
{
	struct json_fault fault;
	struct str id = STR_NULL;
	enum err err = check_times(claims, now_s, out);
	bool is_fine;

	if (err)
		return err;
	if (!json_get_str(claims, "jti", JSON_OPTIONAL, CLIENT_TOKEN_MAX, &id, &fault))
		return ERR_TOKEN_INVALID;
	out->id = id_of(arena, id, out);
	is_fine = draft->is_access ? access_grants_read(arena, claims, out) : scopes_read(arena, claims, out);
	return is_fine ? ERR_NONE : ERR_TOKEN_GRANTS;
}

enum err client_token_verify(struct arena *arena, const struct client_token_draft *draft, struct sid account,
			     struct str secret, uint64_t now_s, struct client_token *out)
{
	struct json *claims;
	enum err err;

	*out = (struct client_token){ .account = account, .identity = STR(""), .parameters = STR("{}") };
	if (!signature_is_right(draft, secret))
		return ERR_TOKEN_SIGNATURE;
	if (!sid_is_set(account) || !sid_eq(draft->account, account))
		return ERR_TOKEN_ISSUER;

	if (draft->is_access)
		out->key = draft->issuer;
	memcpy(out->sha256, draft->sha256, sizeof(out->sha256));
	claims = parse_object(draft->payload);
	if (!claims)
		return ERR_TOKEN_INVALID;
	err = read_claims(arena, claims, draft, now_s, out);
	json_free(claims);
	return err;
}

/* -- asking --------------------------------------------------------------- */

static bool pattern_matches(struct str pattern, struct str identity)
{
	if (str_ends(pattern, STR("*")))
		return str_starts(identity, str_n(pattern.p, pattern.n - 1));
	return str_eq(pattern, identity);
}

bool client_token_may_watch(const struct client_token *token, struct str identity)
{
	if (identity.n == 0)
		return false;
	if (str_eq(token->identity, identity))
		return true;
	for (size_t i = 0; i < token->n_watch; i++) {
		if (pattern_matches(token->watch[i], identity))
			return true;
	}
	return false;
}
