/* webhook_request.c - see webhook_request.h. */
#include "common/model/webhook_request.h"

#include "common/base/crypto.h"
#include "common/base/urlenc.h"
#include "common/io/url.h"
#include "common/model/signature.h"

#define SECRET_PREFIX STR("whsec_")

enum { SECRET_MAX = 256 };

void webhook_header(struct http_fetch *fetch, struct str name, struct str value)
{
	if (value.n == 0)
		return;
	INVARIANT(fetch->n_headers < HTTP_FETCH_MAX_HEADERS);
	fetch->headers[fetch->n_headers].name = name;
	fetch->headers[fetch->n_headers].value = value;
	fetch->n_headers++;
}

/* ---- where the body goes ---- */

static struct str with_query(struct arena *arena, struct str url, struct str query)
{
	size_t at;

	if (query.n == 0)
		return url;
	return arena_printf(arena, STR_FMT "%c" STR_FMT, STR_ARG(url), str_find(url, '?', &at) ? '&' : '?',
			    STR_ARG(query));
}

static struct str as_it_travels(struct arena *arena, struct str url)
{
	struct str whole;

	return url_resolve(arena, STR_NULL, url, &whole) ? whole : url_no_fragment(url);
}

static struct str digest_parameter(struct arena *arena, struct str body)
{
	char hex[2 * CRYPTO_MAC_MAX + 1];
	uint8_t digest[CRYPTO_MAC_MAX];
	const size_t n = crypto_digest(CRYPTO_SHA256, body, digest);

	crypto_hex(str_n((const char *)digest, n), hex);
	return arena_printf(arena, "bodySHA256=%s", hex);
}

static void place_body(struct arena *arena, const struct webhook_request *request, struct http_fetch *out)
{
	const struct str url = as_it_travels(arena, request->url);

	switch (request->kind) {
	case WEBHOOK_QUERY:
		out->url = with_query(arena, url, request->body);
		return;
	case WEBHOOK_FORM:
		out->url = url;
		out->content_type = STR("application/x-www-form-urlencoded; charset=UTF-8");
		break;
	case WEBHOOK_JSON:
		out->url = with_query(arena, url, digest_parameter(arena, request->body));
		out->content_type = STR("application/json; charset=utf-8");
		break;
	}
	out->post = true;
	out->body = request->body;
}

/* ---- signatures ---- */

static void sign_as_twilio(struct arena *arena, const struct webhook_request *request, struct str auth_token,
			   struct http_fetch *out)
{
	char signature[SIGNATURE_MAX];
	struct form form = { 0 };

	if (request->kind != WEBHOOK_FORM || form_parse(arena, request->body, &form) != ERR_NONE)
		form.n = 0;
	signature_twilio(auth_token, out->url, form.fields, form.n, signature);
	webhook_header(out, STR("X-Twilio-Signature"), arena_copy(arena, str_of(signature)));
}

static struct str standard_signature(struct arena *arena, struct str key, struct str id, struct str time,
				     struct str body)
{
	uint8_t mac[CRYPTO_MAC_MAX];
	struct buf text, signature;
	struct str out;
	size_t n;

	buf_init(&text, id.n + time.n + body.n + 2);
	buf_put(&text, id);
	buf_putc(&text, '.');
	buf_put(&text, time);
	buf_putc(&text, '.');
	buf_put(&text, body);
	INVARIANT(buf_ok(&text));
	n = crypto_hmac(CRYPTO_SHA256, key, buf_str(&text), mac);

	buf_init(&signature, 64);
	buf_puts(&signature, "v1,");
	crypto_base64(&signature, str_n((const char *)mac, n));
	out = arena_copy(arena, buf_str(&signature));
	buf_fini(&signature);
	buf_fini(&text);
	return out;
}

static void sign_as_standard(struct arena *arena, const struct webhook_request *request, struct str secret,
			     struct http_fetch *out)
{
	struct str time;
	struct buf key;

	if (!str_starts(secret, SECRET_PREFIX))
		return;
	buf_init(&key, SECRET_MAX);
	if (crypto_base64_decode(str_skip(secret, SECRET_PREFIX.n), &key)) {
		time = arena_printf(arena, "%llu", (unsigned long long)request->now_s);
		webhook_header(out, STR("webhook-id"), request->id);
		webhook_header(out, STR("webhook-timestamp"), time);
		webhook_header(out, STR("webhook-signature"),
			       standard_signature(arena, buf_str(&key), request->id, time, out->body));
	}
	if (key.p)
		crypto_wipe(key.p, key.n);
	buf_fini(&key);
}

/* An account is no more by having sub-accounts. */
static struct str tenant_of(const struct account *account)
{
	return sid_is_set(account->parent) ? sid_str(&account->parent) : sid_str(&account->sid);
}

void webhook_prepare(struct arena *arena, const struct webhook_request *request,
		     const struct account *account, const struct settings *settings, struct http_fetch *out)
{
	*out = (struct http_fetch){ .tenant = tenant_of(account),
				    .connect_ms = (unsigned)settings->fetch_connect_ms,
				    .total_ms = request->total_ms ? request->total_ms
								  : (unsigned)settings->fetch_total_ms,
				    .max_body = request->max_answer };
	place_body(arena, request, out);
	sign_as_twilio(arena, request, account->auth_token, out);
	webhook_header(out, STR("I-Twilio-Idempotency-Token"), request->id);
	sign_as_standard(arena, request, account->webhook_secret, out);
	webhook_header(out, STR("Accept"), STR("*/*"));
}
