/* call.h - a call's record, and what may happen to it.
 *
 * The record in Redis is the call; a bridge is whoever works on it at the moment.
 * Everything needed to go on is in it, so another bridge can take over in any
 * state.  Every change is one script: call_commit by the owner (fenced, and only
 * if nobody changed the call since it was read), call_event by whoever heard of
 * something.  Both tiers use events; only routing-svc commits.
 *
 * States and what each waits for (routing-svc/plan.c has the transitions):
 *   new       its owner                       fetch     the customer's server
 *   claim     the claims on the devices       ringing   an answer
 *   answered  its owner, to connect           bridged   a hang-up
 *   pause     time                            ended     nothing any more
 */
#pragma once

#include "common/io/flow.h"
#include "common/io/redis.h"
#include "common/model/presence.h"

enum call_state {
	CALL_NEW, CALL_FETCH, CALL_CLAIM, CALL_RINGING, CALL_ANSWERED, CALL_BRIDGED, CALL_PAUSE, CALL_ENDED,
	CALL_STATE_COUNT
};
struct str call_state_word(enum call_state state);

#define MESSAGE_DELIVERED STR("delivered")       /* reason of a leg, outcome of a message */

enum caller_kind { CALLER_GATEWAY, CALLER_DEVICE, CALLER_API /* nobody yet: the first answer becomes the caller */ };

/* What has been done to a rung device: one letter in the record. */
enum leg_status {
	LEG_RUNG = 'n',
	LEG_ACKNOWLEDGED = 'k',          /* by its device; the owner has not seen it yet */
	LEG_RINGING = 'r',               /* acknowledged and reported */
	LEG_PICKED_UP = 'p',             /* answered before its ringing was reported */
	LEG_ANSWERED = 'a',
	LEG_REJECTED = 'x',
	LEG_CANCELLED = 'c',
	LEG_LOST = 'l',
	LEG_ENDED = 'h',
};

enum { CALL_LEGS_MAX = 200, CALL_LEGS_SPARE = 50, CALL_SDP_MAX = 48 * 1024, CALL_PARAMETERS_MAX = 8 * 1024, CALL_ADDRESS_MAX = 255, CALL_BODY_MAX = 16 * 1024, CALL_WORD_MAX = 32 };

/* Why a ring led to nothing, beside what its user said. */
#define LEG_MISSED STR("timeout")
#define LEG_SILENT STR("unreachable")    /* not acknowledged */

struct leg {
	unsigned number;
	unsigned attempt;
	char status;                     /* enum leg_status */
	struct str reason;               /* of a rejection or loss, or why it was cancelled */
	struct str identity;
	struct sid device;
	struct address address;
	unsigned target;                 /* which target of the Dial it came from */
	int64_t lost_until_ms;           /* its channel is gone; it may come back until then; 0: no */
	struct str candidates;           /* said before it was connected: JSON strings, a comma between */
	bool moved;                      /* it rings, and its device has another channel since: it is to be rung there */
	unsigned sequence;               /* of its next status callback */
};

struct call {
	struct sid id;
	struct sid account;
	struct str from, to;
	bool outbound_api;               /* direction: outbound-api, else inbound */
	unsigned medium;
	struct sid application;
	struct str body;                 /* of a message; empty: it is a call */
	bool answer_with_call;           /* a call all the same: the body comes with the ring */
	struct str parameters;           /* JSON object of strings: custom parameters of the caller */
	struct str fixed;                /* JSON object of strings: fixed by the caller's token */
	int64_t created_ms;

	/* who calls */
	enum caller_kind caller;
	struct str caller_identity;
	struct sid caller_device;
	struct address caller_address;   /* its channel's inbox, or the worker where a gateway waits */
	unsigned caller_leg;             /* the leg by which that device knows the call: 0, or the one that answered first */
	struct str sdp;                  /* the caller's offer */
	struct str candidates;           /* said before it was connected, as those of legs */
	int64_t caller_lost_until_ms;

	/* where instructions come from */
	struct str voice_url, fallback_url, inline_document;
	bool voice_get, fallback_get;
	struct str status_callback;
	bool status_callback_get;
	unsigned status_events;
	unsigned ring_s;                 /* of the first ring of an outbound-api call */
	unsigned time_limit_s;

	/* where it stands */
	enum call_state state;
	int64_t revision, fence;
	int64_t now_ms;                  /* of the store, when this was read */
	struct str owner;
	int64_t up_ms;                   /* since when the call is in progress: the caller's side is connected; 0: not yet */
	int64_t until_ms, ended_ms, answered_ms;
	struct str hangup_reason;
	int hangup_leg;                  /* -1: nobody hung up */
	struct str control;              /* wanted by REST */

	/* instructions at hand */
	struct str document, document_type, document_url;
	unsigned verb;                   /* index of the next one */
	struct str fetch_url, fetch_extra;       /* extra: form text of Dial results or the error of the first URL */
	bool fetch_get, fetch_is_fallback;
	unsigned fetch_number;           /* makes the idempotency token */
	unsigned idle_fetches;           /* since somebody rang or time passed */
	struct str cookies;              /* of the customer's servers; routing-svc/cookies.h */

	/* the ring */
	bool first_ring;                 /* of an outbound-api call: its answer runs the instructions */
	bool rang;                       /* some device has acknowledged */
	unsigned attempt;
	struct str order;                /* the clients it comes to, see routing-svc/ring_order.h; empty: not known yet */
	unsigned turn;                   /* how many of them have had theirs */
	int64_t wake_until_ms;           /* clients were woken, and are waited for until then; 0: not in this Dial */
	int64_t proof_until_ms;          /* then who has not acknowledged its ring is skipped; 0: nobody is */
	unsigned leg_count;
	struct leg *legs;                /* legs[0] is number 1; room for CALL_LEGS_SPARE more than there are */
	unsigned winner;                 /* leg number, 0: none */
	struct str answer_sdp;

	/* the talk: written by lua/call_talk.lua */
	struct str update;               /* the last offer: "number", while it is open "number leg until_ms" */
	unsigned hold, hold_told;        /* who holds, and of whom the other side has heard it: 1 the caller, 2 the winner */
	struct str transfer_to;          /* wanted: "client:bob" */
	unsigned transfer_leg;           /* by whom; 0: the caller */
	struct str transfer_with;        /* the only device to follow, and the leg by which it is in a talk still: "DV.. CA.."; empty: any */
	bool is_transferred;             /* the document is of a transfer */

	struct str effects;              /* listed in the last commit, not yet known to be done; see routing-svc/plan.h */
	struct str dial_status;          /* of the last Dial */
	struct str dial_leg;             /* sid */
	unsigned dial_duration_s;
	bool dial_bridged;
	struct str status, outcome;      /* of an ended call: Twilio's word, and ours */
	unsigned sequence;               /* of the call's own next status callback */

	/* wanted by REST in mid-call: other instructions */
	struct str redirect_url, redirect_document;      /* one of them, or none */
	bool redirect_get;
};

static inline bool call_is_message(const struct call *call)
{
	return call->body.n > 0 && !call->answer_with_call;
}

static inline bool leg_rings(const struct leg *leg)
{
	return leg->status == LEG_RUNG || leg->status == LEG_ACKNOWLEDGED || leg->status == LEG_RINGING;
}

/* A gateway rings a number or address, which is the leg's identity then: common/model/gateway.h. */
static inline bool leg_is_gateways(const struct leg *leg)
{
	return !sid_is_set(leg->device);
}
struct str leg_address(struct arena *arena, const struct leg *leg);      /* "client:alice", "+15550123", "sip:..." */

static inline struct leg *call_leg(struct call *call, unsigned number)
{
	return number >= 1 && number <= call->leg_count ? &call->legs[number - 1] : NULL;
}

/* Of a transfer of two talks into one: who comes along, and the leg that it leaves. */
MUST_USE bool call_comes_along(const struct call *call, struct sid *device, struct sid *leg);

/* Reads the whole record into the flow's arena; NOT_FOUND. */
void call_read(struct flow *flow, struct sid id, struct call *out, struct flow_step next);

/* Only what lists show: parties, direction, state, times.  A call that is gone has no account. */
void call_read_summary(struct flow *flow, struct sid id, struct call *out, struct flow_step next);

/* The fields in which two states of a call differ, as the record has them.  A time that
 * is CALL_NOW, or CALL_NOW minus n, becomes the store's own now, or n ms from it. */
enum { CALL_NOW = -1, CALL_CHANGES_MAX = 300 };
struct call_changes {
	size_t n;                        /* of pairs */
	struct str *pair;                /* name, value ... */
};
void call_diff(struct arena *arena, const struct call *before, const struct call *after, struct call_changes *out);

/* A copy to compare with later; its legs are its own. */
struct call call_copy(struct arena *arena, const struct call *call);

/* After a commit: the times that were CALL_NOW and the like, now that the store has told its own. */
void call_fix_times(struct call *call, int64_t now_ms);

/* ---- making ---- */

/* Writes a new record from id, account, from, to, ... of *call (state NEW), owned by `owner`. */
void call_create(struct flow *flow, const struct call *call, struct address owner, struct str trace, struct flow_step next);

/* Whoever made this call has not heard that it is made: it ends, if it is there or still comes. */
void call_unmake(struct worker *worker, struct sid id);

/* ---- events ---- */

struct call_event {
	const char *event;               /* ringing, receipt, answer, reject, unreachable, gone, back, hangup, control, redirect: see lua/call_event.lua */
	struct sid leg;                  /* the call itself: the caller; for gone and control any leg */
	unsigned attempt;                /* 0: any */
	struct str word, text;
	unsigned *leg_out;               /* may be NULL: which leg it was */
	struct str *ring_out;            /* of back, may be NULL: "rings", or why its leg rings no more; STR_NULL: it did not */
	bool *refused;                   /* NULL: a refusal fails the flow; else it is told here, and the flow goes on */
};

/* Applies the event and nudges the owner.  A refusal fails the flow with its own
 * error (ALREADY_ANSWERED, CALL_ENDED, ...). */
void call_tell(struct flow *flow, const struct call_event *event, struct flow_step next);
/* The same as a job of its own, where nobody waits for the outcome. */
void call_tell_later(struct worker *worker, const struct call_event *event);

/* A device of the call has lost its channel: it may come back within LEG_LOST_MS. */
void call_device_gone(struct worker *worker, struct sid call, struct sid device);

enum { CALL_TRACE_MAX = 8192 };
/* One line of a call's trace.  instance: nodes_instance; fmt: the members of its detail, as JSON. */
struct str call_trace(struct arena *arena, struct str instance, const char *event, const char *fmt, ...) PRINTF_LIKE(4, 5);
