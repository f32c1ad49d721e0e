/* redis.h - one asynchronous, pipelined Redis connection per loop.  (hiredis inside)
 *
 * Calls are answered in order.  A call without a reply within its timeout
 * fails with ERR_STORE_TIMEOUT and the connection is made again: later replies
 * could no longer be matched to their calls.  While there is no connection
 * calls fail at once with ERR_STORE_DOWN (through the loop): no pile-up.  The
 * connection is tried again with back-off and jitter, for ever; host names are
 * resolved anew each time, off the loop.
 *
 * After each connect: AUTH, CLIENT SETNAME, then SCRIPT LOAD of every script;
 * only then is the connection ready.
 *
 * Every callback runs exactly once, on this loop, never before the call that
 * caused it has returned.  An error reply is ERR_STORE_REPLY and is logged
 * here with the command's name, never with its arguments; once a second at most.
 * SIGPIPE has to be ignored by the process.
 */
#pragma once

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/io/flow.h"

struct loop;
struct redis;
struct redis_reply;              /* borrowed during the callback */

struct redis_script {            /* one atomic step; the arrays are generated from lua/ */
	const char *name;
	const char *text;
	size_t len;
	char sha1[41];
};

struct redis_conf {
	const char *host;        /* name or number */
	uint16_t port;
	const char *username;    /* NULL or "": none */
	const char *password;    /* NULL or "": none */
	const char *client_name;
	unsigned timeout_ms;     /* per call, from submit to reply */
	unsigned max_pending;    /* calls beyond it fail with ERR_OVERLOAD */
	const struct redis_script *scripts;
	size_t n_scripts;
	void (*on_ready)(void *arg);     /* may be NULL; after every (re)connect */
	void (*on_lost)(void *arg);      /* may be NULL; after every loss of a ready connection */
	void *arg;
};

typedef void redis_fn(void *arg, enum err err, const struct redis_reply *reply);

/* conf's strings are copied, its scripts not. */
struct redis *redis_new(struct loop *loop, const struct redis_conf *conf);
/* Pending calls end with ERR_CLOSED before it returns: then nothing of this
 * connection runs any more.  May be called from its callbacks.  Returns NULL. */
struct redis *redis_free(struct redis *redis);
bool redis_is_ready(const struct redis *redis);

enum { REDIS_MAX_ARGS = 1024 };

void redis_call(struct redis *redis, redis_fn *fn, void *arg, size_t argc, const struct str argv[]);
/* fn may be NULL: fire and forget, failures are counted and logged */
void redis_script_call(struct redis *redis, redis_fn *fn, void *arg, const struct redis_script *script,
                       struct str key, size_t argc, const struct str argv[]);

/* The same for a flow: fn runs only on success and only while the flow lives;
 * a failure fails the flow.  fn goes on with flow_run(flow, next), another I/O, or flow_fail. */
typedef void redis_flow_fn(struct flow *flow, void *arg, const struct redis_reply *reply);
void flow_redis(struct flow *flow, const char *waiting_for, redis_flow_fn *fn, void *arg,
                size_t argc, const struct str argv[]);
/* The same for a step that must not be done unheard: `lost` runs when no answer came (it may have been done all the
 * same), or came when nobody waited for it any more. */
typedef void redis_lost_fn(struct flow *flow, void *arg);
void flow_script_heard(struct flow *flow, const char *waiting_for, redis_flow_fn *fn, redis_lost_fn *lost, void *arg,
                       const struct redis_script *script, struct str key, size_t argc, const struct str argv[]);
void flow_script(struct flow *flow, const char *waiting_for, redis_flow_fn *fn, void *arg,
                 const struct redis_script *script, struct str key, size_t argc, const struct str argv[]);

/* Replies: strings, integers, nil, arrays (RESP2). */
bool redis_is_nil(const struct redis_reply *reply);
bool redis_is_array(const struct redis_reply *reply);
size_t redis_count(const struct redis_reply *reply);                    /* 0 when it is no array */
const struct redis_reply *redis_at(const struct redis_reply *reply, size_t i);   /* NULL beyond the end */
struct str redis_str(const struct redis_reply *reply);                  /* string or status; STR_NULL otherwise */
struct str redis_str_at(const struct redis_reply *reply, size_t i);
MUST_USE bool redis_int(const struct redis_reply *reply, int64_t *out); /* integer, or a string that is one */
int64_t redis_int_at(const struct redis_reply *reply, size_t i, int64_t fallback);
/* Hash replies [f, v, f, v]: the value of a field, STR_NULL when absent */
struct str redis_field(const struct redis_reply *reply, const char *field);

/* Decimal text of a number for argv, from the given 24-byte space. */
struct str redis_num(char space[24], int64_t v);
