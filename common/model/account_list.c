/* account_list.c - pages of what belongs to an account.
 *
 *     records:  HKEYS -> HMGET of up to LIST_CHUNK, until the page is full -> next step
 *     accounts: HKEYS of the parent's index -> HGET of up to LIST_CHUNK, side by side, until ... -> next step
 *
 * Each sub-account lies in a slot of its own, so its record is read by itself.
 */
#include "common/model/account_store.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/model/keys.h"

enum { LIST_CHUNK = 100 };

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
	size_t waiting; /* accounts: of the chunk */
	char *items;	/* query.size of them */
	size_t *n;
	bool *more;
};

struct one { /* account of a chunk */
	struct listing *listing;
	struct str id;
};

static redis_flow_fn on_chunk, on_one;

static size_t chunk_size(const struct listing *listing)
{
	return MIN(listing->n_ids - listing->at, (size_t)LIST_CHUNK);
}

static void ask_records(struct flow *flow, struct listing *listing, size_t n)
{
	struct str argv[2 + LIST_CHUNK] = { STR("HMGET"),
					    listing->kind->key(flow->arena, sid_str(&listing->account)) };

	memcpy(argv + 2, listing->ids + listing->at, n * sizeof(*argv));
	flow_redis(flow, listing->next.name, on_chunk, listing, 2 + n, argv);
}

static void ask_accounts(struct flow *flow, struct listing *listing, size_t n)
{
	listing->waiting = n;
	for (size_t i = 0; i < n; i++) {
		struct one *one = flow_alloc(flow, sizeof(*one));
		const struct str id = listing->ids[listing->at + i];
		const struct str argv[] = { STR("HGET"), key_account(flow->arena, id), STR("record") };

		*one = (struct one){ listing, id };
		flow_redis(flow, listing->next.name, on_one, one, ARRAY_LEN(argv), argv);
	}
}

static void read_chunk(struct flow *flow, struct listing *listing)
{
	const size_t n = chunk_size(listing);

	if (n == 0 || *listing->more)
		flow_run(flow, listing->next);
	else if (listing->kind == &record_account)
		ask_accounts(flow, listing, n);
	else
		ask_records(flow, listing, n);
}

/* The index only names candidates: who the parent is, the account says. */
static bool is_of_family(const struct listing *listing, const struct account *account)
{
	return sid_eq(account->sid, listing->account) || sid_eq(account->parent, listing->account);
}

static bool matches(const struct listing *listing, const void *record)
{
	const struct account_query *query = &listing->query;

	if (listing->kind == &record_account && !is_of_family(listing, record))
		return false;

	if (query->having && record_text(listing->kind, record, query->having).n == 0)
		return false;
	if (!str_is_null(query->name) && !str_eq(record_text(listing->kind, record, "name"), query->name))
		return false;
	if (!str_is_null(query->status) &&
	    !str_eq(record_text(listing->kind, record, "status"), query->status))
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

/* Into memory of the chunk; only what is on the page is copied to the flow. */
static void read_one(struct flow *flow, struct listing *listing, struct arena *scratch, struct sid account,
		     struct str id, struct str text)
{
	void *record = arena_alloc(scratch, listing->kind->size);

	if (str_is_null(text) || *listing->more)
		return; /* deleted since HKEYS, or never finished; or not wanted any more */
	if (record_read(listing->kind, listing->accounts->seal, account, id, text, scratch, record))
		take(flow, listing, record);
	else
		log_error("record_unreadable", "kind=%s id=%s", listing->kind->name, log_str(id));
}

static void on_chunk(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct listing *listing = arg;
	const size_t n = chunk_size(listing);
	struct arena *scratch = arena_new(LIST_CHUNK * 2 * RECORD_MAX);

	for (size_t i = 0; i < n; i++)
		read_one(flow, listing, scratch, listing->account, listing->ids[listing->at + i],
			 redis_str_at(reply, i));
	arena_free(scratch);
	listing->at += n;
	read_chunk(flow, listing);
}

/* Replies come in the order of the asking, so the page keeps its order. */
static void on_one(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct one *one = arg;
	struct listing *listing = one->listing;
	struct arena *scratch = arena_new(2 * RECORD_MAX);
	struct sid sid;

	if (sid_parse(one->id, "AC", &sid))
		read_one(flow, listing, scratch, sid, one->id, redis_str(reply));
	arena_free(scratch);
	listing->at++;
	if (--listing->waiting == 0)
		read_chunk(flow, listing);
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool is_narrowed(const struct account_query *query)
{
	return !str_is_null(query->name) || !str_is_null(query->number) || !str_is_null(query->status) ||
	       !str_is_null(query->after) || query->having;
}

static void on_ids(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct listing *listing = arg;
	const struct account_query *query = &listing->query;
	const size_t before = (size_t)query->page * query->size;

	listing->n_ids = MIN(redis_count(reply), (size_t)ACCOUNT_RECORDS_MAX);
	listing->ids = flow_alloc(flow, (listing->n_ids + 1) * sizeof(*listing->ids));
	for (size_t i = 0; i < listing->n_ids; i++)
		listing->ids[i] = arena_copy(flow->arena, redis_str_at(reply, i));
	if (listing->kind == &record_account) /* who asks is among them */
		listing->ids[listing->n_ids++] = arena_copy(flow->arena, sid_str(&listing->account));
	qsort(listing->ids, listing->n_ids, sizeof(*listing->ids), by_text);

	while (listing->at < listing->n_ids && str_cmp(listing->ids[listing->at], query->after) <= 0)
		listing->at++;
	/* Where every id is a match, earlier pages need not be read to be passed over. */
	if (!is_narrowed(query) && listing->kind != &record_account)
		listing->at = MIN(before, listing->n_ids);
	else
		listing->to_skip = before;
	read_chunk(flow, listing);
}

static void list(struct accounts *accounts, struct flow *flow, struct sid account, struct listing init)
{
	struct listing *listing = flow_alloc(flow, sizeof(*listing));
	const struct str owner = sid_str(&account);
	const struct str argv[] = { STR("HKEYS"), init.kind == &record_account
							  ? key_account_children(flow->arena, owner)
							  : init.kind->key(flow->arena, owner) };

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

void accounts_list(struct accounts *accounts, struct flow *flow, struct sid account,
		   const struct account_query *query, struct account_page *out, struct flow_step next)
{
	out->items = flow_alloc(flow, query->size * sizeof(*out->items));
	list(accounts, flow, account, (struct listing)LISTING(&record_account, out));
}
