/* session_private.h - what the files of a client channel share.
 *
 *   session.c         a channel from open to close, the messages that wait, all of a worker
 *   session_clock.c   its one timer: hello, the token's end, rings that nobody ended
 *   session_profile.c what its device has said of itself
 *   session_drain.c   all of a worker are let go, one after the other
 *   session_leg.c     its legs, and what reaches it from elsewhere
 *   session_beside.c  calls that it has made beside another
 *   session_message.c messages and receipts for it, each message once
 *   session_suspect.c its device did not acknowledge a ring, until it is heard again
 */
#pragma once

#include "presence-svc/app.h"
#include "presence-svc/farewell.h"
#include "presence-svc/session.h"

enum { CLOSE_POLICY = 1008, CLOSE_RESTART = 1012 };

struct sessions {
	struct worker *worker;
	session_receive_fn *receive;
	struct session *all;             /* utlist */
	struct session *by_device;       /* uthash */
	size_t count;
	struct session *drain_next;      /* to be let go next */
	size_t drain_per_tick;
	struct loop_timer *drain_timer;
};

static inline struct sessions *sessions_of(struct worker *worker)
{
	return app_of(worker)->sessions;
}

void session_farewell(struct session *session, enum farewell_kind kind); /* its registration ends, if it has one */
struct session *session_by_device(struct worker *worker, struct sid device);     /* NULL: none */

/* session_clock.c */
void session_on_timer(void *arg);

/* session_drain.c */
void sessions_drain_tick(void *arg);

/* session_beside.c */
void session_leg_beside_over(struct session *session, const struct session_leg *over);   /* a leg of it ends */
void session_legs_beside_gone(struct session *session);  /* the calls whose claim it does not have hear that it is gone */

/* session_leg.c */
void session_legs_tell_gone(struct session *session);    /* the calls hear that the device is gone */
void session_legs_free(struct session *session);
void session_leg_lost(struct session *session, struct session_leg *leg);  /* its call has let it go: the client hears the end */
void session_stop_late_rings(struct session *session);   /* a ring whose bridge is gone for good must not ring for ever */
void session_close_if_done(struct session *session);     /* a channel whose token has run out stays only for its calls */

/* session_message.c */
MUST_USE bool session_message_pass(struct worker *worker, struct sid device, const struct json *msg);   /* false: it is neither */

/* session_suspect.c */
void session_suspected(struct session *session);         /* its next byte proves that it lives */
void session_heard(void *arg);                           /* that byte */
