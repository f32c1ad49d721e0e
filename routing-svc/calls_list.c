/* calls_list.c - GET /2010-04-01/Accounts/{A}/Calls.json: an account's calls, newest first, page by page.
 *
 *     calls_list_get -> ids of each shard, side by side -> on_ids -> their summaries -> on_calls -> 200
 *
 * A page goes on where the one before ended: its token is the time and id of the last call.
 */
#include "routing-svc/endpoints.h"

#include <stdlib.h>

#include "common/model/auth.h"
#include "common/model/twilio_json.h"
#include "routing-svc/app.h"
#include "routing-svc/call_view.h"

enum { PAGE_MAX = 100 };

struct entry {
	int64_t created_ms;
	struct sid id;
};

struct listing {
	struct req *req;
	struct twilio_page page;
	struct entry after; /* created_ms 0: from the newest on */
	struct entry *entries;
	size_t n;
	bool more;
	struct call *calls;
};

static void on_ids(struct flow *flow);
static void on_calls(struct flow *flow);

static bool filters_or_reply(struct req *req)
{
	static const char *const filters[] = { "To",	    "From",	  "Status",    "ParentCallSid",
					       "StartTime", "StartTime>", "StartTime<" };

	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		if (!str_is_null(req_query(req, filters[i]))) {
			reply_error(req, ERR_NOT_IMPLEMENTED, "%s: this list cannot be filtered yet",
				    filters[i]);
			return false;
		}
	}
	return true;
}

static bool token_or_reply(struct listing *listing)
{
	struct str rest = listing->page.token;
	struct str ms;
	uint64_t n;

	if (str_is_null(rest))
		return true;
	if (!str_split(&rest, '-', &ms) || !str_to_u64(ms, &n) || n > INT64_MAX ||
	    !sid_parse(rest, "CA", &listing->after.id))
		return twilio_fault(listing->req, "PageToken", "is not one that a page gave");
	listing->after.created_ms = (int64_t)n;
	return true;
}

struct shard {
	struct listing *listing;
	struct flow_step next;
};

/* newest first; of one millisecond by id */
static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->created_ms != y->created_ms)
		return x->created_ms < y->created_ms ? 1 : -1;
	return strcmp(y->id.s, x->id.s);
}

static void on_shard(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct shard *shard = arg;
	struct listing *listing = shard->listing;

	for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
		struct entry entry = { .created_ms = redis_int_at(reply, i + 1, 0) };

		if (!sid_parse(redis_str_at(reply, i), "CA", &entry.id) ||
		    (listing->after.created_ms && compare(&listing->after, &entry) >= 0))
			continue;
		listing->entries[listing->n++] = entry;
	}
	flow_run(flow, shard->next);
}

void calls_list_get(struct req *req)
{
	struct listing *listing = req_state(req, sizeof(*listing));
	struct flow *flow = req_flow(req);
	const struct sid account = req_caller(req)->account;
	struct flow_step each;
	char most[24], newest[24];

	listing->req = req;
	if (!twilio_page_or_reply(req, PAGE_MAX, &listing->page) || !filters_or_reply(req) ||
	    !token_or_reply(listing))
		return;
	/* one more than the page, and the one that the page before ended with */
	const size_t per_shard = listing->page.size + 2;

	listing->entries = flow_alloc(flow, KEYS_SHARDS * per_shard * sizeof(*listing->entries));
	each = flow_join(flow, KEYS_SHARDS, STEP(on_ids));
	for (unsigned i = 0; i < KEYS_SHARDS; i++) {
		struct shard *shard = flow_alloc(flow, sizeof(*shard));
		const struct str argv[] = {
			STR("ZREVRANGEBYSCORE"),
			key_account_calls(flow->arena, i, sid_str(&account)),
			listing->after.created_ms ? redis_num(newest, listing->after.created_ms)
						  : STR("+inf"),
			STR("-inf"),
			STR("WITHSCORES"),
			STR("LIMIT"),
			STR("0"),
			redis_num(most, (int64_t)per_shard),
		};

		*shard = (struct shard){ listing, each };
		flow_redis(flow, "calls_list", on_shard, shard, ARRAY_LEN(argv), argv);
	}
}

static void on_ids(struct flow *flow)
{
	struct listing *listing = flow->state;
	struct flow_step each;

	qsort(listing->entries, listing->n, sizeof(*listing->entries), compare);
	listing->more = listing->n > listing->page.size;
	listing->n = MIN(listing->n, (size_t)listing->page.size);
	if (listing->n == 0) {
		on_calls(flow);
		return;
	}
	listing->calls = flow_alloc(flow, listing->n * sizeof(*listing->calls));
	each = flow_join(flow, (unsigned)listing->n, STEP(on_calls));
	for (size_t i = 0; i < listing->n; i++)
		call_read_summary(flow, listing->entries[i].id, &listing->calls[i], each);
}

static struct str next_token(struct arena *arena, const struct listing *listing)
{
	const struct entry *last = &listing->entries[listing->n - 1];

	return listing->more ? arena_printf(arena, "%lld-%s", (long long)last->created_ms, last->id.s)
			     : STR_NULL;
}

static void on_calls(struct flow *flow)
{
	struct listing *listing = flow->state;
	const struct twilio_list list = {
		.collection = "Calls",
		.records = "calls",
		.account = req_caller(listing->req)->account,
		.page = listing->page,
	};
	struct json_writer w;
	struct buf body;

	buf_init(&body, TWILIO_BODY_MAX);
	json_begin(&w, &body);
	twilio_list_begin(&w, &list);
	for (size_t i = 0; i < listing->n; i++) {
		const struct call *call = &listing->calls[i];

		if (sid_is_set(call->account) && !call_view_put(&w, flow->arena, call, call->id))
			break;
	}
	twilio_list_end(&w, flow->arena, &list, listing->n, listing->more,
			listing->n ? next_token(flow->arena, listing) : STR_NULL);
	reply_json(listing->req, 200, &body);
}
