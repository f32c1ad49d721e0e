/* test_plan_property.c - whatever happens to a call in whatever order: promises that hold for every device of it.
 *
 * A world of devices takes part: it claims, rings, answers, rejects, vanishes and hangs up
 * at random, as far as lua/call_event.lua would let it, and keeps count of what the
 * plans did to each device.  A failure names the seed; put it into FIRST_SEED to repeat it.
 */
#include "tests/unit/plan_fixture.h"

enum { FIRST_SEED = 1, WORLDS = 3000, EVENTS = 40 };

struct part { /* what was done to a leg, what it did, and what the customer was told of it */
	unsigned rung, cancelled, let_go, told_answered, hung_up;
	bool answered, refused, lost, left;
	unsigned callbacks, progress;
};

struct world {
	struct stage *stage;
	uint64_t seed, first_seed;
	struct part parts[CALL_LEGS_MAX + 1]; /* 0: the caller */
	char history[EVENTS * 24];
};

static unsigned below(struct world *world, unsigned n)
{
	world->seed = world->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(world->seed >> 33) % n;
}

static void note(struct world *world, const char *what)
{
	const size_t n = strlen(world->history);

	snprintf(world->history + n, sizeof(world->history) - n, "%s ", what);
}

#define hold(world, condition)                                                                               \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			fail_msg("seed %llu: %s\n%s\nlast: %s", (unsigned long long)(world)->first_seed,     \
				 #condition, (world)->history, summary((world)->stage));                     \
	} while (0)

/* ---- after each plan ---- */

/* Who is called by "0" is the caller of now, who may have been a leg. */
static struct part *part_of(struct world *world, const struct effect *effect)
{
	const bool is_caller =
		effect->leg == 0 && (effect->op == EFFECT_LET_GO || effect->op == EFFECT_HANGUP);

	return &world->parts[is_caller ? world->stage->call.caller_leg : effect->leg];
}

static void take_part(struct world *world, const struct effect *effect)
{
	struct part *part = part_of(world, effect);

	hold(world, effect->leg <= world->stage->call.leg_count);
	switch (effect->op) {
	case EFFECT_RING:
		part->rung++;
		break;
	case EFFECT_CANCEL:
		hold(world, part->rung && !part->refused && !part->answered);
		part->cancelled++;
		break;
	case EFFECT_ENGAGE:
		hold(world, part->answered && !part->let_go);
		break;
	case EFFECT_LET_GO:
		part->let_go++;
		break;
	case EFFECT_ANSWERED:
		hold(world, effect->leg == 0 || part->answered);
		part->told_answered += effect->leg > 0;
		break;
	case EFFECT_HANGUP:
		hold(world, effect->leg == 0 || part->answered);
		part->hung_up++;
		break;
	case EFFECT_PART: /* it has left by a transfer */
		part->hung_up++;
		break;
	case EFFECT_FREE:
		part->let_go++;
		break;
	default:
		break;
	}
}

enum { TOLD_INITIATED = 1, TOLD_RINGING, TOLD_ANSWERED, TOLD_OVER };

static unsigned progress_of(const char *status)
{
	static const char *const words[] = { "", "initiated", "ringing", "in-progress" };

	for (unsigned i = TOLD_INITIATED; i < TOLD_OVER; i++) {
		if (strcmp(status, words[i]) == 0)
			return i;
	}
	return TOLD_OVER;
}

/* Of the call and of each leg in order, none twice, numbered without a gap. */
static void hear_callbacks(struct world *world)
{
	struct stage *stage = world->stage;

	for (size_t i = 0; i < stage->plan.n_callbacks; i++) {
		struct part *part = &world->parts[sid_leg_number(stage->plan.callbacks[i].subject)];
		const unsigned progress = progress_of(callback_parameter(stage, i, "CallStatus"));
		const char *number = callback_parameter(stage, i, "SequenceNumber");

		hold(world, progress > part->progress);
		hold(world, strtoul(number, NULL, 10) == part->callbacks);
		part->progress = progress;
		part->callbacks++;
	}
}

static void after_plan(struct world *world)
{
	const struct call *call = &world->stage->call;
	const struct plan *plan = &world->stage->plan;
	struct str list = buf_str(&world->stage->effects);
	struct effect effect;

	while (effect_next(&list, &effect))
		take_part(world, &effect);
	hear_callbacks(world);
	hold(world, plan->wait_ms < UINT64_C(1) << 40);
	hold(world, call->state == CALL_ENDED || plan->wait_ms > 0 || plan->work != WORK_NONE);
	hold(world, call->state != CALL_ENDED || (plan->work == WORK_NONE && plan->wait_ms == 0));
	hold(world, call->state != CALL_RINGING || call->until_ms > call->now_ms);
	hold(world, call->leg_count <= CALL_LEGS_MAX);
	for (unsigned i = 1; i <= call->leg_count; i++) {
		hold(world, world->parts[i].rung <= 1 && world->parts[i].cancelled <= 1);
		hold(world, world->parts[i].let_go <= 1 && world->parts[i].hung_up <= 1);
	}
}

static void look(struct world *world)
{
	round_look(world->stage);
	after_plan(world);
}

/* ---- what comes of a plan's work ---- */

static const char *const documents[] = {
	DIAL(""),
	DIAL("action=\"" AFTER "\""),
	"<Response><Dial timeout=\"1\"><Client>alice</Client><Client>bob</Client></Dial><Redirect>" URL
	"</Redirect></Response>",
	"<Response><Pause "
	"length=\"2\"/><Dial><Client>alice</Client><Number>+15550001</Number></Dial></Response>",
	"<Response><Pause length=\"0\"/><Redirect>" URL "</Redirect></Response>",
	"<Response><Reject reason=\"busy\"/></Response>",
	"<Response><Say>hello</Say></Response>",
	"<Response><Hangup/></Response>",
	"<Response/>",
	"<broken",
};

static void fetched(struct world *world)
{
	if (below(world, 8) == 0)
		round_fetch_failed(world->stage, ERR_FETCH_FAILED);
	else
		round_document(world->stage, documents[below(world, ARRAY_LEN(documents))]);
	after_plan(world);
}

static void claimed(struct world *world)
{
	static const char *const reasons[] = {
		"offline", "dnd", "busy", "on_call", "away", "media", "engaged"
	};
	struct stage *stage = world->stage;
	struct claim_result claims[PLAN_RING_MAX] = { { STR_NULL, 0, NULL, 0 } };
	struct claim_result surplus[PLAN_RING_MAX];
	struct plan_target targets[PLAN_RING_MAX];
	struct plan plan = { .arena = stage->arena };
	const bool in_turns = below(world, 2);
	const size_t most = plan_targets(&stage->call, &plan, targets, PLAN_RING_MAX) - stage->call.turn;
	const unsigned before = stage->call.leg_count;
	size_t total = 0, left, n = 0;

	while (n < most && !(in_turns && total > 0)) {
		const size_t i = n++;

		claims[i] = claims_of(stage, below(world, 3) ? below(world, 4) : below(world, 51));
		if (claims[i].n == 0)
			claims[i].reason = str_of(reasons[below(world, ARRAY_LEN(reasons))]);
		total += claims[i].n;
	}
	left = plan_share_room(&stage->call, claims, surplus, n);
	for (size_t i = 0; i < n; i++)
		left -= surplus[i].n;
	hold(world, left == 0);
	for (size_t i = 0; i < n; i++)
		total -= surplus[i].n;
	stage->ring_proof_ms = below(world, 2) ? 500 : 0;
	stage->wake_ms = below(world, 2) ? 3000 : 0;
	round_claims(stage, claims, n);
	hold(world, stage->call.leg_count - before == total);
	after_plan(world);
}

/* ---- what happens ---- */

static unsigned some_leg(struct world *world)
{
	const unsigned n = world->stage->call.leg_count;

	return n ? 1 + below(world, n) : 0;
}

static void leg_event(struct world *world)
{
	struct stage *stage = world->stage;
	struct call *call = &stage->call;
	const unsigned n = some_leg(world);
	struct leg *leg = call_leg(call, n);

	if (!leg || !leg_rings(leg))
		return;
	switch (below(world, 4)) {
	case 0:
		if (call->state == CALL_RINGING && leg->status == LEG_RUNG)
			event_ringing(stage, n);
		note(world, "ack");
		break;
	case 1:
		if (call->state != CALL_RINGING)
			break;
		event_reject(stage, n, below(world, 2) ? "declined" : "busy");
		world->parts[n].refused = true;
		note(world, "reject");
		break;
	case 2:
		event_lost(stage, n);
		world->parts[n].refused = true;
		note(world, "lost");
		break;
	default:
		if (call->state != CALL_RINGING || call->hangup_leg == 0 || call->control.n > 0 ||
		    call->until_ms < call->now_ms)
			break;
		event_answer(stage, n);
		world->parts[n].answered = true;
		note(world, "answer");
	}
}

static void winner_event(struct world *world)
{
	struct call *call = &world->stage->call;
	struct leg *leg = call_leg(call, call->winner);

	if (!leg || (call->state != CALL_ANSWERED && call->state != CALL_BRIDGED))
		return;
	if (below(world, 2)) {
		if (call->hangup_leg >= 0)
			return;
		event_hangup(world->stage, call->winner);
		world->parts[call->winner].left = true;
		note(world, "hangup");
	} else {
		leg->lost_until_ms = leg->lost_until_ms ? 0 : call->now_ms + 1000;
		note(world, "gone/back");
	}
}

static void caller_event(struct world *world)
{
	struct call *call = &world->stage->call;

	switch (below(world, 6)) {
	case 0:
		if (call->caller == CALLER_API || call->hangup_leg == 0)
			return;
		event_hangup(world->stage, 0);
		world->parts[call->caller_leg].left = true;
		note(world, "caller-hangup");
		break;
	case 1:
		if (call->control.n == 0)
			event_control(world->stage, "completed");
		note(world, "control");
		break;
	default:
		if (call->caller == CALLER_DEVICE)
			call->caller_lost_until_ms = call->caller_lost_until_ms ? 0 : call->now_ms + 1000;
		note(world, "caller-gone/back");
	}
}

/* By REST, as lua/call_event.lua lets it. */
static void redirect_event(struct world *world)
{
	struct call *call = &world->stage->call;

	if (call->state == CALL_NEW || call->state == CALL_ENDED || call->control.n > 0 || call->first_ring)
		return;
	call->redirect_url = call->redirect_document = STR("");
	if (below(world, 2))
		call->redirect_url = STR(URL);
	else
		call->redirect_document = str_of(documents[below(world, ARRAY_LEN(documents))]);
	note(world, "redirect");
}

/* One of the two who talk, as lua/call_talk.lua lets it. */
static void talk_event(struct world *world)
{
	struct call *call = &world->stage->call;

	if (call->state != CALL_BRIDGED || call->hangup_leg >= 0 || call->control.n > 0)
		return;
	if (below(world, 2)) {
		call->hold ^= 1 + below(world, 2);
		note(world, "hold");
	} else if (call->caller == CALLER_DEVICE) {
		call->transfer_to = STR("client:carol");
		call->transfer_leg = below(world, 2) ? call->winner : 0;
		note(world, "transfer");
	}
}

static void time_event(struct world *world)
{
	const struct plan *plan = &world->stage->plan;

	time_passes(world->stage, below(world, 3) ? (int64_t)plan->wait_ms : (int64_t)below(world, 3000));
	note(world, "time");
}

static void something_happens(struct world *world)
{
	const struct call *call = &world->stage->call;

	if (call->state == CALL_FETCH && below(world, 4)) {
		note(world, "fetched");
		fetched(world);
		return;
	}
	if (call->state == CALL_CLAIM && below(world, 4)) {
		note(world, "claimed");
		claimed(world);
		return;
	}
	switch (below(world, 10)) {
	case 0:
		caller_event(world);
		break;
	case 1:
		time_event(world);
		break;
	case 2:
		winner_event(world);
		break;
	case 3:
		redirect_event(world);
		break;
	case 4:
		talk_event(world);
		break;
	default:
		for (unsigned i = below(world, 3) + 1; i > 0; i--)
			leg_event(world);
	}
	if (below(world, 4)) /* more may happen before the bridge comes to it */
		look(world);
}

/* ---- the end ---- */

static void bring_to_an_end(struct world *world)
{
	struct call *call = &world->stage->call;

	note(world, "| end");
	if (call->control.n == 0 && call->state != CALL_ENDED)
		event_control(world->stage, "completed");
	for (int i = 0; i < 10 && call->state != CALL_ENDED; i++) {
		if (call->state == CALL_CLAIM)
			claimed(world);
		else
			look(world);
	}
	hold(world, call->state == CALL_ENDED);
}

static void judge(struct world *world, bool device_called)
{
	const struct call *call = &world->stage->call;
	for (unsigned i = 1; i <= call->leg_count; i++) {
		const struct leg *leg = &call->legs[i - 1];
		const struct part *part = &world->parts[i];
		const bool is_caller = call->caller_leg == i;

		hold(world, leg->status == LEG_CANCELLED || leg->status == LEG_ENDED ||
				    (is_caller && leg->status == LEG_ANSWERED));
		hold(world, part->rung == 0 || part->answered + part->cancelled + part->refused == 1);
		hold(world, part->let_go == 1);
		/* who was told that it talks hears of the end, unless it made it */
		hold(world, part->told_answered <= 1);
		hold(world, !part->told_answered || part->left || part->hung_up == 1 || leg->lost_until_ms ||
				    (is_caller && call->caller_lost_until_ms));
		hold(world, part->progress == 0 || part->progress == TOLD_OVER);
	}
	hold(world, world->parts[0].let_go == (device_called ? 1 : 0));
	hold(world, world->parts[0].progress == TOLD_OVER);
	hold(world, call->status.n > 0 && call->outcome.n > 0 && call->ended_ms == call->now_ms);
}

static void live(struct stage *stage, uint64_t seed)
{
	static const enum caller_kind kinds[] = { CALLER_GATEWAY, CALLER_DEVICE, CALLER_API };
	struct world *world = x_alloc(sizeof(*world));
	enum caller_kind kind;

	world->stage = stage;
	world->seed = world->first_seed = seed;
	kind = kinds[below(world, ARRAY_LEN(kinds))];
	stage_call(stage, kind);
	if (below(world, 4) == 0)
		stage->call.fallback_url = STR("http://customer.example/fallback");
	if (below(world, 4) == 0)
		stage->call.time_limit_s = 5;
	if (below(world, 4) == 0)
		stage->call.inline_document = str_of(documents[below(world, ARRAY_LEN(documents))]);
	look(world);
	for (int i = 0; i < EVENTS && stage->call.state != CALL_ENDED; i++)
		something_happens(world);
	bring_to_an_end(world);
	judge(world, kind == CALLER_DEVICE);
	x_free(world);
}

static void test_every_device_of_a_call_is_treated_as_promised(void **state)
{
	struct stage *stage = *state;

	for (uint64_t seed = FIRST_SEED; seed < FIRST_SEED + WORLDS; seed++) {
		stage->arena = arena_free(stage->arena);
		stage->arena = arena_new(256 << 20);
		live(stage, seed * UINT64_C(0x9E3779B97F4A7C15));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_every_device_of_a_call_is_treated_as_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
