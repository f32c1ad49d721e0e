/* devices.c - devices by REST lease, with a client's token.
 *
 *     devices_create -> policy -> on_admitted -> on_registered -> 201
 *     device_change  -> on_device -> on_updated -> 200      (an empty object is a heartbeat)
 *     device_delete  -> on_owned -> on_removed -> 204
 *
 * A leased device counts for presence; it cannot be rung, for it has no channel.
 */
#include "presence-svc/endpoints.h"

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/model/auth.h"
#include "common/model/auth_policy.h"
#include "common/model/call.h"
#include "common/model/device_id.h"
#include "common/model/revocation.h"
#include "presence-svc/app.h"
#include "presence-svc/lease_check.h"

enum { TTL_PRESET_S = 60, REPLY_MAX = 64 * 1024 };

struct leased {
	struct req *req;
	struct client_key client;
	struct device device; /* as it is stored */
	struct device_profile profile, before;
	struct device_state state;
	struct device_claim claim;
	const struct json *body;
	int64_t ttl_s;	 /* 0: as before */
	bool says_token; /* the store is told by which token it goes now */
};

static void on_admitted(struct flow *flow);
static void on_registered(struct flow *flow);
static void on_device(struct flow *flow);
static void on_updated(struct flow *flow);
static void on_owned(struct flow *flow);
static void on_removed(struct flow *flow);

/* ---- common ---- */

static struct leased *begin_or_reply(struct req *req)
{
	struct leased *leased = req_state(req, sizeof(*leased));
	const struct caller *caller = req_caller(req);

	leased->req = req;
	leased->client = (struct client_key){ caller->account, caller->token->identity };
	if (!caller->token->incoming) {
		reply_error(req, ERR_NO_INCOMING, "");
		return NULL;
	}
	return leased;
}

static bool body_or_reply(struct leased *leased, bool whole)
{
	const struct settings *settings = worker_common(req_worker(leased->req))->settings;
	struct json_fault fault = { .missing = false };

	if (!req_json_or_reply(leased->req, &leased->body))
		return false;
	if (json_get_int(leased->body, "ttl", JSON_OPTIONAL, 1, (int64_t)settings->lease_ttl_max_s,
			 &leased->ttl_s, &fault) &&
	    device_profile_read(req_arena(leased->req), leased->body, whole ? NULL : &leased->before,
				&leased->profile, &fault))
		return true;
	reply_fault(leased->req, &fault);
	return false;
}

/* A lease does not outlive the token it was asked for with. */
static struct device_lease lease(const struct leased *leased)
{
	const uint64_t now_s = clock_wall_s();
	const uint64_t expires_s = req_caller(leased->req)->token->expires_at_s;
	const uint64_t left_s = expires_s > now_s ? expires_s - now_s : 1;

	return (struct device_lease){ (uint64_t)leased->ttl_s * 1000, left_s * 1000 };
}

static bool device_or_reply(struct leased *leased, struct sid *out)
{
	if (sid_parse(req_param(leased->req, "DV"), "DV", out))
		return true;
	reply_error(leased->req, ERR_NOT_FOUND, "");
	return false;
}

static void reply_device(struct leased *leased, unsigned status)
{
	struct arena *arena = req_arena(leased->req);
	const struct device *device = &leased->device;
	struct device_profile shown;
	struct json_writer w;
	struct buf body;

	device_profile_of_json(arena, device->json, &shown);
	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_str(&w, "device", sid_str(&device->id));
	json_str(&w, "identity", leased->client.identity);
	json_str(&w, "app", shown.app);
	json_str(&w, "host", shown.host);
	json_str(&w, "status", device->status);
	media_put(&w, "media", device->media);
	json_name(&w, "attributes");
	json_put_raw(&w, shown.attributes);
	json_str(&w, "expires_at",
		 leased->state.lease_until_ms ? clock_rfc3339(arena, (uint64_t)leased->state.lease_until_ms)
					      : STR_NULL);
	json_int(&w, "registration", leased->state.registration);
	json_object_end(&w);
	reply_json(leased->req, status, &body);
}

/* ---- create ---- */

void devices_create(struct req *req)
{
	struct leased *leased = begin_or_reply(req);

	if (!leased)
		return;
	leased->ttl_s = TTL_PRESET_S;
	if (!body_or_reply(leased, true))
		return;
	leased->device =
		(struct device){ .id = device_id_new(worker_common(req_worker(req))->seal,
						     leased->client.account, leased->client.identity),
				 .status = leased->profile.status,
				 .media = leased->profile.media,
				 .json = leased->profile.json };
	policy_ask(req_accounts(req), req_flow(req),
		   &(struct policy_question){ .token = req_caller(req)->token,
					      .device = leased->device.id,
					      .app = leased->profile.app,
					      .host = leased->profile.host,
					      .address = req_client_address(req) },
		   STEP(on_admitted));
}

static void on_admitted(struct flow *flow)
{
	struct leased *leased = flow->state;

	revocation_add_terms(&leased->profile, flow->arena, req_caller(leased->req)->token);
	req_blame(leased->req, "attributes"); /* should they be too many */
	device_register(flow, leased->client, leased->device.id, (struct address){ "" }, &leased->profile,
			lease(leased), &leased->state, STEP(on_registered));
}

static void check_later(const struct leased *leased)
{
	const struct caller *caller = req_caller(leased->req);

	lease_check_later(app_of(req_worker(leased->req))->lease_checks,
			  &(struct lease_made){ .device = leased->device.id,
						.registration = leased->state.registration,
						.facts = token_facts_of(caller->token),
						.epoch = caller->epoch });
}

static void on_registered(struct flow *flow)
{
	metric_add(METRIC_devices_registered_total, 1);
	check_later(flow->state);
	reply_device(flow->state, 201);
}

/* ---- change ---- */

/* A lease goes with the token that it was last renewed with. */
static void note_token(struct leased *leased)
{
	struct arena *arena = req_arena(leased->req);
	const struct client_token *token = req_caller(leased->req)->token;

	if (str_is_null(leased->profile.json)) {
		if (revocation_terms_are_of(leased->device.terms, token))
			return;
		device_profile_retell(arena, &leased->before, &leased->profile);
	}
	leased->says_token = true;
	revocation_add_terms(&leased->profile, arena, token);
}

void device_change(struct req *req)
{
	struct leased *leased = begin_or_reply(req);
	struct sid id;

	if (leased && device_or_reply(leased, &id))
		device_read(req_flow(req), leased->client, id, &leased->device, STEP(on_device));
}

/* What a channel holds would be said again by it. */
static bool is_leased_or_fail(struct flow *flow)
{
	const struct leased *leased = flow->state;

	if (leased->device.by_channel)
		flow_fail(flow, ERR_CONFLICT, "the device is held by a channel: say it there");
	return !leased->device.by_channel;
}

static void on_device(struct flow *flow)
{
	struct leased *leased = flow->state;

	if (!is_leased_or_fail(flow))
		return;
	device_profile_of_json(flow->arena, leased->device.json, &leased->before);
	if (!body_or_reply(leased, false))
		return;
	note_token(leased);
	req_blame(leased->req, "attributes");
	device_update(flow, leased->client, leased->device.id, leased->device.registration, &leased->profile,
		      lease(leased), &leased->state, STEP(on_updated));
}

static void on_updated(struct flow *flow)
{
	struct leased *leased = flow->state;

	if (!str_is_null(leased->profile.status))
		leased->device.status = leased->profile.status;
	if (leased->profile.has_media)
		leased->device.media = leased->profile.media;
	if (!str_is_null(leased->profile.json))
		leased->device.json = leased->profile.json;
	if (leased->says_token)
		check_later(leased);
	reply_device(leased, 200);
}

/* ---- delete ---- */

void device_delete(struct req *req)
{
	struct leased *leased = begin_or_reply(req);
	struct sid id;

	if (leased && device_or_reply(leased, &id))
		device_read(req_flow(req), leased->client, id, &leased->device, STEP(on_owned));
}

static void on_owned(struct flow *flow)
{
	struct leased *leased = flow->state;

	if (is_leased_or_fail(flow))
		device_remove(flow, leased->client, leased->device.id, leased->device.registration,
			      &leased->claim, STEP(on_removed));
}

static void on_removed(struct flow *flow)
{
	struct leased *leased = flow->state;

	metric_add(METRIC_devices_ended_total, 1);
	if (sid_is_set(leased->claim.call))
		call_device_gone(flow->worker, leased->claim.call, leased->device.id);
	reply_empty(leased->req, 204);
}
