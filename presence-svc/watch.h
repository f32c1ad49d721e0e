/* watch.h - who on this worker watches whom: the one mechanism below the channel's watch, streams and long-polls.
 *
 *     watcher_new -> watcher_add, watcher_add_prefix -> snapshot, presence, presence ... -> watcher_free
 *
 * A snapshot, in one frame or more, then changes on the same stream, without a gap (E5): the worker
 * subscribes first, reads when that is confirmed, and applies only higher versions.  Changes are gathered
 * for WATCH_BATCH_MS, the latest wins.  A slow transport is written to only while less than half of its queue
 * waits; changes gather meanwhile (never more than one for each client), and after WATCH_STALL_MS without any
 * progress the watcher is cut.  Whatever was missed (connection to Redis lost, a message lost) gives
 * `resync` and then a snapshot of everything that is watched (E6).
 *
 * Permission is asked for each client in each frame (E14).
 *
 * Callbacks come from the loop, never inside a call of this module; each may free the watcher.
 */
#pragma once

#include "common/base/json.h"
#include "common/base/sid.h"
#include "common/io/flow.h"

struct watches;                          /* one per worker: app->watches */
struct watcher;

enum { WATCHED_MAX = 10000, WATCHED_PREFIXES_MAX = 100, WATCH_CURSOR_MAX = 32 };

struct watch_client {
	struct str identity;
	int64_t version;                 /* 0: never seen */
	struct str json;                 /* its presence document, as GET Presence shows it */
};

struct watch_frame {                     /* borrowed during the callback */
	const struct watch_client *clients;
	size_t n;                        /* 0: a snapshot of nobody */
	bool more;                       /* of a snapshot: its next frame follows */
	bool resumed;                    /* of a snapshot: only who has changed since the cursor that was given */
	struct str cursor;               /* goes on behind this frame, on any instance */
};

struct watch_ops {
	void (*snapshot)(void *arg, const struct watch_frame *frame);
	void (*presence)(void *arg, const struct watch_frame *frame);
	void (*resync)(void *arg, const char *reason);           /* what was told is stale; a whole snapshot follows */
	void (*cut)(void *arg, enum err err, const char *why);   /* the last one; nothing is watched any more */
	size_t (*queued)(void *arg);                             /* bytes that the transport has not got rid of */
	bool (*may)(void *arg, struct str identity);             /* NULL: everybody of the account may be watched */
};

struct watcher_conf {
	struct sid account;
	const struct watch_ops *ops;     /* not copied */
	void *arg;
	size_t max_queue;                /* the transport's limit, bytes */
};

struct watcher *watcher_new(struct worker *worker, const struct watcher_conf *conf);
struct watcher *watcher_free(struct watcher *watcher);   /* no callback any more; NULL is fine; returns NULL */

/* Each is followed by one snapshot of those it names (several at once may share it).  Watching somebody
 * again gives his state again.  since: STR_NULL, or the cursor of an earlier frame for the same clients: then
 * the snapshot is only of those who have changed since, or, if that cannot be known any more, `resync` and all.
 * ERR_BAD_FIELD: no cursor; ERR_WATCH_TOO_MANY: more than WATCHED_MAX clients or
 * WATCHED_PREFIXES_MAX prefixes; ERR_OVERLOAD: this worker watches enough, or the account.
 * On an error nothing has changed.  Names have to be valid, and permitted as far as the owner wants to say so. */
MUST_USE enum err watcher_add(struct watcher *watcher, const struct str identities[], size_t n, struct str since);
/* Everybody whose name starts so, also who comes later; "" for the whole account.  Ask watch_count first: a
 * prefix that turns out to match too many cuts the watcher. */
MUST_USE enum err watcher_add_prefix(struct watcher *watcher, struct str prefix, struct str since);
void watcher_remove(struct watcher *watcher, const struct str identities[], size_t n);
void watcher_remove_prefix(struct watcher *watcher, struct str prefix);
void watcher_remove_all(struct watcher *watcher);
size_t watcher_count(const struct watcher *watcher);     /* clients watched */
bool watcher_is_watching(const struct watcher *watcher); /* somebody, or a prefix of nobody yet */

/* How many clients have names that start so; more than WATCHED_MAX fails the flow with ERR_WATCH_TOO_MANY. */
void watch_count(struct flow *flow, struct sid account, struct str prefix, size_t *out, struct flow_step next);

/* The frame's members, for an object that the transport has begun: "clients":[..],"cursor":"..", and "more":true
 * and "resumed":true when they are. */
void watch_frame_put(struct json_writer *w, const struct watch_frame *frame);

struct watches *watches_new(struct worker *worker);
struct watches *watches_free(struct watches *watches);   /* every watcher has to be gone */
