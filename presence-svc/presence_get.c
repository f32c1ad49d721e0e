/* presence_get.c - GET /v1/Accounts/{A}/Presence/{identity}: one client, consolidated.
 *
 *     presence_get -> on_presence -> 200 (304 when If-None-Match still holds)
 */
#include "presence-svc/endpoints.h"

#include "common/base/clock.h"
#include "common/model/auth.h"
#include "common/model/presence.h"
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

static void put_time(struct json_writer *w, struct arena *arena, const char *name, int64_t ms)
{
	json_str(w, name, ms ? clock_rfc3339(arena, (uint64_t)ms) : STR_NULL);
}

static void put_device(struct json_writer *w, struct arena *arena, const struct device *device)
{
	struct device_profile shown;

	device_profile_of_json(arena, device->json, &shown);
	json_object(w);
	json_str(w, "device", sid_str(&device->id));
	json_str(w, "app", shown.app);
	json_str(w, "host", shown.host);
	json_str(w, "status", device->status);
	media_put(w, "media", device->media);
	json_name(w, "attributes");
	json_put_raw(w, shown.attributes);
	json_str(w, "node", device->by_channel ? device->node : STR_NULL);
	json_str(w, "held", device->by_channel ? STR("channel") : STR("lease"));
	put_time(w, arena, "since", device->since_ms);
	put_time(w, arena, "expires_at", device->lease_until_ms);
	json_object_end(w);
}

static void put_presence(struct json_writer *w, struct arena *arena, const struct asked *asked)
{
	const struct presence *presence = &asked->presence;

	json_object(w);
	json_str(w, "identity", asked->client.identity);
	json_str(w, "status", presence->status);
	media_put(w, "ringable", presence->ringable);
	media_put(w, "media", presence->media);
	json_int(w, "device_count", presence->device_count);
	put_time(w, arena, "since", presence->since_ms);
	put_time(w, arena, "last_seen", presence->last_seen_ms);
	json_str(w, "note", STR_NULL);
	json_int(w, "version", presence->version);
	if (asked->with_devices) {
		json_name(w, "devices");
		json_array(w);
		for (size_t i = 0; i < presence->n_devices; i++)
			put_device(w, arena, &presence->devices[i]);
		json_array_end(w);
	}
	json_object_end(w);
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
	put_presence(&w, flow->arena, asked);
	reply_json(asked->req, 200, &body);
}
