/* redis_stream.c - XREAD BLOCK, hand over, XTRIM and the next XREAD in one write.
 *
 *     ready -> read -> on_batch -> trim + read -> on_batch ...
 *
 * The position moves before a message is handed over, so a reconnect repeats
 * none; a trim that is lost with its connection is made up by the next one.
 */
#include "common/io/redis_stream.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/log.h"
#include "common/io/loop.h"

enum {
	BLOCK_MS = 2000, /* also how long a dead connection may go unnoticed, beside the timeout */
	RETRY_MS = 1000,
	ID_LEN_MAX = 41, /* two numbers of 20 digits and a dash */
};
#define BLOCK_TEXT "2000"
#define BATCH_TEXT "100"

struct redis_stream {
	struct redis *redis;
	struct loop_timer *retry;
	redis_stream_fn *on_message;
	void *arg;
	char last[ID_LEN_MAX + 1]; /* everything up to here was handed over */
	unsigned busy;		   /* frames on the stack that come back to this struct */
	bool freed;
	struct str key; /* its bytes are behind the struct */
	char bytes[];
};

static void read_more(void *arg);

static void leave(struct redis_stream *stream)
{
	if (--stream->busy == 0 && stream->freed)
		x_free(stream);
}

/* The smallest id after `last`; false when that is not of the form ms-seq. */
static bool next_id(const char *last, char out[ID_LEN_MAX + 1])
{
	struct str rest = str_of(last);
	struct str ms_text;
	uint64_t ms, seq;

	if (!str_split(&rest, '-', &ms_text) || !str_to_u64(ms_text, &ms) || !str_to_u64(rest, &seq))
		return false;
	if (++seq == 0)
		ms++;
	snprintf(out, ID_LEN_MAX + 1, "%" PRIu64 "-%" PRIu64, ms, seq);
	return true;
}

static void trim(struct redis_stream *stream)
{
	char from[ID_LEN_MAX + 1];

	if (!next_id(stream->last, from))
		return;
	redis_call(stream->redis, NULL, NULL, 4,
		   (struct str[]){ STR("XTRIM"), stream->key, STR("MINID"), str_of(from) });
}

/* entry: [id, [field, value, ...]] */
static void hand_over(struct redis_stream *stream, const struct redis_reply *entry)
{
	const struct str message = redis_field(redis_at(entry, 1), "m");
	char id[sizeof(stream->last)];

	if (str_copy(redis_str_at(entry, 0), id, sizeof(id)))
		memcpy(stream->last, id, sizeof(id));
	if (str_is_null(message))
		log_error("redis_stream_no_message", "key=%s id=%s", log_str(stream->key), id);
	else
		stream->on_message(stream->arg, message);
}

/* reply: nil, or [[key, entries]] */
static void on_batch(void *arg, enum err err, const struct redis_reply *reply)
{
	struct redis_stream *stream = arg;
	const struct redis_reply *entries = redis_at(redis_at(reply, 0), 1);
	const size_t n = redis_count(entries);

	if (err == ERR_STORE_REPLY)
		loop_timer_start(stream->retry, RETRY_MS);
	if (err) /* of the connection: on_ready reads on; of the reply: the timer does */
		return;

	stream->busy++;
	for (size_t i = 0; i < n && !stream->freed; i++)
		hand_over(stream, redis_at(entries, i));
	if (!stream->freed) {
		if (n)
			trim(stream);
		read_more(stream);
	}
	leave(stream);
}

static void read_more(void *arg)
{
	struct redis_stream *stream = arg;

	loop_timer_stop(stream->retry);
	redis_call(stream->redis, on_batch, stream, 8,
		   (struct str[]){ STR("XREAD"), STR("COUNT"), STR(BATCH_TEXT), STR("BLOCK"), STR(BLOCK_TEXT),
				   STR("STREAMS"), stream->key, str_of(stream->last) });
}

struct redis_stream *redis_stream_new(struct loop *loop, const struct redis_conf *conf, struct str key,
				      redis_stream_fn *on_message, void *arg)
{
	struct redis_stream *stream = x_alloc(sizeof(*stream) + key.n);
	struct redis_conf own = *conf;

	memcpy(stream->bytes, key.p, key.n);
	stream->key = str_n(stream->bytes, key.n);
	memcpy(stream->last, "0-0", sizeof("0-0"));
	stream->on_message = on_message;
	stream->arg = arg;
	stream->retry = loop_timer_new(loop, read_more, stream);

	own.timeout_ms += BLOCK_MS;
	own.scripts = NULL;
	own.n_scripts = 0;
	own.on_ready = read_more;
	own.on_lost = NULL;
	own.arg = stream;
	stream->redis = redis_new(loop, &own);
	return stream;
}

struct redis_stream *redis_stream_free(struct redis_stream *stream)
{
	if (!stream)
		return NULL;
	stream->redis = redis_free(stream->redis);
	stream->retry = loop_timer_free(stream->retry);
	stream->freed = true;
	stream->busy++;
	leave(stream);
	return NULL;
}
