/* effects_gateway.h - what effects mean for a leg that a gateway is rung for: messages to it (gateway.h).
 *
 * Each is listed once for its leg, however often the effect is repeated.
 */
#pragma once

#include "routing-svc/effects.h"

void effects_gateway_ring(struct flow *flow, const struct call *call, const struct leg *leg,
                          const struct plan_target *target, struct flow_step next);

/* The others; `leg` is also the caller's own, where a gateway's answer has made it the caller. */
void effects_gateway_tell(struct flow *flow, const struct call *call, unsigned leg, const struct effect *effect,
                          struct flow_step next);
