/* params.c - the parameters' names and values (shared shapes: Twilio's request parameters). */
#include "routing-svc/params.h"

#include "common/base/clock.h"
#include "common/base/json.h"

static const struct str reserved[] = {
	{ "CallSid", 7 },      { "AccountSid", 10 },	 { "From", 4 },		  { "To", 2 },
	{ "Caller", 6 },       { "Called", 6 },		 { "CallStatus", 10 },	  { "ApiVersion", 10 },
	{ "Direction", 9 },    { "ApplicationSid", 14 }, { "ParentCallSid", 13 }, { "ErrorCode", 9 },
	{ "ErrorUrl", 8 },     { "DialCallStatus", 14 }, { "DialCallSid", 11 },	  { "DialCallDuration", 16 },
	{ "DialBridged", 11 }, { "MessageSid", 10 },	 { "MessageStatus", 13 }, { "MediaType", 9 },
	{ "Body", 4 },
};

static void put(struct buf *out, const char *name, struct str value)
{
	if (out->n > 0)
		buf_putc(out, '&');
	buf_puts(out, name);
	buf_putc(out, '=');
	buf_put_urlencoded(out, value);
}

/* In whatever spelling: to some frameworks "callsid" and "CallSid" are one name. */
static bool is_reserved(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
		if (str_eq_nocase(name, reserved[i]))
			return true;
	}
	return false;
}

/* object: JSON text of string members; those named in `but` are left out. */
static void put_custom(struct buf *out, struct str object, const struct json *but)
{
	struct json *doc;

	if (object.n == 0 || json_parse(object, &doc, NULL) != ERR_NONE)
		return;
	for (const struct json *one = json_first(doc); one; one = json_next(one)) {
		const struct str name = json_key(one);
		struct arena *arena = arena_new(16384);

		if (!is_reserved(name) && json_is_string(one) && !json_get(but, arena_cstr(arena, name))) {
			buf_putc(out, '&');
			buf_put_urlencoded(out, name);
			buf_putc(out, '=');
			buf_put_urlencoded(out, json_string(one));
		}
		arena_free(arena);
	}
	json_free(doc);
}

static void put_parties(struct buf *out, struct str from, struct str to)
{
	put(out, "From", from);
	put(out, "To", to);
	put(out, "Caller", from);
	put(out, "Called", to);
}

static struct str direction(const struct call *call)
{
	return call->outbound_api ? STR("outbound-api") : STR("inbound");
}

void params_fetch(const struct call *call, struct buf *out)
{
	struct json *fixed = NULL;

	put(out, "CallSid", str_of(call->id.s));
	put(out, "AccountSid", str_of(call->account.s));
	put_parties(out, call->from, call->to);
	put(out, "CallStatus", call->up_ms ? STR("in-progress") : STR("ringing"));
	put(out, "ApiVersion", STR("2010-04-01"));
	put(out, "Direction", direction(call));
	if (call->body.n > 0) {
		put(out, "MessageSid", str_of(call->id.s));
		put(out, "MediaType", media_word_of(call->medium));
		put(out, "Body", call->body);
	}
	if (sid_is_set(call->application))
		put(out, "ApplicationSid", str_of(call->application.s));
	if (call->fixed.n > 0 && json_parse(call->fixed, &fixed, NULL) != ERR_NONE)
		fixed = NULL;
	put_custom(out, call->fixed, NULL);
	put_custom(out, call->parameters, fixed);
	json_free(fixed);
	if (call->fetch_extra.n > 0) {
		buf_putc(out, '&');
		buf_put(out, call->fetch_extra);
	}
}

static int64_t duration_s(const struct call *call, const struct leg *leg)
{
	if (leg)
		return leg->number == call->winner ? call->dial_duration_s : 0;
	return call->up_ms > 0 ? (call->now_ms - call->up_ms) / 1000 : 0;
}

static void put_message_status(const struct call *call, const struct leg *leg, const char *status,
			       struct buf *out)
{
	const struct str how = leg ? leg->reason : call->outcome;

	put(out, "MessageSid", str_of(call->id.s));
	put(out, "MessageStatus",
	    strcmp(status, "initiated") == 0 ? STR("sending")
	    : str_eq(how, MESSAGE_DELIVERED) ? STR("delivered")
					     : STR("undelivered"));
}

void params_callback(const struct call *call, const struct leg *leg, const char *status, struct arena *arena,
		     struct buf *out)
{
	const struct sid subject = sid_leg(call->id, leg ? leg->number : 0);

	put(out, "CallSid", str_of(subject.s));
	put(out, "AccountSid", str_of(call->account.s));
	put_parties(out, call->from, leg ? leg_address(arena, leg) : call->to);
	put(out, "CallStatus", str_of(status));
	put(out, "ApiVersion", STR("2010-04-01"));
	put(out, "Direction", leg ? STR("outbound-dial") : direction(call));
	if (leg)
		put(out, "ParentCallSid", str_of(call->id.s));
	if (call_is_message(call))
		put_message_status(call, leg, status, out);
	put(out, "CallbackSource", STR("call-progress-events"));
	put(out, "SequenceNumber", arena_printf(arena, "%u", leg ? leg->sequence : call->sequence));
	put(out, "Timestamp", clock_rfc2822(arena, (uint64_t)call->now_ms));
	if (strcmp(status, "completed") == 0) {
		const int64_t seconds = duration_s(call, leg);

		put(out, "CallDuration", arena_printf(arena, "%lld", (long long)seconds));
		put(out, "Duration", arena_printf(arena, "%lld", (long long)(seconds + 59) / 60));
	}
}
