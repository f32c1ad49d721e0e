/* presence_private.h - what every operation on a client begins with.  Private to presence.c, device.c, claim.c, override.c. */
#pragma once

#include "common/model/presence.h"

struct client_op {
	struct client_key client;        /* in the flow's arena */
	unsigned partition;
	struct str key;                  /* c:{pN}:AC:identity */
	void *out;
	struct flow_step next;
};

struct client_op *client_op_new(struct flow *flow, struct client_key client, void *out, struct flow_step next) MUST_USE;
struct str client_op_number(struct flow *flow, int64_t v);

/* The fields of a packed record, divided by '|'. */
struct str packed_next(struct str *packed);
int64_t packed_int(struct str *packed);
