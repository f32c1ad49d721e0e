/* keys.c - /2010-04-01/Accounts/{A}/Keys.json and Keys/{SK}.json
 *
 *     keys_create -> on_created -> 201, the only answer that shows the secret
 *     keys_list   -> on_page    -> 200
 *     key_get     -> on_key     -> 200
 *     key_update  -> on_current -> on_key -> 200
 *     key_delete  -> on_deleted -> leases that it made -> on_ended -> 204
 */
#include "presence-svc/endpoints.h"

#include "common/model/auth.h"
#include "common/model/revocation.h"
#include "common/model/twilio_json.h"

enum { SECRET_LEN = 32 };

struct one {
	struct api_key key;
	struct str name; /* update: STR_NULL leaves it */
	char secret[SECRET_LEN + 1];
};

struct listing {
	struct twilio_page page;
	struct api_key_page keys;
};

static void on_created(struct flow *flow);
static void on_page(struct flow *flow);
static void on_current(struct flow *flow);
static void on_key(struct flow *flow);
static void on_deleted(struct flow *flow);
static void on_ended(struct flow *flow);

/* 64 characters, so that six random bits choose one without bias. */
static void make_secret(char secret[SECRET_LEN + 1])
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t bytes[SECRET_LEN];

	crypto_random(bytes, sizeof(bytes));
	for (size_t i = 0; i < SECRET_LEN; i++)
		secret[i] = alphabet[bytes[i] % 64];
	secret[SECRET_LEN] = '\0';
	crypto_wipe(bytes, sizeof(bytes));
}

static void put_key(struct json_writer *w, struct arena *arena, const struct api_key *key, struct str secret)
{
	json_object(w);
	json_str(w, "sid", sid_str(&key->sid));
	json_str(w, "friendly_name", key->name);
	twilio_date(w, arena, "date_created", key->created_ms);
	twilio_date(w, arena, "date_updated", key->updated_ms);
	if (!str_is_null(secret))
		json_str(w, "secret", secret);
	json_object_end(w);
}

static void reply_key(struct flow *flow, unsigned status, const struct api_key *key, struct str secret)
{
	struct json_writer w;
	struct buf body;

	buf_init(&body, TWILIO_BODY_MAX);
	json_begin(&w, &body);
	put_key(&w, flow->arena, key, secret);
	reply_json(flow_req(flow), status, &body);
}

void keys_create(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	struct api_key *key = &one->key;
	const struct form *form;

	key->name = STR("");
	if (!req_form_or_reply(req, &form) ||
	    !twilio_text_or_reply(req, form, "FriendlyName", ACCOUNT_NAME_MAX, &key->name))
		return;
	make_secret(one->secret);
	key->sid = sid_new("SK");
	key->secret = str_of(one->secret);
	api_key_put(req_accounts(req), req_flow(req), req_caller(req)->account, key, STEP(on_created));
}

static void on_created(struct flow *flow)
{
	const struct one *one = flow->state;

	reply_key(flow, 201, &one->key, one->key.secret);
}

void keys_list(struct req *req)
{
	struct listing *listing = req_state(req, sizeof(*listing));
	struct account_query query = { 0 };

	if (!twilio_page_or_reply(req, ACCOUNT_PAGE_MAX, &listing->page))
		return;
	query.page = listing->page.page;
	query.size = listing->page.size;
	api_keys_list(req_accounts(req), req_flow(req), req_caller(req)->account, &query, &listing->keys,
		      STEP(on_page));
}

static void on_page(struct flow *flow)
{
	const struct listing *listing = flow->state;
	struct req *req = flow_req(flow);
	const struct twilio_list list = {
		.collection = "Keys",
		.records = "keys",
		.account = req_caller(req)->account,
		.page = listing->page,
	};
	struct json_writer w;
	struct buf body;

	buf_init(&body, TWILIO_BODY_MAX);
	json_begin(&w, &body);
	twilio_list_begin(&w, &list);
	for (size_t i = 0; i < listing->keys.n; i++)
		put_key(&w, flow->arena, &listing->keys.items[i], STR_NULL);
	twilio_list_end(&w, flow->arena, &list, listing->keys.n, listing->keys.more, STR_NULL);
	reply_json(req, 200, &body);
}

void key_get(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	struct sid sid;

	if (twilio_sid_or_reply(req, "SK", "SK", &sid))
		api_key_read(req_accounts(req), req_flow(req), req_caller(req)->account, sid, &one->key,
			     STEP(on_key));
}

static void on_key(struct flow *flow)
{
	const struct one *one = flow->state;

	reply_key(flow, 200, &one->key, STR_NULL);
}

void key_update(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	const struct form *form;
	struct sid sid;

	if (!twilio_sid_or_reply(req, "SK", "SK", &sid) || !req_form_or_reply(req, &form) ||
	    !twilio_text_or_reply(req, form, "FriendlyName", ACCOUNT_NAME_MAX, &one->name))
		return;
	api_key_read(req_accounts(req), req_flow(req), req_caller(req)->account, sid, &one->key,
		     STEP(on_current));
}

static void on_current(struct flow *flow)
{
	struct one *one = flow->state;
	struct req *req = flow_req(flow);

	if (!str_is_null(one->name))
		one->key.name = one->name;
	api_key_put(req_accounts(req), flow, req_caller(req)->account, &one->key, STEP(on_key));
}

void key_delete(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));

	if (twilio_sid_or_reply(req, "SK", "SK", &one->key.sid))
		api_key_delete(req_accounts(req), req_flow(req), req_caller(req)->account, one->key.sid,
			       STEP(on_deleted));
}

/* The channels hear of it by the account's notice (recheck.h). */
static void on_deleted(struct flow *flow)
{
	const struct one *one = flow->state;
	const struct revocation all = { REVOKE_KEY, sid_str(&one->key.sid), INT64_MAX };

	revocation_end_leases(flow, req_caller(flow_req(flow))->account, &all, STEP(on_ended));
}

static void on_ended(struct flow *flow)
{
	reply_empty(flow_req(flow), 204);
}
