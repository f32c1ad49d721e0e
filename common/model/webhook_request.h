/* webhook_request.h - a request to the customer's server, signed both ways.  Pure.
 *
 *   X-Twilio-Signature      HMAC with the account's auth token over the URL and the form's
 *                           parameters; a JSON body is bound to the URL by its digest
 *                           (bodySHA256), as the helper libraries check it
 *   webhook-id, -timestamp, -signature
 *                           Standard Webhooks: HMAC with the account's webhook secret over
 *                           id, time and body; left out while the account has none
 *
 * Every repeat of a request carries the same id, so its receiver can tell.
 */
#pragma once

#include "common/io/http_client.h"
#include "common/model/account.h"
#include "common/model/settings.h"

enum webhook_body { WEBHOOK_FORM, WEBHOOK_QUERY, WEBHOOK_JSON };    /* POST, GET, POST */

struct webhook_request {
	struct str url;                  /* absolute; signed as it travels: with a path, without its fragment */
	enum webhook_body kind;
	struct str body;                 /* form text (goes into the URL of a WEBHOOK_QUERY) or JSON */
	struct str id;
	uint64_t now_s;
	size_t max_answer;
	unsigned total_ms;               /* 0: FETCH_TOTAL_MS */
};

/* One more header; "" or STR_NULL: none. */
void webhook_header(struct http_fetch *fetch, struct str name, struct str value);

void webhook_prepare(struct arena *arena, const struct webhook_request *request, const struct account *account,
                     const struct settings *settings, struct http_fetch *out);
