/* account_rules.h - what an account decides about presence, as the scripts in its clients' partitions need it.
 *
 * Accounts lie in slots of their own, so each partition in which an account has clients
 * keeps a copy of the few rules that consolidation needs: "version|flags|grace_ms|channel|away_after_missed".
 * It travels with each registration; a newer version wins.
 */
#pragma once

#include "common/base/arena.h"
#include "common/model/account.h"

enum { RULES_CHANNEL_MAX = 33 };

/* Where changes of the account's clients in a partition are published.  Told to nobody but our own scripts
 * and subscribers: a name is an HMAC, so neither names of accounts nor of clients stand in it. */
void rules_channel(const struct seal *seal, struct sid account, unsigned partition, char out[RULES_CHANNEL_MAX]);
/* While the cluster secret is changed: the name under the other one; false when there is none. */
MUST_USE bool rules_channel_previous(const struct seal *seal, struct sid account, unsigned partition, char out[RULES_CHANNEL_MAX]);

/* The packed rules. */
struct str account_rules(struct arena *arena, const struct seal *seal, const struct account *account, unsigned partition);

/* Tells changed rules to the partitions that keep the account's; may be repeated. */
void account_rules_tell(struct flow *flow, const struct seal *seal, const struct account *account, struct flow_step next);

/* The same of an account that has to be read first: fn goes on with the next I/O of the flow.  No such account: "". */
typedef void account_rules_fn(struct flow *flow, void *arg, struct str rules);
void account_rules_load(struct flow *flow, struct sid account, unsigned partition, account_rules_fn *fn, void *arg);
