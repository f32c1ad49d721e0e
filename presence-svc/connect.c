/* connect.c - GET /v1/connect: an HTTP connection becomes a client channel.
 *
 *     connect_get -> (its turn ->) open -> 101
 */
#include "presence-svc/endpoints.h"

#include "common/io/ws.h"
#include "common/model/limits.h"
#include "presence-svc/app.h"
#include "presence-svc/session.h"

static void open(struct flow *flow);

/* Is there room?  Asked again after a wait. */
static bool room_or_reply(struct req *req)
{
	struct worker *worker = req_worker(req);
	const uint64_t most = worker_common(worker)->settings->max_connections / worker->count;

	if (worker->draining)
		reply_error(req, ERR_DRAINING, "");
	else if (sessions_count(app_of(worker)->sessions) >= most)
		reply_error(req, ERR_OVERLOAD, "this instance holds as many channels as it may");
	else
		return true;
	return false;
}

void connect_get(struct req *req)
{
	struct app *app = app_of(req_worker(req));
	uint64_t wait_ms;

	if (!limits_address_or_reply(req) || !room_or_reply(req))
		return;
	if (!admission_handshake(&app->admission, &wait_ms))
		reply_retry_after(req, ERR_OVERLOAD, wait_ms, "too many clients come at once");
	else if (wait_ms > 0)
		flow_sleep(req_flow(req), wait_ms, STEP(open));
	else
		open(req_flow(req));
}

static void open(struct flow *flow)
{
	struct req *req = flow_req(flow);
	struct worker *worker = flow->worker;
	const struct settings *settings = worker_common(worker)->settings;
	const struct ws_conf conf = {
		.protocol = "switchhook.v1",
		.max_message = settings->max_message,
		.max_queue = settings->max_queue,
		.ping_ms = (unsigned)settings->ping_ms,
		.dead_ms = (unsigned)settings->dead_ms,
		.address = flow->asker,
		.origin = req_header(req, "Origin"),
	};

	if (room_or_reply(req))
		ws_accept_or_reply(req, &conf, &session_ops, worker);
}
