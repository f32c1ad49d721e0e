/* recheck.c - the channels of a worker by account, and the rounds over them.
 *
 *     an account changes -> a round, lot by lot: account -> revocations -> some channels (-> a key of theirs) -> ...
 *
 * An account's channels are a ring: those that this round has not reached yet are
 * in front, who was looked at goes to the end.  A change in mid-round begins a new
 * one where the last one was, so changes that come faster than a round takes do
 * not keep anybody from being looked at.  A lot is a job; after it the account goes to
 * the end of the queue, so that a large one does not hold up the others.
 */
#include "presence-svc/recheck.h"

#include <utlist.h>

#include "common/base/log.h"
#include "common/model/account.h"
#include "common/model/auth.h"
#include "common/model/job.h"
#include "common/model/revocation.h"
#include "presence-svc/app.h"

enum { AT_ONCE = 200, LOTS_MAX = 16, RETRY_MS = 200, KEYS_MAX = 8 };

struct recheck_account {
	struct sid account;
	struct session *sessions; /* utlist, by peer_prev and peer_next */
	unsigned round;
	bool queued, busy;
	struct recheck_account *prev, *next; /* in the queue */
	UT_hash_handle hh;
};

struct recheck {
	struct worker *worker;
	struct recheck_account *accounts; /* uthash */
	struct recheck_account *queue;
	unsigned lots; /* under way */
	struct loop_timer *retry;
};

struct known_key {
	struct sid sid;
	bool is_there;
};

struct lot {
	struct recheck *recheck;
	struct recheck_account *of;
	unsigned round; /* of the account: what was loaded is as new as that */
	struct account account;
	struct sid asked;
	struct api_key key;
	struct known_key keys[KEYS_MAX];
	unsigned n_keys; /* ever; the oldest is overwritten */
};

static void start_lots(struct recheck *recheck);
static void load(struct flow *job);
static void on_account(struct flow *job);
static void on_key(struct flow *job);

static struct accounts *accounts_of(struct worker *worker)
{
	return worker_common(worker)->accounts;
}

/* ---- one channel ---- */

static bool is_due(const struct recheck_account *of)
{
	return of->sessions && of->sessions->round != of->round;
}

static const struct known_key *key_find(const struct lot *lot, struct sid sid)
{
	for (unsigned i = 0; i < MIN(lot->n_keys, (unsigned)KEYS_MAX); i++) {
		if (sid_eq(lot->keys[i].sid, sid))
			return &lot->keys[i];
	}
	return NULL;
}

static bool needs_key(const struct lot *lot, const struct session *session)
{
	return sid_is_set(session->key) && !key_find(lot, session->key);
}

static enum err judge(const struct lot *lot, const struct session *session, const struct revoked *revoked)
{
	const struct token_facts facts = {
		.account = session->account,
		.key = session->key,
		.signer = session->signer,
		.id = str_of(session->token_id),
		.identity = str_of(session->identity),
		.issued_at_s = session->issued_at_s,
	};

	if (!str_eq(lot->account.status, STR("active"))) /* or it is not there any more */
		return ERR_ACCOUNT_SUSPENDED;
	if (sid_is_set(session->key) ? !key_find(lot, session->key)->is_there
				     : !auth_token_is_current(&lot->account, session->signer))
		return ERR_TOKEN_REVOKED;
	return revoked_has(revoked, &facts) ? ERR_TOKEN_REVOKED : ERR_NONE;
}

static void checked(struct recheck_account *of, struct session *session)
{
	session->round = of->round;
	DL_DELETE2(of->sessions, session, peer_prev, peer_next);
	DL_APPEND2(of->sessions, session, peer_prev, peer_next);
}

/* ---- some channels of an account ---- */

static void account_drop_if_empty(struct recheck *recheck, struct recheck_account *of)
{
	if (of->sessions || of->busy)
		return;
	if (of->queued)
		DL_DELETE(recheck->queue, of);
	HASH_DEL(recheck->accounts, of);
	x_free(of);
}

static void enqueue(struct recheck *recheck, struct recheck_account *of)
{
	if (of->queued || of->busy)
		return;
	of->queued = true;
	DL_APPEND(recheck->queue, of);
}

static void lot_over(struct lot *lot)
{
	lot->of->busy = false;
	lot->recheck->lots--;
}

static void finish(struct flow *job)
{
	struct lot *lot = job->state;
	struct recheck *recheck = lot->recheck;

	lot_over(lot);
	if (is_due(lot->of))
		enqueue(recheck, lot->of);
	else
		account_drop_if_empty(recheck, lot->of);
	flow_done(job);
	start_lots(recheck);
}

static void on_revoked(struct flow *job, void *arg, const struct revoked *revoked, bool was_cached)
{
	struct lot *lot = job->state;
	struct recheck_account *of = lot->of;

	(void)arg, (void)was_cached;
	/* A round that has begun since has to be judged by what is loaded after that. */
	for (unsigned left = AT_ONCE; left > 0 && is_due(of) && of->round == lot->round; left--) {
		struct session *session = of->sessions;
		enum err err;

		if (needs_key(lot, session)) {
			lot->asked = session->key;
			api_key_find(accounts_of(job->worker), job, of->account, lot->asked, &lot->key,
				     STEP(on_key));
			return;
		}
		err = judge(lot, session, revoked);
		checked(of, session);
		if (err)
			session_revoke(session, err);
	}
	finish(job);
}

static void on_key(struct flow *job)
{
	struct lot *lot = job->state;

	lot->keys[lot->n_keys++ % KEYS_MAX] = (struct known_key){ lot->asked, sid_is_set(lot->key.sid) };
	on_account(job);
}

/* Again after each key: the revocations are borrowed, and mostly at hand. */
static void on_account(struct flow *job)
{
	const struct lot *lot = job->state;

	revocations_load(accounts_of(job->worker), job, lot->of->account, "recheck", on_revoked, NULL);
}

static void load(struct flow *job)
{
	struct lot *lot = job->state;

	lot->round = lot->of->round;
	account_find(accounts_of(job->worker), job, lot->of->account, &lot->account, STEP(on_account));
}

static void on_failed(struct flow *job, enum err err)
{
	struct lot *lot = job->state;

	if (err == ERR_CLOSED) /* the worker stops */
		return;
	lot_over(lot);
	enqueue(lot->recheck, lot->of);
	loop_timer_start(lot->recheck->retry, RETRY_MS);
}

static void start_lots(struct recheck *recheck)
{
	while (recheck->queue && recheck->lots < LOTS_MAX && !loop_timer_is_active(recheck->retry)) {
		struct recheck_account *of = recheck->queue;
		struct flow *job = job_new(recheck->worker, "recheck", sizeof(struct lot));
		struct lot *lot = job->state;

		DL_DELETE(recheck->queue, of);
		of->queued = false;
		of->busy = true;
		recheck->lots++;
		lot->recheck = recheck;
		lot->of = of;
		job_on_failed(job, on_failed);
		flow_next(job, STEP(load));
	}
}

static void on_retry(void *arg)
{
	start_lots(arg);
}

/* ---- what brings one about ---- */

static void begin_round(struct recheck *recheck, struct recheck_account *of)
{
	of->round++;
	enqueue(recheck, of);
}

static void on_change(void *arg, struct sid account)
{
	struct recheck *recheck = arg;
	struct recheck_account *of, *next;

	if (sid_is_set(account)) {
		HASH_FIND(hh, recheck->accounts, account.s, SID_LEN, of);
		if (of)
			begin_round(recheck, of);
	} else {
		HASH_ITER(hh, recheck->accounts, of, next)
		begin_round(recheck, of);
	}
	start_lots(recheck);
}

static struct recheck_account *account_of(struct recheck *recheck, struct sid account)
{
	struct recheck_account *of;

	HASH_FIND(hh, recheck->accounts, account.s, SID_LEN, of);
	if (of)
		return of;
	of = x_alloc(sizeof(*of));
	of->account = account;
	HASH_ADD(hh, recheck->accounts, account.s, SID_LEN, of);
	return of;
}

static void keep_facts(struct session *session, const struct client_token *token)
{
	x_free(session->token_id);
	session->token_id = x_alloc(token->id.n + 1);
	memcpy(session->token_id, token->id.p, token->id.n);
	session->key = token->key;
	session->signer = token->signer;
	session->issued_at_s = token->issued_at_s;
}

void recheck_keep(struct session *session, const struct client_token *token, uint64_t epoch)
{
	struct recheck *recheck = app_of(session->worker)->recheck;
	struct recheck_account *of = account_of(recheck, session->account);

	keep_facts(session, token);
	if (session->peers)
		DL_DELETE2(of->sessions, session, peer_prev, peer_next);
	session->peers = of;
	if (epoch == accounts_epoch(accounts_of(session->worker))) {
		session->round = of->round;
		DL_APPEND2(of->sessions, session, peer_prev, peer_next);
		return;
	}
	session->round = of->round - 1;
	DL_PREPEND2(of->sessions, session, peer_prev, peer_next);
	enqueue(recheck, of);
	start_lots(recheck);
}

void recheck_forget(struct session *session)
{
	struct recheck_account *of = session->peers;

	if (!of)
		return;
	DL_DELETE2(of->sessions, session, peer_prev, peer_next);
	session->peers = NULL;
	account_drop_if_empty(app_of(session->worker)->recheck, of);
}

/* ---- all of a worker ---- */

struct recheck *recheck_new(struct worker *worker)
{
	struct recheck *recheck = x_alloc(sizeof(*recheck));

	recheck->worker = worker;
	recheck->retry = loop_timer_new(worker->loop, on_retry, recheck);
	accounts_on_change(accounts_of(worker), on_change, recheck);
	return recheck;
}

struct recheck *recheck_free(struct recheck *recheck)
{
	struct recheck_account *of, *next;

	if (!recheck)
		return NULL;
	HASH_ITER(hh, recheck->accounts, of, next)
	{
		HASH_DEL(recheck->accounts, of);
		x_free(of);
	}
	loop_timer_free(recheck->retry);
	x_free(recheck);
	return NULL;
}
