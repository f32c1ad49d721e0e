/* presence_query.c - POST /v1/Accounts/{A}/Presence/Query: many clients by name, in one message.
 *
 *     presence_query_post -> on_clients -> 200 (304 when If-None-Match still holds)
 *
 * {"identities":[..], "media"?, "ringable"?} gives {"clients":[documents in the order asked], "denied":[..]}.
 */
#include <stdio.h>

#include "common/model/auth.h"
#include "common/model/presence_json.h"
#include "common/model/presence_search.h"
#include "presence-svc/endpoints.h"
#include "presence-svc/etag.h"

enum { REPLY_MAX = 2 * 1024 * 1024 };

struct asked {
	struct req *req;
	struct str *identities, *denied;
	size_t n, n_denied;
	unsigned media, ringable; /* who cannot do all of these is left out */
	struct presence *found;
};

static void on_clients(struct flow *flow);

static bool read_medium(const struct json *body, const char *name, unsigned *mask, struct json_fault *fault)
{
	struct str word;

	if (!json_get_str(body, name, JSON_OPTIONAL, 16, &word, fault))
		return false;
	return str_is_null(word) || media_bit_of(word, mask) ||
	       json_fault_set(fault, name, "has to be voice, video or message");
}

/* What a client's token does not permit to watch is not looked at. */
static void sort_in(struct asked *asked, struct str identity)
{
	const struct caller *caller = req_caller(asked->req);

	if (caller->is_server || client_token_may_watch(caller->token, identity))
		asked->identities[asked->n++] = identity;
	else
		asked->denied[asked->n_denied++] = identity;
}

static bool read_identities(struct asked *asked, const struct json *body, struct json_fault *fault)
{
	struct flow *flow = req_flow(asked->req);
	const struct json *array;
	size_t i = 0;

	if (!json_get_array(body, "identities", JSON_REQUIRED, PRESENCE_QUERY_MAX, &array, fault))
		return false;
	asked->identities = flow_alloc(flow, (json_count(array) + 1) * sizeof(*asked->identities));
	asked->denied = flow_alloc(flow, (json_count(array) + 1) * sizeof(*asked->denied));
	for (const struct json *one = json_first(array); one; one = json_next(one), i++) {
		char field[32];

		snprintf(field, sizeof(field), "identities[%zu]", i);
		if (!identity_is_valid(json_string(one)))
			return json_fault_set(fault, field, "is not the name of a client");
		sort_in(asked, json_string(one));
	}
	return true;
}

void presence_query_post(struct req *req)
{
	struct asked *asked = req_state(req, sizeof(*asked));
	struct json_fault fault = { .missing = false };
	const struct json *body;

	asked->req = req;
	if (!req_json_or_reply(req, &body))
		return;
	if (!read_identities(asked, body, &fault) || !read_medium(body, "media", &asked->media, &fault) ||
	    !read_medium(body, "ringable", &asked->ringable, &fault)) {
		reply_fault(req, &fault);
		return;
	}
	asked->found = flow_alloc(req_flow(req), (asked->n + 1) * sizeof(*asked->found));
	presence_query(req_flow(req), req_caller(req)->account, asked->identities, asked->n, asked->found,
		       STEP(on_clients));
}

static void on_clients(struct flow *flow)
{
	const struct asked *asked = flow->state;
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_name(&w, "clients");
	json_array(&w);
	for (size_t i = 0; i < asked->n; i++) {
		const struct presence *presence = &asked->found[i];

		if ((presence->media & asked->media) == asked->media &&
		    (presence->ringable & asked->ringable) == asked->ringable)
			presence_put_json(&w, flow->arena, asked->identities[i], presence);
	}
	json_array_end(&w);
	json_name(&w, "denied");
	json_array(&w);
	for (size_t i = 0; i < asked->n_denied; i++)
		json_put_str(&w, asked->denied[i]);
	json_array_end(&w);
	json_object_end(&w);
	reply_json_etag(asked->req, &body);
}
