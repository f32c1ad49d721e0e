/* effects_message.h - what effects mean for a message: it goes to devices, receipts go to its sender's channel.
 *
 * A sender who waits by REST hears the outcome alone (effects.c).
 */
#pragma once

#include "routing-svc/effects.h"

void effects_message_deliver(struct flow *flow, const struct call *call, const struct leg *leg,
                             const struct plan_target *target, struct flow_step next);
void effects_message_receipt(struct flow *flow, const struct call *call, const struct leg *leg, struct flow_step next);
/* Of the effects for the caller's side only the end means something, and that only when nobody has it. */
void effects_message_over(struct flow *flow, const struct call *call, const struct effect *effect, struct flow_step next);
