/* auth_policy.c - asking the policy_url.
 *
 *     policy_ask -> account -> it has none, or its yes is kept:  next step
 *                           -> POST -> on_answer -> yes, kept -> (is the token still good? ->) next step
 */
#include "common/model/auth_policy.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/account_store.h"
#include "common/model/app.h"
#include "common/model/auth.h"
#include "common/model/webhook_request.h"

enum { QUESTION_MAX = 8192, ANSWER_MAX = 4096, REASON_MAX = 120 };

struct asking {
	struct flow *flow;
	struct accounts *accounts;
	struct policy_question question;
	struct account account;
	uint64_t epoch;
	struct flow_step next;
};

/* ---- what is kept ---- */

static struct str token_key(const struct client_token *token)
{
	return str_n((const char *)token->sha256, sizeof(token->sha256));
}

static bool is_kept(struct accounts *accounts, const struct client_token *token)
{
	return redis_sub_is_ready(accounts->sub) && account_cache_get(accounts->admitted, token_key(token));
}

static void keep_yes(const struct asking *asking)
{
	const struct client_token *token = asking->question.token;
	const uint64_t now_s = clock_wall_s();

	if (now_s >= token->expires_at_s || !accounts_may_cache(asking->accounts, asking->epoch))
		return;
	account_cache_put_take(asking->accounts->admitted, token->account, token_key(token), x_alloc(1), 1,
			       1000 * MIN((uint64_t)POLICY_KEPT_S, token->expires_at_s - now_s));
}

/* ---- the answer ---- */

static void refuse(struct flow *flow, struct str reason)
{
	metric_add(METRIC_policy_refused_total, 1);
	reason.n = str_utf8_prefix(str_n(reason.p, MIN(reason.n, (size_t)REASON_MAX)));
	flow_fail(flow, ERR_POLICY_REFUSED, STR_FMT, STR_ARG(reason));
}

static void fail(struct flow *flow, const struct http_result *result)
{
	metric_add(METRIC_policy_failed_total, 1);
	if (result->err)
		log_warn("policy_failed", "err=%s detail=%s", err_name(result->err),
			 log_str(str_of(result->detail)));
	else
		log_warn("policy_failed", "status=%u", result->status);
	flow_fail(flow, ERR_POLICY_UNAVAILABLE, "");
}

/* The answer may have taken seconds: what has changed meanwhile may have been the token's end. */
static void admit(struct asking *asking)
{
	keep_yes(asking);
	if (accounts_epoch(asking->accounts) == asking->epoch)
		flow_run(asking->flow, asking->next);
	else
		auth_token_again(asking->accounts, asking->flow, asking->question.token, asking->next);
}

static void decide(struct asking *asking, const struct http_result *result, const struct json *answer)
{
	struct flow *flow = asking->flow;
	const struct json *allow = json_get(answer, "allow");
	const bool is_answer = !result->err && result->status == 200 && json_is_bool(allow);

	if (is_answer && json_is_true(allow)) {
		admit(asking);
	} else if (is_answer || (!result->err && result->status == 403)) {
		refuse(flow, json_string(json_get(answer, "reason")));
	} else {
		fail(flow, result);
	}
}

static void on_answer(void *arg, const struct http_result *result)
{
	struct asking *asking = arg;
	struct json *answer = NULL;

	if (!flow_settle(asking->flow))
		return;
	if (json_parse(result->body, &answer, NULL) != ERR_NONE)
		answer = NULL;
	decide(asking, result, answer);
	json_free(answer);
}

/* ---- the question ---- */

static struct str question_text(struct arena *arena, const struct policy_question *question)
{
	const struct client_token *token = question->token;
	struct json_writer w;
	struct str text;
	struct buf out;

	buf_init(&out, QUESTION_MAX);
	json_begin(&w, &out);
	json_object(&w);
	json_str(&w, "account", sid_str(&token->account));
	json_str(&w, "identity", token->identity);
	json_str(&w, "token_id", token->id);
	json_str(&w, "key", sid_is_set(token->key) ? sid_str(&token->key) : STR_NULL);
	json_str(&w, "device", sid_str(&question->device));
	json_str(&w, "app", question->app);
	json_str(&w, "host", question->host);
	json_str(&w, "address", question->address);
	json_object_end(&w);
	INVARIANT(buf_ok(&out));
	text = arena_copy(arena, buf_str(&out));
	buf_fini(&out);
	return text;
}

static void ask(struct asking *asking)
{
	struct flow *flow = asking->flow;
	const struct settings *settings = worker_common(flow->worker)->settings;
	const struct sid id = sid_new("PQ");
	const struct webhook_request request = {
		.url = asking->account.policy_url,
		.kind = WEBHOOK_JSON,
		.body = question_text(flow->arena, &asking->question),
		.id = sid_str(&id),
		.now_s = clock_wall_s(),
		.max_answer = ANSWER_MAX,
	};
	struct http_fetch fetch;

	webhook_prepare(flow->arena, &request, &asking->account, settings, &fetch);
	fetch.total_ms = (unsigned)MIN(settings->policy_timeout_ms, flow_left_ms(flow));
	metric_add(METRIC_policy_asked_total, 1);
	flow_hold(flow, asking->next.name);
	(void)http_fetch(flow->worker->untrusted, &fetch, on_answer, asking);
}

static void on_account(struct flow *flow, void *arg, bool was_cached)
{
	struct asking *asking = arg;

	if (asking->account.policy_url.n > 0 && !is_kept(asking->accounts, asking->question.token))
		ask(asking);
	else if (was_cached)
		flow_next(flow, asking->next);
	else
		flow_run(flow, asking->next);
}

void policy_ask(struct accounts *accounts, struct flow *flow, const struct policy_question *question,
		struct flow_step next)
{
	struct asking *asking = flow_alloc(flow, sizeof(*asking));
	const struct record_lookup account = {
		.kind = &record_account,
		.account = question->token->account,
		.id = sid_str(&question->token->account),
		.out = &asking->account,
		.waiting_for = next.name,
		.found = on_account,
		.arg = asking,
	};

	asking->flow = flow;
	asking->accounts = accounts;
	asking->question = *question;
	asking->epoch = accounts->epoch;
	asking->next = next;
	record_lookup(accounts, flow, &account);
}
