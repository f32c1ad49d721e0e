/* session_profile.c - what a channel's device has said of itself, in one small block.
 *
 * Kept so that it can be said again to a store that has lost it, and so that an update
 * of a part needs no question to the store.
 */
#include "presence-svc/session_private.h"

struct session_profile {
	char status[12];
	unsigned media;
	char json[]; /* labels and attributes */
};

static struct session_profile *profile_new(struct str status, unsigned media, struct str json)
{
	struct session_profile *kept = x_alloc(sizeof(*kept) + json.n + 1);

	INVARIANT(str_copy(status, kept->status, sizeof(kept->status)));
	kept->media = media;
	INVARIANT(str_copy(json, kept->json, json.n + 1));
	return kept;
}

void session_profile_keep(struct session *session, const struct device_profile *said)
{
	struct session_profile *old = session->profile;

	session->profile = profile_new(str_is_null(said->status) ? str_of(old->status) : said->status,
				       said->has_media ? said->media : old->media,
				       str_is_null(said->json) ? str_of(old->json) : said->json);
	x_free(old);
}

void session_profile_read(const struct session *session, struct arena *arena, struct device_profile *out)
{
	const struct session_profile *kept = session->profile;

	device_profile_restore(arena, str_of(kept->status), kept->media, str_of(kept->json), out);
}
