/* base.h - the few macros and allocators that every file may use.
 *
 * The x_ allocators never return NULL: running out of memory for small, fixed
 * things aborts the process (its supervisor restarts it) instead of growing an
 * untested path in every caller.  Sizes that come from the wire are capped by
 * a buf or an arena before they get here.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Says that a condition is part of the design; kept in release builds. */
#define INVARIANT(cond) ((cond) ? (void)0 : invariant_failed(#cond, __FILE__, __LINE__))
_Noreturn void invariant_failed(const char *cond, const char *file, int line);

void *x_alloc(size_t size) MUST_USE;                 /* zeroed */
void *x_realloc(void *old, size_t size) MUST_USE;    /* new bytes are not zeroed */
void x_free(void *p);                                /* NULL is fine */
