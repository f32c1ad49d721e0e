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

enum farewell_kind {
	FAREWELL_CLOSED,                 /* its channel broke: it counts for the account's grace, and may come back */
	FAREWELL_EXPIRED,                /* at once; a call that holds the device goes on */
	FAREWELL_REVOKED,                /* at once; a call hears that the device is gone, as after CLOSED */
};

/* client.identity is copied; registration 0: whichever this worker holds */
void farewell(struct farewells *farewells, struct client_key client, struct sid device, int64_t registration,
              enum farewell_kind kind);
