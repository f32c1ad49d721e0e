/* session.h - one client channel: a socket, the token that admitted it, its device, its legs.
 *
 * Messages of a channel are worked on one after the other, in order; those that
 * arrive meanwhile wait, bounded.  What is sent to the device from elsewhere comes
 * through this worker's inbox and is told at most once (a repeated ring or cancel
 * is dropped here).
 *
 *     open -> hello -> registered -> ... -> closed: the registration ends after the account's
 *     grace (farewell.h), calls it was in hear that the device is gone
 */
#pragma once

#include <uthash.h>

#include "common/base/json.h"
#include "common/base/sid.h"
#include "common/io/ws.h"
#include "common/model/keys.h"
#include "common/model/presence.h"

struct client_token;
struct session;
struct session_profile;

enum { SESSION_REGISTERING = -1, SESSION_WAITING_MAX = 64, SESSION_WAITING_BYTES_MAX = 512 * 1024, SESSION_LEGS_MAX = 256 };

enum leg_role {
	LEG_IS_RUNG,
	LEG_IS_TALKING,
	LEG_IS_CALLER,
	LEG_IS_OVER,             /* known a little longer, so that a repeated ring of it is not heard */
};

enum leg_claim { CLAIM_OWN, CLAIM_OF_ANOTHER /* its call was made beside another */, CLAIM_PASSED /* when that one ended */ };

struct session_leg {
	struct sid leg;
	enum leg_role role;
	uint64_t stop_ms;                /* monotonic: a ring ends here even if its bridge is gone; 0: not a ring */
	enum leg_claim claim;
	bool awaited;                    /* it rings, but this channel has not heard its incoming yet */
	int64_t answered;                /* the last ring (attempt) whose answer this channel has heard of */
	struct session_leg *next;
};

struct waiting {                         /* a message that came while another was worked on */
	struct waiting *next;
	size_t n;
	char text[];
};

struct session {
	struct worker *worker;
	struct ws *ws;                   /* NULL once it is closed */
	struct sid account, device, application;
	char identity[IDENTITY_MAX + 1];
	char *parameters;                /* fixed by the token: JSON text, or NULL */
	int64_t registration;            /* 0: not registered; SESSION_REGISTERING: asked for, not known */
	struct session_profile *profile; /* what its device has said of itself; NULL: never registered */
	unsigned heard_round;            /* reassert.h: in which the store was last told of it */
	uint64_t expires_at_s;
	bool admitted, counted, may_call, expired, warned, revoked;
	struct sid key;                  /* that signed the token; not set: an auth token of the account did */
	uint32_t signer;                 /* which one: auth_token_mark */
	char *token_id;
	uint64_t issued_at_s;
	struct recheck_account *peers;   /* recheck.h: the channels of the account; NULL: not among them */
	struct session *peer_prev, *peer_next;
	unsigned round;                  /* of the account, in which it was last checked */
	struct channel_watch *watch;     /* channel_watch.h */
	struct session_leg *legs;
	unsigned n_legs;
	struct session_messages *messages;       /* the last ones that it heard; NULL: none yet */
	struct waiting *waiting, **waiting_end;
	unsigned n_waiting;
	size_t waiting_bytes;
	struct flow *busy;               /* the message being worked on */
	struct loop_timer *timer;        /* whatever comes first: hello, a ring's end, the token's end */
	uint64_t opened_ms;
	UT_hash_handle hh;               /* by device */
	struct session *prev, *next;     /* all of this worker */
};

struct sessions;
typedef void session_receive_fn(struct session *session, struct str text);      /* one message; ends in session_next */

struct sessions *sessions_new(struct worker *worker, session_receive_fn *receive);
struct sessions *sessions_free(struct sessions *sessions);
size_t sessions_count(const struct sessions *sessions);
bool sessions_hold(struct worker *worker, struct sid device);    /* an open channel is this device's */
void sessions_drain(struct sessions *sessions);  /* everybody is told when to come back, and closed, at a pace */

extern const struct ws_ops session_ops;  /* arg: the worker */

/* for the channel's handlers */
struct client_key session_client(struct session *session);
MUST_USE bool session_count(struct session *session, struct sid account);      /* false: the account has too many */
void session_admit(struct session *session, const struct client_token *token); /* what the token says holds now */
void session_bind(struct session *session, struct sid device);   /* now its inbox messages reach it */
void session_registered(struct session *session, int64_t registration);
bool session_unregistered(struct session *session);              /* was it registered? */
void session_replaced(struct session *session);                  /* its device is registered by another channel: it closes */
void session_profile_keep(struct session *session, const struct device_profile *said);
void session_profile_read(const struct session *session, struct arena *arena, struct device_profile *out);
void session_rearm(struct session *session);                     /* something with a time has changed */
struct session_leg *session_leg_find(struct session *session, struct sid leg);
bool session_leg_room(struct session *session);          /* for one more; an old one that is over makes way */
void session_leg_add(struct session *session, struct sid leg, enum leg_role role, uint64_t stop_ms);
void session_leg_await(struct session *session, struct sid leg); /* its device was rung on another channel, and is to be rung here */
void session_leg_stopped(struct session *session, struct sid leg, struct str reason);    /* it was rung on another channel, and that is over */
void session_leg_over(struct session *session, struct sid leg);  /* rejected, cancelled or hung up */
void session_next(struct session *session);                      /* the message at work is done */
void session_close(struct session *session, unsigned code, const char *why);     /* messages that wait are not worked on */
void session_revoke(struct session *session, enum err err);      /* its token is good no more: it hears err, and is gone at once */
bool session_is_gone(const struct session *session);             /* closed, and kept only for its last message */

/* An inbox message for a device: {"to":"DV..","msg":{...}}. arg: the worker */
void sessions_on_message(void *arg, struct str text);
