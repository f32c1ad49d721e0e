/* redis_flow.c - calls made by a flow: success reaches fn, failure ends the flow. */
#include "common/io/redis.h"

struct flow_call { /* in the flow's arena */
	struct flow *flow;
	redis_flow_fn *fn;
	redis_lost_fn *lost; /* may be NULL */
	void *arg;
};

/* What the step that flow_resume runs next is to be given: a step has no argument. */
static _Thread_local struct {
	const struct flow_call *call;
	const struct redis_reply *reply;
} answer;

static void run_answer(struct flow *flow)
{
	answer.call->fn(flow, answer.call->arg, answer.reply);
}

static void on_answer(void *arg, enum err err, const struct redis_reply *reply)
{
	const struct flow_call *call = arg;

	if (call->lost && (err || !flow_is_live(call->flow)))
		call->lost(call->flow, call->arg);
	if (err) {
		flow_resume_failed(call->flow, err, "");
		return;
	}
	answer.call = call;
	answer.reply = reply;
	flow_resume(call->flow, STEP(run_answer));
}

static struct flow_call *flow_call_new(struct flow *flow, const char *waiting_for, redis_flow_fn *fn,
				       void *arg)
{
	struct flow_call *call = flow_alloc(flow, sizeof(*call));

	*call = (struct flow_call){ .flow = flow, .fn = fn, .arg = arg };
	flow_hold(flow, waiting_for);
	return call;
}

void flow_redis(struct flow *flow, const char *waiting_for, redis_flow_fn *fn, void *arg, size_t argc,
		const struct str argv[])
{
	redis_call(flow->worker->redis, on_answer, flow_call_new(flow, waiting_for, fn, arg), argc, argv);
}

void flow_script_heard(struct flow *flow, const char *waiting_for, redis_flow_fn *fn, redis_lost_fn *lost,
		       void *arg, const struct redis_script *script, struct str key, size_t argc,
		       const struct str argv[])
{
	struct flow_call *call = flow_call_new(flow, waiting_for, fn, arg);

	call->lost = lost;
	redis_script_call(flow->worker->redis, on_answer, call, script, key, argc, argv);
}

void flow_script(struct flow *flow, const char *waiting_for, redis_flow_fn *fn, void *arg,
		 const struct redis_script *script, struct str key, size_t argc, const struct str argv[])
{
	redis_script_call(flow->worker->redis, on_answer, flow_call_new(flow, waiting_for, fn, arg), script,
			  key, argc, argv);
}
