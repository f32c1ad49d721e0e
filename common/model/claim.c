/* claim.c - the scripts around claims, with their arguments and answers. */
#include "common/model/presence_private.h"
#include "scripts.gen.h"

enum {
	CLAIM_CHECK_MS = 2000, /* how soon the sweep looks at an engaged claim's call */
	CLAIM_ARGS = 10,
};

bool device_claim_parse(struct str packed, struct device_claim *out)
{
	struct str call = packed_next(&packed);

	if (!sid_parse(call, "CA", &out->call))
		return false;
	out->engaged = str_eq(packed_next(&packed), STR("e"));
	return true;
}

static void on_claimed(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct client_op *op = arg;
	struct claim_result *out = op->out;
	const size_t n = redis_count(reply);

	*out = (struct claim_result){ .reason = STR_NULL };
	out->now_ms = redis_int_at(reply, 0, -1);
	if (out->now_ms < 0) {
		out->reason = arena_copy(flow->arena, redis_str_at(reply, 1));
		flow_run(flow, op->next);
		return;
	}
	out->devices = flow_alloc(flow, n * sizeof(*out->devices));
	for (size_t i = 1; i < n; i++) {
		const struct redis_reply *row = redis_at(reply, i);
		struct claimed_device *device = &out->devices[out->n];

		if (!sid_parse(redis_str_at(row, 0), "DV", &device->device) ||
		    !str_copy(redis_str_at(row, 1), device->address.s, sizeof(device->address.s)))
			continue;
		out->n++;
	}
	flow_run(flow, op->next);
}

void claim_take(struct flow *flow, const struct claim_ask *ask, struct claim_result *out,
		struct flow_step next)
{
	struct client_op *op = client_op_new(flow, ask->client, out, next);
	struct str argv[CLAIM_ARGS + CLAIM_REQUIRE_MAX] = {
		arena_copy(flow->arena, sid_str(&ask->call)),
		client_op_number(flow, ask->fence),
		client_op_number(flow, ask->attempt),
		client_op_number(flow, ask->medium),
		ask->engage ? STR("e") : STR("r"),
		client_op_number(flow, (int64_t)ask->hold_ms),
		arena_copy(flow->arena, sid_str(&ask->device)),
		client_op_number(flow, ask->most),
		str_is_null(ask->dead_nodes) ? STR("") : ask->dead_nodes,
		arena_copy(flow->arena, sid_str(&ask->leaves)),
	};

	memcpy(argv + CLAIM_ARGS, ask->require, ask->n_require * sizeof(*argv));
	flow_script(flow, "claim_take", on_claimed, op, &scripts[SCRIPT_CLAIM_TAKE], op->key,
		    CLAIM_ARGS + ask->n_require, argv);
}

void recipients_find(struct flow *flow, const struct claim_ask *ask, struct claim_result *out,
		     struct flow_step next)
{
	struct client_op *op = client_op_new(flow, ask->client, out, next);
	struct str argv[2 + CLAIM_REQUIRE_MAX] = {
		client_op_number(flow, ask->medium),
		str_is_null(ask->dead_nodes) ? STR("") : ask->dead_nodes,
	};

	memcpy(&argv[2], ask->require, ask->n_require * sizeof(argv[0]));
	flow_script(flow, "recipients_find", on_claimed, op, &scripts[SCRIPT_RECIPIENTS], op->key,
		    2 + ask->n_require, argv);
}

static void on_settled(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct client_op *op = arg;

	(void)reply;
	flow_run(flow, op->next);
}

struct settling {
	struct sid device, call;
	struct str attempt, fence; /* "" for any */
	enum claim_change change;
	struct address address;
};

static void settle(struct flow *flow, struct client_key client, const struct settling *what,
		   struct flow_step next)
{
	struct client_op *op = client_op_new(flow, client, NULL, next);
	const struct str argv[] = {
		sid_str(&what->call),
		what->attempt,
		what->fence,
		client_op_number(flow, CLAIM_CHECK_MS),
		arena_printf(flow->arena, "%c", what->change),
		sid_str(&what->device),
		str_of(what->address.s),
	};

	flow_script(flow, "claim_settle", on_settled, op, &scripts[SCRIPT_CLAIM_SETTLE], op->key,
		    ARRAY_LEN(argv), argv);
}

void claim_settle(struct flow *flow, struct client_key client, struct sid device, struct sid call,
		  unsigned attempt, enum claim_change change, struct flow_step next)
{
	const struct settling what = { device,	call,	attempt ? client_op_number(flow, attempt) : STR(""),
				       STR(""), change, { "" } };

	settle(flow, client, &what, next);
}

void claim_suspect(struct flow *flow, struct client_key client, struct claimed_device device, struct sid call,
		   unsigned attempt, struct flow_step next)
{
	const struct settling what = { device.device, call,	     client_op_number(flow, attempt),
				       STR(""),	      CLAIM_SUSPECT, device.address };

	settle(flow, client, &what, next);
}

void claim_give_back(struct flow *flow, struct client_key client, struct sid device, struct sid call,
		     int64_t fence, struct flow_step next)
{
	const struct settling what = { device,	      call,  STR(""), client_op_number(flow, fence),
				       CLAIM_RELEASE, { "" } };

	settle(flow, client, &what, next);
}
