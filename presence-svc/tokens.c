/* tokens.c - POST /v1/Accounts/{A}/Tokens: an access token for a backend that has no library to make one.
 *
 *     tokens_create -> the caller's own key -> on_own_key   \
 *                   -> the key it names     -> on_named_key  > mint -> 201
 *                   -> the first with a secret -> on_first  /
 *
 * It is the customer's backend that says who its user is; this signs what it is told.
 */
#include "presence-svc/endpoints.h"

#include "common/base/clock.h"
#include "common/model/auth.h"
#include "common/model/token_mint.h"

enum { REPLY_MAX = 16 * 1024 };

struct minting {
	struct token_order order;
	struct sid named; /* "key"; may be unset */
	struct api_key key;
	struct api_key_page first;
};

static void find_named_key(struct flow *flow);
static void on_own_key(struct flow *flow);
static void on_named_key(struct flow *flow);
static void on_first(struct flow *flow);

static bool read_key(const struct json *body, struct sid *out, struct json_fault *fault)
{
	struct str text;

	if (!json_get_str(body, "key", JSON_OPTIONAL, SID_LEN, &text, fault))
		return false;
	return str_is_null(text) || sid_parse(text, "SK", out) ||
	       json_fault_set(fault, "key", "has to be SK and 32 hex digits");
}

void tokens_create(struct req *req)
{
	struct minting *minting = req_state(req, sizeof(*minting));
	const struct caller *caller = req_caller(req);
	struct json_fault fault = { .missing = false };
	const struct json *body;

	if (!req_json_or_reply(req, &body))
		return;
	if (!token_order_read(body, &minting->order, &fault) || !read_key(body, &minting->named, &fault))
		reply_fault(req, &fault);
	else if (sid_is_set(caller->key) && !caller->is_parent)
		api_key_find(req_accounts(req), req_flow(req), caller->account, caller->key, &minting->key,
			     STEP(on_own_key));
	else
		find_named_key(req_flow(req));
}

/* ---- the token ---- */

static void reply_token(struct flow *flow, const struct minting *minting, const struct minted_token *minted)
{
	struct req *req = flow_req(flow);
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_str(&w, "token", minted->text);
	json_str(&w, "token_id", minted->id);
	json_str(&w, "identity", minting->order.identity);
	json_str(&w, "key", sid_str(&minting->order.key));
	json_str(&w, "expires_at", clock_rfc3339(flow->arena, minted->expires_at_s * 1000));
	json_object_end(&w);
	reply_json(req, 201, &body);
}

static void mint(struct flow *flow, struct minting *minting, const struct api_key *key)
{
	struct token_order *order = &minting->order;
	struct json_fault fault = { .missing = false };
	struct minted_token minted;

	order->account = req_caller(flow_req(flow))->account;
	order->key = key->sid;
	order->secret = key->secret;
	order->issued_at_s = clock_wall_s();
	if (token_mint(flow->arena, order, &minted)) {
		reply_token(flow, minting, &minted);
	} else {
		(void)!json_fault_set(&fault, "outgoing.parameters",
				      "would make the token longer than %d bytes", CLIENT_TOKEN_MAX);
		reply_fault(flow_req(flow), &fault);
	}
}

/* ---- the key that signs ---- */

static void on_own_key(struct flow *flow)
{
	struct minting *minting = flow->state;

	if (minting->key.secret.n > 0)
		mint(flow, minting, &minting->key);
	else
		find_named_key(flow); /* deleted since it authenticated this request */
}

static void find_named_key(struct flow *flow)
{
	struct minting *minting = flow->state;
	struct req *req = flow_req(flow);
	const struct account_query query = { .size = 1, .having = "secret" };

	if (sid_is_set(minting->named))
		api_key_find(req_accounts(req), flow, req_caller(req)->account, minting->named, &minting->key,
			     STEP(on_named_key));
	else
		api_keys_list(req_accounts(req), flow, req_caller(req)->account, &query, &minting->first,
			      STEP(on_first));
}

static void on_named_key(struct flow *flow)
{
	struct minting *minting = flow->state;
	struct json_fault fault = { .missing = false };

	if (minting->key.secret.n > 0) {
		mint(flow, minting, &minting->key);
		return;
	}
	(void)!json_fault_set(&fault, "key", "is no key of the account that has a secret to sign with");
	reply_fault(flow_req(flow), &fault);
}

static void on_first(struct flow *flow)
{
	struct minting *minting = flow->state;

	if (minting->first.n > 0)
		mint(flow, minting, &minting->first.items[0]);
	else
		flow_fail(flow, ERR_CONFLICT,
			  "the account has no API key with a secret to sign with: make one at Keys.json");
}
