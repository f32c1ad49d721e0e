/* fetch.h - requests to the customer's server, before and after they travel.  Pure.
 *
 * POST (or GET) of form parameters, signed with the account's auth token, with
 * an idempotency token that every repeat of the same request carries.
 */
#pragma once

#include "common/io/http_client.h"
#include "common/model/settings.h"
#include "routing-svc/plan.h"

struct signed_request {
	struct str url;                  /* absolute, without fragment */
	bool get;
	struct str body;                 /* form text; goes into the query of a GET */
	struct str idempotency;
	size_t max_answer;
};

void fetch_prepare(struct arena *arena, const struct signed_request *request, struct str auth_token,
                   const struct settings *settings, struct http_fetch *out);

/* The request for call->fetch_url, relative to the document it stood in; URL_FORMAT. */
MUST_USE enum err fetch_instructions(struct arena *arena, const struct call *call, struct str auth_token,
                                     const struct settings *settings, struct http_fetch *out);

/* What came of it, as the plan's input: only 2xx is an answer. */
void fetch_judge(struct arena *arena, const struct call *call, const struct http_result *result, struct plan_input *out);
