/* presence_history.c - GET /v1/Accounts/{A}/Presence/{identity}/History: how a client's presence was, newest first.
 *
 *     presence_history_get -> on_history -> 200
 */
#include "common/model/auth.h"
#include "common/model/presence_json.h"
#include "common/model/presence_search.h"
#include "presence-svc/endpoints.h"

enum { REPLY_MAX = 256 * 1024 };

struct asked {
	struct req *req;
	struct client_key client;
	struct presence_history history;
};

static void on_history(struct flow *flow);

void presence_history_get(struct req *req)
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
	presence_history(req_flow(req), asked->client, &asked->history, STEP(on_history));
}

static void on_history(struct flow *flow)
{
	const struct asked *asked = flow->state;
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_name(&w, "history");
	json_array(&w);
	for (size_t i = 0; i < asked->history.n; i++)
		presence_put_json(&w, flow->arena, asked->client.identity, &asked->history.states[i]);
	json_array_end(&w);
	json_object_end(&w);
	reply_json(asked->req, 200, &body);
}
