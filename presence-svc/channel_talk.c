/* channel_talk.c - what a client says to the other side of its call, and wants of their talk.
 *
 *     candidate, update      -> on_said -> (passed on) -> ok
 *     hold, resume, transfer -> on_done -> ok
 *     transfer with another talk -> on_with -> on_done -> ok
 */
#include "common/model/call_request.h"
#include "common/model/call_talk.h"
#include "presence-svc/channel.h"

struct talk {
	struct sid leg;
	struct str text; /* the candidate, or the SDP */
	int64_t answers; /* of an update: the offer's number; 0: it is one */
	struct call_said said;
};

struct merge {
	struct talk talk;
	struct sid with_leg;
	struct call with;
};

static void say(struct message *message, const char *what, struct str word, struct str text,
		struct flow_step next)
{
	struct talk *talk = message->flow.state;

	call_say(&message->flow,
		 &(struct call_saying){ .what = what,
					.leg = talk->leg,
					.device = message->session->device,
					.word = word,
					.text = text },
		 &talk->said, next);
}

static void on_done(struct flow *flow)
{
	channel_ok(message_of(flow), NULL);
}

/* ---- candidate ---- */

static void on_candidate(struct flow *flow)
{
	const struct talk *talk = flow->state;
	const struct call_party *other = &talk->said.other;
	const struct call call = { .id = sid_call_of(talk->leg),
				   .account = message_of(flow)->session->account };

	if (!talk->said.is_connected)
		on_done(flow); /* it is kept */
	else if (sid_is_set(other->device) || other->leg)
		call_pass_candidate(flow, &call, other, talk->text, STEP(on_done));
	else
		flow_fail(flow, ERR_CONFLICT, "nobody who can be told is connected on the other side");
}

void channel_candidate(struct message *message)
{
	struct talk *talk = flow_state(&message->flow, sizeof(*talk));
	struct json_fault fault = { .missing = false };

	if (!json_get_str(message->doc, "candidate", JSON_REQUIRED, CALL_CANDIDATE_MAX, &talk->text, &fault))
		channel_fail_field(message, &fault);
	else if (channel_read_leg(message, &talk->leg))
		say(message, "candidate", STR(""), call_candidate_text(message->flow.arena, talk->text),
		    STEP(on_candidate));
}

/* ---- update ---- */

static void on_passed(struct flow *flow);

static void on_update(struct flow *flow)
{
	const struct talk *talk = flow->state;

	call_pass_update(flow, talk->leg, &talk->said, talk->text, talk->answers > 0, STEP(on_passed));
}

static void on_passed(struct flow *flow)
{
	const struct talk *talk = flow->state;
	struct message *message = message_of(flow);
	struct frame frame;

	channel_reply(message, &frame, "ok");
	json_int(&frame.w, "update", talk->said.number);
	channel_ok(message, &frame);
}

void channel_update(struct message *message)
{
	struct flow *flow = &message->flow;
	struct talk *talk = flow_state(flow, sizeof(*talk));
	struct json_fault fault = { .missing = false };

	if (!json_get_str(message->doc, "sdp", JSON_REQUIRED, CALL_SDP_MAX, &talk->text, &fault) ||
	    !json_get_int(message->doc, "answers", JSON_OPTIONAL, 1, UINT32_MAX, &talk->answers, &fault))
		channel_fail_field(message, &fault);
	else if (channel_read_leg(message, &talk->leg))
		say(message, "update",
		    talk->answers ? arena_printf(flow->arena, "%lld", (long long)talk->answers) : STR(""),
		    STR(""), STEP(on_update));
}

/* ---- hold, resume, transfer ---- */

static void say_plainly(struct message *message, const char *what)
{
	struct talk *talk = flow_state(&message->flow, sizeof(*talk));

	if (channel_read_leg(message, &talk->leg))
		say(message, what, STR(""), STR(""), STEP(on_done));
}

void channel_hold(struct message *message)
{
	say_plainly(message, "hold");
}

void channel_resume(struct message *message)
{
	say_plainly(message, "resume");
}

/* A client may lead a call to other clients, not out into the world: that is the application's to decide. */
static bool is_client(struct str address)
{
	const struct str scheme = STR("client:");

	return str_starts(address, scheme) && identity_is_valid(str_skip(address, scheme.n));
}

static void transfer_to(struct message *message)
{
	struct talk *talk = flow_state(&message->flow, sizeof(*talk));
	struct json_fault fault = { .missing = false };
	struct str to;

	if (!call_read_address(message->doc, "to", &to, &fault) ||
	    (!is_client(to) && !json_fault_set(&fault, "to", "has to be client: and an identity")))
		channel_fail_field(message, &fault);
	else if (channel_read_leg(message, &talk->leg))
		say(message, "transfer", to, STR(""), STEP(on_done));
}

/* Of the talk `with`, the other side comes along; of the talk `call` it is the one that stays. */
static void on_with(struct flow *flow)
{
	struct merge *merge = flow->state;
	struct call_party other;
	const struct leg *leg;

	if (!call_other_side(&merge->with, sid_leg_number(merge->with_leg), &other)) {
		flow_fail(flow, ERR_CALL_STATE, "with: nobody is connected on the other side");
		return;
	}
	if (!sid_is_set(other.device)) {
		flow_fail(flow, ERR_CONFLICT, "with: the other side is a gateway");
		return;
	}
	leg = call_leg(&merge->with, other.leg);
	say(message_of(flow), "transfer",
	    arena_printf(flow->arena, "client:" STR_FMT,
			 STR_ARG(leg ? leg->identity : merge->with.caller_identity)),
	    arena_printf(flow->arena, "%s %s", other.device.s, sid_leg(merge->with.id, other.leg).s),
	    STEP(on_done));
}

static void transfer_with(struct message *message, struct str with)
{
	struct merge *merge = flow_state(&message->flow, sizeof(*merge));
	struct json_fault fault = { .missing = false };

	if (!channel_read_leg(message, &merge->talk.leg))
		return;
	if (!sid_parse(with, "CA", &merge->with_leg) ||
	    !session_leg_find(message->session, merge->with_leg) ||
	    sid_eq(sid_call_of(merge->with_leg), sid_call_of(merge->talk.leg))) {
		(void)!json_fault_set(&fault, "with", "has to be another call of this device");
		channel_fail_field(message, &fault);
		return;
	}
	call_read(&message->flow, sid_call_of(merge->with_leg), &merge->with, STEP(on_with));
}

void channel_transfer(struct message *message)
{
	struct json_fault fault = { .missing = false };
	struct str with;

	if (!json_get_str(message->doc, "with", JSON_OPTIONAL, SID_LEN, &with, &fault))
		channel_fail_field(message, &fault);
	else if (str_is_null(with))
		transfer_to(message);
	else
		transfer_with(message, with);
}
