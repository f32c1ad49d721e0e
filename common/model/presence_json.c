/* presence_json.c - writes the presence document. */
#include "common/model/presence_json.h"

#include "common/base/clock.h"

static void put_time(struct json_writer *w, const char *name, int64_t ms)
{
	char text[CLOCK_RFC3339_SIZE];

	if (ms)
		clock_rfc3339_put(text, (uint64_t)ms);
	json_str(w, name, ms ? str_of(text) : STR_NULL);
}

static void put_device(struct json_writer *w, struct arena *arena, const struct device *device)
{
	struct device_profile shown;

	device_profile_of_json(arena, device->json, &shown);
	json_object(w);
	json_str(w, "device", sid_str(&device->id));
	json_str(w, "app", shown.app);
	json_str(w, "host", shown.host);
	json_str(w, "status", device->status);
	media_put(w, "media", device->media);
	json_name(w, "attributes");
	json_put_raw(w, shown.attributes);
	json_str(w, "node", device->by_channel ? device->node : STR_NULL);
	json_str(w, "held", device->by_channel ? STR("channel") : STR("lease"));
	put_time(w, "since", device->since_ms);
	put_time(w, "expires_at", device->lease_until_ms);
	json_object_end(w);
}

void presence_put_json(struct json_writer *w, struct arena *arena, struct str identity,
		       const struct presence *presence)
{
	json_object(w);
	json_str(w, "identity", identity);
	json_str(w, "status", presence->status);
	media_put(w, "ringable", presence->ringable);
	media_put(w, "media", presence->media);
	json_int(w, "device_count", presence->device_count);
	put_time(w, "since", presence->since_ms);
	put_time(w, "last_seen", presence->last_seen_ms);
	json_str(w, "note", presence->note.n ? presence->note : STR_NULL);
	json_bool(w, "override", presence->override.n > 0);
	json_int(w, "version", presence->version);
	if (presence->devices) {
		json_name(w, "devices");
		json_array(w);
		for (size_t i = 0; i < presence->n_devices; i++)
			put_device(w, arena, &presence->devices[i]);
		json_array_end(w);
	}
	json_object_end(w);
}
