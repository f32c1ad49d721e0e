/* auth_policy.h - the customer's own word on who may register: the account's policy_url.
 *
 * Asked with the account's signatures (webhook_request.h), as JSON:
 *     {"account","identity","token_id","key","device","app","host","address"}
 * 200 with {"allow":true} admits.  {"allow":false,"reason"} or 403 refuses with that
 * reason (POLICY_REFUSED).  Anything else, or nothing within POLICY_TIMEOUT_MS, admits
 * nobody (POLICY_UNAVAILABLE).
 *
 * A yes holds for its token on this worker, as long as the token but at most
 * POLICY_KEPT_S, and until something of the account changes.  A no is not kept.
 */
#pragma once

#include "common/model/account.h"
#include "common/model/client_token.h"

enum { POLICY_KEPT_S = 300 };

struct policy_question {                 /* its texts live until `next` */
	const struct client_token *token;
	struct sid device;
	struct str app, host;
	struct str address;              /* where the client comes from */
};

/* `next` runs when it may register, at once if the account has no policy. */
void policy_ask(struct accounts *accounts, struct flow *flow, const struct policy_question *question, struct flow_step next);
