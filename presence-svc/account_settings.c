/* account_settings.c - /v1/Accounts/{A}/Settings and Settings/WebhookSecret
 *
 *     account_settings_get      -> on_read -> 200
 *     account_settings_post     -> on_current -> on_put -> (partitions told) on_read -> 200
 *     account_webhook_secret_post -> on_rotating -> on_rotated -> 200
 *
 * An update names what it changes; the rest stays.  The webhook secret is shown to the
 * account's auth token, and to whoever has just made it.
 */
#include "presence-svc/endpoints.h"

#include "common/base/clock.h"
#include "common/io/url.h"
#include "common/model/account_rules.h"
#include "common/model/auth.h"

struct settings_state {
	struct account account;
	const struct json *given;
};

enum { REPLY_MAX = 64 * 1024 };

static void on_read(struct flow *flow);
static void on_current(struct flow *flow);
static void on_put(struct flow *flow);
static void on_rotating(struct flow *flow);
static void on_rotated(struct flow *flow);

/* -- what is shown -- */

static void put_url(struct json_writer *w, const char *name, struct str url)
{
	json_str(w, name, url.n > 0 ? url : STR_NULL);
}

static void put_origins(struct json_writer *w, struct str origins)
{
	struct str one;

	json_name(w, "origins");
	json_array(w);
	while (origins.n > 0 && str_split(&origins, ' ', &one))
		json_put_str(w, one);
	json_array_end(w);
}

static void on_read(struct flow *flow)
{
	const struct settings_state *state = flow->state;
	const struct account *account = &state->account;
	const bool by_key = sid_is_set(req_caller(flow_req(flow))->key);
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_str(&w, "account", sid_str(&account->sid));
	json_bool(&w, "call_waiting", account->call_waiting);
	json_bool(&w, "away_rings", account->away_rings);
	json_int(&w, "close_grace_ms", (int64_t)account->close_grace_ms);
	json_int(&w, "ring_proof_ms", (int64_t)account->ring_proof_ms);
	json_int(&w, "away_after_missed", (int64_t)account->away_after_missed);
	put_url(&w, "presence_webhook_url", account->presence_webhook_url);
	put_url(&w, "policy_url", account->policy_url);
	put_url(&w, "wake_url", account->wake_url);
	json_int(&w, "wake_hold_s", (int64_t)account->wake_hold_s);
	put_url(&w, "webhook_secret", by_key ? STR_NULL : account->webhook_secret);
	put_origins(&w, account->origins);
	json_str(&w, "updated_at", clock_rfc3339(flow->arena, account->updated_ms));
	json_object_end(&w);
	reply_json(flow_req(flow), 200, &body);
}

void account_settings_get(struct req *req)
{
	struct settings_state *state = req_state(req, sizeof(*state));

	account_read(req_accounts(req), req_flow(req), req_caller(req)->account, &state->account,
		     STEP(on_read));
}

/* -- changing -- */

void account_settings_post(struct req *req)
{
	struct settings_state *state = req_state(req, sizeof(*state));

	if (req_json_or_reply(req, &state->given))
		account_read(req_accounts(req), req_flow(req), req_caller(req)->account, &state->account,
			     STEP(on_current));
}

/* An empty one takes it away. */
static bool read_url(struct arena *arena, const struct json *given, const char *name, struct str *url,
		     struct json_fault *fault)
{
	struct str value;

	if (!json_get_str(given, name, JSON_OPTIONAL, ACCOUNT_URL_MAX, &value, fault))
		return false;
	if (str_is_null(value))
		return true;
	*url = value;
	return value.n == 0 || url_is_http(arena, value) ||
	       json_fault_set(fault, name, "has to be an http or https URL");
}

static bool change(struct arena *arena, const struct json *given, struct account *account,
		   struct json_fault *fault)
{
	return json_get_bool(given, "call_waiting", &account->call_waiting, fault) &&
	       json_get_bool(given, "away_rings", &account->away_rings, fault) &&
	       account_number_read(given, "close_grace_ms", &account->close_grace_ms, fault) &&
	       account_number_read(given, "ring_proof_ms", &account->ring_proof_ms, fault) &&
	       account_number_read(given, "away_after_missed", &account->away_after_missed, fault) &&
	       read_url(arena, given, "presence_webhook_url", &account->presence_webhook_url, fault) &&
	       read_url(arena, given, "policy_url", &account->policy_url, fault) &&
	       read_url(arena, given, "wake_url", &account->wake_url, fault) &&
	       account_number_read(given, "wake_hold_s", &account->wake_hold_s, fault) &&
	       account_origins_read(arena, given, &account->origins, fault);
}

static void on_current(struct flow *flow)
{
	struct settings_state *state = flow->state;
	struct account *account = &state->account;
	struct json_fault fault = { .missing = false };
	struct req *req = flow_req(flow);

	if (!change(flow->arena, state->given, account, &fault)) {
		reply_fault(req, &fault);
		return;
	}
	if (account->webhook_secret.n == 0)
		account->webhook_secret = account_webhook_secret_new(flow->arena);
	account_put(req_accounts(req), flow, account, STEP(on_put));
}

/* Also when no rule has changed: an earlier try may not have reached everybody. */
static void on_put(struct flow *flow)
{
	const struct settings_state *state = flow->state;

	account_rules_tell(flow, worker_common(flow->worker)->seal, &state->account, STEP(on_read));
}

/* -- the webhook secret -- */

void account_webhook_secret_post(struct req *req)
{
	struct settings_state *state = req_state(req, sizeof(*state));

	account_read(req_accounts(req), req_flow(req), req_caller(req)->account, &state->account,
		     STEP(on_rotating));
}

static void on_rotating(struct flow *flow)
{
	struct settings_state *state = flow->state;

	state->account.webhook_secret = account_webhook_secret_new(flow->arena);
	account_put(req_accounts(flow_req(flow)), flow, &state->account, STEP(on_rotated));
}

static void on_rotated(struct flow *flow)
{
	const struct settings_state *state = flow->state;
	struct json_writer w;
	struct buf body;

	buf_init(&body, REPLY_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_str(&w, "webhook_secret", state->account.webhook_secret);
	json_object_end(&w);
	reply_json(flow_req(flow), 200, &body);
}
