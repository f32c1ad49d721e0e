/* redis.c - calls on one connection: in order, in time, each answered once.
 *
 *     submit -> waiting (in order) -> finish            on its reply
 *            \-> failed -> finish                       at once or on the loss of the connection
 *
 * Replies are positional, so waiting calls are a queue and its head is the only
 * one whose time can be up: one timer looks at it.  Calls that fail go to a
 * second queue, which the loop empties: no callback runs below its own call.
 */
#include "common/io/redis.h"

#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/io/loop.h"
#include "common/io/redis_link.h"

enum {
	QUEUE_START = 64,
	NAME_MAX_LEN = 24,
	FAIL_AFTER_MS = 1, /* not 0: who tries again at once must not starve the loop */
	COMPLAIN_EVERY_MS = 1000,
	LAST_CHANCE_MS = 2,
};

/* A script's whole command, kept until its reply: should Redis have lost the
 * script, it is sent again with the text. */
struct kept {
	const struct redis_script *script;
	size_t argc;
	struct str *argv; /* behind the struct, and then the bytes */
};

struct call {
	redis_fn *fn; /* may be NULL */
	void *arg;
	uint64_t sent_us;
	struct kept *kept;
	enum err err; /* of a failed call */
	bool lenient; /* an error reply is an answer too */
	char name[NAME_MAX_LEN];
};

struct queue { /* a ring; size is a power of two */
	struct call *calls;
	size_t size;
	size_t head;
	size_t n;
};

struct redis {
	struct redis_conf conf; /* without the strings: the link has them */
	struct redis_link *link;
	struct queue waiting;
	struct queue failed;
	struct loop_timer *overdue; /* runs while calls wait; looks at their head */
	struct loop_timer *failing;
	bool overdue_runs;
	bool last_chance; /* the head's time is up; one more turn of the loop */
	uint64_t complained_at_ms;
	unsigned unsaid;
	unsigned busy; /* frames on the stack that come back to this struct */
	bool closed;
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* --- queues ------------------------------------------------------------- */

static void queue_grow(struct queue *queue)
{
	const size_t size = queue->size ? queue->size * 2 : QUEUE_START;
	struct call *calls = x_alloc(size * sizeof(*calls));

	for (size_t i = 0; i < queue->n; i++)
		calls[i] = queue->calls[(queue->head + i) & (queue->size - 1)];
	x_free(queue->calls);
	*queue = (struct queue){ calls, size, 0, queue->n };
}

static void queue_push(struct queue *queue, const struct call *call)
{
	if (queue->n == queue->size)
		queue_grow(queue);
	queue->calls[(queue->head + queue->n++) & (queue->size - 1)] = *call;
}

static struct call queue_pop(struct queue *queue)
{
	const struct call call = queue->calls[queue->head];

	queue->head = (queue->head + 1) & (queue->size - 1);
	queue->n--;
	return call;
}

/* --- the end of a call -------------------------------------------------- */

static void leave(struct redis *redis)
{
	if (--redis->busy > 0 || !redis->closed)
		return;
	x_free(redis->waiting.calls);
	x_free(redis->failed.calls);
	x_free(redis);
}

/* Trouble of the store meets every call, so not every call may write a line. */
static void complain(struct redis *redis, const struct call *call, enum err err, struct str text)
{
	const uint64_t now_ms = clock_mono_ms();

	if (now_ms - redis->complained_at_ms < COMPLAIN_EVERY_MS) {
		redis->unsaid++;
		return;
	}
	log_warn("redis_call_failed", "command=%s error=%s text=%s unsaid=%u", log_str(str_of(call->name)),
		 err_name(err), log_str(text), redis->unsaid);
	redis->complained_at_ms = now_ms;
	redis->unsaid = 0;
}

static void finish(struct redis *redis, const struct call *call, enum err err,
		   const struct redis_reply *reply)
{
	x_free(call->kept);
	if (err)
		metric_add(METRIC_redis_failures_total, 1);
	if (call->fn)
		call->fn(call->arg, err, reply);
	else if (err && err != ERR_STORE_REPLY) /* that one was logged with its text */
		complain(redis, call, err, STR_NULL);
}

static void fail_soon(struct redis *redis, struct call *call, enum err err)
{
	call->err = err;
	queue_push(&redis->failed, call);
	if (redis->failing)
		loop_timer_start(redis->failing, FAIL_AFTER_MS);
}

static void fail_waiting(struct redis *redis, enum err err)
{
	while (redis->waiting.n) {
		struct call call = queue_pop(&redis->waiting);

		fail_soon(redis, &call, err);
	}
}

static void finish_failed(struct redis *redis, size_t n)
{
	redis->busy++;
	while (n-- && redis->failed.n) {
		const struct call call = queue_pop(&redis->failed);

		finish(redis, &call, call.err, NULL);
	}
	leave(redis);
}

static void on_failing(void *arg)
{
	struct redis *redis = arg;

	finish_failed(redis, redis->failed.n); /* not those that fail meanwhile */
}

/* --- calls -------------------------------------------------------------- */

static void start_overdue(struct redis *redis, uint64_t ms)
{
	redis->overdue_runs = true;
	loop_timer_start(redis->overdue, ms);
}

/* If it was this process that stood still, the reply lies in the socket, and
 * timers run before sockets: so there is a last chance. */
static void on_overdue(void *arg)
{
	struct redis *redis = arg;
	const bool last_chance = redis->last_chance;
	uint64_t waited_ms;

	redis->overdue_runs = false;
	redis->last_chance = false;
	if (!redis->waiting.n)
		return;
	waited_ms = (now_us() - redis->waiting.calls[redis->waiting.head].sent_us) / 1000;
	if (waited_ms < redis->conf.timeout_ms) {
		start_overdue(redis, redis->conf.timeout_ms - waited_ms);
	} else if (!last_chance) {
		redis->last_chance = true;
		start_overdue(redis, LAST_CHANCE_MS);
	} else {
		redis_link_drop(redis->link, ERR_STORE_TIMEOUT, "a call had no answer in time");
	}
}

static enum err refusal(const struct redis *redis)
{
	if (redis->closed)
		return ERR_CLOSED;
	if (!redis_link_is_up(redis->link))
		return ERR_STORE_DOWN;
	if (redis->waiting.n >= redis->conf.max_pending || redis_link_is_full(redis->link))
		return ERR_OVERLOAD;
	return ERR_NONE;
}

static void submit(struct redis *redis, struct call *call, size_t argc, const struct str argv[])
{
	const enum err err = refusal(redis);

	if (err) {
		fail_soon(redis, call, err);
		return;
	}
	call->sent_us = now_us();
	queue_push(&redis->waiting, call);
	redis_link_send(redis->link, argc, argv);
	metric_add(METRIC_redis_calls_total, 1);
	if (!redis->overdue_runs)
		start_overdue(redis, redis->conf.timeout_ms);
}

static void set_name(struct call *call, struct str name)
{
	const size_t n = MIN(name.n, sizeof(call->name) - 1);

	if (n)
		memcpy(call->name, name.p, n);
	call->name[n] = '\0';
}

void redis_call(struct redis *redis, redis_fn *fn, void *arg, size_t argc, const struct str argv[])
{
	struct call call = { .fn = fn, .arg = arg };

	INVARIANT(argc > 0 && argc <= REDIS_MAX_ARGS);
	set_name(&call, argv[0]);
	submit(redis, &call, argc, argv);
}

static char *keep_arg(struct kept *kept, char *space, struct str arg)
{
	kept->argv[kept->argc++] = str_n(space, arg.n);
	if (arg.n)
		memcpy(space, arg.p, arg.n);
	return space + arg.n;
}

static struct kept *keep(const struct redis_script *script, struct str key, size_t argc,
			 const struct str argv[])
{
	const size_t fixed = sizeof(struct kept) + (argc + 4) * sizeof(struct str);
	size_t bytes = key.n;
	struct kept *kept;
	char *space;

	for (size_t i = 0; i < argc; i++)
		bytes += argv[i].n;
	kept = x_alloc(fixed + bytes);
	kept->script = script;
	kept->argv = (void *)(kept + 1);
	kept->argv[kept->argc++] = STR("EVALSHA");
	kept->argv[kept->argc++] = str_n(script->sha1, sizeof(script->sha1) - 1);
	kept->argv[kept->argc++] = STR("1");
	space = keep_arg(kept, (char *)kept + fixed, key);
	for (size_t i = 0; i < argc; i++)
		space = keep_arg(kept, space, argv[i]);
	return kept;
}

void redis_script_call(struct redis *redis, redis_fn *fn, void *arg, const struct redis_script *script,
		       struct str key, size_t argc, const struct str argv[])
{
	struct call call = { .fn = fn, .arg = arg };

	INVARIANT(argc <= REDIS_MAX_ARGS);
	set_name(&call, str_of(script->name));
	call.kept = keep(script, key, argc, argv);
	submit(redis, &call, call.kept->argc, call.kept->argv);
}

/* --- replies ------------------------------------------------------------ */

/* Once with the text; the text's own NOSCRIPT would be an error like others. */
static void send_with_text(struct redis *redis, struct call *call)
{
	struct kept *kept = call->kept;

	kept->argv[0] = STR("EVAL");
	kept->argv[1] = str_n(kept->script->text, kept->script->len);
	kept->script = NULL;
	submit(redis, call, kept->argc, kept->argv);
}

/* Redis repeats a command's arguments in some errors: those stay out of the log. */
static struct str without_arguments(struct str text)
{
	static const char repeats[] = "with args";
	const char *at = memmem(text.p, text.n, repeats, sizeof(repeats) - 1);

	return at ? str_n(text.p, (size_t)(at - text.p)) : text;
}

static void on_error_reply(struct redis *redis, struct call *call, const struct redis_reply *reply)
{
	if (call->kept && call->kept->script && redis_is_error_of(reply, STR("NOSCRIPT"))) {
		send_with_text(redis, call);
		return;
	}
	if (!call->lenient)
		complain(redis, call, ERR_STORE_REPLY, without_arguments(redis_error_text(reply)));
	/* This server was demoted: the name may lead to the new one. */
	if (redis_is_error_of(reply, STR("READONLY")))
		redis_link_drop(redis->link, ERR_STORE_DOWN, "the server is a replica now");
	finish(redis, call, ERR_STORE_REPLY, NULL);
}

static void on_reply(void *owner, const struct redis_reply *reply)
{
	struct redis *redis = owner;
	struct call call;

	if (!redis->waiting.n) {
		redis_link_drop(redis->link, ERR_STORE_DOWN, "a reply to no call");
		return;
	}

	redis->busy++;
	redis->last_chance = false;
	call = queue_pop(&redis->waiting);
	metric_observe_us(METRIC_redis_call_seconds, now_us() - call.sent_us);
	if (redis_is_error(reply))
		on_error_reply(redis, &call, reply);
	else
		finish(redis, &call, ERR_NONE, reply);
	leave(redis);
}

/* --- the connection ----------------------------------------------------- */

static void on_greet(void *owner)
{
	struct redis *redis = owner;

	for (size_t i = 0; i < redis->conf.n_scripts; i++) {
		const struct redis_script *script = &redis->conf.scripts[i];

		redis_link_send(redis->link, 3,
				(struct str[]){ STR("SCRIPT"), STR("LOAD"),
						str_n(script->text, script->len) });
	}
}

/* A server that evicts keys loses devices and calls without a word. */
static void on_policy(void *arg, enum err err, const struct redis_reply *reply)
{
	const struct str policy = redis_field(reply, "maxmemory-policy");

	(void)arg;
	if (!err && !str_is_null(policy) && !str_eq(policy, STR("noeviction")))
		log_warn("redis_may_evict", "maxmemory_policy=%s wanted=noeviction", log_str(policy));
}

static void check_policy(struct redis *redis)
{
	const struct str argv[] = { STR("CONFIG"), STR("GET"), STR("maxmemory-policy") };
	struct call call = { .fn = on_policy, .lenient = true }; /* managed servers forbid CONFIG */

	set_name(&call, argv[0]);
	submit(redis, &call, ARRAY_LEN(argv), argv);
}

static void on_up(void *owner)
{
	struct redis *redis = owner;

	check_policy(redis);
	if (redis->conf.on_ready)
		redis->conf.on_ready(redis->conf.arg);
}

static void on_down(void *owner, enum err err)
{
	struct redis *redis = owner;

	fail_waiting(redis, err);
	if (redis->conf.on_lost)
		redis->conf.on_lost(redis->conf.arg);
}

static const struct redis_link_hooks link_hooks = { on_greet, on_up, on_reply, on_down };

struct redis *redis_new(struct loop *loop, const struct redis_conf *conf)
{
	struct redis *redis = x_alloc(sizeof(*redis));

	redis->conf = *conf;
	redis->conf.host = redis->conf.username = redis->conf.password = redis->conf.client_name = NULL;
	redis->overdue = loop_timer_new(loop, on_overdue, redis);
	redis->failing = loop_timer_new(loop, on_failing, redis);
	redis->link = redis_link_new(loop, conf, &link_hooks, redis);
	return redis;
}

struct redis *redis_free(struct redis *redis)
{
	if (!redis)
		return NULL;

	redis->closed = true;
	redis->link = redis_link_free(redis->link);
	redis->overdue = loop_timer_free(redis->overdue);
	redis->failing = loop_timer_free(redis->failing);
	fail_waiting(redis, ERR_CLOSED);
	finish_failed(redis, SIZE_MAX);
	return NULL;
}

bool redis_is_ready(const struct redis *redis)
{
	return !redis->closed && redis_link_is_up(redis->link);
}
