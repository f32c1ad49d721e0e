/* account.c - reading accounts, keys, applications and addresses, through the cache.
 *
 *     record_lookup -> cache hit: next step
 *                   -> HGET (by its address or kid: account_find.lua) -> cached -> next step
 *
 * The invalidations of "inv" and the replies of Redis come over two
 * connections, in no order between them.  So each read notes the epoch when it
 * starts, and what it brings is kept only if nothing was invalidated meanwhile:
 * an old value can not get into the cache behind its own invalidation.
 */
#include "common/model/account_store.h"

#include <stdio.h>

#include "common/base/log.h"
#include "common/model/keys.h"
#include "common/model/revocation.h"
#include "scripts.gen.h"

enum { CACHE_KEY_MAX = 2 * SID_SIZE + PHONE_NUMBER_MAX + 8 };

struct lookup {
	struct accounts *accounts;
	struct record_lookup want;
	uint64_t epoch;
};

bool accounts_may_cache(const struct accounts *accounts, uint64_t epoch)
{
	return epoch == accounts->epoch && redis_sub_is_ready(accounts->sub);
}

void accounts_forget(struct accounts *accounts, struct str account)
{
	accounts->epoch++;
	account_cache_drop(accounts->records, account);
	account_cache_drop(accounts->tokens, account);
	account_cache_drop(accounts->admitted, account);
	revocations_forget(accounts->revocations, account);
}

static void tell_change(struct accounts *accounts, struct sid account)
{
	for (size_t i = 0; i < accounts->n_listeners; i++)
		accounts->listeners[i].fn(accounts->listeners[i].arg, account);
}

static void on_invalidation(void *arg, struct str channel, struct str account)
{
	struct accounts *accounts = arg;
	struct sid sid;

	(void)channel;
	accounts_forget(accounts, account);
	if (sid_parse(account, "AC", &sid))
		tell_change(accounts, sid);
}

static void on_gap(void *arg)
{
	struct accounts *accounts = arg;

	accounts->epoch++;
	account_cache_drop_all(accounts->records);
	account_cache_drop_all(accounts->tokens);
	account_cache_drop_all(accounts->admitted);
	revocations_forget_all(accounts->revocations);
	tell_change(accounts, (struct sid){ "" });
}

void accounts_on_change(struct accounts *accounts, accounts_change_fn *fn, void *arg)
{
	INVARIANT(accounts->n_listeners < ACCOUNTS_LISTENERS_MAX);
	accounts->listeners[accounts->n_listeners++] = (struct accounts_listener){ fn, arg };
}

uint64_t accounts_epoch(const struct accounts *accounts)
{
	return accounts->epoch;
}

struct accounts *accounts_new(struct worker *worker, const struct redis_conf *redis, const struct seal *seal)
{
	struct accounts *accounts = x_alloc(sizeof(*accounts));

	accounts->worker = worker;
	accounts->seal = seal;
	accounts->records = account_cache_new(ACCOUNT_CACHE_MAX);
	accounts->tokens = account_cache_new(TOKEN_CACHE_MAX);
	accounts->admitted = account_cache_new(TOKEN_CACHE_MAX);
	accounts->revocations = revocations_new();
	accounts->sub = redis_sub_new(worker->loop, redis, STR("inv"), on_invalidation, on_gap, accounts);
	return accounts;
}

struct accounts *accounts_free(struct accounts *accounts)
{
	if (!accounts)
		return NULL;
	redis_sub_free(accounts->sub);
	account_cache_free(accounts->records);
	account_cache_free(accounts->tokens);
	account_cache_free(accounts->admitted);
	revocations_free(accounts->revocations);
	x_free(accounts);
	return NULL;
}

bool accounts_is_ready(const struct accounts *accounts)
{
	return redis_sub_is_ready(accounts->sub);
}

struct redis_sub *accounts_sub(const struct accounts *accounts)
{
	return accounts->sub;
}

static bool is_e164(struct str number)
{
	if (number.n < 3 || number.n > 16 || number.p[0] != '+' || number.p[1] == '0')
		return false;
	for (size_t i = 1; i < number.n; i++)
		if (number.p[i] < '0' || number.p[i] > '9')
			return false;
	return true;
}

bool phone_number_is_valid(struct str number)
{
	if (number.n > 0 && number.p[0] == '+')
		return is_e164(number);
	if (str_starts(number, STR("sip:")))
		number = str_skip(number, 4);
	else if (str_starts(number, STR("sips:")))
		number = str_skip(number, 5);
	return identity_is_valid(number);
}

/* one lookup */

static bool is_absent(const struct record_lookup *want)
{
	const struct sid *sid = want->out;
	const struct account *account = want->out;

	if (want->kind == &record_account && !want->even_closed && str_eq(account->status, STR("closed")))
		return true;
	return !sid_is_set(*sid);
}

/* The answer is in *out; true when the flow goes on with it. */
static bool is_welcome(struct flow *flow, const struct record_lookup *want)
{
	if (!is_absent(want))
		return true;
	memset(want->out, 0, want->kind->size);
	if (!want->absent_is_fine)
		flow_fail(flow, ERR_NOT_FOUND, "");
	return want->absent_is_fine;
}

/* The kind's prefix tells what the id is an id of. */
static struct str cache_key(char space[CACHE_KEY_MAX], const struct record_lookup *want)
{
	const int n = snprintf(space, CACHE_KEY_MAX, "%s/%s/" STR_FMT, want->kind->prefix, want->account.s,
			       STR_ARG(want->id));

	INVARIANT(n > 0 && n < CACHE_KEY_MAX);
	return str_n(space, (size_t)n);
}

static void remember(const struct lookup *lookup)
{
	const struct record_lookup *want = &lookup->want;
	char space[CACHE_KEY_MAX];
	size_t size = 0;

	if (want->past_cache || !accounts_may_cache(lookup->accounts, lookup->epoch))
		return;

	void *value = record_pack(want->kind, want->out, &size);

	account_cache_put_take(lookup->accounts->records, want->account, cache_key(space, want), value, size,
			       ACCOUNT_CACHE_MS);
}

static void on_record(struct flow *flow, const struct lookup *lookup, struct str id, struct str text)
{
	const struct record_lookup *want = &lookup->want;

	if (!str_is_null(text)) {
		if (!record_read(want->kind, lookup->accounts->seal, want->account, id, text, flow->arena,
				 want->out)) {
			log_error("record_unreadable", "kind=%s id=%s", want->kind->name, log_str(id));
			flow_fail(flow, ERR_STORE_REPLY, "a record of the account cannot be read");
			return;
		}
		remember(lookup);
	}
	if (is_welcome(flow, want))
		want->found(flow, want->arg, false);
}

static void on_value(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct lookup *lookup = arg;

	on_record(flow, lookup, lookup->want.id, redis_str(reply));
}

/* [sid, record], or nil */
static void on_pair(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	on_record(flow, arg, redis_str_at(reply, 0), redis_str_at(reply, 1));
}

static void fetch(struct flow *flow, struct lookup *lookup)
{
	const struct record_lookup *want = &lookup->want;
	const struct str account = sid_str(&want->account);
	const struct str key = want->kind->key(flow->arena, account);
	/* An account's hash has room for more than its record. */
	const struct str field = want->kind == &record_account ? STR("record") : want->id;
	const struct str get[] = { STR("HGET"), key, field };

	if (want->by_index) {
		const struct str find[] = { want->kind->index(flow->arena, account), want->id };

		flow_script(flow, want->waiting_for, on_pair, lookup, &scripts[SCRIPT_ACCOUNT_FIND], key,
			    ARRAY_LEN(find), find);
	} else {
		flow_redis(flow, want->waiting_for, on_value, lookup, ARRAY_LEN(get), get);
	}
}

static const void *recall(struct accounts *accounts, const struct record_lookup *want)
{
	char space[CACHE_KEY_MAX];

	if (want->past_cache || !redis_sub_is_ready(accounts->sub))
		return NULL;
	return account_cache_get(accounts->records, cache_key(space, want));
}

void record_lookup(struct accounts *accounts, struct flow *flow, const struct record_lookup *want)
{
	const void *cached = recall(accounts, want);
	struct lookup *lookup;

	if (cached) {
		record_copy(want->kind, flow->arena, cached, want->out);
		if (is_welcome(flow, want))
			want->found(flow, want->arg, true);
		return;
	}
	memset(want->out, 0, want->kind->size);
	lookup = flow_alloc(flow, sizeof(*lookup));
	lookup->accounts = accounts;
	lookup->want = *want;
	lookup->want.id = arena_copy(flow->arena, want->id);
	lookup->epoch = accounts->epoch;
	fetch(flow, lookup);
}

/* the public readers */

enum how { OR_FAIL, OR_UNSET, PAST_CACHE };

static void go_on(struct flow *flow, void *arg, bool was_cached)
{
	const struct flow_step *next = arg;

	if (was_cached)
		flow_next(flow, *next);
	else
		flow_run(flow, *next);
}

static void look_up(struct accounts *accounts, struct flow *flow, struct record_lookup want,
		    struct flow_step next)
{
	struct flow_step *step = flow_alloc(flow, sizeof(*step));

	*step = next;
	want.waiting_for = next.name;
	want.found = go_on;
	want.arg = step;
	record_lookup(accounts, flow, &want);
}

static void look_up_sid(struct accounts *accounts, struct flow *flow, const struct record_kind *kind,
			struct sid account, struct sid sid, enum how how, void *out, struct flow_step next)
{
	const struct record_lookup want = {
		.kind = kind,
		.account = account,
		.id = sid_str(&sid),
		.out = out,
		.past_cache = how == PAST_CACHE,
		.absent_is_fine = how == OR_UNSET,
	};

	look_up(accounts, flow, want, next);
}

void account_load(struct accounts *accounts, struct flow *flow, struct sid sid, struct account *out,
		  struct flow_step next)
{
	look_up_sid(accounts, flow, &record_account, sid, sid, OR_FAIL, out, next);
}

void account_find(struct accounts *accounts, struct flow *flow, struct sid sid, struct account *out,
		  struct flow_step next)
{
	look_up_sid(accounts, flow, &record_account, sid, sid, OR_UNSET, out, next);
}

void account_read(struct accounts *accounts, struct flow *flow, struct sid sid, struct account *out,
		  struct flow_step next)
{
	look_up_sid(accounts, flow, &record_account, sid, sid, PAST_CACHE, out, next);
}

void account_read_even_closed(struct accounts *accounts, struct flow *flow, struct sid sid,
			      struct account *out, struct flow_step next)
{
	const struct record_lookup want = {
		.kind = &record_account,
		.account = sid,
		.id = sid_str(&sid),
		.out = out,
		.past_cache = true,
		.even_closed = true,
	};

	look_up(accounts, flow, want, next);
}

void api_key_load(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid,
		  struct api_key *out, struct flow_step next)
{
	look_up_sid(accounts, flow, &record_key, account, sid, OR_FAIL, out, next);
}

void api_key_find(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid,
		  struct api_key *out, struct flow_step next)
{
	look_up_sid(accounts, flow, &record_key, account, sid, OR_UNSET, out, next);
}

void api_key_read(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid,
		  struct api_key *out, struct flow_step next)
{
	look_up_sid(accounts, flow, &record_key, account, sid, PAST_CACHE, out, next);
}

void application_load(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid,
		      struct application *out, struct flow_step next)
{
	look_up_sid(accounts, flow, &record_application, account, sid, OR_FAIL, out, next);
}

void application_find(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid,
		      struct application *out, struct flow_step next)
{
	look_up_sid(accounts, flow, &record_application, account, sid, OR_UNSET, out, next);
}

void application_read(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid,
		      struct application *out, struct flow_step next)
{
	look_up_sid(accounts, flow, &record_application, account, sid, PAST_CACHE, out, next);
}

void phone_number_read(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid,
		       struct phone_number *out, struct flow_step next)
{
	look_up_sid(accounts, flow, &record_number, account, sid, PAST_CACHE, out, next);
}

void phone_number_find(struct accounts *accounts, struct flow *flow, struct sid account, struct str number,
		       struct phone_number *out, struct flow_step next)
{
	const struct record_lookup want = {
		.kind = &record_number,
		.account = account,
		.id = number,
		.out = out,
		.by_index = true,
		.absent_is_fine = true,
	};

	memset(out, 0, sizeof(*out));
	if (phone_number_is_valid(number))
		look_up(accounts, flow, want, next);
	else
		flow_next(flow, next);
}
