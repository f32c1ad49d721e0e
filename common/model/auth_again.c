/* auth_again.c - is a token that was verified some time ago still good?
 *
 *     auth_facts_again -> account -> (its key ->) revocations -> next step
 */
#include "common/model/account_store.h"
#include "common/model/auth.h"
#include "common/model/revocation.h"

uint32_t auth_token_mark(struct str auth_token)
{
	uint8_t digest[CRYPTO_MAC_MAX];
	uint32_t mark;

	crypto_digest(CRYPTO_SHA256, auth_token, digest);
	memcpy(&mark, digest, sizeof(mark));
	return mark;
}

bool auth_token_is_current(const struct account *account, uint32_t mark)
{
	const struct str first = account->auth_token, second = account->auth_token_second;

	return mark == auth_token_mark(first) || (second.n > 0 && mark == auth_token_mark(second));
}

struct again {
	struct accounts *accounts;
	const struct token_facts *facts;
	struct account account;
	struct api_key key;
	struct flow_step next;
};

static void on_revoked(struct flow *flow, void *arg, const struct revoked *revoked, bool was_cached)
{
	const struct again *again = arg;

	(void)was_cached;
	if (revoked_has(revoked, again->facts))
		flow_fail(flow, ERR_TOKEN_REVOKED, "");
	else
		flow_next(flow, again->next);
}

static void find_revocations(struct flow *flow, struct again *again)
{
	revocations_load(again->accounts, flow, again->facts->account, again->next.name, on_revoked, again);
}

static void on_key(struct flow *flow, void *arg, bool was_cached)
{
	struct again *again = arg;

	(void)was_cached;
	if (sid_is_set(again->key.sid))
		find_revocations(flow, again);
	else
		flow_fail(flow, ERR_TOKEN_REVOKED, "");
}

static void look_up(struct flow *flow, struct again *again, const struct record_kind *kind,
		    const struct sid *sid, void *out, record_found_fn *found)
{
	const struct record_lookup want = {
		.kind = kind,
		.account = again->facts->account,
		.id = sid_str(sid),
		.out = out,
		.absent_is_fine = true,
		.waiting_for = again->next.name,
		.found = found,
		.arg = again,
	};

	record_lookup(again->accounts, flow, &want);
}

static void on_account(struct flow *flow, void *arg, bool was_cached)
{
	struct again *again = arg;

	(void)was_cached;
	if (!str_eq(again->account.status, STR("active"))) /* or it is not there any more */
		flow_fail(flow, ERR_ACCOUNT_SUSPENDED, "");
	else if (sid_is_set(again->facts->key))
		look_up(flow, again, &record_key, &again->facts->key, &again->key, on_key);
	else if (auth_token_is_current(&again->account, again->facts->signer))
		find_revocations(flow, again);
	else
		flow_fail(flow, ERR_TOKEN_REVOKED, "");
}

void auth_facts_again(struct accounts *accounts, struct flow *flow, const struct token_facts *facts,
		      struct flow_step next)
{
	struct again *again = flow_alloc(flow, sizeof(*again));

	again->accounts = accounts;
	again->facts = facts;
	again->next = next;
	look_up(flow, again, &record_account, &facts->account, &again->account, on_account);
}

void auth_token_again(struct accounts *accounts, struct flow *flow, const struct client_token *token,
		      struct flow_step next)
{
	struct token_facts *facts = flow_alloc(flow, sizeof(*facts));

	*facts = token_facts_of(token);
	auth_facts_again(accounts, flow, facts, next);
}
