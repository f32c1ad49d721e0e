/* redis_stream.h - reads one stream for ever, blocking on a connection of its own.
 *
 * Messages are handed over in order, each once per life of this reader; the
 * position is kept over reconnects, so nothing is missed while the stream
 * still holds it.  Consumed entries are deleted in batches (the reader is the
 * stream's only one).  conf's scripts and hooks are not used.
 */
#pragma once

#include "common/io/redis.h"

struct redis_stream;

/* Each entry has one field "m" with a JSON text. */
typedef void redis_stream_fn(void *arg, struct str message);

struct redis_stream *redis_stream_new(struct loop *loop, const struct redis_conf *conf, struct str key,
                                      redis_stream_fn *on_message, void *arg);
struct redis_stream *redis_stream_free(struct redis_stream *stream);   /* returns NULL */
