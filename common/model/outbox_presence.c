/* outbox_presence.c - presence webhooks: what became of a client, as the JSON that its account is told.
 *
 *     {"id":"EV..","type":"presence.online","account":"AC..","identity":"alice","status":"available",
 *      "previous_status":"offline","ringable":["voice"],"media":["voice"],"device_count":1,"note":null,
 *      "version":17,"since":"2026-..","occurred_at":"2026-.."}
 *
 * The id is made of what the event is, so that each try has the same.
 */
#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/io/url.h"
#include "common/model/outbox_entry.h"
#include "common/model/presence.h"

enum { EVENT_MAX = 8 * 1024, EVENT_ID_BYTES = 16 };

struct event {
	struct str account, identity;
	struct str what; /* online, offline, changed */
	struct str previous;
	uint64_t occurred_ms;
	struct presence now;
};

static bool read_subject(struct str subject, struct str *account, struct str *identity)
{
	struct sid sid;

	*identity = subject;
	return str_split(identity, ':', account) && sid_parse(*account, "AC", &sid) &&
	       identity_is_valid(*identity);
}

static struct str label_of(struct str subject)
{
	struct str account;

	(void)str_split(&subject, ':', &account);
	return subject;
}

static bool slot_of(struct str subject, struct key_slot *out)
{
	struct str account, identity;

	if (!read_subject(subject, &account, &identity))
		return false;
	*out = key_slot_of_client(account, identity);
	return true;
}

static bool account_of(struct str subject, struct str entry, struct sid *out)
{
	struct str account, identity;

	(void)entry;
	return read_subject(subject, &account, &identity) && sid_parse(account, "AC", out);
}

static bool is_event(struct str word)
{
	return str_eq(word, STR("online")) || str_eq(word, STR("offline")) || str_eq(word, STR("changed"));
}

static bool read_event(struct arena *arena, struct str subject, struct str entry, struct event *out)
{
	struct str occurred;

	if (!read_subject(subject, &out->account, &out->identity) || !str_split(&entry, '|', &out->what) ||
	    !is_event(out->what) || !str_split(&entry, '|', &out->previous) ||
	    !str_split(&entry, '|', &occurred) || !str_to_u64(occurred, &out->occurred_ms))
		return false;
	presence_parse(arena, entry, &out->now);
	return out->now.version > 0;
}

static struct str event_id(struct arena *arena, const struct event *event)
{
	const struct str text = arena_printf(arena, STR_FMT ":" STR_FMT ":%lld", STR_ARG(event->account),
					     STR_ARG(event->identity), (long long)event->now.version);
	uint8_t digest[CRYPTO_MAC_MAX];
	char hex[2 * EVENT_ID_BYTES + 1];

	crypto_digest(CRYPTO_SHA256, text, digest);
	crypto_hex(str_n((const char *)digest, EVENT_ID_BYTES), hex);
	return arena_printf(arena, "EV%s", hex);
}

static struct str event_json(struct arena *arena, const struct event *event, struct str id)
{
	const struct presence *now = &event->now;
	struct json_writer w;
	struct buf body;
	struct str out;

	buf_init(&body, EVENT_MAX);
	json_begin(&w, &body);
	json_object(&w);
	json_str(&w, "id", id);
	json_str(&w, "type", arena_printf(arena, "presence." STR_FMT, STR_ARG(event->what)));
	json_str(&w, "account", event->account);
	json_str(&w, "identity", event->identity);
	json_str(&w, "status", now->status);
	json_str(&w, "previous_status", event->previous);
	media_put(&w, "ringable", now->ringable);
	media_put(&w, "media", now->media);
	json_int(&w, "device_count", now->device_count);
	json_str(&w, "note", now->note.n ? now->note : STR_NULL);
	json_int(&w, "version", now->version);
	json_str(&w, "since", clock_rfc3339(arena, (uint64_t)now->since_ms));
	json_str(&w, "occurred_at", clock_rfc3339(arena, event->occurred_ms));
	json_object_end(&w);
	INVARIANT(buf_ok(&body));
	out = arena_copy(arena, buf_str(&body));
	buf_fini(&body);
	return out;
}

static enum outbox_verdict render(struct arena *arena, struct str subject, struct str entry,
				  const struct account *account, const struct settings *settings,
				  struct webhook_request *out)
{
	struct event event = { .occurred_ms = 0 };

	(void)settings;
	if (!read_event(arena, subject, entry, &event))
		return OUTBOX_UNREADABLE;
	*out = (struct webhook_request){ .kind = WEBHOOK_JSON, .id = event_id(arena, &event) };
	out->body = event_json(arena, &event, out->id);
	if (account->presence_webhook_url.n == 0 ||
	    !url_resolve(arena, STR_NULL, account->presence_webhook_url, &out->url))
		return OUTBOX_UNWANTED;
	return OUTBOX_SEND;
}

const struct outbox_kind outbox_of_presence = {
	.name = "presence_webhook",
	.subject_name = "client",
	.label_of = label_of,
	.slot_of = slot_of,
	.account_of = account_of,
	.render = render,
};
