/* main.c - presence-svc, the first server: validates client tokens, registers devices,
 * holds the clients' channels, keeps their presence in Redis.
 *
 * Read on in routes.c (the API), session.h (a channel's life), common/model/presence.h.
 */
#include "common/io/http_server.h"
#include "common/model/service.h"
#include "presence-svc/app.h"
#include "presence-svc/channel.h"
#include "presence-svc/farewell.h"
#include "presence-svc/routes.h"
#include "presence-svc/session.h"
#include "presence-svc/sweep.h"

static void on_buried(struct worker *worker);

static struct service service = {
	.kind = NODE_PRESENCE,
	.api = &presence_app,
	.on_message = sessions_on_message,
	.on_buried = on_buried,
};

/* Others have removed what this instance held: its clients register anew. */
static void on_buried(struct worker *worker)
{
	sessions_drain(app_of(worker)->sessions, STR("registrations were lost"));
}

static void app_free(struct app *app)
{
	app->farewells = farewells_free(app->farewells);
	app->sessions = sessions_free(app->sessions);
	x_free(app);
}

static enum err start(struct worker *worker)
{
	struct app *app = x_alloc(sizeof(*app));
	enum err err;

	worker->app = app;
	app->sessions = sessions_new(worker, channel_receive);
	app->farewells = farewells_new(worker);
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

	return sessions_count(app->sessions) == 0 && farewells_is_idle(app->farewells);
}

static void drain(struct worker *worker)
{
	struct app *app = app_of(worker);

	http_server_quiesce(app->part.http);
	sessions_drain(app->sessions, STR("this instance is shutting down"));
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

	service_init(&service, "presence-svc", argc, argv);
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
