/* outbox_entry.h - what the entries of an outbox say.  Pure.
 *
 *   outbox_of_calls      JSON: {"url","get","account","body","id"}, written when the event happened
 *   outbox_of_presence   "event|status before|occurred_ms|line of the client" (lua/_client.lua), made
 *                        into a request when it is delivered: the account's webhook URL of that moment
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
	                              struct webhook_request *out);
};

extern const struct outbox_kind outbox_of_calls, outbox_of_presence;
