/* sweep.c - timer -> partition_sweep of each partition that is ours -> on_due -> check -> on_call -> let go
 *
 * A claim outlives its call only if somebody died between two steps: the call is
 * looked at, and a claim whose call has ended, or knows nothing of it, goes.
 *
 * While Redis is away nobody can renew a lease, so when it is back, leases are
 * spared for a while.
 */
#include "presence-svc/sweep.h"

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/io/redis.h"
#include "common/model/call.h"
#include "common/model/job.h"
#include "common/model/outbox.h"
#include "common/model/patrol.h"
#include "presence-svc/app.h"
#include "scripts.gen.h"

enum { DUE_MAX = 200, CLAIM_CHECK_MS = 2000, AWAY_MS = 1000 };

struct sweep {
	struct worker *worker;
	struct patrol *patrol;
	int64_t ahead_ms;  /* Redis' clock before our monotonic one; 0: not known yet */
	uint64_t heard_ms; /* its last answer, at first our own start */
	uint64_t spare_until_ms;
};

/* ---- a claim whose call has to be looked at ---- */

struct check {
	struct client_key client;
	struct sid device, call_id;
	struct call call;
	bool registered;
};

static void on_call(struct flow *job);
static void on_let_go(struct flow *job);

static void let_go(struct flow *job)
{
	struct check *check = job->state;

	claim_settle(job, check->client, check->device, check->call_id, 0, CLAIM_RELEASE, STEP(on_let_go));
}

static void on_let_go(struct flow *job)
{
	flow_done(job);
}

static bool call_has(const struct call *call, struct sid device)
{
	if (sid_eq(call->caller_device, device))
		return true;
	for (unsigned i = 0; i < call->leg_count; i++) {
		const struct leg *leg = &call->legs[i];

		if (sid_eq(leg->device, device) && leg->attempt == call->attempt &&
		    leg->status != LEG_CANCELLED && leg->status != LEG_ENDED)
			return true;
	}
	return call->state == CALL_CLAIM; /* its legs are about to be written */
}

static void on_call(struct flow *job)
{
	struct check *check = job->state;

	if (check->call.state == CALL_ENDED || !call_has(&check->call, check->device)) {
		let_go(job);
		return;
	}
	if (!check->registered)
		call_device_gone(job->worker, check->call_id, check->device);
	flow_done(job);
}

/* The call is not there at all: nobody else will let the device go. */
static void on_no_call(struct flow *failed, enum err err)
{
	const struct check *check = failed->state;
	struct flow *job;
	struct check *again;

	if (err != ERR_NOT_FOUND)
		return;
	job = job_new(failed->worker, "claim_orphan", sizeof(*again));
	again = job->state;
	*again = *check;
	again->client.identity = arena_copy(job->arena, check->client.identity);
	let_go(job);
}

/* row: {"AC|identity|DV", claim, registered} */
static void check_claim(struct worker *worker, const struct redis_reply *row)
{
	struct flow *job = job_new(worker, "claim_check", sizeof(struct check));
	struct check *check = job->state;
	struct str member = arena_copy(job->arena, redis_str_at(row, 0));
	struct device_claim claim;
	struct str account;

	if (!str_split(&member, '|', &account) || !sid_parse(account, "AC", &check->client.account) ||
	    !str_split(&member, '|', &check->client.identity) || !sid_parse(member, "DV", &check->device) ||
	    !device_claim_parse(redis_str_at(row, 1), &claim)) {
		flow_fail(job, ERR_STORE_REPLY, "an unreadable claim");
		return;
	}
	check->registered = redis_int_at(row, 2, 0) != 0;
	check->call_id = claim.call;
	job_on_failed(job, on_no_call);
	call_read(job, claim.call, &check->call, STEP(on_call));
}

/* ---- the partitions ---- */

static void note_answer(struct sweep *sweep, int64_t redis_ms)
{
	const uint64_t now = clock_mono_ms();

	sweep->ahead_ms = redis_ms - (int64_t)now;
	sweep->heard_ms = now;
}

/* row: {"due", subject, ...} of the outbox */
static void deliver(struct worker *worker, const struct redis_reply *row)
{
	for (size_t i = 1; i < redis_count(row); i++)
		outbox_kick(app_of(worker)->outbox, redis_str_at(row, i));
}

static void on_due(void *arg, enum err err, const struct redis_reply *reply)
{
	struct worker *worker = arg;

	if (err)
		return;
	note_answer(app_of(worker)->sweep, redis_int_at(reply, 0, 0));
	metric_add(METRIC_devices_ended_total, redis_int_at(reply, 1, 0));
	for (size_t i = 2; i < redis_count(reply); i++) {
		const struct redis_reply *row = redis_at(reply, i);

		if (str_eq(redis_str_at(row, 0), STR("due")))
			deliver(worker, row);
		else
			check_claim(worker, row);
	}
}

/* Redis was away, or this process was: whoever holds a lease gets as long as a node to renew it. */
static void note_absence(struct sweep *sweep)
{
	const struct settings *settings = worker_common(sweep->worker)->settings;
	const uint64_t now = clock_mono_ms();

	if (now - sweep->heard_ms > AWAY_MS + 2 * settings->sweep_ms)
		sweep->spare_until_ms = now + settings->node_lease_ms + AWAY_MS;
}

/* Redis' time, as far as it is known and leases may end by it; else 0. */
static int64_t lease_time_ms(const struct sweep *sweep)
{
	const uint64_t now = clock_mono_ms();

	if (!sweep->ahead_ms || now < sweep->spare_until_ms)
		return 0;
	return (int64_t)now + sweep->ahead_ms;
}

static void sweep_partition(struct worker *worker, unsigned partition)
{
	const int64_t sent_ms = lease_time_ms(app_of(worker)->sweep);
	struct arena *arena = arena_new(4096);
	char most[24], check[24], sent[24];
	const struct str argv[] = {
		redis_num(most, DUE_MAX),
		redis_num(check, CLAIM_CHECK_MS),
		sent_ms ? redis_num(sent, sent_ms) : STR(""),
	};

	redis_script_call(worker->redis, on_due, worker, &scripts[SCRIPT_PARTITION_SWEEP],
			  key_partition_deadlines(arena, partition), ARRAY_LEN(argv), argv);
	arena_free(arena);
}

static void visit(void *arg, unsigned partition, int rank)
{
	struct sweep *sweep = arg;

	(void)rank;
	note_absence(sweep);
	sweep_partition(sweep->worker, partition);
}

struct sweep *sweep_new(struct worker *worker)
{
	struct sweep *sweep = x_alloc(sizeof(*sweep));

	sweep->worker = worker;
	sweep->heard_ms = clock_mono_ms();
	sweep->patrol = patrol_new(worker, &(struct patrol_conf){
						   .tag = 'p',
						   .count = KEYS_PARTITIONS,
						   .ranks = 1,
						   .every_ms = 2 * worker_common(worker)->settings->sweep_ms,
						   .visit = visit,
						   .arg = sweep,
					   });
	return sweep;
}

struct sweep *sweep_free(struct sweep *sweep)
{
	if (sweep) {
		patrol_free(sweep->patrol);
		x_free(sweep);
	}
	return NULL;
}
