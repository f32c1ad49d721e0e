/* main.c - routing-svc, the second server: accepts communications, fetches their
 * instructions, rings exactly the clients that can be rung, merges caller and winner.
 *
 * Read on in routes.c (the API), bridge.c (how a call goes on), plan.h (what it does next).
 */
#include "common/io/http_server.h"
#include "common/model/service.h"
#include "routing-svc/app.h"
#include "routing-svc/bridge.h"
#include "routing-svc/nudges.h"
#include "routing-svc/outbox.h"
#include "routing-svc/routes.h"
#include "routing-svc/sweep.h"
#include "routing-svc/waiters.h"

static struct service service = {
	.kind = NODE_ROUTING,
	.api = &routing_app,
	.on_message = nudges_on_message,
};

static void app_free(struct app *app)
{
	app->bridge = bridge_free(app->bridge);
	app->outbox = outbox_free(app->outbox);
	app->waiters = waiters_free(app->waiters);
	x_free(app);
}

static enum err start(struct worker *worker)
{
	struct app *app = x_alloc(sizeof(*app));
	enum err err;

	worker->app = app;
	app->waiters = waiters_new();
	app->bridge = bridge_new(worker);
	app->outbox = outbox_new(worker);
	err = service_start(&app->part, worker, &service);
	if (err)
		app_free(app);
	else
		app->sweep = sweep_new(worker);
	return err;
}

static bool is_idle(struct worker *worker)
{
	struct app *app = app_of(worker);

	return bridge_is_idle(app->bridge) && outbox_is_idle(app->outbox);
}

static void drain(struct worker *worker)
{
	struct app *app = app_of(worker);

	waiters_tell_all(app->waiters);
	bridge_drain(app->bridge);
	http_server_quiesce(app->part.http);
	service_drain(&app->part, is_idle);
}

static void stop(struct worker *worker)
{
	struct app *app = app_of(worker);

	app->sweep = sweep_free(app->sweep);
	service_stop(&app->part);
	app_free(app);
}

int main(int argc, char **argv)
{
	int code;

	service_init(&service, "routing-svc", argc, argv);
	code = workers_run(&(struct worker_conf){
		.count = (unsigned)service.settings.workers,
		.drain_max_ms = service.settings.drain_max_ms,
		.start = start,
		.drain = drain,
		.stop = stop,
	});
	service_fini(&service);
	return code;
}
