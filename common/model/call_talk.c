/* call_talk.c - see call_talk.h. */
#include "common/model/call_talk.h"

#include "common/base/log.h"
#include "common/model/app.h"
#include "common/model/call_request.h"
#include "common/model/inbox.h"
#include "common/model/node.h"
#include "scripts.gen.h"

enum { UPDATE_JSON_MAX = 6 * CALL_SDP_MAX + 512 };

struct saying_op {
	struct sid leg;
	const char *what;
	struct call_said *out;
	struct flow_step next;
};

static void on_said(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	const struct saying_op *op = arg;
	const struct str outcome = redis_str_at(reply, 0);
	struct call_said *said = op->out;
	uint64_t leg = 0;

	if (!str_eq(outcome, STR("ok"))) {
		flow_fail(flow, err_from_name(arena_cstr(flow->arena, outcome)), "");
		return;
	}
	*said = (struct call_said){ .number = redis_int_at(reply, 3, 0),
				    .is_connected = str_to_u64(redis_str_at(reply, 4), &leg) };
	said->other.leg = (unsigned)leg;
	(void)!str_copy(redis_str_at(reply, 5), said->other.device.s, SID_SIZE);
	(void)!str_copy(redis_str_at(reply, 6), said->other.address.s, sizeof(said->other.address.s));
	if (redis_str_at(reply, 1).n > 0)
		log_info("call_talk", "what=%s", op->what);
	inbox_look(flow->worker, redis_str_at(reply, 1), sid_call_of(op->leg));
	flow_run(flow, op->next);
}

void call_say(struct flow *flow, const struct call_saying *saying, struct call_said *out,
	      struct flow_step next)
{
	struct saying_op *op = flow_alloc(flow, sizeof(*op));
	const struct str instance = nodes_instance(worker_common(flow->worker)->nodes, flow->arena);
	const unsigned leg = sid_leg_number(saying->leg);
	const struct str word = str_is_null(saying->word) ? STR("") : saying->word;
	const struct str argv[] = {
		str_of(saying->what),
		arena_printf(flow->arena, "%u", leg),
		arena_copy(flow->arena, str_of(saying->device.s)),
		word,
		str_is_null(saying->text) ? STR("") : saying->text,
		call_trace(flow->arena, instance, saying->what, "\"leg\":%u,\"word\":\"" STR_FMT "\"", leg,
			   STR_ARG(word)),
	};

	*op = (struct saying_op){ saying->leg, saying->what, out, next };
	flow_script(flow, "call_say", on_said, op, &scripts[SCRIPT_CALL_TALK],
		    key_call(flow->arena, sid_call_of(saying->leg)), ARRAY_LEN(argv), argv);
}

void call_pass_update(struct flow *flow, struct sid call, const struct call_said *said, struct str sdp,
		      bool is_answer, struct flow_step next)
{
	const struct sid leg = sid_leg(sid_call_of(call), said->other.leg);
	struct json_writer w;
	struct buf text;

	buf_init(&text, UPDATE_JSON_MAX);
	json_begin(&w, &text);
	json_object(&w);
	json_str(&w, "to", sid_str(&said->other.device));
	json_name(&w, "msg");
	json_object(&w);
	json_str(&w, "type", STR("update"));
	json_str(&w, "call", sid_str(&leg));
	json_int(&w, is_answer ? "answers" : "update", said->number);
	json_str(&w, "sdp", sdp);
	json_object_end(&w);
	json_object_end(&w);
	INVARIANT(buf_ok(&text));
	inbox_send(flow, said->other.address, arena_copy(flow->arena, buf_str(&text)), next);
	buf_fini(&text);
}

struct str call_candidate_text(struct arena *arena, struct str candidate)
{
	struct json_writer w;
	struct buf out;
	struct str copy;

	buf_init(&out, CALL_CANDIDATE_JSON_MAX);
	json_begin(&w, &out);
	json_put_str(&w, candidate);
	copy = arena_copy(arena, buf_str(&out));
	buf_fini(&out);
	return copy;
}

void call_put_candidates(struct json_writer *w, struct str candidates)
{
	if (candidates.n == 0)
		return;
	json_name(w, "candidates");
	json_array(w);
	json_put_raw(w, candidates);
	json_array_end(w);
}
