/* account_cache.c - one table of entries, one of accounts that have any.       (uthash inside)
 *
 * uthash keeps its elements in order of insertion, so the first one is the
 * oldest and, as every entry lives about as long, the next one to expire.
 */
#include "common/model/account_cache.h"

#include "common/base/clock.h"
#include "common/base/crypto.h"

#define uthash_malloc(size)   x_alloc(size)
#define uthash_free(p, size)  x_free(p)
#define uthash_fatal(message) invariant_failed(message, __FILE__, __LINE__)
#include <uthash.h>
#include <utlist.h>

struct group { /* the entries of one account */
	struct sid account;
	struct entry *entries;
	UT_hash_handle hh;
};

struct entry {
	struct group *group;
	struct entry *prev, *next; /* in the group */
	uint64_t expires_ms;
	void *value;
	size_t size;
	UT_hash_handle hh;
	char key[];
};

struct account_cache {
	struct entry *entries;
	struct group *groups;
	size_t max;
};

struct account_cache *account_cache_new(size_t max)
{
	struct account_cache *cache = x_alloc(sizeof(*cache));

	cache->max = max;
	return cache;
}

struct account_cache *account_cache_free(struct account_cache *cache)
{
	if (!cache)
		return NULL;
	account_cache_drop_all(cache);
	x_free(cache);
	return NULL;
}

static void entry_drop(struct account_cache *cache, struct entry *entry)
{
	struct group *group = entry->group;

	HASH_DEL(cache->entries, entry);
	DL_DELETE(group->entries, entry);
	if (!group->entries) {
		HASH_DEL(cache->groups, group);
		x_free(group);
	}
	crypto_wipe(entry->value, entry->size);
	x_free(entry->value);
	x_free(entry);
}

static struct entry *entry_find(struct account_cache *cache, struct str key)
{
	struct entry *entry = NULL;

	HASH_FIND(hh, cache->entries, key.p, key.n, entry);
	return entry;
}

static struct group *group_find(struct account_cache *cache, struct str account)
{
	struct group *group = NULL;

	HASH_FIND(hh, cache->groups, account.p, account.n, group);
	return group;
}

static struct group *group_of(struct account_cache *cache, struct sid account)
{
	struct group *group = group_find(cache, sid_str(&account));

	if (!group) {
		group = x_alloc(sizeof(*group));
		group->account = account;
		HASH_ADD_KEYPTR(hh, cache->groups, group->account.s, strlen(group->account.s), group);
	}
	return group;
}

const void *account_cache_get(struct account_cache *cache, struct str key)
{
	struct entry *entry = entry_find(cache, key);

	if (entry && entry->expires_ms <= clock_mono_ms()) {
		entry_drop(cache, entry);
		entry = NULL;
	}
	return entry ? entry->value : NULL;
}

void account_cache_put_take(struct account_cache *cache, struct sid account, struct str key, void *value,
			    size_t size, uint64_t ttl_ms)
{
	struct entry *entry = entry_find(cache, key);

	if (entry)
		entry_drop(cache, entry);
	else if (HASH_COUNT(cache->entries) >= cache->max)
		entry_drop(cache, cache->entries);

	entry = x_alloc(sizeof(*entry) + key.n);
	memcpy(entry->key, key.p, key.n);
	entry->value = value;
	entry->size = size;
	entry->expires_ms = clock_mono_ms() + ttl_ms;
	entry->group = group_of(cache, account);
	DL_APPEND(entry->group->entries, entry);
	HASH_ADD(hh, cache->entries, key, key.n, entry);
}

void account_cache_drop(struct account_cache *cache, struct str account)
{
	/* The group goes with its last entry, so it is looked up each time. */
	for (struct group *group = group_find(cache, account); group; group = group_find(cache, account))
		entry_drop(cache, group->entries);
}

void account_cache_drop_all(struct account_cache *cache)
{
	while (cache->entries)
		entry_drop(cache, cache->entries);
}

size_t account_cache_count(const struct account_cache *cache)
{
	return HASH_COUNT(cache->entries);
}
