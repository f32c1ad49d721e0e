/* lease_check.h - a device by REST lease is looked at again a second after it was registered.
 *
 * Who revokes a token ends the leases that there are.  One that was on its way just
 * then is still unknown, and nobody here holds it as a channel is held; but the notice
 * of the revocation reaches this worker well within that second.  So it costs nothing
 * unless something of some account has changed meanwhile.
 */
#pragma once

#include "common/model/presence.h"
#include "common/model/revocation.h"

struct lease_checks;

struct lease_checks *lease_checks_new(struct worker *worker);
struct lease_checks *lease_checks_free(struct lease_checks *checks);     /* returns NULL */

struct lease_made {
	struct sid device;
	int64_t registration;
	struct token_facts facts;        /* copied */
	uint64_t epoch;                  /* accounts_epoch() from before the token was looked at */
};
void lease_check_later(struct lease_checks *checks, const struct lease_made *made);
