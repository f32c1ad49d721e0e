/* wake.c - see wake.h.
 *
 *     wake_client -> on_account -> POST -> on_answer
 */
#include "routing-svc/wake.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/model/app.h"
#include "common/model/job.h"
#include "common/model/webhook_request.h"

enum { QUESTION_MAX = 8192, ANSWER_MAX = 4096 };

struct waking {
	struct sid call;
	struct str identity, from, media;
	struct account account;
	struct http_result result;
};

static void on_account(struct flow *job);
static void on_answer(struct flow *job);

static struct str question_text(struct arena *arena, const struct waking *waking)
{
	struct json_writer w;
	struct str text;
	struct buf out;

	buf_init(&out, QUESTION_MAX);
	json_begin(&w, &out);
	json_object(&w);
	json_str(&w, "account", sid_str(&waking->account.sid));
	json_str(&w, "identity", waking->identity);
	json_str(&w, "call", sid_str(&waking->call));
	json_str(&w, "from", waking->from);
	json_str(&w, "media", waking->media);
	json_object_end(&w);
	INVARIANT(buf_ok(&out));
	text = arena_copy(arena, buf_str(&out));
	buf_fini(&out);
	return text;
}

void wake_client(struct flow *flow, const struct call *call, struct str identity, struct flow_step next)
{
	struct flow *job = job_new(flow->worker, "wake", sizeof(struct waking));
	struct waking *waking = job->state;

	flow_log(job, "call", sid_str(&call->id));
	waking->call = call->id;
	waking->identity = arena_copy(job->arena, identity);
	waking->from = arena_copy(job->arena, call->from);
	waking->media = media_word_of(call->medium);
	account_find(worker_common(flow->worker)->accounts, job, call->account, &waking->account,
		     STEP(on_account));
	flow_next(flow, next);
}

static void on_account(struct flow *job)
{
	struct waking *waking = job->state;
	const struct webhook_request request = {
		.url = waking->account.wake_url,
		.kind = WEBHOOK_JSON,
		.body = question_text(job->arena, waking),
		.id = arena_printf(job->arena, "%s-wake-" STR_FMT, waking->call.s, STR_ARG(waking->identity)),
		.now_s = clock_wall_s(),
		.max_answer = ANSWER_MAX,
	};
	struct http_fetch fetch;

	if (request.url.n == 0) { /* taken away meanwhile */
		flow_done(job);
		return;
	}
	webhook_prepare(job->arena, &request, &waking->account, worker_common(job->worker)->settings, &fetch);
	(void)flow_fetch(job, &fetch, &waking->result, STEP(on_answer));
}

static void on_answer(struct flow *job)
{
	const struct waking *waking = job->state;

	if (waking->result.err || waking->result.status / 100 != 2)
		log_warn("wake_failed", "err=%s status=%u", err_name(waking->result.err),
			 waking->result.status);
	flow_done(job);
}
