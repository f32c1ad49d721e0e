/* url.h - customers' URLs: checking and resolving.  Pure.          (libcurl's parser inside)
 *
 * The parser is the one that will fetch, so nobody can be told two things by
 * one text.  Only http and https, at most URL_MAX bytes, no control characters.
 */
#pragma once

#include "common/base/arena.h"

enum { URL_MAX = 2048 };

MUST_USE bool url_is_http(struct arena *arena, struct str url);

/* A reference inside a document, against the document's own URL (STR_NULL: ref
 * has to be absolute).  *out is absolute and has no fragment; user:password stays. */
MUST_USE bool url_resolve(struct arena *arena, struct str base, struct str ref, struct str *out);

struct str url_fragment(struct str url);                 /* what is after '#'; STR_NULL without one */
struct str url_no_fragment(struct str url);              /* what is before it */

struct url_parts {
	bool is_secure;                  /* https */
	struct str host;                 /* in lower case, without port */
	struct str path;
};
/* url: absolute, as url_resolve has made it. */
MUST_USE bool url_split(struct arena *arena, struct str url, struct url_parts *out);

/* The same without user:password, for whoever is not that server: logs, traces, other servers. */
struct str url_public(struct arena *arena, struct str url);
