/* phone_numbers.c - /2010-04-01/Accounts/{A}/IncomingPhoneNumbers.json and IncomingPhoneNumbers/{PN}.json
 *
 *     phone_numbers_create   -> on_application -> on_created -> 201
 *     phone_numbers_list_get -> on_page        -> 200
 *     phone_number_get       -> on_number      -> 200
 *     phone_number_update    -> on_current -> on_application -> on_number -> 200
 *     phone_number_remove    -> on_removed     -> 204
 *
 * A number is an address that calls come in for: E.164, or a word.
 */
#include "routing-svc/endpoints.h"

#include "common/model/auth.h"
#include "common/model/twilio_json.h"
#include "routing-svc/voice_fields.h"

struct one {
	struct phone_number number;
	struct application application; /* that the form names */
	const struct form *form;
	struct flow_step done;
};

struct listing {
	struct twilio_page page;
	struct form_field filters[2]; /* FriendlyName, PhoneNumber */
	struct phone_number_page numbers;
};

static void on_application(struct flow *flow);
static void on_created(struct flow *flow);
static void on_page(struct flow *flow);
static void on_current(struct flow *flow);
static void on_number(struct flow *flow);
static void on_removed(struct flow *flow);

/* Members of numbers that can be bought, which these are not. */
static void put_constants(struct json_writer *w)
{
	json_name(w, "capabilities");
	json_object(w);
	json_bool(w, "voice", true);
	json_bool(w, "sms", false);
	json_bool(w, "mms", false);
	json_bool(w, "fax", false);
	json_object_end(w);
	json_str(w, "origin", STR("hosted"));
	json_str(w, "status", STR("in-use"));
	json_bool(w, "beta", false);
	json_str(w, "address_requirements", STR("none"));
	json_str(w, "voice_receive_mode", STR("voice"));
	json_bool(w, "voice_caller_id_lookup", false);
	json_str(w, "emergency_status", STR("Inactive"));
	json_str(w, "sms_method", STR("POST"));
	json_str(w, "sms_fallback_method", STR("POST"));
}

static void put_nulls(struct json_writer *w)
{
	static const char *const names[] = {
		"sms_url",
		"sms_fallback_url",
		"sms_application_sid",
		"address_sid",
		"identity_sid",
		"bundle_sid",
		"emergency_address_sid",
		"emergency_address_status",
		"trunk_sid",
		"type",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		json_str(w, names[i], STR_NULL);
}

static void put_number(struct json_writer *w, struct arena *arena, struct sid account,
		       const struct phone_number *number)
{
	json_object(w);
	json_str(w, "sid", sid_str(&number->sid));
	json_str(w, "account_sid", sid_str(&account));
	json_str(w, "phone_number", number->number);
	json_str(w, "api_version", STR("2010-04-01"));
	twilio_date(w, arena, "date_created", number->created_ms);
	twilio_date(w, arena, "date_updated", number->updated_ms);
	phone_number_fields_put(w, number);
	twilio_str(w, "voice_application_sid", sid_str(&number->application));
	put_constants(w);
	put_nulls(w);
	json_str(w, "uri", twilio_uri(arena, account, "IncomingPhoneNumbers", number->sid));
	json_object_end(w);
}

static void reply_number(struct flow *flow, unsigned status)
{
	const struct one *one = flow->state;
	struct req *req = flow_req(flow);
	struct json_writer w;
	struct buf body;

	buf_init(&body, TWILIO_BODY_MAX);
	json_begin(&w, &body);
	put_number(&w, flow->arena, req_caller(req)->account, &one->number);
	reply_json(req, status, &body);
}

/* changing */

static bool application_sid_or_reply(struct req *req, const struct form *form, struct sid *out)
{
	const struct str text = form_get(form, "VoiceApplicationSid");

	if (str_is_null(text))
		return true;
	*out = (struct sid){ "" };
	if (text.n == 0 || sid_parse(text, "AP", out))
		return true;
	reply_error(req, ERR_BAD_APPLICATION, "VoiceApplicationSid is not the sid of an application");
	return false;
}

/* Puts the form onto the number, then writes it once its application has been seen. */
static void change(struct flow *flow, struct flow_step done)
{
	struct one *one = flow->state;
	struct req *req = flow_req(flow);

	one->done = done;
	if (!phone_number_fields_or_reply(req, one->form, &one->number) ||
	    !application_sid_or_reply(req, one->form, &one->number.application))
		return;
	if (sid_is_set(one->number.application))
		application_find(req_accounts(req), flow, req_caller(req)->account, one->number.application,
				 &one->application, STEP(on_application));
	else
		phone_number_put(req_accounts(req), flow, req_caller(req)->account, &one->number, done);
}

static void on_application(struct flow *flow)
{
	struct one *one = flow->state;
	struct req *req = flow_req(flow);

	/* An application that is gone may stay where it is, but not be named anew. */
	if (!sid_is_set(one->application.sid) && !str_is_null(form_get(one->form, "VoiceApplicationSid")))
		reply_error(req, ERR_BAD_APPLICATION,
			    "VoiceApplicationSid is not an application of this account");
	else
		phone_number_put(req_accounts(req), flow, req_caller(req)->account, &one->number, one->done);
}

static bool number_or_reply(struct req *req, const struct form *form, struct str *out)
{
	struct json_fault missing = { .field = "PhoneNumber", .why = "is required", .missing = true };

	*out = form_get(form, "PhoneNumber");
	if (out->n == 0) {
		reply_fault(req, &missing);
		return false;
	}
	return phone_number_is_valid(*out) ||
	       twilio_fault(req, "PhoneNumber",
			    "has to be an E.164 number or a word of at most 121 characters");
}

void phone_numbers_create(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));

	if (!req_form_or_reply(req, &one->form) || !number_or_reply(req, one->form, &one->number.number))
		return;
	one->number.sid = sid_new("PN");
	one->number.name = one->number.number;
	change(req_flow(req), STEP(on_created));
}

static void on_created(struct flow *flow)
{
	reply_number(flow, 201);
}

void phone_number_update(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	struct sid sid;

	if (twilio_sid_or_reply(req, "PN", "PN", &sid) && req_form_or_reply(req, &one->form))
		phone_number_read(req_accounts(req), req_flow(req), req_caller(req)->account, sid,
				  &one->number, STEP(on_current));
}

static void on_current(struct flow *flow)
{
	const struct one *one = flow->state;
	struct req *req = flow_req(flow);
	const struct str owner = form_get(one->form, "AccountSid");

	if (str_is_null(owner) || str_eq(owner, sid_str(&req_caller(req)->account)) ||
	    twilio_fault(req, "AccountSid", "has to be this account: numbers do not move"))
		change(flow, STEP(on_number));
}

void phone_number_remove(struct req *req)
{
	struct sid sid;

	if (twilio_sid_or_reply(req, "PN", "PN", &sid))
		phone_number_delete(req_accounts(req), req_flow(req), req_caller(req)->account, sid,
				    STEP(on_removed));
}

static void on_removed(struct flow *flow)
{
	reply_empty(flow_req(flow), 204);
}

/* reading */

void phone_number_get(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	struct sid sid;

	if (twilio_sid_or_reply(req, "PN", "PN", &sid))
		phone_number_read(req_accounts(req), req_flow(req), req_caller(req)->account, sid,
				  &one->number, STEP(on_number));
}

static void on_number(struct flow *flow)
{
	reply_number(flow, 200);
}

void phone_numbers_list_get(struct req *req)
{
	struct listing *listing = req_state(req, sizeof(*listing));
	struct account_query query = { 0 };

	if (!twilio_page_or_reply(req, ACCOUNT_PAGE_MAX, &listing->page) ||
	    !twilio_filter_or_reply(req, "FriendlyName", ACCOUNT_NAME_MAX, &listing->filters[0]) ||
	    !twilio_filter_or_reply(req, "PhoneNumber", PHONE_NUMBER_MAX, &listing->filters[1]))
		return;
	query.page = listing->page.page;
	query.size = listing->page.size;
	query.name = listing->filters[0].value;
	query.number = listing->filters[1].value;
	phone_numbers_list(req_accounts(req), req_flow(req), req_caller(req)->account, &query,
			   &listing->numbers, STEP(on_page));
}

static void on_page(struct flow *flow)
{
	const struct listing *listing = flow->state;
	const struct phone_number_page *page = &listing->numbers;
	struct req *req = flow_req(flow);
	const struct twilio_list list = {
		.collection = "IncomingPhoneNumbers",
		.records = "incoming_phone_numbers",
		.account = req_caller(req)->account,
		.page = listing->page,
		.filters = listing->filters,
		.n_filters = ARRAY_LEN(listing->filters),
	};
	struct json_writer w;
	struct buf body;

	buf_init(&body, TWILIO_BODY_MAX);
	json_begin(&w, &body);
	twilio_list_begin(&w, &list);
	for (size_t i = 0; i < page->n; i++)
		put_number(&w, flow->arena, list.account, &page->items[i]);
	twilio_list_end(&w, flow->arena, &list, page->n, page->more, STR_NULL);
	reply_json(req, 200, &body);
}
