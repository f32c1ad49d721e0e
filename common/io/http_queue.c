/* http_queue.c - a line per tenant and host.
 *
 * queue->ready lists the tenants that may start one more, tenant->ready the lines of theirs
 * whose host can take one more: so whose turn it is, is at the head of two lists.
 */
#include "common/io/http_queue.h"

#define uthash_malloc(size)  x_alloc(size)
#define uthash_free(p, size) x_free(p)
#include <uthash.h>
#include <utlist.h>

struct party { /* a tenant or a host */
	UT_hash_handle hh;
	struct party *prev, *next;     /* a tenant's, in queue->ready */
	struct http_queue_line *ready; /* a tenant's lines that may start */
	struct http_queue_line *crowd; /* a host's lines in which somebody waits */
	unsigned active, waiting, lines;
	bool is_ready;
	size_t name_n;
	char name[];
};

struct line_key {
	struct party *tenant, *host;
};

struct http_queue_line {
	UT_hash_handle hh;
	struct http_queue_line *prev, *next;		 /* in tenant->ready */
	struct http_queue_line *crowd_prev, *crowd_next; /* in host->crowd */
	struct line_key key;
	struct http_ticket *tickets;
	unsigned active, waiting;
	bool is_ready;
};

struct http_queue {
	struct http_queue_limits limits;
	struct party *tenants, *hosts;
	struct http_queue_line *lines;
	struct party *ready;
	unsigned active, waiting;
};

struct http_queue *http_queue_new(const struct http_queue_limits *limits)
{
	struct http_queue *queue = x_alloc(sizeof(*queue));

	queue->limits = *limits;
	return queue;
}

struct http_queue *http_queue_free(struct http_queue *queue)
{
	if (!queue)
		return NULL;
	INVARIANT(!queue->lines);
	x_free(queue);
	return NULL;
}

/* ---- tenants, hosts, lines: there while somebody needs them ---- */

static struct party *party_of(struct party **all, struct str name)
{
	struct party *party;

	if (str_is_null(name))
		name = STR("");
	HASH_FIND(hh, *all, name.p, name.n, party);
	if (party)
		return party;
	party = x_alloc(sizeof(*party) + name.n);
	party->name_n = name.n;
	memcpy(party->name, name.p, name.n);
	HASH_ADD_KEYPTR(hh, *all, party->name, party->name_n, party);
	return party;
}

static void party_drop(struct party **all, struct party *party)
{
	if (--party->lines > 0)
		return;
	HASH_DEL(*all, party);
	x_free(party);
}

static struct http_queue_line *line_of(struct http_queue *queue, struct str tenant, struct str host)
{
	const struct line_key key = { party_of(&queue->tenants, tenant), party_of(&queue->hosts, host) };
	struct http_queue_line *line;

	HASH_FIND(hh, queue->lines, &key, sizeof(key), line);
	if (line)
		return line;
	line = x_alloc(sizeof(*line));
	line->key = key;
	key.tenant->lines++;
	key.host->lines++;
	HASH_ADD(hh, queue->lines, key, sizeof(key), line);
	return line;
}

static void line_drop_unused(struct http_queue *queue, struct http_queue_line *line)
{
	if (line->active || line->waiting)
		return;
	HASH_DEL(queue->lines, line);
	party_drop(&queue->tenants, line->key.tenant);
	party_drop(&queue->hosts, line->key.host);
	x_free(line);
}

/* ---- who is ready ---- */

static void settle_tenant(struct http_queue *queue, struct party *tenant)
{
	const bool may_start = tenant->ready && tenant->active < queue->limits.max_per_tenant;

	if (may_start && !tenant->is_ready)
		DL_APPEND(queue->ready, tenant);
	else if (!may_start && tenant->is_ready)
		DL_DELETE(queue->ready, tenant);
	tenant->is_ready = may_start;
}

static void settle_line(struct http_queue *queue, struct http_queue_line *line)
{
	struct party *tenant = line->key.tenant;
	const bool may_start = line->waiting && line->key.host->active < queue->limits.max_per_host;

	if (may_start && !line->is_ready)
		DL_APPEND(tenant->ready, line);
	else if (!may_start && line->is_ready)
		DL_DELETE(tenant->ready, line);
	line->is_ready = may_start;
	settle_tenant(queue, tenant);
}

/* A host that has become full, or is so no longer: all who wait there are concerned. */
static void settle_crowd(struct http_queue *queue, struct party *host)
{
	struct http_queue_line *line;

	DL_FOREACH2(host->crowd, line, crowd_next)
	settle_line(queue, line);
}

static void count_active(struct http_queue *queue, struct http_queue_line *line, int by)
{
	struct party *tenant = line->key.tenant, *host = line->key.host;
	const bool was_full = host->active >= queue->limits.max_per_host;

	queue->active += (unsigned)by;
	tenant->active += (unsigned)by;
	host->active += (unsigned)by;
	line->active += (unsigned)by;
	if ((host->active >= queue->limits.max_per_host) != was_full)
		settle_crowd(queue, host);
	settle_line(queue, line);
}

/* ---- waiting ---- */

/* Who can start at once needs no place in the waiting room. */
static bool has_room(const struct http_queue *queue, const struct http_queue_line *line)
{
	const struct http_queue_limits *limits = &queue->limits;
	const struct party *tenant = line->key.tenant, *host = line->key.host;
	const unsigned share = MAX(limits->max_waiting / 4, 1);

	if (!queue->ready && queue->active < limits->max_active && tenant->active < limits->max_per_tenant &&
	    host->active < limits->max_per_host)
		return true;
	return queue->waiting < limits->max_waiting && tenant->waiting < share &&
	       line->waiting < MAX(share / 2, 1);
}

static void start_waiting(struct http_queue *queue, struct http_ticket *ticket)
{
	struct http_queue_line *line = ticket->line;

	DL_APPEND(line->tickets, ticket);
	if (line->waiting++ == 0)
		DL_APPEND2(line->key.host->crowd, line, crowd_prev, crowd_next);
	line->key.tenant->waiting++;
	queue->waiting++;
}

static void stop_waiting(struct http_queue *queue, struct http_ticket *ticket)
{
	struct http_queue_line *line = ticket->line;

	DL_DELETE(line->tickets, ticket);
	if (--line->waiting == 0)
		DL_DELETE2(line->key.host->crowd, line, crowd_prev, crowd_next);
	line->key.tenant->waiting--;
	queue->waiting--;
}

bool http_queue_enter(struct http_queue *queue, struct http_ticket *ticket, struct str tenant,
		      struct str host)
{
	struct http_queue_line *line = line_of(queue, tenant, host);
	const bool ok = has_room(queue, line);

	if (ok) {
		*ticket = (struct http_ticket){ .line = line };
		start_waiting(queue, ticket);
		settle_line(queue, line);
	}
	line_drop_unused(queue, line);
	return ok;
}

/* To the end of each turn: the tenant's among tenants, the line's in its tenant and at its host. */
static void had_its_turn(struct http_queue *queue, struct http_queue_line *line)
{
	struct party *tenant = line->key.tenant, *host = line->key.host;

	DL_DELETE(queue->ready, tenant);
	tenant->is_ready = false;
	DL_DELETE(tenant->ready, line);
	line->is_ready = false;
	if (line->waiting) {
		DL_DELETE2(host->crowd, line, crowd_prev, crowd_next);
		DL_APPEND2(host->crowd, line, crowd_prev, crowd_next);
	}
}

struct http_ticket *http_queue_next(struct http_queue *queue)
{
	if (!queue->ready || queue->active >= queue->limits.max_active)
		return NULL;

	struct http_queue_line *line = queue->ready->ready;
	struct http_ticket *ticket = line->tickets;

	stop_waiting(queue, ticket);
	had_its_turn(queue, line);
	ticket->is_active = true;
	count_active(queue, line, +1);
	return ticket;
}

void http_queue_leave(struct http_queue *queue, struct http_ticket *ticket)
{
	struct http_queue_line *line = ticket->line;

	if (ticket->is_active) {
		count_active(queue, line, -1);
	} else {
		stop_waiting(queue, ticket);
		settle_line(queue, line);
	}
	line_drop_unused(queue, line);
}
