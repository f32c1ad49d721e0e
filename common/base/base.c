/* base.c - allocators that never fail, and the end of a broken promise. */
#include "common/base/base.h"

#include <stdio.h>
#include <stdlib.h>

void invariant_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "level=error event=invariant_failed at=%s:%d cond=\"%s\"\n", file, line, cond);
	abort();
}

static void *or_abort(void *p, size_t size)
{
	if (p)
		return p;
	fprintf(stderr, "level=error event=out_of_memory bytes=%zu\n", size);
	abort();
}

void *x_alloc(size_t size)
{
	const size_t wanted = MAX(size, 1u);

	return or_abort(calloc(1, wanted), wanted);
}

void *x_realloc(void *old, size_t size)
{
	const size_t wanted = MAX(size, 1u);

	return or_abort(realloc(old, wanted), wanted);
}

void x_free(void *p)
{
	free(p);
}
