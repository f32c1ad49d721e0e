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
	return arena_printf(arena, "%llu|%u|%llu|%s", (unsigned long long)account->updated_ms, flags,
			    (unsigned long long)account->close_grace_ms, channel);
}

struct asked {
	struct account account;
	unsigned partition;
	account_rules_fn *fn;
	void *arg;
};

static void on_account(struct flow *flow, void *arg, bool was_cached)
{
	struct asked *asked = arg;

	(void)was_cached;
	asked->fn(flow, asked->arg,
		  sid_is_set(asked->account.sid)
			  ? account_rules(flow->arena, worker_common(flow->worker)->seal, &asked->account,
					  asked->partition)
			  : STR(""));
}

void account_rules_load(struct flow *flow, struct sid account, unsigned partition, account_rules_fn *fn,
			void *arg)
{
	struct asked *asked = flow_alloc(flow, sizeof(*asked));

	asked->partition = partition;
	asked->fn = fn;
	asked->arg = arg;
	record_lookup(worker_common(flow->worker)->accounts, flow,
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
