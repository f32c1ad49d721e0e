/* account_reseal.c - presence-svc --reseal, the end of a rotation of the cluster secret.
 *
 *     SCAN -> for each account: its record, its keys -> HGET -> (sealed under the previous secret) put
 *          -> SCAN ...
 *
 * A record keeps its version, because nothing in it changes that anybody reads;
 * and it is put only over the version that was read.  So a change by an instance
 * always wins: it never hears of us, and we read again.  Each put publishes
 * the account like any other change.
 *
 * One piece of the SCAN is one flow, whose memory ends with it.  SCAN may name
 * an account twice while Redis grows its tables; then it is counted twice.
 */
#include <stdio.h>

#include "common/base/log.h"
#include "common/model/account.h"
#include "common/model/account_record.h"
#include "common/model/errand.h"
#include "common/model/keys.h"
#include "scripts.gen.h"

enum {
	PIECE_KEYS = 100, /* that Redis looks at for one piece; it may name a few more */
	PIECE_MAX = 256 * 1024 * 1024,
	SCRATCH_MAX = 4 * RECORD_MAX, /* one record, opened twice */
	TRIES_MAX = 100,	      /* of one record that changes whenever we have read it */
	PROGRESS_RECORDS = 1000,
	CURSOR_SIZE = 24,
};

#define FIRST_AND_LAST STR("0") /* of SCAN's cursors */

struct count {
	size_t records, resealed, current, unreadable;
};

struct reseal {
	struct errand errand;
	struct seal *newest; /* the current secret alone */
	struct seal *both;
	struct flow flow;
	struct arena *arena; /* of the piece */
	char cursor[CURSOR_SIZE];
	struct sid *accounts; /* of the piece */
	size_t n_accounts, at_account;
	size_t at_kind;
	struct str key;	 /* the hash that is walked */
	struct str *ids; /* its records */
	size_t n_ids, at_id;
	unsigned tries;
	bool stopped;
	bool finished;
	struct count count;
};

static const struct record_kind *const sealed_kinds[] = { &record_account, &record_key };

static void step_account(struct flow *flow);
static void step_record(struct flow *flow);

static const struct record_kind *current_kind(const struct reseal *reseal)
{
	return sealed_kinds[reseal->at_kind];
}

static const struct sid *current_account(const struct reseal *reseal)
{
	return &reseal->accounts[reseal->at_account];
}

/* -- what is said -- */

static void print_count(const char *title, const struct count *count)
{
	printf("%s%zu records: %zu resealed, %zu already current, %zu unreadable\n", title, count->records,
	       count->resealed, count->current, count->unreadable);
	fflush(stdout);
}

static void complain(struct reseal *reseal, const char *what, const char *why)
{
	fprintf(stderr, "account %s, %s %s: %s %s\n", current_account(reseal)->s, current_kind(reseal)->name,
		log_str(reseal->ids[reseal->at_id]), what, why);
	reseal->errand.exit_code = ERRAND_FAILED;
}

/* -- one record -- */

static void next_record(struct flow *flow)
{
	struct reseal *reseal = flow->owner;

	reseal->at_id++;
	reseal->tries = 0;
	step_record(flow);
}

static void record_counted(struct flow *flow, size_t *outcome)
{
	struct reseal *reseal = flow->owner;

	++*outcome;
	if (++reseal->count.records % PROGRESS_RECORDS == 0)
		print_count("so far ", &reseal->count);
	next_record(flow);
}

/* It stays as it is; what is wrong with it is said, and the walk goes on. */
static void record_unreadable(struct flow *flow, const char *what, const char *why)
{
	struct reseal *reseal = flow->owner;

	complain(reseal, what, why);
	record_counted(flow, &reseal->count.unreadable);
}

static void on_put(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct reseal *reseal = arg;
	const struct str answer = redis_str(reply);

	if (str_eq(answer, STR("OK")))
		record_counted(flow, &reseal->count.resealed);
	else if (str_eq(answer, STR("NOT_FOUND")))
		next_record(flow);
	else if (!str_eq(answer, STR("STALE")))
		flow_fail(flow, ERR_STORE_REPLY, "");
	else if (++reseal->tries == TRIES_MAX)
		record_unreadable(flow, "the record", "is never the version that was just read");
	else
		step_record(flow);
}

static struct str field_of(const struct reseal *reseal)
{
	return current_kind(reseal) == &record_account ? STR("record") : reseal->ids[reseal->at_id];
}

static void put(struct flow *flow, struct reseal *reseal, void *record)
{
	const struct record_kind *kind = current_kind(reseal);
	const struct sid *account = current_account(reseal);
	char version[24], most[24];
	struct buf text;

	buf_init(&text, RECORD_MAX);
	record_write(kind, reseal->newest, *account, record, &text);
	if (!buf_ok(&text)) {
		buf_fini(&text);
		flow_fail(flow, ERR_TOO_LARGE, "");
		return;
	}

	const struct str argv[] = {
		field_of(reseal),
		buf_str(&text),
		redis_num(version, (int64_t)*record_time(record, kind->updated)),
		redis_num(most, ACCOUNT_RECORDS_MAX),
		sid_str(account),
	};

	flow_script(flow, "on_put", on_put, reseal, &scripts[SCRIPT_ACCOUNT_PUT], reseal->key,
		    ARRAY_LEN(argv), argv);
	buf_fini(&text);
}

static void on_record(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct reseal *reseal = arg;
	const struct record_kind *kind = current_kind(reseal);
	const struct sid account = *current_account(reseal);
	const struct str text = redis_str(reply), id = reseal->ids[reseal->at_id];
	struct arena *scratch = arena_new(SCRATCH_MAX);
	void *record = arena_alloc(scratch, kind->size);
	const char *fault;

	if (str_is_null(text)) {
		next_record(flow);
	} else if (record_read(kind, reseal->newest, account, id, text, scratch, record)) {
		record_counted(flow, &reseal->count.current);
	} else if ((fault = record_read_fault(kind, reseal->both, account, id, text, scratch, record))) {
		record_unreadable(flow, *fault ? fault : "the record", "cannot be read");
	} else if (*record_time(record, kind->updated) == 0) {
		/* The script would put it over anything. */
		record_unreadable(flow, "updated", "is missing");
	} else {
		put(flow, reseal, record);
	}
	arena_free(scratch);
}

static void step_record(struct flow *flow)
{
	struct reseal *reseal = flow->owner;

	if (reseal->at_id == reseal->n_ids) {
		reseal->at_kind++;
		step_account(flow);
		return;
	}

	const struct str argv[] = { STR("HGET"), reseal->key, field_of(reseal) };

	flow_redis(flow, "on_record", on_record, reseal, ARRAY_LEN(argv), argv);
}

/* -- one account -- */

static void on_ids(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct reseal *reseal = arg;

	reseal->n_ids = redis_count(reply);
	reseal->ids = flow_alloc(flow, MAX(reseal->n_ids, 1u) * sizeof(*reseal->ids));
	for (size_t i = 0; i < reseal->n_ids; i++)
		reseal->ids[i] = arena_copy(flow->arena, redis_str_at(reply, i));
	step_record(flow);
}

/* An account's own hash has room for more than its record. */
static void walk_account_record(struct flow *flow, struct reseal *reseal)
{
	reseal->n_ids = 1;
	reseal->ids = flow_alloc(flow, sizeof(*reseal->ids));
	reseal->ids[0] = sid_str(current_account(reseal));
	step_record(flow);
}

static void step_account(struct flow *flow)
{
	struct reseal *reseal = flow->owner;

	if (reseal->at_kind == ARRAY_LEN(sealed_kinds)) {
		reseal->at_kind = 0;
		reseal->at_account++;
	}
	if (reseal->at_account == reseal->n_accounts) {
		flow_done(flow);
		return;
	}
	reseal->key = current_kind(reseal)->key(flow->arena, sid_str(current_account(reseal)));
	reseal->at_id = 0;

	const struct str argv[] = { STR("HKEYS"), reseal->key };

	if (current_kind(reseal) == &record_account)
		walk_account_record(flow, reseal);
	else
		flow_redis(flow, "on_ids", on_ids, reseal, ARRAY_LEN(argv), argv);
}

/* -- the accounts, piece by piece -- */

/* [cursor, [key, key, ...]] */
static void on_scanned(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct reseal *reseal = arg;
	const struct redis_reply *keys = redis_at(reply, 1);
	const size_t n = redis_count(keys);

	if (!str_copy(redis_str_at(reply, 0), reseal->cursor, sizeof(reseal->cursor))) {
		flow_fail(flow, ERR_STORE_REPLY, "");
		return;
	}
	reseal->accounts = flow_alloc(flow, MAX(n, 1u) * sizeof(*reseal->accounts));
	for (size_t i = 0; i < n; i++)
		if (key_account_parse(redis_str_at(keys, i), &reseal->accounts[reseal->n_accounts]))
			reseal->n_accounts++;
	step_account(flow);
}

static void step_scan(struct flow *flow)
{
	struct reseal *reseal = flow->owner;
	char most[24];
	const struct str argv[] = {
		STR("SCAN"),	       str_of(reseal->cursor), STR("MATCH"),
		key_account_pattern(), STR("COUNT"),	       redis_num(most, PIECE_KEYS),
	};

	flow_redis(flow, "on_scanned", on_scanned, reseal, ARRAY_LEN(argv), argv);
}

static void on_fail(struct flow *flow, enum err err, const char *detail)
{
	struct reseal *reseal = flow->owner;

	fprintf(stderr, "resealing stopped at %s %s: %s; do it again\n",
		reseal->at_account < reseal->n_accounts ? "account" : "the list of",
		reseal->at_account < reseal->n_accounts ? current_account(reseal)->s : "accounts",
		*detail ? detail : err_text(err));
	reseal->errand.exit_code = ERRAND_FAILED;
	reseal->stopped = true;
}

static void start_piece(void *arg);

static void on_end(struct flow *flow)
{
	struct reseal *reseal = flow->owner;

	reseal->arena = arena_free(reseal->arena);
	reseal->finished = !reseal->stopped && str_eq(str_of(reseal->cursor), FIRST_AND_LAST);
	if (reseal->stopped || reseal->finished)
		errand_end(&reseal->errand);
	else
		loop_defer(reseal->errand.worker.loop, start_piece, reseal);
}

static void start_piece(void *arg)
{
	static const struct flow_kind kind = { "reseal", on_fail, on_end };
	struct reseal *reseal = arg;

	reseal->arena = arena_new(PIECE_MAX);
	reseal->n_accounts = 0;
	reseal->at_account = 0;
	flow_init(&reseal->flow, &kind, &reseal->errand.worker, reseal->arena, reseal);
	flow_next(&reseal->flow, STEP(step_scan));
}

int account_reseal(const struct settings *settings)
{
	const struct str secret = str_of(settings->cluster_secret);
	struct reseal *reseal = x_alloc(sizeof(*reseal));
	int exit_code;

	reseal->newest = seal_new(secret, STR_NULL);
	reseal->both = seal_new(secret, str_of(settings->cluster_secret_previous));
	errand_open(&reseal->errand, settings, "reseal");
	INVARIANT(str_copy(FIRST_AND_LAST, reseal->cursor, sizeof(reseal->cursor)));
	errand_run(&reseal->errand, start_piece, reseal);
	errand_close(&reseal->errand);
	seal_free(reseal->both);
	seal_free(reseal->newest);
	print_count(reseal->finished ? "" : "so far ", &reseal->count);
	exit_code = reseal->errand.exit_code;
	x_free(reseal);
	return exit_code;
}
