/* app.h - what a worker of presence-svc has. */
#pragma once

#include "common/model/app.h"
#include "common/model/node.h"
#include "common/model/settings.h"
#include "presence-svc/admission.h"

struct audit;
struct sessions;
struct farewells;
struct listeners;
struct outbox;
struct reassert;
struct lease_checks;
struct recheck;
struct sweep;
struct watches;

struct app {
	struct app_common common;        /* first: see worker_common */
	struct sessions *sessions;       /* open client channels */
	struct admission admission;      /* how fast channels are let in */
	struct farewells *farewells;     /* registrations to be ended */
	struct outbox *outbox;           /* presence webhooks under way */
	struct reassert *reassert;       /* what the store may have lost is said again */
	struct lease_checks *lease_checks;       /* leases made a moment ago */
	struct recheck *recheck;         /* are those channels' tokens still good? */
	struct sweep *sweep;             /* deadlines of the partitions */
	struct audit *audit;             /* are the records as they have to be? */
	struct watches *watches;         /* who watches whom */
	struct listeners *listeners;     /* streams and long-polls */
};

static inline struct app *app_of(struct worker *worker)
{
	return worker->app;
}
