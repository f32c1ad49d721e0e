/* applications.c - /2010-04-01/Accounts/{A}/Applications.json and Applications/{AP}.json
 *
 *     applications_create   -> on_created -> 201
 *     applications_list_get -> on_page    -> 200
 *     application_get       -> on_application -> 200
 *     application_update    -> on_current -> on_application -> 200
 *     application_remove    -> on_removed -> 204
 */
#include "routing-svc/endpoints.h"

#include "common/model/auth.h"
#include "common/model/twilio_json.h"
#include "routing-svc/voice_fields.h"

struct one {
	struct application application;
	const struct form *form;
};

struct listing {
	struct twilio_page page;
	struct form_field name; /* filter */
	struct application_page applications;
};

static void on_created(struct flow *flow);
static void on_page(struct flow *flow);
static void on_current(struct flow *flow);
static void on_application(struct flow *flow);
static void on_removed(struct flow *flow);

static void put_application(struct json_writer *w, struct arena *arena, struct sid account,
			    const struct application *application)
{
	json_object(w);
	json_str(w, "sid", sid_str(&application->sid));
	json_str(w, "account_sid", sid_str(&account));
	json_str(w, "api_version", STR("2010-04-01"));
	twilio_date(w, arena, "date_created", application->created_ms);
	twilio_date(w, arena, "date_updated", application->updated_ms);
	application_fields_put(w, application);
	json_bool(w, "voice_caller_id_lookup", false);
	json_bool(w, "public_application_connect_enabled", false);
	json_str(w, "message_status_callback", STR_NULL);
	json_str(w, "sms_url", STR_NULL);
	json_str(w, "sms_method", STR("POST"));
	json_str(w, "sms_fallback_url", STR_NULL);
	json_str(w, "sms_fallback_method", STR("POST"));
	json_str(w, "sms_status_callback", STR_NULL);
	json_str(w, "uri", twilio_uri(arena, account, "Applications", application->sid));
	json_object_end(w);
}

static void reply_application(struct flow *flow, unsigned status)
{
	const struct one *one = flow->state;
	struct req *req = flow_req(flow);
	struct json_writer w;
	struct buf body;

	buf_init(&body, TWILIO_BODY_MAX);
	json_begin(&w, &body);
	put_application(&w, flow->arena, req_caller(req)->account, &one->application);
	reply_json(req, status, &body);
}

void applications_create(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));

	if (!req_form_or_reply(req, &one->form) ||
	    !application_fields_or_reply(req, one->form, &one->application))
		return;
	one->application.sid = sid_new("AP");
	application_put(req_accounts(req), req_flow(req), req_caller(req)->account, &one->application,
			STEP(on_created));
}

static void on_created(struct flow *flow)
{
	reply_application(flow, 201);
}

void applications_list_get(struct req *req)
{
	struct listing *listing = req_state(req, sizeof(*listing));
	struct account_query query = { 0 };

	if (!twilio_page_or_reply(req, ACCOUNT_PAGE_MAX, &listing->page) ||
	    !twilio_filter_or_reply(req, "FriendlyName", ACCOUNT_NAME_MAX, &listing->name))
		return;
	query.page = listing->page.page;
	query.size = listing->page.size;
	query.name = listing->name.value;
	applications_list(req_accounts(req), req_flow(req), req_caller(req)->account, &query,
			  &listing->applications, STEP(on_page));
}

static void on_page(struct flow *flow)
{
	const struct listing *listing = flow->state;
	const struct application_page *page = &listing->applications;
	struct req *req = flow_req(flow);
	const struct twilio_list list = {
		.collection = "Applications",
		.records = "applications",
		.account = req_caller(req)->account,
		.page = listing->page,
		.filters = &listing->name,
		.n_filters = 1,
	};
	struct json_writer w;
	struct buf body;

	buf_init(&body, TWILIO_BODY_MAX);
	json_begin(&w, &body);
	twilio_list_begin(&w, &list);
	for (size_t i = 0; i < page->n; i++)
		put_application(&w, flow->arena, list.account, &page->items[i]);
	twilio_list_end(&w, flow->arena, &list, page->n, page->more, STR_NULL);
	reply_json(req, 200, &body);
}

void application_get(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	struct sid sid;

	if (twilio_sid_or_reply(req, "AP", "AP", &sid))
		application_read(req_accounts(req), req_flow(req), req_caller(req)->account, sid,
				 &one->application, STEP(on_application));
}

static void on_application(struct flow *flow)
{
	reply_application(flow, 200);
}

void application_update(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	struct sid sid;

	if (twilio_sid_or_reply(req, "AP", "AP", &sid) && req_form_or_reply(req, &one->form))
		application_read(req_accounts(req), req_flow(req), req_caller(req)->account, sid,
				 &one->application, STEP(on_current));
}

static void on_current(struct flow *flow)
{
	struct one *one = flow->state;
	struct req *req = flow_req(flow);

	if (application_fields_or_reply(req, one->form, &one->application))
		application_put(req_accounts(req), flow, req_caller(req)->account, &one->application,
				STEP(on_application));
}

void application_remove(struct req *req)
{
	struct sid sid;

	if (twilio_sid_or_reply(req, "AP", "AP", &sid))
		application_delete(req_accounts(req), req_flow(req), req_caller(req)->account, sid,
				   STEP(on_removed));
}

static void on_removed(struct flow *flow)
{
	reply_empty(flow_req(flow), 204);
}
