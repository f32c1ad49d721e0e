/* presence_get.c - GET /v1/Accounts/{A}/Presence/{identity}: one client, consolidated.
 *
 *     presence_get -> on_presence -> 200 (304 when If-None-Match still holds)
 */
#include "presence-svc/endpoints.h"

#include "common/model/auth.h"
#include "common/model/presence_json.h"
#include "presence-svc/app.h"

enum { REPLY_MAX = 2 * 1024 * 1024 };

struct asked {
	struct req *req;
	struct client_key client;
	bool with_devices;
	struct presence presence;
};

static void on_presence(struct flow *flow);

static bool devices_or_reply(struct req *req, bool *out)
{
	const struct str word = req_query(req, "Devices");
	struct json_fault fault = { .missing = false };

	*out = str_eq(word, STR("true"));
	if (str_is_null(word) || *out || str_eq(word, STR("false")))
		return true;
	(void)!json_fault_set(&fault, "Devices", "has to be true or false");
	reply_fault(req, &fault);
	return false;
}

void presence_get(struct req *req)
{
	struct asked *asked = req_state(req, sizeof(*asked));
	const struct caller *caller = req_caller(req);
	struct json_fault fault = { .missing = false };

	asked->req = req;
	asked->client = (struct client_key){ caller->account, req_param(req, "identity") };
	if (!identity_is_valid(asked->client.identity)) {
		(void)!json_fault_set(&fault, "identity", "is not the name of a client");
		reply_fault(req, &fault);
		return;
	}
	if (!caller->is_server && !client_token_may_watch(caller->token, asked->client.identity)) {
		reply_error(req, ERR_FORBIDDEN, "the token does not permit to watch this client");
		return;
	}
	if (devices_or_reply(req, &asked->with_devices))
		presence_read(req_flow(req), asked->client, asked->with_devices, &asked->presence,
			      STEP(on_presence));
}

static void on_presence(struct flow *flow)
{
	struct asked *asked = flow->state;
	const struct str etag = arena_printf(flow->arena, "\"%lld\"", (long long)asked->presence.version);
	struct json_writer w;
	struct buf body;

	reply_header(asked->req, "ETag", etag);
	if (str_eq(req_header(asked->req, "If-None-Match"), etag)) {
		reply_empty(asked->req, 304);
		return;
	}
	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	presence_put_json(&w, flow->arena, asked->client.identity, &asked->presence);
	reply_json(asked->req, 200, &body);
}
