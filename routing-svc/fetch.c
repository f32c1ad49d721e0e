/* fetch.c - see fetch.h. */
#include "routing-svc/fetch.h"

#include "common/base/clock.h"
#include "common/io/url.h"
#include "routing-svc/params.h"

/* The token's parameters and the caller's, each character as three, and what a Dial or an error adds. */
enum { PARAMS_MAX = 96 * 1024 };

static struct str document_url(const struct call *call)
{
	return call->document_url.n > 0 ? call->document_url : STR_NULL;
}

enum err fetch_instructions(struct arena *arena, const struct call *call, const struct account *account,
			    const struct settings *settings, struct http_fetch *out)
{
	struct webhook_request request = {
		.kind = call->fetch_get ? WEBHOOK_QUERY : WEBHOOK_FORM,
		.id = arena_printf(arena, "%s-%u", call->id.s, call->fetch_number),
		.now_s = clock_wall_s(),
		.max_answer = INSTRUCTIONS_MAX,
	};
	struct buf body;

	if (!url_resolve(arena, document_url(call), call->fetch_url, &request.url))
		return ERR_URL_FORMAT;
	buf_init(&body, PARAMS_MAX);
	params_fetch(call, &body);
	request.body = arena_copy(arena, buf_str(&body));
	buf_fini(&body);
	webhook_prepare(arena, &request, account, settings, out);
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
