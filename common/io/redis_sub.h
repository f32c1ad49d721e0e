/* redis_sub.h - one subscriber connection per loop.                 (hiredis inside)
 *
 * Messages of classic PUBLISH.  Any loss of the connection is a gap: on_gap
 * runs once the channels are subscribed again (and at the first subscription),
 * and whoever cached something by these messages drops it then.  The
 * connection's life is proven by the answers to its own PINGs, one every
 * conf->timeout_ms; conf's scripts, hooks and max_pending are not used.
 */
#pragma once

#include "common/io/redis.h"

struct redis_sub;

typedef void redis_sub_fn(void *arg, struct str channel, struct str payload);

struct redis_sub *redis_sub_new(struct loop *loop, const struct redis_conf *conf, struct str channel,
                                redis_sub_fn *on_message, void (*on_gap)(void *arg), void *arg);
struct redis_sub *redis_sub_free(struct redis_sub *sub);             /* returns NULL */
bool redis_sub_is_ready(const struct redis_sub *sub);
