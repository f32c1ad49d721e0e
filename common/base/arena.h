/* arena.h - memory that dies all at once with the request that used it.
 *
 * Grows in blocks up to a cap.  Beyond the cap an allocation aborts: every
 * size that comes from outside is bounded before it is copied here.
 */
#pragma once

#include <stdarg.h>

#include "common/base/str.h"

struct arena;

struct arena *arena_new(size_t cap);
struct arena *arena_free(struct arena *arena);           /* returns NULL */

void *arena_alloc(struct arena *arena, size_t size) MUST_USE;      /* zeroed, aligned for anything */
struct str arena_copy(struct arena *arena, struct str s);          /* NUL behind it; STR_NULL stays STR_NULL */
char *arena_cstr(struct arena *arena, struct str s);
struct str arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);
