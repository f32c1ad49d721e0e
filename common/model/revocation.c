/* revocation.c - a worker's table of accounts, each with a table of what was revoked in it.  (uthash inside)
 *
 *     revocations_load -> known and fresh:                          found
 *                      -> ZRANGEBYSCORE of what is new, merged in -> found
 *
 * The times of an account's revocations only grow, so what a worker knows is
 * whole up to the newest of them, and an account that revokes often costs each
 * worker what is new, not all again.  Both tables keep their order of insertion:
 * the oldest is in front.
 */
#include "common/model/revocation.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/model/account_store.h"
#include "common/model/keys.h"
#include "scripts.gen.h"

#define uthash_malloc(size)   x_alloc(size)
#define uthash_free(p, size)  x_free(p)
#define uthash_fatal(message) invariant_failed(message, __FILE__, __LINE__)
#include <uthash.h>

enum { SUBJECT_MAX = 2 + CLIENT_TOKEN_ID_MAX, SUBJECTS_MAX = 200000 };

struct subject { /* "t|token id", "i|identity", "k|SK.." */
	int64_t at_us;
	UT_hash_handle hh;
	char text[];
};

struct revoked {
	struct sid account;
	struct subject *subjects;
	int64_t newest_us;	 /* all until then are known */
	uint64_t fresh_until_ms; /* monotonic */
	UT_hash_handle hh;
};

struct revocations {
	struct revoked *accounts;
	size_t n_subjects; /* of all of them */
};

/* ---- the tables ---- */

struct revocations *revocations_new(void)
{
	return x_alloc(sizeof(struct revocations));
}

struct revocations *revocations_free(struct revocations *revocations)
{
	if (revocations)
		revocations_forget_all(revocations);
	x_free(revocations);
	return NULL;
}

static void subject_drop(struct revocations *revocations, struct revoked *revoked, struct subject *subject)
{
	HASH_DEL(revoked->subjects, subject);
	revocations->n_subjects--;
	x_free(subject);
}

static void revoked_drop(struct revocations *revocations, struct revoked *revoked)
{
	while (revoked->subjects)
		subject_drop(revocations, revoked, revoked->subjects);
	HASH_DEL(revocations->accounts, revoked);
	x_free(revoked);
}

static struct revoked *revoked_find(struct revocations *revocations, struct str account)
{
	struct revoked *revoked;

	HASH_FIND(hh, revocations->accounts, account.p, account.n, revoked);
	return revoked;
}

static struct revoked *revoked_of(struct revocations *revocations, struct sid account)
{
	struct revoked *revoked = revoked_find(revocations, sid_str(&account));

	if (revoked)
		return revoked;
	if (HASH_COUNT(revocations->accounts) >= ACCOUNT_CACHE_MAX)
		revoked_drop(revocations, revocations->accounts);
	revoked = x_alloc(sizeof(*revoked));
	revoked->account = account;
	HASH_ADD(hh, revocations->accounts, account.s, SID_LEN, revoked);
	return revoked;
}

void revocations_forget(struct revocations *revocations, struct str account)
{
	struct revoked *revoked = revoked_find(revocations, account);

	if (revoked)
		revoked->fresh_until_ms = 0;
}

/* After a gap nothing tells whether Redis is the one that it was, so all of it is read again. */
void revocations_forget_all(struct revocations *revocations)
{
	while (revocations->accounts)
		revoked_drop(revocations, revocations->accounts);
}

static bool is_kept(int64_t at_us)
{
	return at_us / 1000000 + REVOCATION_KEPT_S > (int64_t)clock_wall_s();
}

static struct subject *subject_find(const struct revoked *revoked, struct str text)
{
	struct subject *subject;

	HASH_FIND(hh, revoked->subjects, text.p, text.n, subject);
	return subject;
}

/* One that was revoked again goes to the end: the order is that of time. */
static void subject_put(struct revocations *revocations, struct revoked *revoked, struct str text,
			int64_t at_us)
{
	struct subject *subject = subject_find(revoked, text);

	if (subject && subject->at_us >= at_us)
		return;
	if (subject)
		subject_drop(revocations, revoked, subject);
	subject = x_alloc(sizeof(*subject) + text.n);
	memcpy(subject->text, text.p, text.n);
	subject->at_us = at_us;
	HASH_ADD(hh, revoked->subjects, text, text.n, subject);
	revocations->n_subjects++;
}

/* What has had its time goes, and of all accounts those met longest ago, but not this one. */
static void make_room(struct revocations *revocations, struct revoked *revoked)
{
	while (revoked->subjects && !is_kept(revoked->subjects->at_us))
		subject_drop(revocations, revoked, revoked->subjects);
	while (revocations->n_subjects > SUBJECTS_MAX && revocations->accounts != revoked)
		revoked_drop(revocations, revocations->accounts);
}

/* ---- is a token among them? ---- */

struct token_facts token_facts_of(const struct client_token *token)
{
	return (struct token_facts){
		.account = token->account,
		.key = token->key,
		.signer = token->signer,
		.id = token->id,
		.identity = token->identity,
		.issued_at_s = token->issued_at_s,
	};
}

static struct str subject_text(char space[SUBJECT_MAX + 1], enum revocation_kind kind, struct str id)
{
	const int n = snprintf(space, SUBJECT_MAX + 1, "%c|" STR_FMT, kind, STR_ARG(id));

	INVARIANT(n > 0 && n <= SUBJECT_MAX);
	return str_n(space, (size_t)n);
}

/* issued_at_s 0: whenever it was issued */
static bool covers(const struct revoked *revoked, enum revocation_kind kind, struct str id,
		   uint64_t issued_at_s)
{
	char space[SUBJECT_MAX + 1];
	const struct subject *subject;

	if (id.n == 0)
		return false;
	subject = subject_find(revoked, subject_text(space, kind, id));
	return subject && is_kept(subject->at_us) && (int64_t)issued_at_s <= subject->at_us / 1000000;
}

bool revoked_has(const struct revoked *revoked, const struct token_facts *facts)
{
	if (!revoked->subjects)
		return false;
	return covers(revoked, REVOKE_TOKEN, facts->id, 0) ||
	       covers(revoked, REVOKE_IDENTITY, facts->identity, facts->issued_at_s) ||
	       covers(revoked, REVOKE_KEY, sid_str(&facts->key), facts->issued_at_s);
}

/* ---- loading ---- */

struct load {
	struct accounts *accounts;
	struct sid account;
	int64_t from_us; /* what came until then was known when it began */
	uint64_t epoch;
	const char *waiting_for;
	revocations_found_fn *found;
	void *arg;
};

static void read_new(struct flow *flow, struct load *load);

static void merge(struct revocations *revocations, struct revoked *revoked, const struct redis_reply *reply)
{
	for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
		const struct str text = redis_str_at(reply, i);
		const int64_t at_us = redis_int_at(reply, i + 1, 0);

		if (text.n <= SUBJECT_MAX)
			subject_put(revocations, revoked, text, at_us);
		revoked->newest_us = MAX(revoked->newest_us, at_us);
	}
	make_room(revocations, revoked);
}

static void on_new(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct load *load = arg;
	struct accounts *accounts = load->accounts;
	struct revoked *revoked = revoked_of(accounts->revocations, load->account);

	if (revoked->newest_us < load->from_us) { /* forgotten meanwhile: this is only its end */
		read_new(flow, load);
		return;
	}
	merge(accounts->revocations, revoked, reply);
	if (accounts_may_cache(accounts, load->epoch))
		revoked->fresh_until_ms = clock_mono_ms() + ACCOUNT_CACHE_MS;
	load->found(flow, load->arg, revoked, false);
}

static void read_new(struct flow *flow, struct load *load)
{
	const struct revoked *revoked = revoked_of(load->accounts->revocations, load->account);

	load->from_us = revoked->newest_us;
	load->epoch = load->accounts->epoch;

	const struct str argv[] = {
		STR("ZRANGEBYSCORE"),
		key_account_revocations(flow->arena, sid_str(&load->account)),
		arena_printf(flow->arena, "(%lld", (long long)load->from_us),
		STR("+inf"),
		STR("WITHSCORES"),
	};

	flow_redis(flow, load->waiting_for, on_new, load, ARRAY_LEN(argv), argv);
}

void revocations_load(struct accounts *accounts, struct flow *flow, struct sid account,
		      const char *waiting_for, revocations_found_fn *found, void *arg)
{
	const struct revoked *revoked = revoked_find(accounts->revocations, sid_str(&account));
	struct load *load;

	if (revoked && revoked->fresh_until_ms > clock_mono_ms() && redis_sub_is_ready(accounts->sub)) {
		found(flow, arg, revoked, true);
		return;
	}
	load = flow_alloc(flow, sizeof(*load));
	*load = (struct load){
		.accounts = accounts,
		.account = account,
		.waiting_for = waiting_for,
		.found = found,
		.arg = arg,
	};
	read_new(flow, load);
}

/* ---- revoking ---- */

struct put {
	struct accounts *accounts;
	struct sid account;
	struct revocation *revocation;
	struct flow_step next;
};

static void on_put(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct put *put = arg;

	accounts_forget(put->accounts, sid_str(&put->account));
	if (redis_int(reply, &put->revocation->at_us))
		flow_run(flow, put->next);
	else if (str_eq(redis_str(reply), STR("FULL")))
		flow_fail(flow, ERR_CONFLICT,
			  "the account holds as many revocations of the last day as it may (%d)",
			  REVOCATIONS_MAX);
	else
		flow_fail(flow, ERR_STORE_REPLY, "");
}

void revocation_put(struct accounts *accounts, struct flow *flow, struct sid account,
		    struct revocation *revocation, struct flow_step next)
{
	struct put *put = flow_alloc(flow, sizeof(*put));
	char space[SUBJECT_MAX + 1], kept_ms[24], most[24];
	const struct str argv[] = {
		subject_text(space, revocation->kind, revocation->id),
		sid_str(&account),
		redis_num(kept_ms, INT64_C(1000) * REVOCATION_KEPT_S),
		redis_num(most, REVOCATIONS_MAX),
	};

	*put = (struct put){ accounts, account, revocation, next };
	flow_script(flow, next.name, on_put, put, &scripts[SCRIPT_REVOKE],
		    key_account_revocations(flow->arena, sid_str(&account)), ARRAY_LEN(argv), argv);
}

/* ---- listing ---- */

struct listing {
	struct revocation_page *out;
	size_t size;
	struct flow_step next;
};

static void on_page(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct listing *listing = arg;
	struct revocation_page *out = listing->out;

	out->items = flow_alloc(flow, listing->size * sizeof(*out->items));
	out->n = 0;
	out->more = false;
	for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
		const struct str text = redis_str_at(reply, i);
		const int64_t at_us = redis_int_at(reply, i + 1, 0);

		if (text.n < 2 || !is_kept(at_us))
			continue;
		if (out->n == listing->size) {
			out->more = true;
			break;
		}
		out->items[out->n++] = (struct revocation){
			.kind = (enum revocation_kind)text.p[0],
			.id = arena_copy(flow->arena, str_skip(text, 2)),
			.at_us = at_us,
		};
	}
	flow_run(flow, listing->next);
}

void revocations_list(struct flow *flow, struct sid account, int64_t before_us, size_t size,
		      struct revocation_page *out, struct flow_step next)
{
	struct listing *listing = flow_alloc(flow, sizeof(*listing));
	char count[24];
	const struct str argv[] = {
		STR("ZREVRANGEBYSCORE"),
		key_account_revocations(flow->arena, sid_str(&account)),
		before_us ? arena_printf(flow->arena, "(%lld", (long long)before_us) : STR("+inf"),
		STR("-inf"),
		STR("WITHSCORES"),
		STR("LIMIT"),
		STR("0"),
		redis_num(count, (int64_t)size + 1),
	};

	*listing = (struct listing){ out, size, next };
	flow_redis(flow, next.name, on_page, listing, ARRAY_LEN(argv), argv);
}
