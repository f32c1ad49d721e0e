/* errand.c - see errand.h. */
#include "common/model/errand.h"

#include <signal.h>
#include <stdio.h>

#include "scripts.gen.h"

enum { CONNECT_MS = 10000 };

/* Again after every reconnect: the errand has started by then. */
static void on_ready(void *arg)
{
	struct errand *errand = arg;
	loop_fn *start = errand->start;

	errand->start = NULL;
	loop_timer_stop(errand->patience);
	if (start)
		start(errand->arg);
}

static void on_no_connection(void *arg)
{
	struct errand *errand = arg;

	fprintf(stderr, "no connection to Redis\n");
	errand->exit_code = ERRAND_FAILED;
	errand_end(errand);
}

void errand_open(struct errand *errand, const struct settings *settings, const char *name)
{
	struct worker *worker = &errand->worker;
	struct redis_conf conf;

	*errand = (struct errand){
		.worker = { .count = 1 },
		.redis = {
			.host = settings->redis_host,
			.port = (uint16_t)settings->redis_port,
			.username = settings->redis_username,
			.password = settings->redis_password,
			.client_name = name,
			.timeout_ms = (unsigned)settings->redis_timeout_ms,
			.max_pending = (unsigned)settings->redis_max_pending,
			.scripts = scripts,
			.n_scripts = SCRIPT_COUNT,
		},
	};
	signal(SIGPIPE, SIG_IGN);
	conf = errand->redis;
	conf.on_ready = on_ready;
	conf.arg = errand;
	worker->all = worker;
	worker->loop = loop_new();
	worker->redis = redis_new(worker->loop, &conf);
	errand->patience = loop_timer_new(worker->loop, on_no_connection, errand);
}

void errand_run(struct errand *errand, loop_fn *start, void *arg)
{
	errand->start = start;
	errand->arg = arg;
	loop_timer_start(errand->patience, CONNECT_MS);
	loop_run(errand->worker.loop);
}

void errand_end(struct errand *errand)
{
	loop_stop(errand->worker.loop);
}

void errand_close(struct errand *errand)
{
	errand->patience = loop_timer_free(errand->patience);
	errand->worker.redis = redis_free(errand->worker.redis);
	errand->worker.loop = loop_free(errand->worker.loop);
}
