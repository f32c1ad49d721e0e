/* account_rules.c - see account_rules.h. */
#include "common/model/account_rules.h"

#include <stdio.h>

#include "common/model/account_store.h"
#include "common/model/app.h"

static const char purpose[] = "presence-channel";

enum { CHANNEL_BYTES = (RULES_CHANNEL_MAX - 1) / 2, PLACE_MAX = SID_SIZE + 16 };
enum rule { CALL_WAITING = 1, AWAY_RINGS = 2, WEBHOOKS = 4 }; /* as in lua/_client.lua */

static struct str place(char space[PLACE_MAX], struct sid account, unsigned partition)
{
	return str_n(space, (size_t)snprintf(space, PLACE_MAX, "%s/p%u", account.s, partition));
}

static void name_of(const uint8_t mac[CHANNEL_BYTES], char out[RULES_CHANNEL_MAX])
{
	crypto_hex(str_n((const char *)mac, CHANNEL_BYTES), out);
}

void rules_channel(const struct seal *seal, struct sid account, unsigned partition,
		   char out[RULES_CHANNEL_MAX])
{
	uint8_t mac[CHANNEL_BYTES];
	char space[PLACE_MAX];

	seal_mac(seal, purpose, place(space, account, partition), mac, sizeof(mac));
	name_of(mac, out);
}

bool rules_channel_previous(const struct seal *seal, struct sid account, unsigned partition,
			    char out[RULES_CHANNEL_MAX])
{
	uint8_t mac[CHANNEL_BYTES];
	char space[PLACE_MAX];

	if (!seal_mac_previous(seal, purpose, place(space, account, partition), mac, sizeof(mac)))
		return false;
	name_of(mac, out);
	return true;
}

struct str account_rules(struct arena *arena, const struct seal *seal, const struct account *account,
			 unsigned partition)
{
	const unsigned flags = (account->call_waiting ? CALL_WAITING : 0u) |
			       (account->away_rings ? AWAY_RINGS : 0u) |
			       (account->presence_webhook_url.n > 0 ? WEBHOOKS : 0u);
	char channel[RULES_CHANNEL_MAX];

	rules_channel(seal, account->sid, partition, channel);
	return arena_printf(arena, "%llu|%u|%llu|%s|%llu", (unsigned long long)account->updated_ms, flags,
			    (unsigned long long)account->close_grace_ms, channel,
			    (unsigned long long)account->away_after_missed);
}

/* ---- reading: packed once per account and partition, and kept as the account itself is ---- */

struct asked {
	struct account account;
	unsigned partition;
	uint64_t epoch;
	account_rules_fn *fn;
	void *arg;
};

static struct str cache_key(char space[PLACE_MAX], struct sid account, unsigned partition)
{
	return str_n(space, (size_t)snprintf(space, PLACE_MAX, "rules/%s/%u", account.s, partition));
}

static void remember(struct accounts *accounts, const struct asked *asked, struct str rules)
{
	char space[PLACE_MAX], *value;

	if (!accounts_may_cache(accounts, asked->epoch))
		return;
	value = x_alloc(rules.n + 1);
	memcpy(value, rules.p, rules.n);
	account_cache_put_take(accounts->records, asked->account.sid,
			       cache_key(space, asked->account.sid, asked->partition), value, rules.n + 1,
			       ACCOUNT_CACHE_MS);
}

static void on_account(struct flow *flow, void *arg, bool was_cached)
{
	struct accounts *accounts = worker_common(flow->worker)->accounts;
	struct asked *asked = arg;
	struct str rules = STR("");

	(void)was_cached;
	if (sid_is_set(asked->account.sid)) {
		rules = account_rules(flow->arena, accounts->seal, &asked->account, asked->partition);
		remember(accounts, asked, rules);
	}
	asked->fn(flow, asked->arg, rules);
}

void account_rules_load(struct flow *flow, struct sid account, unsigned partition, account_rules_fn *fn,
			void *arg)
{
	struct accounts *accounts = worker_common(flow->worker)->accounts;
	char space[PLACE_MAX];
	const char *known = account_cache_get(accounts->records, cache_key(space, account, partition));
	struct asked *asked;

	if (known) {
		fn(flow, arg, arena_copy(flow->arena, str_of(known)));
		return;
	}
	asked = flow_alloc(flow, sizeof(*asked));
	asked->partition = partition;
	asked->epoch = accounts->epoch;
	asked->fn = fn;
	asked->arg = arg;
	record_lookup(accounts, flow,
		      &(struct record_lookup){
			      .kind = &record_account,
			      .account = account,
			      .id = arena_copy(flow->arena, sid_str(&account)),
			      .out = &asked->account,
			      .absent_is_fine = true,
			      .waiting_for = "account_rules",
			      .found = on_account,
			      .arg = asked,
		      });
}
