/* presence_search.c
 *
 *     presence_query -> presence_query.lua in each partition, side by side -> on_lines -> next
 *     presence_list  -> ask -> presence_list.lua in one partition -> on_rows -> ask ... -> next
 *     presence_history -> on_history -> next
 */
#include "common/model/presence_search.h"

#include "scripts.gen.h"

/* ---- those that are named ---- */

struct asked { /* of one partition */
	const struct str *identities;
	size_t *place; /* in the whole question */
	size_t n;
	struct presence *out;
	struct flow_step next;
};

static void on_lines(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct asked *asked = arg;

	for (size_t i = 0; i < asked->n; i++) {
		const struct str line = redis_str_at(reply, i);

		if (!str_is_null(line))
			presence_parse(flow->arena, line, &asked->out[asked->place[i]]);
	}
	flow_run(flow, asked->next);
}

static void ask_partition(struct flow *flow, struct sid account, struct asked *asked)
{
	struct str *argv = flow_alloc(flow, asked->n * sizeof(*argv));

	for (size_t i = 0; i < asked->n; i++)
		argv[i] = asked->identities[asked->place[i]];
	flow_script(flow, "presence_query", on_lines, asked, &scripts[SCRIPT_PRESENCE_QUERY],
		    key_client(flow->arena, sid_str(&account), argv[0]), asked->n, argv);
}

static void note_place(struct flow *flow, struct asked *asked, size_t place, size_t most)
{
	if (!asked->place)
		asked->place = flow_alloc(flow, most * sizeof(*asked->place));
	asked->place[asked->n++] = place;
}

void presence_query(struct flow *flow, struct sid account, const struct str identities[], size_t n,
		    struct presence out[], struct flow_step next)
{
	struct asked *parts = flow_alloc(flow, KEYS_SPREAD * sizeof(*parts));
	unsigned used = 0;

	INVARIANT(n <= PRESENCE_QUERY_MAX);
	for (size_t i = 0; i < n; i++) {
		struct asked *part = &parts[key_spread(identities[i])];

		out[i] = (struct presence){ .status = STR("offline") };
		used += part->n == 0;
		note_place(flow, part, i, n);
	}
	if (used == 0) {
		flow_next(flow, next);
		return;
	}
	next = flow_join(flow, used, next);
	for (unsigned i = 0; i < KEYS_SPREAD; i++) {
		if (parts[i].n == 0)
			continue;
		parts[i].identities = identities;
		parts[i].out = out;
		parts[i].next = next;
		ask_partition(flow, account, &parts[i]);
	}
}

/* ---- those that fit ---- */

enum {
	LOOK_AT = 200, /* candidates in one script call: well below a millisecond */
	LOOKS_MAX = 32 /* script calls for one page */
};

struct listing {
	struct str account;
	const struct presence_filter *filter;
	struct str terms[FILTER_ATTRIBUTES_MAX];
	size_t size;
	unsigned looks;
	struct presence_page *out;
	struct flow_step next;
};

static void ask(struct flow *flow, struct listing *listing);

/* The next partition; false behind the last. */
static bool go_on(struct presence_page *page)
{
	page->next.name = STR("");
	page->more = ++page->next.partition < KEYS_SPREAD;
	return page->more;
}

static void on_rows(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct listing *listing = arg;
	struct presence_page *page = listing->out;

	for (size_t i = 1; i + 1 < redis_count(reply) && page->n < listing->size; i += 2) {
		struct presence_entry *entry = &page->clients[page->n++];

		entry->identity = arena_copy(flow->arena, redis_str_at(reply, i));
		presence_parse(flow->arena, redis_str_at(reply, i + 1), &entry->presence);
	}
	page->next.name = arena_copy(flow->arena, redis_str_at(reply, 0));
	if (page->next.name.n == 0 && !go_on(page))
		flow_run(flow, listing->next);
	else if (page->n == listing->size || listing->looks == LOOKS_MAX)
		flow_run(flow, listing->next);
	else
		ask(flow, listing);
}

static void ask(struct flow *flow, struct listing *listing)
{
	const struct presence_filter *filter = listing->filter;
	const struct presence_position *from = &listing->out->next;
	const unsigned partition = key_partition_nth(listing->account, from->partition);
	char media[24], ringable[24], most[24], look[24];
	struct str argv[7 + FILTER_ATTRIBUTES_MAX] = {
		filter->prefix,
		from->name,
		filter->status,
		redis_num(media, filter->media),
		redis_num(ringable, filter->ringable),
		redis_num(most, (int64_t)(listing->size - listing->out->n)),
		redis_num(look, LOOK_AT),
	};

	memcpy(argv + 7, listing->terms, filter->n_attributes * sizeof(*argv));
	listing->looks++;
	flow_script(flow, "presence_list", on_rows, listing, &scripts[SCRIPT_PRESENCE_LIST],
		    key_index_all(flow->arena, partition, listing->account), 7 + filter->n_attributes, argv);
}

void presence_list(struct flow *flow, struct sid account, const struct presence_filter *filter,
		   struct presence_position from, size_t size, struct presence_page *out,
		   struct flow_step next)
{
	struct listing *listing = flow_alloc(flow, sizeof(*listing));

	INVARIANT(size > 0 && size <= PRESENCE_PAGE_MAX && from.partition < KEYS_SPREAD);
	*listing = (struct listing){ .account = arena_copy(flow->arena, sid_str(&account)),
				     .filter = filter,
				     .size = size,
				     .out = out,
				     .next = next };
	for (size_t i = 0; i < filter->n_attributes; i++) {
		const struct form_field *one = &filter->attributes[i];

		listing->terms[i] = arena_printf(flow->arena, STR_FMT "=" STR_FMT, STR_ARG(one->name),
						 STR_ARG(one->value));
	}
	*out = (struct presence_page){ .clients = flow_alloc(flow, size * sizeof(*out->clients)),
				       .more = true,
				       .next = from };
	ask(flow, listing);
}

/* ---- what was ---- */

struct recall {
	struct presence_history *out;
	struct flow_step next;
};

static void on_history(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct recall *recall = arg;
	struct presence_history *out = recall->out;

	out->n = MIN(redis_count(reply), (size_t)PRESENCE_HISTORY_MAX);
	out->states = flow_alloc(flow, (out->n + 1) * sizeof(*out->states));
	for (size_t i = 0; i < out->n; i++)
		presence_parse(flow->arena, redis_str_at(reply, i), &out->states[i]);
	flow_run(flow, recall->next);
}

void presence_history(struct flow *flow, struct client_key client, struct presence_history *out,
		      struct flow_step next)
{
	struct recall *recall = flow_alloc(flow, sizeof(*recall));
	const struct str argv[] = {
		STR("LRANGE"),
		key_client_history(flow->arena, sid_str(&client.account), client.identity),
		STR("0"),
		STR("-1"),
	};

	*recall = (struct recall){ out, next };
	*out = (struct presence_history){ .n = 0 };
	flow_redis(flow, "presence_history", on_history, recall, ARRAY_LEN(argv), argv);
}
