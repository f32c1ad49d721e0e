/* ring_order.h - which clients a Dial comes to, one after the other or all at once.  Pure.
 *
 * Named targets become clients (candidates.c), ring_order puts these into the order of
 * the strategy, and the text of it is kept in the call's record: later turns, and
 * whoever takes the call over, go on with the same order.
 */
#pragma once

#include "common/model/presence.h"
#include "routing-svc/plan.h"

struct ring_list {
	struct plan_target clients[PLAN_RING_MAX];
	size_t n;
};

/* One more client of that named target, unless it is there already or there is no room. */
void ring_list_add(struct ring_list *list, const struct plan_target *named, struct str identity, struct str refused);

/* all, in_order: as they are.  round_robin: the start-th of those who are asked is first, the others follow in their
 * order.  longest_idle: by the time since when they are available; others who can be rung, and numbers, come after
 * them; who talks or cannot be rung is refused.  presence (longest_idle only) goes by the list before. */
void ring_order(struct ring_list *list, enum dial_strategy strategy, uint64_t start, unsigned medium,
                const struct presence presence[]);

/* "index reason identity", a line for each; - for no reason. */
struct str ring_order_write(struct arena *arena, const struct plan_target clients[], size_t n);
void ring_order_read(struct str text, const struct plan_target named[], size_t n_named, struct ring_list *out);
size_t ring_order_count(struct str text);

/* What names a group of targets: the same in every call of the same Dial. */
struct str ring_order_group(struct arena *arena, const struct plan_target named[], size_t n);
