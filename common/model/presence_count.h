/* presence_count.h - how many clients of an account have names that start so; by the index, without reading them. */
#pragma once

#include "common/io/flow.h"
#include "common/base/sid.h"

/* prefix "" for all.  More than `most` fails the flow with ERR_WATCH_TOO_MANY. */
void presence_count(struct flow *flow, struct sid account, struct str prefix, size_t most, size_t *out, struct flow_step next);
