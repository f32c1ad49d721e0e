/* presence.c - the scripts around a client's hash, with their arguments and answers. */
#include "common/model/presence.h"

#include "common/model/app.h"
#include "common/model/node.h"
#include "scripts.gen.h"

enum { CLAIM_CHECK_MS = 2000 }; /* how soon the sweep looks at an engaged claim's call */

struct client_op { /* what every script about a client is given first */
	struct str key, partition, prefix;
	void *out;
	struct flow_step next;
};

static struct client_op *op_new(struct flow *flow, struct client_key client, void *out, struct flow_step next)
{
	struct client_op *op = flow_alloc(flow, sizeof(*op));
	struct str account = sid_str(&client.account);

	op->key = arena_copy(flow->arena, key_client(flow->arena, account, client.identity));
	op->partition = arena_printf(flow->arena, "p%u", key_partition(account, client.identity));
	op->prefix = arena_printf(flow->arena, "%s|" STR_FMT, client.account.s, STR_ARG(client.identity));
	op->out = out;
	op->next = next;
	return op;
}

static struct str member_of(struct flow *flow, const struct client_op *op, struct sid device)
{
	return arena_printf(flow->arena, STR_FMT "|%s", STR_ARG(op->prefix), device.s);
}

static struct str number(struct flow *flow, int64_t v)
{
	return arena_printf(flow->arena, "%lld", (long long)v);
}

/* The fields of a packed record, divided by '|'. */
static struct str packed_next(struct str *packed)
{
	struct str field = STR_NULL;

	(void)str_split(packed, '|', &field);
	return field;
}

static int64_t packed_int(struct str *packed)
{
	int64_t v;

	return str_to_i64(packed_next(packed), &v) ? v : 0;
}

/* ---- registration ---- */

bool device_claim_parse(struct str packed, struct device_claim *out)
{
	struct str call = packed_next(&packed);

	if (!sid_parse(call, "CA", &out->call))
		return false;
	out->engaged = str_eq(packed_next(&packed), STR("e"));
	return true;
}

static void on_put(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct client_op *op = arg;
	struct device_state *state = op->out;

	state->registration = redis_int_at(reply, 0, -1);
	if (state->registration < 0) {
		flow_fail(flow, err_from_name(arena_cstr(flow->arena, redis_str_at(reply, 1))), "");
		return;
	}
	state->version = redis_int_at(reply, 1, 0);
	state->lease_until_ms = redis_int_at(reply, 2, 0);
	state->now_ms = redis_int_at(reply, 3, 0);
	if (!device_claim_parse(redis_str_at(reply, 4), &state->claim))
		state->claim = (struct device_claim){ 0 };
	flow_run(flow, op->next);
}

static void device_put(struct flow *flow, struct client_op *op, struct sid device, struct str registration,
		       struct str address, const struct device_profile *profile, struct device_lease lease)
{
	const struct str argv[] = {
		op->partition,
		member_of(flow, op, device),
		arena_copy(flow->arena, sid_str(&device)),
		registration,
		address,
		str_is_null(profile->status) ? STR("") : profile->status,
		profile->has_media ? number(flow, profile->media) : STR(""),
		str_is_null(profile->json) ? STR("") : profile->json,
		lease.ttl_ms ? number(flow, (int64_t)lease.ttl_ms) : STR(""),
		lease.most_ms ? number(flow, (int64_t)lease.most_ms) : STR(""),
	};

	flow_script(flow, "device_put", on_put, op, &scripts[SCRIPT_DEVICE_PUT], op->key, ARRAY_LEN(argv),
		    argv);
}

void device_register(struct flow *flow, struct client_key client, struct sid device, struct address address,
		     const struct device_profile *profile, struct device_lease lease,
		     struct device_state *out, struct flow_step next)
{
	struct client_op *op = op_new(flow, client, out, next);

	device_put(flow, op, device, STR("new"), arena_copy(flow->arena, str_of(address.s)), profile, lease);
}

void device_update(struct flow *flow, struct client_key client, struct sid device, int64_t registration,
		   const struct device_profile *profile, struct device_lease lease, struct device_state *out,
		   struct flow_step next)
{
	struct client_op *op = op_new(flow, client, out, next);

	device_put(flow, op, device, number(flow, registration), STR(""), profile, lease);
}

static void on_removed(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct client_op *op = arg;
	struct device_claim *claim = op->out;

	if (!device_claim_parse(redis_str_at(reply, 2), claim))
		*claim = (struct device_claim){ 0 };
	flow_run(flow, op->next);
}

void device_remove(struct flow *flow, struct client_key client, struct sid device, int64_t registration_or_0,
		   struct device_claim *claim, struct flow_step next)
{
	struct client_op *op = op_new(flow, client, claim, next);
	const struct address own = nodes_address(worker_common(flow->worker)->nodes);
	const struct str argv[] = {
		op->partition,
		member_of(flow, op, device),
		arena_copy(flow->arena, sid_str(&device)),
		registration_or_0 ? number(flow, registration_or_0) : STR(""),
		str_of(own.s),
	};

	flow_script(flow, "device_remove", on_removed, op, &scripts[SCRIPT_DEVICE_REMOVE], op->key,
		    ARRAY_LEN(argv), argv);
}

/* ---- reading ---- */

static void presence_line(struct arena *arena, struct str m, struct presence *out)
{
	out->version = packed_int(&m);
	out->status = arena_copy(arena, packed_next(&m));
	out->ringable = (unsigned)packed_int(&m);
	out->media = (unsigned)packed_int(&m);
	out->device_count = (unsigned)packed_int(&m);
	out->since_ms = packed_int(&m);
	out->last_seen_ms = packed_int(&m);
}

static void device_parse(struct arena *arena, struct str packed, struct device *out)
{
	struct str address;

	out->registration = packed_int(&packed);
	out->by_channel = str_eq(packed_next(&packed), STR("c"));
	address = packed_next(&packed);
	(void)str_split(&address, '.', &out->node);
	out->node = out->by_channel ? arena_copy(arena, out->node) : STR("");
	out->status = arena_copy(arena, packed_next(&packed));
	out->media = (unsigned)packed_int(&packed);
	out->lease_until_ms = packed_int(&packed);
	out->since_ms = packed_int(&packed);
}

static struct device *device_slot(struct presence *presence, struct sid id)
{
	for (size_t i = 0; i < presence->n_devices; i++) {
		if (sid_eq(presence->devices[i].id, id))
			return &presence->devices[i];
	}
	if (presence->n_devices == DEVICES_MAX)
		return NULL;
	presence->devices[presence->n_devices].id = id;
	return &presence->devices[presence->n_devices++];
}

static void on_whole(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct client_op *op = arg;
	struct presence *out = op->out;

	out->devices = flow_alloc(flow, DEVICES_MAX * sizeof(*out->devices));
	for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
		const struct str field = redis_str_at(reply, i);
		const struct str value = redis_str_at(reply, i + 1);
		struct device *device;
		struct sid id;

		if (str_eq(field, STR("m")))
			presence_line(flow->arena, value, out);
		else if (sid_parse(str_skip(field, 1), "DV", &id) && field.p[0] != 'k' &&
			 (device = device_slot(out, id)) != NULL) {
			if (field.p[0] == 'd')
				device_parse(flow->arena, value, device);
			else
				device->json = arena_copy(flow->arena, value);
		}
	}
	flow_run(flow, op->next);
}

static void on_line(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct client_op *op = arg;

	if (!redis_is_nil(reply))
		presence_line(flow->arena, redis_str(reply), op->out);
	flow_run(flow, op->next);
}

void presence_read(struct flow *flow, struct client_key client, bool with_devices, struct presence *out,
		   struct flow_step next)
{
	struct client_op *op = op_new(flow, client, out, next);
	const struct str whole[] = { STR("HGETALL"), op->key };
	const struct str line[] = { STR("HGET"), op->key, STR("m") };

	*out = (struct presence){ .status = STR("offline") };
	if (with_devices)
		flow_redis(flow, "presence_read", on_whole, op, ARRAY_LEN(whole), whole);
	else
		flow_redis(flow, "presence_read", on_line, op, ARRAY_LEN(line), line);
}

static void on_device(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct client_op *op = arg;
	struct device *out = op->out;

	if (str_is_null(redis_str_at(reply, 0))) {
		flow_fail(flow, ERR_NO_SUCH_DEVICE, "");
		return;
	}
	device_parse(flow->arena, redis_str_at(reply, 0), out);
	out->json = arena_copy(flow->arena, redis_str_at(reply, 1));
	flow_run(flow, op->next);
}

void device_read(struct flow *flow, struct client_key client, struct sid device, struct device *out,
		 struct flow_step next)
{
	struct client_op *op = op_new(flow, client, out, next);
	const struct str argv[] = {
		STR("HMGET"),
		op->key,
		arena_printf(flow->arena, "d%s", device.s),
		arena_printf(flow->arena, "x%s", device.s),
	};

	*out = (struct device){ .id = device };
	flow_redis(flow, "device_read", on_device, op, ARRAY_LEN(argv), argv);
}

/* ---- claims ---- */

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
	struct client_op *op = op_new(flow, ask->client, out, next);
	const struct str argv[] = {
		op->partition,
		op->prefix,
		arena_copy(flow->arena, sid_str(&ask->call)),
		number(flow, ask->fence),
		number(flow, ask->attempt),
		number(flow, ask->medium),
		ask->engage ? STR("e") : STR("r"),
		number(flow, (int64_t)ask->hold_ms),
		arena_copy(flow->arena, sid_str(&ask->device)),
		number(flow, ask->most),
		str_is_null(ask->dead_nodes) ? STR("") : ask->dead_nodes,
	};

	flow_script(flow, "claim_take", on_claimed, op, &scripts[SCRIPT_CLAIM_TAKE], op->key, ARRAY_LEN(argv),
		    argv);
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
};

static void settle(struct flow *flow, struct client_key client, const struct settling *what,
		   struct flow_step next)
{
	struct client_op *op = op_new(flow, client, NULL, next);
	const struct str argv[] = {
		op->partition,
		op->prefix,
		sid_str(&what->call),
		what->attempt,
		what->fence,
		number(flow, CLAIM_CHECK_MS),
		arena_printf(flow->arena, "%c", what->change),
		sid_str(&what->device),
	};

	flow_script(flow, "claim_settle", on_settled, op, &scripts[SCRIPT_CLAIM_SETTLE], op->key,
		    ARRAY_LEN(argv), argv);
}

void claim_settle(struct flow *flow, struct client_key client, struct sid device, struct sid call,
		  unsigned attempt, enum claim_change change, struct flow_step next)
{
	const struct settling what = { device, call, attempt ? number(flow, attempt) : STR(""), STR(""),
				       change };

	settle(flow, client, &what, next);
}

void claim_give_back(struct flow *flow, struct client_key client, struct sid device, struct sid call,
		     int64_t fence, struct flow_step next)
{
	const struct settling what = { device, call, STR(""), number(flow, fence), CLAIM_RELEASE };

	settle(flow, client, &what, next);
}
