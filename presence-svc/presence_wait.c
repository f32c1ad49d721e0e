/* presence_wait.c - one watcher of one client, for one request.
 *
 *     presence_wait_or_reply -> (the watcher's snapshot or a change differs | time | drain) -> go_on -> next
 *
 * The wait holds the flow, so its memory, whatever else becomes of the request;
 * each of its ends lets go, once.
 */
#include "presence-svc/presence_wait.h"

#include "common/model/settings.h"
#include "presence-svc/app.h"
#include "presence-svc/listeners.h"
#include "presence-svc/watch.h"

enum { GRACE_MS = 2000 };

struct presence_wait {
	struct flow *flow;
	struct listener listener;
	struct watcher *watcher; /* NULL: the wait is over */
	struct loop_timer *timer;
	int64_t version;
	struct flow_step next;
};

static struct presence_wait *wait_of(struct listener *listener)
{
	return container_of(listener, struct presence_wait, listener);
}

/* False when it was over already, or nobody wants to know any more. */
static bool stop_waiting(struct presence_wait *wait)
{
	if (!wait->watcher)
		return false;
	wait->watcher = watcher_free(wait->watcher);
	wait->timer = loop_timer_free(wait->timer);
	listener_close(&wait->listener);
	return flow_settle(wait->flow);
}

static void go_on(struct presence_wait *wait)
{
	if (!stop_waiting(wait))
		return;
	flow_deadline(wait->flow, worker_common(wait->flow->worker)->settings->deadline_ms);
	flow_run(wait->flow, wait->next);
}

static void fail(struct presence_wait *wait, enum err err)
{
	if (stop_waiting(wait))
		flow_fail(wait->flow, err, "%s", err_text(err));
}

/* ---- what the watcher tells ---- */

static void on_frame(void *arg, const struct watch_frame *frame)
{
	struct presence_wait *wait = arg;

	if (frame->n && frame->clients[0].version != wait->version)
		go_on(wait);
}

static void on_resync(void *arg, const char *reason)
{
	(void)arg, (void)reason; /* a snapshot follows */
}

static void on_cut(void *arg, enum err err, const char *why)
{
	(void)why;
	fail(arg, err);
}

static size_t queued(void *arg)
{
	(void)arg;
	return 0;
}

static const struct watch_ops watch_ops = { on_frame, on_frame, on_resync, on_cut, queued, NULL };

/* ---- how else it ends ---- */

static void on_end(struct listener *listener, enum err err)
{
	struct presence_wait *wait = wait_of(listener);

	if (err == ERR_DRAINING)
		go_on(wait);
	else
		fail(wait, err);
}

static void on_hung_up(struct flow *flow, void *arg)
{
	(void)flow;
	(void)!stop_waiting(arg);
}

static void on_time(void *arg)
{
	go_on(arg);
}

void presence_wait_or_reply(struct req *req, struct str identity, int64_t version, uint64_t ms,
			    struct flow_step next)
{
	struct flow *flow = req_flow(req);
	struct presence_wait *wait = flow_alloc(flow, sizeof(*wait));
	const struct watcher_conf conf = { req_caller(req)->account, &watch_ops, wait, 1 };
	enum err err;

	wait->flow = flow;
	wait->version = version;
	wait->next = next;
	if (!listener_open_or_reply(&wait->listener, req, on_end))
		return;
	wait->watcher = watcher_new(req_worker(req), &conf);
	wait->timer = loop_timer_new(flow->worker->loop, on_time, wait);
	loop_timer_start(wait->timer, ms);
	flow_hold(flow, next.name);
	flow_deadline(flow, ms + GRACE_MS);
	flow_on_abandon(flow, on_hung_up, wait);
	err = watcher_add(wait->watcher, &identity, 1, STR_NULL);
	if (err)
		fail(wait, err);
}
