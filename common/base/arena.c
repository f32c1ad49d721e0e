/* arena.c - memory that dies all at once with the request that used it.
 *
 * A chain of blocks, newest first; only the newest is filled.  What does not
 * fit gets a new block, twice the last one's size (up to BLOCK_MAX) or as large
 * as asked.  Under AddressSanitizer every allocation is a block of its own, so
 * that running over its end, or using it after the request, is caught.
 */
#include "common/base/arena.h"

#include <stdio.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_APART 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_APART 1
#endif
#endif
#ifndef ARENA_APART
#define ARENA_APART 0
#endif

enum {
	ALIGNMENT = _Alignof(max_align_t),
	BLOCK_MIN = ARENA_APART ? 1 : 4000, /* multiples of ALIGNMENT: what fits, fits rounded up */
	BLOCK_MAX = ARENA_APART ? 1 : 64000,
};

struct block {
	struct block *older;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

struct arena {
	struct block *newest;
	size_t given; /* bytes handed out */
	size_t cap;
};

struct arena *arena_new(size_t cap)
{
	struct arena *arena = x_alloc(sizeof(*arena));

	arena->cap = cap;
	return arena;
}

struct arena *arena_free(struct arena *arena)
{
	if (!arena)
		return NULL;
	for (struct block *block = arena->newest, *older; block; block = older) {
		older = block->older;
		x_free(block);
	}
	x_free(arena);
	return NULL;
}

static size_t room_left(const struct arena *arena)
{
	return arena->newest ? arena->newest->size - arena->newest->used : 0;
}

static void add_block(struct arena *arena, size_t at_least)
{
	const size_t doubled = arena->newest ? 2 * arena->newest->size : BLOCK_MIN;
	const size_t size = MAX(at_least, MIN(doubled, (size_t)BLOCK_MAX));
	struct block *block = x_realloc(NULL, sizeof(*block) + size);

	block->older = arena->newest;
	block->used = 0;
	block->size = size;
	arena->newest = block;
}

/* Not zeroed. */
static void *take(struct arena *arena, size_t size)
{
	INVARIANT(size <= arena->cap - arena->given);

	const size_t rounded = (MAX(size, 1u) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	if (rounded > room_left(arena))
		add_block(arena, ARENA_APART ? size : rounded);

	struct block *block = arena->newest;
	void *p = block->data + block->used;

	block->used = MIN(block->used + rounded, block->size);
	arena->given += size;
	return p;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	void *p = take(arena, size);

	memset(p, 0, size);
	return p;
}

char *arena_cstr(struct arena *arena, struct str s)
{
	char *copy = take(arena, s.n + 1);

	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

struct str arena_copy(struct arena *arena, struct str s)
{
	return str_is_null(s) ? STR_NULL : str_n(arena_cstr(arena, s), s.n);
}

struct str arena_printf(struct arena *arena, const char *fmt, ...)
{
	const size_t room = room_left(arena);
	char *p = room ? arena->newest->data + arena->newest->used : NULL;
	va_list ap;

	/* Most texts fit behind the last one, and are then written only once. */
	va_start(ap, fmt);
	const int wanted = vsnprintf(p, room, fmt, ap);
	va_end(ap);

	INVARIANT(wanted >= 0);
	const size_t len = (size_t)wanted;
	const bool fits = len < room;

	p = take(arena, len + 1);
	if (!fits) {
		va_start(ap, fmt);
		vsnprintf(p, len + 1, fmt, ap);
		va_end(ap);
	}
	return str_n(p, len);
}
