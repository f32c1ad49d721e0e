/* alias.c - al:{AC}, one JSON text for each alias.
 *
 *     read, find: HGET -> next step            several: HMGET -> next step
 *     put:        account_put.lua -> next step
 *     list:       HKEYS -> HMGET of one page -> next step
 *
 * "updated" stays first in the text: the script compares versions by it.
 */
#include "common/model/alias.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/io/redis.h"
#include "scripts.gen.h"

enum { TEXT_MAX = ALIAS_MEMBERS_MAX * (IDENTITY_MAX + 3) + 6 * ALIAS_NOTE_MAX + 128 };

/* -- as it is stored -- */

static void write_text(const struct alias *alias, struct buf *out)
{
	struct json_writer w;

	json_begin(&w, out);
	json_object(&w);
	json_int(&w, "updated", (int64_t)alias->updated_ms);
	json_int(&w, "created", (int64_t)alias->created_ms);
	json_str(&w, "note", alias->note);
	json_name(&w, "members");
	json_array(&w);
	for (size_t i = 0; i < alias->n_members; i++)
		json_put_str(&w, alias->members[i]);
	json_array_end(&w);
	json_object_end(&w);
}

static bool read_members(struct arena *arena, const struct json *list, struct alias *out)
{
	out->members = arena_alloc(arena, (json_count(list) + 1) * sizeof(*out->members));
	for (const struct json *one = json_first(list); one; one = json_next(one)) {
		out->members[out->n_members] = arena_copy(arena, json_string(one));
		if (!identity_is_valid(out->members[out->n_members++]))
			return false;
	}
	return true;
}

static bool read_text(struct arena *arena, struct str name, struct str text, struct alias *out)
{
	int64_t updated = 0, created = 0;
	struct json *doc = NULL;
	bool is_fine;

	*out = (struct alias){ .name = name };
	is_fine = text.n <= TEXT_MAX && json_parse(text, &doc, NULL) == ERR_NONE &&
		  json_integer(json_get(doc, "updated"), &updated) &&
		  json_integer(json_get(doc, "created"), &created) &&
		  read_members(arena, json_get(doc, "members"), out);
	if (is_fine) {
		out->note = arena_copy(arena, json_string(json_get(doc, "note")));
		out->updated_ms = (uint64_t)updated;
		out->created_ms = (uint64_t)created;
	} else {
		log_error("alias_unreadable", "name=%s", log_str(name));
	}
	json_free(doc);
	return is_fine;
}

/* -- one -- */

struct lookup {
	struct alias *out;
	struct flow_step next;
	bool absent_is_fine;
};

static void on_text(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct lookup *lookup = arg;
	const struct str text = redis_str(reply);

	if (str_is_null(text) && !lookup->absent_is_fine)
		flow_fail(flow, ERR_NOT_FOUND, "");
	else if (!str_is_null(text) && !read_text(flow->arena, lookup->out->name, text, lookup->out))
		flow_fail(flow, ERR_STORE_REPLY, "the alias cannot be read");
	else
		flow_run(flow, lookup->next);
}

static void look_up(struct flow *flow, struct sid account, struct str name, bool absent_is_fine,
		    struct alias *out, struct flow_step next)
{
	struct lookup *lookup = flow_alloc(flow, sizeof(*lookup));
	const struct str argv[] = { STR("HGET"), key_account_aliases(flow->arena, sid_str(&account)), name };

	*lookup = (struct lookup){ out, next, absent_is_fine };
	*out = (struct alias){ .name = arena_copy(flow->arena, name) };
	flow_redis(flow, next.name, on_text, lookup, ARRAY_LEN(argv), argv);
}

void alias_read(struct flow *flow, struct sid account, struct str name, struct alias *out,
		struct flow_step next)
{
	look_up(flow, account, name, false, out, next);
}

void alias_find(struct flow *flow, struct sid account, struct str name, struct alias *out,
		struct flow_step next)
{
	look_up(flow, account, name, true, out, next);
}

/* -- several -- */

struct lookups {
	struct alias *out;
	size_t n;
	struct flow_step next;
};

static void on_texts(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct lookups *lookups = arg;

	for (size_t i = 0; i < lookups->n; i++) {
		struct alias *alias = &lookups->out[i];
		const struct str text = redis_str_at(reply, i);

		if (!str_is_null(text) && !read_text(flow->arena, alias->name, text, alias))
			*alias = (struct alias){ .name = alias->name };
	}
	flow_run(flow, lookups->next);
}

void aliases_find(struct flow *flow, struct sid account, const struct str names[], size_t n,
		  struct alias out[], struct flow_step next)
{
	struct lookups *lookups = flow_alloc(flow, sizeof(*lookups));
	struct str argv[REDIS_MAX_ARGS] = { STR("HMGET"),
					    key_account_aliases(flow->arena, sid_str(&account)) };

	INVARIANT(n > 0 && n + 2 <= REDIS_MAX_ARGS);
	*lookups = (struct lookups){ out, n, next };
	for (size_t i = 0; i < n; i++) {
		argv[2 + i] = names[i];
		out[i] = (struct alias){ .name = names[i] };
	}
	flow_redis(flow, next.name, on_texts, lookups, 2 + n, argv);
}

/* -- changing -- */

static void on_put(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct flow_step *next = arg;
	const struct str answer = redis_str(reply);

	if (str_eq(answer, STR("OK")))
		flow_run(flow, *next);
	else if (str_eq(answer, STR("FULL")))
		flow_fail(flow, ERR_CONFLICT, "the account has as many aliases as it may (%d)", ALIASES_MAX);
	else if (str_eq(answer, STR("NOT_FOUND")))
		flow_fail(flow, ERR_NOT_FOUND, "");
	else
		flow_fail(flow, ERR_STALE, "");
}

static struct flow_step *keep(struct flow *flow, struct flow_step next)
{
	struct flow_step *kept = flow_alloc(flow, sizeof(*kept));

	*kept = next;
	return kept;
}

void alias_put(struct flow *flow, struct sid account, struct alias *in, struct flow_step next)
{
	char version[24], most[24];
	const struct str replaces = redis_num(version, (int64_t)in->updated_ms);
	struct buf text;

	in->updated_ms = MAX(clock_wall_ms(), in->updated_ms + 1);
	if (in->created_ms == 0)
		in->created_ms = in->updated_ms;
	buf_init(&text, TEXT_MAX);
	write_text(in, &text);
	INVARIANT(buf_ok(&text));

	const struct str argv[] = { in->name, buf_str(&text), replaces, redis_num(most, ALIASES_MAX),
				    STR("") };

	flow_script(flow, next.name, on_put, keep(flow, next), &scripts[SCRIPT_ACCOUNT_PUT],
		    key_account_aliases(flow->arena, sid_str(&account)), ARRAY_LEN(argv), argv);
	buf_fini(&text);
}

static void on_deleted(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct flow_step *next = arg;
	int64_t n = 0;

	if (redis_int(reply, &n) && n > 0)
		flow_run(flow, *next);
	else
		flow_fail(flow, ERR_NOT_FOUND, "");
}

void alias_delete(struct flow *flow, struct sid account, struct str name, struct flow_step next)
{
	const struct str argv[] = { STR("HDEL"), key_account_aliases(flow->arena, sid_str(&account)), name };

	flow_redis(flow, next.name, on_deleted, keep(flow, next), ARRAY_LEN(argv), argv);
}

/* -- listing -- */

struct listing {
	struct sid account;
	struct str after;
	size_t size;
	struct str *names; /* of the page */
	size_t n_names;
	struct alias_page *out;
	struct flow_step next;
};

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void on_records(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct listing *listing = arg;
	struct alias_page *out = listing->out;

	for (size_t i = 0; i < listing->n_names; i++) {
		const struct str text = redis_str_at(reply, i);

		/* deleted since HKEYS */
		if (!str_is_null(text) &&
		    read_text(flow->arena, listing->names[i], text, &out->items[out->n]))
			out->n++;
	}
	flow_run(flow, listing->next);
}

static void read_page(struct flow *flow, struct listing *listing)
{
	struct str argv[2 + ALIAS_PAGE_MAX] = {
		STR("HMGET"), key_account_aliases(flow->arena, sid_str(&listing->account))
	};

	memcpy(argv + 2, listing->names, listing->n_names * sizeof(*argv));
	flow_redis(flow, listing->next.name, on_records, listing, 2 + listing->n_names, argv);
}

static void on_names(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct listing *listing = arg;
	const size_t n = MIN(redis_count(reply), (size_t)ALIASES_MAX);
	struct str *all = flow_alloc(flow, (n + 1) * sizeof(*all));
	size_t first = 0;

	for (size_t i = 0; i < n; i++)
		all[i] = arena_copy(flow->arena, redis_str_at(reply, i));
	qsort(all, n, sizeof(*all), by_text);
	while (first < n && !str_is_null(listing->after) && str_cmp(all[first], listing->after) <= 0)
		first++;
	listing->names = all + first;
	listing->n_names = MIN(n - first, listing->size);
	listing->out->more = n - first > listing->size;
	if (listing->n_names > 0)
		read_page(flow, listing);
	else
		flow_run(flow, listing->next);
}

void aliases_list(struct flow *flow, struct sid account, struct str after, size_t size,
		  struct alias_page *out, struct flow_step next)
{
	struct listing *listing = flow_alloc(flow, sizeof(*listing));
	const struct str argv[] = { STR("HKEYS"), key_account_aliases(flow->arena, sid_str(&account)) };

	INVARIANT(size > 0 && size <= ALIAS_PAGE_MAX);
	*listing = (struct listing){
		.account = account, .after = after, .size = size, .out = out, .next = next
	};
	*out = (struct alias_page){ .items = flow_alloc(flow, size * sizeof(*out->items)) };
	flow_redis(flow, next.name, on_names, listing, ARRAY_LEN(argv), argv);
}
