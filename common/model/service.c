/* service.c - see service.h. */
#include "common/model/service.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/io/http_client.h"
#include "common/io/http_server.h"
#include "common/model/account.h"
#include "common/model/health.h"
#include "common/model/job.h"
#include "common/model/limits.h"
#include "common/model/reap.h"
#include "common/model/seal.h"
#include "scripts.gen.h"

enum { DRAIN_POLL_MS = 50, NOTE_MS = 50, FETCH_WAITING_MAX = 10000 };

struct process { /* shared by the workers, read only once they run */
	const struct service *service;
	struct settings settings;
	struct seal *seal;
	struct netguard guard;
};

struct service_worker { /* the common part of one worker */
	struct worker *worker;
	const struct process *process;
	struct http_server *http;
	struct redis_stream *inbox;
	struct loop_timer *note;
};

/* ---- the process ---- */

static void process_init(struct process *process, const struct service *service, int argc, char **argv)
{
	struct settings *settings = &process->settings;
	struct settings_errand errand;
	struct str previous, bad;

	process->service = service;
	settings_load(settings, service->name, argc, argv, &errand);
	log_setup((enum log_level)settings->log_level, (enum log_format)settings->log_format, service->name);
	if (errand.seed_file)
		exit(account_seed(settings, errand.seed_file));
	if (errand.reseals)
		exit(account_reseal(settings));
	previous = str_of(settings->cluster_secret_previous);
	process->seal = seal_new(str_of(settings->cluster_secret), previous.n ? previous : STR_NULL);
	if (!netguard_parse(&process->guard, str_of(settings->webhook_allow), &bad)) {
		fprintf(stderr,
			"%s: WEBHOOK_ALLOW: \"" STR_FMT "\" is not an address range such as 10.0.0.0/8\n",
			service->name, STR_ARG(bad));
		exit(2);
	}
}

static void process_fini(struct process *process)
{
	process->seal = seal_free(process->seal);
	settings_free(&process->settings);
}

/* ---- joining: the store is ready, the node has an id, the worker has an inbox ---- */

static void redis_conf_of(const struct settings *settings, struct redis_conf *out)
{
	*out = (struct redis_conf){
		.host = settings->redis_host,
		.port = (uint16_t)settings->redis_port,
		.username = settings->redis_username,
		.password = settings->redis_password,
		.client_name = "switchhook",
		.timeout_ms = (unsigned)settings->redis_timeout_ms,
		.max_pending = (unsigned)settings->redis_max_pending,
		.scripts = scripts,
		.n_scripts = SCRIPT_COUNT,
	};
}

static void on_store_ready(void *arg)
{
	struct worker *worker = arg;
	const struct service *service = worker_common(worker)->part->process->service;

	if (worker->index == 0)
		nodes_start(worker_common(worker)->nodes);
	if (service->on_store_back)
		service->on_store_back(worker);
}

static void on_joined(struct worker *worker)
{
	const struct app_common *app = worker_common(worker);
	const struct address own = nodes_address(app->nodes);
	struct service_worker *part = app->part;
	struct arena *arena = arena_new(1024);
	struct redis_conf redis;

	redis_conf_of(app->settings, &redis);
	redis_stream_free(part->inbox);
	part->inbox = redis_stream_new(worker->loop, &redis, key_inbox(arena, own),
				       part->process->service->on_message, worker);
	arena_free(arena);
}

static void on_buried(struct worker *worker)
{
	const struct service *service = worker_common(worker)->part->process->service;

	if (service->on_buried)
		service->on_buried(worker);
}

/* ---- one worker ---- */

static struct http_client *client_new(struct worker *worker, const struct process *process)
{
	const struct settings *settings = &process->settings;
	const struct http_client_conf conf = {
		.guard = &process->guard,
		.max_total = (unsigned)settings->fetch_max_total,
		.max_per_tenant = (unsigned)settings->fetch_max_per_account,
		.max_per_host = (unsigned)settings->fetch_max_per_host,
		.max_waiting = FETCH_WAITING_MAX,
		.break_after = (unsigned)settings->fetch_break_after,
		.break_ms = (unsigned)settings->fetch_break_ms,
		.user_agent = "TwilioProxy/1.1",
		.ca_file = settings->webhook_ca_file,
	};

	return http_client_new(worker->loop, &conf);
}

static struct nodes *nodes_of(struct worker *worker, const struct process *process)
{
	const struct nodes_conf conf = {
		.kind = process->service->kind,
		.settings = &process->settings,
		.on_joined = on_joined,
		.on_buried = on_buried,
		.on_reap = reap_node,
	};

	return nodes_new(worker, &conf);
}

static enum err listen_http(struct service_worker *part)
{
	const struct settings *settings = &part->process->settings;
	const struct http_server_conf conf = {
		.bind = settings->bind,
		.port = (uint16_t)settings->port,
		.max_connections = (unsigned)(settings->max_connections / part->worker->count + 1),
		.arrival_ms = (unsigned)settings->arrival_ms,
		.idle_ms = (unsigned)settings->idle_ms,
		.deadline_ms = (unsigned)settings->deadline_ms,
		.trusted_proxies = settings->trusted_proxies,
		.app = part->process->service->api,
	};

	return http_server_new(part->worker, &conf, &part->http);
}

/* Whichever loop is asked speaks for all of them. */
static void note_health(void *arg)
{
	struct worker *worker = arg;

	health_note(worker);
	loop_timer_start(worker_common(worker)->part->note, NOTE_MS);
}

static void stop(struct worker *worker)
{
	struct app_common *app = worker->app;
	struct service_worker *part = app->part;

	part->note = loop_timer_free(part->note);
	part->http = http_server_free(part->http);
	part->inbox = redis_stream_free(part->inbox);
	flows_close(worker);
	worker->untrusted = http_client_free(worker->untrusted);
	worker->redis = redis_free(worker->redis);
	app->accounts = accounts_free(app->accounts);
	app->nodes = nodes_free(app->nodes);
	part->process->service->close(worker);
	app->limits = limits_free(app->limits);
	x_free(part);
	x_free(app);
	worker->app = NULL; /* what still comes through the loop finds nothing */
}

static enum err start(struct worker *worker)
{
	const struct process *process = worker->app; /* as workers_run was told */
	struct service_worker *part = x_alloc(sizeof(*part));
	struct app_common *app = x_alloc(process->service->app_size);
	struct redis_conf redis;
	enum err err;

	*part = (struct service_worker){ .worker = worker, .process = process };
	worker->app = app;
	app->settings = &process->settings;
	app->seal = process->seal;
	app->part = part;
	app->limits = limits_new(&process->settings);
	app->nodes = nodes_of(worker, process);
	redis_conf_of(&process->settings, &redis);
	app->accounts = accounts_new(worker, &redis, process->seal);
	process->service->open(worker);

	redis.on_ready = on_store_ready;
	redis.arg = worker;
	worker->redis = redis_new(worker->loop, &redis);
	worker->untrusted = client_new(worker, process);
	part->note = loop_timer_new(worker->loop, note_health, worker);
	note_health(worker);
	err = listen_http(part);
	if (err)
		stop(worker);
	return err;
}

/* ---- draining ---- */

static void poll_idle(struct flow *job);

static void on_left(struct flow *job)
{
	worker_drained(job->worker);
	flow_done(job);
}

static void on_drain_failed(struct flow *job, enum err err)
{
	(void)err; /* the lease ends by itself, and then others clean up */
	if (job->worker->index == 0)
		worker_drained(job->worker);
}

/* The first worker leaves the table of nodes for all of them, so last: what another one still holds
 * when it is cut off would never be looked for. */
static void poll_idle(struct flow *job)
{
	struct worker *worker = job->worker;
	const struct app_common *app = worker_common(worker);
	const bool speaks_for_all = worker->index == 0;

	if (!http_server_is_idle(app->part->http) || !app->part->process->service->is_idle(worker) ||
	    (speaks_for_all && !worker_is_last(worker)))
		flow_sleep(job, DRAIN_POLL_MS, STEP(poll_idle));
	else if (speaks_for_all && nodes_is_joined(app->nodes))
		nodes_leave(app->nodes, job, STEP(on_left));
	else
		on_left(job);
}

static void drain(struct worker *worker)
{
	struct app_common *app = worker->app;
	struct flow *job = job_new(worker, "drain", 0);

	log_info("draining", "worker=%u", worker->index);
	http_server_quiesce(app->part->http);
	app->part->process->service->drain(worker);
	if (worker->index == 0)
		nodes_drain(app->nodes);
	job_on_failed(job, on_drain_failed);
	flow_deadline(job, app->settings->drain_max_ms);
	flow_next(job, STEP(poll_idle));
}

/* ---- all of it ---- */

int service_run(const struct service *service, int argc, char **argv)
{
	struct process process = { .service = service };
	int code;

	process_init(&process, service, argc, argv);
	code = workers_run(&(struct worker_conf){
		.count = (unsigned)process.settings.workers,
		.drain_max_ms = process.settings.drain_max_ms,
		.start = start,
		.drain = drain,
		.stop = stop,
		.app = &process,
	});
	process_fini(&process);
	return code;
}
