/* presence_json.h - the presence document, as every reader gets it: requests, lists, watchers.
 *
 *     {"identity":"alice","status":"available","ringable":["voice"],"media":["voice"],"device_count":1,
 *      "since":"2026-..","last_seen":"2026-..","note":null,"override":false,"version":17}
 *
 * "override" says that the status is what its user chose to show.  "devices" is there when they
 * were read (presence->devices is set).
 */
#pragma once

#include "common/model/presence.h"

/* One object; the arena is for what is read of the devices' JSON only. */
void presence_put_json(struct json_writer *w, struct arena *arena, struct str identity, const struct presence *presence);
