/* node.h - this instance among all instances: lease, table of nodes, burial.
 *
 * One node per process.  Its lease is renewed by worker 0, and only while every
 * worker's loop has ticked within the last second.  The renewal answers with
 * the table when it has changed; each worker has its own copy.  A node whose
 * lease ran out is buried by whoever sees it first, and reaped by on_reap.
 *
 * Two addresses matter: "ND..k" is worker k of a node, where its inbox is.
 */
#pragma once

#include "common/io/flow.h"
#include "common/model/keys.h"
#include "common/model/settings.h"

enum node_kind { NODE_PRESENCE, NODE_ROUTING };

struct nodes;                            /* one per worker */

struct nodes_conf {
	enum node_kind kind;
	const struct settings *settings;
	void (*on_joined)(struct worker *worker);                /* on every worker; again after a burial, under the new id */
	void (*on_buried)(struct worker *worker);                /* on every worker, before it joins again */
	void (*on_reap)(struct worker *worker, struct sid node); /* on worker 0: clean up after the dead node, then nodes_reaped */
};

struct nodes *nodes_new(struct worker *worker, const struct nodes_conf *conf);
struct nodes *nodes_free(struct nodes *nodes);
void nodes_start(struct nodes *nodes);                   /* worker 0, each time its Redis is ready */
void nodes_drain(struct nodes *nodes);                   /* worker 0: the table says draining from the next renewal */
void nodes_leave(struct nodes *nodes, struct flow *flow, struct flow_step next);   /* worker 0, last: out of the table */
void nodes_reaped(struct nodes *nodes, struct sid node);

/* In the table, and nobody can have buried us since the last renewal: who has slept finds out before it registers a device. */
bool nodes_is_joined(const struct nodes *nodes);
struct sid nodes_own(const struct nodes *nodes);                 /* not set before the first join */
struct address nodes_address(const struct nodes *nodes);         /* of this worker */
struct str nodes_dead(const struct nodes *nodes);                /* ids of dead nodes not reaped yet, comma-separated; borrowed */
/* Who we are, for a call's trace: "node":"ND..","host":"label" */
struct str nodes_instance(const struct nodes *nodes, struct arena *arena);
bool nodes_is_gone(const struct nodes *nodes, struct str node);    /* dead, or not in the table any more */

/* Which run of the store this is: the start of its run id. Another one may have lost what was written last;
 * 0 before it is known. */
uint32_t nodes_epoch(void);

/* Rendezvous: which live (not draining) node of a kind is first, second ... for a key. */
MUST_USE bool nodes_pick(const struct nodes *nodes, enum node_kind kind, struct str key, struct address *out);
int nodes_rank(const struct nodes *nodes, struct str key);       /* own rank among its kind, 0 first; -1 not in the table */
