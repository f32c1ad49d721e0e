/* bridge.h - the calls that this worker works on.
 *
 * One round of a call runs at a time on its owner; whoever wants a look
 * meanwhile gets one more round afterwards (round.h).  A round that fails (the
 * store is away) is tried again with back-off; a bridge that stays late loses the
 * call to another one.
 */
#pragma once

#include "common/base/sid.h"
#include "common/io/worker.h"

struct bridge;

struct bridge *bridge_new(struct worker *worker);
struct bridge *bridge_free(struct bridge *bridge);

void bridge_look(struct bridge *bridge, struct sid call);                /* own call: something happened */
void bridge_take(struct bridge *bridge, struct sid call, uint64_t overdue_ms);   /* another's: take it if it is so late; 0: if it was let go */
void bridge_drain(struct bridge *bridge);                                /* lets every call go, to other instances */
bool bridge_is_idle(const struct bridge *bridge);
