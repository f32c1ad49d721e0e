/* http_breaker.c - names by hash, those that failed last at the end of the list. */
#include "common/io/http_breaker.h"

#define uthash_malloc(size)  x_alloc(size)
#define uthash_free(p, size) x_free(p)
#include <uthash.h>
#include <utlist.h>

struct failing {
	UT_hash_handle hh;
	struct failing *prev, *next; /* in order of their last failure */
	unsigned failures;
	uint64_t open_until_ms; /* counts from break_after failures on */
	size_t name_n;
	char name[];
};

struct http_breaker {
	struct failing *names, *order;
	unsigned break_after, max_names;
	uint64_t open_ms;
};

struct http_breaker *http_breaker_new(unsigned break_after, uint64_t open_ms, unsigned max_names)
{
	struct http_breaker *breaker = x_alloc(sizeof(*breaker));

	INVARIANT(max_names > 0);
	breaker->break_after = break_after;
	breaker->open_ms = open_ms;
	breaker->max_names = max_names;
	return breaker;
}

static void forget(struct http_breaker *breaker, struct failing *failing)
{
	HASH_DEL(breaker->names, failing);
	DL_DELETE(breaker->order, failing);
	x_free(failing);
}

struct http_breaker *http_breaker_free(struct http_breaker *breaker)
{
	if (!breaker)
		return NULL;
	while (breaker->order)
		forget(breaker, breaker->order);
	x_free(breaker);
	return NULL;
}

static struct failing *find(const struct http_breaker *breaker, struct str name)
{
	struct failing *failing;

	HASH_FIND(hh, breaker->names, name.p, name.n, failing);
	return failing;
}

static bool is_broken(const struct http_breaker *breaker, const struct failing *failing)
{
	return failing && failing->failures >= breaker->break_after;
}

bool http_breaker_is_open(const struct http_breaker *breaker, struct str name, uint64_t now_ms)
{
	const struct failing *failing = find(breaker, name);

	return is_broken(breaker, failing) && now_ms < failing->open_until_ms;
}

bool http_breaker_admits(struct http_breaker *breaker, struct str name, uint64_t now_ms)
{
	struct failing *failing = find(breaker, name);

	if (!is_broken(breaker, failing))
		return true;
	if (now_ms < failing->open_until_ms)
		return false;
	failing->open_until_ms = now_ms + breaker->open_ms;
	return true;
}

static struct failing *add(struct http_breaker *breaker, struct str name)
{
	struct failing *failing = x_alloc(sizeof(*failing) + name.n);

	if (HASH_COUNT(breaker->names) >= breaker->max_names)
		forget(breaker, breaker->order);
	failing->name_n = name.n;
	memcpy(failing->name, name.p, name.n);
	HASH_ADD_KEYPTR(hh, breaker->names, failing->name, failing->name_n, failing);
	DL_APPEND(breaker->order, failing);
	return failing;
}

void http_breaker_report(struct http_breaker *breaker, struct str name, uint64_t now_ms, bool succeeded)
{
	struct failing *failing = find(breaker, name);

	if (breaker->break_after == 0)
		return;
	if (succeeded) {
		if (failing)
			forget(breaker, failing);
		return;
	}
	if (!failing)
		failing = add(breaker, name);
	DL_DELETE(breaker->order, failing);
	DL_APPEND(breaker->order, failing);
	if (failing->failures < breaker->break_after)
		failing->failures++;
	failing->open_until_ms = now_ms + breaker->open_ms;
}
