/* presence_get.c - GET /v1/Accounts/{A}/Presence/{identity}: one client, consolidated.
 *
 *     presence_get -> on_presence -> 200, or 304 when the version that was given still holds
 *                       -> (with Wait, while it holds) presence_wait -> read -> on_presence
 */
#include "presence-svc/endpoints.h"

#include "common/base/clock.h"
#include "common/model/auth.h"
#include "common/model/presence_json.h"
#include "presence-svc/app.h"
#include "presence-svc/presence_wait.h"

enum { REPLY_MAX = 2 * 1024 * 1024, WAIT_MAX_S = 55 };

struct asked {
	struct req *req;
	struct client_key client;
	bool with_devices;
	int64_t version; /* that the client knows; -1: none */
	uint64_t wait_ms;
	struct presence presence;
};

static void on_presence(struct flow *flow);
static void read(struct flow *flow);

static bool read_devices(struct asked *asked, struct json_fault *fault)
{
	const struct str word = req_query(asked->req, "Devices");

	asked->with_devices = str_eq(word, STR("true"));
	return str_is_null(word) || asked->with_devices || str_eq(word, STR("false")) ||
	       json_fault_set(fault, "Devices", "has to be true or false");
}

/* "30s", or "30". */
static bool read_wait(struct asked *asked, struct json_fault *fault)
{
	struct str text = req_query(asked->req, "Wait");
	uint64_t seconds = 0;

	if (str_ends(text, STR("s")))
		text.n--;
	if (!str_is_null(text) && (!str_to_u64(text, &seconds) || seconds > WAIT_MAX_S))
		return json_fault_set(fault, "Wait", "has to be 0s to %ds", WAIT_MAX_S);
	asked->wait_ms = seconds * 1000;
	return true;
}

/* Version, or else If-None-Match when it is an ETag of ours. */
static bool read_version(struct asked *asked, struct json_fault *fault)
{
	const struct str text = req_query(asked->req, "Version");
	const struct str tag = req_header(asked->req, "If-None-Match");

	asked->version = -1;
	if (!str_is_null(text))
		return (str_to_i64(text, &asked->version) && asked->version >= 0) ||
		       json_fault_set(fault, "Version", "has to be the version of a presence document");
	if (tag.n > 2 && tag.p[0] == '"' && tag.p[tag.n - 1] == '"' &&
	    (!str_to_i64(str_n(tag.p + 1, tag.n - 2), &asked->version) || asked->version < 0))
		asked->version = -1;
	return true;
}

static bool read_or_reply(struct asked *asked)
{
	struct json_fault fault = { .missing = false };

	if (!identity_is_valid(asked->client.identity))
		(void)!json_fault_set(&fault, "identity", "is not the name of a client");
	else if (read_devices(asked, &fault) && read_wait(asked, &fault) && read_version(asked, &fault))
		return true;
	reply_fault(asked->req, &fault);
	return false;
}

void presence_get(struct req *req)
{
	struct asked *asked = req_state(req, sizeof(*asked));
	const struct caller *caller = req_caller(req);

	asked->req = req;
	asked->client = (struct client_key){ caller->account, req_param(req, "identity") };
	if (!read_or_reply(asked))
		return;
	if (caller->is_server || client_token_may_watch(caller->token, asked->client.identity))
		read(req_flow(req));
	else
		reply_error(req, ERR_FORBIDDEN, "the token does not permit to watch this client");
}

static void read(struct flow *flow)
{
	struct asked *asked = flow->state;

	presence_read(flow, asked->client, asked->with_devices, &asked->presence, STEP(on_presence));
}

static void reply_presence(struct flow *flow, const struct asked *asked)
{
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	presence_put_json(&w, flow->arena, asked->client.identity, &asked->presence);
	reply_json(asked->req, 200, &body);
}

/* Nobody hears of changes that come when his token is over. */
static uint64_t time_to_wait_ms(const struct asked *asked)
{
	const struct client_token *token = req_caller(asked->req)->token;
	const uint64_t now_s = clock_wall_s();

	if (!token)
		return asked->wait_ms;
	return token->expires_at_s > now_s ? MIN(asked->wait_ms, (token->expires_at_s - now_s) * 1000) : 0;
}

static void on_presence(struct flow *flow)
{
	struct asked *asked = flow->state;
	const int64_t version = asked->presence.version;
	const uint64_t wait_ms = time_to_wait_ms(asked);

	asked->wait_ms = 0;
	if (version == asked->version && wait_ms) {
		presence_wait_or_reply(asked->req, asked->client.identity, version, wait_ms, STEP(read));
		return;
	}
	reply_header(asked->req, "ETag", arena_printf(flow->arena, "\"%lld\"", (long long)version));
	if (version == asked->version)
		reply_empty(asked->req, 304);
	else
		reply_presence(flow, asked);
}
