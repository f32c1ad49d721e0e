/* gateway.h - legs that a gateway is rung for: a Dial's Number and Sip, a created call's To.
 *
 * Such a leg has no device, no channel and no claim; its identity is the number or address.  What a
 * gateway hears of it is JSON, posted to GATEWAY_URL from an outbox of the leg's own ("g:" and the
 * leg's sid): in order, at least once, with the same id each time.
 *   ring · answered · candidate · cancel · hangup
 * What it says itself comes by POST .../Communications/{leg} (routing-svc/communications.c).  A ring
 * that it refuses (4xx), or does not take within GATEWAY_GIVE_UP_MS, makes the leg unreachable.
 */
#pragma once

#include "common/base/json.h"
#include "common/model/call.h"
#include "common/model/outbox_entry.h"

#define LEG_NOT_TAKEN STR("not_taken")   /* reason of a leg that a gateway may have begun to ring, or not */

struct gateway_note {                    /* a message under way */
	struct sid leg, account;
	const char *action;
	struct str once;                 /* told once for each word; STR_NULL: every time */
	uint64_t try_ms;                 /* 0: CALLBACK_GIVE_UP_S */
	struct buf text;
	struct json_writer w;            /* in the object; more members may follow */
};

void gateway_begin(struct gateway_note *note, const struct call *call, unsigned leg, const char *action);
void gateway_send(struct flow *flow, struct gateway_note *note, struct flow_step next);

MUST_USE bool gateway_is_subject(struct str subject);
struct str gateway_subject(struct arena *arena, struct sid leg);
extern const struct outbox_kind outbox_of_gateway;
