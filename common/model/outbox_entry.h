/* outbox_entry.h - what the entries of an outbox say.  Pure, but for on_over.
 *
 *   outbox_of_calls      JSON: {"url","get","account","body","id"}, written when the event happened
 *   outbox_of_presence   "event|status before|occurred_ms|line of the client" (lua/_client.lua), made
 *                        into a request when it is delivered: the account's webhook URL of that moment
 *   outbox_of_gateway    what a gateway is told of a leg (gateway.h)
 */
#pragma once

#include "common/model/keys.h"
#include "common/model/webhook_request.h"

enum { OUTBOX_SUBJECT_MAX = SID_LEN + 1 + IDENTITY_MAX };

enum outbox_verdict {
	OUTBOX_SEND,
	OUTBOX_UNWANTED,                 /* the account has no URL for it */
	OUTBOX_UNREADABLE,
};

struct outbox_kind {
	const char *name;                /* of the jobs, for the log */
	const char *subject_name;        /* key on log lines */
	struct str (*label_of)(struct str subject);      /* what a person calls it; borrowed */
	bool (*slot_of)(struct str subject, struct key_slot *out);
	bool (*account_of)(struct str subject, struct str entry, struct sid *out);
	enum outbox_verdict (*render)(struct arena *arena, struct str subject, struct str entry, const struct account *account,
	                              const struct settings *settings, struct webhook_request *out);

	/* Both or neither.  Where given: is a failure the last one?  Then the entry is dropped, and who has to know is told. */
	bool (*is_over)(struct str entry, const struct http_result *result, int64_t now_ms);
	void (*on_over)(struct flow *flow, struct str subject, struct str entry, const struct http_result *result,
	                struct flow_step next);
};

extern const struct outbox_kind outbox_of_calls, outbox_of_presence;
