/* plan_private.h - what the files of the plan share: the small moves. */
#pragma once

#include "routing-svc/plan.h"

enum { FETCH_LATE_MS = 3000, CLAIM_LATE_MS = 5000 };     /* a successor takes over when the owner is silent for so long in these states */

void plan_trace(struct plan *plan, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);
void plan_effect(struct plan *plan, enum effect_op op, unsigned leg, const char *word);
struct str plan_quote(struct plan *plan, struct str text);       /* as a JSON string */

/* instructions */
const struct verb *plan_verb(struct call *call, struct plan *plan);      /* the present one; NULL at the end or unreadable */
void plan_fetch(struct call *call, struct plan *plan, struct str url, bool get, struct str extra);
void plan_fetched(struct call *call, const struct plan_input *input, struct plan *plan);
void plan_run(struct call *call, struct plan *plan);                     /* from call->verb on */

/* the ring */
void plan_claim(struct call *call, struct plan *plan);
void plan_claimed(struct call *call, const struct plan_input *input, struct plan *plan);
void plan_ringing(struct call *call, struct plan *plan);
void plan_connect(struct call *call, struct plan *plan);
void plan_bridged(struct call *call, struct plan *plan);
void plan_drop_legs(struct call *call, struct plan *plan, const char *why);      /* whoever rings or talks */
void plan_dial_over(struct call *call, struct plan *plan, const char *status, const char *outcome);

/* the end */
void plan_end(struct call *call, struct plan *plan, struct str status, const char *outcome, const char *tell_caller);

/* callbacks.c: event is one of EVENT_; leg NULL: the call's own */
void plan_callback(struct call *call, struct plan *plan, const struct leg *leg, unsigned event, const char *status);
