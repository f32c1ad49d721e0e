/* account_seed.c - presence-svc --seed FILE.
 *
 *     read file -> seed_read -> for each record: step_next -> on_current -> (differs) put -> step_written
 *
 * A record that is there as the file says is left alone, so running it again
 * writes nothing.  What the file does not mention is left alone too.
 */
#include "common/model/account_seed.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/model/account_store.h"
#include "scripts.gen.h"

enum {
	EXIT_STORE = 1,
	EXIT_FILE = 2,
	FILE_MAX = 4 * 1024 * 1024,
	CHUNK = 65536,
	ARENA_MAX = 64 * 1024 * 1024,
	CONNECT_MS = 10000,
	TOTAL_MS = 60000,
};

struct seed {
	struct worker worker;
	struct accounts *accounts;
	struct arena *arena;
	struct flow flow;
	struct loop_timer *patience;
	struct seed_plan plan;
	size_t at;
	size_t written;
	void *current; /* what Redis has */
	bool started;
	int exit_code;
};

static void step_next(struct flow *flow);
static void step_written(struct flow *flow);

/* -- the file -- */

static bool file_read(const char *file, struct buf *out)
{
	FILE *in = fopen(file, "re");
	char *room;
	size_t n;
	bool is_whole;

	if (!in) {
		fprintf(stderr, "%s: %s\n", file, strerror(errno));
		return false;
	}
	do {
		room = buf_reserve(out, CHUNK);
		n = room ? fread(room, 1, CHUNK, in) : 0;
		out->n += n;
	} while (n > 0);
	is_whole = room && !ferror(in);
	fclose(in);
	if (!is_whole)
		fprintf(stderr, "%s: cannot be read, or is larger than 4 MB\n", file);
	return is_whole;
}

/* Says what is wrong with the file, never what is in it. */
static bool plan_read(const char *file, struct str text, struct arena *arena, struct json **doc,
		      struct seed_plan *plan)
{
	struct json_fault fault = { .missing = false };
	size_t at = 0;

	if (json_parse(text, doc, &at)) {
		fprintf(stderr, "%s: is not valid JSON at byte %zu\n", file, at);
		return false;
	}
	if (!seed_read(arena, *doc, plan, &fault)) {
		fprintf(stderr, "%s: %s %s\n", file, fault.field, fault.why);
		return false;
	}
	return true;
}

/* -- writing -- */

static const struct seed_item *current_item(const struct seed *seed)
{
	return &seed->plan.items[seed->at];
}

static void on_current(struct flow *flow, void *arg, bool was_cached)
{
	struct seed *seed = arg;
	const struct seed_item *item = current_item(seed);
	struct sid *wanted = item->record;
	const struct sid *found = seed->current;

	(void)was_cached;
	if (!sid_is_set(*wanted))
		*wanted = sid_is_set(*found) ? *found : sid_new(item->kind->prefix);
	if (record_equal(item->kind, item->record, seed->current)) {
		seed->at++;
		step_next(flow);
		return;
	}
	if (sid_eq(*wanted, *found)) {
		*record_time(item->record, item->kind->created) =
			*record_time(seed->current, item->kind->created);
		*record_time(item->record, item->kind->updated) =
			*record_time(seed->current, item->kind->updated);
	}
	record_put(seed->accounts, flow, item->kind, item->account, item->record, STEP(step_written));
}

static void step_written(struct flow *flow)
{
	struct seed *seed = flow->owner;

	seed->written++;
	seed->at++;
	step_next(flow);
}

/* An address is looked for by its number: its sid may be left to us. */
static void look_up_current(struct flow *flow, struct seed *seed)
{
	const struct seed_item *item = current_item(seed);
	const bool is_number = item->kind == &record_number;
	const struct record_lookup want = {
		.kind = item->kind,
		.account = item->account,
		.id = is_number ? record_text(item->kind, item->record, "number") : sid_str(item->record),
		.out = seed->current,
		.by_number = is_number,
		.past_cache = true,
		.even_closed = true,
		.absent_is_fine = true,
		.waiting_for = "on_current",
		.found = on_current,
		.arg = seed,
	};

	record_lookup(seed->accounts, flow, &want);
}

static void step_next(struct flow *flow)
{
	struct seed *seed = flow->owner;

	if (seed->at == seed->plan.n) {
		flow_done(flow);
		return;
	}
	seed->current = flow_alloc(flow, current_item(seed)->kind->size);
	look_up_current(flow, seed);
}

static void on_fail(struct flow *flow, enum err err, const char *detail)
{
	struct seed *seed = flow->owner;
	const struct seed_item *item = current_item(seed);
	const struct sid *sid = item->record;

	fprintf(stderr, "seeding stopped at %s %s of %s: %s\n", item->kind->name, sid->s, item->account.s,
		*detail ? detail : err_text(err));
	seed->exit_code = EXIT_STORE;
}

static void on_end(struct flow *flow)
{
	struct seed *seed = flow->owner;

	loop_stop(seed->worker.loop);
}

/* -- the run -- */

static void on_ready(void *arg)
{
	static const struct flow_kind kind = { "seed", on_fail, on_end };
	struct seed *seed = arg;

	if (seed->started)
		return;
	seed->started = true;
	loop_timer_stop(seed->patience);
	flow_init(&seed->flow, &kind, &seed->worker, seed->arena, seed);
	flow_deadline(&seed->flow, TOTAL_MS);
	flow_next(&seed->flow, STEP(step_next));
}

static void on_no_connection(void *arg)
{
	struct seed *seed = arg;

	fprintf(stderr, "no connection to Redis\n");
	seed->exit_code = EXIT_STORE;
	loop_stop(seed->worker.loop);
}

static void run(struct seed *seed, const struct settings *settings)
{
	const struct redis_conf conf = {
		.host = settings->redis_host,
		.port = (uint16_t)settings->redis_port,
		.username = settings->redis_username,
		.password = settings->redis_password,
		.client_name = "seed",
		.timeout_ms = (unsigned)settings->redis_timeout_ms,
		.max_pending = (unsigned)settings->redis_max_pending,
		.scripts = scripts,
		.n_scripts = SCRIPT_COUNT,
		.on_ready = on_ready,
		.arg = seed,
	};
	struct redis_conf sub_conf = conf;
	struct seal *seal =
		seal_new(str_of(settings->cluster_secret), str_of(settings->cluster_secret_previous));
	struct worker *worker = &seed->worker;

	sub_conf.on_ready = NULL;
	signal(SIGPIPE, SIG_IGN);
	worker->count = 1;
	worker->all = worker;
	worker->loop = loop_new();
	worker->redis = redis_new(worker->loop, &conf);
	seed->accounts = accounts_new(worker, &sub_conf, seal);
	seed->patience = loop_timer_new(worker->loop, on_no_connection, seed);
	loop_timer_start(seed->patience, CONNECT_MS);
	loop_run(worker->loop);

	seed->patience = loop_timer_free(seed->patience);
	seed->accounts = accounts_free(seed->accounts);
	worker->redis = redis_free(worker->redis);
	worker->loop = loop_free(worker->loop);
	seal_free(seal);
}

int account_seed(const struct settings *settings, const char *file)
{
	struct seed *seed = x_alloc(sizeof(*seed));
	struct json *doc = NULL;
	struct buf text;
	int exit_code = EXIT_FILE;

	buf_init(&text, FILE_MAX);
	seed->arena = arena_new(ARENA_MAX);
	if (file_read(file, &text) && plan_read(file, buf_str(&text), seed->arena, &doc, &seed->plan)) {
		if (seed->plan.n > 0)
			run(seed, settings);
		exit_code = seed->exit_code;
		if (exit_code == 0)
			printf("seeded %s: %zu records, %zu written\n", file, seed->plan.n, seed->written);
	}
	json_free(doc);
	arena_free(seed->arena);
	if (text.p)
		crypto_wipe(text.p, text.n);
	buf_fini(&text);
	x_free(seed);
	return exit_code;
}
