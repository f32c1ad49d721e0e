/* redis_link.h - one connection to Redis that is made again for ever.
 * Private to redis.c and redis_sub.c.                              (hiredis inside)
 *
 *     wait -> resolve -> connect -> greet -> up -> (lost) -> wait ...
 *
 * The greeting is AUTH, CLIENT SETNAME and whatever the owner adds in on_greet,
 * all in one write; an error reply to any of it fails the attempt.  Waits grow
 * from 50 ms to 2 s, with jitter; a host name is resolved anew each time.
 *
 * Commands sent within one turn of the loop leave in one write.  Replies come
 * in the order of the commands; matching them is the owner's business.
 *
 * Hooks run from the loop only, never inside a call of this module.  Any of
 * them may drop or free the link.
 *
 * hiredis is used through its non-blocking redisContext and not through
 * redisAsyncContext: the owner keeps its own queue of calls anyway, a
 * subscriber is then just a stream of replies, and the traps of the
 * asynchronous layer (aborts on unexpected pub/sub replies, contexts that free
 * themselves, releases that differ in both) do not exist.
 */
#pragma once

#include "common/io/redis.h"

struct redis_link;

struct redis_link_hooks {
	void (*on_greet)(void *owner);  /* may be NULL; redis_link_send adds to the greeting */
	void (*on_up)(void *owner);
	void (*on_reply)(void *owner, const struct redis_reply *reply);
	void (*on_down)(void *owner, enum err err);     /* after on_up only */
};

struct redis_link *redis_link_new(struct loop *loop, const struct redis_conf *conf,
                                  const struct redis_link_hooks *hooks, void *owner);
struct redis_link *redis_link_free(struct redis_link *link);     /* no hook runs any more; returns NULL */
bool redis_link_is_up(const struct redis_link *link);
bool redis_link_is_full(const struct redis_link *link);          /* too many bytes wait to be sent */
void redis_link_send(struct redis_link *link, size_t argc, const struct str argv[]);
/* Gives this connection up and makes another; on_down gets err.  Not from inside redis_call and its like. */
void redis_link_drop(struct redis_link *link, enum err err, const char *reason);

/* Error replies, which callers of redis.h never see. */
bool redis_is_error(const struct redis_reply *reply);
struct str redis_error_text(const struct redis_reply *reply);    /* "WRONGTYPE ..."; STR_NULL if it is none */
bool redis_is_error_of(const struct redis_reply *reply, struct str code);    /* its first word */
