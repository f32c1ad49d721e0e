/* account_cache.h - what a worker remembers of accounts.  Private to account*.c and auth*.c.
 *
 * Bounded in number and in time; when full the oldest entry goes.  Everything
 * of one account is dropped together.  A value is one block of memory, wiped
 * before it is freed: it may hold secrets.
 */
#pragma once

#include "common/base/sid.h"

struct account_cache;

struct account_cache *account_cache_new(size_t max);
struct account_cache *account_cache_free(struct account_cache *cache);   /* returns NULL */

const void *account_cache_get(struct account_cache *cache, struct str key);
void account_cache_put_take(struct account_cache *cache, struct sid account, struct str key, void *value, size_t size,
                            uint64_t ttl_ms);
void account_cache_drop(struct account_cache *cache, struct str account);
void account_cache_drop_all(struct account_cache *cache);
size_t account_cache_count(const struct account_cache *cache);
