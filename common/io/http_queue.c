/* http_queue.c - hosts by name, each with its waiting line; `ready` lists the hosts that may start one more. */
#include "common/io/http_queue.h"

#define uthash_malloc(size)  x_alloc(size)
#define uthash_free(p, size) x_free(p)
#include <uthash.h>
#include <utlist.h>

struct http_queue_host {
	UT_hash_handle hh;
	struct http_queue_host *prev, *next; /* in ready */
	struct http_ticket *line;
	unsigned active, waiting;
	bool is_ready;
	size_t name_n;
	char name[];
};

struct http_queue {
	struct http_queue_host *hosts;
	struct http_queue_host *ready;
	unsigned active, waiting;
	unsigned max_active, max_per_host, max_waiting;
};

struct http_queue *http_queue_new(unsigned max_active, unsigned max_per_host, unsigned max_waiting)
{
	struct http_queue *queue = x_alloc(sizeof(*queue));

	queue->max_active = max_active;
	queue->max_per_host = max_per_host;
	queue->max_waiting = max_waiting;
	return queue;
}

struct http_queue *http_queue_free(struct http_queue *queue)
{
	if (!queue)
		return NULL;
	INVARIANT(!queue->hosts);
	x_free(queue);
	return NULL;
}

static struct http_queue_host *host_of(struct http_queue *queue, struct str name)
{
	struct http_queue_host *host;

	HASH_FIND(hh, queue->hosts, name.p, name.n, host);
	if (host)
		return host;
	host = x_alloc(sizeof(*host) + name.n);
	host->name_n = name.n;
	memcpy(host->name, name.p, name.n);
	HASH_ADD_KEYPTR(hh, queue->hosts, host->name, host->name_n, host);
	return host;
}

/* Keeps `ready` true to the host's numbers, and the host only while somebody needs it. */
static void settle(struct http_queue *queue, struct http_queue_host *host)
{
	const bool may_start = host->waiting && host->active < queue->max_per_host;

	if (may_start && !host->is_ready)
		DL_APPEND(queue->ready, host);
	else if (!may_start && host->is_ready)
		DL_DELETE(queue->ready, host);
	host->is_ready = may_start;

	if (host->active || host->waiting)
		return;
	HASH_DEL(queue->hosts, host);
	x_free(host);
}

/* Who can start at once needs no place in the waiting room. */
static bool has_room(const struct http_queue *queue, const struct http_queue_host *host)
{
	if (!queue->ready && queue->active < queue->max_active && host->active < queue->max_per_host)
		return true;
	return queue->waiting < queue->max_waiting && host->waiting < MAX(queue->max_waiting / 4, 1);
}

bool http_queue_enter(struct http_queue *queue, struct http_ticket *ticket, struct str name)
{
	struct http_queue_host *host = host_of(queue, name);
	const bool ok = has_room(queue, host);

	if (ok) {
		*ticket = (struct http_ticket){ .host = host };
		DL_APPEND(host->line, ticket);
		host->waiting++;
		queue->waiting++;
	}
	settle(queue, host);
	return ok;
}

static void stop_waiting(struct http_queue *queue, struct http_ticket *ticket)
{
	struct http_queue_host *host = ticket->host;

	DL_DELETE(host->line, ticket);
	host->waiting--;
	queue->waiting--;
}

struct http_ticket *http_queue_next(struct http_queue *queue)
{
	struct http_queue_host *host = queue->ready;

	if (!host || queue->active >= queue->max_active)
		return NULL;

	struct http_ticket *ticket = host->line;

	stop_waiting(queue, ticket);
	ticket->is_active = true;
	host->active++;
	queue->active++;

	DL_DELETE(queue->ready, host); /* to the end of the turn */
	host->is_ready = false;
	settle(queue, host);
	return ticket;
}

void http_queue_leave(struct http_queue *queue, struct http_ticket *ticket)
{
	struct http_queue_host *host = ticket->host;

	if (ticket->is_active) {
		host->active--;
		queue->active--;
	} else {
		stop_waiting(queue, ticket);
	}
	settle(queue, host);
}
