/* comm_token.h - the communication token that a rung device gets and gives back.
 *
 * AES-256-GCM over (call id, leg, attempt, device, account, expiry) under
 * HKDF(cluster secret, host id); the host id stands beside it as associated
 * data: "CT1.<host id>.<sealed>".  A token altered to name another host does not open.
 * Opaque for the client; any instance of either tier can open it.
 */
#pragma once

#include "common/base/sid.h"
#include "common/model/keys.h"
#include "common/model/seal.h"

struct comm_token {
	struct sid leg;                  /* the rung leg; its call by sid_call_of */
	struct sid account;
	struct sid device;
	unsigned attempt;
	uint64_t expires_at_ms;          /* by the clock of Redis at the ring; a hint, the call's record decides */
};

enum { COMM_TOKEN_MAX = 400 };

void comm_token_make(const struct seal *seal, struct str host_id, const struct comm_token *in, struct buf *out);
MUST_USE bool comm_token_open(const struct seal *seal, struct str text, struct comm_token *out);   /* false: forged, edited or foreign */
