/* plan_private.h - what the files of the plan share.
 *
 *     plan_text.c <- callbacks.c <- plan_moves.c <- plan_verbs.c <- plan_dial.c <- plan_claim.c <- plan.c
 *                                                                 plan_talk.c
 */
#pragma once

#include "routing-svc/plan.h"

/* A successor takes over when the owner is silent for so long in these states. */
enum { FETCH_LATE_MS = 3000, CLAIM_LATE_MS = 5000, AGAIN_LATE_MS = 1000 };

/* So often somebody looks whether a client who was woken is there. */
enum { WAKE_LOOK_MS = 1000 };

/* So often may documents follow each other while nobody rings and no time passes. */
enum { IDLE_FETCHES_MAX = 100 };

/* plan_text.c */
void plan_trace(struct plan *plan, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);
void plan_effect(struct plan *plan, enum effect_op op, unsigned leg, const char *word);
struct str plan_quote(struct plan *plan, struct str text);               /* as a JSON string */
MUST_USE bool plan_read_document(struct call *call, struct plan *plan, struct instruction_note *why);
const struct verb *plan_verb(struct call *call, struct plan *plan);      /* the present one; NULL at the end or unreadable */

/* callbacks.c: event is one of EVENT_; leg NULL: the call's own */
void plan_callback(struct call *call, struct plan *plan, struct leg *leg, unsigned event, const char *status);

/* plan_moves.c */
void plan_fetch(struct call *call, struct plan *plan, struct str url, bool get, struct str extra);
void plan_claim(struct call *call, struct plan *plan);                   /* a new ring */
void plan_claim_turn(struct call *call, struct plan *plan);              /* of the ring at hand, whoever is next */
void plan_end(struct call *call, struct plan *plan, struct str status, const char *outcome, const char *tell_caller);

/* plan_verbs.c; others set plan->run_verbs and plan.c runs them once the state's decision is made */
void plan_run(struct call *call, struct plan *plan);                     /* from call->verb on */
void plan_document(struct call *call, struct plan *plan, struct str type, struct str body, struct str url);
void plan_fetched(struct call *call, const struct plan_input *input, struct plan *plan);

/* plan_claim.c */
void plan_claimed(struct call *call, const struct plan_input *input, struct plan *plan);
void plan_give_back(struct call *call, const struct plan_input *input, struct plan *plan);

/* plan_talk.c */
void plan_holds(struct call *call, struct plan *plan);                   /* the other side hears of them */
void plan_transfer(struct call *call, struct plan *plan);                /* to call->transfer_to */
void plan_talk_over(struct call *call);                                  /* nothing of it holds for the next one */

/* plan_message.c */
void plan_delivering(struct call *call, struct plan *plan);              /* instead of ringing */

/* plan_dial.c */
void plan_take_place(struct call *call, const struct leg *leg);          /* who answered by it is the caller from here on */
void plan_end_talk(struct call *call, struct plan *plan, const char *tell_or_null);
void plan_ringing(struct call *call, struct plan *plan);
void plan_connect(struct call *call, struct plan *plan);
void plan_bridged(struct call *call, struct plan *plan);
void plan_turn_over(struct call *call, struct plan *plan, const char *status, const char *outcome);     /* the next one's, or the end */
void plan_drop_legs(struct call *call, struct plan *plan, const char *why);      /* whoever rings or talks */
void plan_dial_over(struct call *call, struct plan *plan, const char *status, const char *outcome);
