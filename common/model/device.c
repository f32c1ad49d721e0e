/* device.c - devices come, change, go: the scripts around a registration, with their arguments and answers.
 *
 *     device_register, device_assert -> the account's rules -> device_put.lua
 *     device_update                  -> device_put.lua
 *     device_remove, device_close    -> device_remove.lua
 */
#include "common/model/account_rules.h"
#include "common/model/app.h"
#include "common/model/node.h"
#include "common/model/presence_private.h"
#include "scripts.gen.h"

enum { PUT_ARGS = 10 };

struct put {
	struct client_op *op;
	struct sid device;
	struct str what, asserted;
	struct address address;
	struct device_profile profile;
	struct device_lease lease;
};

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

static struct str or_empty(struct str text)
{
	return str_is_null(text) ? STR("") : text;
}

static struct str number_or_empty(struct flow *flow, bool given, uint64_t v)
{
	return given ? client_op_number(flow, (int64_t)v) : STR("");
}

static void on_rules(struct flow *flow, void *arg, struct str rules)
{
	const struct put *put = arg;
	const struct device_profile *profile = &put->profile;
	const struct device_lease *lease = &put->lease;
	const struct str fixed[PUT_ARGS] = {
		sid_str(&put->device),
		put->what,
		put->asserted,
		str_of(put->address.s),
		or_empty(profile->status),
		number_or_empty(flow, profile->has_media, profile->media),
		or_empty(profile->json),
		number_or_empty(flow, lease->ttl_ms, lease->ttl_ms),
		number_or_empty(flow, lease->most_ms, lease->most_ms),
		rules,
	};
	struct str argv[PUT_ARGS + DEVICE_TERMS_MAX];

	INVARIANT(profile->n_terms <= DEVICE_TERMS_MAX);
	memcpy(argv, fixed, sizeof(fixed));
	for (size_t i = 0; i < profile->n_terms; i++)
		argv[PUT_ARGS + i] = profile->terms[i];
	flow_script(flow, "device_put", on_put, put->op, &scripts[SCRIPT_DEVICE_PUT], put->op->key,
		    PUT_ARGS + profile->n_terms, argv);
}

static struct put *put_new(struct flow *flow, struct client_op *op, struct sid device,
			   const struct device_profile *profile)
{
	struct put *put = flow_alloc(flow, sizeof(*put));

	put->op = op;
	put->device = device;
	put->asserted = STR("");
	put->profile = *profile;
	return put;
}

void device_register(struct flow *flow, struct client_key client, struct sid device, struct address address,
		     const struct device_profile *profile, struct device_lease lease,
		     struct device_state *out, struct flow_step next)
{
	struct client_op *op = client_op_new(flow, client, out, next);
	struct put *put = put_new(flow, op, device, profile);

	put->what = STR("new");
	put->address = address;
	put->lease = lease;
	account_rules_load(flow, client.account, op->partition, on_rules, put);
}

void device_assert(struct flow *flow, struct client_key client, struct sid device, int64_t registration,
		   struct address address, const struct device_profile *profile, struct device_state *out,
		   struct flow_step next)
{
	struct client_op *op = client_op_new(flow, client, out, next);
	struct put *put = put_new(flow, op, device, profile);

	put->what = STR("assert");
	put->asserted = client_op_number(flow, registration);
	put->address = address;
	account_rules_load(flow, client.account, op->partition, on_rules, put);
}

void device_update(struct flow *flow, struct client_key client, struct sid device, int64_t registration,
		   const struct device_profile *profile, struct device_lease lease, struct device_state *out,
		   struct flow_step next)
{
	struct client_op *op = client_op_new(flow, client, out, next);
	struct put *put = put_new(flow, op, device, profile);

	put->what = client_op_number(flow, registration);
	put->lease = lease;
	on_rules(flow, put, STR(""));
}

/* ---- going ---- */

static void on_removed(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct client_op *op = arg;
	struct device_claim *claim = op->out;

	if (!device_claim_parse(redis_str_at(reply, 2), claim))
		*claim = (struct device_claim){ 0 };
	flow_run(flow, op->next);
}

static void go(struct flow *flow, struct client_op *op, struct sid device, int64_t registration_or_0,
	       const char *how)
{
	const struct address own = nodes_address(worker_common(flow->worker)->nodes);
	const struct str argv[] = {
		sid_str(&device),
		number_or_empty(flow, registration_or_0, (uint64_t)registration_or_0),
		str_of(own.s),
		str_of(how),
	};

	flow_script(flow, "device_remove", on_removed, op, &scripts[SCRIPT_DEVICE_REMOVE], op->key,
		    ARRAY_LEN(argv), argv);
}

void device_remove(struct flow *flow, struct client_key client, struct sid device, int64_t registration_or_0,
		   struct device_claim *claim, struct flow_step next)
{
	go(flow, client_op_new(flow, client, claim, next), device, registration_or_0, "now");
}

void device_close(struct flow *flow, struct client_key client, struct sid device, int64_t registration_or_0,
		  struct device_claim *claim, struct flow_step next)
{
	go(flow, client_op_new(flow, client, claim, next), device, registration_or_0, "close");
}
