/* account_rules_tell.c - changed rules reach the partitions that keep a copy of them.
 *
 * Nothing is lost when one of them cannot be reached: the next registration there
 * brings the rules along.
 */
#include "common/model/account_rules.h"

#include "common/model/keys.h"
#include "scripts.gen.h"

static void on_told(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct flow_step *next = arg;

	(void)reply;
	flow_run(flow, *next);
}

void account_rules_tell(struct flow *flow, const struct seal *seal, const struct account *account,
			struct flow_step next)
{
	const struct str sid = sid_str(&account->sid);
	struct flow_step *joined = flow_alloc(flow, sizeof(*joined));

	*joined = flow_join(flow, KEYS_SPREAD, next);
	for (unsigned i = 0; i < KEYS_SPREAD; i++) {
		const unsigned partition = key_partition_nth(sid, i);
		const struct str rules = account_rules(flow->arena, seal, account, partition);

		flow_script(flow, next.name, on_told, joined, &scripts[SCRIPT_RULES_PUT],
			    key_account_rules(flow->arena, partition, sid), 1, &rules);
	}
}
