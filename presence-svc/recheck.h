/* recheck.h - whether those who are connected still may be.
 *
 * A channel keeps what a revocation goes by of its token: which key signed it, its
 * id, when it was issued, for whom.  When its account changes (a revocation, a
 * deleted key, a suspension), this worker's channels of that account are checked
 * again, some hundred at a time; channels of other accounts cost nothing.  After
 * a gap in the notices everybody is checked.  Who is good no more hears why, and
 * is gone at once: its registration, its legs, its socket.
 */
#pragma once

#include "common/model/client_token.h"
#include "presence-svc/session.h"

struct recheck;

struct recheck *recheck_new(struct worker *worker);       /* after the worker's accounts */
struct recheck *recheck_free(struct recheck *recheck);    /* after its sessions; returns NULL */

/* The session goes by this token now.  epoch: accounts_epoch() from before the token was
 * looked at; what has changed since is made up for. */
void recheck_keep(struct session *session, const struct client_token *token, uint64_t epoch);
void recheck_forget(struct session *session);             /* it has closed */
