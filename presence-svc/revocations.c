/* revocations.c - /v1/Accounts/{A}/Tokens/Revoke and /Tokens/Revocations
 *
 *     tokens_revoke   -> on_written -> leases that it ends -> on_ended -> 204
 *     revocations_get -> on_page -> 200, newest first
 *
 * The channels hear of it by the account's notice (recheck.h).
 */
#include "presence-svc/endpoints.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/model/auth.h"
#include "common/model/revocation.h"
#include "common/model/twilio_json.h"

enum { PAGE_MAX = 1000, REPLY_MAX = 1024 * 1024 };

static const struct field {
	enum revocation_kind kind;
	const char *name;
} fields[] = {
	{ REVOKE_TOKEN, "token_id" },
	{ REVOKE_IDENTITY, "identity" },
	{ REVOKE_KEY, "key" },
};

struct listing {
	struct twilio_page page;
	struct revocation_page found;
};

static void on_written(struct flow *flow);
static void on_ended(struct flow *flow);
static void on_page(struct flow *flow);

/* ---- revoking ---- */

static bool id_is_valid(enum revocation_kind kind, struct str id, struct json_fault *fault)
{
	struct sid key;

	switch (kind) {
	case REVOKE_TOKEN:
		return (id.n > 0 && id.n <= CLIENT_TOKEN_ID_MAX && !str_has_ctl(id)) ||
		       json_fault_set(fault, "token_id", "has to be a token's jti of at most %d bytes",
				      CLIENT_TOKEN_ID_MAX);
	case REVOKE_IDENTITY:
		return identity_is_valid(id) || json_fault_set(fault, "identity", "is not a client's name");
	case REVOKE_KEY:
		return sid_parse(id, "SK", &key) || json_fault_set(fault, "key", "has to be an SK sid");
	}
	return false;
}

/* Exactly one of the fields. */
static bool read_subject(const struct json *body, struct revocation *out, struct json_fault *fault)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct field *field = &fields[i];
		struct str id;

		if (!json_get_str(body, field->name, JSON_OPTIONAL, HTTP_BODY_MAX, &id, fault))
			return false;
		if (str_is_null(id))
			continue;
		if (!str_is_null(out->id))
			return json_fault_set(fault, field->name,
					      "cannot be revoked with another one at once");
		if (!id_is_valid(field->kind, id, fault))
			return false;
		*out = (struct revocation){ .kind = field->kind, .id = id };
	}
	if (!str_is_null(out->id))
		return true;
	(void)!json_fault_set(fault, "token_id", "or identity or key has to say what is revoked");
	fault->missing = true;
	return false;
}

void tokens_revoke(struct req *req)
{
	struct revocation *revoking = req_state(req, sizeof(*revoking));
	struct json_fault fault = { .missing = false };
	const struct json *body;

	if (!req_json_or_reply(req, &body))
		return;
	if (!read_subject(body, revoking, &fault)) {
		reply_fault(req, &fault);
		return;
	}
	revocation_put(req_accounts(req), req_flow(req), req_caller(req)->account, revoking,
		       STEP(on_written));
}

static void on_written(struct flow *flow)
{
	const struct revocation *revoking = flow->state;

	log_info("revoked", "kind=%c id=%s", revoking->kind, log_str(revoking->id));
	revocation_end_leases(flow, req_caller(flow_req(flow))->account, revoking, STEP(on_ended));
}

static void on_ended(struct flow *flow)
{
	reply_empty(flow_req(flow), 204);
}

/* ---- what was revoked ---- */

/* A page's token is the time of its last revocation. */
static bool token_or_reply(struct req *req, struct str token, int64_t *before_us)
{
	if (str_is_null(token) || (str_to_i64(token, before_us) && *before_us > 0))
		return true;
	return twilio_fault(req, "PageToken", "is not one that a page gave");
}

void revocations_get(struct req *req)
{
	struct listing *listing = req_state(req, sizeof(*listing));
	int64_t before_us = 0;

	if (twilio_page_or_reply(req, PAGE_MAX, &listing->page) &&
	    token_or_reply(req, listing->page.token, &before_us))
		revocations_list(req_flow(req), req_caller(req)->account, before_us, listing->page.size,
				 &listing->found, STEP(on_page));
}

static const char *name_of(enum revocation_kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].kind == kind)
			return fields[i].name;
	return "subject";
}

static void put_revocation(struct json_writer *w, struct arena *arena, const struct revocation *one)
{
	const uint64_t at_ms = (uint64_t)one->at_us / 1000;

	json_object(w);
	json_str(w, name_of(one->kind), one->id);
	json_str(w, "revoked_at", clock_rfc3339(arena, at_ms));
	json_str(w, "kept_until", clock_rfc3339(arena, at_ms + UINT64_C(1000) * REVOCATION_KEPT_S));
	json_object_end(w);
}

static void on_page(struct flow *flow)
{
	const struct revocation_page *found = &((struct listing *)flow->state)->found;
	struct str next = STR_NULL;
	struct json_writer w;
	struct buf body;

	if (found->more)
		next = arena_printf(flow->arena, "%lld", (long long)found->items[found->n - 1].at_us);
	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_name(&w, "revocations");
	json_array(&w);
	for (size_t i = 0; i < found->n; i++)
		put_revocation(&w, flow->arena, &found->items[i]);
	json_array_end(&w);
	json_str(&w, "next_page_token", next);
	json_object_end(&w);
	reply_json(flow_req(flow), 200, &body);
}
