/* account_provision.c - changing what belongs to an account.
 *
 *     put, delete: one script -> own cache dropped -> next step
 *
 * A change reaches other workers through "inv"; this one forgets at once, so
 * that a caller who stays here reads what it wrote.
 */
#include "common/model/account_store.h"

#include "common/base/clock.h"
#include "common/model/keys.h"
#include "scripts.gen.h"

struct change {
	struct accounts *accounts;
	const struct record_kind *kind;
	struct sid account;
	struct flow_step next;
};

static struct change *change_new(struct accounts *accounts, struct flow *flow, const struct record_kind *kind,
				 struct sid account, struct flow_step next)
{
	struct change *change = flow_alloc(flow, sizeof(*change));

	change->accounts = accounts;
	change->kind = kind;
	change->account = account;
	change->next = next;
	return change;
}

static void on_changed(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct change *change = arg;
	const struct str answer = redis_str(reply);

	/* Refused or not: what is cached is not what the script saw. */
	accounts_forget(change->accounts, sid_str(&change->account));
	if (str_eq(answer, STR("OK")))
		flow_run(flow, change->next);
	else if (str_eq(answer, STR("NOT_FOUND")))
		flow_fail(flow, ERR_NOT_FOUND, "");
	else if (str_eq(answer, STR("STALE")))
		flow_fail(flow, ERR_STALE, "");
	else if (str_eq(answer, STR("CONFLICT")))
		flow_fail(flow, ERR_CONFLICT,
			  change->kind == &record_key ? "a key of the account has this kid already"
						      : "the number has an address already");
	else if (str_eq(answer, STR("FULL")))
		flow_fail(flow, ERR_CONFLICT, "the account holds as many of these as it may (%d)",
			  ACCOUNT_RECORDS_MAX);
	else
		flow_fail(flow, ERR_STORE_REPLY, "");
}

/* Versions only grow, also when a clock was set back or two changes fall into one millisecond. */
static void set_times(const struct record_kind *kind, void *record)
{
	uint64_t *created = record_time(record, kind->created);
	uint64_t *updated = record_time(record, kind->updated);

	*updated = MAX(clock_wall_ms(), *updated + 1);
	if (*created == 0)
		*created = *updated;
}

void record_put(struct accounts *accounts, struct flow *flow, const struct record_kind *kind,
		struct sid account, void *record, struct flow_step next)
{
	const bool is_number = kind == &record_number;
	const struct sid *sid = record;
	const struct str owner = sid_str(&account);
	char version[24], most[24];
	struct buf text;

	const struct str replaces = redis_num(version, (int64_t)*record_time(record, kind->updated));

	set_times(kind, record);
	buf_init(&text, RECORD_MAX);
	record_write(kind, accounts->seal, account, record, &text);
	if (!buf_ok(&text)) {
		buf_fini(&text);
		flow_fail(flow, ERR_TOO_LARGE, "");
		return;
	}

	const struct str argv[] = {
		kind == &record_account ? STR("record") : sid_str(sid),
		buf_str(&text),
		replaces,
		redis_num(most, ACCOUNT_RECORDS_MAX),
		owner,
		key_account_number_index(flow->arena, owner),
		is_number ? record_text(kind, record, "number") : STR(""),
	};

	flow_script(flow, next.name, on_changed, change_new(accounts, flow, kind, account, next),
		    &scripts[is_number ? SCRIPT_ACCOUNT_NUMBER_PUT : SCRIPT_ACCOUNT_PUT],
		    kind->key(flow->arena, owner), is_number ? 7 : 5, argv);
	buf_fini(&text);
}

struct creation {
	struct accounts *accounts;
	struct account *account;
	struct flow_step next;
};

static void on_indexed(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct creation *creation = arg;

	if (str_eq(redis_str(reply), STR("OK")))
		account_put(creation->accounts, flow, creation->account, creation->next);
	else
		flow_fail(flow, ERR_CONFLICT, "the account has as many sub-accounts as it may (%d)",
			  ACCOUNT_RECORDS_MAX);
}

void account_put(struct accounts *accounts, struct flow *flow, struct account *in, struct flow_step next)
{
	record_put(accounts, flow, &record_account, in->sid, in, next);
}

/* The index first: an account that nobody is the parent of would be lost, an entry without an account is passed over. */
void account_create(struct accounts *accounts, struct flow *flow, struct account *in, struct flow_step next)
{
	struct creation *creation = flow_alloc(flow, sizeof(*creation));
	const struct str parent = sid_str(&in->parent);
	char most[24];
	const struct str argv[] = { sid_str(&in->sid), STR("{}"), STR("0"),
				    redis_num(most, ACCOUNT_RECORDS_MAX), STR("") };

	INVARIANT(sid_is_set(in->parent));
	*creation = (struct creation){ accounts, in, next };
	flow_script(flow, next.name, on_indexed, creation, &scripts[SCRIPT_ACCOUNT_PUT],
		    key_account_children(flow->arena, parent), ARRAY_LEN(argv), argv);
}

void api_key_put(struct accounts *accounts, struct flow *flow, struct sid account, struct api_key *in,
		 struct flow_step next)
{
	record_put(accounts, flow, &record_key, account, in, next);
}

void application_put(struct accounts *accounts, struct flow *flow, struct sid account, struct application *in,
		     struct flow_step next)
{
	record_put(accounts, flow, &record_application, account, in, next);
}

void phone_number_put(struct accounts *accounts, struct flow *flow, struct sid account,
		      struct phone_number *in, struct flow_step next)
{
	record_put(accounts, flow, &record_number, account, in, next);
}

enum { KEY_ARGS = 3, KEYS_ARGS_BEFORE = 3 };

static struct str key_text(struct accounts *accounts, struct flow *flow, struct sid account,
			   const struct api_key *key)
{
	struct buf text;
	struct str copy;

	buf_init(&text, RECORD_MAX);
	record_write(&record_key, accounts->seal, account, key, &text);
	copy = buf_ok(&text) ? arena_copy(flow->arena, buf_str(&text)) : STR_NULL;
	buf_fini(&text);
	return copy;
}

void api_keys_create(struct accounts *accounts, struct flow *flow, struct sid account, struct api_key *in,
		     size_t n, struct flow_step next)
{
	const struct str owner = sid_str(&account);
	struct str argv[KEYS_ARGS_BEFORE + KEY_ARGS * API_KEYS_AT_ONCE], *at = argv + KEYS_ARGS_BEFORE;
	char most[24];

	INVARIANT(n <= API_KEYS_AT_ONCE);
	argv[0] = owner;
	argv[1] = key_account_key_index(flow->arena, owner);
	argv[2] = redis_num(most, ACCOUNT_RECORDS_MAX);
	for (size_t i = 0; i < n; i++, at += KEY_ARGS) {
		set_times(&record_key, &in[i]);
		at[0] = sid_str(&in[i].sid);
		at[1] = key_text(accounts, flow, account, &in[i]);
		at[2] = in[i].kid;
		if (str_is_null(at[1])) {
			flow_fail(flow, ERR_TOO_LARGE, "");
			return;
		}
	}
	flow_script(flow, next.name, on_changed, change_new(accounts, flow, &record_key, account, next),
		    &scripts[SCRIPT_ACCOUNT_KEYS_CREATE], key_account_keys(flow->arena, owner),
		    (size_t)(at - argv), argv);
}

static void record_delete(struct accounts *accounts, struct flow *flow, const struct record_kind *kind,
			  struct sid account, struct sid sid, struct flow_step next)
{
	const struct str owner = sid_str(&account);
	const struct str argv[] = {
		sid_str(&sid),
		owner,
		kind->index ? kind->index(flow->arena, owner) : STR(""),
		kind->index ? str_of(kind->indexed) : STR(""),
	};

	flow_script(flow, next.name, on_changed, change_new(accounts, flow, kind, account, next),
		    &scripts[kind->index ? SCRIPT_ACCOUNT_UNINDEX : SCRIPT_ACCOUNT_DELETE],
		    kind->key(flow->arena, owner), kind->index ? 4 : 2, argv);
}

void api_key_delete(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid,
		    struct flow_step next)
{
	record_delete(accounts, flow, &record_key, account, sid, next);
}

void application_delete(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid,
			struct flow_step next)
{
	record_delete(accounts, flow, &record_application, account, sid, next);
}

void phone_number_delete(struct accounts *accounts, struct flow *flow, struct sid account, struct sid sid,
			 struct flow_step next)
{
	record_delete(accounts, flow, &record_number, account, sid, next);
}
