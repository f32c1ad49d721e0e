/* gateway.c - see gateway.h: gateway_send -> lua/gateway_tell.lua; the owner is nudged and delivers. */
#include "common/model/gateway.h"

#include "common/io/url.h"
#include "common/model/app.h"
#include "common/model/inbox.h"
#include "common/model/instructions.h"
#include "common/model/settings.h"
#include "scripts.gen.h"

#define PREFIX STR("g:")

/* An offer and a document's parameters may be nothing but characters that JSON writes as six; the rest is for candidates. */
enum { NOTE_TEXT_MAX = 6 * (CALL_SDP_MAX + INSTRUCTIONS_MAX) + 64 * 1024 };

/* ---- writing ---- */

void gateway_begin(struct gateway_note *note, const struct call *call, unsigned leg, const char *action)
{
	*note = (struct gateway_note){
		.leg = sid_leg(call->id, leg), .account = call->account, .action = action, .once = STR_NULL
	};
	buf_init(&note->text, NOTE_TEXT_MAX);
	json_begin(&note->w, &note->text);
	json_object(&note->w);
	json_str(&note->w, "communication", sid_str(&note->leg));
	json_str(&note->w, "call", sid_str(&call->id));
	json_str(&note->w, "account", sid_str(&call->account));
	json_str(&note->w, "action", str_of(action));
}

struct telling {
	struct sid leg;
	struct flow_step next;
};

/* Whoever owns the call delivers at once; else its sweep finds what is due. */
static void nudge(struct worker *worker, struct str owner, struct sid leg)
{
	struct arena *arena;
	struct address to;

	if (owner.n == 0 || !str_copy(owner, to.s, sizeof(to.s)))
		return;
	arena = arena_new(256);
	inbox_post(worker, to, arena_printf(arena, "{\"to\":\"%s\",\"do\":\"gateway\"}", leg.s));
	arena_free(arena);
}

static void on_listed(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct telling *telling = arg;

	nudge(flow->worker, redis_str_at(reply, 0), telling->leg);
	flow_run(flow, telling->next);
}

void gateway_send(struct flow *flow, struct gateway_note *note, struct flow_step next)
{
	const struct settings *settings = worker_common(flow->worker)->settings;
	struct telling *telling = flow_alloc(flow, sizeof(*telling));
	char number[24], ms[24];
	struct str argv[] = {
		sid_str(&note->leg),
		redis_num(number, sid_leg_number(note->leg)),
		str_of(note->action),
		str_is_null(note->once) ? STR("") : note->once,
		redis_num(ms, (int64_t)(note->try_ms ? note->try_ms : settings->callback_give_up_s * 1000)),
		sid_str(&note->account),
		STR_NULL,
	};

	json_object_end(&note->w);
	INVARIANT(buf_ok(&note->text));
	argv[ARRAY_LEN(argv) - 1] = buf_str(&note->text);
	*telling = (struct telling){ note->leg, next };
	flow_script(flow, "gateway_tell", on_listed, telling, &scripts[SCRIPT_GATEWAY_TELL],
		    key_call(flow->arena, sid_call_of(note->leg)), ARRAY_LEN(argv), argv);
	buf_fini(&note->text);
}

/* ---- delivering ---- */

struct entry {
	struct str number, account, action, json;
	int64_t give_up_at_ms;
};

static bool read_entry(struct str text, struct entry *out)
{
	struct str give_up;

	*out = (struct entry){ .json = STR_NULL };
	if (!str_split(&text, '|', &out->number) || !str_split(&text, '|', &out->account) ||
	    !str_split(&text, '|', &give_up) || !str_to_i64(give_up, &out->give_up_at_ms) ||
	    !str_split(&text, '|', &out->action))
		return false;
	out->json = text;
	return true;
}

bool gateway_is_subject(struct str subject)
{
	return str_starts(subject, PREFIX);
}

struct str gateway_subject(struct arena *arena, struct sid leg)
{
	return arena_printf(arena, STR_FMT "%s", STR_ARG(PREFIX), leg.s);
}

static struct str label_of(struct str subject)
{
	return str_skip(subject, PREFIX.n);
}

static bool slot_of(struct str subject, struct key_slot *out)
{
	struct sid leg;

	if (!gateway_is_subject(subject) || !sid_parse(label_of(subject), "CA", &leg))
		return false;
	*out = key_slot_of_call(leg);
	return true;
}

static bool account_of(struct str subject, struct str text, struct sid *out)
{
	struct entry entry;

	(void)subject;
	return read_entry(text, &entry) && sid_parse(entry.account, "AC", out);
}

static enum outbox_verdict render(struct arena *arena, struct str subject, struct str text,
				  const struct account *account, const struct settings *settings,
				  struct webhook_request *out)
{
	struct entry entry;

	(void)account;
	if (!read_entry(text, &entry))
		return OUTBOX_UNREADABLE;
	*out = (struct webhook_request){
		.kind = WEBHOOK_JSON,
		.body = entry.json,
		.id = arena_printf(arena, STR_FMT "-g" STR_FMT, STR_ARG(label_of(subject)),
				   STR_ARG(entry.number)),
		.total_ms = (unsigned)settings->gateway_timeout_ms,
	};
	return url_resolve(arena, STR_NULL, str_of(settings->gateway_url), &out->url) ? OUTBOX_SEND
										      : OUTBOX_UNWANTED;
}

/* What it refuses will not become better; that it is too busy (429) or was too slow (408) may. */
static bool was_refused(const struct http_result *result)
{
	return !result->err && result->status >= 400 && result->status < 500 && result->status != 408 &&
	       result->status != 429;
}

static bool is_over(struct str text, const struct http_result *result, int64_t now_ms)
{
	struct entry entry;

	return was_refused(result) || !read_entry(text, &entry) || now_ms >= entry.give_up_at_ms;
}

/* Nobody rings there: the Dial goes on without this leg, unless its call has gone on by itself.
 * A gateway that never answered may ring all the same, and is told to stop (effects_gateway.c). */
static void on_over(struct flow *flow, struct str subject, struct str text, const struct http_result *result,
		    struct flow_step next)
{
	struct call_event event = { .event = "unreachable",
				    .word = was_refused(result) ? STR("unreachable") : LEG_NOT_TAKEN,
				    .refused = flow_alloc(flow, sizeof(bool)) };
	struct entry entry;

	if (read_entry(text, &entry) && str_eq(entry.action, STR("ring")) &&
	    sid_parse(label_of(subject), "CA", &event.leg))
		call_tell(flow, &event, next);
	else
		flow_next(flow, next);
}

const struct outbox_kind outbox_of_gateway = {
	.name = "gateway",
	.subject_name = "call",
	.label_of = label_of,
	.slot_of = slot_of,
	.account_of = account_of,
	.render = render,
	.is_over = is_over,
	.on_over = on_over,
};
