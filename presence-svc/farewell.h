/* farewell.h - ends the registrations of closed channels, for certain.
 *
 * A registration that could not be ended because the store was away is tried
 * again until it is; meanwhile its node's lease says it is alive.  The registration
 * number keeps a late farewell from touching a device that has come back.
 */
#pragma once

#include "common/base/sid.h"
#include "common/io/worker.h"
#include "common/model/presence.h"

struct farewells;
struct farewells *farewells_new(struct worker *worker);
struct farewells *farewells_free(struct farewells *farewells);
bool farewells_is_idle(const struct farewells *farewells);

/* client.identity is copied; with tell_call, a call that holds the device hears that it is gone */
void farewell(struct farewells *farewells, struct client_key client, struct sid device, int64_t registration, bool tell_call);
