/* call_view.h - a call, or one of its legs, as the resource that helper libraries know.  Pure. */
#pragma once

#include "common/model/call.h"

/* id: the call or a leg; false (and nothing written) when the call has no such leg. */
MUST_USE bool call_view_put(struct json_writer *w, struct arena *arena, const struct call *call, struct sid id);
