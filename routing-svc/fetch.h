/* fetch.h - asking a customer's server for instructions, from the first request to the answer.  No I/O here.
 *
 *     fetch_begin -> fetch_request -> (travels) -> fetch_take -+-> FETCH_DONE: *out is the plan's input
 *                        ^                                     |
 *                        +-- FETCH_AGAIN: redirected, or it ---+
 *                            failed and is asked again
 *
 * Everything of one course shares one budget of time, one count of repeats (fetch_options.h), the
 * call's cookies (cookies.h) and one idempotency token; each request is signed for the URL it goes
 * to.  Nothing of it stands in the record: who takes a call over begins anew, under the same token.
 */
#pragma once

#include "common/model/webhook_request.h"
#include "routing-svc/fetch_options.h"
#include "routing-svc/plan.h"

enum { FETCH_REDIRECTS_MAX = 3, FETCH_NOTES_MAX = 10 };

struct fetch_course {                    /* private but for budget_ms */
	struct arena *arena;
	const struct call *call;         /* borrowed until FETCH_DONE, as are the next two */
	const struct account *account;
	const struct settings *settings;
	struct fetch_options options;
	uint64_t budget_ms, ends_ms;
	struct str url, body, cookies;
	bool get;
	unsigned redirects, repeats;
	struct plan_note notes[FETCH_NOTES_MAX];
	size_t n_notes;
};

enum fetch_move { FETCH_DONE, FETCH_AGAIN };

/* For call->fetch_url, relative to the document it stood in; URL_FORMAT.  now_ms: monotonic. */
MUST_USE enum err fetch_begin(struct fetch_course *course, struct arena *arena, const struct call *call,
                              const struct account *account, const struct settings *settings, uint64_t now_ms);
void fetch_request(const struct fetch_course *course, uint64_t now_ms, struct http_fetch *out);

/* What came of it.  AGAIN: after *pause_ms.  DONE: *out; only 2xx is an answer. */
MUST_USE enum fetch_move fetch_take(struct fetch_course *course, const struct http_result *result, uint64_t now_ms,
                                    uint64_t *pause_ms, struct plan_input *out);

/* Nothing was asked: why. */
void fetch_refuse(const struct call *call, enum err err, struct plan_input *out);
