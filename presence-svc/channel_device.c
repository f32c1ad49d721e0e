/* channel_device.c - status, unregister, token: how the device stands, and for how long.
 *
 *     status      -> (asserted ->) update -> on_updated -> ok
 *     unregister  -> on_unregistered -> ok
 *     token       -> on_new_token -> ok
 */
#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/model/auth.h"
#include "presence-svc/app.h"
#include "presence-svc/channel.h"
#include "presence-svc/reassert.h"
#include "presence-svc/recheck.h"

static void on_updated(struct flow *flow);
static void on_unregistered(struct flow *flow);
static void on_new_token(struct flow *flow);

/* ---- status ---- */

struct status {
	struct device_profile profile;
	struct device_state state;
};

static void update(struct flow *flow)
{
	struct message *message = message_of(flow);
	struct session *session = message->session;
	struct status *status = flow->state;
	struct json_fault fault = { .missing = false };
	struct device_profile before;

	session_profile_read(session, flow->arena, &before);
	if (!device_profile_read(flow->arena, message->doc, &before, &status->profile, &fault))
		channel_fail_field(message, &fault);
	else
		device_update(flow, session_client(session), session->device, session->registration,
			      &status->profile, (struct device_lease){ 0 }, &status->state, STEP(on_updated));
}

void channel_status(struct message *message)
{
	struct flow *flow = &message->flow;
	struct session *session = message->session;

	(void)!flow_state(flow, sizeof(struct status));
	if (!session->registration)
		flow_fail(flow, ERR_NO_SUCH_DEVICE, "");
	else if (reassert_is_due(session))
		reassert_now(flow, session, STEP(update));
	else
		update(flow);
}

static void on_updated(struct flow *flow)
{
	const struct status *status = flow->state;

	session_profile_keep(message_of(flow)->session, &status->profile);
	channel_ok(message_of(flow), NULL);
}

/* ---- unregister ---- */

/* Readers see it gone at once, without the grace of a channel that breaks.  The channel
 * stays, for calls that are under way and calls out. */
void channel_unregister(struct message *message)
{
	struct flow *flow = &message->flow;
	struct session *session = message->session;

	if (session->registration)
		device_remove(flow, session_client(session), session->device, session->registration,
			      flow_state(flow, sizeof(struct device_claim)), STEP(on_unregistered));
	else
		flow_fail(flow, ERR_NO_SUCH_DEVICE, "");
}

static void on_unregistered(struct flow *flow)
{
	if (session_unregistered(message_of(flow)->session))
		metric_add(METRIC_devices_ended_total, 1);
	channel_ok(message_of(flow), NULL);
}

/* ---- token ---- */

struct renewal {
	struct client_token token;
	uint64_t epoch; /* of the accounts, before the token was looked at */
};

bool channel_read_token(struct message *message, struct str *token)
{
	struct json_fault fault = { .missing = false };

	if (json_get_str(message->doc, "token", JSON_REQUIRED, CLIENT_TOKEN_MAX, token, &fault))
		return true;
	channel_fail_field(message, &fault);
	return false;
}

void channel_token(struct message *message)
{
	struct flow *flow = &message->flow;
	struct renewal *renewal = flow_state(flow, sizeof(*renewal));
	struct accounts *accounts = worker_common(flow->worker)->accounts;
	struct str token;

	if (!channel_read_token(message, &token))
		return;
	flow->asker = ws_address(message->session->ws);
	renewal->epoch = accounts_epoch(accounts);
	auth_client_token(accounts, flow, message->session->account, token, &renewal->token,
			  STEP(on_new_token));
}

static void on_new_token(struct flow *flow)
{
	struct renewal *renewal = flow->state;
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
	session_admit(session, &renewal->token);
	session_rearm(session);
	recheck_keep(session, &renewal->token, renewal->epoch);
	channel_reply(message, &frame, "ok");
	json_str(&frame.w, "expires_at", clock_rfc3339(flow->arena, session->expires_at_s * 1000));
	channel_ok(message, &frame);
}
