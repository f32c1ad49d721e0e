/* params.h - what customers' servers are told about a call, as form text.  Pure. */
#pragma once

#include "common/model/call.h"

/* Standard parameters of a request for instructions, then the caller's own (which
 * never replace a standard one), then call->fetch_extra. */
void params_fetch(const struct call *call, struct buf *out);

/* A status callback's: leg NULL is the call itself. */
void params_callback(const struct call *call, const struct leg *leg, const char *status, struct arena *arena, struct buf *out);
