/* candidates.c - the clients that a ring's targets come to, in the order of its strategy.
 *
 *     candidates_find -> on_named -> [presence, counter] -> on_read -> next
 *         members of aliases, clients of groups who can be rung: all side by side
 *
 * A name that is an alias stands for its members; a group for at most PLAN_RING_MAX clients who can be rung
 * now and have what is required, found in the index.  Whether the devices really can is decided by the claim.
 */
#include "common/model/app.h"
#include "common/model/rotation.h"
#include "routing-svc/round_private.h"

static void on_named(struct flow *flow);
static void on_read(struct flow *flow);

/* ---- what is read ---- */

static bool is_client(const struct plan_target *named)
{
	return !named->by_gateway && (!named->target || named->target->kind == TARGET_CLIENT);
}

static bool is_group(const struct plan_target *named)
{
	return is_client(named) && named->target && named->target->is_group;
}

/* Whoever can be rung and has what is required; that one device has all of it is for the claim to see. */
static void find_group(struct flow *flow, const struct plan_target *named, struct presence_filter *filter,
		       struct presence_page *out, struct flow_step next)
{
	const struct round *round = flow->state;
	const struct dial_target *target = named->target;

	*filter = (struct presence_filter){
		.prefix = str_n(named->identity.p, named->identity.n - 1),
		.status = STR(""),
		.ringable = round->call.medium,
		.n_attributes = MIN(target->n_require, (size_t)FILTER_ATTRIBUTES_MAX),
	};
	for (size_t i = 0; i < filter->n_attributes; i++)
		filter->attributes[i] =
			(struct form_field){ target->require[i].name, target->require[i].value };
	presence_list(flow, round->call.account, filter, (struct presence_position){ 0, STR("") },
		      PLAN_RING_MAX, out, next);
}

void candidates_find(struct flow *flow, struct flow_step next)
{
	struct round *round = flow->state;
	struct candidates *found = flow_alloc(flow, sizeof(*found));
	struct str *names = flow_alloc(flow, (round->n_named + 1) * sizeof(*names));
	unsigned groups = 0;
	struct flow_step each;

	round->candidates = found;
	found->next = next;
	for (size_t i = 0; i < round->n_named; i++) {
		names[i] = round->named[i].identity;
		groups += is_group(&round->named[i]);
	}
	if (round->n_named == 0) {
		flow_next(flow, STEP(on_named));
		return;
	}
	each = flow_join(flow, groups + 1, STEP(on_named));
	aliases_find(flow, round->call.account, names, round->n_named, found->aliases, each);
	for (size_t i = 0; i < round->n_named; i++) {
		if (is_group(&round->named[i]))
			find_group(flow, &round->named[i], &found->filters[i], &found->groups[i], each);
	}
}

/* ---- what comes of it ---- */

static void add_members(struct ring_list *list, const struct plan_target *named, const struct alias *alias)
{
	for (size_t i = 0; i < alias->n_members; i++)
		ring_list_add(list, named, alias->members[i], STR_NULL);
}

static void add_group(struct ring_list *list, const struct plan_target *named,
		      const struct presence_page *page)
{
	for (size_t i = 0; i < page->n; i++)
		ring_list_add(list, named, page->clients[i].identity, STR_NULL);
	if (page->n == 0)
		ring_list_add(list, named, named->identity, STR("nobody_ringable"));
}

/* Who is rung by a gateway needs nothing but one; legs keep their fields apart by '|'. */
static void add_gateways(struct ring_list *list, const struct plan_target *named, bool has_gateway)
{
	size_t at;

	ring_list_add(list, named, named->identity,
		      !has_gateway			    ? STR("no_gateway")
		      : str_find(named->identity, '|', &at) ? STR("bad_address")
							    : STR_NULL);
}

static void list_clients(struct round *round)
{
	const struct settings *settings = worker_common(round->flow->worker)->settings;
	const struct candidates *found = round->candidates;

	round->ring.n = 0;
	for (size_t i = 0; i < round->n_named; i++) {
		const struct plan_target *named = &round->named[i];

		if (named->by_gateway && !call_is_message(&round->call))
			add_gateways(&round->ring, named, settings->gateway_url[0] != '\0');
		else if (!is_client(named))
			ring_list_add(&round->ring, named, STR(""), STR("not_supported"));
		else if (is_group(named))
			add_group(&round->ring, named, &found->groups[i]);
		else if (found->aliases[i].n_members > 0)
			add_members(&round->ring, named, &found->aliases[i]);
		else
			ring_list_add(&round->ring, named, named->identity, STR_NULL);
	}
}

static void read_presence(struct flow *flow)
{
	struct round *round = flow->state;
	struct str *names = flow_alloc(flow, PLAN_RING_MAX * sizeof(*names));

	for (size_t i = 0; i < round->ring.n; i++)
		names[i] = round->ring.clients[i].identity;
	presence_query(flow, round->call.account, names, round->ring.n, round->candidates->presence,
		       STEP(on_read));
}

static void on_named(struct flow *flow)
{
	struct round *round = flow->state;
	const enum dial_strategy strategy = plan_strategy(&round->call, &round->plan);

	list_clients(round);
	if (strategy == STRATEGY_LONGEST_IDLE)
		read_presence(flow);
	else if (strategy == STRATEGY_ROUND_ROBIN)
		rotation_next(flow, round->call.account,
			      ring_order_group(flow->arena, round->named, round->n_named),
			      &round->candidates->start, STEP(on_read));
	else
		flow_next(flow, round->candidates->next);
}

static void on_read(struct flow *flow)
{
	struct round *round = flow->state;
	struct candidates *found = round->candidates;

	ring_order(&round->ring, plan_strategy(&round->call, &round->plan), found->start, round->call.medium,
		   found->presence);
	flow_next(flow, found->next);
}
