/* account_seed.c - presence-svc --seed FILE.
 *
 *     read file -> seed_read -> for each record: step_next -> on_current -> (differs) put
 *               -> (an account: step_account ->) step_written
 *
 * A record that is there as the file says is left alone, so running it again
 * writes nothing.  What the file does not mention is left alone too.
 */
#include "common/model/account_seed.h"

#include <errno.h>
#include <stdio.h>

#include "common/model/account_rules.h"
#include "common/model/account_store.h"
#include "common/model/errand.h"

enum {
	FILE_MAX = 4 * 1024 * 1024,
	CHUNK = 65536,
	ARENA_MAX = 64 * 1024 * 1024,
	TOTAL_MS = 60000,
};

struct seed {
	struct errand errand;
	struct accounts *accounts;
	const struct seal *seal;
	struct arena *arena;
	struct flow flow;
	struct seed_plan plan;
	size_t at;
	size_t written;
	void *current; /* what Redis has */
};

static void step_next(struct flow *flow);
static void put(struct flow *flow, struct seed *seed, const struct seed_item *item);
static void step_account(struct flow *flow);
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

static void complete_account(struct arena *arena, const struct seed_item *item, const struct account *stored)
{
	struct account *account = item->record;

	if (sid_is_set(stored->sid))
		seed_keep(item, stored);
	if (account->webhook_secret.n == 0)
		account->webhook_secret = account_webhook_secret_new(arena);
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
	if (item->kind == &record_account)
		complete_account(flow->arena, item, seed->current);
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
	put(flow, seed, item);
}

static void put(struct flow *flow, struct seed *seed, const struct seed_item *item)
{
	struct account *account = item->record;

	if (item->kind != &record_account)
		record_put(seed->accounts, flow, item->kind, item->account, item->record, STEP(step_written));
	else if (sid_is_set(account->parent))
		account_create(seed->accounts, flow, account, STEP(step_account));
	else
		account_put(seed->accounts, flow, account, STEP(step_account));
}

static void step_account(struct flow *flow)
{
	struct seed *seed = flow->owner;

	account_rules_tell(flow, seed->seal, current_item(seed)->record, STEP(step_written));
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
		.by_index = is_number,
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
	seed->errand.exit_code = ERRAND_FAILED;
}

static void on_end(struct flow *flow)
{
	struct seed *seed = flow->owner;

	errand_end(&seed->errand);
}

/* -- the run -- */

static void start(void *arg)
{
	static const struct flow_kind kind = { "seed", on_fail, on_end };
	struct seed *seed = arg;

	flow_init(&seed->flow, &kind, &seed->errand.worker, seed->arena, seed);
	flow_deadline(&seed->flow, TOTAL_MS);
	flow_next(&seed->flow, STEP(step_next));
}

static void run(struct seed *seed, const struct settings *settings)
{
	struct seal *seal =
		seal_new(str_of(settings->cluster_secret), str_of(settings->cluster_secret_previous));

	seed->seal = seal;
	errand_open(&seed->errand, settings, "seed");
	seed->accounts = accounts_new(&seed->errand.worker, &seed->errand.redis, seal);
	errand_run(&seed->errand, start, seed);
	seed->accounts = accounts_free(seed->accounts);
	errand_close(&seed->errand);
	seal_free(seal);
}

int account_seed(const struct settings *settings, const char *file)
{
	struct seed *seed = x_alloc(sizeof(*seed));
	struct json *doc = NULL;
	struct buf text;
	int exit_code = ERRAND_REFUSED;

	buf_init(&text, FILE_MAX);
	seed->arena = arena_new(ARENA_MAX);
	if (file_read(file, &text) && plan_read(file, buf_str(&text), seed->arena, &doc, &seed->plan)) {
		if (seed->plan.n > 0)
			run(seed, settings);
		exit_code = seed->errand.exit_code;
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
