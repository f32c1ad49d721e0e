/* outbox_calls.c - status callbacks: the entry holds the whole request. */
#include "common/base/json.h"
#include "common/model/outbox_entry.h"

static bool slot_of(struct str subject, struct key_slot *out)
{
	struct sid leg;

	if (!sid_parse(subject, "CA", &leg))
		return false;
	*out = key_slot_of_call(leg);
	return true;
}

static struct str label_of(struct str subject)
{
	return subject;
}

static bool account_of(struct str subject, struct str entry, struct sid *out)
{
	struct json *doc;
	bool good;

	(void)subject;
	if (json_parse(entry, &doc, NULL) != ERR_NONE)
		return false;
	good = sid_parse(json_string(json_get(doc, "account")), "AC", out);
	json_free(doc);
	return good;
}

static enum outbox_verdict render(struct arena *arena, struct str subject, struct str entry,
				  const struct account *account, const struct settings *settings,
				  struct webhook_request *out)
{
	struct json *doc;

	(void)subject;
	(void)account;
	(void)settings;
	if (json_parse(entry, &doc, NULL) != ERR_NONE)
		return OUTBOX_UNREADABLE;
	*out = (struct webhook_request){
		.url = arena_copy(arena, json_string(json_get(doc, "url"))),
		.kind = json_is_true(json_get(doc, "get")) ? WEBHOOK_QUERY : WEBHOOK_FORM,
		.body = arena_copy(arena, json_string(json_get(doc, "body"))),
		.id = arena_copy(arena, json_string(json_get(doc, "id"))),
	};
	json_free(doc);
	return OUTBOX_SEND;
}

const struct outbox_kind outbox_of_calls = {
	.name = "callback",
	.subject_name = "call",
	.label_of = label_of,
	.slot_of = slot_of,
	.account_of = account_of,
	.render = render,
};
