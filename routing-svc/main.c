/* main.c - routing-svc, the second server: accepts communications, fetches their
 * instructions, rings exactly the clients that can be rung, merges caller and winner.
 *
 * Read on in routes.c (the API), bridge.h and round.h (how a call goes on), plan.h (what it does next).
 */
#include "common/model/gateway.h"
#include "common/model/outbox.h"
#include "common/model/service.h"
#include "routing-svc/app.h"
#include "routing-svc/bridge.h"
#include "routing-svc/nudges.h"
#include "routing-svc/routes.h"
#include "routing-svc/sweep.h"
#include "routing-svc/waiters.h"

static void open_parts(struct worker *worker)
{
	struct app *app = app_of(worker);

	app->waiters = waiters_new();
	app->bridge = bridge_new(worker);
	app->outbox = outbox_new(worker, &outbox_of_calls);
	app->gateway = outbox_new(worker, &outbox_of_gateway);
	app->sweep = sweep_new(worker);
}

static void drain(struct worker *worker)
{
	struct app *app = app_of(worker);

	waiters_tell_all(app->waiters);
	bridge_drain(app->bridge);
}

static bool is_idle(struct worker *worker)
{
	struct app *app = app_of(worker);

	return bridge_is_idle(app->bridge) && outbox_is_idle(app->outbox) && outbox_is_idle(app->gateway);
}

static void close_parts(struct worker *worker)
{
	struct app *app = app_of(worker);

	app->sweep = patrol_free(app->sweep);
	app->bridge = bridge_free(app->bridge);
	app->outbox = outbox_free(app->outbox);
	app->gateway = outbox_free(app->gateway);
	app->waiters = waiters_free(app->waiters);
}

int main(int argc, char **argv)
{
	static const struct service service = {
		.name = "routing-svc",
		.kind = NODE_ROUTING,
		.api = &routing_app,
		.app_size = sizeof(struct app),
		.open = open_parts,
		.drain = drain,
		.is_idle = is_idle,
		.close = close_parts,
		.on_message = nudges_on_message,
	};

	return service_run(&service, argc, argv);
}
