/* plan.h - what a call does next.  Pure: the record in, the changed record and a plan out.
 *
 *                       (Redirect, action)
 *                     +-------------------+
 *                     v                   |
 *     new --------> fetch --> [verbs] ----+--> ended
 *      |              |        |   ^
 *      | outbound-api |        |   | nobody, timeout, declined, hung up
 *      v              v        v   |
 *    claim ------> ringing --> answered --> bridged
 *      ^                                       pause: a verb that only waits
 *      +-- Dial
 *
 * A bridge reads the record, calls plan_next, commits the difference in one
 * fenced step, carries out the effects and then starts the work; whatever comes
 * of it is the input of the next round.  Effects are listed in the commit and
 * stay listed until done, so a successor repeats them: each is idempotent.
 */
#pragma once

#include "common/model/call.h"
#include "common/model/instructions.h"

enum plan_work {
	WORK_NONE,               /* an event or the deadline brings the next round */
	WORK_FETCH,              /* get fetch_url; input FETCHED */
	WORK_CLAIM,              /* claim the devices of the clients whose turn it is; input CLAIMED */
	WORK_AGAIN,              /* another round at once */
};

/* What a bridge has to do to the world, one letter each, as listed in the record:
 *   R n       ring leg n                        C n why   cancel leg n
 *   E n       engage leg n's claim              L n       let leg n's device go (0: the caller's; "busy": in a moment)
 *   A n       tell leg n it is connected (0: the caller)
 *   W 0 name  have that client woken
 *   H n why   hang leg n up (0: the caller)     P 0 word  tell the caller how it goes
 *   N n word  tell leg n (0: the caller) of the other side: held, resumed, or transferred and to whom
 *   X n ...   hang up who was the caller by leg n, and is no more: "device address why"
 *   F n ...   let that device go: "device identity"
 *   Z 0 sid   end that other call: somebody has left it for this one
 *   M n       tell a message's sender that leg n has it
 */
enum effect_op { EFFECT_RING = 'R', EFFECT_CANCEL = 'C', EFFECT_ENGAGE = 'E', EFFECT_LET_GO = 'L', EFFECT_ANSWERED = 'A', EFFECT_HANGUP = 'H', EFFECT_PROGRESS = 'P',
                 EFFECT_WAKE = 'W',
                 EFFECT_NOTICE = 'N', EFFECT_PART = 'X', EFFECT_FREE = 'F', EFFECT_END = 'Z', EFFECT_RECEIPT = 'M' };

struct effect {
	char op;
	unsigned leg;
	struct str word;
};
bool effect_next(struct str *list, struct effect *out);

enum plan_input_kind { INPUT_NONE, INPUT_FETCHED, INPUT_CLAIMED };

struct plan_target {                     /* one client of the ring at hand, or what a Dial names */
	struct str identity;
	struct str from;                         /* whom it is shown as the caller */
	const struct dial_target *target;        /* NULL: the To of an outbound-api call */
	unsigned index;                          /* of the Dial's own target that it comes from */
	struct str refused;                      /* why it is not even asked; STR_NULL: it is */
	bool by_gateway;                         /* identity is a number or address that a gateway rings */
};

struct plan_note {                       /* what happened on the way to an answer, for the trace */
	const char *event;
	struct str url, text;
	unsigned code;                   /* 0: none */
};

struct plan_input {
	enum plan_input_kind kind;
	/* FETCHED */
	enum err err;                    /* of the fetch, or of its status */
	struct str content_type, body, url;      /* body: what failed, after a failure */
	unsigned fetch_number;           /* the fetch it belongs to */
	struct str cookies;              /* the call's from now on; STR_NULL: as they were */
	const struct plan_note *notes;
	size_t n_notes;
	/* CLAIMED */
	const struct plan_target *order;         /* every client of the ring, as in call->order */
	size_t n_order;
	const struct claim_result *claims;       /* of those whose turn it was: order[call->turn] and on */
	size_t n_claims;
	uint64_t wake_ms;                /* clients who are offline can be woken, and waited for so long; 0: they cannot */
	uint64_t ring_proof_ms;          /* so soon every device has to acknowledge its ring; 0: none has to */
};

enum { PLAN_TRACES_MAX = 160, PLAN_CALLBACKS_MAX = 128, PLAN_RING_MAX = 50 };

struct plan_callback {
	struct sid subject;              /* the call or a leg */
	struct str json;                 /* the outbox entry */
};

struct plan {
	struct arena *arena;
	struct str instance;             /* who plans, for the trace: nodes_instance */
	struct buf *effects;
	struct str traces[PLAN_TRACES_MAX];
	size_t n_traces;
	struct plan_callback callbacks[PLAN_CALLBACKS_MAX];
	size_t n_callbacks;
	enum plan_work work;
	bool run_verbs;                  /* private: the decision was to go on with the document */
	uint64_t wait_ms;                /* somebody has to look again after so long; 0: never */
	struct instructions *instructions;       /* of call->document, once read */
};

void plan_next(struct call *call, const struct plan_input *input, struct plan *plan);

/* For the claims: how long it rings, what the Dial names (fewer than max when it names fewer), and how the clients
 * that these come to take turns; with STRATEGY_ALL it is everybody's turn at once. */
uint64_t plan_ring_ms(struct call *call, struct plan *plan);
size_t plan_targets(struct call *call, struct plan *plan, struct plan_target out[], size_t max);
enum dial_strategy plan_strategy(struct call *call, struct plan *plan);

/* Before CLAIMED: a call has room for so many legs.  Every client keeps one device before any
 * keeps a second; the rest goes to surplus, to be released.  How many that are. */
size_t plan_share_room(const struct call *call, struct claim_result claims[], struct claim_result surplus[], size_t n);
