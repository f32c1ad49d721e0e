/* presence_model.h - two clients in plain C: what design.md says of registrations, claims and consolidation.
 *
 * The model knows nothing of how the scripts do it.  Spans of time are either over at
 * once or never, so it needs no clock.
 */
#pragma once

#include "tests/unit/scripts_fixture.h"

enum { CLIENTS = 2, DEVICES = 4, NODES = 2, CALLS = 3 };
enum { NO_NODE = NODES }; /* held by a REST lease */

enum model_status { AVAILABLE, AWAY, BUSY, DND, OFFLINE, NO_STATUS };
enum { CALL_WAITING = 1, AWAY_RINGS = 2, WEBHOOKS = 4 }; /* flags of an account's rules */
enum { TERMS = 3 };

struct model_device {
	bool here;
	unsigned node;
	enum model_status status;
	unsigned media;
	unsigned terms; /* bit mask: what it is found by */
	bool in_grace;	/* its channel has closed */
	bool suspect;	/* it was silent when it was rung */
	bool lease_over;
	int64_t registration;
};

struct model_claim {
	bool here, engaged;
	unsigned call, attempt;
	int fence;
	bool due; /* a sweep has to come to it */
};

struct model_override {
	bool here, over, note;
	enum model_status status; /* NO_STATUS: only a note */
};

struct model_client {
	unsigned rules; /* of its account */
	struct model_override override;
	bool told; /* the customer has heard that it came */
	bool known; /* something was ever said of it */
	struct model_device device[DEVICES];
	struct model_claim claim[DEVICES];
	int64_t version;
};

static const char *const status_words[] = { "available", "away", "busy", "dnd", "offline", "" };

/* ---- names ---- */

static inline const char *client_name(unsigned c)
{
	return c ? "bob" : "alice";
}

static inline const char *device_sid(struct store *store, unsigned d)
{
	return text_of(store, "DV%032u", d + 1);
}

static inline const char *node_sid(struct store *store, unsigned n)
{
	return text_of(store, "ND%032u", n + 1);
}

static inline const char *call_sid(struct store *store, unsigned k)
{
	return text_of(store, "CA%026u000000", k + 1);
}

static inline const char *client_key(struct store *store, unsigned c)
{
	return text_of(store, "c:{p0}:AC:%s", client_name(c));
}

static inline const char *client_prefix(struct store *store, unsigned c)
{
	return text_of(store, "AC|%s", client_name(c));
}

static inline const char *member(struct store *store, unsigned c, unsigned d)
{
	return text_of(store, "AC|%s|%s", client_name(c), device_sid(store, d));
}

/* ---- what the design says ---- */

static inline bool is_on_call(const struct model_client *client)
{
	for (unsigned d = 0; d < DEVICES; d++) {
		if (client->device[d].here && client->claim[d].here && client->claim[d].engaged)
			return true;
	}
	return false;
}

static inline bool has_status(const struct model_client *client, enum model_status status)
{
	for (unsigned d = 0; d < DEVICES; d++) {
		if (client->device[d].here && client->device[d].status == status)
			return true;
	}
	return false;
}

/* override > dnd > on_call > available > busy > away > offline */
static inline const char *shown_status(const struct model_client *client)
{
	if (client->override.here && client->override.status != NO_STATUS)
		return status_words[client->override.status];
	return has_status(client, DND)	       ? "dnd"
	       : is_on_call(client)	       ? "on_call"
	       : has_status(client, AVAILABLE) ? "available"
	       : has_status(client, BUSY)      ? "busy"
	       : has_status(client, AWAY)      ? "away"
					       : "offline";
}

/* Why this device may not be rung for these media by this call; NULL when it may. */
static inline const char *refusal_of(const struct model_client *client, unsigned d, unsigned media, unsigned call,
				     int fence)
{
	const struct model_device *device = &client->device[d];
	const struct model_claim *claim = &client->claim[d];
	const bool own = claim->here && claim->call == call && !claim->engaged && claim->fence <= fence;

	if (client->override.here && client->override.status >= BUSY && client->override.status <= OFFLINE)
		return status_words[client->override.status];
	if (is_on_call(client) && !(client->rules & CALL_WAITING))
		return "on_call";
	if (has_status(client, DND))
		return "dnd";
	if (device->node == NO_NODE || device->in_grace)
		return "no_channel";
	if (device->suspect)
		return "suspect";
	if (claim->here && !own)
		return claim->engaged ? "on_call" : "engaged";
	if (device->status != AVAILABLE && !(device->status == AWAY && client->rules & AWAY_RINGS))
		return status_words[device->status];
	return device->media & media ? NULL : "media";
}

static inline unsigned ringable_media(const struct model_client *client)
{
	unsigned media = 0;

	for (unsigned d = 0; d < DEVICES; d++) {
		if (client->device[d].here && !refusal_of(client, d, 7, CALLS, 0))
			media |= client->device[d].media;
	}
	return media;
}

static inline unsigned all_media(const struct model_client *client)
{
	unsigned media = 0;

	for (unsigned d = 0; d < DEVICES; d++)
		media |= client->device[d].here ? client->device[d].media : 0;
	return media;
}

static inline unsigned device_count(const struct model_client *client)
{
	unsigned n = 0;

	for (unsigned d = 0; d < DEVICES; d++)
		n += client->device[d].here;
	return n;
}

static inline bool has_claims(const struct model_client *client)
{
	for (unsigned d = 0; d < DEVICES; d++) {
		if (client->claim[d].here)
			return true;
	}
	return false;
}

static inline bool is_idle(const struct model_client *client)
{
	return device_count(client) == 0 && !has_claims(client) && !client->override.here;
}

static inline const char *override_shown(const struct model_client *client)
{
	return client->override.here ? status_words[client->override.status] : "";
}

/* "status|ringable|media|devices" */
static inline const char *consolidated(struct store *store, const struct model_client *client)
{
	return text_of(store, "%s|%u|%u|%u", shown_status(client), ringable_media(client), all_media(client),
		       device_count(client));
}
