/* presence_search.h - many clients at once: those that are named, and those that fit.
 *
 * An account's clients lie in KEYS_SPREAD partitions.  Those that are named take one script
 * call in each partition, side by side.  Those that fit are walked partition by partition, and
 * in each by name, along the smallest index that the filter permits; the client's own line decides.
 */
#pragma once

#include "common/model/presence.h"
#include "common/model/presence_filter.h"

enum { PRESENCE_QUERY_MAX = 1000, PRESENCE_PAGE_MAX = 1000 };

/* out[i] is identities[i], without devices; one that is unknown is offline with version 0.
 * n is at most PRESENCE_QUERY_MAX; the names are borrowed until `next`. */
void presence_query(struct flow *flow, struct sid account, const struct str identities[], size_t n, struct presence out[],
                    struct flow_step next);

/* Between two clients of a list: behind `name` in one of the account's partitions; .name "" is before all of it. */
struct presence_position {
	unsigned partition;              /* 0 .. KEYS_SPREAD - 1, of the account's */
	struct str name;
};

struct presence_entry {
	struct str identity;
	struct presence presence;        /* without devices */
};

struct presence_page {
	struct presence_entry *clients;
	size_t n;
	bool more;                       /* there may be more behind `next` */
	struct presence_position next;
};

/* At most `size` (PRESENCE_PAGE_MAX) clients that fit.  The work is bounded too: where few of many fit, a page may
 * be short, even empty, and still say `more`.  A client that is there all the time and fits all the time
 * is met once, whatever else comes and goes.  The filter is borrowed until `next`. */
void presence_list(struct flow *flow, struct sid account, const struct presence_filter *filter, struct presence_position from,
                   size_t size, struct presence_page *out, struct flow_step next);

/* What a client's presence was, newest first: the state now, and those before it that a reader would tell apart. */
enum { PRESENCE_HISTORY_MAX = 50 };      /* as many as _client.lua keeps */
struct presence_history {
	struct presence *states;
	size_t n;
};
void presence_history(struct flow *flow, struct client_key client, struct presence_history *out, struct flow_step next);
