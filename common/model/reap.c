/* reap.c - reap_node -> reap_some (of one partition) -> on_reaped -> reap_some ... -> nodes_reaped */
#include "common/model/reap.h"

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/io/redis.h"
#include "common/model/app.h"
#include "common/model/call.h"
#include "common/model/job.h"
#include "common/model/node.h"
#include "scripts.gen.h"

enum { REAP_AT_ONCE = 200, REAP_DEADLINE_MS = 120000 };

struct reap {
	struct sid dead;
	unsigned partition, end;
	bool is_ghost; /* its node is not in the table */
	int64_t removed;
};

static void reap_some(struct flow *job);
static void on_reaped(struct flow *job, void *arg, const struct redis_reply *reply);

static void start(struct worker *worker, const struct reap *what)
{
	struct flow *job = job_new(worker, "reap", sizeof(*what));

	*(struct reap *)job->state = *what;
	flow_deadline(job, REAP_DEADLINE_MS);
	flow_next(job, STEP(reap_some));
}

void reap_node(struct worker *worker, struct sid node)
{
	start(worker, &(struct reap){ .dead = node, .end = KEYS_PARTITIONS });
}

void reap_ghosts(struct worker *worker, struct sid node, unsigned partition)
{
	start(worker, &(struct reap){ node, partition, partition + 1, .is_ghost = true });
}

static void end_reap(struct flow *job)
{
	const struct reap *reap = job->state;

	if (!reap->is_ghost) {
		log_info("devices_reaped", "dead=%s devices=%lld", reap->dead.s, (long long)reap->removed);
		nodes_reaped(worker_common(job->worker)->nodes, reap->dead);
	} else if (reap->removed > 0) {
		log_warn("presence_mismatch", "ghosts_of=%s devices=%lld", reap->dead.s,
			 (long long)reap->removed);
		metric_add(METRIC_presence_mismatch_total, reap->removed);
	}
	flow_done(job);
}

static void reap_some(struct flow *job)
{
	struct reap *reap = job->state;
	char most[24];
	const struct str argv[] = { redis_num(most, REAP_AT_ONCE) };

	if (reap->partition == reap->end) {
		end_reap(job);
		return;
	}
	flow_script(job, "devices_reap", on_reaped, reap, &scripts[SCRIPT_DEVICES_REAP],
		    key_node_devices(job->arena, reap->partition, sid_str(&reap->dead)), ARRAY_LEN(argv),
		    argv);
}

/* A removed device that a call held: {"AC|identity|DV", claim}. */
static void tell_call(struct worker *worker, const struct redis_reply *row)
{
	struct str member = redis_str_at(row, 0);
	struct device_claim claim;
	struct str account, identity;
	struct sid device;

	if (str_split(&member, '|', &account) && str_split(&member, '|', &identity) &&
	    sid_parse(member, "DV", &device) && device_claim_parse(redis_str_at(row, 1), &claim))
		call_device_gone(worker, claim.call, device);
}

static void on_reaped(struct flow *job, void *arg, const struct redis_reply *reply)
{
	struct reap *reap = arg;
	const size_t n = redis_count(reply);

	for (size_t i = 1; i < n; i++)
		tell_call(job->worker, redis_at(reply, i));
	if (n > 1) {
		reap->removed += (int64_t)n - 1;
		metric_add(METRIC_devices_reaped_total, (int64_t)n - 1);
	}
	if (redis_int_at(reply, 0, 0) == 0)
		reap->partition++;
	reap_some(job);
}
