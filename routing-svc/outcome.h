/* outcome.h - how a call stands, in the words of the REST surfaces.  Pure. */
#pragma once

#include "common/model/call.h"

/* With the longest SDP, of characters that JSON writes as six. */
enum { OUTCOME_MAX = 6 * CALL_SDP_MAX + 4096 };

/* Twilio's word: queued, ringing, in-progress, completed, busy, no-answer, canceled, failed. */
struct str outcome_status(const struct call *call);

/* The answer of POST Communications: {"call","status","outcome","answered_by"?,"sdp"?}. */
void outcome_write(const struct call *call, struct json_writer *w);

/* The same as an inbox message to the worker where a gateway waits. */
struct str outcome_message(struct arena *arena, const struct call *call);
