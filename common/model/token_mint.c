/* token_mint.c - see token_mint.h.
 *
 *     token_order_read  the request's body, each member checked as the reader of tokens will check it
 *     token_mint        header, claims, signature
 */
#include "common/model/token_mint.h"

enum { PARAMETERS_COUNT_MAX = 128, JTI_RANDOM = 8 };

/* -- the order ------------------------------------------------------------ */

static bool read_outgoing(const struct json *body, struct token_order *out, struct json_fault *fault)
{
	const struct json *outgoing;
	struct str application;

	if (!json_get_object(body, "outgoing", JSON_OPTIONAL, &outgoing, fault))
		return false;
	if (!outgoing)
		return true;
	if (!json_get_str(outgoing, "application_sid", JSON_REQUIRED, SID_LEN, &application, fault) ||
	    !sid_parse(application, "AP", &out->application))
		return json_fault_set(fault, "outgoing.application_sid", "has to be AP and 32 hex digits");
	if (!json_get_object(outgoing, "parameters", JSON_OPTIONAL, &out->parameters, fault) ||
	    json_count(out->parameters) > PARAMETERS_COUNT_MAX)
		return json_fault_set(fault, "outgoing.parameters",
				      "has to be an object of at most %d members", PARAMETERS_COUNT_MAX);
	for (const struct json *one = json_first(out->parameters); one; one = json_next(one)) {
		if (!json_is_string(one))
			return json_fault_set(fault, "outgoing.parameters", "may only hold strings");
	}
	return true;
}

static bool read_watch(const struct json *body, struct token_order *out, struct json_fault *fault)
{
	if (!json_get_array(body, "watch", JSON_OPTIONAL, CLIENT_TOKEN_WATCH_MAX, &out->watch, fault))
		return false;
	for (const struct json *one = json_first(out->watch); one; one = json_next(one)) {
		if (!client_token_pattern_is_valid(json_string(one)))
			return json_fault_set(fault, "watch",
					      "has to hold identities, directories like support/*, or *");
	}
	return true;
}

bool token_order_read(const struct json *body, struct token_order *out, struct json_fault *fault)
{
	int64_t ttl_s = TOKEN_TTL_PRESET_S;

	out->incoming = true;
	if (!json_get_str(body, "identity", JSON_REQUIRED, IDENTITY_MAX, &out->identity, fault))
		return false;
	if (!identity_is_valid(out->identity))
		return json_fault_set(fault, "identity", "is not the name of a client");
	if (!json_get_int(body, "ttl", JSON_OPTIONAL, 1, CLIENT_TOKEN_LIFETIME_MAX_S, &ttl_s, fault) ||
	    !json_get_bool(body, "incoming", &out->incoming, fault) ||
	    !json_get_bool(body, "override", &out->override, fault))
		return false;
	out->ttl_s = (uint64_t)ttl_s;
	return read_outgoing(body, out, fault) && read_watch(body, out, fault);
}

/* -- the token ------------------------------------------------------------ */

static void put_voice(struct json_writer *w, const struct token_order *order)
{
	if (!order->incoming && !sid_is_set(order->application))
		return;
	json_name(w, "voice");
	json_object(w);
	if (order->incoming) {
		json_name(w, "incoming");
		json_object(w);
		json_bool(w, "allow", true);
		json_object_end(w);
	}
	if (sid_is_set(order->application)) {
		json_name(w, "outgoing");
		json_object(w);
		json_str(w, "application_sid", sid_str(&order->application));
		if (order->parameters) {
			json_name(w, "params");
			json_put(w, order->parameters);
		}
		json_object_end(w);
	}
	json_object_end(w);
}

static void put_presence(struct json_writer *w, const struct token_order *order)
{
	if (!order->watch && !order->override)
		return;
	json_name(w, "presence");
	json_object(w);
	if (order->watch) {
		json_name(w, "watch");
		json_put(w, order->watch);
	}
	if (order->override)
		json_bool(w, "override", true);
	json_object_end(w);
}

static void put_claims(struct buf *out, const struct token_order *order, const struct minted_token *minted)
{
	struct json_writer w;

	json_begin(&w, out);
	json_object(&w);
	json_str(&w, "jti", minted->id);
	json_name(&w, "grants");
	json_object(&w);
	json_str(&w, "identity", order->identity);
	put_voice(&w, order);
	put_presence(&w, order);
	json_object_end(&w);
	json_int(&w, "iat", (int64_t)order->issued_at_s);
	json_int(&w, "exp", (int64_t)minted->expires_at_s);
	json_str(&w, "iss", sid_str(&order->key));
	json_str(&w, "sub", sid_str(&order->account));
	json_object_end(&w);
}

static struct str new_id(struct arena *arena, const struct token_order *order)
{
	uint8_t random[JTI_RANDOM];
	char hex[2 * JTI_RANDOM + 1];

	crypto_random(random, sizeof(random));
	crypto_hex(str_n((const char *)random, sizeof(random)), hex);
	return arena_printf(arena, "%s-%llu-%s", order->key.s, (unsigned long long)order->issued_at_s, hex);
}

static void sign(struct buf *token, struct str secret)
{
	uint8_t mac[CRYPTO_MAC_MAX];
	const size_t len = crypto_hmac(CRYPTO_SHA256, secret, buf_str(token), mac);

	buf_putc(token, '.');
	crypto_base64url(token, str_n((const char *)mac, len));
}

bool token_mint(struct arena *arena, const struct token_order *order, struct minted_token *out)
{
	static const struct str header = { "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"cty\":\"twilio-fpa;v=1\"}",
					   50 };
	struct buf claims, token;
	bool is_fine;

	out->id = new_id(arena, order);
	out->expires_at_s = order->issued_at_s + order->ttl_s;
	buf_init(&claims, CLIENT_TOKEN_MAX);
	buf_init(&token, CLIENT_TOKEN_MAX);
	put_claims(&claims, order, out);
	crypto_base64url(&token, header);
	buf_putc(&token, '.');
	crypto_base64url(&token, buf_str(&claims));
	sign(&token, order->secret);
	is_fine = buf_ok(&claims) && buf_ok(&token);
	out->text = is_fine ? arena_copy(arena, buf_str(&token)) : STR_NULL;
	buf_fini(&token);
	buf_fini(&claims);
	return is_fine;
}
