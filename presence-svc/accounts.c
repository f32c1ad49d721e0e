/* accounts.c - GET /2010-04-01/Accounts/{A}.json
 *
 * The auth token is not shown: who may ask is not always who may know it (an
 * API key is enough), and who knows it needs no answer.
 */
#include "presence-svc/endpoints.h"

#include "common/model/auth.h"
#include "common/model/twilio_json.h"

struct get {
	struct account account;
};

static void on_account(struct flow *flow);

void account_get(struct req *req)
{
	struct get *get = req_state(req, sizeof(*get));

	account_read(req_accounts(req), req_flow(req), req_caller(req)->account, &get->account,
		     STEP(on_account));
}

static void put_subresources(struct json_writer *w, struct arena *arena, struct sid account)
{
	static const struct {
		const char *name, *collection;
	} subresources[] = {
		{ "calls", "Calls" },
		{ "keys", "Keys" },
		{ "applications", "Applications" },
		{ "incoming_phone_numbers", "IncomingPhoneNumbers" },
	};

	json_name(w, "subresource_uris");
	json_object(w);
	for (size_t i = 0; i < ARRAY_LEN(subresources); i++)
		json_str(w, subresources[i].name,
			 arena_printf(arena, "/2010-04-01/Accounts/%s/%s.json", account.s,
				      subresources[i].collection));
	json_object_end(w);
}

static void on_account(struct flow *flow)
{
	const struct account *account = &((const struct get *)flow->state)->account;
	struct json_writer w;
	struct buf body;

	buf_init(&body, TWILIO_BODY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_str(&w, "sid", sid_str(&account->sid));
	json_str(&w, "owner_account_sid", sid_str(&account->sid));
	json_str(&w, "friendly_name", account->name);
	json_str(&w, "status", account->status);
	json_str(&w, "type", STR("Full"));
	json_str(&w, "auth_token", STR_NULL);
	twilio_date(&w, flow->arena, "date_created", account->created_ms);
	twilio_date(&w, flow->arena, "date_updated", account->updated_ms);
	json_str(&w, "uri", twilio_account_uri(flow->arena, account->sid));
	put_subresources(&w, flow->arena, account->sid);
	json_object_end(&w);
	reply_json(flow_req(flow), 200, &body);
}
