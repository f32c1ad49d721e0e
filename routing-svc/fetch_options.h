/* fetch_options.h - what a URL's fragment asks of its request: Twilio's connection overrides.  Pure.
 *
 *     https://customer.example/voice#ct=1000&rt=2000&rc=3&rp=5xx,rt
 *
 *   ct   ms to connect, 100 to 10000            (FETCH_CONNECT_MS)
 *   rt   ms the server may be silent, 100 to 15000                (no limit of its own)
 *   tt   ms for everything, 100 to the operator's FETCH_TOTAL_MS  (that)
 *   rc   how often it is repeated, 0 to 5       (1)
 *   rp   after what: some of 4xx, 5xx, ct, rt with commas, or all (ct)
 *
 * A number beyond its range is taken as the nearest one in it.  The fragment is for us: it is
 * neither sent nor signed.  Names that are not ours are passed over, it may be a fragment only.
 */
#pragma once

#include "common/base/str.h"
#include "common/model/settings.h"

enum {
	REPEAT_4XX = 1,
	REPEAT_5XX = 2,
	REPEAT_CT = 4,                   /* no connection, or the name is not known */
	REPEAT_RT = 8,                   /* a connection, and no whole answer */
};

struct fetch_options {
	unsigned connect_ms, read_ms, total_ms;          /* read_ms 0: total_ms only */
	unsigned repeats;
	unsigned repeat_after;           /* of REPEAT_ */
	struct str misread;              /* the first one that says nothing we know, "rc=many"; STR_NULL: none */
};

void fetch_options_read(struct str fragment, const struct settings *settings, struct fetch_options *out);
