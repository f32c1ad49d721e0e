/* account_provision.c - changing and listing what belongs to an account.
 *
 *     put, delete: one script -> own cache dropped -> next step
 *     list:        HKEYS -> HMGET of up to LIST_CHUNK records, until the page is full -> next step
 *
 * A change reaches other workers through "inv"; this one forgets at once, so
 * that a caller who stays here reads what it wrote.
 */
#include "common/model/account_store.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/model/keys.h"
#include "scripts.gen.h"

enum { LIST_CHUNK = 100 };

/* changing */

struct change {
	struct accounts *accounts;
	struct sid account;
	struct flow_step next;
};

static struct change *change_new(struct accounts *accounts, struct flow *flow, struct sid account,
				 struct flow_step next)
{
	struct change *change = flow_alloc(flow, sizeof(*change));

	change->accounts = accounts;
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
		flow_fail(flow, ERR_CONFLICT, "the number has an address already");
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

	flow_script(flow, next.name, on_changed, change_new(accounts, flow, account, next),
		    &scripts[is_number ? SCRIPT_ACCOUNT_NUMBER_PUT : SCRIPT_ACCOUNT_PUT],
		    kind->key(flow->arena, owner), is_number ? 7 : 5, argv);
	buf_fini(&text);
}

void account_put(struct accounts *accounts, struct flow *flow, struct account *in, struct flow_step next)
{
	record_put(accounts, flow, &record_account, in->sid, in, next);
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

static void record_delete(struct accounts *accounts, struct flow *flow, const struct record_kind *kind,
			  struct sid account, struct sid sid, struct flow_step next)
{
	const bool is_number = kind == &record_number;
	const struct str owner = sid_str(&account);
	const struct str argv[] = { sid_str(&sid), owner, key_account_number_index(flow->arena, owner) };

	flow_script(flow, next.name, on_changed, change_new(accounts, flow, account, next),
		    &scripts[is_number ? SCRIPT_ACCOUNT_NUMBER_DELETE : SCRIPT_ACCOUNT_DELETE],
		    kind->key(flow->arena, owner), is_number ? 3 : 2, argv);
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

/* listing */

struct listing {
	struct accounts *accounts;
	const struct record_kind *kind;
	struct sid account;
	struct account_query query;
	struct flow_step next;
	struct str *ids; /* sorted */
	size_t n_ids;
	size_t at;	/* the next one to read */
	size_t to_skip; /* matches of earlier pages */
	char *items;	/* query.size of them */
	size_t *n;
	bool *more;
};

static void on_chunk(struct flow *flow, void *arg, const struct redis_reply *reply);

static size_t chunk_size(const struct listing *listing)
{
	return MIN(listing->n_ids - listing->at, (size_t)LIST_CHUNK);
}

static void read_chunk(struct flow *flow, struct listing *listing)
{
	const size_t n = chunk_size(listing);
	struct str argv[2 + LIST_CHUNK] = { STR("HMGET"),
					    listing->kind->key(flow->arena, sid_str(&listing->account)) };

	if (n == 0 || *listing->more) {
		flow_run(flow, listing->next);
		return;
	}
	memcpy(argv + 2, listing->ids + listing->at, n * sizeof(*argv));
	flow_redis(flow, listing->next.name, on_chunk, listing, 2 + n, argv);
}

static bool matches(const struct listing *listing, const void *record)
{
	const struct account_query *query = &listing->query;

	if (!str_is_null(query->name) && !str_eq(record_text(listing->kind, record, "name"), query->name))
		return false;
	return str_is_null(query->number) ||
	       str_eq(record_text(listing->kind, record, "number"), query->number);
}

static void take(struct flow *flow, struct listing *listing, const void *record)
{
	if (!matches(listing, record))
		return;
	if (listing->to_skip > 0) {
		listing->to_skip--;
	} else if (*listing->n == listing->query.size) {
		*listing->more = true;
	} else {
		record_copy(listing->kind, flow->arena, record,
			    listing->items + *listing->n * listing->kind->size);
		++*listing->n;
	}
}

/* Records are read into memory of the chunk; only what is on the page is copied to the flow. */
static void on_chunk(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct listing *listing = arg;
	const size_t n = chunk_size(listing);
	struct arena *scratch = arena_new(LIST_CHUNK * 2 * RECORD_MAX);
	void *record = arena_alloc(scratch, listing->kind->size);

	for (size_t i = 0; i < n && !*listing->more; i++) {
		const struct str id = listing->ids[listing->at + i], text = redis_str_at(reply, i);

		if (str_is_null(text))
			continue; /* deleted since HKEYS */
		if (record_read(listing->kind, listing->accounts->seal, listing->account, id, text, scratch,
				record))
			take(flow, listing, record);
		else
			log_error("record_unreadable", "kind=%s id=%s", listing->kind->name, log_str(id));
	}
	arena_free(scratch);
	listing->at += n;
	read_chunk(flow, listing);
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void on_ids(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct listing *listing = arg;
	const struct account_query *query = &listing->query;
	const size_t before = (size_t)query->page * query->size;

	listing->n_ids = MIN(redis_count(reply), (size_t)ACCOUNT_RECORDS_MAX);
	listing->ids = flow_alloc(flow, MAX(listing->n_ids, 1u) * sizeof(*listing->ids));
	for (size_t i = 0; i < listing->n_ids; i++)
		listing->ids[i] = arena_copy(flow->arena, redis_str_at(reply, i));
	qsort(listing->ids, listing->n_ids, sizeof(*listing->ids), by_text);

	/* Without a filter earlier pages need not be read to be passed over. */
	if (str_is_null(query->name) && str_is_null(query->number))
		listing->at = MIN(before, listing->n_ids);
	else
		listing->to_skip = before;
	read_chunk(flow, listing);
}

static void list(struct accounts *accounts, struct flow *flow, struct sid account, struct listing init)
{
	struct listing *listing = flow_alloc(flow, sizeof(*listing));
	const struct str argv[] = { STR("HKEYS"), init.kind->key(flow->arena, sid_str(&account)) };

	INVARIANT(init.query.size > 0 && init.query.size <= ACCOUNT_PAGE_MAX);
	*listing = init;
	listing->accounts = accounts;
	listing->account = account;
	*listing->n = 0;
	*listing->more = false;
	flow_redis(flow, listing->next.name, on_ids, listing, ARRAY_LEN(argv), argv);
}

#define LISTING(record_kind, page)                                                                           \
	{                                                                                                    \
		.kind = (record_kind), .query = *query, .next = next, .items = (void *)(page)->items,        \
		.n = &(page)->n, .more = &(page)->more,                                                      \
	}

void api_keys_list(struct accounts *accounts, struct flow *flow, struct sid account,
		   const struct account_query *query, struct api_key_page *out, struct flow_step next)
{
	out->items = flow_alloc(flow, query->size * sizeof(*out->items));
	list(accounts, flow, account, (struct listing)LISTING(&record_key, out));
}

void applications_list(struct accounts *accounts, struct flow *flow, struct sid account,
		       const struct account_query *query, struct application_page *out, struct flow_step next)
{
	out->items = flow_alloc(flow, query->size * sizeof(*out->items));
	list(accounts, flow, account, (struct listing)LISTING(&record_application, out));
}

void phone_numbers_list(struct accounts *accounts, struct flow *flow, struct sid account,
			const struct account_query *query, struct phone_number_page *out,
			struct flow_step next)
{
	out->items = flow_alloc(flow, query->size * sizeof(*out->items));
	list(accounts, flow, account, (struct listing)LISTING(&record_number, out));
}
