/* outcome.c - see outcome.h. */
#include "routing-svc/outcome.h"

struct str outcome_status(const struct call *call)
{
	if (call->state == CALL_ENDED)
		return call->status;
	if (call->up_ms)
		return STR("in-progress");
	return call->state == CALL_NEW && call->outbound_api ? STR("queued") : STR("ringing");
}

void outcome_write(const struct call *call, struct json_writer *w)
{
	const struct leg *winner = call_leg((struct call *)call, call->winner);

	json_object(w);
	json_str(w, "call", sid_str(&call->id));
	json_str(w, "status", outcome_status(call));
	json_str(w, "outcome",
		 call->state == CALL_ENDED ? call->outcome
		 : call->up_ms		   ? STR("answered")
					   : STR("ringing"));
	if (winner)
		json_str(w, "answered_by", winner->identity);
	if (call->answer_sdp.n > 0)
		json_str(w, "sdp", call->answer_sdp);
	json_object_end(w);
}

struct str outcome_message(struct arena *arena, const struct call *call)
{
	struct json_writer w;
	struct buf text;
	struct str copy;

	buf_init(&text, OUTCOME_MAX);
	json_begin(&w, &text);
	json_object(&w);
	json_str(&w, "to", sid_str(&call->id));
	json_str(&w, "do", STR("outcome"));
	json_name(&w, "msg");
	outcome_write(call, &w);
	json_object_end(&w);
	copy = arena_copy(arena, buf_str(&text));
	buf_fini(&text);
	return copy;
}
