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

/* The same without user:password, for whoever is not that server: logs, traces, other servers. */
struct str url_public(struct arena *arena, struct str url);
