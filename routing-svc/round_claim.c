/* round_claim.c - devices are claimed: of all clients of a ring side by side, or of one after the other until one has some.
 *
 *     round_claim -> on_account -> (candidates_find) -> claim_all                  -> on_claimed -> round_go_on
 *                                                    -> claim_next -> on_one_claimed ...
 */
#include "common/model/app.h"
#include "common/model/node.h"
#include "routing-svc/effects.h"
#include "routing-svc/round_private.h"

enum { CLAIM_SPARE_MS = 5000 };

static void on_account(struct flow *flow);
static void on_candidates(struct flow *flow);
static void on_one_claimed(struct flow *flow);
static void on_claimed(struct flow *flow);

static void require(struct flow *flow, const struct dial_target *target, struct claim_ask *ask)
{
	for (size_t i = 0; target && i < target->n_require && i < CLAIM_REQUIRE_MAX; i++)
		ask->require[ask->n_require++] =
			arena_printf(flow->arena, STR_FMT "=" STR_FMT, STR_ARG(target->require[i].name),
				     STR_ARG(target->require[i].value));
}

/* A gateway's leg has none, and nothing that others could take. */
static struct claim_result no_device_needed(struct flow *flow)
{
	return (struct claim_result){ .reason = STR_NULL,
				      .devices = flow_alloc(flow, sizeof(struct claimed_device)),
				      .n = 1 };
}

/* The next client in the ring's order. */
static void claim_one(struct flow *flow, struct flow_step next)
{
	struct round *round = flow->state;
	struct call *call = &round->call;
	const size_t i = round->input.n_claims++;
	const struct plan_target *client = &round->ring.clients[call->turn + i];
	struct claim_ask ask = {
		.client = { call->account, client->identity },
		.call = call->id,
		.fence = call->fence,
		.attempt = call->attempt,
		.medium = call->medium,
		.hold_ms = plan_ring_ms(call, &round->plan) + CLAIM_SPARE_MS,
		.most = DEVICES_MAX,
		.dead_nodes = arena_copy(flow->arena, nodes_dead(worker_common(flow->worker)->nodes)),
	};

	if (call_comes_along(call, &ask.device, &ask.leaves))
		ask.leaves = sid_call_of(ask.leaves);
	require(flow, client->target, &ask);
	round->claims[i] = (struct claim_result){ .reason = client->refused };
	if (!str_is_null(client->refused)) {
		flow_next(flow, next);
	} else if (client->by_gateway) {
		round->claims[i] = no_device_needed(flow);
		flow_next(flow, next);
	} else if (call_is_message(call)) {
		recipients_find(flow, &ask, &round->claims[i], next);
	} else {
		claim_take(flow, &ask, &round->claims[i], next);
	}
}

static size_t waiting(const struct round *round)
{
	const size_t had = round->call.turn + round->input.n_claims;

	return round->ring.n - MIN(had, round->ring.n);
}

static void claim_next(struct flow *flow)
{
	if (waiting(flow->state) == 0)
		flow_next(flow, STEP(on_claimed));
	else
		claim_one(flow, STEP(on_one_claimed));
}

static void on_one_claimed(struct flow *flow)
{
	const struct round *round = flow->state;

	if (round->claims[round->input.n_claims - 1].n > 0)
		on_claimed(flow);
	else
		claim_next(flow);
}

static void claim_all(struct flow *flow)
{
	const struct round *round = flow->state;
	const size_t n = waiting(round);
	struct flow_step each;

	if (n == 0) {
		flow_next(flow, STEP(on_claimed));
		return;
	}
	each = flow_join(flow, (unsigned)n, STEP(on_claimed));
	for (size_t i = 0; i < n; i++)
		claim_one(flow, each);
}

void round_claim(struct flow *flow)
{
	struct round *round = flow->state;
	const struct call *call = &round->call;

	round->n_named = plan_targets(&round->call, &round->plan, round->named, PLAN_RING_MAX);
	round->claimed_attempt = call->attempt;
	round->claimed_turn = call->turn;
	round->claimed_fence = call->fence;
	account_find(worker_common(flow->worker)->accounts, flow, call->account, &round->account,
		     STEP(on_account));
}

static void on_account(struct flow *flow)
{
	struct round *round = flow->state;
	const struct call *call = &round->call;

	if (call->order.n == 0) {
		candidates_find(flow, STEP(on_candidates));
		return;
	}
	ring_order_read(call->order, round->named, round->n_named, &round->ring);
	on_candidates(flow);
}

static uint64_t wake_ms(const struct round *round)
{
	const struct account *account = &round->account;

	return account->wake_url.n > 0 && !call_is_message(&round->call) ? account->wake_hold_s * 1000 : 0;
}

static void on_candidates(struct flow *flow)
{
	struct round *round = flow->state;

	round->input = (struct plan_input){ .kind = INPUT_CLAIMED,
					    .order = round->ring.clients,
					    .n_order = round->ring.n,
					    .claims = round->claims,
					    .wake_ms = wake_ms(round),
					    .ring_proof_ms = call_is_message(&round->call)
								     ? 0
								     : round->account.ring_proof_ms };
	if (plan_strategy(&round->call, &round->plan) == STRATEGY_ALL)
		claim_all(flow);
	else
		claim_next(flow);
}

/* What has no room among the legs is given back before anybody is rung. */
static void on_claimed(struct flow *flow)
{
	struct round *round = flow->state;

	if (plan_share_room(&round->call, round->claims, round->surplus, round->input.n_claims) > 0)
		effects_release_claims(flow, &round->call, round->claimed_fence,
				       &round->ring.clients[round->claimed_turn], round->surplus,
				       round->input.n_claims, STEP(round_go_on));
	else
		round_go_on(flow);
}

void round_release_late(struct flow *flow, struct flow_step next)
{
	const struct round *round = flow->state;

	effects_release_claims(flow, &round->call, round->claimed_fence,
			       &round->ring.clients[round->claimed_turn], round->claims,
			       round->input.n_claims, next);
}
