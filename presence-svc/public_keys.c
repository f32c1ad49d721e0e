/* public_keys.c - /v1/Accounts/{A}/PublicKeys: keys whose private halves customers sign client tokens with.
 *
 *     public_keys_create -> on_created -> 201      (one, or all of a JWK set)
 *     public_keys_list   -> on_page    -> 200
 *     public_key_get     -> on_key     -> 200
 *     public_key_delete  -> on_found -> on_deleted -> leases that it made -> on_ended -> 204
 *
 * They are API keys of another sort: Keys.json lists and deletes them as well. What
 * is no public key is not found here, so that nobody deletes a secret by mistake.
 */
#include "presence-svc/endpoints.h"

#include "common/base/clock.h"
#include "common/model/auth.h"
#include "common/model/public_key.h"
#include "common/model/revocation.h"
#include "common/model/twilio_json.h"

enum { CLAIM_MAX = 512, REPLY_MAX = 2 * 1024 * 1024 };

_Static_assert((int)PUBLIC_KEYS_MAX == (int)API_KEYS_AT_ONCE, "what is read at once is written at once");

struct creation {
	struct api_key keys[PUBLIC_KEYS_MAX];
	size_t n;
};

struct listing {
	struct twilio_page page;
	struct api_key_page keys;
};

static void on_created(struct flow *flow);
static void on_page(struct flow *flow);
static void on_key(struct flow *flow);
static void on_found(struct flow *flow);
static void on_deleted(struct flow *flow);
static void on_ended(struct flow *flow);

/* ---- how one looks ---- */

static void put_key(struct json_writer *w, struct arena *arena, const struct api_key *key)
{
	json_object(w);
	json_str(w, "sid", sid_str(&key->sid));
	json_str(w, "kid", key->kid.n > 0 ? key->kid : sid_str(&key->sid));
	json_str(w, "algorithm", key->algorithm);
	json_str(w, "name", key->name);
	twilio_str(w, "issuer", key->issuer);
	twilio_str(w, "audience", key->audience);
	json_str(w, "public_key", key->public_key);
	json_str(w, "created_at", clock_rfc3339(arena, key->created_ms));
	json_object_end(w);
}

static void put_keys(struct json_writer *w, struct arena *arena, const struct api_key *keys, size_t n)
{
	json_name(w, "public_keys");
	json_array(w);
	for (size_t i = 0; i < n; i++)
		put_key(w, arena, &keys[i]);
	json_array_end(w);
}

/* ---- registering ---- */

static bool read_text(const struct json *body, const char *name, size_t max, struct str *out,
		      struct json_fault *fault)
{
	struct str text;

	if (!json_get_str(body, name, JSON_OPTIONAL, max, &text, fault))
		return false;
	*out = str_is_null(text) ? STR("") : text;
	return !str_has_ctl(*out) || json_fault_set(fault, name, "holds a control character");
}

static bool read_creation(struct arena *arena, const struct json *body, struct creation *out,
			  struct json_fault *fault)
{
	struct public_key given[PUBLIC_KEYS_MAX];
	struct api_key common = { .secret = STR("") };

	if (!public_keys_read(arena, body, given, &out->n, fault) ||
	    !read_text(body, "name", ACCOUNT_NAME_MAX, &common.name, fault) ||
	    !read_text(body, "issuer", CLAIM_MAX, &common.issuer, fault) ||
	    !read_text(body, "audience", CLAIM_MAX, &common.audience, fault))
		return false;
	for (size_t i = 0; i < out->n; i++) {
		out->keys[i] = common;
		out->keys[i].sid = sid_new("SK");
		out->keys[i].algorithm = client_token_algorithm(given[i].pair);
		out->keys[i].public_key = given[i].pem;
		out->keys[i].kid = str_is_null(given[i].kid) ? STR("") : given[i].kid;
	}
	return true;
}

void public_keys_create(struct req *req)
{
	struct creation *creation = req_state(req, sizeof(*creation));
	struct json_fault fault = { .missing = false };
	const struct json *body;

	if (!req_json_or_reply(req, &body))
		return;
	if (read_creation(req_arena(req), body, creation, &fault))
		api_keys_create(req_accounts(req), req_flow(req), req_caller(req)->account, creation->keys,
				creation->n, STEP(on_created));
	else
		reply_fault(req, &fault);
}

static void on_created(struct flow *flow)
{
	const struct creation *creation = flow->state;
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	put_keys(&w, flow->arena, creation->keys, creation->n);
	json_object_end(&w);
	reply_json(flow_req(flow), 201, &body);
}

/* ---- reading ---- */

static bool token_or_reply(struct req *req, struct str token)
{
	struct sid sid;

	return str_is_null(token) || sid_parse(token, "SK", &sid) ||
	       twilio_fault(req, "PageToken", "is not one that a page gave");
}

void public_keys_list(struct req *req)
{
	struct listing *listing = req_state(req, sizeof(*listing));
	struct account_query query = { .having = "public_key" };

	if (!twilio_page_or_reply(req, ACCOUNT_PAGE_MAX, &listing->page) ||
	    !token_or_reply(req, listing->page.token))
		return;
	query.size = listing->page.size;
	query.after = listing->page.token;
	api_keys_list(req_accounts(req), req_flow(req), req_caller(req)->account, &query, &listing->keys,
		      STEP(on_page));
}

static void on_page(struct flow *flow)
{
	const struct listing *listing = flow->state;
	const struct api_key_page *keys = &listing->keys;
	const struct str next = keys->more ? sid_str(&keys->items[keys->n - 1].sid) : STR_NULL;
	struct req *req = flow_req(flow);
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	put_keys(&w, flow->arena, keys->items, keys->n);
	json_str(&w, "next_page_token", next);
	json_str(&w, "next_page_uri",
		 keys->more ? arena_printf(flow->arena,
					   "/v1/Accounts/%s/PublicKeys?PageSize=%u&PageToken=" STR_FMT,
					   req_caller(req)->account.s, listing->page.size, STR_ARG(next))
			    : STR_NULL);
	json_object_end(&w);
	reply_json(req, 200, &body);
}

static void read_one(struct req *req, struct flow_step next)
{
	struct api_key *key = req_state(req, sizeof(*key));
	struct sid sid;

	if (twilio_sid_or_reply(req, "SK", "SK", &sid))
		api_key_read(req_accounts(req), req_flow(req), req_caller(req)->account, sid, key, next);
}

void public_key_get(struct req *req)
{
	read_one(req, STEP(on_key));
}

static void on_key(struct flow *flow)
{
	const struct api_key *key = flow->state;
	struct json_writer w;
	struct buf body;

	if (key->public_key.n == 0) {
		flow_fail(flow, ERR_NOT_FOUND, "");
		return;
	}
	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	put_key(&w, flow->arena, key);
	reply_json(flow_req(flow), 200, &body);
}

/* ---- deleting ---- */

void public_key_delete(struct req *req)
{
	read_one(req, STEP(on_found));
}

/* A key never becomes one of another sort, so what was read still holds. */
static void on_found(struct flow *flow)
{
	const struct api_key *key = flow->state;
	struct req *req = flow_req(flow);

	if (key->public_key.n == 0)
		flow_fail(flow, ERR_NOT_FOUND, "");
	else
		api_key_delete(req_accounts(req), flow, req_caller(req)->account, key->sid, STEP(on_deleted));
}

static void on_deleted(struct flow *flow)
{
	const struct api_key *key = flow->state;
	const struct revocation all = { REVOKE_KEY, sid_str(&key->sid), INT64_MAX };

	revocation_end_leases(flow, req_caller(flow_req(flow))->account, &all, STEP(on_ended));
}

static void on_ended(struct flow *flow)
{
	reply_empty(flow_req(flow), 204);
}
