/* auth_tokens.c - /v1/AuthTokens/Secondary and /v1/AuthTokens/Promote: another auth token without a pause.
 *
 *     auth_token_second_create -> on_creating  -> on_created  -> 201
 *     auth_token_second_delete -> on_deleting  -> on_deleted  -> 204
 *     auth_token_promote       -> on_promoting -> on_promoted -> 200
 *
 * While there are two both are good: a second one is made, given to everybody, promoted.
 * Then it is the one that signs, and the first is good for nothing.
 */
#include "presence-svc/endpoints.h"

#include "common/base/clock.h"
#include "common/model/auth.h"

struct rotation {
	struct account account;
};

enum { REPLY_MAX = 4096 };

static void on_creating(struct flow *flow);
static void on_created(struct flow *flow);
static void on_deleting(struct flow *flow);
static void on_deleted(struct flow *flow);
static void on_promoting(struct flow *flow);
static void on_promoted(struct flow *flow);

static void begin(struct req *req, struct flow_step next)
{
	struct rotation *rotation = req_state(req, sizeof(*rotation));

	account_read(req_accounts(req), req_flow(req), req_caller(req)->account, &rotation->account, next);
}

static void put(struct flow *flow, struct flow_step next)
{
	struct rotation *rotation = flow->state;

	account_put(req_accounts(flow_req(flow)), flow, &rotation->account, next);
}

static bool second_or_fail(struct flow *flow)
{
	const struct rotation *rotation = flow->state;

	if (rotation->account.auth_token_second.n > 0)
		return true;
	flow_fail(flow, ERR_NOT_FOUND, "the account has no second auth token");
	return false;
}

static void reply_token(struct flow *flow, unsigned status, const char *name, struct str token,
			const char *resource)
{
	const struct account *account = &((const struct rotation *)flow->state)->account;
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_str(&w, "account_sid", sid_str(&account->sid));
	json_str(&w, name, token);
	json_str(&w, "date_created", clock_rfc3339(flow->arena, account->created_ms));
	json_str(&w, "date_updated", clock_rfc3339(flow->arena, account->updated_ms));
	json_str(&w, "url", arena_printf(flow->arena, "/v1/AuthTokens/%s", resource));
	json_object_end(&w);
	reply_json(flow_req(flow), status, &body);
}

void auth_token_second_create(struct req *req)
{
	begin(req, STEP(on_creating));
}

static void on_creating(struct flow *flow)
{
	struct rotation *rotation = flow->state;

	if (rotation->account.auth_token_second.n > 0) {
		flow_fail(flow, ERR_CONFLICT, "the account has a second auth token already");
		return;
	}
	rotation->account.auth_token_second = account_auth_token_new(flow->arena);
	put(flow, STEP(on_created));
}

static void on_created(struct flow *flow)
{
	const struct rotation *rotation = flow->state;

	reply_token(flow, 201, "secondary_auth_token", rotation->account.auth_token_second, "Secondary");
}

void auth_token_second_delete(struct req *req)
{
	begin(req, STEP(on_deleting));
}

static void on_deleting(struct flow *flow)
{
	struct rotation *rotation = flow->state;

	if (!second_or_fail(flow))
		return;
	rotation->account.auth_token_second = STR("");
	put(flow, STEP(on_deleted));
}

static void on_deleted(struct flow *flow)
{
	reply_empty(flow_req(flow), 204);
}

void auth_token_promote(struct req *req)
{
	begin(req, STEP(on_promoting));
}

static void on_promoting(struct flow *flow)
{
	struct rotation *rotation = flow->state;

	if (!second_or_fail(flow))
		return;
	rotation->account.auth_token = rotation->account.auth_token_second;
	rotation->account.auth_token_second = STR("");
	put(flow, STEP(on_promoted));
}

static void on_promoted(struct flow *flow)
{
	const struct rotation *rotation = flow->state;

	reply_token(flow, 200, "auth_token", rotation->account.auth_token, "Promote");
}
