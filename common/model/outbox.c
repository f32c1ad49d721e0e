/* outbox.c - kick -> take -> on_taken -> on_account -> on_answer -> settle -> take ... */
#include "common/model/outbox.h"

#define uthash_malloc(size)  x_alloc(size)
#define uthash_free(p, size) x_free(p)
#include <uthash.h>

#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/io/redis.h"
#include "common/model/account.h"
#include "common/model/app.h"
#include "common/model/job.h"
#include "scripts.gen.h"

enum { SPARE_MS = 5000, RETRY_MAX_MS = 300000, BODY_MAX = 4096 };

struct busy { /* a subject under way in this worker */
	struct outbox *outbox;
	bool again;
	UT_hash_handle hh;
	size_t n;
	char subject[OUTBOX_SUBJECT_MAX];
};

struct outbox {
	struct worker *worker;
	const struct outbox_kind *kind;
	struct busy *subjects;
};

struct delivery {
	struct busy *busy;
	const struct outbox_kind *kind;
	struct key_slot slot;
	struct str subject, key, entry;
	bool retried;
	uint64_t taken_at_ms; /* when now_ms was the store's now, by our own clock */
	int64_t tries, first_ms, now_ms;
	struct sid account_sid;
	struct account account;
	struct http_fetch fetch;
	struct http_result result;
};

static void take(struct flow *flow);
static void on_account(struct flow *flow);
static void on_answer(struct flow *flow);
static void on_over_told(struct flow *flow);

/* ---- subjects under way ---- */

static void subject_over(struct busy *busy)
{
	struct outbox *outbox = busy->outbox;

	if (outbox) {
		HASH_DEL(outbox->subjects, busy);
		if (busy->again)
			outbox_kick(outbox, str_n(busy->subject, busy->n));
	}
	x_free(busy);
}

static void on_failed(struct flow *job, enum err err)
{
	struct delivery *delivery = job->state;

	(void)err; /* the entry is due again when its visibility is over */
	delivery->busy->again = false;
	subject_over(delivery->busy);
}

static void subject_done(struct flow *flow)
{
	struct delivery *delivery = flow->state;

	subject_over(delivery->busy);
	flow_done(flow);
}

static struct busy *busy_new(struct outbox *outbox, struct str subject)
{
	struct busy *busy = x_alloc(sizeof(*busy));

	busy->outbox = outbox;
	busy->n = subject.n;
	memcpy(busy->subject, subject.p, subject.n);
	HASH_ADD_KEYPTR(hh, outbox->subjects, busy->subject, busy->n, busy);
	return busy;
}

void outbox_kick(struct outbox *outbox, struct str subject)
{
	struct busy *busy;
	struct flow *job;
	struct delivery *delivery;
	struct key_slot slot;

	if (subject.n > OUTBOX_SUBJECT_MAX || !outbox->kind->slot_of(subject, &slot))
		return;
	HASH_FIND(hh, outbox->subjects, subject.p, subject.n, busy);
	if (busy) {
		busy->again = true;
		return;
	}
	job = job_new(outbox->worker, outbox->kind->name, sizeof(*delivery));
	delivery = job->state;
	delivery->busy = busy_new(outbox, subject);
	delivery->kind = outbox->kind;
	delivery->slot = slot;
	delivery->subject = arena_copy(job->arena, subject);
	delivery->key = key_outbox(job->arena, slot, subject);
	job_on_failed(job, on_failed);
	flow_log(job, outbox->kind->subject_name, outbox->kind->label_of(subject));
	take(job);
}

/* ---- one entry ---- */

static void on_settled(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct delivery *delivery = arg;
	int64_t left = 0;

	if (redis_int(reply, &left) && left > 0 && !delivery->retried)
		delivery->busy->again = true;
	subject_done(flow);
}

static void settle(struct flow *flow, const char *how, uint64_t retry_ms, const char *why)
{
	struct delivery *delivery = flow->state;
	char retry[24];
	const struct str argv[] = {
		delivery->entry,
		str_of(how),
		redis_num(retry, (int64_t)retry_ms),
		key_dead_letters(flow->arena, delivery->slot, sid_str(&delivery->account_sid)),
		str_of(why),
	};

	delivery->retried = strcmp(how, "retry") == 0;
	flow_script(flow, "outbox_settle", on_settled, delivery, &scripts[SCRIPT_OUTBOX_SETTLE],
		    delivery->key, ARRAY_LEN(argv), argv);
}

static void on_taken(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct delivery *delivery = arg;

	if (redis_count(reply) < 4) {
		subject_done(flow);
		return;
	}
	delivery->entry = arena_copy(flow->arena, redis_str_at(reply, 0));
	delivery->tries = redis_int_at(reply, 1, 1);
	delivery->first_ms = redis_int_at(reply, 2, 0);
	delivery->now_ms = redis_int_at(reply, 3, 0);
	delivery->taken_at_ms = clock_mono_ms();
	if (!delivery->kind->account_of(delivery->subject, delivery->entry, &delivery->account_sid)) {
		settle(flow, "dead", 0, "unreadable");
		return;
	}
	flow_log(flow, "acct", sid_str(&delivery->account_sid));
	account_find(worker_common(flow->worker)->accounts, flow, delivery->account_sid, &delivery->account,
		     STEP(on_account));
}

static void take(struct flow *flow)
{
	const struct settings *settings = worker_common(flow->worker)->settings;
	const uint64_t visible_ms = settings->fetch_total_ms + SPARE_MS;
	struct delivery *delivery = flow->state;
	char visible[24];
	const struct str argv[] = { redis_num(visible, (int64_t)visible_ms) };

	flow_deadline(flow, visible_ms);
	flow_script(flow, "outbox_take", on_taken, delivery, &scripts[SCRIPT_OUTBOX_TAKE], delivery->key,
		    ARRAY_LEN(argv), argv);
}

static void on_account(struct flow *flow)
{
	const struct settings *settings = worker_common(flow->worker)->settings;
	struct delivery *delivery = flow->state;
	const struct account *account = &delivery->account;
	struct webhook_request request;

	if (!sid_is_set(account->sid)) {
		settle(flow, "dead", 0, "account closed");
		return;
	}
	switch (delivery->kind->render(flow->arena, delivery->subject, delivery->entry, account, settings,
				       &request)) {
	case OUTBOX_SEND:
		request.now_s = clock_wall_s();
		request.max_answer = BODY_MAX;
		webhook_prepare(flow->arena, &request, account, settings, &delivery->fetch);
		(void)flow_fetch(flow, &delivery->fetch, &delivery->result, STEP(on_answer));
		break;
	case OUTBOX_UNWANTED:
		settle(flow, "done", 0, "");
		break;
	case OUTBOX_UNREADABLE:
		settle(flow, "dead", 0, "unreadable");
		break;
	}
}

static uint64_t back_off_ms(const struct settings *settings, int64_t tries)
{
	uint64_t ms = settings->callback_retry_ms << MIN(tries - 1, 10);
	uint32_t random;

	crypto_random(&random, sizeof(random));
	ms = MIN(ms, (uint64_t)RETRY_MAX_MS);
	return ms / 2 + random % (ms / 2 + 1);
}

/* A long body is no failure: nobody reads it. */
static bool delivered(const struct http_result *result)
{
	return (!result->err && result->status >= 200 && result->status < 300) ||
	       result->err == ERR_FETCH_TOO_LARGE;
}

static bool is_over(const struct delivery *delivery)
{
	const int64_t now_ms = delivery->now_ms + (int64_t)(clock_mono_ms() - delivery->taken_at_ms);

	return delivery->kind->is_over && delivery->kind->is_over(delivery->entry, &delivery->result, now_ms);
}

static void on_over_told(struct flow *flow)
{
	settle(flow, "done", 0, "");
}

static void on_answer(struct flow *flow)
{
	const struct settings *settings = worker_common(flow->worker)->settings;
	struct delivery *delivery = flow->state;
	const struct http_result *result = &delivery->result;

	if (delivered(result)) {
		metric_add(METRIC_callbacks_sent_total, 1);
		settle(flow, "done", 0, "");
	} else if (is_over(delivery)) {
		log_warn("callback_over", "err=%s status=%u tries=%lld", err_name(result->err),
			 result->status, (long long)delivery->tries);
		metric_add(METRIC_callbacks_dead_total, 1);
		delivery->kind->on_over(flow, delivery->subject, delivery->entry, result, STEP(on_over_told));
	} else if ((uint64_t)(delivery->now_ms - delivery->first_ms) >= settings->callback_give_up_s * 1000) {
		log_warn("callback_dead", "err=%s status=%u tries=%lld", err_name(result->err),
			 result->status, (long long)delivery->tries);
		metric_add(METRIC_callbacks_dead_total, 1);
		settle(flow, "dead", 0, result->err ? err_name(result->err) : "status");
	} else {
		metric_add(METRIC_callbacks_retried_total, 1);
		settle(flow, "retry", back_off_ms(settings, delivery->tries), "");
	}
}

/* ---- life ---- */

struct outbox *outbox_new(struct worker *worker, const struct outbox_kind *kind)
{
	struct outbox *outbox = x_alloc(sizeof(*outbox));

	outbox->worker = worker;
	outbox->kind = kind;
	return outbox;
}

bool outbox_is_idle(const struct outbox *outbox)
{
	return HASH_COUNT(outbox->subjects) == 0;
}

struct outbox *outbox_free(struct outbox *outbox)
{
	struct busy *busy, *next;

	if (!outbox)
		return NULL;
	HASH_ITER(hh, outbox->subjects, busy, next)
	{
		HASH_DEL(outbox->subjects, busy);
		busy->outbox = NULL; /* freed when its delivery has failed */
	}
	x_free(outbox);
	return NULL;
}
