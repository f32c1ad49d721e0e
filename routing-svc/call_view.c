/* call_view.c - see call_view.h; the members are Twilio's. */
#include "routing-svc/call_view.h"

#include "common/model/twilio_json.h"
#include "routing-svc/outcome.h"

struct view { /* a call or a leg in the resource's words */
	struct sid sid, parent;
	struct str from, to, status, direction;
	int64_t start_ms, end_ms;
};

static struct str leg_status_word(const struct call *call, const struct leg *leg)
{
	switch (leg->status) {
	case LEG_RUNG:
	case LEG_ACKNOWLEDGED:
	case LEG_RINGING:
		return STR("ringing");
	case LEG_PICKED_UP:
	case LEG_ANSWERED:
		return STR("in-progress");
	case LEG_CANCELLED:
		return STR("canceled");
	case LEG_REJECTED:
		return STR("busy");
	default:
		if (leg->number == call->winner)
			return STR("completed");
		return str_eq(leg->reason, STR("declined")) || str_eq(leg->reason, STR("busy"))
			       ? STR("busy")
			       : STR("no-answer");
	}
}

static bool view_of(struct arena *arena, const struct call *call, struct sid id, struct view *out)
{
	const unsigned number = sid_leg_number(id);
	const struct leg *leg = call_leg((struct call *)call, number);

	if (number == 0) {
		*out = (struct view){ .sid = call->id,
				      .from = call->from,
				      .to = call->to,
				      .status = outcome_status(call),
				      .direction = call->outbound_api ? STR("outbound-api") : STR("inbound"),
				      .start_ms = call->up_ms,
				      .end_ms = call->ended_ms };
		return true;
	}
	if (!leg)
		return false;
	*out = (struct view){ .sid = id,
			      .parent = call->id,
			      .from = call->from,
			      .to = leg_address(arena, leg),
			      .status = leg_status_word(call, leg),
			      .direction = STR("outbound-dial"),
			      .start_ms = leg->number == call->winner ? call->answered_ms : 0 };
	return true;
}

static void put_subresources(struct json_writer *w, struct arena *arena, struct str uri)
{
	static const char *const names[] = { "recordings", "notifications", "events" };
	const struct str stem = str_n(uri.p, uri.n - strlen(".json"));

	json_name(w, "subresource_uris");
	json_object(w);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		json_str(w, names[i],
			 arena_printf(arena, STR_FMT "/%c%s.json", STR_ARG(stem), names[i][0] - 'a' + 'A',
				      names[i] + 1));
	json_object_end(w);
}

static void put_call(struct json_writer *w, struct arena *arena, const struct call *call,
		     const struct view *view)
{
	static const char *const nulls[] = { "phone_number_sid", "price",     "answered_by",
					     "forwarded_from",	 "group_sid", "caller_name",
					     "trunk_sid" };
	const struct str uri = twilio_uri(arena, call->account, "Calls", view->sid);

	json_object(w);
	json_str(w, "sid", sid_str(&view->sid));
	json_str(w, "account_sid", sid_str(&call->account));
	json_str(w, "parent_call_sid", sid_is_set(view->parent) ? sid_str(&view->parent) : STR_NULL);
	json_str(w, "from", view->from);
	json_str(w, "from_formatted", view->from);
	json_str(w, "to", view->to);
	json_str(w, "to_formatted", view->to);
	json_str(w, "status", view->status);
	json_str(w, "direction", view->direction);
	json_str(w, "api_version", STR("2010-04-01"));
	twilio_date(w, arena, "start_time", (uint64_t)view->start_ms);
	twilio_date(w, arena, "end_time", (uint64_t)view->end_ms);
	twilio_date(w, arena, "date_created", (uint64_t)call->created_ms);
	twilio_date(w, arena, "date_updated",
		    (uint64_t)MAX(call->created_ms, MAX(view->start_ms, view->end_ms)));
	json_str(w, "duration",
		 view->start_ms && view->end_ms
			 ? arena_printf(arena, "%lld", (long long)(view->end_ms - view->start_ms) / 1000)
			 : STR_NULL);
	json_str(w, "queue_time", STR("0"));
	json_str(w, "price_unit", STR("USD"));
	for (size_t i = 0; i < ARRAY_LEN(nulls); i++)
		json_str(w, nulls[i], STR_NULL);
	json_str(w, "uri", uri);
	put_subresources(w, arena, uri);
	json_object_end(w);
}

bool call_view_put(struct json_writer *w, struct arena *arena, const struct call *call, struct sid id)
{
	struct view view;

	if (!view_of(arena, call, id, &view))
		return false;
	put_call(w, arena, call, &view);
	return true;
}
