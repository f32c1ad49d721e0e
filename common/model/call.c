/* call.c - the record's fields in one table; reading, making and telling. */
#include "common/model/call.h"

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/model/app.h"
#include "common/model/inbox.h"
#include "common/model/job.h"
#include "common/model/node.h"
#include "common/model/settings.h"
#include "scripts.gen.h"

static const struct str state_words[CALL_STATE_COUNT] = {
	[CALL_NEW] = { "new", 3 },	     [CALL_FETCH] = { "fetch", 5 },
	[CALL_CLAIM] = { "claim", 5 },	     [CALL_RINGING] = { "ringing", 7 },
	[CALL_ANSWERED] = { "answered", 8 }, [CALL_BRIDGED] = { "bridged", 7 },
	[CALL_PAUSE] = { "pause", 5 },	     [CALL_ENDED] = { "ended", 5 },
};

struct str call_state_word(enum call_state state)
{
	return state_words[state];
}

/* ---- the record's fields ---- */

enum field_type { TEXT, INT, UNSIGNED, FLAG, SID, ADDRESS };

#define FIELD(name, type, member)                                                                            \
	{                                                                                                    \
		name, type, offsetof(struct call, member)                                                    \
	}
static const struct field {
	const char *name;
	enum field_type type;
	size_t offset;
} fields[] = {
	FIELD("ac", SID, account),
	FIELD("from", TEXT, from),
	FIELD("to", TEXT, to),
	FIELD("api", FLAG, outbound_api),
	FIELD("medium", UNSIGNED, medium),
	FIELD("ap", SID, application),
	FIELD("body", TEXT, body),
	FIELD("awc", FLAG, answer_with_call),
	FIELD("params", TEXT, parameters),
	FIELD("fixed", TEXT, fixed),
	FIELD("created", INT, created_ms),
	FIELD("cident", TEXT, caller_identity),
	FIELD("cdev", SID, caller_device),
	FIELD("caddr", ADDRESS, caller_address),
	FIELD("cleg", UNSIGNED, caller_leg),
	FIELD("sdp", TEXT, sdp),
	FIELD("e0", TEXT, candidates),
	FIELD("lost0", INT, caller_lost_until_ms),
	FIELD("vurl", TEXT, voice_url),
	FIELD("vget", FLAG, voice_get),
	FIELD("furl", TEXT, fallback_url),
	FIELD("fget", FLAG, fallback_get),
	FIELD("inline", TEXT, inline_document),
	FIELD("scb", TEXT, status_callback),
	FIELD("scbget", FLAG, status_callback_get),
	FIELD("scbev", UNSIGNED, status_events),
	FIELD("ring_s", UNSIGNED, ring_s),
	FIELD("limit_s", UNSIGNED, time_limit_s),
	FIELD("rev", INT, revision),
	FIELD("fence", INT, fence),
	FIELD("own", TEXT, owner),
	FIELD("up", INT, up_ms),
	FIELD("until", INT, until_ms),
	FIELD("ended", INT, ended_ms),
	FIELD("answered", INT, answered_ms),
	FIELD("hupr", TEXT, hangup_reason),
	FIELD("ctl", TEXT, control),
	FIELD("doc", TEXT, document),
	FIELD("doct", TEXT, document_type),
	FIELD("docu", TEXT, document_url),
	FIELD("verb", UNSIGNED, verb),
	FIELD("feu", TEXT, fetch_url),
	FIELD("fex", TEXT, fetch_extra),
	FIELD("feg", FLAG, fetch_get),
	FIELD("fef", FLAG, fetch_is_fallback),
	FIELD("fen", UNSIGNED, fetch_number),
	FIELD("fei", UNSIGNED, idle_fetches),
	FIELD("cook", TEXT, cookies),
	FIELD("first", FLAG, first_ring),
	FIELD("rang", FLAG, rang),
	FIELD("att", UNSIGNED, attempt),
	FIELD("order", TEXT, order),
	FIELD("turn", UNSIGNED, turn),
	FIELD("wake", INT, wake_until_ms),
	FIELD("proof", INT, proof_until_ms),
	FIELD("legs", UNSIGNED, leg_count),
	FIELD("win", UNSIGNED, winner),
	FIELD("asdp", TEXT, answer_sdp),
	FIELD("upd", TEXT, update),
	FIELD("hold", UNSIGNED, hold),
	FIELD("holdt", UNSIGNED, hold_told),
	FIELD("xto", TEXT, transfer_to),
	FIELD("xby", UNSIGNED, transfer_leg),
	FIELD("xw", TEXT, transfer_with),
	FIELD("xd", FLAG, is_transferred),
	FIELD("fx", TEXT, effects),
	FIELD("ds", TEXT, dial_status),
	FIELD("dleg", TEXT, dial_leg),
	FIELD("ddur", UNSIGNED, dial_duration_s),
	FIELD("dbr", FLAG, dial_bridged),
	FIELD("status", TEXT, status),
	FIELD("outcome", TEXT, outcome),
	FIELD("seq", UNSIGNED, sequence),
	FIELD("rdu", TEXT, redirect_url),
	FIELD("rdd", TEXT, redirect_document),
	FIELD("rdg", FLAG, redirect_get),
};

static void field_read(struct arena *arena, const struct field *field, struct str value, struct call *call)
{
	void *at = (char *)call + field->offset;
	int64_t n = 0;

	(void)!str_to_i64(value, &n);
	switch (field->type) {
	case TEXT:
		*(struct str *)at = arena_copy(arena, value);
		break;
	case INT:
		*(int64_t *)at = n;
		break;
	case UNSIGNED:
		*(unsigned *)at = (unsigned)n;
		break;
	case FLAG:
		*(bool *)at = n != 0;
		break;
	case SID:
		(void)!str_copy(value, ((struct sid *)at)->s, SID_SIZE);
		break;
	case ADDRESS:
		(void)!str_copy(value, ((struct address *)at)->s, sizeof(struct address));
		break;
	}
}

/* Per leg: s<n> status, t<n> attempt, r<n> reason, i<n> "identity|DV|address|target", lost<n>, q<n> callbacks told,
 * b<n> moved, e<n> candidates. */
static void leg_read(struct arena *arena, struct str name, struct str value, struct call *call)
{
	const bool lost = str_starts(name, STR("lost"));
	uint64_t number;
	struct str part;
	struct leg *leg;
	int64_t n = 0;

	if (!str_to_u64(str_skip(name, lost ? 4 : 1), &number) || number == 0 || number > call->leg_count)
		return;
	leg = &call->legs[number - 1];
	leg->number = (unsigned)number;
	(void)!str_to_i64(value, &n);
	if (lost)
		leg->lost_until_ms = n;
	else if (name.p[0] == 's' && value.n == 1)
		leg->status = value.p[0];
	else if (name.p[0] == 't')
		leg->attempt = (unsigned)n;
	else if (name.p[0] == 'q')
		leg->sequence = (unsigned)n;
	else if (name.p[0] == 'e')
		leg->candidates = arena_copy(arena, value);
	else if (name.p[0] == 'b')
		leg->moved = n != 0;
	else if (name.p[0] == 'r')
		leg->reason = arena_copy(arena, value);
	else if (name.p[0] == 'i' && str_split(&value, '|', &part)) {
		leg->identity = arena_copy(arena, part);
		if (str_split(&value, '|', &part))
			(void)!str_copy(part, leg->device.s, SID_SIZE);
		if (str_split(&value, '|', &part))
			(void)!str_copy(part, leg->address.s, sizeof(leg->address.s));
		if (str_to_i64(value, &n))
			leg->target = (unsigned)n;
	}
}

struct str leg_address(struct arena *arena, const struct leg *leg)
{
	return arena_printf(arena, "%s" STR_FMT,
			    leg_is_gateways(leg) ? "" : "client:", STR_ARG(leg->identity));
}

bool call_comes_along(const struct call *call, struct sid *device, struct sid *leg)
{
	struct str rest = call->transfer_with, first;

	return call->is_transferred && str_split(&rest, ' ', &first) && sid_parse(first, "DV", device) &&
	       sid_parse(rest, "CA", leg);
}

static enum call_state state_of(struct str word)
{
	for (size_t i = 0; i < CALL_STATE_COUNT; i++) {
		if (str_eq(word, state_words[i]))
			return (enum call_state)i;
	}
	return CALL_ENDED;
}

static enum caller_kind caller_of(struct str word)
{
	return str_eq(word, STR("device")) ? CALLER_DEVICE
	       : str_eq(word, STR("api"))  ? CALLER_API
					   : CALLER_GATEWAY;
}

static struct str caller_word(enum caller_kind kind)
{
	return kind == CALLER_DEVICE ? STR("device") : kind == CALLER_API ? STR("api") : STR("gateway");
}

static const struct field *field_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (str_eq(name, str_of(fields[i].name)))
			return &fields[i];
	}
	return NULL;
}

static bool call_parse(struct arena *arena, struct sid id, const struct redis_reply *reply, struct call *out)
{
	const size_t n = redis_count(reply);
	uint64_t legs = 0;

	*out = (struct call){ .id = id, .hangup_leg = -1 };
	(void)!str_to_u64(redis_field(reply, "legs"), &legs);
	out->leg_count = (unsigned)MIN(legs, (uint64_t)CALL_LEGS_MAX);
	out->legs = arena_alloc(arena, (out->leg_count + CALL_LEGS_SPARE) * sizeof(*out->legs));
	for (size_t i = 0; i + 1 < n; i += 2) {
		const struct str name = redis_str_at(reply, i);
		const struct str value = redis_str_at(reply, i + 1);
		const struct field *field = field_find(name);
		int64_t number;

		if (field)
			field_read(arena, field, value, out);
		else if (str_eq(name, STR("st")))
			out->state = state_of(value);
		else if (str_eq(name, STR("ck")))
			out->caller = caller_of(value);
		else if (str_eq(name, STR("hup")))
			out->hangup_leg = str_to_i64(value, &number) ? (int)number : -1;
		else
			leg_read(arena, name, value, out);
	}
	return n > 0;
}

struct call_op {
	struct sid id;
	void *out;
	bool *refused; /* of call_tell, and the next */
	struct str *ring;
	const char *event;
	struct str key;
	struct flow_step next;
};

/* From here on every line of this work names the call. */
static void log_call(struct flow *flow, struct sid id)
{
	const struct sid call = sid_call_of(id);

	flow_log(flow, "call", sid_str(&call));
}

static struct call_op *op_new(struct flow *flow, struct sid id, void *out, struct flow_step next)
{
	struct call_op *op = flow_alloc(flow, sizeof(*op));

	op->id = sid_call_of(id);
	op->key = key_call(flow->arena, op->id);
	op->out = out;
	op->next = next;
	return op;
}

static void on_read(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct call_op *op = arg;
	struct call *call = op->out;

	if (!call_parse(flow->arena, op->id, redis_at(reply, 1), call)) {
		flow_fail(flow, ERR_NOT_FOUND, "there is no such call");
		return;
	}
	call->now_ms = redis_int_at(reply, 0, 0);
	flow_run(flow, op->next);
}

void call_read(struct flow *flow, struct sid id, struct call *out, struct flow_step next)
{
	struct call_op *op = op_new(flow, id, out, next);

	log_call(flow, id);
	flow_script(flow, "call_read", on_read, op, &scripts[SCRIPT_CALL_READ], op->key, 0, NULL);
}

static void on_summary(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct call_op *op = arg;

	(void)call_parse(flow->arena, op->id, redis_at(reply, 1), op->out);
	flow_run(flow, op->next);
}

void call_read_summary(struct flow *flow, struct sid id, struct call *out, struct flow_step next)
{
	static const struct str names[] = {
		{ "ac", 2 }, { "from", 4 },  { "to", 2 },     { "api", 3 },	{ "st", 2 },
		{ "up", 2 }, { "ended", 5 }, { "status", 6 }, { "created", 7 },
	};
	struct call_op *op = op_new(flow, id, out, next);

	flow_script(flow, "call_read_summary", on_summary, op, &scripts[SCRIPT_CALL_SUMMARY], op->key,
		    ARRAY_LEN(names), names);
}

/* ---- writing ---- */

static struct str number_text(struct arena *arena, int64_t n)
{
	return n ? arena_printf(arena, "%lld", (long long)n) : STR("");
}

static struct str field_text(struct arena *arena, const struct field *field, const struct call *call)
{
	const void *at = (const char *)call + field->offset;
	int64_t n = 0;

	switch (field->type) {
	case TEXT:
		return *(const struct str *)at;
	case SID:
		return str_of(((const struct sid *)at)->s);
	case ADDRESS:
		return str_of(((const struct address *)at)->s);
	case INT:
		n = *(const int64_t *)at;
		break;
	case UNSIGNED:
		n = *(const unsigned *)at;
		break;
	case FLAG:
		n = *(const bool *)at;
		break;
	}
	return number_text(arena, n);
}

static void change(struct call_changes *out, struct str name, struct str value)
{
	INVARIANT(out->n < CALL_CHANGES_MAX);
	out->pair[2 * out->n] = name;
	out->pair[2 * out->n + 1] = str_is_null(value) ? STR("") : value;
	out->n++;
}

static void leg_diff(struct arena *arena, const struct leg *before, const struct leg *after,
		     struct call_changes *out)
{
	const unsigned n = after->number;

	if (!before->number) {
		change(out, arena_printf(arena, "i%u", n),
		       arena_printf(arena, STR_FMT "|%s|%s|%u", STR_ARG(after->identity), after->device.s,
				    after->address.s, after->target));
		change(out, arena_printf(arena, "t%u", n), arena_printf(arena, "%u", after->attempt));
	}
	if (before->status != after->status)
		change(out, arena_printf(arena, "s%u", n), arena_printf(arena, "%c", after->status));
	if (!str_eq(before->reason, after->reason))
		change(out, arena_printf(arena, "r%u", n), after->reason);
	if (before->sequence != after->sequence)
		change(out, arena_printf(arena, "q%u", n), arena_printf(arena, "%u", after->sequence));
	if (!str_eq(before->candidates, after->candidates))
		change(out, arena_printf(arena, "e%u", n), after->candidates);
	if (before->moved != after->moved)
		change(out, arena_printf(arena, "b%u", n), after->moved ? STR("1") : STR(""));
}

void call_diff(struct arena *arena, const struct call *before, const struct call *after,
	       struct call_changes *out)
{
	out->n = 0;
	out->pair = arena_alloc(arena, 2 * CALL_CHANGES_MAX * sizeof(*out->pair));
	if (before->state != after->state)
		change(out, STR("st"), call_state_word(after->state));
	if (before->caller != after->caller)
		change(out, STR("ck"), caller_word(after->caller));
	if (before->hangup_leg != after->hangup_leg)
		change(out, STR("hup"),
		       after->hangup_leg < 0 ? STR("") : arena_printf(arena, "%d", after->hangup_leg));
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct field *field = &fields[i];
		const struct str old = field_text(arena, field, before);
		const struct str new = field_text(arena, field, after);
		const int64_t time =
			field->type == INT
				? *(const int64_t *)(const void *)((const char *)after + field->offset)
				: 0;

		if (time <= CALL_NOW)
			change(out, arena_printf(arena, "@%s", field->name),
			       arena_printf(arena, "%lld", (long long)(CALL_NOW - time)));
		else if (!str_eq(old, new))
			change(out, str_of(field->name), new);
	}
	for (unsigned i = 0; i < after->leg_count; i++)
		leg_diff(arena, &before->legs[i], &after->legs[i], out);
}

struct call call_copy(struct arena *arena, const struct call *call)
{
	struct call copy = *call;

	copy.legs = arena_alloc(arena, (call->leg_count + CALL_LEGS_SPARE) * sizeof(*copy.legs));
	memcpy(copy.legs, call->legs, call->leg_count * sizeof(*copy.legs));
	return copy;
}

void call_fix_times(struct call *call, int64_t now_ms)
{
	call->now_ms = now_ms;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		int64_t *time = (void *)((char *)call + fields[i].offset);

		if (fields[i].type == INT && *time <= CALL_NOW)
			*time = now_ms + (CALL_NOW - *time);
	}
}

static bool made_by_script(const char *name)
{
	static const char *const names[] = { "ac", "own", "fence", "rev", "att", "legs", "created" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static void on_created(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct call_op *op = arg;

	(void)reply;
	metric_add(METRIC_calls_created_total, 1);
	log_info("call_created", "");
	flow_run(flow, op->next);
}

static void on_create_lost(struct flow *flow, void *arg)
{
	const struct call_op *op = arg;

	call_unmake(flow->worker, op->id);
}

void call_create(struct flow *flow, const struct call *call, struct address owner, struct str trace,
		 struct flow_step next)
{
	struct call_op *op = op_new(flow, call->id, NULL, next);
	struct str argv[3 + 2 + 2 * ARRAY_LEN(fields)];
	size_t n = 0;

	log_call(flow, call->id);
	argv[n++] = arena_copy(flow->arena, str_of(call->account.s));
	argv[n++] = arena_copy(flow->arena, str_of(owner.s));
	argv[n++] = trace;
	argv[n++] = STR("ck");
	argv[n++] = caller_word(call->caller);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct str value = field_text(flow->arena, &fields[i], call);

		if (value.n == 0 || made_by_script(fields[i].name))
			continue;
		argv[n++] = str_of(fields[i].name);
		argv[n++] = value;
	}
	flow_script_heard(flow, "call_create", on_created, on_create_lost, op, &scripts[SCRIPT_CALL_CREATE],
			  op->key, n, argv);
}

/* ---- events ---- */

struct str call_trace(struct arena *arena, struct str instance, const char *event, const char *fmt, ...)
{
	struct buf detail;
	struct str line;
	va_list ap;

	buf_init(&detail, CALL_TRACE_MAX);
	va_start(ap, fmt);
	buf_vprintf(&detail, fmt, ap);
	va_end(ap);
	line = arena_printf(arena, "{\"event\":\"%s\"," STR_FMT ",\"detail\":{%s}}", event, STR_ARG(instance),
			    buf_ok(&detail) ? buf_cstr(&detail) : "");
	buf_fini(&detail);
	return line;
}

static struct str own_instance(struct flow *flow)
{
	return nodes_instance(worker_common(flow->worker)->nodes, flow->arena);
}

static void on_told(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct call_op *op = arg;
	const struct str outcome = redis_str_at(reply, 0);

	if (op->out)
		*(unsigned *)op->out = (unsigned)redis_int_at(reply, 3, 0);
	if (op->ring && redis_str_at(reply, 4).n > 0)
		*op->ring = arena_copy(flow->arena, redis_str_at(reply, 4));
	if (str_eq(outcome, STR("ok"))) {
		log_info("call_event", "what=%s", op->event);
		inbox_look(flow->worker, redis_str_at(reply, 1), op->id);
		flow_run(flow, op->next);
	} else {
		const enum err err = err_from_name(arena_cstr(flow->arena, outcome));

		if (err == ERR_ALREADY_ANSWERED || err == ERR_COMM_TOKEN_EXPIRED)
			metric_add(METRIC_answers_late_total, 1);
		if (op->refused) {
			*op->refused = true;
			flow_run(flow, op->next);
		} else {
			flow_fail(flow, err, "");
		}
	}
}

void call_tell(struct flow *flow, const struct call_event *event, struct flow_step next)
{
	struct call_op *op = op_new(flow, event->leg, event->leg_out, next);
	/* the script finds the leg of a device that is gone or back */
	const bool by_device = strcmp(event->event, "gone") == 0 || strcmp(event->event, "back") == 0;
	const unsigned leg = sid_leg_number(event->leg);
	const struct str argv[] = {
		str_of(event->event),
		by_device ? STR("") : arena_printf(flow->arena, "%u", leg),
		event->attempt ? arena_printf(flow->arena, "%u", event->attempt) : STR(""),
		str_is_null(event->word) ? STR("") : event->word,
		str_is_null(event->text) ? STR("") : event->text,
		call_trace(flow->arena, own_instance(flow), event->event,
			   "\"leg\":%u,\"word\":\"" STR_FMT "\"", leg, STR_ARG(event->word)),
	};

	op->event = event->event;
	op->refused = event->refused;
	op->ring = event->ring_out;
	log_call(flow, event->leg);
	flow_script(flow, "call_tell", on_told, op, &scripts[SCRIPT_CALL_EVENT], op->key, ARRAY_LEN(argv),
		    argv);
}

static void on_told_later(struct flow *job)
{
	flow_done(job);
}

static void run_later(struct flow *job)
{
	call_tell(job, job->state, STEP(on_told_later));
}

void call_tell_later(struct worker *worker, const struct call_event *event)
{
	struct flow *job = job_new(worker, "call_tell", sizeof(*event));
	struct call_event *copy = job->state;

	*copy = *event;
	copy->word = arena_copy(job->arena, event->word);
	copy->text = arena_copy(job->arena, event->text);
	flow_log(job, "call", sid_str(&copy->leg));
	flow_next(job, STEP(run_later));
}

void call_device_gone(struct worker *worker, struct sid call, struct sid device)
{
	const struct app_common *app = worker_common(worker);
	char wait[24];

	call_tell_later(worker,
			&(struct call_event){ .event = "gone",
					      .leg = call,
					      .word = redis_num(wait, (int64_t)app->settings->leg_lost_ms),
					      .text = sid_str(&device) });
}
