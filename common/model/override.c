/* override.c - what a user chooses to show.
 *
 *     override_put -> the account's rules -> override_put.lua -> the line as it is now
 */
#include "common/model/account_rules.h"
#include "common/model/presence_private.h"
#include "scripts.gen.h"

struct choice {
	struct client_op *op;
	const char *what; /* "set" or "clear" */
	struct presence_override override;
};

static void on_line(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct client_op *op = arg;
	struct presence *out = op->out;

	*out = (struct presence){ .status = STR("offline") };
	if (redis_str(reply).n > 0)
		presence_parse(flow->arena, redis_str(reply), out);
	flow_run(flow, op->next);
}

static void on_rules(struct flow *flow, void *arg, struct str rules)
{
	const struct choice *choice = arg;
	const struct str argv[] = {
		str_of(choice->what),
		choice->override.status,
		client_op_number(flow, (int64_t)choice->override.for_ms),
		choice->override.note,
		rules,
	};

	flow_script(flow, "override_put", on_line, choice->op, &scripts[SCRIPT_OVERRIDE_PUT], choice->op->key,
		    ARRAY_LEN(argv), argv);
}

static void change(struct flow *flow, struct choice *choice)
{
	account_rules_load(flow, choice->op->client.account, choice->op->partition, on_rules, choice);
}

void override_put(struct flow *flow, struct client_key client, const struct presence_override *override,
		  struct presence *out, struct flow_step next)
{
	struct choice *choice = flow_alloc(flow, sizeof(*choice));

	choice->op = client_op_new(flow, client, out, next);
	choice->what = "set";
	choice->override = *override;
	change(flow, choice);
}

void override_clear(struct flow *flow, struct client_key client, struct presence *out, struct flow_step next)
{
	struct choice *choice = flow_alloc(flow, sizeof(*choice));

	choice->op = client_op_new(flow, client, out, next);
	choice->what = "clear";
	choice->override = (struct presence_override){ STR(""), STR(""), 0 };
	change(flow, choice);
}
