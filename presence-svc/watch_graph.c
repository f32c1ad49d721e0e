/* watch_graph.c - realms, subjects, edges, crowds: who has to be told of what.
 *
 *     a change -> subject_apply -> each edge dirty -> its watcher wakes
 *
 * Nothing here waits for anything: Redis feeds it (watch_source.c), a timer empties it (watch.c).
 */
#include "presence-svc/watch_private.h"

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/model/presence_json.h"

enum { DOCUMENT_MAX = 8192 };

static void edge_add(struct watcher *watcher, struct subject *subject, bool named, int64_t after,
		     enum edge_state state);

/* ---- realms ---- */

struct realm *realm_find(struct watches *watches, struct sid account)
{
	struct realm *realm = NULL;

	HASH_FIND(hh, watches->realms, account.s, SID_LEN, realm);
	return realm;
}

struct realm *realm_of(struct watches *watches, struct sid account)
{
	struct realm *realm = realm_find(watches, account);

	if (realm)
		return realm;
	realm = x_alloc(sizeof(*realm));
	realm->watches = watches;
	realm->account = account;
	for (unsigned i = 0; i < KEYS_SPREAD; i++)
		realm->topics[i] = (struct topic){ .realm = realm, .nth = i };
	HASH_ADD(hh, watches->realms, account.s, SID_LEN, realm);
	return realm;
}

void realm_free(struct realm *realm)
{
	struct watches *watches = realm->watches;

	INVARIANT(!realm->watchers && !realm->crowds);
	for (unsigned i = 0; i < KEYS_SPREAD; i++) {
		INVARIANT(!realm->topics[i].subjects);
		if (realm->topics[i].hungry)
			DL_DELETE(watches->hungry, &realm->topics[i]);
	}
	HASH_DEL(watches->realms, realm);
	x_free(realm);
}

struct topic *topic_of(struct realm *realm, struct str identity)
{
	return &realm->topics[key_crc16(identity) % KEYS_SPREAD];
}

/* ---- subjects ---- */

struct subject *subject_find(struct topic *topic, struct str identity)
{
	struct subject *subject = NULL;

	HASH_FIND(hh, topic->subjects, identity.p, identity.n, subject);
	return subject;
}

void subject_unread(struct subject *subject)
{
	struct topic *topic = subject->topic;

	if (!subject->unread)
		DL_APPEND2(topic->unread, subject, uprev, unext);
	subject->unread = true;
	if (!topic->hungry)
		DL_APPEND(topic->realm->watches->hungry, topic);
	topic->hungry = true;
}

struct subject *subject_of(struct topic *topic, struct str identity)
{
	struct subject *subject = subject_find(topic, identity);

	if (subject)
		return subject;
	subject = x_alloc(sizeof(*subject) + identity.n);
	subject->topic = topic;
	subject->version = VERSION_UNKNOWN;
	subject->n = identity.n;
	memcpy(subject->identity, identity.p, identity.n);
	HASH_ADD(hh, topic->subjects, identity, identity.n, subject);
	metric_add(METRIC_watched_clients, 1);
	return subject;
}

void subject_drop_unused(struct subject *subject)
{
	struct topic *topic = subject->topic;

	if (subject->edges)
		return;
	if (subject->unread)
		DL_DELETE2(topic->unread, subject, uprev, unext);
	HASH_DEL(topic->subjects, subject);
	metric_add(METRIC_watched_clients, -1);
	x_free(subject->json);
	x_free(subject);
}

/* Once for all who watch. */
static void render(struct subject *subject, const struct presence *presence)
{
	struct json_writer w;
	struct buf text;

	buf_init(&text, DOCUMENT_MAX);
	json_begin(&w, &text);
	presence_put_json(&w, NULL, str_n(subject->identity, subject->n), presence);
	INVARIANT(buf_ok(&text));
	subject->json = x_realloc(subject->json, text.n);
	subject->json_n = text.n;
	memcpy(subject->json, text.p, text.n);
	buf_fini(&text);
}

/* From now on everybody who watches a prefix of its name watches it. */
static void join_crowds(struct subject *subject)
{
	const struct str identity = str_n(subject->identity, subject->n);
	struct realm *realm = subject->topic->realm;
	const uint64_t mark = ++realm->watches->marks;
	struct watching *watching;
	struct crowd *crowd;
	struct edge *edge;
	size_t at = 0;

	subject->seen = true;
	DL_FOREACH(subject->edges, edge)
	edge->watcher->known_mark = mark;
	while ((crowd = crowd_next(realm, identity, &at)) != NULL) {
		DL_FOREACH(crowd->watchings, watching)
		{
			if (watching->watcher->known_mark == mark)
				continue;
			watching->watcher->known_mark = mark;
			edge_add(watching->watcher, subject, false, watching->after,
				 watching->told ? EDGE_DIRTY : EDGE_FRESH);
		}
	}
}

void subject_apply(struct subject *subject, const struct presence *presence)
{
	struct edge *edge;

	if (presence->version <= subject->version)
		return;
	subject->version = presence->version;
	render(subject, presence);
	DL_FOREACH(subject->edges, edge)
	{
		if (edge->state == EDGE_TOLD) {
			edge->state = EDGE_DIRTY;
			DL_APPEND2(edge->watcher->dirty, edge, qprev, qnext);
		}
		watcher_wake(edge->watcher);
	}
	if (!subject->seen && presence->version > 0)
		join_crowds(subject);
}

/* ---- edges ---- */

static struct edge **queue_of(struct edge *edge)
{
	return edge->state == EDGE_FRESH ? &edge->watcher->fresh : &edge->watcher->dirty;
}

static void edge_enter(struct edge *edge, enum edge_state state)
{
	edge->state = state;
	DL_APPEND2(*queue_of(edge), edge, qprev, qnext);
	watcher_wake(edge->watcher);
}

void edge_settle(struct edge *edge)
{
	if (edge->state != EDGE_TOLD)
		DL_DELETE2(*queue_of(edge), edge, qprev, qnext);
	edge->state = EDGE_TOLD;
}

bool edges_have_room(const struct realm *realm, size_t more)
{
	const struct watches *watches = realm->watches;
	const size_t share = MAX(watches->max_edges / 2, (size_t)WATCHED_MAX);

	return watches->n_edges + more <= watches->max_edges && realm->n_edges + more <= share;
}

static void edge_add(struct watcher *watcher, struct subject *subject, bool named, int64_t after,
		     enum edge_state state)
{
	struct edge *edge = x_alloc(sizeof(*edge));

	edge->subject = subject;
	edge->watcher = watcher;
	edge->named = named;
	edge->after = after;
	DL_APPEND(subject->edges, edge);
	DL_APPEND2(watcher->edges, edge, wprev, wnext);
	watcher->n_edges++;
	watcher->realm->n_edges++;
	watcher->watches->n_edges++;
	metric_add(METRIC_watch_edges, 1);
	if (watcher->n_edges > WATCHED_MAX && !watcher->cut)
		watcher->cut = ERR_WATCH_TOO_MANY;
	else if (!edges_have_room(watcher->realm, 0) && !watcher->cut)
		watcher->cut = ERR_OVERLOAD;
	edge_enter(edge, state);
}

void edge_watch(struct watcher *watcher, struct subject *subject, bool named, int64_t after)
{
	struct edge *edge = subject->mark;

	if (!edge) {
		edge_add(watcher, subject, named, after, EDGE_FRESH);
		subject->mark = subject->edges->prev;
		return;
	}
	edge->named = edge->named || named;
	edge_refresh(edge, after);
}

void edge_refresh(struct edge *edge, int64_t after)
{
	edge->after = after;
	edge_settle(edge);
	edge_enter(edge, EDGE_FRESH);
}

void edge_free(struct edge *edge)
{
	struct subject *subject = edge->subject;
	struct watcher *watcher = edge->watcher;

	edge_settle(edge);
	DL_DELETE(subject->edges, edge);
	DL_DELETE2(watcher->edges, edge, wprev, wnext);
	watcher->n_edges--;
	watcher->realm->n_edges--;
	watcher->watches->n_edges--;
	metric_add(METRIC_watch_edges, -1);
	x_free(edge);
	subject->mark = NULL;
	subject_drop_unused(subject);
}

void watcher_marks(struct watcher *watcher, bool set)
{
	struct edge *edge;

	for (edge = watcher->edges; edge; edge = edge->wnext)
		edge->subject->mark = set ? edge : NULL;
}

/* ---- crowds ---- */

struct crowd *crowd_next(struct realm *realm, struct str identity, size_t *at)
{
	for (size_t n = *at; n <= identity.n && n <= IDENTITY_MAX; n++) {
		struct crowd *crowd = NULL;

		if (realm->lengths[n])
			HASH_FIND(hh, realm->crowds, identity.p, n, crowd);
		if (crowd) {
			*at = n + 1;
			return crowd;
		}
	}
	return NULL;
}

void crowd_unlist(struct crowd *crowd)
{
	crowd->listed = false;
	if (!crowd->waits)
		DL_APPEND(crowd->realm->watches->unlisted, crowd);
	crowd->waits = true;
}

static struct crowd *crowd_of(struct realm *realm, struct str prefix)
{
	struct crowd *crowd = NULL;

	HASH_FIND(hh, realm->crowds, prefix.p, prefix.n, crowd);
	if (crowd)
		return crowd;
	crowd = x_alloc(sizeof(*crowd));
	crowd->realm = realm;
	crowd->n = prefix.n;
	INVARIANT(str_copy(prefix, crowd->prefix, sizeof(crowd->prefix)));
	HASH_ADD(hh, realm->crowds, prefix, prefix.n, crowd);
	realm->lengths[crowd->n]++;
	crowd_unlist(crowd);
	return crowd;
}

struct watching *watching_find(struct watcher *watcher, struct str prefix)
{
	struct watching *watching;

	for (watching = watcher->watchings; watching; watching = watching->wnext) {
		if (str_eq(prefix, str_n(watching->crowd->prefix, watching->crowd->n)))
			return watching;
	}
	return NULL;
}

/* Everybody of the prefix who is here already; the rest comes with the list. */
static void watch_present(struct watcher *watcher, const struct crowd *crowd, int64_t after)
{
	const struct str prefix = str_n(crowd->prefix, crowd->n);

	watcher_marks(watcher, true);
	for (unsigned i = 0; i < KEYS_SPREAD; i++) {
		struct subject *subject, *next;

		HASH_ITER(hh, crowd->realm->topics[i].subjects, subject, next)
		{
			if (subject->seen && str_starts(str_n(subject->identity, subject->n), prefix))
				edge_watch(watcher, subject, false, after);
		}
	}
	watcher_marks(watcher, false);
}

void crowd_join(struct realm *realm, struct str prefix, struct watcher *watcher, int64_t after)
{
	struct watching *watching = watching_find(watcher, prefix);

	if (!watching) {
		watching = x_alloc(sizeof(*watching));
		watching->crowd = crowd_of(realm, prefix);
		watching->watcher = watcher;
		DL_APPEND(watching->crowd->watchings, watching);
		DL_APPEND2(watcher->watchings, watching, wprev, wnext);
		watcher->n_watchings++;
	}
	watching->after = after;
	watching->told = false;
	watch_present(watcher, watching->crowd, after);
}

void crowd_unread(struct crowd *crowd)
{
	const struct str prefix = str_n(crowd->prefix, crowd->n);

	for (unsigned i = 0; i < KEYS_SPREAD; i++) {
		struct subject *subject, *next;

		HASH_ITER(hh, crowd->realm->topics[i].subjects, subject, next)
		{
			if (subject->version == VERSION_UNKNOWN &&
			    str_starts(str_n(subject->identity, subject->n), prefix))
				subject_unread(subject);
		}
	}
}

static void crowd_free(struct crowd *crowd)
{
	struct realm *realm = crowd->realm;

	if (!crowd->listed)
		crowd_unread(crowd);
	if (crowd->waits)
		DL_DELETE(realm->watches->unlisted, crowd);
	HASH_DEL(realm->crowds, crowd);
	realm->lengths[crowd->n]--;
	x_free(crowd);
}

void crowd_leave(struct watching *watching)
{
	struct crowd *crowd = watching->crowd;

	DL_DELETE(crowd->watchings, watching);
	DL_DELETE2(watching->watcher->watchings, watching, wprev, wnext);
	watching->watcher->n_watchings--;
	x_free(watching);
	if (!crowd->watchings)
		crowd_free(crowd);
}

/* ---- watchers that have something to be told ---- */

void watcher_wake(struct watcher *watcher)
{
	struct watches *watches = watcher->watches;

	if (watcher->due || watcher->freed)
		return;
	watcher->due = true;
	watcher->due_ms = clock_mono_ms() + watches->batch_ms;
	if (!watches->due)
		loop_timer_start(watches->flush, watches->batch_ms);
	DL_APPEND2(watches->due, watcher, dprev, dnext);
}
