/* patrol.h - visits, again and again, the partitions or shards that are this worker's turn.
 *
 * They are divided over the live nodes of this kind by rendezvous (node.h) and over
 * the workers of a node by number.  With `ranks` 2 a shard's second node visits it
 * too, and is told so: the first may be the one that died.
 */
#pragma once

#include "common/io/worker.h"

struct patrol;

typedef void patrol_fn(void *arg, unsigned number, int rank);    /* rank 0: ours; 1: the second's */

struct patrol_conf {
	char tag;                /* 'p' partitions, 'c' shards */
	unsigned count;
	int ranks;
	uint64_t every_ms;
	patrol_fn *visit;
	void *arg;
};

struct patrol *patrol_new(struct worker *worker, const struct patrol_conf *conf);
struct patrol *patrol_free(struct patrol *patrol);
