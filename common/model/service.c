/* service.c - see service.h. */
#include "common/model/service.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/io/http_client.h"
#include "common/io/http_server.h"
#include "common/model/account.h"
#include "common/model/inbox.h"
#include "common/model/job.h"
#include "common/model/reap.h"
#include "common/model/seal.h"
#include "scripts.gen.h"

enum { DRAIN_POLL_MS = 50, FETCH_WAITING_MAX = 10000 };

void service_init(struct service *service, const char *name, int argc, char **argv)
{
	struct settings *settings = &service->settings;
	const char *seed_file = NULL;
	struct str bad;

	settings_load(settings, name, argc, argv, &seed_file);
	log_setup((enum log_level)settings->log_level, (enum log_format)settings->log_format, name);
	if (seed_file)
		exit(account_seed(settings, seed_file));
	service->seal =
		seal_new(str_of(settings->cluster_secret), settings->cluster_secret_previous[0]
								   ? str_of(settings->cluster_secret_previous)
								   : STR_NULL);
	service->guard = x_alloc(sizeof(*service->guard));
	if (!netguard_parse(service->guard, str_of(settings->webhook_allow), &bad)) {
		fprintf(stderr,
			"%s: WEBHOOK_ALLOW: \"" STR_FMT "\" is not an address range such as 10.0.0.0/8\n",
			name, STR_ARG(bad));
		exit(2);
	}
}

void service_fini(struct service *service)
{
	service->seal = seal_free(service->seal);
	x_free(service->guard);
	settings_free(&service->settings);
}

/* ---- one worker ---- */

void service_redis_conf(const struct service *service, struct redis_conf *out)
{
	const struct settings *settings = &service->settings;

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
	struct service_worker *part = arg;

	if (part->worker->index == 0)
		nodes_start(worker_common(part->worker)->nodes);
}

static struct service_worker *part_of(struct worker *worker)
{
	return worker_common(worker)->part;
}

/* The node has an id: now this worker has an inbox. */
static void on_joined(struct worker *worker)
{
	struct service_worker *part = part_of(worker);
	const struct address own = nodes_address(worker_common(worker)->nodes);
	struct arena *arena = arena_new(1024);
	struct redis_conf redis;

	service_redis_conf(part->service, &redis);
	redis_stream_free(part->inbox);
	part->inbox = redis_stream_new(worker->loop, &redis, key_inbox(arena, own), part->service->on_message,
				       worker);
	arena_free(arena);
}

static void on_buried(struct worker *worker)
{
	struct service_worker *part = part_of(worker);

	if (part->service->on_buried)
		part->service->on_buried(worker);
}

static struct http_client *client_new(struct worker *worker, const struct service *service)
{
	const struct settings *settings = &service->settings;
	const struct http_client_conf conf = {
		.guard = service->guard,
		.max_total = (unsigned)settings->fetch_max_total,
		.max_per_host = (unsigned)settings->fetch_max_per_host,
		.max_waiting = FETCH_WAITING_MAX,
		.user_agent = "TwilioProxy/1.1",
		.ca_file = settings->webhook_ca_file,
	};

	return http_client_new(worker->loop, &conf);
}

static enum err listen_http(struct service_worker *part)
{
	const struct settings *settings = &part->service->settings;
	const struct http_server_conf conf = {
		.bind = settings->bind,
		.port = (uint16_t)settings->port,
		.max_connections = (unsigned)(settings->max_connections / part->worker->count + 1),
		.arrival_ms = (unsigned)settings->arrival_ms,
		.idle_ms = (unsigned)settings->idle_ms,
		.deadline_ms = (unsigned)settings->deadline_ms,
		.trusted_proxies = settings->trusted_proxies,
		.app = part->service->api,
	};

	return http_server_new(part->worker, &conf, &part->http);
}

enum err service_start(struct service_worker *part, struct worker *worker, struct service *service)
{
	struct app_common *app = worker_common(worker);
	const struct nodes_conf nodes = {
		.kind = service->kind,
		.settings = &service->settings,
		.on_joined = on_joined,
		.on_buried = on_buried,
		.on_reap = reap_node,
	};
	struct redis_conf redis;
	enum err err;

	part->worker = worker;
	part->service = service;
	app->settings = &service->settings;
	app->seal = service->seal;
	app->part = part;
	app->nodes = nodes_new(worker, &nodes);
	service_redis_conf(service, &redis);
	app->accounts = accounts_new(worker, &redis, service->seal);
	redis.on_ready = on_store_ready;
	redis.arg = part;
	worker->redis = redis_new(worker->loop, &redis);
	worker->untrusted = client_new(worker, service);
	err = listen_http(part);
	if (err)
		service_stop(part);
	return err;
}

void service_stop(struct service_worker *part)
{
	struct worker *worker = part->worker;
	struct app_common *app = worker_common(worker);

	part->http = http_server_free(part->http);
	part->inbox = redis_stream_free(part->inbox);
	worker->untrusted = http_client_free(worker->untrusted);
	worker->redis = redis_free(worker->redis);
	app->accounts = accounts_free(app->accounts);
	app->nodes = nodes_free(app->nodes);
}

/* ---- draining ---- */

struct drain {
	struct service_worker *part;
	bool (*is_idle)(struct worker *worker);
};

static void poll_idle(struct flow *job);

static void on_left(struct flow *job)
{
	const struct drain *drain = job->state;

	worker_drained(drain->part->worker);
	flow_done(job);
}

static void on_drain_failed(struct flow *job, enum err err)
{
	const struct drain *drain = job->state;

	(void)err; /* the lease ends by itself */
	worker_drained(drain->part->worker);
}

static void poll_idle(struct flow *job)
{
	const struct drain *drain = job->state;
	struct worker *worker = drain->part->worker;

	if (!http_server_is_idle(drain->part->http) || !drain->is_idle(worker))
		flow_sleep(job, DRAIN_POLL_MS, STEP(poll_idle));
	else if (worker->index == 0 && nodes_is_joined(worker_common(worker)->nodes))
		nodes_leave(worker_common(worker)->nodes, job, STEP(on_left));
	else
		on_left(job);
}

void service_drain(struct service_worker *part, bool (*is_idle)(struct worker *worker))
{
	struct flow *job = job_new(part->worker, "drain", sizeof(struct drain));
	struct drain *drain = job->state;

	log_info("draining", "worker=%u", part->worker->index);
	*drain = (struct drain){ part, is_idle };
	job_on_failed(job, on_drain_failed);
	flow_deadline(job, part->service->settings.drain_max_ms);
	if (part->worker->index == 0)
		nodes_drain(worker_common(part->worker)->nodes);
	flow_next(job, STEP(poll_idle));
}
