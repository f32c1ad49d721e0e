/* accounts.c - /2010-04-01/Accounts.json and Accounts/{A}.json
 *
 *     accounts_create   -> on_parent  -> on_created -> 201
 *     accounts_list_get -> on_page    -> 200
 *     account_get       -> on_account -> 200
 *     account_update    -> on_current -> on_account -> 200
 *
 * An auth token is shown to the parent's auth token only.  An API key is enough to ask,
 * not to learn more than it is good for; and who asks with a token needs no answer.
 */
#include "presence-svc/endpoints.h"

#include "common/base/clock.h"
#include "common/model/auth.h"
#include "common/model/twilio_json.h"

struct one {
	struct account account;
	struct account parent; /* create */
	struct str name;       /* STR_NULL: not given */
	struct str status;
};

struct listing {
	struct twilio_page page;
	struct form_field filters[2];
	struct account_page accounts;
};

static void on_parent(struct flow *flow);
static void on_created(struct flow *flow);
static void on_page(struct flow *flow);
static void on_current(struct flow *flow);
static void on_account(struct flow *flow);

/* -- what is shown -- */

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

static void put_account(struct json_writer *w, struct arena *arena, const struct account *account,
			bool shows_token)
{
	const struct sid *owner = sid_is_set(account->parent) ? &account->parent : &account->sid;

	json_object(w);
	json_str(w, "sid", sid_str(&account->sid));
	json_str(w, "owner_account_sid", sid_str(owner));
	json_str(w, "friendly_name", account->name);
	json_str(w, "status", account->status);
	json_str(w, "type", STR("Full"));
	json_str(w, "auth_token", shows_token ? account->auth_token : STR_NULL);
	twilio_date(w, arena, "date_created", account->created_ms);
	twilio_date(w, arena, "date_updated", account->updated_ms);
	json_str(w, "uri", twilio_account_uri(arena, account->sid));
	put_subresources(w, arena, account->sid);
	json_object_end(w);
}

static void reply_account(struct flow *flow, unsigned status, const struct account *account, bool shows_token)
{
	struct json_writer w;
	struct buf body;

	buf_init(&body, TWILIO_BODY_MAX);
	json_begin(&w, &body);
	put_account(&w, flow->arena, account, shows_token);
	reply_json(flow_req(flow), status, &body);
}

/* -- making -- */

void accounts_create(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	const struct form *form;

	if (req_form_or_reply(req, &form) &&
	    twilio_text_or_reply(req, form, "FriendlyName", ACCOUNT_NAME_MAX, &one->name))
		account_read(req_accounts(req), req_flow(req), req_caller(req)->account, &one->parent,
			     STEP(on_parent));
}

static struct str preset_name(struct arena *arena)
{
	return arena_printf(arena, "SubAccount Created at " STR_FMT,
			    STR_ARG(clock_rfc3339(arena, clock_wall_ms())));
}

static void on_parent(struct flow *flow)
{
	struct one *one = flow->state;

	if (sid_is_set(one->parent.parent)) {
		flow_fail(flow, ERR_FORBIDDEN, "a sub-account has no sub-accounts of its own");
		return;
	}
	one->account = (struct account){
		.sid = sid_new("AC"),
		.parent = one->parent.sid,
		.name = str_is_null(one->name) ? preset_name(flow->arena) : one->name,
		.status = STR("active"),
		.auth_token = account_auth_token_new(flow->arena),
		.webhook_secret = account_webhook_secret_new(flow->arena),
		.close_grace_ms = CLOSE_GRACE_PRESET_MS,
		.ring_proof_ms = RING_PROOF_PRESET_MS,
		.wake_hold_s = WAKE_HOLD_PRESET_S,
	};
	account_create(req_accounts(flow_req(flow)), flow, &one->account, STEP(on_created));
}

static void on_created(struct flow *flow)
{
	const struct one *one = flow->state;

	reply_account(flow, 201, &one->account, true);
}

/* -- listing -- */

static bool status_is_valid(struct str status)
{
	return str_eq(status, STR("active")) || str_eq(status, STR("suspended")) ||
	       str_eq(status, STR("closed"));
}

static bool status_or_reply(struct req *req, struct str status)
{
	if (str_is_null(status) || status_is_valid(status))
		return true;
	return twilio_fault(req, "Status", "has to be active, suspended or closed");
}

void accounts_list_get(struct req *req)
{
	struct listing *listing = req_state(req, sizeof(*listing));
	struct form_field *name = &listing->filters[0], *status = &listing->filters[1];
	struct account_query query = { 0 };

	if (!twilio_page_or_reply(req, ACCOUNT_PAGE_MAX, &listing->page) ||
	    !twilio_filter_or_reply(req, "FriendlyName", ACCOUNT_NAME_MAX, name) ||
	    !twilio_filter_or_reply(req, "Status", ACCOUNT_NAME_MAX, status) ||
	    !status_or_reply(req, status->value))
		return;
	query.page = listing->page.page;
	query.size = listing->page.size;
	query.name = name->value;
	query.status = status->value;
	accounts_list(req_accounts(req), req_flow(req), req_caller(req)->account, &query, &listing->accounts,
		      STEP(on_page));
}

static void on_page(struct flow *flow)
{
	const struct listing *listing = flow->state;
	struct req *req = flow_req(flow);
	const struct sid asking = req_caller(req)->account;
	const struct twilio_list list = {
		.collection = "Accounts",
		.records = "accounts",
		.page = listing->page,
		.filters = listing->filters,
		.n_filters = ARRAY_LEN(listing->filters),
	};
	struct json_writer w;
	struct buf body;

	buf_init(&body, TWILIO_BODY_MAX);
	json_begin(&w, &body);
	twilio_list_begin(&w, &list);
	for (size_t i = 0; i < listing->accounts.n; i++) {
		const struct account *account = &listing->accounts.items[i];

		put_account(&w, flow->arena, account, !sid_eq(account->sid, asking));
	}
	twilio_list_end(&w, flow->arena, &list, listing->accounts.n, listing->accounts.more, STR_NULL);
	reply_json(req, 200, &body);
}

/* -- one -- */

void account_get(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));

	account_read_even_closed(req_accounts(req), req_flow(req), req_caller(req)->account, &one->account,
				 STEP(on_account));
}

static void on_account(struct flow *flow)
{
	const struct one *one = flow->state;
	const struct caller *caller = req_caller(flow_req(flow));

	reply_account(flow, 200, &one->account, caller->is_parent && !sid_is_set(caller->key));
}

void account_update(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	const struct caller *caller = req_caller(req);
	const struct form *form;

	if (!req_form_or_reply(req, &form) ||
	    !twilio_text_or_reply(req, form, "FriendlyName", ACCOUNT_NAME_MAX, &one->name))
		return;
	one->status = form_get(form, "Status");
	if (!status_or_reply(req, one->status))
		return;
	if (!str_is_null(one->status) && !caller->is_parent)
		reply_error(req, ERR_FORBIDDEN, "only its parent changes the Status of a sub-account");
	else
		account_read_even_closed(req_accounts(req), req_flow(req), caller->account, &one->account,
					 STEP(on_current));
}

/* What is closed stays as it was; closing it once more changes nothing. */
static void on_current(struct flow *flow)
{
	struct one *one = flow->state;
	struct account *account = &one->account;
	struct req *req = flow_req(flow);

	if (str_eq(account->status, STR("closed"))) {
		if (str_eq(one->status, STR("closed")) && str_is_null(one->name))
			on_account(flow);
		else
			(void)!twilio_fault(req, str_is_null(one->status) ? "FriendlyName" : "Status",
					    "cannot be changed: the account is closed for good");
		return;
	}
	if (!str_is_null(one->name))
		account->name = one->name;
	if (!str_is_null(one->status))
		account->status = one->status;
	account_put(req_accounts(req), flow, account, STEP(on_account));
}
