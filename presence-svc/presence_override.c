/* presence_override.c - PUT and DELETE /v1/Accounts/{A}/Presence/{identity}: what a user chooses to show.
 *
 *     presence_put    -> on_changed -> 200
 *     presence_delete -> on_changed -> 200
 */
#include "common/base/clock.h"
#include "common/model/auth.h"
#include "common/model/presence_json.h"
#include "presence-svc/endpoints.h"

enum { REPLY_MAX = 64 * 1024, TIME_LEN_MAX = 64 };
#define FOR_MAX_MS (UINT64_C(30) * 24 * 3600 * 1000)

struct change {
	struct req *req;
	struct client_key client;
	struct presence presence;
};

static void on_changed(struct flow *flow);

/* The client itself, where its token permits it, and the account's servers. */
static bool client_or_reply(struct req *req, struct change *change)
{
	const struct caller *caller = req_caller(req);
	struct json_fault fault = { .missing = false };

	change->req = req;
	change->client = (struct client_key){ caller->account, req_param(req, "identity") };
	if (!identity_is_valid(change->client.identity)) {
		(void)!json_fault_set(&fault, "identity", "is not the name of a client");
		reply_fault(req, &fault);
		return false;
	}
	if (caller->is_server ||
	    (caller->token->override && str_eq(caller->token->identity, change->client.identity)))
		return true;
	reply_error(req, ERR_FORBIDDEN, "the token does not permit to override this client's presence");
	return false;
}

static bool status_is_valid(struct str status)
{
	return device_status_is_valid(status) || str_eq(status, STR("offline"));
}

static bool read_until(struct str text, uint64_t *for_ms, struct json_fault *fault)
{
	const uint64_t now_ms = clock_wall_ms();
	uint64_t until_ms;

	*for_ms = 0;
	if (str_is_null(text))
		return true;
	if (!clock_rfc3339_parse(text, &until_ms))
		return json_fault_set(fault, "until", "has to be a time, such as 2026-11-22T06:17:28Z");
	if (until_ms <= now_ms || until_ms - now_ms > FOR_MAX_MS)
		return json_fault_set(fault, "until", "has to be in the next 30 days");
	*for_ms = until_ms - now_ms;
	return true;
}

static bool read_override(const struct json *body, struct presence_override *out, struct json_fault *fault)
{
	struct str until;

	if (!json_get_str(body, "status", JSON_OPTIONAL, LABEL_MAX, &out->status, fault) ||
	    !json_get_str(body, "note", JSON_OPTIONAL, NOTE_MAX, &out->note, fault) ||
	    !json_get_str(body, "until", JSON_OPTIONAL, TIME_LEN_MAX, &until, fault) ||
	    !read_until(until, &out->for_ms, fault))
		return false;
	if (!str_is_null(out->status) && !status_is_valid(out->status))
		return json_fault_set(fault, "status", "has to be available, away, busy, dnd or offline");
	if (str_has_ctl(out->note))
		return json_fault_set(fault, "note", "holds a control character");
	out->status = str_is_null(out->status) ? STR("") : out->status;
	out->note = str_is_null(out->note) ? STR("") : out->note;
	if (out->status.n == 0 && out->note.n == 0) {
		(void)!json_fault_set(fault, "status", "or note has to be given");
		fault->missing = true;
		return false;
	}
	return true;
}

void presence_put(struct req *req)
{
	struct change *change = req_state(req, sizeof(*change));
	struct presence_override override = { .for_ms = 0 };
	struct json_fault fault = { .missing = false };
	const struct json *body;

	if (!client_or_reply(req, change) || !req_json_or_reply(req, &body))
		return;
	if (!read_override(body, &override, &fault)) {
		reply_fault(req, &fault);
		return;
	}
	override_put(req_flow(req), change->client, &override, &change->presence, STEP(on_changed));
}

void presence_delete(struct req *req)
{
	struct change *change = req_state(req, sizeof(*change));

	if (client_or_reply(req, change))
		override_clear(req_flow(req), change->client, &change->presence, STEP(on_changed));
}

static void on_changed(struct flow *flow)
{
	const struct change *change = flow->state;
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	presence_put_json(&w, flow->arena, change->client.identity, &change->presence);
	reply_json(change->req, 200, &body);
}
