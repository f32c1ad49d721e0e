/* waiters.c - a table by call. */
#include "routing-svc/waiters.h"

#include <uthash.h>

struct waiter {
	struct sid call;
	struct flow *flow;
	waiter_fn *fn;
	UT_hash_handle hh;
};

struct waiters {
	struct waiter *table;
};

static struct waiter *find(struct waiters *waiters, struct sid call)
{
	struct waiter *waiter;

	HASH_FIND(hh, waiters->table, call.s, SID_LEN, waiter);
	return waiter;
}

struct waiters *waiters_new(void)
{
	return x_alloc(sizeof(struct waiters));
}

void waiters_add(struct waiters *waiters, struct sid call, struct flow *flow, waiter_fn *fn)
{
	struct waiter *waiter = x_alloc(sizeof(*waiter));

	*waiter = (struct waiter){ .call = call, .flow = flow, .fn = fn };
	HASH_ADD(hh, waiters->table, call.s, SID_LEN, waiter);
}

static void drop(struct waiters *waiters, struct waiter *waiter)
{
	HASH_DEL(waiters->table, waiter);
	x_free(waiter);
}

void waiters_remove(struct waiters *waiters, struct sid call)
{
	struct waiter *waiter = find(waiters, call);

	if (waiter)
		drop(waiters, waiter);
}

void waiters_tell(struct waiters *waiters, struct sid call, struct str body)
{
	struct waiter *waiter = find(waiters, call);
	struct waiter told;

	if (!waiter)
		return;
	told = *waiter;
	drop(waiters, waiter);
	told.fn(told.flow, body);
}

void waiters_tell_all(struct waiters *waiters)
{
	while (waiters->table)
		waiters_tell(waiters, waiters->table->call, STR(""));
}

struct waiters *waiters_free(struct waiters *waiters)
{
	if (!waiters)
		return NULL;
	waiters_tell_all(waiters); /* each holds its flow until it is told */
	x_free(waiters);
	return NULL;
}
