/* presence.c - a client as readers see it. */
#include "common/model/presence.h"

#include "common/model/presence_private.h"
#include "scripts.gen.h"

struct client_op *client_op_new(struct flow *flow, struct client_key client, void *out, struct flow_step next)
{
	struct client_op *op = flow_alloc(flow, sizeof(*op));

	op->client.account = client.account;
	op->client.identity = arena_copy(flow->arena, client.identity);
	op->partition = key_partition(sid_str(&client.account), client.identity);
	op->key = key_client(flow->arena, sid_str(&client.account), client.identity);
	op->out = out;
	op->next = next;
	return op;
}

struct str client_op_number(struct flow *flow, int64_t v)
{
	return arena_printf(flow->arena, "%lld", (long long)v);
}

struct str packed_next(struct str *packed)
{
	struct str field = STR_NULL;

	(void)str_split(packed, '|', &field);
	return field;
}

int64_t packed_int(struct str *packed)
{
	int64_t v;

	return str_to_i64(packed_next(packed), &v) ? v : 0;
}

void presence_parse(struct arena *arena, struct str m, struct presence *out)
{
	out->version = packed_int(&m);
	out->status = arena_copy(arena, packed_next(&m));
	out->ringable = (unsigned)packed_int(&m);
	out->media = (unsigned)packed_int(&m);
	out->device_count = (unsigned)packed_int(&m);
	out->since_ms = packed_int(&m);
	out->last_seen_ms = packed_int(&m);
	out->override = arena_copy(arena, packed_next(&m));
	out->note = arena_copy(arena, m);
}

static void device_parse(struct arena *arena, struct str packed, struct device *out)
{
	struct str held, address;

	out->registration = packed_int(&packed);
	held = packed_next(&packed);
	out->by_channel = !str_eq(held, STR("l"));
	out->in_grace = str_eq(held, STR("g"));
	address = packed_next(&packed);
	(void)str_split(&address, '.', &out->node);
	out->node = out->by_channel ? arena_copy(arena, out->node) : STR("");
	out->status = arena_copy(arena, packed_next(&packed));
	out->media = (unsigned)packed_int(&packed);
	out->lease_until_ms = packed_int(&packed);
	out->since_ms = packed_int(&packed);
}

static struct device *device_find(struct presence *presence, struct sid id)
{
	for (size_t i = 0; i < presence->n_devices; i++) {
		if (sid_eq(presence->devices[i].id, id))
			return &presence->devices[i];
	}
	return NULL;
}

static struct device *device_slot(struct presence *presence, struct sid id)
{
	struct device *device;

	if (presence->n_devices == DEVICES_MAX)
		return NULL;
	device = &presence->devices[presence->n_devices++];
	device->id = id;
	return device;
}

/* {the client's fields and values, DV and JSON of its devices} */
static void on_whole(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct redis_reply *fields = redis_at(reply, 0), *texts = redis_at(reply, 1);
	struct client_op *op = arg;
	struct presence *out = op->out;
	struct device *device;
	struct sid id;

	out->devices = flow_alloc(flow, DEVICES_MAX * sizeof(*out->devices));
	for (size_t i = 0; i + 1 < redis_count(fields); i += 2) {
		const struct str field = redis_str_at(fields, i);

		if (str_eq(field, STR("m")))
			presence_parse(flow->arena, redis_str_at(fields, i + 1), out);
		else if (str_starts(field, STR("d")) && sid_parse(str_skip(field, 1), "DV", &id) &&
			 (device = device_slot(out, id)) != NULL)
			device_parse(flow->arena, redis_str_at(fields, i + 1), device);
	}
	for (size_t i = 0; i + 1 < redis_count(texts); i += 2) {
		if (sid_parse(redis_str_at(texts, i), "DV", &id) && (device = device_find(out, id)) != NULL)
			device->json = arena_copy(flow->arena, redis_str_at(texts, i + 1));
	}
	flow_run(flow, op->next);
}

static void on_line(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct client_op *op = arg;

	if (!redis_is_nil(reply))
		presence_parse(flow->arena, redis_str(reply), op->out);
	flow_run(flow, op->next);
}

void presence_read(struct flow *flow, struct client_key client, bool with_devices, struct presence *out,
		   struct flow_step next)
{
	struct client_op *op = client_op_new(flow, client, out, next);
	const struct str line[] = { STR("HGET"), op->key, STR("m") };

	*out = (struct presence){ .status = STR("offline") };
	if (with_devices)
		flow_script(flow, "presence_read", on_whole, op, &scripts[SCRIPT_PRESENCE_DEVICES], op->key,
			    0, NULL);
	else
		flow_redis(flow, "presence_read", on_line, op, ARRAY_LEN(line), line);
}

/* {record, JSON, terms} */
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
	out->terms = arena_copy(flow->arena, redis_str_at(reply, 2));
	flow_run(flow, op->next);
}

void device_read(struct flow *flow, struct client_key client, struct sid device, struct device *out,
		 struct flow_step next)
{
	struct client_op *op = client_op_new(flow, client, out, next);
	const struct str argv[] = { sid_str(&device) };

	*out = (struct device){ .id = device };
	flow_script(flow, "device_read", on_device, op, &scripts[SCRIPT_PRESENCE_DEVICES], op->key,
		    ARRAY_LEN(argv), argv);
}
