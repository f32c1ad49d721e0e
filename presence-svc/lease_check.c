/* lease_check.c - a queue with one timer.
 *
 *     lease_check_later -> ... a second -> nothing has changed:             forgotten
 *                                       -> is the token still good? -> no: farewell
 */
#include "presence-svc/lease_check.h"

#include <utlist.h>

#include "common/base/clock.h"
#include "common/model/auth.h"
#include "common/model/job.h"
#include "presence-svc/app.h"
#include "presence-svc/farewell.h"

enum { LATER_MS = 1000, WAITING_MAX = 50000 };

struct entry {
	struct lease_made made;
	uint64_t due_ms;
	bool is_suspect; /* to be looked at, whatever the epoch says */
	struct entry *prev, *next;
	char identity[IDENTITY_MAX + 1], token_id[CLIENT_TOKEN_ID_MAX + 1]; /* of the facts */
};

struct lease_checks {
	struct worker *worker;
	struct entry *first; /* utlist; those due first in front */
	size_t count;
	struct loop_timer *timer;
};

static void look_at_first(struct lease_checks *checks);

static void append(struct lease_checks *checks, struct entry *entry)
{
	entry->due_ms = clock_mono_ms() + LATER_MS;
	DL_APPEND(checks->first, entry);
	checks->count++;
	if (checks->count == 1)
		loop_timer_start(checks->timer, LATER_MS);
	else if (checks->count > WAITING_MAX)
		look_at_first(checks);
}

static void on_good(struct flow *job)
{
	x_free(*(struct entry **)job->state);
	flow_done(job);
}

/* Nobody could tell: asked again, for as long as it takes. */
static void on_failed(struct flow *job, enum err err)
{
	struct entry *entry = *(struct entry **)job->state;
	const struct lease_made *made = &entry->made;
	const struct app *app = app_of(job->worker);

	if (err == ERR_CLOSED) { /* the worker stops */
		x_free(entry);
	} else if (err == ERR_TOKEN_REVOKED || err == ERR_ACCOUNT_SUSPENDED) {
		farewell(app->farewells, (struct client_key){ made->facts.account, made->facts.identity },
			 made->device, made->registration, FAREWELL_REVOKED);
		x_free(entry);
	} else {
		entry->is_suspect = true;
		append(app->lease_checks, entry);
	}
}

static void look_at_first(struct lease_checks *checks)
{
	struct entry *entry = checks->first;
	struct accounts *accounts = worker_common(checks->worker)->accounts;
	struct flow *job;

	DL_DELETE(checks->first, entry);
	checks->count--;
	if (!entry->is_suspect && entry->made.epoch == accounts_epoch(accounts)) {
		x_free(entry);
		return;
	}
	job = job_new(checks->worker, "lease_check", sizeof(entry));
	*(struct entry **)job->state = entry;
	job_on_failed(job, on_failed);
	auth_facts_again(accounts, job, &entry->made.facts, STEP(on_good));
}

static void on_timer(void *arg)
{
	struct lease_checks *checks = arg;
	const uint64_t now = clock_mono_ms();

	while (checks->first && checks->first->due_ms <= now)
		look_at_first(checks);
	if (checks->first)
		loop_timer_start(checks->timer, checks->first->due_ms - now);
}

void lease_check_later(struct lease_checks *checks, const struct lease_made *made)
{
	struct entry *entry = x_alloc(sizeof(*entry));
	struct token_facts *facts = &entry->made.facts;

	entry->made = *made;
	(void)!str_copy(made->facts.identity, entry->identity, sizeof(entry->identity));
	(void)!str_copy(made->facts.id, entry->token_id, sizeof(entry->token_id));
	facts->identity = str_of(entry->identity);
	facts->id = str_of(entry->token_id);
	append(checks, entry);
}

struct lease_checks *lease_checks_new(struct worker *worker)
{
	struct lease_checks *checks = x_alloc(sizeof(*checks));

	checks->worker = worker;
	checks->timer = loop_timer_new(worker->loop, on_timer, checks);
	return checks;
}

struct lease_checks *lease_checks_free(struct lease_checks *checks)
{
	struct entry *entry, *next;

	if (!checks)
		return NULL;
	DL_FOREACH_SAFE(checks->first, entry, next)
	x_free(entry);
	loop_timer_free(checks->timer);
	x_free(checks);
	return NULL;
}
