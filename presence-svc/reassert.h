/* reassert.h - what this worker's channels hold is said again to a store that may have lost it.
 *
 * After each reconnect of the store, and under the new id of a node that was taken for
 * dead, every registered channel is asserted (device_assert): paced by REASSERT_PER_S,
 * a few at a time, until each has been heard.  Clients notice nothing, but for those
 * whose device is registered elsewhere by now: their channel closes as "replaced".
 *
 * A channel that is still to be asserted is unsettled; until then its updates say it first.
 */
#pragma once

#include "presence-svc/session.h"

struct reassert;

struct reassert *reassert_new(struct worker *worker);
struct reassert *reassert_free(struct reassert *reassert);       /* before its sessions; returns NULL */

void reassert_all(struct reassert *reassert);            /* the store was away */
void reassert_all_moved(struct reassert *reassert);      /* ... or took this node for dead: its address changes */

unsigned reassert_round(const struct reassert *reassert);                /* to be asked before a registration is sent */
void reassert_registered(struct session *session, unsigned round);       /* it was, in that round */
void reassert_forget(struct session *session);           /* it has closed */

/* For a message of an unsettled channel, or of a node that has slept: the store knows the device, then `next` runs. */
bool reassert_is_due(const struct session *session);
void reassert_now(struct flow *flow, struct session *session, struct flow_step next);
