/* call_samples.h - calls made up at random, every member of them, and the comparison of two. */
#pragma once

#include "tests/unit/scripts_fixture.h"

#include "common/model/call.h"

struct maker {
	struct arena *arena;
	uint64_t *seed;
};

/* ---- calls at random ---- */

static inline struct str a_text(struct maker *maker)
{
	static const char *const texts[] = {
		"", "0", "-1", "a|b", "two\nlines", "\xc3\xbc", "{\"a\":\"b\"}", "@until", "v=0\r\n"
	};
	char *large;

	if (random_below(maker->seed, 10))
		return str_of(texts[random_below(maker->seed, ARRAY_LEN(texts))]);
	large = arena_alloc(maker->arena, CALL_SDP_MAX);
	memset(large, 'x', CALL_SDP_MAX - 1);
	return str_of(large);
}

static inline int64_t a_time(struct maker *maker)
{
	return random_below(maker->seed, 3) ? INT64_C(1795328248123) + random_below(maker->seed, 1000) : 0;
}

static inline unsigned a_number(struct maker *maker)
{
	return random_below(maker->seed, 3) ? random_below(maker->seed, 100) : random_below(maker->seed, 2) ? UINT32_MAX : 0;
}

static inline struct sid a_sid(struct maker *maker, const char *prefix)
{
	return random_below(maker->seed, 4) ? sid_new(prefix) : (struct sid){ "" };
}

static inline struct address an_address(struct maker *maker)
{
	struct address address = { "" };
	const struct sid node = sid_new("ND");

	if (random_below(maker->seed, 4))
		snprintf(address.s, sizeof(address.s), "%s.%u", node.s, random_below(maker->seed, 64));
	return address;
}

static inline void vary_parties(struct maker *maker, struct call *call)
{
	call->from = a_text(maker);
	call->to = a_text(maker);
	call->outbound_api = random_below(maker->seed, 2);
	call->medium = a_number(maker);
	call->application = a_sid(maker, "AP");
	call->body = a_text(maker);
	call->answer_with_call = random_below(maker->seed, 2);
	call->parameters = a_text(maker);
	call->fixed = a_text(maker);
	call->caller = (enum caller_kind)random_below(maker->seed, 3);
	call->caller_identity = a_text(maker);
	call->caller_device = a_sid(maker, "DV");
	call->caller_address = an_address(maker);
	call->caller_leg = a_number(maker);
	call->sdp = a_text(maker);
	call->caller_lost_until_ms = a_time(maker);
}

static inline void vary_instructions(struct maker *maker, struct call *call)
{
	call->voice_url = a_text(maker);
	call->voice_get = random_below(maker->seed, 2);
	call->fallback_url = a_text(maker);
	call->fallback_get = random_below(maker->seed, 2);
	call->inline_document = a_text(maker);
	call->status_callback = a_text(maker);
	call->status_callback_get = random_below(maker->seed, 2);
	call->status_events = random_below(maker->seed, 16);
	call->ring_s = a_number(maker);
	call->time_limit_s = a_number(maker);
	call->document = a_text(maker);
	call->document_type = a_text(maker);
	call->document_url = a_text(maker);
	call->verb = a_number(maker);
	call->fetch_url = a_text(maker);
	call->fetch_extra = a_text(maker);
	call->fetch_get = random_below(maker->seed, 2);
	call->fetch_is_fallback = random_below(maker->seed, 2);
	call->fetch_number = a_number(maker);
	call->idle_fetches = a_number(maker);
	call->cookies = a_text(maker);
}

static inline void vary_state(struct maker *maker, struct call *call)
{
	call->up_ms = a_time(maker);
	call->until_ms = a_time(maker);
	call->ended_ms = a_time(maker);
	call->answered_ms = a_time(maker);
	call->hangup_reason = a_text(maker);
	call->control = a_text(maker);
	call->first_ring = random_below(maker->seed, 2);
	call->rang = random_below(maker->seed, 2);
	call->order = a_text(maker);
	call->turn = a_number(maker);
	call->wake_until_ms = a_time(maker);
	call->proof_until_ms = a_time(maker);
	call->winner = random_below(maker->seed, 4);
	call->answer_sdp = a_text(maker);
	call->candidates = a_text(maker);
	call->update = a_text(maker);
	call->hold = a_number(maker);
	call->hold_told = a_number(maker);
	call->transfer_to = a_text(maker);
	call->transfer_leg = a_number(maker);
	call->transfer_with = a_text(maker);
	call->is_transferred = random_below(maker->seed, 2);
	call->effects = a_text(maker);
	call->dial_status = a_text(maker);
	call->dial_leg = a_text(maker);
	call->dial_duration_s = a_number(maker);
	call->dial_bridged = random_below(maker->seed, 2);
	call->status = a_text(maker);
	call->outcome = a_text(maker);
	call->sequence = a_number(maker);
	call->redirect_url = a_text(maker);
	call->redirect_document = a_text(maker);
	call->redirect_get = random_below(maker->seed, 2);
}

/* What only a commit writes. */
static inline void vary_progress(struct maker *maker, struct call *call)
{
	static const char letters[] = "nkrpaxclh";
	const unsigned more = random_below(maker->seed, 4) ? random_below(maker->seed, 4) : CALL_LEGS_SPARE;

	call->state = (enum call_state)random_below(maker->seed, CALL_STATE_COUNT);
	call->hangup_leg = (int)random_below(maker->seed, 4) - 1;
	call->attempt = a_number(maker);
	for (unsigned i = MAX(call->leg_count, 10u) - 10; i < call->leg_count; i++) { /* older ones are over */
		if (random_below(maker->seed, 3) == 0)
			call->legs[i].status = letters[random_below(maker->seed, sizeof(letters) - 1)];
		call->legs[i].sequence += random_below(maker->seed, 2);
		call->legs[i].moved = random_below(maker->seed, 2);
		call->legs[i].candidates = a_text(maker);
		if (random_below(maker->seed, 3) == 0)
			call->legs[i].reason = a_text(maker);
	}
	for (unsigned i = 0; i < more && call->leg_count < CALL_LEGS_MAX; i++) {
		struct leg *leg = &call->legs[call->leg_count++];

		*leg = (struct leg){ .number = call->leg_count,
				     .attempt = random_below(maker->seed, 9),
				     .status = letters[random_below(maker->seed, sizeof(letters) - 1)],
				     .identity = random_below(maker->seed, 2) ? STR("team/alice@x.example") : STR("b"),
				     .device = sid_new("DV"),
				     .address = an_address(maker),
				     .target = random_below(maker->seed, 50) };
	}
}

static inline struct call new_call(struct maker *maker)
{
	struct call call = { .id = sid_new_call(), .account = sid_new("AC"), .hangup_leg = -1 };

	vary_parties(maker, &call);
	vary_instructions(maker, &call);
	vary_state(maker, &call);
	return call;
}

/* ---- comparing ---- */

#define SAME_TEXT(member) assert_true(str_eq(a->member, b->member))
#define SAME(member)	  assert_true(a->member == b->member)
#define SAME_SID(member)  assert_string_equal(a->member.s, b->member.s)

static inline void assert_same_parties(const struct call *a, const struct call *b)
{
	SAME_SID(id);
	SAME_SID(account);
	SAME_TEXT(from);
	SAME_TEXT(to);
	SAME(outbound_api);
	SAME(medium);
	SAME_SID(application);
	SAME_TEXT(body);
	SAME(answer_with_call);
	SAME_TEXT(parameters);
	SAME_TEXT(fixed);
	SAME(caller);
	SAME_TEXT(caller_identity);
	SAME_SID(caller_device);
	SAME_SID(caller_address);
	SAME(caller_leg);
	SAME_TEXT(sdp);
	SAME(caller_lost_until_ms);
}

static inline void assert_same_instructions(const struct call *a, const struct call *b)
{
	SAME_TEXT(voice_url);
	SAME(voice_get);
	SAME_TEXT(fallback_url);
	SAME(fallback_get);
	SAME_TEXT(inline_document);
	SAME_TEXT(status_callback);
	SAME(status_callback_get);
	SAME(status_events);
	SAME(ring_s);
	SAME(time_limit_s);
	SAME_TEXT(document);
	SAME_TEXT(document_type);
	SAME_TEXT(document_url);
	SAME(verb);
	SAME_TEXT(fetch_url);
	SAME_TEXT(fetch_extra);
	SAME(fetch_get);
	SAME(fetch_is_fallback);
	SAME(fetch_number);
	SAME(idle_fetches);
	SAME_TEXT(cookies);
}

static inline void assert_same_state(const struct call *a, const struct call *b)
{
	SAME(state);
	SAME(up_ms);
	SAME(until_ms);
	SAME(ended_ms);
	SAME(answered_ms);
	SAME_TEXT(hangup_reason);
	SAME(hangup_leg);
	SAME_TEXT(control);
	SAME(first_ring);
	SAME(rang);
	SAME(attempt);
	SAME_TEXT(order);
	SAME(turn);
	SAME(wake_until_ms);
	SAME(proof_until_ms);
	SAME(winner);
	SAME_TEXT(answer_sdp);
	SAME_TEXT(candidates);
	SAME_TEXT(update);
	SAME(hold);
	SAME(hold_told);
	SAME_TEXT(transfer_to);
	SAME(transfer_leg);
	SAME_TEXT(transfer_with);
	SAME(is_transferred);
	SAME_TEXT(effects);
	SAME_TEXT(dial_status);
	SAME_TEXT(dial_leg);
	SAME(dial_duration_s);
	SAME(dial_bridged);
	SAME_TEXT(status);
	SAME_TEXT(outcome);
	SAME(sequence);
	SAME_TEXT(redirect_url);
	SAME_TEXT(redirect_document);
	SAME(redirect_get);
}

static inline void assert_same_leg(const struct leg *a, const struct leg *b)
{
	SAME(number);
	SAME(attempt);
	SAME(status);
	SAME_TEXT(reason);
	SAME_TEXT(identity);
	SAME_SID(device);
	SAME_SID(address);
	SAME(target);
	SAME(sequence);
	SAME(moved);
	SAME_TEXT(candidates);
}

static inline void assert_same(const struct call *a, const struct call *b)
{
	assert_same_parties(a, b);
	assert_same_instructions(a, b);
	assert_same_state(a, b);
	assert_int_equal(a->leg_count, b->leg_count);
	for (unsigned i = 0; i < a->leg_count; i++)
		assert_same_leg(&a->legs[i], &b->legs[i]);
}
