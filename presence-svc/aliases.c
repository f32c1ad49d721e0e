/* aliases.c - /v1/Accounts/{A}/Aliases, Aliases/{name} and Aliases/{name}/Presence
 *
 *     aliases_list_get   -> on_page    -> 200
 *     alias_get          -> on_alias   -> 200
 *     alias_change       -> on_before  -> on_put -> 200, 201 when it is new
 *     alias_remove       -> on_removed -> 204
 *     alias_presence_get -> on_members -> on_presences -> 200 (304 when If-None-Match still holds)
 *
 * An alias shows the status of its best member: available, busy, on_call, away, dnd, offline,
 * whichever comes first; it can be rung for what any of them can be rung for.
 */
#include "presence-svc/endpoints.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/model/alias.h"
#include "common/model/auth.h"
#include "common/model/presence_json.h"
#include "common/model/presence_search.h"
#include "common/model/twilio_json.h"
#include "presence-svc/etag.h"

enum { REPLY_MAX = 2 * 1024 * 1024 };

struct one {
	struct alias alias;
	struct str *members; /* as given */
	size_t n_members;
	struct str note;
	bool is_new;
};

struct listing {
	struct twilio_page page;
	struct alias_page aliases;
};

struct seen {
	struct alias alias;
	struct str shown[ALIAS_MEMBERS_MAX]; /* members that the caller may watch */
	struct presence presences[ALIAS_MEMBERS_MAX];
	size_t n;
};

static void on_page(struct flow *flow);
static void on_alias(struct flow *flow);
static void on_before(struct flow *flow);
static void on_put(struct flow *flow);
static void on_removed(struct flow *flow);
static void on_members(struct flow *flow);
static void on_presences(struct flow *flow);

static bool name_or_reply(struct req *req, struct str *name)
{
	*name = req_param(req, "name");
	return identity_is_valid(*name) || twilio_fault(req, "name", "is not a name that an alias may have");
}

/* -- what is shown -- */

static void put_alias(struct json_writer *w, struct arena *arena, const struct alias *alias)
{
	json_object(w);
	json_str(w, "alias", alias->name);
	json_name(w, "members");
	json_array(w);
	for (size_t i = 0; i < alias->n_members; i++)
		json_put_str(w, alias->members[i]);
	json_array_end(w);
	json_str(w, "note", alias->note.n > 0 ? alias->note : STR_NULL);
	json_str(w, "created_at", clock_rfc3339(arena, alias->created_ms));
	json_str(w, "updated_at", clock_rfc3339(arena, alias->updated_ms));
	json_object_end(w);
}

static void reply_alias(struct flow *flow, unsigned status, const struct alias *alias)
{
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	put_alias(&w, flow->arena, alias);
	reply_json(flow_req(flow), status, &body);
}

/* -- all -- */

void aliases_list_get(struct req *req)
{
	struct listing *listing = req_state(req, sizeof(*listing));
	const struct str after = req_query(req, "PageToken");

	if (!twilio_page_or_reply(req, ALIAS_PAGE_MAX, &listing->page))
		return;
	if (!str_is_null(after) && !identity_is_valid(after))
		(void)!twilio_fault(req, "PageToken", "is not one that a page gave");
	else
		aliases_list(req_flow(req), req_caller(req)->account, after, listing->page.size,
			     &listing->aliases, STEP(on_page));
}

static struct str next_uri(struct flow *flow, const struct listing *listing, struct str token)
{
	struct buf uri;
	struct str copy;

	buf_init(&uri, 1024);
	buf_printf(&uri,
		   "/v1/Accounts/%s/Aliases?PageSize=%u&PageToken=", req_caller(flow_req(flow))->account.s,
		   listing->page.size);
	buf_put_urlencoded(&uri, token);
	copy = arena_copy(flow->arena, buf_str(&uri));
	buf_fini(&uri);
	return copy;
}

/* A page's token is the name that it ends with. */
static void on_page(struct flow *flow)
{
	const struct listing *listing = flow->state;
	const struct alias_page *page = &listing->aliases;
	const struct str token = page->more && page->n > 0 ? page->items[page->n - 1].name : STR_NULL;
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_name(&w, "aliases");
	json_array(&w);
	for (size_t i = 0; i < page->n; i++)
		put_alias(&w, flow->arena, &page->items[i]);
	json_array_end(&w);
	json_str(&w, "next_page_token", token);
	json_str(&w, "next_page_uri", str_is_null(token) ? STR_NULL : next_uri(flow, listing, token));
	json_object_end(&w);
	reply_json(flow_req(flow), 200, &body);
}

/* -- one -- */

void alias_get(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	struct str name;

	if (name_or_reply(req, &name))
		alias_read(req_flow(req), req_caller(req)->account, name, &one->alias, STEP(on_alias));
}

static void on_alias(struct flow *flow)
{
	const struct one *one = flow->state;

	reply_alias(flow, 200, &one->alias);
}

static bool is_named_before(const struct one *one, struct str name)
{
	for (size_t i = 0; i < one->n_members; i++)
		if (str_eq(one->members[i], name))
			return true;
	return false;
}

static bool read_members(struct arena *arena, const struct json *body, struct one *one,
			 struct json_fault *fault)
{
	const struct json *list;

	if (!json_get_array(body, "members", JSON_REQUIRED, ALIAS_MEMBERS_MAX, &list, fault))
		return false;
	if (json_count(list) == 0)
		return json_fault_set(fault, "members", "has to name at least one client");
	one->members = arena_alloc(arena, json_count(list) * sizeof(*one->members));
	for (const struct json *member = json_first(list); member; member = json_next(member)) {
		const struct str name = json_string(member);
		char field[24];

		snprintf(field, sizeof(field), "members[%zu]", one->n_members);
		if (!identity_is_valid(name))
			return json_fault_set(fault, field, "is not the name of a client");
		if (is_named_before(one, name))
			return json_fault_set(fault, field, "is named twice");
		one->members[one->n_members++] = name;
	}
	return true;
}

static bool read_alias(struct arena *arena, const struct json *body, struct one *one,
		       struct json_fault *fault)
{
	if (!read_members(arena, body, one, fault) ||
	    !json_get_str(body, "note", JSON_OPTIONAL, ALIAS_NOTE_MAX, &one->note, fault))
		return false;
	return !str_has_ctl(one->note) || json_fault_set(fault, "note", "holds a control character");
}

void alias_change(struct req *req)
{
	struct one *one = req_state(req, sizeof(*one));
	struct json_fault fault = { .missing = false };
	const struct json *body;
	struct str name;

	if (!name_or_reply(req, &name) || !req_json_or_reply(req, &body))
		return;
	if (read_alias(req_arena(req), body, one, &fault))
		alias_find(req_flow(req), req_caller(req)->account, name, &one->alias, STEP(on_before));
	else
		reply_fault(req, &fault);
}

static void on_before(struct flow *flow)
{
	struct one *one = flow->state;

	one->is_new = one->alias.created_ms == 0;
	one->alias.members = one->members;
	one->alias.n_members = one->n_members;
	one->alias.note = one->note;
	alias_put(flow, req_caller(flow_req(flow))->account, &one->alias, STEP(on_put));
}

static void on_put(struct flow *flow)
{
	const struct one *one = flow->state;

	reply_alias(flow, one->is_new ? 201 : 200, &one->alias);
}

void alias_remove(struct req *req)
{
	struct str name;

	if (name_or_reply(req, &name))
		alias_delete(req_flow(req), req_caller(req)->account, name, STEP(on_removed));
}

static void on_removed(struct flow *flow)
{
	reply_empty(flow_req(flow), 204);
}

/* -- who of them is there -- */

void alias_presence_get(struct req *req)
{
	struct seen *seen = req_state(req, sizeof(*seen));
	struct str name;

	if (name_or_reply(req, &name))
		alias_read(req_flow(req), req_caller(req)->account, name, &seen->alias, STEP(on_members));
}

static void on_members(struct flow *flow)
{
	struct seen *seen = flow->state;
	const struct caller *caller = req_caller(flow_req(flow));

	for (size_t i = 0; i < seen->alias.n_members && i < ALIAS_MEMBERS_MAX; i++)
		if (caller->is_server || client_token_may_watch(caller->token, seen->alias.members[i]))
			seen->shown[seen->n++] = seen->alias.members[i];
	if (seen->n > 0)
		presence_query(flow, caller->account, seen->shown, seen->n, seen->presences,
			       STEP(on_presences));
	else
		flow_fail(flow, ERR_FORBIDDEN, "the token does not permit to watch any of its members");
}

static struct str best_status(const struct seen *seen)
{
	static const char *const ranks[] = { "available", "busy", "on_call", "away", "dnd" };

	for (size_t rank = 0; rank < ARRAY_LEN(ranks); rank++)
		for (size_t i = 0; i < seen->n; i++)
			if (str_eq(seen->presences[i].status, str_of(ranks[rank])))
				return str_of(ranks[rank]);
	return STR("offline");
}

static void on_presences(struct flow *flow)
{
	const struct seen *seen = flow->state;
	unsigned ringable = 0, media = 0, devices = 0;
	struct json_writer w;
	struct buf body;

	for (size_t i = 0; i < seen->n; i++) {
		ringable |= seen->presences[i].ringable;
		media |= seen->presences[i].media;
		devices += seen->presences[i].device_count;
	}
	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_str(&w, "alias", seen->alias.name);
	json_str(&w, "status", best_status(seen));
	media_put(&w, "ringable", ringable);
	media_put(&w, "media", media);
	json_int(&w, "device_count", devices);
	json_str(&w, "note", seen->alias.note.n > 0 ? seen->alias.note : STR_NULL);
	json_name(&w, "members");
	json_array(&w);
	for (size_t i = 0; i < seen->n; i++)
		presence_put_json(&w, flow->arena, seen->shown[i], &seen->presences[i]);
	json_array_end(&w);
	json_object_end(&w);
	reply_json_etag(flow_req(flow), &body);
}
