/* channel_hello.c - hello: who the client is, and its device's registration.
 *
 *     hello -> on_hello_token -> (on_hello_origin ->) on_hello
 *           -> (policy -> on_admitted -> on_registered -> (back ->)) -> welcome
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/auth.h"
#include "common/model/auth_policy.h"
#include "common/model/call.h"
#include "common/model/device_id.h"
#include "common/model/limits.h"
#include "presence-svc/app.h"
#include "presence-svc/channel.h"
#include "presence-svc/reassert.h"
#include "presence-svc/recheck.h"

enum { NOT_READY_MS = 500 };

struct hello {
	struct client_token token;
	uint64_t epoch; /* of the accounts, before the token was looked at */
	unsigned round; /* of reassertion, before the registration was sent */
	struct device_profile profile;
	struct device_state state;
	struct sid device;
	struct device_claim claim; /* a call that held the device before it came back */
	struct address own;
	unsigned leg;
	bool call_is_over;	/* that call knows this device no more */
	struct str ring;	/* of that call: "rings", or why it does no more */
	struct account account; /* read only for a browser */
};

static void on_hello_token(struct flow *flow);
static void on_hello_origin(struct flow *flow);
static void on_hello(struct flow *flow);
static void ask_policy(struct flow *flow);
static void settle(struct flow *flow);
static void on_admitted(struct flow *flow);
static void on_registered(struct flow *flow);
static void on_back(struct flow *flow);
static void welcome(struct flow *flow);

static void refuse_device(struct message *message)
{
	struct json_fault fault = { .missing = false };

	(void)!json_fault_set(&fault, "device", "has to be the id that an earlier welcome gave this client");
	channel_fail_field(message, &fault);
}

/* Before anything is looked up for it. */
static bool may_come_now(struct message *message)
{
	struct flow *flow = &message->flow;
	struct app *app = app_of(flow->worker);
	uint64_t wait_ms;

	flow->asker = ws_address(message->session->ws);
	wait_ms = limits_wait_ms(app->common.limits, LIMIT_FAILURES, flow->asker, STR_NULL);
	if (wait_ms > 0)
		channel_fail_until(message, ERR_TOO_MANY_REQUESTS, wait_ms,
				   "too many wrong credentials from this address");
	else if (!nodes_is_joined(app->common.nodes))
		channel_fail_until(message, ERR_UNAVAILABLE, NOT_READY_MS,
				   "this instance is not ready to register devices");
	else if (!admission_hello(&app->admission, &wait_ms))
		channel_fail_until(message, ERR_OVERLOAD, wait_ms, "too many clients come at once");
	else
		return true;
	return false;
}

/* Once it is known who it is. */
static bool may_come_more(struct message *message, const struct client_token *token)
{
	struct limits *limits = worker_common(message->flow.worker)->limits;
	const struct str account = sid_str(&token->account);
	uint64_t wait_ms = limits_take(limits, LIMIT_ACCOUNT, account, STR_NULL);

	if (wait_ms == 0)
		wait_ms = limits_take(limits, LIMIT_IDENTITY, account, token->identity);
	if (wait_ms > 0)
		channel_fail_until(message, ERR_TOO_MANY_REQUESTS, wait_ms,
				   "too many channels of this account or client come at once");
	else if (!session_count(message->session, token->account))
		flow_fail(&message->flow, ERR_TOO_MANY_REQUESTS,
			  "the account holds as many channels here as it may");
	else
		return true;
	return false;
}

void channel_hello(struct message *message)
{
	struct flow *flow = &message->flow;
	struct hello *hello = flow_state(flow, sizeof(*hello));
	struct json_fault fault = { .missing = false };
	struct accounts *accounts = worker_common(flow->worker)->accounts;
	struct str token, device;

	if (!channel_read_token(message, &token))
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
	if (!may_come_now(message))
		return;
	hello->epoch = accounts_epoch(accounts);
	auth_client_token(accounts, flow, (struct sid){ "" }, token, &hello->token, STEP(on_hello_token));
}

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
	if (!may_come_more(message_of(flow), &hello->token))
		return;
	if (hello->token.incoming) {
		ask_policy(flow);
	} else {
		settle(flow);
		welcome(flow);
	}
}

static void ask_policy(struct flow *flow)
{
	const struct hello *hello = flow->state;

	policy_ask(worker_common(flow->worker)->accounts, flow,
		   &(struct policy_question){ .token = &hello->token,
					      .device = hello->device,
					      .app = hello->profile.app,
					      .host = hello->profile.host,
					      .address = ws_address(message_of(flow)->session->ws) },
		   STEP(on_admitted));
}

static void settle(struct flow *flow)
{
	const struct hello *hello = flow->state;
	struct session *session = message_of(flow)->session;

	(void)!str_copy(hello->token.identity, session->identity, sizeof(session->identity));
	session_admit(session, &hello->token);
	session_bind(session, hello->device);
	channel_log(message_of(flow));
}

static void on_admitted(struct flow *flow)
{
	struct hello *hello = flow->state;
	struct session *session = message_of(flow)->session;

	settle(flow);
	session->registration = SESSION_REGISTERING;
	session_profile_keep(session, &hello->profile);
	hello->round = reassert_round(app_of(flow->worker)->reassert);
	hello->own = nodes_address(worker_common(flow->worker)->nodes);
	device_register(flow, session_client(session), hello->device, hello->own, &hello->profile,
			(struct device_lease){ 0 }, &hello->state, STEP(on_registered));
}

static void on_registered(struct flow *flow)
{
	struct hello *hello = flow->state;
	struct session *session = message_of(flow)->session;

	if (!session->registration) {
		flow_fail(flow, ERR_CONFLICT, "the device came back on another channel meanwhile");
		return;
	}
	session_registered(session, hello->state.registration);
	reassert_registered(session, hello->round);
	metric_add(METRIC_devices_registered_total, 1);
	hello->claim = hello->state.claim;
	if (!sid_is_set(hello->claim.call)) {
		welcome(flow);
		return;
	}
	call_tell(flow,
		  &(struct call_event){ .event = "back",
					.leg = hello->claim.call,
					.word = arena_copy(flow->arena, str_of(hello->own.s)),
					.text = arena_copy(flow->arena, sid_str(&hello->device)),
					.leg_out = &hello->leg,
					.ring_out = &hello->ring,
					.refused = &hello->call_is_over },
		  STEP(on_back));
}

static void on_back(struct flow *flow)
{
	struct hello *hello = flow->state;
	struct session *session = message_of(flow)->session;

	const struct sid leg = sid_leg(hello->claim.call, hello->leg);

	if (str_eq(hello->ring, STR("rings")))
		session_leg_await(session, leg);
	else if (!hello->call_is_over)
		session_leg_add(session, leg, hello->leg ? LEG_IS_TALKING : LEG_IS_CALLER, 0);
	welcome(flow);
	if (hello->call_is_over && hello->leg && !hello->claim.engaged)
		session_leg_stopped(session, leg, hello->ring);
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
