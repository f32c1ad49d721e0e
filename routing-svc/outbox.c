/* outbox.c - kick -> take -> on_taken -> on_account -> on_answer -> settle -> take ... */
#include "routing-svc/outbox.h"

#include <uthash.h>

#include "common/base/crypto.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/io/redis.h"
#include "common/model/account.h"
#include "common/model/app.h"
#include "common/model/job.h"
#include "common/model/keys.h"
#include "routing-svc/fetch.h"
#include "scripts.gen.h"

enum { VISIBLE_MS = 30000, RETRY_MAX_MS = 300000, BODY_MAX = 4096 };

struct busy { /* a subject under way in this worker */
	struct sid subject;
	struct outbox *outbox;
	bool again;
	UT_hash_handle hh;
};

struct outbox {
	struct worker *worker;
	struct busy *subjects;
};

struct delivery {
	struct busy *busy;
	struct str key, entry;
	bool retried;
	int64_t tries, first_ms, now_ms;
	struct sid account_sid;
	struct account account;
	struct signed_request request;
	struct http_fetch fetch;
	struct http_result result;
};

static void take(struct flow *flow);
static void on_account(struct flow *flow);
static void on_answer(struct flow *flow);

/* ---- subjects under way ---- */

static void subject_over(struct busy *busy)
{
	struct outbox *outbox = busy->outbox;
	const struct sid subject = busy->subject;
	const bool again = busy->again;

	if (outbox)
		HASH_DEL(outbox->subjects, busy);
	x_free(busy);
	if (outbox && again)
		outbox_kick(outbox, subject);
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

void outbox_kick(struct outbox *outbox, struct sid subject)
{
	struct busy *busy;
	struct flow *job;
	struct delivery *delivery;

	HASH_FIND(hh, outbox->subjects, subject.s, SID_LEN, busy);
	if (busy) {
		busy->again = true;
		return;
	}
	busy = x_alloc(sizeof(*busy));
	busy->subject = subject;
	busy->outbox = outbox;
	HASH_ADD(hh, outbox->subjects, subject.s, SID_LEN, busy);

	job = job_new(outbox->worker, "callback", sizeof(*delivery));
	delivery = job->state;
	delivery->busy = busy;
	delivery->key = key_outbox(job->arena, subject);
	job_on_failed(job, on_failed);
	flow_log(job, "call", sid_str(&busy->subject));
	take(job);
}

/* ---- one entry ---- */

static bool read_entry(struct flow *flow, struct delivery *delivery)
{
	struct json *doc;
	bool good;

	if (json_parse(delivery->entry, &doc, NULL) != ERR_NONE)
		return false;
	delivery->request = (struct signed_request){
		.url = arena_copy(flow->arena, json_string(json_get(doc, "url"))),
		.get = json_is_true(json_get(doc, "get")),
		.body = arena_copy(flow->arena, json_string(json_get(doc, "body"))),
		.idempotency = arena_copy(flow->arena, json_string(json_get(doc, "id"))),
		.max_answer = BODY_MAX,
	};
	good = sid_parse(json_string(json_get(doc, "account")), "AC", &delivery->account_sid);
	json_free(doc);
	return good;
}

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
	const unsigned shard = key_shard(sid_call_of(delivery->busy->subject));
	char retry[24];
	const struct str argv[] = {
		delivery->entry,
		str_of(how),
		redis_num(retry, (int64_t)retry_ms),
		key_dead_letters(flow->arena, shard, sid_str(&delivery->account_sid)),
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
	if (!read_entry(flow, delivery)) {
		settle(flow, "dead", 0, "unreadable");
		return;
	}
	account_find(worker_common(flow->worker)->accounts, flow, delivery->account_sid, &delivery->account,
		     STEP(on_account));
}

static void take(struct flow *flow)
{
	struct delivery *delivery = flow->state;
	char visible[24];
	const struct str argv[] = { redis_num(visible, VISIBLE_MS) };

	flow_deadline(flow, VISIBLE_MS);
	flow_script(flow, "outbox_take", on_taken, delivery, &scripts[SCRIPT_OUTBOX_TAKE], delivery->key,
		    ARRAY_LEN(argv), argv);
}

static void on_account(struct flow *flow)
{
	const struct settings *settings = worker_common(flow->worker)->settings;
	struct delivery *delivery = flow->state;

	if (!sid_is_set(delivery->account.sid)) {
		settle(flow, "dead", 0, "account closed");
		return;
	}
	fetch_prepare(flow->arena, &delivery->request, delivery->account.auth_token, settings,
		      &delivery->fetch);
	flow_fetch(flow, &delivery->fetch, &delivery->result, STEP(on_answer));
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

static void on_answer(struct flow *flow)
{
	const struct settings *settings = worker_common(flow->worker)->settings;
	struct delivery *delivery = flow->state;
	const struct http_result *result = &delivery->result;

	if (delivered(result)) {
		metric_add(METRIC_callbacks_sent_total, 1);
		settle(flow, "done", 0, "");
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

struct outbox *outbox_new(struct worker *worker)
{
	struct outbox *outbox = x_alloc(sizeof(*outbox));

	outbox->worker = worker;
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
