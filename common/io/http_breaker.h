/* http_breaker.h - who has failed so often that he is left alone for a while.  Pure.
 *
 *     closed --(break_after failures in a row)--> open --(open_ms)--> half open: one may try
 *        ^                                          ^                     │
 *        └────────────── it succeeds ───────────────┼─────────────────────┤
 *                                                   └────── it fails ─────┘
 *
 * A name costs memory only while its last try failed; beyond max_names the one that
 * failed least recently is forgotten.  A try that never reports costs one more open_ms.
 */
#pragma once

#include "common/base/str.h"

struct http_breaker;

struct http_breaker *http_breaker_new(unsigned break_after, uint64_t open_ms, unsigned max_names);   /* break_after 0: never */
struct http_breaker *http_breaker_free(struct http_breaker *breaker);        /* NULL */

bool http_breaker_is_open(const struct http_breaker *breaker, struct str name, uint64_t now_ms);
/* The same, for who then tries: of a half open one only the first may. */
MUST_USE bool http_breaker_admits(struct http_breaker *breaker, struct str name, uint64_t now_ms);
void http_breaker_report(struct http_breaker *breaker, struct str name, uint64_t now_ms, bool succeeded);
