/* calls_list.c - GET /2010-04-01/Accounts/{A}/Calls.json: an account's calls, newest first, page by page.
 *
 *     calls_list_get -> read_on -> ids of each shard, side by side -> on_ids -> their summaries -> on_calls
 *                          ^                                                                          |
 *                          +------------- the filters have left too few, and more follow -------------+-> 200
 *
 * A page goes on where the one before ended: its token is the time and id of the last call that was looked at.
 * A filter that fits hardly any call gives a short page, or an empty one, after SEARCH_MAX calls.
 */
#include "routing-svc/endpoints.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/model/auth.h"
#include "common/model/twilio_json.h"
#include "routing-svc/app.h"
#include "routing-svc/call_view.h"
#include "routing-svc/outcome.h"

enum { PAGE_MAX = 100, LOOK_AT_ONCE = 100, SEARCH_MAX = 1000 };

struct entry {
	int64_t created_ms;
	struct sid id;
};

enum { TO, FROM, STATUS, PARENT, START, START_BEFORE, START_AFTER, N_FILTERS };

static const char *const filter_names[N_FILTERS] = { "To",	  "From",	"Status",    "ParentCallSid",
						     "StartTime", "StartTime<", "StartTime>" };

struct listing {
	struct req *req;
	struct twilio_page page;
	struct form_field filters[N_FILTERS];
	int64_t from_ms, to_ms; /* a call began so: from <= start < to */
	struct entry after;	/* created_ms 0: from the newest on */
	struct entry *entries;	/* at hand */
	size_t n, most;		/* looked at at once */
	bool more;
	struct call *looked_at;
	size_t searched;
	struct call *calls; /* of the page */
	size_t n_calls;
};

static void read_on(struct flow *flow);
static void on_ids(struct flow *flow);
static void on_calls(struct flow *flow);

/* ---- filters ---- */

static bool is_filtered(const struct listing *listing)
{
	for (size_t i = 0; i < N_FILTERS; i++) {
		if (!str_is_null(listing->filters[i].value))
			return true;
	}
	return false;
}

static bool status_or_reply(struct listing *listing)
{
	static const char *const words[] = { "queued",	  "ringing", "in-progress", "canceled",
					     "completed", "failed",  "busy",	    "no-answer" };
	const struct str wanted = listing->filters[STATUS].value;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_is_null(wanted) || str_eq(wanted, str_of(words[i])))
			return true;
	}
	return twilio_fault(listing->req, "Status", "is not the status of a call");
}

/* A day, or a moment as RFC 3339 has it; false: neither. */
static bool time_read(struct arena *arena, struct str text, int64_t *ms, int64_t *span_ms)
{
	const bool is_day = text.n == strlen("2026-01-31");
	const struct str moment = is_day ? arena_printf(arena, STR_FMT "T00:00:00Z", STR_ARG(text)) : text;
	uint64_t wall_ms;

	if (!clock_rfc3339_parse(moment, &wall_ms))
		return false;
	*ms = (int64_t)wall_ms;
	*span_ms = is_day ? 24 * 3600 * 1000 : 1000;
	return true;
}

static bool times_or_reply(struct listing *listing)
{
	struct arena *arena = req_arena(listing->req);

	listing->to_ms = INT64_MAX;
	for (size_t i = START; i <= START_AFTER; i++) {
		const struct str text = listing->filters[i].value;
		int64_t ms, span_ms;

		if (str_is_null(text))
			continue;
		if (!time_read(arena, text, &ms, &span_ms))
			return twilio_fault(listing->req, filter_names[i], "is neither a day nor a time");
		if (i != START_BEFORE)
			listing->from_ms = MAX(listing->from_ms, ms);
		if (i != START_AFTER)
			listing->to_ms = MIN(listing->to_ms, ms + span_ms);
	}
	return true;
}

static bool filters_or_reply(struct listing *listing)
{
	for (size_t i = 0; i < N_FILTERS; i++) {
		if (!twilio_filter_or_reply(listing->req, filter_names[i], CALL_ADDRESS_MAX,
					    &listing->filters[i]))
			return false;
		if (listing->filters[i].value.n == 0)
			listing->filters[i].value = STR_NULL;
	}
	listing->most = is_filtered(listing) ? LOOK_AT_ONCE : listing->page.size;
	return status_or_reply(listing) && times_or_reply(listing);
}

static bool is(struct str wanted, struct str found)
{
	return str_is_null(wanted) || str_eq(wanted, found);
}

/* The list holds calls, no legs: none of them has a parent. */
static bool fits(const struct listing *listing, const struct call *call)
{
	const struct form_field *filters = listing->filters;
	const int64_t start_ms = call->up_ms ? call->up_ms : call->created_ms;

	return sid_is_set(call->account) && str_is_null(filters[PARENT].value) &&
	       is(filters[TO].value, call->to) && is(filters[FROM].value, call->from) &&
	       is(filters[STATUS].value, outcome_status(call)) && start_ms >= listing->from_ms &&
	       start_ms < listing->to_ms;
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

/* ---- reading ---- */

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

	listing->req = req;
	if (!twilio_page_or_reply(req, PAGE_MAX, &listing->page) || !filters_or_reply(listing) ||
	    !token_or_reply(listing))
		return;
	listing->calls = flow_alloc(flow, listing->page.size * sizeof(*listing->calls));
	/* of each shard one more than is looked at, and the one that the last look ended with */
	listing->entries = flow_alloc(flow, KEYS_SHARDS * (listing->most + 2) * sizeof(*listing->entries));
	listing->looked_at = flow_alloc(flow, listing->most * sizeof(*listing->looked_at));
	read_on(flow);
}

/* A call that began before a time was made before it, too. */
static int64_t newest_ms(const struct listing *listing)
{
	return listing->after.created_ms ? MIN(listing->after.created_ms, listing->to_ms) : listing->to_ms;
}

static void read_on(struct flow *flow)
{
	struct listing *listing = flow->state;
	const struct sid account = req_caller(listing->req)->account;
	const struct flow_step each = flow_join(flow, KEYS_SHARDS, STEP(on_ids));
	const int64_t newest = newest_ms(listing);
	char most[24], newest_text[24];

	listing->n = 0;
	for (unsigned i = 0; i < KEYS_SHARDS; i++) {
		struct shard *shard = flow_alloc(flow, sizeof(*shard));
		const struct str argv[] = {
			STR("ZREVRANGEBYSCORE"),
			key_account_calls(flow->arena, i, sid_str(&account)),
			newest == INT64_MAX ? STR("+inf") : redis_num(newest_text, newest),
			STR("-inf"),
			STR("WITHSCORES"),
			STR("LIMIT"),
			STR("0"),
			redis_num(most, (int64_t)listing->most + 2),
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
	listing->more = listing->n > listing->most;
	listing->n = MIN(listing->n, listing->most);
	if (listing->n == 0) {
		on_calls(flow);
		return;
	}
	memset(listing->looked_at, 0, listing->n * sizeof(*listing->looked_at));
	each = flow_join(flow, (unsigned)listing->n, STEP(on_calls));
	for (size_t i = 0; i < listing->n; i++)
		call_read_summary(flow, listing->entries[i].id, &listing->looked_at[i], each);
}

/* What fits goes to the page; true when that is full or nothing is left to be looked at. */
static bool is_complete(struct listing *listing)
{
	for (size_t i = 0; i < listing->n; i++) {
		if (listing->n_calls == listing->page.size) {
			listing->more = true;
			return true;
		}
		listing->after = listing->entries[i];
		if (fits(listing, &listing->looked_at[i]))
			listing->calls[listing->n_calls++] = listing->looked_at[i];
	}
	listing->searched += listing->n;
	return !listing->more || listing->searched >= SEARCH_MAX || !is_filtered(listing);
}

static void on_calls(struct flow *flow)
{
	struct listing *listing = flow->state;
	struct twilio_list list = {
		.collection = "Calls",
		.records = "calls",
		.account = req_caller(listing->req)->account,
		.page = listing->page,
		.filters = listing->filters,
		.n_filters = N_FILTERS,
	};
	struct json_writer w;
	struct buf body;

	if (!is_complete(listing)) {
		read_on(flow);
		return;
	}
	buf_init(&body, TWILIO_BODY_MAX);
	json_begin(&w, &body);
	twilio_list_begin(&w, &list);
	for (size_t i = 0; i < listing->n_calls; i++)
		(void)!call_view_put(&w, flow->arena, &listing->calls[i], listing->calls[i].id);
	twilio_list_end(&w, flow->arena, &list, listing->n_calls, listing->more,
			listing->more
				? arena_printf(flow->arena, "%lld-%s", (long long)listing->after.created_ms,
					       listing->after.id.s)
				: STR_NULL);
	reply_json(listing->req, 200, &body);
}
