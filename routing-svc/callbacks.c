/* callbacks.c - which status callbacks an event makes: entries for the outbox, written with the state. */
#include "common/base/json.h"
#include "common/io/url.h"
#include "routing-svc/params.h"
#include "routing-svc/plan_private.h"

struct receiver {
	struct str url;
	bool get;
	unsigned events;
};

static struct receiver receiver_of(struct call *call, struct plan *plan, const struct leg *leg)
{
	const struct verb *verb;
	const struct dial_target *target;

	if (!leg)
		return (struct receiver){ call->status_callback, call->status_callback_get,
					  call->status_events ? call->status_events : EVENT_COMPLETED };
	verb = call->first_ring ? NULL : plan_verb(call, plan);
	if (!verb || leg->target >= verb->n_targets)
		return (struct receiver){ .url = STR_NULL };
	target = &verb->targets[leg->target];
	return (struct receiver){ target->status_callback, target->status_callback_get, target->events };
}

/* Relative addresses stand in a document: they mean that document's server.  The others are
 * brought into the form in which they travel, too, for that is what is signed. */
static bool resolve(struct call *call, struct plan *plan, struct str *url)
{
	return url_resolve(plan->arena, call->document_url, *url, url);
}

void plan_callback(struct call *call, struct plan *plan, struct leg *leg, unsigned event, const char *status)
{
	const struct sid subject = sid_leg(call->id, leg ? leg->number : 0);
	unsigned *sequence = leg ? &leg->sequence : &call->sequence;
	struct receiver to = receiver_of(call, plan, leg);
	struct plan_callback *callback;
	struct json_writer w;
	struct buf body, json;

	if (to.url.n == 0 || !(to.events & event) || plan->n_callbacks == PLAN_CALLBACKS_MAX ||
	    !resolve(call, plan, &to.url))
		return;
	buf_init(&body, 16384);
	buf_init(&json, 65536);
	params_callback(call, leg, status, plan->arena, &body);
	json_begin(&w, &json);
	json_object(&w);
	json_str(&w, "url", to.url);
	json_bool(&w, "get", to.get);
	json_str(&w, "account", str_of(call->account.s));
	json_str(&w, "body", buf_str(&body));
	json_str(&w, "id", arena_printf(plan->arena, "%s-%u", subject.s, *sequence));
	json_object_end(&w);
	++*sequence;
	callback = &plan->callbacks[plan->n_callbacks++];
	callback->subject = subject;
	callback->json = arena_copy(plan->arena, buf_str(&json));
	buf_fini(&body);
	buf_fini(&json);
}
