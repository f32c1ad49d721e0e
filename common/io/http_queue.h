/* http_queue.h - whose request may start now.  Pure.
 *
 * At most max_active at work in all and max_per_host to one host; the others
 * wait, first come first served at each host, and the hosts take turns.  A host
 * that hangs holds up only itself: it may fill a quarter of the waiting room.
 * (libcurl's own queue looks only at its head and would let one host stop all.)
 */
#pragma once

#include "common/base/str.h"

struct http_queue;
struct http_queue_host;

struct http_ticket {                     /* embedded in what waits; all fields private */
	struct http_queue_host *host;
	struct http_ticket *prev, *next;
	bool is_active;
};

struct http_queue *http_queue_new(unsigned max_active, unsigned max_per_host, unsigned max_waiting);
struct http_queue *http_queue_free(struct http_queue *queue);        /* when all tickets have left; NULL */

/* False when there is no room; the ticket is then not in the queue. */
MUST_USE bool http_queue_enter(struct http_queue *queue, struct http_ticket *ticket, struct str host);
struct http_ticket *http_queue_next(struct http_queue *queue);       /* it is active from now on; NULL: nobody may start */
void http_queue_leave(struct http_queue *queue, struct http_ticket *ticket);    /* waiting or active */
