/* answer.c - POST /v1/Communications/Answer: the client's own communication, with its token.
 *
 *     communication_answer -> on_won -> 200
 *
 * The token is the credential: only the device that was rung has it.  Whichever
 * instance it reaches runs the compare-and-set; the owner does the rest.
 */
#include "routing-svc/endpoints.h"

#include "common/base/metrics.h"
#include "common/model/call.h"
#include "common/model/comm_token.h"
#include "common/model/limits.h"
#include "routing-svc/app.h"

struct answer {
	struct req *req;
	struct comm_token token;
};

static void on_won(struct flow *flow);

void communication_answer(struct req *req)
{
	struct answer *answer = req_state(req, sizeof(*answer));
	const struct app_common *app = worker_common(req_worker(req));
	struct json_fault fault = { .missing = false };
	const struct json *body;
	struct str token, sdp;

	answer->req = req;
	if (!limits_address_or_reply(req) || !req_json_or_reply(req, &body))
		return;
	if (!json_get_str(body, "token", JSON_REQUIRED, COMM_TOKEN_MAX, &token, &fault) ||
	    !json_get_str(body, "sdp", JSON_OPTIONAL, CALL_SDP_MAX, &sdp, &fault)) {
		reply_fault(req, &fault);
		return;
	}
	if (!comm_token_open(app->seal, token, &answer->token)) {
		reply_error(req, ERR_COMM_TOKEN_INVALID, "");
		return;
	}
	call_tell(req_flow(req),
		  &(struct call_event){ .event = "answer",
					.leg = answer->token.leg,
					.attempt = answer->token.attempt,
					.text = sdp },
		  STEP(on_won));
}

static void on_won(struct flow *flow)
{
	struct answer *answer = flow->state;
	struct json_writer w;
	struct buf body;

	metric_add(METRIC_answers_won_total, 1);
	buf_init(&body, 1024);
	json_begin(&w, &body);
	json_object(&w);
	json_str(&w, "call", sid_str(&answer->token.leg));
	json_str(&w, "status", STR("in-progress"));
	json_object_end(&w);
	reply_json(answer->req, 200, &body);
}
