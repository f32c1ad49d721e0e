/* call_talk.h - what the two sides of a call say to each other, and want of their talk.
 *
 *     a side says something -> call_say: checked, and written down, in the call's shard (lua/call_talk.lua)
 *                           -> candidate, update: passed to the other side by whoever heard it
 *                           -> hold, resume, transfer: the call's owner does the rest (plan_talk.c)
 */
#pragma once

#include "common/base/json.h"
#include "common/model/call_party.h"

struct call_saying {
	const char *what;                /* candidate, update, hold, resume, transfer */
	struct sid leg, device;
	struct str word, text;
};

struct call_said {
	int64_t number;                  /* of update: which offer it is, or answers */
	bool is_connected;
	struct call_party other;         /* if it is */
};

/* CALL_ENDED, NO_SUCH_LEG, CALL_STATE; CONFLICT of an update that is not its turn. */
void call_say(struct flow *flow, const struct call_saying *saying, struct call_said *out, struct flow_step next);

/* To the other side, after call_say. */
void call_pass_update(struct flow *flow, struct sid call, const struct call_said *said, struct str sdp, bool is_answer,
                      struct flow_step next);

/* A candidate as call_say takes it. */
struct str call_candidate_text(struct arena *arena, struct str candidate);
/* Candidates as the record keeps them; nothing when there are none. */
void call_put_candidates(struct json_writer *w, struct str candidates);
