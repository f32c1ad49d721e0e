/* redis_sub.c - a subscriber is a stream of replies.
 *
 *     up -> SUBSCRIBE -> confirmed (on_gap) -> message, message ...
 *
 * Redis answers PING on this very connection, so a PING in each beat and
 * nothing heard until the next one means that it is dead, however open it looks.
 */
#include "common/io/redis_sub.h"

#include "common/io/loop.h"
#include "common/io/redis_link.h"

enum { LAST_CHANCE_MS = 2 };

struct redis_sub {
	struct redis_link *link;
	struct loop_timer *beat;
	unsigned beat_ms;
	bool ready;
	bool heard;  /* something, since the last beat */
	bool silent; /* a beat passed without; one more turn of the loop */
	redis_sub_fn *on_message;
	void (*on_gap)(void *arg);
	void *arg;
	struct str channel; /* its bytes are behind the struct */
	char bytes[];
};

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
	redis_link_send(sub->link, 2, (struct str[]){ STR("SUBSCRIBE"), sub->channel });
	loop_timer_start(sub->beat, sub->beat_ms);
}

/* Each branch ends with the callback: it may free the subscriber. */
static void on_reply(void *owner, const struct redis_reply *reply)
{
	struct redis_sub *sub = owner;
	const struct str kind = redis_str_at(reply, 0);

	sub->heard = true;
	if (redis_is_error(reply)) {
		redis_link_drop(sub->link, ERR_STORE_REPLY, redis_error_text(reply).p);
	} else if (str_eq(kind, STR("message"))) {
		sub->on_message(sub->arg, redis_str_at(reply, 1), redis_str_at(reply, 2));
	} else if (str_eq(kind, STR("subscribe"))) {
		sub->ready = true;
		sub->on_gap(sub->arg);
	}
}

static void on_down(void *owner, enum err err)
{
	struct redis_sub *sub = owner;

	(void)err;
	sub->ready = false;
	loop_timer_stop(sub->beat);
}

static const struct redis_link_hooks link_hooks = { NULL, on_up, on_reply, on_down };

struct redis_sub *redis_sub_new(struct loop *loop, const struct redis_conf *conf, struct str channel,
				redis_sub_fn *on_message, void (*on_gap)(void *arg), void *arg)
{
	struct redis_sub *sub = x_alloc(sizeof(*sub) + channel.n);

	memcpy(sub->bytes, channel.p, channel.n);
	sub->channel = str_n(sub->bytes, channel.n);
	sub->on_message = on_message;
	sub->on_gap = on_gap;
	sub->arg = arg;
	sub->beat_ms = conf->timeout_ms;
	sub->beat = loop_timer_new(loop, on_beat, sub);
	sub->link = redis_link_new(loop, conf, &link_hooks, sub);
	return sub;
}

struct redis_sub *redis_sub_free(struct redis_sub *sub)
{
	if (!sub)
		return NULL;
	redis_link_free(sub->link);
	loop_timer_free(sub->beat);
	x_free(sub);
	return NULL;
}

bool redis_sub_is_ready(const struct redis_sub *sub)
{
	return sub->ready;
}
