/* watch.c - the owner's side of a watcher: what it watches, and the frames that it gets.
 *
 *     watcher_add -> (watch_source.c, watch_graph.c) -> watcher_wake -> on_flush -> flush: cut,
 *     or resync, then snapshot frames, then presence frames, while the transport has room
 *
 * Each edge is told at most once in a frame, with the state that is known then; so a slow watcher costs
 * no more memory than a fast one.
 */
#include "presence-svc/watch_private.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/node.h"
#include "common/model/presence_count.h"
#include "presence-svc/app.h"
#include "presence-svc/watch_cursor.h"

enum {
	FRAME_CLIENTS_MAX = 250,
	FRAME_BYTES_MAX = 32 * 1024,
	FLUSH_MS = 5,	  /* at once; then others of this loop have their turn */
	LINGER_MS = 5000, /* who polls comes again */
	SWEEP_MS = 1000,
};

struct batch { /* a frame being gathered */
	struct watch_client clients[FRAME_CLIENTS_MAX];
	size_t n, bytes;
};

static void on_flush(void *arg);
static void on_sweep(void *arg);

static struct watches *watches_of(struct worker *worker)
{
	return app_of(worker)->watches;
}

/* ---- frames ---- */

static bool batch_is_full(const struct batch *batch, const struct watcher *watcher,
			  const struct subject *subject)
{
	const size_t limit = MIN(watcher->conf.max_queue / 4, (size_t)FRAME_BYTES_MAX);

	return batch->n == FRAME_CLIENTS_MAX || (batch->n > 0 && batch->bytes + subject->json_n > limit);
}

/* Leaves the queue; what the watcher may not see, or has seen, is left out. */
static void batch_take(struct batch *batch, struct edge *edge)
{
	const struct watcher_conf *conf = &edge->watcher->conf;
	const struct subject *subject = edge->subject;
	const struct str identity = str_n(subject->identity, subject->n);
	const bool old = edge->state == EDGE_FRESH && subject->version <= edge->after;

	edge_settle(edge);
	if (old || (conf->ops->may && !conf->ops->may(conf->arg, identity)))
		return;
	batch->clients[batch->n++] = (struct watch_client){ .identity = identity,
							    .version = subject->version,
							    .json = str_n(subject->json, subject->json_n) };
	batch->bytes += subject->json_n;
	edge->watcher->told = MAX(edge->watcher->told, subject->version);
}

static void gather(struct batch *batch, struct watcher *watcher, struct edge *const *queue)
{
	batch->n = 0;
	batch->bytes = 0;
	while (*queue && (*queue)->subject->version != VERSION_UNKNOWN &&
	       topic_is_live((*queue)->subject->topic) && !batch_is_full(batch, watcher, (*queue)->subject))
		batch_take(batch, *queue);
}

static void send_frame(struct watcher *watcher, const struct batch *batch,
		       void (*fn)(void *arg, const struct watch_frame *frame), bool more, bool resumed)
{
	const bool all_is_told = !watcher->fresh && !watcher->dirty && !watcher->snapshot_due;
	char space[WATCH_CURSOR_MAX];

	if (all_is_told)
		watcher->cursor = watcher->told;
	metric_add(METRIC_watch_frames_total, 1);
	metric_add(METRIC_watch_updates_total, (int64_t)batch->n);
	fn(watcher->conf.arg, &(struct watch_frame){
				      .clients = batch->clients,
				      .n = batch->n,
				      .more = more,
				      .resumed = resumed,
				      .cursor = watch_cursor_write(space, nodes_epoch(), watcher->cursor),
			      });
}

static bool everybody_is_listed(const struct watcher *watcher)
{
	const struct watching *watching;

	for (watching = watcher->watchings; watching; watching = watching->wnext) {
		if (!watching->crowd->listed)
			return false;
	}
	return true;
}

static bool send_snapshot(struct watcher *watcher, struct batch *batch)
{
	const bool resumed = watcher->resumed;
	struct watching *watching;

	if (!watcher->snapshot_due)
		return false;
	gather(batch, watcher, &watcher->fresh);
	if (!watcher->fresh && everybody_is_listed(watcher)) {
		watcher->snapshot_due = false;
		watcher->resumed = false;
		for (watching = watcher->watchings; watching; watching = watching->wnext)
			watching->told = true;
	} else if (batch->n == 0) {
		return false;
	}
	send_frame(watcher, batch, watcher->conf.ops->snapshot, watcher->snapshot_due, resumed);
	return true;
}

static bool send_presence(struct watcher *watcher, struct batch *batch)
{
	gather(batch, watcher, &watcher->dirty);
	if (batch->n == 0)
		return false;
	send_frame(watcher, batch, watcher->conf.ops->presence, false, false);
	return true;
}

/* ---- a slow transport ---- */

static bool has_room(const struct watcher *watcher)
{
	return watcher->conf.ops->queued(watcher->conf.arg) <= watcher->conf.max_queue / 2;
}

/* Anything that it got rid of counts as progress. */
static void wait_for_room(struct watcher *watcher)
{
	const uint64_t stall_ms = worker_common(watcher->watches->worker)->settings->watch_stall_ms;
	const size_t queued = watcher->conf.ops->queued(watcher->conf.arg);
	const uint64_t now = clock_mono_ms();

	if (watcher->stalled_since_ms == 0 || queued < watcher->stalled_queue) {
		watcher->stalled_since_ms = now;
		watcher->stalled_queue = queued;
	} else if (now - watcher->stalled_since_ms >= stall_ms) {
		watcher->cut = ERR_WATCH_TOO_SLOW;
	}
	watcher_wake(watcher);
}

/* ---- flushing ---- */

static void detach(struct watcher *watcher)
{
	while (watcher->watchings)
		crowd_leave(watcher->watchings);
	while (watcher->edges)
		edge_free(watcher->edges);
	watcher->snapshot_due = false;
	watcher->resync = NULL;
}

static void cut(struct watcher *watcher)
{
	const enum err err = watcher->cut;

	log_info("watcher_cut", "acct=%s err=%s watched=%zu", watcher->conf.account.s, err_name(err),
		 watcher->n_edges);
	metric_add(METRIC_watch_cuts_total, 1);
	detach(watcher);
	watcher->conf.ops->cut(watcher->conf.arg, err, err_text(err));
}

static void start_over(struct watcher *watcher)
{
	const char *why = watcher->resync;
	struct watching *watching;
	struct edge *edge;

	metric_add(METRIC_watch_resyncs_total, 1);
	watcher->resync = NULL;
	watcher->snapshot_due = true;
	watcher->resumed = false;
	watcher->told = 0;
	watcher->cursor = 0;
	for (edge = watcher->edges; edge; edge = edge->wnext)
		edge_refresh(edge, VERSION_UNKNOWN);
	for (watching = watcher->watchings; watching; watching = watching->wnext) {
		watching->told = false;
		watching->after = VERSION_UNKNOWN;
	}
	watcher->conf.ops->resync(watcher->conf.arg, why);
}

static void write_frames(struct watcher *watcher)
{
	struct batch batch;

	while (!watcher->freed && !watcher->cut && !watcher->resync) {
		if (!has_room(watcher)) {
			wait_for_room(watcher);
			return;
		}
		if (!send_snapshot(watcher, &batch) && !send_presence(watcher, &batch))
			break;
		watcher->stalled_since_ms = 0;
	}
}

static void flush(struct watcher *watcher)
{
	watcher->busy++;
	if (watcher->cut) {
		cut(watcher);
	} else {
		if (watcher->resync)
			start_over(watcher);
		write_frames(watcher);
	}
	if (--watcher->busy == 0 && watcher->freed)
		x_free(watcher);
}

static void on_flush(void *arg)
{
	struct watches *watches = arg;
	const uint64_t start = clock_mono_ms();
	uint64_t now = start;
	struct watcher *watcher;

	while ((watcher = watches->due) != NULL && watcher->due_ms <= now && now - start < FLUSH_MS) {
		DL_DELETE2(watches->due, watcher, dprev, dnext);
		watcher->due = false;
		flush(watcher);
		now = clock_mono_ms();
	}
	if (watches->due)
		loop_timer_start(watches->flush, watches->due->due_ms > now ? watches->due->due_ms - now : 0);
}

/* ---- what is watched ---- */

static void ask_for_snapshot(struct watcher *watcher, const struct watch_cursor *since, bool is_watching)
{
	const bool goes_on = since->given && !since->stale;

	watcher->resumed = goes_on && (watcher->resumed || !watcher->snapshot_due);
	if (goes_on && !is_watching)
		watcher->cursor = watcher->told = since->version;
	else if (goes_on)
		watcher->cursor = MIN(watcher->cursor, since->version);
	else
		watcher->cursor = 0; /* there is none until all is told */
	if (since->stale)
		watcher->resync = "cursor";
	watcher->snapshot_due = true;
	watcher_wake(watcher);
	source_pump(watcher->watches);
}

static bool topics_open(struct realm *realm, const struct str identities[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!topic_open(topic_of(realm, identities[i])))
			return false;
	}
	return true;
}

/* Between watcher_marks. */
static size_t count_new(const struct watcher *watcher, const struct str identities[], size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const struct subject *subject =
			subject_find(topic_of(watcher->realm, identities[i]), identities[i]);

		count += !subject || !subject->mark;
	}
	return count;
}

static void add(struct watcher *watcher, struct str identity, int64_t after)
{
	struct subject *subject = subject_of(topic_of(watcher->realm, identity), identity);

	if (!subject->edges) /* else it is known, or has been asked for */
		subject_unread(subject);
	edge_watch(watcher, subject, true, after);
}

enum err watcher_add(struct watcher *watcher, const struct str identities[], size_t n, struct str since)
{
	const bool is_watching = watcher_is_watching(watcher);
	struct watch_cursor cursor;
	size_t count;

	if (!watch_cursor_read(since, nodes_epoch(), &cursor))
		return ERR_BAD_FIELD;
	watcher_marks(watcher, true);
	count = count_new(watcher, identities, n);
	if (watcher->n_edges + count <= WATCHED_MAX && edges_have_room(watcher->realm, count) &&
	    topics_open(watcher->realm, identities, n)) {
		for (size_t i = 0; i < n; i++)
			add(watcher, identities[i], cursor.after);
		watcher_marks(watcher, false);
		ask_for_snapshot(watcher, &cursor, is_watching);
		return ERR_NONE;
	}
	watcher_marks(watcher, false);
	return watcher->n_edges + count > WATCHED_MAX ? ERR_WATCH_TOO_MANY : ERR_OVERLOAD;
}

enum err watcher_add_prefix(struct watcher *watcher, struct str prefix, struct str since)
{
	const bool is_watching = watcher_is_watching(watcher);
	struct watch_cursor cursor;

	if (!watch_cursor_read(since, nodes_epoch(), &cursor))
		return ERR_BAD_FIELD;
	/* One that matches nobody costs something too. */
	if (watcher->n_watchings >= WATCHED_PREFIXES_MAX && !watching_find(watcher, prefix))
		return ERR_WATCH_TOO_MANY;
	for (unsigned i = 0; i < KEYS_SPREAD; i++) {
		if (!topic_open(&watcher->realm->topics[i]))
			return ERR_OVERLOAD;
	}
	crowd_join(watcher->realm, prefix, watcher, cursor.after);
	ask_for_snapshot(watcher, &cursor, is_watching);
	return ERR_NONE;
}

static bool is_covered(const struct watcher *watcher, struct str identity)
{
	const struct watching *watching;

	for (watching = watcher->watchings; watching; watching = watching->wnext) {
		if (str_starts(identity, str_n(watching->crowd->prefix, watching->crowd->n)))
			return true;
	}
	return false;
}

/* Neither by its name nor by a prefix: then it goes. */
static void edge_check(struct edge *edge)
{
	if (!edge->named && !is_covered(edge->watcher, str_n(edge->subject->identity, edge->subject->n)))
		edge_free(edge);
}

void watcher_remove(struct watcher *watcher, const struct str identities[], size_t n)
{
	watcher_marks(watcher, true);
	for (size_t i = 0; i < n; i++) {
		struct subject *subject =
			subject_find(topic_of(watcher->realm, identities[i]), identities[i]);

		if (!subject || !subject->mark)
			continue;
		subject->mark->named = false;
		edge_check(subject->mark);
	}
	watcher_marks(watcher, false);
	watcher_wake(watcher); /* a snapshot may have waited for them only */
}

void watcher_remove_prefix(struct watcher *watcher, struct str prefix)
{
	struct watching *watching = watching_find(watcher, prefix);
	struct edge *next;

	if (!watching)
		return;
	crowd_leave(watching);
	for (struct edge *edge = watcher->edges; edge; edge = next) {
		next = edge->wnext;
		edge_check(edge);
	}
	watcher_wake(watcher);
}

void watcher_remove_all(struct watcher *watcher)
{
	detach(watcher);
}

size_t watcher_count(const struct watcher *watcher)
{
	return watcher->n_edges;
}

void watch_count(struct flow *flow, struct sid account, struct str prefix, size_t *out, struct flow_step next)
{
	presence_count(flow, account, prefix, WATCHED_MAX, out, next);
}

bool watcher_is_watching(const struct watcher *watcher)
{
	return watcher->edges || watcher->watchings;
}

/* ---- life ---- */

struct watcher *watcher_new(struct worker *worker, const struct watcher_conf *conf)
{
	struct watches *watches = watches_of(worker);
	struct watcher *watcher = x_alloc(sizeof(*watcher));
	struct realm *realm = realm_of(watches, conf->account);

	watcher->watches = watches;
	watcher->realm = realm;
	watcher->conf = *conf;
	DL_APPEND(realm->watchers, watcher);
	if (realm->idle_since_ms)
		DL_DELETE(watches->idle, realm);
	realm->idle_since_ms = 0;
	metric_add(METRIC_watchers, 1);
	return watcher;
}

static void realm_rest(struct realm *realm)
{
	struct watches *watches = realm->watches;

	realm->idle_since_ms = clock_mono_ms();
	if (!watches->idle)
		loop_timer_start(watches->sweep, SWEEP_MS);
	DL_APPEND(watches->idle, realm);
}

struct watcher *watcher_free(struct watcher *watcher)
{
	struct realm *realm;

	if (!watcher)
		return NULL;
	realm = watcher->realm;
	detach(watcher);
	watcher->freed = true;
	if (watcher->due)
		DL_DELETE2(watcher->watches->due, watcher, dprev, dnext);
	DL_DELETE(realm->watchers, watcher);
	if (!realm->watchers)
		realm_rest(realm);
	metric_add(METRIC_watchers, -1);
	if (!watcher->busy)
		x_free(watcher);
	return NULL;
}

static void on_sweep(void *arg)
{
	struct watches *watches = arg;
	const uint64_t now = clock_mono_ms();
	struct realm *realm;

	while ((realm = watches->idle) != NULL && realm->idle_since_ms + LINGER_MS <= now) {
		DL_DELETE(watches->idle, realm);
		for (unsigned i = 0; i < KEYS_SPREAD; i++)
			topic_close(&realm->topics[i]);
		realm_free(realm);
	}
	if (watches->idle)
		loop_timer_start(watches->sweep, SWEEP_MS);
}

static void on_retry(void *arg)
{
	source_pump(arg);
}

struct watches *watches_new(struct worker *worker)
{
	const struct settings *settings = worker_common(worker)->settings;
	struct watches *watches = x_alloc(sizeof(*watches));

	watches->worker = worker;
	watches->batch_ms = settings->watch_batch_ms;
	watches->max_edges = settings->watch_max;
	watches->flush = loop_timer_new(worker->loop, on_flush, watches);
	watches->retry = loop_timer_new(worker->loop, on_retry, watches);
	watches->sweep = loop_timer_new(worker->loop, on_sweep, watches);
	return watches;
}

/* The subscriber is gone already, and its channels with it. */
struct watches *watches_free(struct watches *watches)
{
	struct realm *realm, *next;

	if (!watches)
		return NULL;
	HASH_ITER(hh, watches->realms, realm, next)
	realm_free(realm);
	loop_timer_free(watches->flush);
	loop_timer_free(watches->retry);
	loop_timer_free(watches->sweep);
	x_free(watches);
	return NULL;
}

void watch_frame_put(struct json_writer *w, const struct watch_frame *frame)
{
	json_name(w, "clients");
	json_array(w);
	for (size_t i = 0; i < frame->n; i++)
		json_put_raw(w, frame->clients[i].json);
	json_array_end(w);
	json_str(w, "cursor", frame->cursor);
	if (frame->more)
		json_bool(w, "more", true);
	if (frame->resumed)
		json_bool(w, "resumed", true);
}
