/* sweep.h - what is due in the partitions: REST leases that ran out, claims whose call is gone.
 *
 * Partitions are divided over the live presence nodes by rendezvous, and over the
 * workers of a node by number.
 */
#pragma once

#include "common/io/worker.h"

struct sweep;
struct sweep *sweep_new(struct worker *worker);
struct sweep *sweep_free(struct sweep *sweep);
