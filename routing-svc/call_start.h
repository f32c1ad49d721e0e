/* call_start.h - a new call of this worker: written, then looked at. */
#pragma once

#include "common/model/call_request.h"

/* Writes the record, owned by this worker; `next` ends its success path with call_started. */
void call_start(struct flow *flow, const struct call *call, const char *how, struct flow_step next);
void call_started(struct flow *flow, const struct call *call);
