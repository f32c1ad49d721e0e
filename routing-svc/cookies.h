/* cookies.h - the cookies of one call: what customers' servers set comes back to them.  Pure.
 *
 * A cookie goes to the host that set it and to no other, whatever Domain it names; below its
 * path; and, if it is Secure, by https only.  It ends with the call, or at its own time.
 * At most COOKIES_MAX of them in COOKIES_BYTES together: the oldest go first.
 *
 * The jar is text, as it stands in the call's record, a line for each:
 *
 *     <until, s, or 0> <s|-> <host> <path> <name>=<value>
 */
#pragma once

#include "common/base/arena.h"
#include "common/io/url.h"

enum { COOKIES_MAX = 20, COOKIES_BYTES = 8192 };

/* What the answer of that URL has set (the value of one Set-Cookie); the jar as it is then. */
struct str cookies_take(struct arena *arena, struct str jar, const struct url_parts *from, uint64_t now_s, struct str set_cookie);

/* The value of the Cookie header of a request there; "" for none. */
struct str cookies_for(struct arena *arena, struct str jar, const struct url_parts *to, uint64_t now_s);
