/* job.c - the flow kind "job". */
#include "common/model/job.h"

#include "common/base/log.h"

struct job {
	struct flow flow;
	const char *name;
	void (*on_failed)(struct flow *job, enum err err);
};

static void on_fail(struct flow *flow, enum err err, const char *detail)
{
	struct job *job = container_of(flow, struct job, flow);

	log_warn("job_failed", "job=%s err=%s detail=%s", job->name, err_name(err), log_str(str_of(detail)));
	if (job->on_failed)
		job->on_failed(flow, err);
}

static void on_end(struct flow *flow)
{
	struct job *job = container_of(flow, struct job, flow);

	arena_free(flow->arena);
	x_free(job);
}

static const struct flow_kind job_kind = { "job", on_fail, on_end };

struct flow *job_new(struct worker *worker, const char *name, size_t state_size)
{
	struct job *job = x_alloc(sizeof(*job));

	job->name = name;
	flow_init(&job->flow, &job_kind, worker, arena_new(JOB_ARENA_MAX), job);
	flow_deadline(&job->flow, JOB_DEADLINE_MS);
	if (state_size)
		(void)!flow_state(&job->flow, state_size);
	return &job->flow;
}

void job_on_failed(struct flow *flow, void (*fn)(struct flow *job, enum err err))
{
	container_of(flow, struct job, flow)->on_failed = fn;
}
