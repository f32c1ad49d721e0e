/* revocation_leases.c - leases go with their token; hidden index terms tell which those are.
 *
 *     revocation_end_leases -> leases_revoke.lua, some clients at a time, in each partition -> next step
 *
 * A lease that was on its way just then is found by presence-svc/lease_check.h.
 */
#include "common/model/revocation.h"

#include "common/base/metrics.h"
#include "common/model/keys.h"
#include "scripts.gen.h"

enum { LEASES_AT_ONCE = 100 };

/* ---- terms ---- */

/* Control characters keep them apart from attributes: none of those begins so. */
static struct str term_of(struct arena *arena, enum revocation_kind kind, struct str id)
{
	return arena_printf(arena, "\1%c=" STR_FMT, kind, STR_ARG(id));
}

void revocation_add_terms(struct device_profile *profile, struct arena *arena,
			  const struct client_token *token)
{
	device_profile_add_term(profile, arena, term_of(arena, REVOKE_TOKEN, token->id));
	if (sid_is_set(token->key))
		device_profile_add_term(profile, arena, term_of(arena, REVOKE_KEY, sid_str(&token->key)));
}

bool revocation_terms_are_of(struct str terms, const struct client_token *token)
{
	bool same_token = false, same_key = !sid_is_set(token->key);

	for (struct str term; str_split(&terms, '\0', &term);) {
		if (str_starts(term, STR("\1t=")))
			same_token = str_eq(str_skip(term, 3), token->id);
		else if (str_starts(term, STR("\1k=")))
			same_key = str_eq(str_skip(term, 3), sid_str(&token->key));
	}
	return same_token && same_key;
}

/* ---- ending ---- */

struct ending {
	struct str key, account, term, until_us;
	struct flow_step next;
};

static void end_some(struct flow *flow, struct ending *ending, struct str after);

static void on_some_ended(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct ending *ending = arg;
	const struct str after = redis_str_at(reply, 1);

	metric_add(METRIC_devices_ended_total, redis_int_at(reply, 0, 0));
	if (after.n > 0)
		end_some(flow, ending, after);
	else
		flow_run(flow, ending->next);
}

static void end_some(struct flow *flow, struct ending *ending, struct str after)
{
	char most[24];
	const struct str argv[] = { ending->account, ending->term, after, ending->until_us,
				    redis_num(most, LEASES_AT_ONCE) };

	flow_script(flow, "end_leases", on_some_ended, ending, &scripts[SCRIPT_LEASES_REVOKE], ending->key,
		    ARRAY_LEN(argv), argv);
}

static void end_under(struct flow *flow, struct sid account, const struct revocation *revocation,
		      struct str key, struct str term, struct flow_step next)
{
	struct ending *ending = flow_alloc(flow, sizeof(*ending));

	*ending = (struct ending){
		.key = key,
		.account = arena_copy(flow->arena, sid_str(&account)),
		.term = term,
		.until_us = arena_printf(flow->arena, "%lld", (long long)revocation->at_us),
		.next = next,
	};
	end_some(flow, ending, STR(""));
}

/* An identity is one client; what a token or a key made may be in each of the account's partitions. */
void revocation_end_leases(struct flow *flow, struct sid account, const struct revocation *revocation,
			   struct flow_step next)
{
	const struct str owner = sid_str(&account);
	struct flow_step each;
	struct str term;

	if (revocation->kind == REVOKE_IDENTITY) {
		end_under(flow, account, revocation, key_client(flow->arena, owner, revocation->id), STR(""),
			  next);
		return;
	}
	term = term_of(flow->arena, revocation->kind, revocation->id);
	each = flow_join(flow, KEYS_SPREAD, next);
	for (unsigned i = 0; i < KEYS_SPREAD; i++)
		end_under(flow, account, revocation,
			  key_index_term(flow->arena, key_partition_nth(owner, i), owner, term), term, each);
}
