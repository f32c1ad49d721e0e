/* watch_source.c - what Redis tells the graph: messages, reads, lists; and gaps in them.
 *
 *     topic_open -> subscribed -> asked for: on_read, on_page
 *                              -> message, message ... (counted: one that is missing is a gap)
 *     gap -> nothing of the topic is known any more -> asked for again; watchers start over
 *
 * A subject is asked for only while its topic is subscribed, so what is not in the answer comes as a
 * message.  A few jobs at a time ask for some hundred clients each, whoever is waiting for them.
 */
#include "presence-svc/watch_private.h"

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/account.h"
#include "common/model/job.h"
#include "common/model/presence_search.h"
#include "presence-svc/app.h"

enum {
	READS_MAX = 8,
	LISTINGS_MAX = 4,
	READ_AT_ONCE = 500,
	LIST_AT_ONCE = 500,
	RETRY_MS = 250,
	LINE_ARENA_MAX = 16 * 1024
};

struct reading { /* one job */
	struct watches *watches;
	struct sid account;
	unsigned nth;
	uint64_t epoch;
	size_t n;
	struct str *names;
	struct presence *found;
};

struct listing { /* one job */
	struct watches *watches;
	struct sid account;
	uint64_t number; /* as the crowd knows it */
	struct presence_filter filter;
	struct presence_page page;
};

static void on_read(struct flow *job);
static void on_page(struct flow *job);

/* ---- asking for clients by name ---- */

static struct topic *topic_of_reading(const struct reading *reading)
{
	struct realm *realm = realm_find(reading->watches, reading->account);

	return realm && realm->topics[reading->nth].epoch == reading->epoch ? &realm->topics[reading->nth]
									    : NULL;
}

static void on_read_failed(struct flow *job, enum err err)
{
	struct reading *reading = job->state;
	struct topic *topic = topic_of_reading(reading);

	(void)err;
	reading->watches->reads--;
	for (size_t i = 0; topic && i < reading->n; i++) {
		struct subject *subject = subject_find(topic, reading->names[i]);

		if (subject && subject->version == VERSION_UNKNOWN)
			subject_unread(subject);
	}
	loop_timer_start(reading->watches->retry, RETRY_MS);
}

static void on_read(struct flow *job)
{
	struct reading *reading = job->state;
	struct topic *topic = topic_of_reading(reading);

	reading->watches->reads--;
	for (size_t i = 0; topic && i < reading->n; i++) {
		struct subject *subject = subject_find(topic, reading->names[i]);

		if (subject)
			subject_apply(subject, &reading->found[i]);
	}
	source_pump(reading->watches);
	flow_done(job);
}

static void read_some(struct topic *topic)
{
	struct watches *watches = topic->realm->watches;
	struct flow *job = job_new(watches->worker, "watch_read", sizeof(struct reading));
	struct reading *reading = job->state;
	struct subject *subject;

	*reading = (struct reading){
		.watches = watches, .account = topic->realm->account, .nth = topic->nth, .epoch = topic->epoch
	};
	reading->names = flow_alloc(job, READ_AT_ONCE * sizeof(*reading->names));
	while ((subject = topic->unread) != NULL && reading->n < READ_AT_ONCE) {
		reading->names[reading->n++] = arena_copy(job->arena, str_n(subject->identity, subject->n));
		DL_DELETE2(topic->unread, subject, uprev, unext);
		subject->unread = false;
	}
	reading->found = flow_alloc(job, reading->n * sizeof(*reading->found));
	watches->reads++;
	job_on_failed(job, on_read_failed);
	presence_query(job, reading->account, reading->names, reading->n, reading->found, STEP(on_read));
}

/* ---- asking for everybody of a prefix ---- */

static bool realm_is_live(const struct realm *realm)
{
	for (unsigned i = 0; i < KEYS_SPREAD; i++) {
		if (!topic_is_live(&realm->topics[i]))
			return false;
	}
	return true;
}

/* NULL when nobody wants this list any more. */
static struct crowd *crowd_of_listing(const struct listing *listing)
{
	struct realm *realm = realm_find(listing->watches, listing->account);
	const struct str prefix = listing->filter.prefix;
	struct crowd *crowd = NULL;

	if (realm)
		HASH_FIND(hh, realm->crowds, prefix.p, prefix.n, crowd);
	return crowd && crowd->listing == listing->number ? crowd : NULL;
}

/* Clients that were here and are in no list any more have to be asked for by their names. */
static void list_is_complete(struct crowd *crowd)
{
	struct watching *watching;

	crowd->listed = true;
	crowd_unread(crowd);
	DL_FOREACH(crowd->watchings, watching)
	watcher_wake(watching->watcher);
}

/* The job is over; a crowd that is still there, and not listed, waits for another. */
static void listing_over(struct listing *listing, struct crowd *crowd, bool complete)
{
	listing->watches->listings--;
	if (!crowd)
		return;
	crowd->listing = 0;
	if (complete)
		list_is_complete(crowd);
	else
		crowd_unlist(crowd);
}

static void on_listing_failed(struct flow *job, enum err err)
{
	struct listing *listing = job->state;

	(void)err;
	listing_over(listing, crowd_of_listing(listing), false);
	loop_timer_start(listing->watches->retry, RETRY_MS);
}

static void list_next(struct flow *job, struct presence_position from)
{
	struct listing *listing = job->state;

	flow_deadline(job, JOB_DEADLINE_MS);
	presence_list(job, listing->account, &listing->filter, from, LIST_AT_ONCE, &listing->page,
		      STEP(on_page));
}

static void on_page(struct flow *job)
{
	struct listing *listing = job->state;
	struct crowd *crowd = crowd_of_listing(listing);

	for (size_t i = 0; crowd && i < listing->page.n; i++) {
		const struct presence_entry *entry = &listing->page.clients[i];
		struct subject *subject =
			subject_of(topic_of(crowd->realm, entry->identity), entry->identity);

		subject_apply(subject, &entry->presence);
		subject_drop_unused(subject);
	}
	if (crowd && listing->page.more) {
		list_next(job, listing->page.next);
		return;
	}
	listing_over(listing, crowd, true);
	source_pump(listing->watches);
	flow_done(job);
}

static void list(struct crowd *crowd)
{
	struct watches *watches = crowd->realm->watches;
	struct flow *job = job_new(watches->worker, "watch_list", sizeof(struct listing));
	struct listing *listing = job->state;

	DL_DELETE(watches->unlisted, crowd);
	crowd->waits = false;
	crowd->listing = ++watches->epochs;
	*listing = (struct listing){ .watches = watches,
				     .account = crowd->realm->account,
				     .number = crowd->listing };
	listing->filter.prefix = arena_copy(job->arena, str_n(crowd->prefix, crowd->n));
	watches->listings++;
	job_on_failed(job, on_listing_failed);
	list_next(job, (struct presence_position){ .name = STR("") });
}

/* ---- what is asked for next ---- */

static void pump_reads(struct watches *watches)
{
	struct topic *topic;

	while ((topic = watches->hungry) != NULL && watches->reads < READS_MAX) {
		DL_DELETE(watches->hungry, topic);
		topic->hungry = false;
		if (!topic->unread || !topic_is_live(topic)) /* the gap's end makes it hungry again */
			continue;
		read_some(topic);
		if (topic->unread) { /* behind the others */
			topic->hungry = true;
			DL_APPEND(watches->hungry, topic);
		}
	}
}

void source_pump(struct watches *watches)
{
	struct crowd *crowd, *next;

	if (watches->worker->stopping)
		return;
	pump_reads(watches);
	DL_FOREACH_SAFE(watches->unlisted, crowd, next)
	{
		if (watches->listings >= LISTINGS_MAX)
			return;
		if (!crowd->listing && realm_is_live(crowd->realm))
			list(crowd);
	}
}

/* ---- gaps ---- */

static void forget_topic(struct topic *topic)
{
	struct subject *subject, *next;

	topic->epoch = ++topic->realm->watches->epochs;
	topic->counter = 0;
	HASH_ITER(hh, topic->subjects, subject, next)
	{
		size_t at = 0;

		subject->version = VERSION_UNKNOWN;
		if (!crowd_next(topic->realm, str_n(subject->identity, subject->n), &at))
			subject_unread(subject); /* else the list brings it */
	}
}

static void on_gap(struct topic *topic, const char *why)
{
	struct realm *realm = topic->realm;
	struct watcher *watcher;
	struct crowd *crowd, *next;

	log_info("watch_gap", "acct=%s reason=%s", realm->account.s, why);
	metric_add(METRIC_watch_gaps_total, 1);
	forget_topic(topic);
	HASH_ITER(hh, realm->crowds, crowd, next)
	{
		crowd->listing = 0; /* a list that is under way is no good any more */
		crowd_unlist(crowd);
	}
	DL_FOREACH(realm->watchers, watcher)
	{
		watcher->resync = why;
		watcher_wake(watcher);
	}
	source_pump(realm->watches);
}

/* ---- the subscription ---- */

static void on_ready(void *arg)
{
	struct topic *topic = arg;
	struct watches *watches = topic->realm->watches;

	if (!topic_is_live(topic)) /* the other name's turn is still to come */
		return;
	if (topic->was_live)
		on_gap(topic, "reconnected");
	else
		topic->epoch = ++watches->epochs;
	topic->was_live = true;
	if (topic->unread && !topic->hungry) {
		DL_APPEND(watches->hungry, topic);
		topic->hungry = true;
	}
	source_pump(watches);
}

static void note_counter(struct topic *topic, int64_t counter)
{
	if (topic->counter && counter != topic->counter + 1)
		on_gap(topic, "a message is missing");
	topic->counter = counter;
}

static void take_line(struct topic *topic, struct str identity, struct str line)
{
	struct subject *subject = subject_find(topic, identity);
	struct presence presence = { .version = 0 };
	struct arena *arena;
	size_t at = 0;

	if (!subject && !crowd_next(topic->realm, identity, &at))
		return;
	arena = arena_new(LINE_ARENA_MAX);
	presence_parse(arena, line, &presence);
	if (!subject)
		subject = subject_of(topic, identity);
	subject_apply(subject, &presence);
	subject_drop_unused(subject);
	arena_free(arena);
}

/* "counter|identity|line" */
static void on_message(void *arg, struct str channel, struct str payload)
{
	struct topic *topic = arg;
	struct str counter_text, identity;
	int64_t counter;

	(void)channel;
	if (!str_split(&payload, '|', &counter_text) || !str_to_i64(counter_text, &counter) ||
	    !str_split(&payload, '|', &identity) || identity.n == 0 || identity.n > IDENTITY_MAX) {
		log_error("watch_unreadable", "acct=%s bytes=%zu", topic->realm->account.s, payload.n);
		return;
	}
	metric_add(METRIC_watch_messages_total, 1);
	note_counter(topic, counter);
	take_line(topic, identity, payload);
}

bool topic_is_live(const struct topic *topic)
{
	return topic->channels[0] && redis_channel_is_ready(topic->channels[0]) &&
	       (!topic->channels[1] || redis_channel_is_ready(topic->channels[1]));
}

bool topic_open(struct topic *topic)
{
	struct worker *worker = topic->realm->watches->worker;
	const struct seal *seal = worker_common(worker)->seal;
	const struct sid account = topic->realm->account;
	const unsigned partition = key_partition_nth(sid_str(&account), topic->nth);
	struct redis_sub *sub = accounts_sub(worker_common(worker)->accounts);
	char name[RULES_CHANNEL_MAX];

	if (!topic->channels[0]) {
		rules_channel(seal, account, partition, name);
		topic->channels[0] = redis_sub_add(sub, str_of(name), on_message, on_ready, topic);
	}
	if (!topic->channels[1] && rules_channel_previous(seal, account, partition, name))
		topic->channels[1] = redis_sub_add(sub, str_of(name), on_message, on_ready, topic);
	else
		return topic->channels[0] != NULL;
	return topic->channels[0] && topic->channels[1];
}

void topic_close(struct topic *topic)
{
	for (size_t i = 0; i < ARRAY_LEN(topic->channels); i++)
		topic->channels[i] = redis_sub_remove(topic->channels[i]);
}
