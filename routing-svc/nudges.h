/* nudges.h - the inbox of a routing worker: calls that changed, calls let go, outcomes for waiting gateways. */
#pragma once

#include "common/io/redis_stream.h"

redis_stream_fn nudges_on_message;       /* arg: the worker */
