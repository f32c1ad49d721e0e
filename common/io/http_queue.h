/* http_queue.h - whose request may start now.  Pure.
 *
 * At most max_active at work in all, max_per_tenant for one tenant and max_per_host to one
 * host; the others wait.  Tenants take turns, a tenant's hosts take turns, and at each host it
 * is first come first served.  So who hangs holds up only himself, whether a host or a tenant
 * with many of them.  Of the waiting room a tenant may fill a quarter, and half of that for one host.
 * (libcurl's own queue looks only at its head and would let one host stop all.)
 */
#pragma once

#include "common/base/str.h"

struct http_queue;
struct http_queue_line;

struct http_ticket {                     /* embedded in what waits; all fields private */
	struct http_queue_line *line;
	struct http_ticket *prev, *next;
	bool is_active;
};

struct http_queue_limits {
	unsigned max_active, max_per_tenant, max_per_host, max_waiting;
};

struct http_queue *http_queue_new(const struct http_queue_limits *limits);
struct http_queue *http_queue_free(struct http_queue *queue);        /* when all tickets have left; NULL */

/* False when there is no room; the ticket is then not in the queue. */
MUST_USE bool http_queue_enter(struct http_queue *queue, struct http_ticket *ticket, struct str tenant, struct str host);
struct http_ticket *http_queue_next(struct http_queue *queue);       /* it is active from now on; NULL: nobody may start */
void http_queue_leave(struct http_queue *queue, struct http_ticket *ticket);    /* waiting or active */
