/* auth_token.c - is a client's token true, and of a key and an account of ours?
 *
 *     auth_client_token -> remembered:                            revoked? -> next step
 *                       -> account -> key -> verify, remember -> revoked? -> next step
 *
 * A capability token has no key: the account's auth tokens verify it.  A token
 * signed with a private key names its public half by kid: the key's sid, or the
 * name that the customer gave it.
 *
 * A token is remembered by its SHA-256 under its account: whatever changes in
 * the account (a key deleted, an auth token replaced, a suspension) forgets it.
 * It stays so for a minute, never beyond its expiry; then it is verified anew.
 */
#include "common/model/account_store.h"
#include "common/model/auth.h"

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/model/limits.h"
#include "common/model/revocation.h"

struct check {
	struct accounts *accounts;
	struct sid wanted; /* the path's account, or unset */
	struct client_token_draft draft;
	struct account account;
	struct api_key key;
	struct client_token *out;
	uint64_t epoch;
	bool was_quick; /* nothing was waited for */
	struct flow_step next;
};

/* remembered tokens */

/* Gives each text of a token a new place, which `move` finds. */
typedef struct str move_fn(void *arg, struct str s);

static void move_texts(struct client_token *token, move_fn *move, void *arg)
{
	token->identity = move(arg, token->identity);
	token->parameters = move(arg, token->parameters);
	token->id = move(arg, token->id);
	for (size_t i = 0; i < token->n_watch; i++)
		token->watch[i] = move(arg, token->watch[i]);
}

static struct str into_arena(void *arg, struct str s)
{
	return arena_copy(arg, s);
}

static struct str behind(void *arg, struct str s)
{
	char **end = arg, *p = *end;

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	*end += s.n;
	return str_n(p, s.n);
}

static struct str just_count(void *arg, struct str s)
{
	*(size_t *)arg += s.n;
	return s;
}

static struct str token_key(const struct client_token *token)
{
	return str_n((const char *)token->sha256, sizeof(token->sha256));
}

static void remember(const struct check *check, uint64_t now_s)
{
	const struct client_token *token = check->out;
	struct client_token copy = *token, *value;
	size_t size = sizeof(copy);
	char *end;

	if (now_s >= token->expires_at_s || !accounts_may_cache(check->accounts, check->epoch))
		return;
	move_texts(&copy, just_count, &size);
	value = x_alloc(size);
	*value = copy;
	end = (char *)(value + 1);
	move_texts(value, behind, &end);
	account_cache_put_take(check->accounts->tokens, token->account, token_key(token), value, size,
			       MIN((uint64_t)ACCOUNT_CACHE_MS, (token->expires_at_s - now_s) * 1000));
}

static bool recall(struct accounts *accounts, struct arena *arena, struct str text, struct client_token *out)
{
	uint8_t digest[CRYPTO_MAC_MAX];
	const size_t len = crypto_digest(CRYPTO_SHA256, text, digest);
	const struct client_token *token;

	if (!redis_sub_is_ready(accounts->sub))
		return false;
	token = account_cache_get(accounts->tokens, str_n((const char *)digest, len));
	/* The wall clock may have been set since. */
	if (!token || clock_wall_s() >= token->expires_at_s)
		return false;
	*out = *token;
	move_texts(out, into_arena, arena);
	return true;
}

/* the check */

static void refuse(struct flow *flow, enum err err)
{
	metric_add(METRIC_tokens_refused_total, 1);
	limits_note_failure(flow);
	flow_fail(flow, err, "");
}

struct admission {
	const struct client_token *token;
	struct flow_step next;
	bool was_quick; /* nothing was waited for */
};

static void on_revoked(struct flow *flow, void *arg, const struct revoked *revoked, bool was_cached)
{
	const struct admission *admission = arg;
	const struct token_facts facts = token_facts_of(admission->token);

	if (revoked_has(revoked, &facts)) { /* nobody guesses such a token: its address is not blamed */
		metric_add(METRIC_tokens_refused_total, 1);
		flow_fail(flow, ERR_TOKEN_REVOKED, "");
		return;
	}
	metric_add(METRIC_tokens_accepted_total, 1);
	if (admission->was_quick && was_cached)
		flow_next(flow, admission->next);
	else
		flow_run(flow, admission->next);
}

/* A remembered token is looked for among the revocations like a new one. */
static void admit(struct accounts *accounts, struct flow *flow, struct sid wanted, struct admission init)
{
	struct admission *admission;

	if (sid_is_set(wanted) && !sid_eq(wanted, init.token->account)) {
		refuse(flow, ERR_TOKEN_ACCOUNT);
		return;
	}
	admission = flow_alloc(flow, sizeof(*admission));
	*admission = init;
	revocations_load(accounts, flow, init.token->account, init.next.name, on_revoked, admission);
}

/* Both auth tokens are good for a capability token while they are being exchanged. */
static enum err verify(struct arena *arena, struct check *check, uint64_t now_s)
{
	const struct account *account = &check->account;
	const struct client_token_key first = { .secret = account->auth_token };
	const struct client_token_key second = { .secret = account->auth_token_second };
	const struct client_token_key key = {
		.sid = check->key.sid,
		.secret = check->key.secret,
		.algorithm = check->key.algorithm,
		.public_key = check->key.public_key,
		.kid = check->key.kid,
		.issuer = check->key.issuer,
		.audience = check->key.audience,
	};
	enum err err;

	if (check->draft.is_access)
		return client_token_verify(arena, &check->draft, account->sid, &key, now_s, check->out);

	err = client_token_verify(arena, &check->draft, account->sid, &first, now_s, check->out);
	check->out->signer = auth_token_mark(first.secret);
	if (err == ERR_TOKEN_SIGNATURE && second.secret.n > 0) {
		err = client_token_verify(arena, &check->draft, account->sid, &second, now_s, check->out);
		check->out->signer = auth_token_mark(second.secret);
	}
	return err;
}

static void conclude(struct flow *flow, struct check *check)
{
	const uint64_t now_s = clock_wall_s();
	const enum err err = verify(flow->arena, check, now_s);

	if (err) {
		refuse(flow, err);
	} else if (!str_eq(check->account.status, STR("active"))) {
		refuse(flow, ERR_ACCOUNT_SUSPENDED);
	} else {
		remember(check, now_s);
		admit(check->accounts, flow, check->wanted,
		      (struct admission){ check->out, check->next, check->was_quick });
	}
}

static void on_key(struct flow *flow, void *arg, bool was_cached)
{
	struct check *check = arg;

	check->was_quick = check->was_quick && was_cached;
	if (sid_is_set(check->key.sid))
		conclude(flow, check);
	else
		refuse(flow, ERR_TOKEN_ISSUER);
}

static void on_account(struct flow *flow, void *arg, bool was_cached)
{
	struct check *check = arg;
	const struct client_token_draft *draft = &check->draft;
	struct sid sid;
	const struct record_lookup key = {
		.kind = &record_key,
		.account = draft->account,
		.id = draft->is_by_pair ? draft->kid : sid_str(&draft->issuer),
		.by_index = draft->is_by_pair && !sid_parse(draft->kid, "SK", &sid),
		.out = &check->key,
		.absent_is_fine = true,
		.waiting_for = check->next.name,
		.found = on_key,
		.arg = check,
	};

	check->was_quick = was_cached;
	if (!sid_is_set(check->account.sid))
		refuse(flow, ERR_TOKEN_ISSUER);
	else if (check->draft.is_access)
		record_lookup(check->accounts, flow, &key);
	else
		conclude(flow, check);
}

static void find_account(struct accounts *accounts, struct flow *flow, struct check *check)
{
	const struct record_lookup account = {
		.kind = &record_account,
		.account = check->draft.account,
		.id = sid_str(&check->draft.account),
		.out = &check->account,
		.absent_is_fine = true,
		.waiting_for = check->next.name,
		.found = on_account,
		.arg = check,
	};

	record_lookup(accounts, flow, &account);
}

void auth_client_token(struct accounts *accounts, struct flow *flow, struct sid account, struct str text,
		       struct client_token *out, struct flow_step next)
{
	struct check *check;
	enum err err;

	if (recall(accounts, flow->arena, text, out)) {
		admit(accounts, flow, account, (struct admission){ out, next, true });
		return;
	}
	check = flow_alloc(flow, sizeof(*check));
	check->accounts = accounts;
	check->wanted = account;
	check->out = out;
	check->epoch = accounts->epoch;
	check->next = next;
	err = client_token_read(flow->arena, text, &check->draft);
	if (!err && !sid_is_set(check->draft.account))
		err = ERR_TOKEN_ISSUER;
	if (err)
		refuse(flow, err);
	else
		find_account(accounts, flow, check);
}
