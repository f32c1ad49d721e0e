/* fetch.c - see fetch.h. */
#include "routing-svc/fetch.h"

#include "common/base/urlenc.h"
#include "common/io/url.h"
#include "common/model/signature.h"
#include "routing-svc/params.h"

/* The token's parameters and the caller's, each character as three, and what a Dial or an error adds. */
enum { PARAMS_MAX = 96 * 1024 };

static struct str with_query(struct arena *arena, struct str url, struct str query)
{
	size_t at;

	return arena_printf(arena, STR_FMT "%c" STR_FMT, STR_ARG(url), str_find(url, '?', &at) ? '&' : '?',
			    STR_ARG(query));
}

static void add_header(struct http_fetch *fetch, struct str name, struct str value)
{
	INVARIANT(fetch->n_headers < HTTP_FETCH_MAX_HEADERS);
	fetch->headers[fetch->n_headers].name = name;
	fetch->headers[fetch->n_headers].value = value;
	fetch->n_headers++;
}

void fetch_prepare(struct arena *arena, const struct signed_request *request, struct str auth_token,
		   const struct settings *settings, struct http_fetch *out)
{
	char signature[SIGNATURE_MAX];
	struct form form = { 0 };

	*out = (struct http_fetch){ .post = !request->get,
				    .url = request->url,
				    .connect_ms = (unsigned)settings->fetch_connect_ms,
				    .total_ms = (unsigned)settings->fetch_total_ms,
				    .max_body = request->max_answer };
	if (request->get) {
		out->url = with_query(arena, request->url, request->body);
	} else {
		out->body = request->body;
		out->content_type = STR("application/x-www-form-urlencoded; charset=UTF-8");
		if (form_parse(arena, request->body, &form) != ERR_NONE)
			form.n = 0;
	}
	signature_twilio(auth_token, out->url, form.fields, form.n, signature);
	add_header(out, STR("X-Twilio-Signature"), arena_copy(arena, str_of(signature)));
	add_header(out, STR("I-Twilio-Idempotency-Token"), request->idempotency);
	add_header(out, STR("Accept"), STR("*/*"));
}

static struct str document_url(const struct call *call)
{
	return call->document_url.n > 0 ? call->document_url : STR_NULL;
}

enum err fetch_instructions(struct arena *arena, const struct call *call, struct str auth_token,
			    const struct settings *settings, struct http_fetch *out)
{
	struct signed_request request = {
		.get = call->fetch_get,
		.idempotency = arena_printf(arena, "%s-%u", call->id.s, call->fetch_number),
		.max_answer = INSTRUCTIONS_MAX,
	};
	struct buf body;

	if (!url_resolve(arena, document_url(call), call->fetch_url, &request.url))
		return ERR_URL_FORMAT;
	buf_init(&body, PARAMS_MAX);
	params_fetch(call, &body);
	request.body = arena_copy(arena, buf_str(&body));
	buf_fini(&body);
	fetch_prepare(arena, &request, auth_token, settings, out);
	return ERR_NONE;
}

void fetch_judge(struct arena *arena, const struct call *call, const struct http_result *result,
		 struct plan_input *out)
{
	*out = (struct plan_input){ .kind = INPUT_FETCHED,
				    .fetch_number = call->fetch_number,
				    .err = result->err };
	if (result->err) {
		out->body = arena_copy(arena, str_of(result->detail));
	} else if (result->status < 200 || result->status > 299) {
		out->err = ERR_FETCH_FAILED;
		out->body = arena_printf(arena, "the server answered %u", result->status);
	} else {
		out->content_type = result->content_type;
		out->body = result->body;
		if (!url_resolve(arena, document_url(call), call->fetch_url, &out->url))
			out->url = STR("");
	}
}
