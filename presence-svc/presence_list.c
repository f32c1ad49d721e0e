/* presence_list.c - GET /v1/Accounts/{A}/Presence: an account's clients, all or those that fit, page by page.
 *
 *     presence_list_get -> on_page -> 200 (304 when If-None-Match still holds)
 *
 * A page goes on behind the last client that was looked at.  Where that is stands in the
 * token, with a proof that we made it for this account.
 */
#include "common/base/crypto.h"
#include "common/model/auth.h"
#include "common/model/presence_json.h"
#include "common/model/presence_search.h"
#include "common/model/seal.h"
#include "presence-svc/endpoints.h"
#include "presence-svc/etag.h"

enum { REPLY_MAX = 2 * 1024 * 1024, SIZE_PRESET = 50, TOKEN_MAX = 512, MAC_LEN = 12 };

struct listing {
	struct req *req;
	struct presence_filter filter;
	struct presence_position from;
	unsigned size;
	struct presence_page page;
};

static void on_page(struct flow *flow);

/* ---- the token: base64url(proof, partition digit, name) ---- */

static struct str proven_text(struct req *req, struct str position)
{
	return arena_printf(req_arena(req), "%s|" STR_FMT, req_caller(req)->account.s, STR_ARG(position));
}

static struct str token_of(struct req *req, const struct presence_position *at)
{
	const struct seal *seal = worker_common(req_worker(req))->seal;
	const struct str position =
		arena_printf(req_arena(req), "%u" STR_FMT, at->partition, STR_ARG(at->name));
	uint8_t mac[MAC_LEN];
	struct buf plain, text;
	struct str token;

	seal_mac(seal, "presence-page", proven_text(req, position), mac, MAC_LEN);
	buf_init(&plain, TOKEN_MAX);
	buf_init(&text, TOKEN_MAX);
	buf_put(&plain, str_n((const char *)mac, MAC_LEN));
	buf_put(&plain, position);
	crypto_base64url(&text, buf_str(&plain));
	token = arena_copy(req_arena(req), buf_str(&text));
	buf_fini(&plain);
	buf_fini(&text);
	return token;
}

static bool read_token(struct req *req, struct str token, struct presence_position *out)
{
	const struct seal *seal = worker_common(req_worker(req))->seal;
	struct str position = STR_NULL;
	struct buf plain;

	buf_init(&plain, TOKEN_MAX);
	if (token.n <= TOKEN_MAX && crypto_base64url_decode(token, &plain) && plain.n > MAC_LEN) {
		position = arena_copy(req_arena(req), str_skip(buf_str(&plain), MAC_LEN));
		if (!seal_mac_is(seal, "presence-page", proven_text(req, position), (const uint8_t *)plain.p,
				 MAC_LEN))
			position = STR_NULL;
	}
	buf_fini(&plain);
	if (str_is_null(position))
		return false;
	*out = (struct presence_position){ (unsigned)(position.p[0] - '0'), str_skip(position, 1) };
	return out->partition < KEYS_SPREAD && (out->name.n == 0 || identity_is_valid(out->name));
}

/* ---- the request ---- */

static bool read_size(struct str text, unsigned *size, struct json_fault *fault)
{
	uint64_t value = SIZE_PRESET;

	if (!str_is_null(text) && (!str_to_u64(text, &value) || value < 1 || value > PRESENCE_PAGE_MAX))
		return json_fault_set(fault, "PageSize", "has to be a number from 1 to %d",
				      PRESENCE_PAGE_MAX);
	*size = (unsigned)value;
	return true;
}

static bool read_page(struct listing *listing, struct json_fault *fault)
{
	const struct str token = req_query(listing->req, "PageToken");

	listing->from = (struct presence_position){ .name = STR("") };
	if (!read_size(req_query(listing->req, "PageSize"), &listing->size, fault))
		return false;
	return str_is_null(token) || read_token(listing->req, token, &listing->from) ||
	       json_fault_set(fault, "PageToken", "is not one that a page gave");
}

void presence_list_get(struct req *req)
{
	struct listing *listing = req_state(req, sizeof(*listing));
	const struct caller *caller = req_caller(req);
	struct json_fault fault = { .missing = false };
	const struct form *query;

	listing->req = req;
	if (!req_query_form_or_reply(req, &query))
		return;
	if (!presence_filter_read(query, &listing->filter, &fault) || !read_page(listing, &fault)) {
		reply_fault(req, &fault);
		return;
	}
	if (!caller->is_server && !client_token_may_watch_prefix(caller->token, listing->filter.prefix)) {
		reply_error(req, ERR_FORBIDDEN, "the token does not permit to watch all of these clients");
		return;
	}
	presence_list(req_flow(req), caller->account, &listing->filter, listing->from, listing->size,
		      &listing->page, STEP(on_page));
}

/* ---- the answer ---- */

static struct str next_uri(struct flow *flow, const struct listing *listing, struct str token)
{
	struct buf uri;
	struct str copy;

	buf_init(&uri, HTTP_BODY_MAX);
	buf_printf(&uri, "/v1/Accounts/%s/Presence?", req_caller(listing->req)->account.s);
	presence_filter_write(&uri, &listing->filter);
	buf_printf(&uri, "PageSize=%u&PageToken=" STR_FMT, listing->size, STR_ARG(token));
	copy = arena_copy(flow->arena, buf_str(&uri));
	buf_fini(&uri);
	return copy;
}

static void on_page(struct flow *flow)
{
	const struct listing *listing = flow->state;
	const struct presence_page *page = &listing->page;
	const struct str token = page->more ? token_of(listing->req, &page->next) : STR_NULL;
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_name(&w, "clients");
	json_array(&w);
	for (size_t i = 0; i < page->n; i++)
		presence_put_json(&w, flow->arena, page->clients[i].identity, &page->clients[i].presence);
	json_array_end(&w);
	json_str(&w, "next_page_token", token);
	json_str(&w, "next_page_uri", page->more ? next_uri(flow, listing, token) : STR_NULL);
	json_object_end(&w);
	reply_json_etag(listing->req, &body);
}
