/* call_party.h - the two sides of a call that are connected with each other. */
#pragma once

#include "common/model/call.h"

struct call_party {
	unsigned leg;                    /* by which that side knows the call */
	struct sid device;               /* on a channel; not set: a gateway that was rung for this leg */
	struct address address;
};

/* Who is on the other side of this leg (0: the caller); false while nobody is, or nobody who can be told anything. */
MUST_USE bool call_other_side(const struct call *call, unsigned leg, struct call_party *out);

void call_pass_candidate(struct flow *flow, const struct call *call, const struct call_party *to, struct str candidate,
                         struct flow_step next);
