/* channel_device.c - hello, status, token: who the client is and how its device stands.
 *
 *     hello   -> on_hello_token -> (on_hello_origin ->) (register -> on_registered -> (back ->)) -> welcome
 *     status  -> (on_stored ->) on_updated -> ok
 *     token   -> on_new_token -> ok
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/auth.h"
#include "common/model/call.h"
#include "common/model/device_id.h"
#include "presence-svc/app.h"
#include "presence-svc/channel.h"
#include "presence-svc/recheck.h"

struct hello {
	struct client_token token;
	uint64_t epoch; /* of the accounts, before the token was looked at */
	struct device_profile profile;
	struct device_state state;
	struct sid device;
	struct device_claim claim; /* a call that held the device before it came back */
	struct address own;
	unsigned leg;
	bool call_is_over;	/* that call knows this device no more */
	struct account account; /* read only for a browser */
};

static void on_hello_token(struct flow *flow);
static void on_hello_origin(struct flow *flow);
static void on_hello(struct flow *flow);
static void on_registered(struct flow *flow);
static void on_back(struct flow *flow);
static void welcome(struct flow *flow);
static void on_updated(struct flow *flow);
static void on_new_token(struct flow *flow);

static bool read_token(struct message *message, struct str *token)
{
	struct json_fault fault = { .missing = false };

	if (json_get_str(message->doc, "token", JSON_REQUIRED, CLIENT_TOKEN_MAX, token, &fault))
		return true;
	channel_fail_field(message, &fault);
	return false;
}

/* ---- hello ---- */

static void refuse_device(struct message *message)
{
	struct json_fault fault = { .missing = false };

	(void)!json_fault_set(&fault, "device", "has to be the id that an earlier welcome gave this client");
	channel_fail_field(message, &fault);
}

void channel_hello(struct message *message)
{
	struct flow *flow = &message->flow;
	struct hello *hello = flow_state(flow, sizeof(*hello));
	struct json_fault fault = { .missing = false };
	struct app_common *app = worker_common(flow->worker);
	struct str token, device;

	if (!read_token(message, &token))
		return;
	if (!json_get_str(message->doc, "device", JSON_OPTIONAL, SID_LEN, &device, &fault) ||
	    !device_profile_read(flow->arena, message->doc, NULL, &hello->profile, &fault)) {
		channel_fail_field(message, &fault);
		return;
	}
	if (!str_is_null(device) && !sid_parse(device, "DV", &hello->device)) {
		refuse_device(message);
		return;
	}
	if (!nodes_is_joined(app->nodes)) {
		flow_fail(flow, ERR_UNAVAILABLE, "this instance is starting");
		return;
	}
	hello->epoch = accounts_epoch(app->accounts);
	auth_client_token(app->accounts, flow, (struct sid){ "" }, token, &hello->token,
			  STEP(on_hello_token));
}

static void admit(struct session *session, const struct hello *hello)
{
	const struct client_token *token = &hello->token;

	session->warned = false;
	session->account = token->account;
	session->application = token->application;
	session->may_call = sid_is_set(token->application);
	session->expires_at_s = token->expires_at_s;
	x_free(session->parameters);
	session->parameters = NULL;
	if (token->parameters.n > 2) {
		session->parameters = x_alloc(token->parameters.n + 1);
		memcpy(session->parameters, token->parameters.p, token->parameters.n);
	}
}

/* Only browsers name an origin, and they name the true one. */
static void on_hello_token(struct flow *flow)
{
	struct hello *hello = flow->state;

	if (ws_origin(message_of(flow)->session->ws).n > 0)
		account_load(worker_common(flow->worker)->accounts, flow, hello->token.account,
			     &hello->account, STEP(on_hello_origin));
	else
		on_hello(flow);
}

static void on_hello_origin(struct flow *flow)
{
	const struct hello *hello = flow->state;

	if (account_permits_origin(&hello->account, ws_origin(message_of(flow)->session->ws)))
		on_hello(flow);
	else
		flow_fail(flow, ERR_BAD_ORIGIN, "");
}

static void on_hello(struct flow *flow)
{
	struct hello *hello = flow->state;
	struct session *session = message_of(flow)->session;
	const struct seal *seal = worker_common(flow->worker)->seal;

	if (hello->token.identity.n == 0) {
		flow_fail(flow, ERR_TOKEN_GRANTS, "the token names no client");
		return;
	}
	if (!sid_is_set(hello->device)) {
		hello->device = device_id_new(seal, hello->token.account, hello->token.identity);
	} else if (!device_id_is_of(seal, hello->device, hello->token.account, hello->token.identity)) {
		refuse_device(message_of(flow));
		return;
	}
	(void)!str_copy(hello->token.identity, session->identity, sizeof(session->identity));
	admit(session, hello);
	session_bind(session, hello->device);
	channel_log(message_of(flow));
	if (!hello->token.incoming) {
		welcome(flow);
		return;
	}
	session->registration = SESSION_REGISTERING;
	hello->own = nodes_address(worker_common(flow->worker)->nodes);
	device_register(flow, session_client(session), hello->device, hello->own, &hello->profile,
			(struct device_lease){ 0 }, &hello->state, STEP(on_registered));
}

static void on_registered(struct flow *flow)
{
	struct hello *hello = flow->state;
	struct session *session = message_of(flow)->session;

	session->registration = hello->state.registration;
	metric_add(METRIC_devices_held, 1);
	metric_add(METRIC_devices_registered_total, 1);
	hello->claim = hello->state.claim;
	if (!hello->claim.engaged) {
		welcome(flow);
		return;
	}
	call_tell(flow,
		  &(struct call_event){ .event = "back",
					.leg = hello->claim.call,
					.word = arena_copy(flow->arena, str_of(hello->own.s)),
					.text = arena_copy(flow->arena, sid_str(&hello->device)),
					.leg_out = &hello->leg,
					.refused = &hello->call_is_over },
		  STEP(on_back));
}

static void on_back(struct flow *flow)
{
	struct hello *hello = flow->state;
	struct session *session = message_of(flow)->session;

	if (!hello->call_is_over)
		session_leg_add(session, sid_leg(hello->claim.call, hello->leg),
				hello->leg ? LEG_IS_TALKING : LEG_IS_CALLER, 0);
	welcome(flow);
}

static void welcome(struct flow *flow)
{
	const struct hello *hello = flow->state;
	const struct settings *settings = worker_common(flow->worker)->settings;
	const struct sid node = nodes_own(worker_common(flow->worker)->nodes);
	struct message *message = message_of(flow);
	struct session *session = message->session;
	struct frame frame;

	log_info("client_connected", "identity=%s registered=%d", session->identity,
		 session->registration != 0);
	channel_reply(message, &frame, "welcome");
	json_str(&frame.w, "device", sid_str(&session->device));
	json_str(&frame.w, "identity", str_of(session->identity));
	json_str(&frame.w, "account", sid_str(&session->account));
	json_bool(&frame.w, "registered", session->registration != 0);
	json_str(&frame.w, "node", sid_str(&node));
	json_str(&frame.w, "host", str_of(settings->host_label));
	json_int(&frame.w, "ping_ms", (int64_t)settings->ping_ms);
	json_int(&frame.w, "reconnect_spread_ms", (int64_t)settings->reconnect_spread_ms);
	json_str(&frame.w, "expires_at", clock_rfc3339(flow->arena, session->expires_at_s * 1000));
	json_name(&frame.w, "ice_servers");
	json_array(&frame.w);
	json_array_end(&frame.w);
	session->admitted = true;
	session_rearm(session);
	recheck_keep(session, &hello->token, hello->epoch);
	channel_ok(message, &frame);
}

/* ---- status ---- */

struct status {
	struct device stored;
	struct device_profile before, profile;
	struct device_state state;
};

static void update(struct flow *flow)
{
	struct message *message = message_of(flow);
	struct session *session = message->session;
	struct status *status = flow->state;
	struct json_fault fault = { .missing = false };

	if (!device_profile_read(flow->arena, message->doc, &status->before, &status->profile, &fault))
		channel_fail_field(message, &fault);
	else
		device_update(flow, session_client(session), session->device, session->registration,
			      &status->profile, (struct device_lease){ 0 }, &status->state, STEP(on_updated));
}

static void on_stored(struct flow *flow)
{
	struct status *status = flow->state;

	device_profile_of_json(flow->arena, status->stored.json, &status->before);
	update(flow);
}

/* Labels and attributes are stored as one text, so a part of it changes the whole. */
static bool changes_text(const struct json *doc)
{
	return json_get(doc, "app") || json_get(doc, "host") || json_get(doc, "attributes");
}

void channel_status(struct message *message)
{
	struct flow *flow = &message->flow;
	struct session *session = message->session;
	struct status *status = flow_state(flow, sizeof(*status));

	if (!session->registration)
		flow_fail(flow, ERR_NO_SUCH_DEVICE, "");
	else if (changes_text(message->doc))
		device_read(flow, session_client(session), session->device, &status->stored, STEP(on_stored));
	else
		update(flow);
}

static void on_updated(struct flow *flow)
{
	channel_ok(message_of(flow), NULL);
}

/* ---- token ---- */

void channel_token(struct message *message)
{
	struct flow *flow = &message->flow;
	struct hello *renewal = flow_state(flow, sizeof(*renewal));
	struct accounts *accounts = worker_common(flow->worker)->accounts;
	struct str token;

	if (!read_token(message, &token))
		return;
	renewal->epoch = accounts_epoch(accounts);
	auth_client_token(accounts, flow, message->session->account, token, &renewal->token,
			  STEP(on_new_token));
}

static void on_new_token(struct flow *flow)
{
	struct hello *renewal = flow->state;
	struct message *message = message_of(flow);
	struct session *session = message->session;
	struct frame frame;

	if (!str_eq(renewal->token.identity, str_of(session->identity))) {
		flow_fail(flow, ERR_TOKEN_GRANTS, "the token names another client");
		return;
	}
	if (session->expired || (session->registration && !renewal->token.incoming)) {
		flow_fail(flow, ERR_TOKEN_GRANTS,
			  session->expired ? "the registration has ended; connect again"
					   : "the token does not permit to stay registered");
		return;
	}
	admit(session, renewal);
	session_rearm(session);
	recheck_keep(session, &renewal->token, renewal->epoch);
	channel_reply(message, &frame, "ok");
	json_str(&frame.w, "expires_at", clock_rfc3339(flow->arena, session->expires_at_s * 1000));
	channel_ok(message, &frame);
}
