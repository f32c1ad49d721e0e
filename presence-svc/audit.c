/* audit.c
 *
 *     timer -> visit: partitions are due -> one at a time:
 *     begin (-> accounts of the partition -> on_accounts) -> on_rules -> partition_audit.lua -> on_audited -> the next that is due
 *
 * A partition is walked account by account, an account by name.  Where its indexes do not agree in
 * number, the ones by status are walked too: they may name clients that the first does not.
 * A step is short and they come one after the other, so nobody waits for an audit.
 */
#include "presence-svc/audit.h"

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/io/redis.h"
#include "common/model/account_rules.h"
#include "common/model/job.h"
#include "common/model/patrol.h"
#include "common/model/reap.h"
#include "presence-svc/app.h"
#include "scripts.gen.h"

enum { LOOK_AT = 50, ACCOUNTS_MAX = 4096, CURSOR_MAX = 24 };

static const char *const indexes[] = { "all",	"s:available", "s:away",   "s:busy",
				       "s:dnd", "s:on_call",   "s:offline" };

struct place { /* where the walk through a partition stands */
	bool due;
	char cursor[CURSOR_MAX]; /* in its set of accounts */
	struct sid *accounts;	 /* to be walked before the cursor moves */
	size_t n, at;
	size_t index;
	char name[IDENTITY_MAX + 1];
};

struct audit {
	struct worker *worker;
	struct patrol *patrol;
	bool is_busy;
	struct place places[KEYS_PARTITIONS];
};

struct step {
	struct audit *audit;
	struct place *place;
	unsigned partition;
};

static void begin(struct flow *job);
static void on_audited(struct flow *job, void *arg, const struct redis_reply *reply);

/* ---- one step at a time ---- */

static void on_step_failed(struct flow *job, enum err err);

static void next_step(struct audit *audit)
{
	for (unsigned i = 0; i < KEYS_PARTITIONS && !audit->is_busy; i++) {
		struct place *place = &audit->places[i];
		struct flow *job;
		struct step *step;

		if (!place->due)
			continue;
		place->due = false;
		audit->is_busy = true;
		job = job_new(audit->worker, "audit", sizeof(*step));
		step = job->state;
		*step = (struct step){ audit, place, i };
		job_on_failed(job, on_step_failed);
		flow_next(job, STEP(begin));
	}
}

/* It is tried again with the next visit; the others wait for that, too, for so does the store. */
static void on_step_failed(struct flow *job, enum err err)
{
	struct step *step = job->state;

	(void)err;
	step->audit->is_busy = false;
}

static void end_step(struct flow *job)
{
	struct step *step = job->state;

	step->audit->is_busy = false;
	next_step(step->audit);
	flow_done(job);
}

/* ---- whose clients ---- */

static void forget_accounts(struct place *place)
{
	x_free(place->accounts);
	place->accounts = NULL;
	place->n = place->at = 0;
}

static void next_account(struct place *place)
{
	place->index = 0;
	place->name[0] = '\0';
	if (++place->at >= place->n)
		forget_accounts(place);
}

static void audit_account(struct flow *job, void *arg, struct str rules)
{
	struct step *step = arg;
	const struct place *place = step->place;
	char many[24];
	const struct str argv[] = { str_of(place->name), redis_num(many, LOOK_AT), rules };

	flow_script(job, "partition_audit", on_audited, step, &scripts[SCRIPT_PARTITION_AUDIT],
		    key_index(job->arena, step->partition, sid_str(&place->accounts[place->at]),
			      str_of(indexes[place->index])),
		    ARRAY_LEN(argv), argv);
}

static void go_on(struct flow *job)
{
	struct step *step = job->state;
	const struct place *place = step->place;

	account_rules_load(job, place->accounts[place->at], step->partition, audit_account, step);
}

static void on_accounts(struct flow *job, void *arg, const struct redis_reply *reply)
{
	struct step *step = arg;
	struct place *place = step->place;
	const struct redis_reply *found = redis_at(reply, 1);
	const size_t n = MIN(redis_count(found), (size_t)ACCOUNTS_MAX);

	if (!str_copy(redis_str_at(reply, 0), place->cursor, sizeof(place->cursor)))
		place->cursor[0] = '\0';
	forget_accounts(place);
	place->accounts = x_alloc((n + 1) * sizeof(*place->accounts));
	for (size_t i = 0; i < n; i++)
		place->n += sid_parse(redis_str_at(found, i), "AC", &place->accounts[place->n]);
	if (place->n == 0) {
		forget_accounts(place);
		end_step(job);
		return;
	}
	go_on(job);
}

static void begin(struct flow *job)
{
	struct step *step = job->state;
	const struct place *place = step->place;
	const struct str argv[] = {
		STR("SSCAN"),
		key_partition_accounts(job->arena, step->partition),
		place->cursor[0] ? str_of(place->cursor) : STR("0"),
	};

	if (place->n > 0)
		go_on(job);
	else
		flow_redis(job, "audit_accounts", on_accounts, step, ARRAY_LEN(argv), argv);
}

/* ---- what was found ---- */

/* A node that is dead has its reaper; one that is not even in the table has nobody. */
static bool is_ghost(const struct nodes *nodes, const struct sid *node)
{
	return nodes_is_gone(nodes, sid_str(node)) && !strstr(nodes_dead(nodes).p, node->s);
}

static void look_for_ghosts(const struct step *step, const struct redis_reply *reply, size_t from)
{
	struct worker *worker = step->audit->worker;
	const struct nodes *nodes = worker_common(worker)->nodes;

	for (size_t i = from; i < redis_count(reply); i++) {
		struct sid node;

		if (sid_parse(redis_str_at(reply, i), "ND", &node) && is_ghost(nodes, &node))
			reap_ghosts(worker, node, step->partition);
	}
}

/* Behind the last name of an index. */
static void next_index(struct place *place, bool is_uneven)
{
	const bool goes_on = place->index > 0 || is_uneven;

	place->name[0] = '\0';
	if (!goes_on || ++place->index == ARRAY_LEN(indexes))
		next_account(place);
}

static void on_audited(struct flow *job, void *arg, const struct redis_reply *reply)
{
	const struct step *step = arg;
	struct place *place = step->place;
	const int64_t mismatches = redis_int_at(reply, 2, 0);

	metric_add(METRIC_presence_audited_total, redis_int_at(reply, 1, 0));
	metric_add(METRIC_presence_mismatch_total, mismatches);
	if (mismatches > 0)
		log_warn("presence_mismatch", "account=%s partition=%u mismatches=%lld",
			 place->accounts[place->at].s, step->partition, (long long)mismatches);
	look_for_ghosts(step, reply, 4);
	if (!str_copy(redis_str_at(reply, 0), place->name, sizeof(place->name)) || !place->name[0])
		next_index(place, redis_int_at(reply, 3, 0) != 0);
	end_step(job);
}

/* ---- life ---- */

static void visit(void *arg, unsigned partition, int rank)
{
	struct audit *audit = arg;

	(void)rank;
	audit->places[partition].due = true;
	next_step(audit);
}

struct audit *audit_new(struct worker *worker)
{
	struct audit *audit = x_alloc(sizeof(*audit));

	audit->worker = worker;
	audit->patrol = patrol_new(worker, &(struct patrol_conf){
						   .tag = 'p',
						   .count = KEYS_PARTITIONS,
						   .ranks = 1,
						   .every_ms = worker_common(worker)->settings->audit_ms,
						   .visit = visit,
						   .arg = audit,
					   });
	return audit;
}

struct audit *audit_free(struct audit *audit)
{
	if (!audit)
		return NULL;
	patrol_free(audit->patrol);
	for (unsigned i = 0; i < KEYS_PARTITIONS; i++)
		forget_accounts(&audit->places[i]);
	x_free(audit);
	return NULL;
}
