/* redis_sub.h - one subscriber connection per loop, with as many channels as are added.  (hiredis inside)
 *
 * Messages of classic PUBLISH.  Any loss of the connection is a gap in every
 * channel: its on_ready runs once it is subscribed again (as at the first time),
 * and whoever cached something by its messages drops it then.  The connection's
 * life is proven by the answers to its own PINGs, one every conf->timeout_ms;
 * conf's scripts, hooks and max_pending are not used.
 *
 * The channel that the subscriber is made with stays as long as it lives.
 * Callbacks run from the loop, never inside a call; each may add, remove or free.
 */
#pragma once

#include "common/io/redis.h"

struct redis_sub;
struct redis_channel;                    /* one subscription, by redis_sub_add */

enum { REDIS_SUB_MAX = 50000, REDIS_CHANNEL_NAME_MAX = 64 };

typedef void redis_sub_fn(void *arg, struct str channel, struct str payload);
typedef void redis_sub_ready_fn(void *arg);

struct redis_sub *redis_sub_new(struct loop *loop, const struct redis_conf *conf, struct str channel,
                                redis_sub_fn *on_message, redis_sub_ready_fn *on_ready, void *arg);
struct redis_sub *redis_sub_free(struct redis_sub *sub);             /* with all its channels; returns NULL */
bool redis_sub_is_ready(const struct redis_sub *sub);                /* its own channel is subscribed */

/* Another channel, each name at most once.  NULL when there are REDIS_SUB_MAX of them. */
struct redis_channel *redis_sub_add(struct redis_sub *sub, struct str channel, redis_sub_fn *on_message,
                                    redis_sub_ready_fn *on_ready, void *arg);
/* No callback of it any more; NULL is fine; returns NULL. Its subscriber has to live. */
struct redis_channel *redis_sub_remove(struct redis_channel *channel);
bool redis_channel_is_ready(const struct redis_channel *channel);
