/* farewell.c - a list; each entry is a job until it succeeds. */
#include "presence-svc/farewell.h"

#include "common/base/metrics.h"
#include "common/model/call.h"
#include "common/model/job.h"
#include "presence-svc/session.h"

enum { RETRY_MS = 500, RETRY_AT_ONCE = 200 };

struct entry {
	struct farewells *list; /* NULL: the process ends */
	struct sid account, device;
	char identity[IDENTITY_MAX + 1];
	int64_t registration;
	enum farewell_kind kind;
	struct entry *next; /* among those to be tried again */
};

struct farewells {
	struct worker *worker;
	struct entry *again, **again_end;
	struct loop_timer *timer;
	size_t count;
};

struct work {
	struct entry *entry;
	struct device_claim claim;
};

static void try(struct entry *entry);

static void on_removed(struct flow *job)
{
	struct work *work = job->state;
	struct entry *entry = work->entry;

	if (entry->kind != FAREWELL_EXPIRED && sid_is_set(work->claim.call))
		call_device_gone(job->worker, work->claim.call, entry->device);
	metric_add(METRIC_devices_ended_total, 1);
	if (entry->list)
		entry->list->count--;
	x_free(entry);
	flow_done(job);
}

static void on_failed(struct flow *job, enum err err)
{
	struct entry *entry = ((struct work *)job->state)->entry;
	struct farewells *list = entry->list;

	if (!list || err == ERR_CLOSED) {
		x_free(entry);
		return;
	}
	entry->next = NULL;
	*list->again_end = entry;
	list->again_end = &entry->next;
	if (!loop_timer_is_active(list->timer))
		loop_timer_start(list->timer, RETRY_MS);
}

static void try(struct entry *entry)
{
	const struct client_key client = { entry->account, str_of(entry->identity) };
	struct flow *job;
	struct work *work;

	/* A registration whose number never came, and the device has come back here since: a newer one. */
	if (!entry->registration && sessions_hold(entry->list->worker, entry->device)) {
		entry->list->count--;
		x_free(entry);
		return;
	}
	job = job_new(entry->list->worker, "farewell", sizeof(struct work));
	work = job->state;
	work->entry = entry;
	job_on_failed(job, on_failed);
	(entry->kind == FAREWELL_CLOSED ? device_close : device_remove)(job, client, entry->device,
									entry->registration, &work->claim,
									STEP(on_removed));
}

static void try_again(void *arg)
{
	struct farewells *list = arg;

	for (unsigned i = 0; i < RETRY_AT_ONCE && list->again; i++) {
		struct entry *entry = list->again;

		list->again = entry->next;
		if (!list->again)
			list->again_end = &list->again;
		try(entry);
	}
	if (list->again)
		loop_timer_start(list->timer, RETRY_MS);
}

void farewell(struct farewells *list, struct client_key client, struct sid device, int64_t registration,
	      enum farewell_kind kind)
{
	struct entry *entry = x_alloc(sizeof(*entry));

	entry->list = list;
	entry->account = client.account;
	entry->device = device;
	(void)!str_copy(client.identity, entry->identity, sizeof(entry->identity));
	entry->registration = registration;
	entry->kind = kind;
	list->count++;
	try(entry);
}

struct farewells *farewells_new(struct worker *worker)
{
	struct farewells *list = x_alloc(sizeof(*list));

	list->worker = worker;
	list->again_end = &list->again;
	list->timer = loop_timer_new(worker->loop, try_again, list);
	return list;
}

bool farewells_is_idle(const struct farewells *list)
{
	return list->count == 0;
}

struct farewells *farewells_free(struct farewells *list)
{
	if (!list)
		return NULL;
	while (list->again) {
		struct entry *entry = list->again;

		list->again = entry->next;
		x_free(entry);
	}
	loop_timer_free(list->timer);
	x_free(list);
	return NULL;
}
