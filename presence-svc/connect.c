/* connect.c - GET /v1/connect: an HTTP connection becomes a client channel. */
#include "presence-svc/endpoints.h"

#include "common/io/ws.h"
#include "common/model/limits.h"
#include "common/model/settings.h"
#include "presence-svc/app.h"
#include "presence-svc/session.h"

void connect_get(struct req *req)
{
	struct worker *worker = req_worker(req);
	const struct settings *settings = worker_common(worker)->settings;
	const struct ws_conf conf = {
		.protocol = "switchhook.v1",
		.max_message = settings->max_message,
		.max_queue = settings->max_queue,
		.ping_ms = (unsigned)settings->ping_ms,
		.dead_ms = (unsigned)settings->dead_ms,
		.address = req_client_address(req),
	};

	if (!limits_address_or_reply(req))
		return;
	if (worker->draining)
		reply_error(req, ERR_DRAINING, "");
	else if (sessions_count(app_of(worker)->sessions) >= settings->max_connections / worker->count)
		reply_error(req, ERR_OVERLOAD, "this instance holds as many channels as it may");
	else
		ws_accept_or_reply(req, &conf, &session_ops, worker);
}
