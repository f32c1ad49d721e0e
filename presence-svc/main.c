/* main.c - presence-svc, the first server: validates client tokens, registers devices,
 * holds the clients' channels, keeps their presence in Redis.
 *
 * Read on in routes.c (the API), session.h (a channel's life), common/model/presence.h.
 */
#include "common/model/outbox.h"
#include "common/model/service.h"
#include "presence-svc/app.h"
#include "presence-svc/audit.h"
#include "presence-svc/channel.h"
#include "presence-svc/farewell.h"
#include "presence-svc/lease_check.h"
#include "presence-svc/listeners.h"
#include "presence-svc/reassert.h"
#include "presence-svc/recheck.h"
#include "presence-svc/routes.h"
#include "presence-svc/session.h"
#include "presence-svc/sweep.h"
#include "presence-svc/watch.h"

static void open_parts(struct worker *worker)
{
	struct app *app = app_of(worker);

	admission_init(&app->admission, app->common.settings);
	app->sessions = sessions_new(worker, channel_receive);
	app->farewells = farewells_new(worker);
	app->outbox = outbox_new(worker, &outbox_of_presence);
	app->reassert = reassert_new(worker);
	app->recheck = recheck_new(worker);
	app->lease_checks = lease_checks_new(worker);
	app->sweep = sweep_new(worker);
	app->audit = audit_new(worker);
	app->watches = watches_new(worker);
	app->listeners = listeners_new(worker);
}

static void drain(struct worker *worker)
{
	struct app *app = app_of(worker);

	sessions_drain(app->sessions);
	listeners_drain(app->listeners);
}

static bool is_idle(struct worker *worker)
{
	struct app *app = app_of(worker);

	return sessions_count(app->sessions) == 0 && farewells_is_idle(app->farewells) &&
	       outbox_is_idle(app->outbox);
}

static void close_parts(struct worker *worker)
{
	struct app *app = app_of(worker);

	app->audit = audit_free(app->audit);
	app->sweep = sweep_free(app->sweep);
	app->farewells = farewells_free(app->farewells);
	app->outbox = outbox_free(app->outbox);
	app->reassert = reassert_free(app->reassert);
	app->sessions = sessions_free(app->sessions);
	app->recheck = recheck_free(app->recheck);
	app->lease_checks = lease_checks_free(app->lease_checks);
	app->listeners = listeners_free(app->listeners);
	app->watches = watches_free(app->watches);
}

/* Others have removed what this instance held, or the store has lost it: it is said again. */
static void on_buried(struct worker *worker)
{
	reassert_all_moved(app_of(worker)->reassert);
}

static void on_store_back(struct worker *worker)
{
	reassert_all(app_of(worker)->reassert);
}

int main(int argc, char **argv)
{
	static const struct service service = {
		.name = "presence-svc",
		.kind = NODE_PRESENCE,
		.api = &presence_app,
		.app_size = sizeof(struct app),
		.open = open_parts,
		.drain = drain,
		.is_idle = is_idle,
		.close = close_parts,
		.on_buried = on_buried,
		.on_store_back = on_store_back,
		.on_message = sessions_on_message,
	};

	return service_run(&service, argc, argv);
}
