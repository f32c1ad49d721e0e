/* presence_count.c - ZLEXCOUNT in each of the account's partitions, side by side. */
#include "common/model/presence_count.h"

#include "common/io/redis.h"
#include "common/model/keys.h"

struct counting {
	size_t *out;
	size_t most;
	unsigned left; /* partitions whose answer is not there */
	struct flow_step next;
};

static void on_count(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct counting *counting = arg;
	int64_t n;

	if (redis_int(reply, &n) && n > 0)
		*counting->out += (size_t)n;
	if (--counting->left > 0)
		return;
	if (*counting->out > counting->most)
		flow_fail(flow, ERR_WATCH_TOO_MANY, "");
	else
		flow_run(flow, counting->next);
}

void presence_count(struct flow *flow, struct sid account, struct str prefix, size_t most, size_t *out,
		    struct flow_step next)
{
	struct counting *counting = flow_alloc(flow, sizeof(*counting));
	const struct str from = arena_printf(flow->arena, "[" STR_FMT, STR_ARG(prefix));
	const struct str to =
		prefix.n ? arena_printf(flow->arena, "(" STR_FMT "\xff", STR_ARG(prefix)) : STR("+");

	*out = 0;
	*counting = (struct counting){ .out = out, .most = most, .left = KEYS_SPREAD, .next = next };
	for (unsigned i = 0; i < KEYS_SPREAD; i++) {
		const struct str argv[] = {
			STR("ZLEXCOUNT"),
			key_index_all(flow->arena, key_partition_nth(sid_str(&account), i),
				      sid_str(&account)),
			prefix.n ? from : STR("-"),
			to,
		};

		flow_redis(flow, "presence_count", on_count, counting, ARRAY_LEN(argv), argv);
	}
}
