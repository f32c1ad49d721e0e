/* auth.c - who is asking: the authorize hook.
 *
 *     auth_request -> Basic:  account, key, path's account -> (the key at the path's parent ->)
 *                             (all past the cache, once ->) step_allowed
 *                  -> Bearer: auth_client_token -> step_client -> (step_origin ->) step_allowed
 *
 * Each asks the limits: its address before credentials are looked at, the account and the
 * client once they are known.
 *
 * Basic credentials are never refused by what the cache says: a wrong secret is
 * compared again with what Redis holds at that moment.  So a secret that was
 * just replaced counts at once, and refusing takes the same round trip whether
 * the account exists or not.
 */
#include "common/model/auth.h"

#include "common/base/log.h"
#include "common/model/account_store.h"
#include "common/model/limits.h"

enum { BASIC_MAX = 512 };

/* A server's credentials on their way. */
struct basic {
	struct sid path; /* the path's account, or unset */
	struct sid user; /* AC or SK */
	struct str secret;
	struct account account; /* whose credentials they are said to be */
	struct api_key key;
	struct account target; /* the path's */
	bool is_key;
	bool asked_parent; /* the key is none of the path's account: perhaps its parent's */
	bool was_cached;   /* the record that has the secret */
	bool past_cache;
	unsigned waiting;
};

struct bearer {
	struct client_token token;
	uint64_t epoch;
	struct account account; /* read only for a browser */
};

static void on_account(struct flow *flow, void *arg, bool was_cached);
static void on_key(struct flow *flow, void *arg, bool was_cached);
static void on_target(struct flow *flow, void *arg, bool was_cached);
static void step_client(struct flow *flow);
static void step_origin(struct flow *flow);
static void step_allowed(struct flow *flow);

const struct caller *req_caller(const struct req *req)
{
	return req_user(req);
}

struct accounts *req_accounts(struct req *req)
{
	return worker_common(req_worker(req))->accounts;
}

/* What to ask with instead, where it is not Basic. */
static void reply_unauthorized(struct req *req)
{
	if (req_route(req)->auth == AUTH_CLIENT)
		reply_header(req, "WWW-Authenticate", STR("Bearer realm=\"switchhook\""));
	reply_error(req, ERR_UNAUTHORIZED, "");
}

/* "Scheme credentials" with at least one space between (RFC 9110, 11.4); nothing behind. */
static bool scheme_is(struct str header, struct str scheme, struct str *credentials)
{
	struct str rest = header, head;

	if (!str_split(&rest, ' ', &head) || !str_eq_nocase(head, scheme))
		return false;
	while (rest.n > 0 && rest.p[0] == ' ')
		rest = str_skip(rest, 1);
	*credentials = rest;
	return rest.n > 0;
}

/* user ":" secret in base64, the user an AC or SK sid (RFC 7617) */
static bool basic_read(struct arena *arena, struct str credentials, struct basic *out)
{
	struct buf plain;
	struct str rest, user;
	bool is_fine;

	buf_init(&plain, BASIC_MAX);
	is_fine =
		credentials.n <= 2 * BASIC_MAX && crypto_base64_decode(credentials, &plain) && buf_ok(&plain);
	rest = is_fine ? arena_copy(arena, buf_str(&plain)) : STR("");
	is_fine = is_fine && !str_has_ctl(rest) && str_split(&rest, ':', &user) && rest.n > 0;
	if (is_fine) {
		out->secret = rest;
		out->is_key = sid_parse(user, "SK", &out->user);
		is_fine = out->is_key || sid_parse(user, "AC", &out->user);
	}
	if (plain.p)
		crypto_wipe(plain.p, plain.n);
	buf_fini(&plain);
	return is_fine;
}

/* An absent secret costs the same compare and is never equal. */
static bool secret_is(struct str given, struct str known)
{
	static const struct str dummy = { "00000000000000000000000000000000", 32 };
	const bool equal = crypto_equal(given, known.n > 0 ? known : dummy);

	return equal && known.n > 0;
}

static bool is_of_parent(const struct basic *basic)
{
	return sid_is_set(basic->path) && !sid_eq(basic->path, basic->account.sid);
}

static bool has_status(const struct account *account, const char *status)
{
	return str_eq(account->status, str_of(status));
}

static bool basic_is_right(const struct basic *basic)
{
	const bool first = secret_is(basic->secret, basic->account.auth_token);
	const bool second = secret_is(basic->secret, basic->account.auth_token_second);
	const bool key = secret_is(basic->secret, basic->key.secret);

	if (!sid_is_set(basic->account.sid) || has_status(&basic->account, "closed"))
		return false;
	return basic->is_key ? key : first || second;
}

static void look_up(struct flow *flow, struct basic *basic, const struct record_kind *kind,
		    struct sid account, struct str id, void *out, record_found_fn *found)
{
	const struct record_lookup want = {
		.kind = kind,
		.account = account,
		.id = id,
		.out = out,
		.past_cache = basic->past_cache,
		.even_closed = true,
		.absent_is_fine = true,
		.waiting_for = "credentials",
		.found = found,
		.arg = basic,
	};

	record_lookup(req_accounts(flow_req(flow)), flow, &want);
}

/* All side by side, so that one that is missing does not show in the time. */
static void look_up_all(struct flow *flow, struct basic *basic, struct sid owner)
{
	const struct sid path = sid_is_set(basic->path) ? basic->path : owner;
	const bool is_own = sid_eq(path, owner);

	basic->waiting = 1u + !is_own + basic->is_key;
	look_up(flow, basic, &record_account, owner, sid_str(&owner), &basic->account, on_account);
	if (!is_own)
		look_up(flow, basic, &record_account, path, sid_str(&path), &basic->target, on_target);
	if (basic->is_key)
		look_up(flow, basic, &record_key, owner, sid_str(&basic->user), &basic->key, on_key);
}

/* A key is first taken for one of the path's account. */
static void basic_look_up(struct flow *flow, struct basic *basic)
{
	basic->asked_parent = false;
	look_up_all(flow, basic, basic->is_key ? basic->path : basic->user);
}

static void allow_server(struct flow *flow, const struct basic *basic)
{
	struct caller *caller = flow_alloc(flow, sizeof(*caller));

	caller->account = basic->target.sid;
	caller->is_server = true;
	caller->is_parent = is_of_parent(basic);
	caller->owner = basic->account.sid;
	caller->secret = basic->secret;
	if (basic->is_key)
		caller->key = basic->user;
	req_set_user(flow_req(flow), caller);
	flow_log(flow, "acct", sid_str(&caller->account));
	flow_run(flow, STEP(step_allowed));
}

/* Where there is no parent a key is looked for a second time in the same place: it takes as long. */
static void refuse_or_ask_again(struct flow *flow, struct basic *basic)
{
	if (basic->is_key && !basic->asked_parent) {
		const struct sid parent = basic->target.parent;

		basic->asked_parent = true;
		look_up_all(flow, basic, sid_is_set(parent) ? parent : basic->path);
	} else if (basic->was_cached && !basic->past_cache) {
		basic->past_cache = true;
		basic_look_up(flow, basic);
	} else {
		log_debug("credentials_refused", "user=%s", basic->user.s);
		limits_note_failure(flow);
		reply_unauthorized(flow_req(flow));
	}
}

/* What the right credentials may ask of the path's account. */
static enum err target_err(const struct basic *basic, const struct route *route)
{
	const struct account *target = &basic->target;

	if (is_of_parent(basic) && (!sid_is_set(target->sid) || !sid_eq(target->parent, basic->account.sid)))
		return ERR_NOT_FOUND;
	if (!has_status(&basic->account, "active"))
		return ERR_ACCOUNT_SUSPENDED;
	if (has_status(target, "active") || route->auth == AUTH_PARENT)
		return ERR_NONE;
	if (has_status(target, "closed"))
		return ERR_NOT_FOUND;
	return route->method == HTTP_GET ? ERR_NONE : ERR_ACCOUNT_SUSPENDED;
}

static void on_all(struct flow *flow, struct basic *basic)
{
	struct req *req = flow_req(flow);
	enum err err;

	if (!is_of_parent(basic))
		basic->target = basic->account;
	if (!basic_is_right(basic)) {
		refuse_or_ask_again(flow, basic);
		return;
	}
	err = target_err(basic, req_route(req));
	if (!err && !account_permits_origin(&basic->target, req_header(req, "Origin")))
		err = ERR_BAD_ORIGIN;
	if (err)
		reply_error(req, err, "");
	else
		allow_server(flow, basic);
}

static void on_account(struct flow *flow, void *arg, bool was_cached)
{
	struct basic *basic = arg;

	if (!basic->is_key)
		basic->was_cached = was_cached;
	if (--basic->waiting == 0)
		on_all(flow, basic);
}

static void on_key(struct flow *flow, void *arg, bool was_cached)
{
	struct basic *basic = arg;

	basic->was_cached = was_cached;
	if (--basic->waiting == 0)
		on_all(flow, basic);
}

static void on_target(struct flow *flow, void *arg, bool was_cached)
{
	struct basic *basic = arg;

	(void)was_cached;
	if (--basic->waiting == 0)
		on_all(flow, basic);
}

/* An API key is looked for in the path's account: a path without one can not be asked with a key. */
static void allow_basic(struct req *req, struct sid path, struct str credentials)
{
	struct basic *basic = flow_alloc(req_flow(req), sizeof(*basic));

	basic->path = path;
	if (basic_read(req_arena(req), credentials, basic) && (!basic->is_key || sid_is_set(path)))
		basic_look_up(req_flow(req), basic);
	else
		reply_unauthorized(req);
}

static void step_client(struct flow *flow)
{
	struct bearer *bearer = flow->state;
	struct caller *caller = flow_alloc(flow, sizeof(*caller));

	caller->account = bearer->token.account;
	caller->token = &bearer->token;
	caller->epoch = bearer->epoch;
	req_set_user(flow_req(flow), caller);
	flow_log(flow, "acct", sid_str(&caller->account));
	if (str_is_null(req_header(flow_req(flow), "Origin")))
		step_allowed(flow);
	else
		account_load(req_accounts(flow_req(flow)), flow, caller->account, &bearer->account,
			     STEP(step_origin));
}

static void step_origin(struct flow *flow)
{
	const struct bearer *bearer = flow->state;
	struct req *req = flow_req(flow);

	if (account_permits_origin(&bearer->account, req_header(req, "Origin")))
		step_allowed(flow);
	else
		reply_error(req, ERR_BAD_ORIGIN, "");
}

static void step_allowed(struct flow *flow)
{
	struct req *req = flow_req(flow);
	const struct caller *caller = req_caller(req);

	if (limits_account_or_reply(req, caller->account, caller->token ? caller->token->identity : STR_NULL))
		req_route(req)->handler(req);
}

void auth_request(struct req *req, const struct route *route)
{
	const struct str header = req_header(req, "Authorization"), account = req_param(req, "A");
	struct sid path = { "" };
	struct str credentials;

	if (route->auth == AUTH_NONE) {
		route->handler(req);
	} else if (!limits_address_or_reply(req)) {
		return;
	} else if (!str_is_null(account) && !sid_parse(account, "AC", &path)) {
		reply_error(req, ERR_NOT_FOUND, "");
	} else if (route->auth != AUTH_CLIENT && scheme_is(header, STR("Basic"), &credentials)) {
		allow_basic(req, path, credentials);
	} else if ((route->auth == AUTH_CLIENT || route->auth == AUTH_ANY) &&
		   scheme_is(header, STR("Bearer"), &credentials)) {
		struct bearer *bearer = req_state(req, sizeof(*bearer));

		bearer->epoch = accounts_epoch(req_accounts(req));
		auth_client_token(req_accounts(req), req_flow(req), path, credentials, &bearer->token,
				  STEP(step_client));
	} else {
		reply_unauthorized(req);
	}
}
