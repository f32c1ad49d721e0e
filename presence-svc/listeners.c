/* listeners.c - a table of accounts with their listeners, and a queue of those whose credentials are due.
 *
 *     an account changes -> its listeners are due -> check: token, or account and key -> goes on, or `end`
 */
#include "presence-svc/listeners.h"

#include <utlist.h>

#include "common/model/job.h"
#include "common/model/limits.h"
#include "presence-svc/app.h"

enum { CHECKS_AT_ONCE = 16, RETRY_MS = 200, FULL_RETRY_MS = 5000 };

struct listener_group { /* of one account */
	struct sid account;
	struct listener *members;
	struct listener *lent; /* of its sub-accounts, by its own credentials */
	UT_hash_handle hh;
};

struct listeners {
	struct worker *worker;
	struct listener_group *groups;
	struct listener *due; /* their turn comes in order */
	unsigned checks;      /* under way */
	struct loop_timer *retry;
	bool stopping, ending; /* ending: all of them, one after the other */
};

struct listener_check { /* a job's state */
	struct listeners *listeners;
	struct listener *listener; /* NULL: it has closed meanwhile */
	struct flow *request;	   /* held: its token is looked at */
	struct account owner, account;
	struct api_key key;
};

static void start_checks(struct listeners *listeners);
static void on_good(struct flow *job);
static void on_owner(struct flow *job);
static void on_credentials(struct flow *job);

/* ---- one check ---- */

static void make_due(struct listeners *listeners, struct listener *listener)
{
	if (listener->is_due)
		return;
	listener->is_due = true;
	DL_APPEND2(listeners->due, listener, due_prev, due_next);
}

static void check_over(struct listener_check *check)
{
	check->listeners->checks--;
	if (check->listener)
		check->listener->check = NULL;
	(void)!flow_settle(check->request);
}

static void on_failed(struct flow *job, enum err err)
{
	struct listener_check *check = job->state;
	struct listener *listener = check->listener;

	check_over(check);
	if (job->worker->stopping) /* ends them all */
		return;
	if (listener && err_http(err) >= 500) {
		make_due(check->listeners, listener);
		loop_timer_start(check->listeners->retry, RETRY_MS);
	} else if (listener) {
		listener->end(listener, err == ERR_NOT_FOUND ? ERR_UNAUTHORIZED : err);
	}
	start_checks(check->listeners);
}

static void begin_check(struct flow *job)
{
	struct listener_check *check = job->state;
	struct accounts *accounts = worker_common(job->worker)->accounts;
	const struct listener *listener = check->listener;
	const struct caller *caller;

	if (!listener) {
		on_good(job);
		return;
	}
	caller = listener->caller;
	if (caller->is_server)
		account_load(accounts, job, caller->owner, &check->owner, STEP(on_owner));
	else
		auth_token_again(accounts, job, caller->token, STEP(on_good));
}

static void on_owner(struct flow *job)
{
	struct listener_check *check = job->state;
	const struct caller *caller = check->listener ? check->listener->caller : NULL;

	if (!caller)
		on_good(job);
	else if (!str_eq(check->owner.status, STR("active")))
		flow_fail(job, ERR_ACCOUNT_SUSPENDED, "");
	else if (sid_is_set(caller->key))
		api_key_load(worker_common(job->worker)->accounts, job, caller->owner, caller->key,
			     &check->key, STEP(on_credentials));
	else if (auth_token_is_current(&check->owner, auth_token_mark(caller->secret)))
		on_credentials(job);
	else
		flow_fail(job, ERR_UNAUTHORIZED, "");
}

/* A parent still reads what is suspended, but not what is closed. */
static void on_credentials(struct flow *job)
{
	struct listener_check *check = job->state;
	const struct caller *caller = check->listener ? check->listener->caller : NULL;

	if (caller && caller->is_parent)
		account_load(worker_common(job->worker)->accounts, job, caller->account, &check->account,
			     STEP(on_good));
	else
		on_good(job);
}

static void on_good(struct flow *job)
{
	struct listener_check *check = job->state;
	struct listeners *listeners = check->listeners;

	check_over(check);
	flow_done(job);
	start_checks(listeners);
}

static void start_checks(struct listeners *listeners)
{
	while (listeners->due && listeners->checks < CHECKS_AT_ONCE &&
	       !loop_timer_is_active(listeners->retry)) {
		struct listener *listener = listeners->due;
		struct flow *job;
		struct listener_check *check;

		DL_DELETE2(listeners->due, listener, due_prev, due_next);
		listener->is_due = false;
		if (listener->check) /* what it may not have seen is seen by another one */
			listener->check->listener = NULL;
		job = job_new(listeners->worker, "listener", sizeof(*check));
		check = job->state;
		check->listeners = listeners;
		check->listener = listener;
		check->request = listener->request;
		flow_hold(check->request, "check");
		listener->check = check;
		listeners->checks++;
		job_on_failed(job, on_failed);
		flow_next(job, STEP(begin_check));
	}
}

static void on_retry(void *arg)
{
	start_checks(arg);
}

static void group_due(struct listeners *listeners, struct listener_group *group)
{
	struct listener *listener;

	DL_FOREACH(group->members, listener)
	make_due(listeners, listener);
	DL_FOREACH2(group->lent, listener, lent_next)
	make_due(listeners, listener);
}

static void on_change(void *arg, struct sid account)
{
	struct listeners *listeners = arg;
	struct listener_group *group, *next;

	if (sid_is_set(account)) {
		HASH_FIND(hh, listeners->groups, account.s, SID_LEN, group);
		if (group)
			group_due(listeners, group);
	} else {
		HASH_ITER(hh, listeners->groups, group, next)
		group_due(listeners, group);
	}
	start_checks(listeners);
}

/* ---- open and close ---- */

static struct listener_group *group_of(struct listeners *listeners, struct sid account)
{
	struct listener_group *group;

	HASH_FIND(hh, listeners->groups, account.s, SID_LEN, group);
	if (group)
		return group;
	group = x_alloc(sizeof(*group));
	group->account = account;
	HASH_ADD(hh, listeners->groups, account.s, SID_LEN, group);
	return group;
}

static void group_drop_if_empty(struct listeners *listeners, struct listener_group *group)
{
	if (group->members || group->lent || listeners->ending)
		return;
	HASH_DEL(listeners->groups, group);
	x_free(group);
}

/* Since a token was looked at something may have changed; of a server's credentials nobody has noted when. */
static bool may_be_old(const struct listener *listener)
{
	const struct caller *caller = listener->caller;

	return caller->is_server ||
	       caller->epoch != accounts_epoch(worker_common(listener->worker)->accounts);
}

bool listener_open_or_reply(struct listener *listener, struct req *req, listener_end_fn *end)
{
	struct worker *worker = req_worker(req);
	struct listeners *listeners = app_of(worker)->listeners;
	const struct caller *caller = req_caller(req);

	if (worker->draining) {
		reply_error(req, ERR_DRAINING, "");
		return false;
	}
	if (!limits_hold(worker_common(worker)->limits, caller->account)) {
		reply_retry_after(req, ERR_TOO_MANY_REQUESTS, FULL_RETRY_MS,
				  "the account has as many channels and streams open as it may");
		return false;
	}
	*listener = (struct listener){
		.worker = worker,
		.request = req_flow(req),
		.caller = caller,
		.end = end,
		.group = group_of(listeners, caller->account),
	};
	DL_APPEND(listener->group->members, listener);
	if (caller->is_parent) {
		listener->lender = group_of(listeners, caller->owner);
		DL_APPEND2(listener->lender->lent, listener, lent_prev, lent_next);
	}
	if (may_be_old(listener))
		make_due(listeners, listener);
	start_checks(listeners);
	return true;
}

void listener_close(struct listener *listener)
{
	struct listener_group *group = listener->group;
	struct listeners *listeners;

	if (!group)
		return;
	listeners = app_of(listener->worker)->listeners;
	listener->group = NULL;
	DL_DELETE(group->members, listener);
	if (listener->lender)
		DL_DELETE2(listener->lender->lent, listener, lent_prev, lent_next);
	if (listener->is_due)
		DL_DELETE2(listeners->due, listener, due_prev, due_next);
	if (listener->check)
		listener->check->listener = NULL;
	if (!listeners->stopping)
		limits_let_go(worker_common(listener->worker)->limits, group->account);
	if (listener->lender)
		group_drop_if_empty(listeners, listener->lender);
	group_drop_if_empty(listeners, group);
}

/* ---- all of a worker ---- */

struct listeners *listeners_new(struct worker *worker)
{
	struct listeners *listeners = x_alloc(sizeof(*listeners));

	listeners->worker = worker;
	listeners->retry = loop_timer_new(worker->loop, on_retry, listeners);
	accounts_on_change(worker_common(worker)->accounts, on_change, listeners);
	return listeners;
}

static void end_all(struct listeners *listeners, enum err err)
{
	struct listener_group *group, *next_group;
	struct listener *listener, *next;

	listeners->ending = true; /* who ends leaves two groups: they stay until all are through */
	HASH_ITER(hh, listeners->groups, group, next_group)
	{
		DL_FOREACH_SAFE(group->members, listener, next)
		listener->end(listener, err);
	}
	listeners->ending = false;
	HASH_ITER(hh, listeners->groups, group, next_group)
	group_drop_if_empty(listeners, group);
}

void listeners_drain(struct listeners *listeners)
{
	end_all(listeners, ERR_DRAINING);
}

struct listeners *listeners_free(struct listeners *listeners)
{
	if (!listeners)
		return NULL;
	listeners->stopping = true;
	end_all(listeners, ERR_CLOSED);
	loop_timer_free(listeners->retry);
	x_free(listeners);
	return NULL;
}
