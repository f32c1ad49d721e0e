/* plan_fixture.h - a call on the table: events happen to it, one plan follows, and what it decided is one line.
 *
 * stage_* make a call, event_* do to its record what lua/call_event.lua would do, round_*
 * run one round as the bridge does (the commit's times become the stage's now).
 * summary() is the whole decision:
 *
 *     "ringing none 20000 [R 1, R 2, P 0 ringing] [0=initiated]"
 *      state   work wait   effects                 callbacks: leg=CallStatus
 */
#pragma once

#include "tests/unit/unit.h"

#include "common/base/json.h"
#include "common/base/urlenc.h"
#include "routing-svc/plan.h"
#include "routing-svc/ring_order.h"

enum { START_MS = 1000000000 };

#define AC    "AC00000000000000000000000000000001"
#define CA    "CA0000000000000000000000000a000000"
#define URL   "http://customer.example/voice"
#define AFTER "http://customer.example/after"

/* callbacks of the call and of alice's legs go to the customer; bob's do not */
#define DIAL(attributes)                                                                                     \
	"<Response><Dial timeout=\"20\" timeLimit=\"60\" " attributes                                        \
	"><Client statusCallback=\"/leg\" statusCallbackEvent=\"initiated ringing answered completed\">"     \
	"alice</Client><Client>bob</Client></Dial><Pause length=\"5\"/></Response>"

struct stage {
	struct arena *arena;
	struct call call;
	struct plan plan;
	struct buf effects;
	struct plan_input input; /* of the last plan */
	uint64_t ring_proof_ms;	 /* of the next claims, as is */
	uint64_t wake_ms;
};

static inline int stage_set_up(void **state)
{
	struct stage *stage = x_alloc(sizeof(*stage));

	stage->arena = arena_new(256 << 20);
	buf_init(&stage->effects, 64 * 1024);
	*state = stage;
	return 0;
}

static inline int stage_tear_down(void **state)
{
	struct stage *stage = *state;

	arena_free(stage->arena);
	buf_fini(&stage->effects);
	x_free(stage);
	return 0;
}

#define STAGE_TEST(fn) cmocka_unit_test_setup_teardown(fn, stage_set_up, stage_tear_down)

/* ---- the call ---- */

static inline void stage_call(struct stage *stage, enum caller_kind caller)
{
	struct call *call = &stage->call;

	*call = (struct call){
		.from = STR("+15550123"),
		.to = STR("client:alice"),
		.outbound_api = caller == CALLER_API,
		.medium = MEDIA_VOICE,
		.caller = caller,
		.voice_url = STR(URL),
		.status_callback = STR("http://customer.example/call"),
		.status_events = EVENT_INITIATED | EVENT_RINGING | EVENT_ANSWERED | EVENT_COMPLETED,
		.ring_s = 30,
		.state = CALL_NEW,
		.revision = 1,
		.fence = 1,
		.now_ms = START_MS,
		.created_ms = START_MS,
		.hangup_leg = -1,
	};
	assert_true(sid_parse(STR(CA), "CA", &call->id) && sid_parse(STR(AC), "AC", &call->account));
	if (caller == CALLER_DEVICE)
		call->caller_device = sid_new("DV");
	call->legs = arena_alloc(stage->arena, (CALL_LEGS_MAX + CALL_LEGS_SPARE) * sizeof(*call->legs));
}

/* ---- what happens to it, as lua/call_event.lua writes it down ---- */

static inline void event_ringing(struct stage *stage, unsigned leg)
{
	call_leg(&stage->call, leg)->status = LEG_ACKNOWLEDGED;
}

static inline void event_answer(struct stage *stage, unsigned leg)
{
	struct call *call = &stage->call;

	call->state = CALL_ANSWERED;
	call->winner = leg;
	call->answer_sdp = STR("v=0 answer");
	call->answered_ms = call->now_ms;
	call_leg(call, leg)->status = call_leg(call, leg)->status == LEG_RINGING ? LEG_ANSWERED : LEG_PICKED_UP;
}

static inline void event_reject(struct stage *stage, unsigned leg, const char *why)
{
	call_leg(&stage->call, leg)->status = LEG_REJECTED;
	call_leg(&stage->call, leg)->reason = str_of(why);
}

static inline void event_lost(struct stage *stage, unsigned leg)
{
	call_leg(&stage->call, leg)->status = LEG_LOST;
	call_leg(&stage->call, leg)->reason = STR("lost");
}

static inline void event_hangup(struct stage *stage, unsigned leg)
{
	stage->call.hangup_leg = (int)leg;
	stage->call.hangup_reason = leg ? STR("remote_hangup") : STR("caller_hangup");
}

static inline void event_control(struct stage *stage, const char *word)
{
	stage->call.control = str_of(word);
}

static inline void time_passes(struct stage *stage, int64_t ms)
{
	stage->call.now_ms += ms;
}

/* ---- one round ---- */

static inline void round_with(struct stage *stage, const struct plan_input *input)
{
	buf_clear(&stage->effects);
	stage->input = *input;
	stage->plan =
		(struct plan){ .arena = stage->arena, .instance = STR("\"node\":\"ND1\""), .effects = &stage->effects };
	plan_next(&stage->call, input, &stage->plan);
	assert_true(buf_ok(&stage->effects));
	call_fix_times(&stage->call, stage->call.now_ms);
	stage->call.revision++;
}

static inline void round_look(struct stage *stage)
{
	round_with(stage, &(struct plan_input){ .kind = INPUT_NONE });
}

static inline void round_fetched_as(struct stage *stage, const char *content_type, const char *document)
{
	round_with(stage, &(struct plan_input){ .kind = INPUT_FETCHED,
					       .content_type = str_of(content_type),
					       .body = str_of(document),
					       .url = STR(URL),
					       .fetch_number = stage->call.fetch_number });
}

static inline void round_document(struct stage *stage, const char *document)
{
	round_fetched_as(stage, "text/xml", document);
}

static inline void round_fetch_failed(struct stage *stage, enum err err)
{
	round_with(stage, &(struct plan_input){ .kind = INPUT_FETCHED,
					       .err = err,
					       .body = STR("the server answered 500"),
					       .fetch_number = stage->call.fetch_number });
}

/* n devices of the first target */
static inline struct claim_result claims_of(struct stage *stage, size_t n)
{
	struct claim_result claim = { .reason = STR_NULL, .n = n };

	claim.devices = arena_alloc(stage->arena, MAX(n, 1) * sizeof(*claim.devices));
	for (size_t i = 0; i < n; i++) {
		claim.devices[i].device = sid_new("DV");
		snprintf(claim.devices[i].address.s, sizeof(claim.devices[i].address.s), "ND%032x.0", 1u);
	}
	return claim;
}

static inline struct claim_result refused_because(const char *reason)
{
	return (struct claim_result){ .reason = str_of(reason) };
}

/* What is named is rung in the order in which it is named, unless the record has another. */
static inline void round_claims(struct stage *stage, const struct claim_result *claims, size_t n)
{
	struct plan_target named[PLAN_RING_MAX];
	struct plan plan = { .arena = stage->arena };
	const size_t n_named = plan_targets(&stage->call, &plan, named, PLAN_RING_MAX);
	struct ring_list list = { .n = 0 };

	for (size_t i = 0; i < n_named; i++)
		ring_list_add(&list, &named[i], named[i].identity, STR_NULL);
	if (stage->call.order.n > 0)
		ring_order_read(stage->call.order, named, n_named, &list);
	round_with(stage, &(struct plan_input){ .kind = INPUT_CLAIMED,
					       .order = list.clients,
					       .n_order = list.n,
					       .claims = claims,
					       .n_claims = n,
					       .wake_ms = stage->wake_ms,
					       .ring_proof_ms = stage->ring_proof_ms });
}

/* alice has `first` devices, bob `second` */
static inline void round_claimed_devices(struct stage *stage, size_t first, size_t second)
{
	struct claim_result claims[2] = { claims_of(stage, first), claims_of(stage, second) };

	if (!first)
		claims[0].reason = STR("offline");
	if (!second)
		claims[1].reason = STR("offline");
	round_claims(stage, claims, stage->call.first_ring ? 1 : 2);
}

/* ---- what was decided ---- */

static inline const char *effects_line(struct stage *stage)
{
	struct str list = buf_str(&stage->effects);
	struct effect effect;
	struct buf out;
	const char *line;

	buf_init(&out, 64 * 1024);
	while (effect_next(&list, &effect))
		buf_printf(&out, "%s%c %u%s" STR_FMT, out.n ? ", " : "", effect.op, effect.leg,
			   effect.word.n ? " " : "", STR_ARG(effect.word));
	line = arena_cstr(stage->arena, buf_str(&out));
	buf_fini(&out);
	return line;
}

/* A parameter of a callback's body; "" when it is not there. */
static inline const char *callback_parameter(struct stage *stage, size_t i, const char *name)
{
	struct json *doc;
	struct form form;
	const char *value;

	assert_true(i < stage->plan.n_callbacks);
	assert_int_equal(json_parse(stage->plan.callbacks[i].json, &doc, NULL), ERR_NONE);
	assert_int_equal(form_parse(stage->arena, arena_copy(stage->arena, json_string(json_get(doc, "body"))), &form),
			 ERR_NONE);
	value = arena_cstr(stage->arena, form_get(&form, name));
	json_free(doc);
	return value;
}

static inline const char *callbacks_line(struct stage *stage)
{
	struct buf out;
	const char *line;

	buf_init(&out, 64 * 1024);
	for (size_t i = 0; i < stage->plan.n_callbacks; i++)
		buf_printf(&out, "%s%u=%s", i ? ", " : "", sid_leg_number(stage->plan.callbacks[i].subject),
			   callback_parameter(stage, i, "CallStatus"));
	line = arena_cstr(stage->arena, buf_str(&out));
	buf_fini(&out);
	return line;
}

static inline const char *summary(struct stage *stage)
{
	static const char *const works[] = { "none", "fetch", "claim", "again" };
	const struct str state = call_state_word(stage->call.state);

	return arena_printf(stage->arena, STR_FMT " %s %llu [%s] [%s]", STR_ARG(state), works[stage->plan.work],
			    (unsigned long long)stage->plan.wait_ms, effects_line(stage), callbacks_line(stage))
		.p;
}

#define assert_plan(stage, expected) assert_string_equal(summary(stage), (expected))

/* ---- calls that have come some way ---- */

static inline void stage_fetching(struct stage *stage, enum caller_kind caller)
{
	stage_call(stage, caller);
	round_look(stage);
}

static inline void stage_claiming(struct stage *stage, enum caller_kind caller, const char *document)
{
	stage_fetching(stage, caller);
	round_document(stage, document);
	assert_int_equal(stage->call.state, CALL_CLAIM);
}

/* legs 1 and 2 are alice's, leg 3 is bob's */
static inline void stage_ringing(struct stage *stage, enum caller_kind caller, const char *document)
{
	stage_claiming(stage, caller, document);
	round_claimed_devices(stage, 2, 1);
	assert_int_equal(stage->call.state, CALL_RINGING);
}

/* leg 1 has won */
static inline void stage_answered(struct stage *stage, enum caller_kind caller, const char *document)
{
	stage_ringing(stage, caller, document);
	time_passes(stage, 3000);
	event_answer(stage, 1);
}

static inline void stage_bridged(struct stage *stage, enum caller_kind caller, const char *document)
{
	stage_answered(stage, caller, document);
	round_look(stage);
	assert_int_equal(stage->call.state, CALL_BRIDGED);
	round_look(stage);
}
