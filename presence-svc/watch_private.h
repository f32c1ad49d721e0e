/* watch_private.h - the graph of who watches whom.  Private to watch*.c.
 *
 *     watches ─┬─ realm: an account ─┬─ topic: one of its partitions ── subject: a client ─┐
 *              │                     ├─ crowd: a prefix ── watching: a watcher of it       edge
 *              │                     └─ watcher ──────────────────────────────────────────┘
 *              └─ due: watchers that have something to be told
 *
 * watch_graph.c keeps the graph, watch_source.c feeds it from Redis, watch.c is the owner's side.
 *
 * A subject is there while somebody watches it.  Everybody in a crowd has an edge to every subject of its
 * prefix that the store has ever seen; a subject without a version (-1) is not known yet, or not any more.
 */
#pragma once

#include "common/base/base.h"

#define uthash_malloc(size)   x_alloc(size)
#define uthash_free(p, size)  x_free(p)
#define uthash_fatal(message) invariant_failed(message, __FILE__, __LINE__)
#include <uthash.h>
#include <utlist.h>

#include "common/io/redis_sub.h"
#include "common/model/account_rules.h"
#include "common/model/keys.h"
#include "common/model/presence.h"
#include "presence-svc/watch.h"

enum { VERSION_UNKNOWN = -1 };

enum edge_state {
	EDGE_TOLD,               /* the watcher knows the subject's state */
	EDGE_FRESH,              /* it waits for its place in a snapshot; in watcher->fresh */
	EDGE_DIRTY,              /* the state has changed since; in watcher->dirty */
};

struct edge {
	struct subject *subject;
	struct watcher *watcher;
	struct edge *prev, *next;        /* of the subject */
	struct edge *wprev, *wnext;      /* of the watcher */
	struct edge *qprev, *qnext;      /* of the queue that it is in */
	int64_t after;                   /* a snapshot tells only of higher versions */
	enum edge_state state;
	bool named;                      /* watched by its name, not only by a prefix */
};

struct subject {
	struct topic *topic;
	UT_hash_handle hh;
	struct edge *edges;
	struct edge *mark;               /* that of a watcher who looks for his edges */
	struct subject *uprev, *unext;   /* of topic->unread */
	bool unread;
	bool seen;                       /* by the store, some time: crowds have it */
	int64_t version;
	char *json;
	size_t json_n;
	size_t n;
	char identity[];
};

struct topic {
	struct realm *realm;
	unsigned nth;                    /* of the account's partitions */
	struct redis_channel *channels[2];       /* under the cluster secret, and under the one before */
	bool open, was_live;
	int64_t counter;                 /* of the last message; 0: none yet */
	uint64_t epoch;                  /* what was asked before a gap is no answer any more */
	struct subject *subjects;
	struct subject *unread;          /* to be asked for */
	struct topic *prev, *next;       /* of watches->hungry */
	bool hungry;
};

struct watching {                        /* one watcher's part in a crowd */
	struct crowd *crowd;
	struct watcher *watcher;
	struct watching *prev, *next;    /* of the crowd */
	struct watching *wprev, *wnext;  /* of the watcher */
	int64_t after;
	bool told;                       /* its snapshot is complete: newcomers are changes */
};

struct crowd {
	struct realm *realm;
	UT_hash_handle hh;               /* by prefix */
	struct watching *watchings;
	bool listed;                     /* every client of the prefix is a subject */
	uint64_t listing;                /* the number of the job that is at it; 0: none */
	bool waits;                      /* in watches->unlisted */
	struct crowd *prev, *next;
	size_t n;
	char prefix[IDENTITY_MAX + 1];
};

struct realm {
	struct watches *watches;
	struct sid account;
	UT_hash_handle hh;
	struct topic topics[KEYS_SPREAD];
	struct crowd *crowds;
	uint16_t lengths[IDENTITY_MAX + 1];      /* how many crowds have a prefix so long */
	struct watcher *watchers;
	size_t n_edges;
	struct realm *prev, *next;       /* of watches->idle */
	uint64_t idle_since_ms;          /* 0: somebody watches */
};

struct watcher {
	struct watches *watches;
	struct realm *realm;
	struct watcher_conf conf;
	struct edge *edges;
	size_t n_edges;
	struct edge *fresh, *dirty;
	struct watching *watchings;
	size_t n_watchings;
	struct watcher *prev, *next;     /* of the realm */
	struct watcher *dprev, *dnext;   /* of watches->due */
	uint64_t due_ms;
	bool due;
	bool snapshot_due;               /* one has been asked for and is not complete */
	bool resumed;                    /* and all of it goes on behind a cursor */
	const char *resync;              /* has to start over, because ... */
	enum err cut;                    /* has to end, because ... */
	int64_t told, cursor;            /* the highest version told; everything up to the cursor was told */
	uint64_t stalled_since_ms;       /* 0: it keeps up */
	size_t stalled_queue;
	uint64_t known_mark;             /* the last subject found to have an edge from here; see join_crowds */
	unsigned busy;                   /* frames on the stack that come back to it */
	bool freed;
};

struct watches {
	struct worker *worker;
	struct realm *realms;
	struct realm *idle;
	size_t n_edges, max_edges;
	uint64_t batch_ms;
	uint64_t epochs, marks;
	struct watcher *due;
	struct loop_timer *flush, *retry, *sweep;
	struct topic *hungry;
	struct crowd *unlisted;
	unsigned reads, listings;        /* under way */
};

/* ---- watch_graph.c: no I/O ---- */

struct realm *realm_of(struct watches *watches, struct sid account);             /* made when it is not there */
struct realm *realm_find(struct watches *watches, struct sid account);
void realm_free(struct realm *realm);
struct topic *topic_of(struct realm *realm, struct str identity);

struct subject *subject_find(struct topic *topic, struct str identity);
struct subject *subject_of(struct topic *topic, struct str identity);            /* made; unread */
void subject_drop_unused(struct subject *subject);
void subject_unread(struct subject *subject);                                    /* has to be asked for */
void subject_apply(struct subject *subject, const struct presence *presence);    /* only what is newer */

void watcher_marks(struct watcher *watcher, bool set);                           /* subject->mark of all its subjects */
/* Fresh, or fresh again; between watcher_marks on and off. */
void edge_watch(struct watcher *watcher, struct subject *subject, bool named, int64_t after);
void edge_refresh(struct edge *edge, int64_t after);
void edge_free(struct edge *edge);                                               /* and the subject, if it was the last */
bool edges_have_room(const struct realm *realm, size_t more);                    /* no account takes all that a loop has */
void edge_settle(struct edge *edge);                                             /* out of its queue: told */

/* The crowds that a client belongs to, one after the other; *at begins as 0. */
struct crowd *crowd_next(struct realm *realm, struct str identity, size_t *at);
void crowd_join(struct realm *realm, struct str prefix, struct watcher *watcher, int64_t after);
void crowd_leave(struct watching *watching);
struct watching *watching_find(struct watcher *watcher, struct str prefix);
void crowd_unlist(struct crowd *crowd);                                          /* has to be listed (again) */
void crowd_unread(struct crowd *crowd);                  /* those of its subjects that no list brought: asked for by name */

void watcher_wake(struct watcher *watcher);                                      /* it is told, soon */

/* ---- watch_source.c: Redis ---- */

MUST_USE bool topic_open(struct topic *topic);           /* false: too many channels */
void topic_close(struct topic *topic);
bool topic_is_live(const struct topic *topic);           /* subscribed: what it does not say has not happened */
void source_pump(struct watches *watches);               /* asks for what is not known, some at a time */

