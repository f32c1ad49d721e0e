/* dead_letters.c - /v1/Accounts/{A}/DeadLetters: webhooks that could not be delivered.
 *
 *     dead_letters_list_get -> on_page, on_account -> 200
 *     dead_letters_replay_post -> on_replayed -> 200        (of a kind or all; a bounded number at a time)
 *     dead_letter_replay_post -> on_one_replayed -> 204
 *     dead_letter_delete_one -> on_deleted -> 204
 */
#include "common/base/clock.h"
#include "common/io/url.h"
#include "common/model/auth.h"
#include "common/model/dead_letters.h"
#include "common/model/outbox_entry.h"
#include "presence-svc/endpoints.h"

enum { REPLY_MAX = 4 * 1024 * 1024, SIZE_PRESET = 20 };

struct listing {
	struct req *req;
	enum dead_letter_kinds kinds;
	struct dead_letter_id after;
	unsigned size;
	struct account account;
	struct dead_letter_page page;
};

static void on_page(struct flow *flow);
static void on_account(struct flow *flow);
static void on_replayed(struct flow *flow);
static void on_one_replayed(struct flow *flow);
static void on_deleted(struct flow *flow);

static const struct {
	const char *word;
	enum dead_letter_kinds kinds;
} kind_words[] = {
	{ "presence", DEAD_LETTERS_PRESENCE },
	{ "calls", DEAD_LETTERS_CALLS },
};

static bool read_kind(struct str word, const char *field, enum dead_letter_kinds *out,
		      struct json_fault *fault)
{
	*out = DEAD_LETTERS_ALL;
	if (str_is_null(word))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(kind_words); i++) {
		*out = kind_words[i].kinds;
		if (str_eq(word, str_of(kind_words[i].word)))
			return true;
	}
	return json_fault_set(fault, field, "has to be presence or calls");
}

/* ---- the list ---- */

static bool read_page(struct listing *listing, struct json_fault *fault)
{
	const struct str size = req_query(listing->req, "PageSize");
	const struct str token = req_query(listing->req, "PageToken");
	uint64_t value = SIZE_PRESET;

	if (!str_is_null(size) && (!str_to_u64(size, &value) || value < 1 || value > DEAD_LETTERS_PAGE_MAX))
		return json_fault_set(fault, "PageSize", "has to be a number from 1 to %d",
				      DEAD_LETTERS_PAGE_MAX);
	listing->size = (unsigned)value;
	return str_is_null(token) ||
	       (dead_letter_id_parse(token, &listing->after) &&
		dead_letter_id_fits(&listing->after, req_caller(listing->req)->account, listing->kinds)) ||
	       json_fault_set(fault, "PageToken", "is not one that a page gave");
}

void dead_letters_list_get(struct req *req)
{
	struct listing *listing = req_state(req, sizeof(*listing));
	struct json_fault fault = { .missing = false };

	listing->req = req;
	if (!read_kind(req_query(req, "Kind"), "Kind", &listing->kinds, &fault) ||
	    !read_page(listing, &fault)) {
		reply_fault(req, &fault);
		return;
	}
	dead_letters_list(req_flow(req), req_caller(req)->account, listing->kinds,
			  listing->after.slot.kind ? &listing->after : NULL, listing->size, &listing->page,
			  STEP(on_page));
}

static void on_page(struct flow *flow)
{
	struct listing *listing = flow->state;

	account_load(req_accounts(listing->req), flow, req_caller(listing->req)->account, &listing->account,
		     STEP(on_account));
}

/* The request as it would be sent now. */
static void put_request(struct json_writer *w, struct flow *flow, const struct outbox_kind *kind,
			const struct dead_letter *letter, const struct account *account)
{
	const struct settings *settings = worker_common(flow->worker)->settings;
	struct webhook_request request = { .url = STR_NULL };

	if (kind->render(flow->arena, letter->subject, letter->entry, account, settings, &request) ==
	    OUTBOX_UNREADABLE)
		request = (struct webhook_request){ .body = STR_NULL };
	json_str(w, "url", request.url.n ? url_public(flow->arena, request.url) : STR_NULL);
	json_str(w, "webhook_id", request.id);
	json_str(w, "body", request.body);
}

static void put_letter(struct json_writer *w, struct flow *flow, const struct dead_letter *letter,
		       const struct account *account)
{
	const bool is_presence = letter->id.slot.kind == 'p';
	const struct outbox_kind *kind = is_presence ? &outbox_of_presence : &outbox_of_calls;

	json_object(w);
	json_str(w, "id", dead_letter_id_text(flow->arena, &letter->id));
	json_str(w, "kind", is_presence ? STR("presence") : STR("calls"));
	json_str(w, "subject", kind->label_of(letter->subject));
	put_request(w, flow, kind, letter, account);
	json_str(w, "why", letter->why);
	json_int(w, "tries", letter->tries);
	json_str(w, "died_at", clock_rfc3339(flow->arena, letter->died_ms));
	json_object_end(w);
}

static void on_account(struct flow *flow)
{
	const struct listing *listing = flow->state;
	const struct dead_letter_page *page = &listing->page;
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_name(&w, "dead_letters");
	json_array(&w);
	for (size_t i = 0; i < page->n; i++)
		put_letter(&w, flow, &page->items[i], &listing->account);
	json_array_end(&w);
	json_str(&w, "next_page_token",
		 page->more ? dead_letter_id_text(flow->arena, &page->items[page->n - 1].id) : STR_NULL);
	json_object_end(&w);
	reply_json(listing->req, 200, &body);
}

/* ---- once more ---- */

static void reply_replayed(struct req *req, int64_t replayed, int64_t left)
{
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_int(&w, "replayed", replayed);
	json_int(&w, "left", left);
	json_object_end(&w);
	reply_json(req, 200, &body);
}

void dead_letters_replay_post(struct req *req)
{
	struct dead_letters_replayed *replayed = req_state(req, sizeof(*replayed));
	struct json_fault fault = { .missing = false };
	enum dead_letter_kinds kinds;
	const struct json *body;
	struct str word;

	if (!req_json_or_reply(req, &body))
		return;
	if (!json_get_str(body, "kind", JSON_OPTIONAL, 16, &word, &fault) ||
	    !read_kind(word, "kind", &kinds, &fault)) {
		reply_fault(req, &fault);
		return;
	}
	dead_letters_replay(req_flow(req), req_caller(req)->account, kinds, replayed, STEP(on_replayed));
}

static void on_replayed(struct flow *flow)
{
	const struct dead_letters_replayed *replayed = flow->state;

	reply_replayed(flow_req(flow), replayed->replayed, replayed->left);
}

static bool letter_or_reply(struct req *req, struct dead_letter_id *out)
{
	if (dead_letter_id_parse(req_param(req, "letter"), out))
		return true;
	reply_error(req, ERR_NOT_FOUND, "");
	return false;
}

void dead_letter_replay_post(struct req *req)
{
	struct dead_letter_id id;

	if (letter_or_reply(req, &id))
		dead_letter_replay(req_flow(req), req_caller(req)->account, &id, STEP(on_one_replayed));
}

static void on_one_replayed(struct flow *flow)
{
	reply_empty(flow_req(flow), 204);
}

/* ---- thrown away ---- */

void dead_letter_delete_one(struct req *req)
{
	struct dead_letter_id id;

	if (letter_or_reply(req, &id))
		dead_letter_delete(req_flow(req), req_caller(req)->account, &id, STEP(on_deleted));
}

static void on_deleted(struct flow *flow)
{
	reply_empty(flow_req(flow), 204);
}
