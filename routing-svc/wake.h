/* wake.h - asks the account's wake_url to wake a client that cannot be rung, by a push for example. */
#pragma once

#include "common/io/flow.h"
#include "common/model/call.h"

/* Signed JSON {account, identity, call, from, media}, once; the flow does not wait for the answer.  A repeat, by who
 * takes the call over, has the same webhook-id. */
void wake_client(struct flow *flow, const struct call *call, struct str identity, struct flow_step next);
