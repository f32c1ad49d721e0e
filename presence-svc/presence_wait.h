/* presence_wait.h - a request that waits for a client's presence to change. */
#pragma once

#include "common/io/http.h"

/* Goes on with `next` once the client's version is another one than `version`, or after ms, or when this
 * instance drains; who goes on reads the presence then.  Fails the flow when the credentials are revoked meanwhile,
 * replies by itself when the account may not open one more. */
void presence_wait_or_reply(struct req *req, struct str identity, int64_t version, uint64_t ms, struct flow_step next);
