/* fetch.h - requests for instructions, before and after they travel (webhook_request.h signs them). */
#pragma once

#include "common/model/webhook_request.h"
#include "routing-svc/plan.h"

/* The request for call->fetch_url, relative to the document it stood in; URL_FORMAT. */
MUST_USE enum err fetch_instructions(struct arena *arena, const struct call *call, const struct account *account,
                                     const struct settings *settings, struct http_fetch *out);

/* What came of it, as the plan's input: only 2xx is an answer. */
void fetch_judge(struct arena *arena, const struct call *call, const struct http_result *result, struct plan_input *out);
