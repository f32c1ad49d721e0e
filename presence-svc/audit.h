/* audit.h - every client, looked at again in the background: is its record still what it has to be?
 *
 * One step of some 50 clients in each partition every AUDIT_MS, by the node that the partition
 * falls to.  Mismatches are mended and counted (presence_mismatch_total): there are none, or there is a defect.
 */
#pragma once

#include "common/io/worker.h"

struct audit;
struct audit *audit_new(struct worker *worker);
struct audit *audit_free(struct audit *audit);
