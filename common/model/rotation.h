/* rotation.h - whose turn it is to be first: a counter for each group of an account's clients that is rung in rotation. */
#pragma once

#include "common/base/sid.h"
#include "common/io/flow.h"

enum { ROTATION_KEPT_S = 7 * 24 * 3600 };        /* after the last turn */

/* The next number of that group, from 0 on.  A number may be lost, never given twice. */
void rotation_next(struct flow *flow, struct sid account, struct str group, uint64_t *out, struct flow_step next);
