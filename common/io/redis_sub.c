/* redis_sub.c - a subscriber is a stream of replies.                (uthash inside)
 *
 *     up -> SUBSCRIBE all, in few commands -> each confirmed (on_ready) -> message, message ...
 *
 * A channel may be removed and added again before the first answer is there.
 * Answers come in the order of what was asked, so each asking has a number, and
 * a channel is ready with the answer that has its own.
 *
 * Redis answers PING on this very connection, so a PING in each beat and
 * nothing heard until the next one means that it is dead, however open it looks.
 */
#include "common/io/redis_sub.h"

#include "common/io/loop.h"
#include "common/io/redis_link.h"

#define uthash_malloc(size)   x_alloc(size)
#define uthash_free(p, size)  x_free(p)
#define uthash_fatal(message) invariant_failed(message, __FILE__, __LINE__)
#include <uthash.h>

enum { LAST_CHANCE_MS = 2, ASK_AT_ONCE = 500 };

struct redis_channel {
	struct redis_sub *sub;
	redis_sub_fn *on_message;
	redis_sub_ready_fn *on_ready;
	void *arg;
	uint64_t asked; /* the number of its SUBSCRIBE on this connection */
	bool ready;
	UT_hash_handle hh;
	size_t n;
	char name[];
};

struct redis_sub {
	struct redis_link *link;
	struct loop_timer *beat;
	unsigned beat_ms;
	bool heard;  /* something, since the last beat */
	bool silent; /* a beat passed without; one more turn of the loop */
	uint64_t asked, answered;
	struct redis_channel *channels;
	struct redis_channel *own;
};

static struct str name_of(const struct redis_channel *channel)
{
	return str_n(channel->name, channel->n);
}

/* ---- asking ---- */

static void ask(struct redis_channel *channel)
{
	struct redis_sub *sub = channel->sub;

	channel->asked = ++sub->asked;
	redis_link_send(sub->link, 2, (struct str[]){ STR("SUBSCRIBE"), name_of(channel) });
}

static void ask_for_all(struct redis_sub *sub)
{
	struct str argv[1 + ASK_AT_ONCE] = { STR("SUBSCRIBE") };
	struct redis_channel *channel, *next;
	size_t n = 1;

	HASH_ITER(hh, sub->channels, channel, next)
	{
		argv[n++] = name_of(channel);
		channel->asked = ++sub->asked;
		if (n == ARRAY_LEN(argv) || !next) {
			redis_link_send(sub->link, n, argv);
			n = 1;
		}
	}
}

/* ---- the connection ---- */

static void on_beat(void *arg)
{
	struct redis_sub *sub = arg;

	if (!sub->heard && sub->silent) {
		redis_link_drop(sub->link, ERR_STORE_TIMEOUT, "the subscription is silent");
		return;
	}
	if (!sub->heard) { /* if this process stood still, the reply lies in the socket */
		sub->silent = true;
		loop_timer_start(sub->beat, LAST_CHANCE_MS);
		return;
	}
	sub->heard = false;
	sub->silent = false;
	redis_link_send(sub->link, 1, (struct str[]){ STR("PING") });
	loop_timer_start(sub->beat, sub->beat_ms);
}

static void on_up(void *owner)
{
	struct redis_sub *sub = owner;

	sub->heard = false; /* the confirmation has to come within the first beat */
	sub->silent = false;
	sub->asked = 0;
	sub->answered = 0;
	ask_for_all(sub);
	loop_timer_start(sub->beat, sub->beat_ms);
}

static struct redis_channel *channel_find(struct redis_sub *sub, struct str name)
{
	struct redis_channel *channel = NULL;

	HASH_FIND(hh, sub->channels, name.p, name.n, channel);
	return channel;
}

static void on_message(struct redis_sub *sub, struct str name, struct str payload)
{
	struct redis_channel *channel = channel_find(sub, name);

	if (channel && channel->ready)
		channel->on_message(channel->arg, name, payload);
}

static void on_answer(struct redis_sub *sub, struct str name)
{
	struct redis_channel *channel = channel_find(sub, name);

	sub->answered++;
	if (!channel || channel->asked != sub->answered)
		return;
	channel->ready = true;
	channel->on_ready(channel->arg);
}

/* Each branch ends with the callback: it may free the subscriber. */
static void on_reply(void *owner, const struct redis_reply *reply)
{
	struct redis_sub *sub = owner;
	const struct str kind = redis_str_at(reply, 0);

	sub->heard = true;
	if (redis_is_error(reply))
		redis_link_drop(sub->link, ERR_STORE_REPLY, redis_error_text(reply).p);
	else if (str_eq(kind, STR("message")))
		on_message(sub, redis_str_at(reply, 1), redis_str_at(reply, 2));
	else if (str_eq(kind, STR("subscribe")))
		on_answer(sub, redis_str_at(reply, 1));
}

static void on_down(void *owner, enum err err)
{
	struct redis_sub *sub = owner;
	struct redis_channel *channel, *next;

	(void)err;
	HASH_ITER(hh, sub->channels, channel, next)
	channel->ready = false;
	loop_timer_stop(sub->beat);
}

/* ---- channels ---- */

struct redis_channel *redis_sub_add(struct redis_sub *sub, struct str name, redis_sub_fn *on_message_fn,
				    redis_sub_ready_fn *on_ready, void *arg)
{
	struct redis_channel *channel;

	INVARIANT(name.n > 0 && name.n <= REDIS_CHANNEL_NAME_MAX && !channel_find(sub, name));
	if (HASH_COUNT(sub->channels) >= REDIS_SUB_MAX)
		return NULL;
	channel = x_alloc(sizeof(*channel) + name.n);
	channel->sub = sub;
	channel->on_message = on_message_fn;
	channel->on_ready = on_ready;
	channel->arg = arg;
	channel->n = name.n;
	memcpy(channel->name, name.p, name.n);
	HASH_ADD(hh, sub->channels, name, name.n, channel);
	if (redis_link_is_up(sub->link))
		ask(channel);
	return channel;
}

struct redis_channel *redis_sub_remove(struct redis_channel *channel)
{
	struct redis_sub *sub;

	if (!channel)
		return NULL;
	sub = channel->sub;
	INVARIANT(channel != sub->own);
	HASH_DEL(sub->channels, channel);
	if (redis_link_is_up(sub->link))
		redis_link_send(sub->link, 2, (struct str[]){ STR("UNSUBSCRIBE"), name_of(channel) });
	x_free(channel);
	return NULL;
}

bool redis_channel_is_ready(const struct redis_channel *channel)
{
	return channel->ready;
}

/* ---- life ---- */

static const struct redis_link_hooks link_hooks = { NULL, on_up, on_reply, on_down };

struct redis_sub *redis_sub_new(struct loop *loop, const struct redis_conf *conf, struct str channel,
				redis_sub_fn *on_message_fn, redis_sub_ready_fn *on_ready, void *arg)
{
	struct redis_sub *sub = x_alloc(sizeof(*sub));

	sub->beat_ms = conf->timeout_ms;
	sub->beat = loop_timer_new(loop, on_beat, sub);
	sub->link = redis_link_new(loop, conf, &link_hooks, sub);
	sub->own = redis_sub_add(sub, channel, on_message_fn, on_ready, arg);
	return sub;
}

struct redis_sub *redis_sub_free(struct redis_sub *sub)
{
	struct redis_channel *channel, *next;

	if (!sub)
		return NULL;
	redis_link_free(sub->link);
	loop_timer_free(sub->beat);
	HASH_ITER(hh, sub->channels, channel, next)
	{
		HASH_DEL(sub->channels, channel);
		x_free(channel);
	}
	x_free(sub);
	return NULL;
}

bool redis_sub_is_ready(const struct redis_sub *sub)
{
	return sub->own->ready;
}
