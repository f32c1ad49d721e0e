/* reap.h - cleaning up after a dead node.
 *
 * Partition by partition, a few hundred devices at a time: records go, clients are
 * consolidated, calls that held one of the devices hear that it is gone.  May be
 * repeated and may stop anywhere: the dead node's sets only shrink.
 */
#pragma once

#include "common/base/sid.h"
#include "common/io/worker.h"

/* What a node that is not in the table any more has left in one partition: there should be nothing. */
void reap_ghosts(struct worker *worker, struct sid node, unsigned partition);
void reap_node(struct worker *worker, struct sid node);  /* ends in nodes_reaped; a failure is tried again by whoever sees it */
