/* listeners.h - requests that stay open to hear of changes: streams and long-polls.
 *
 * Here is what ends one from outside, all by its `end`: the instance drains, its
 * credentials are good no more, the worker stops.  Credentials are looked at again
 * when something of the account, or of the parent whose credentials they are, has
 * changed (a revocation, a deleted key, another auth token, a suspension), a few at a
 * time; listeners of other accounts cost nothing.  While
 * nobody can know, as Redis is away, it is tried again.
 *
 * An open listener counts as one of its account's channels.
 */
#pragma once

#include <uthash.h>

#include "common/io/http.h"
#include "common/model/auth.h"

struct listeners;                        /* one per worker: app->listeners */
struct listener;
struct listener_check;
struct listener_group;

/* ERR_DRAINING; ERR_CLOSED: the worker stops; else why the credentials are good no more.  It may close the listener. */
typedef void listener_end_fn(struct listener *listener, enum err err);

struct listener {                        /* in the request's state */
	struct worker *worker;
	struct flow *request;
	const struct caller *caller;
	listener_end_fn *end;
	/* private */
	struct listener_group *group;    /* of its account; NULL: not open */
	struct listener *prev, *next;
	struct listener_group *lender;   /* of the parent whose credentials it has; NULL: they are its own */
	struct listener *lent_prev, *lent_next;
	struct listener *due_prev, *due_next;
	bool is_due;
	struct listener_check *check;    /* under way */
};

struct listeners *listeners_new(struct worker *worker);          /* after the worker's accounts */
struct listeners *listeners_free(struct listeners *listeners);   /* ends everybody with ERR_CLOSED; NULL is fine; returns NULL */
void listeners_drain(struct listeners *listeners);

/* 503 when the instance drains, 429 when the account holds as many as it may. */
MUST_USE bool listener_open_or_reply(struct listener *listener, struct req *req, listener_end_fn *end);
void listener_close(struct listener *listener);                  /* end is not called any more; closed already is fine */
