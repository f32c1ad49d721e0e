/* rotation.c - see rotation.h. */
#include "common/model/rotation.h"

#include "common/io/redis.h"
#include "common/model/keys.h"
#include "scripts.gen.h"

struct rotation {
	uint64_t *out;
	struct flow_step next;
};

static void on_number(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct rotation *rotation = arg;
	int64_t n = 0;

	(void)!redis_int(reply, &n);
	*rotation->out = (uint64_t)MAX(n - 1, 0);
	flow_run(flow, rotation->next);
}

void rotation_next(struct flow *flow, struct sid account, struct str group, uint64_t *out,
		   struct flow_step next)
{
	struct rotation *rotation = flow_alloc(flow, sizeof(*rotation));
	const struct str kept_s = arena_printf(flow->arena, "%d", ROTATION_KEPT_S);

	*rotation = (struct rotation){ out, next };
	flow_script(flow, next.name, on_number, rotation, &scripts[SCRIPT_ROTATION_NEXT],
		    key_account_rotation(flow->arena, sid_str(&account), group), 1, &kept_s);
}
