/* effects.h - carries out what a plan listed (plan.h): claims settled, parties told.
 *
 * All of them side by side; every one may be repeated.  A failure fails the flow
 * and the list stays in the record.
 */
#pragma once

#include "common/model/call.h"
#include "routing-svc/plan.h"

void effects_run(struct flow *flow, const struct call *call, struct str list, struct flow_step next);

/* Claims that no plan will hear of, taken under that fence; what a successor has claimed since stays. */
void effects_release_claims(struct flow *flow, const struct call *call, int64_t fence, const struct plan_target *targets,
                            const struct claim_result *claims, size_t n, struct flow_step next);
