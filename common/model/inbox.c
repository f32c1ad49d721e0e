/* inbox.c - writing to the streams; redis_stream.h reads them. */
#include "common/model/inbox.h"

#include <stdio.h>

#include "common/io/redis.h"

struct inbox_op {
	struct flow_step next;
};

static void on_sent(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct inbox_op *op = arg;

	(void)reply;
	flow_run(flow, op->next);
}

enum { XADD_ARGS = 8 };

static void xadd(struct str argv[XADD_ARGS], struct str key, struct str json)
{
	const struct str command[XADD_ARGS] = { STR("XADD"),  key,	STR("MAXLEN"), STR("~"),
						STR("20000"), STR("*"), STR("m"),      json };

	memcpy(argv, command, sizeof(command));
}

void inbox_send(struct flow *flow, struct address to, struct str json, struct flow_step next)
{
	struct inbox_op *op = flow_alloc(flow, sizeof(*op));
	struct str argv[XADD_ARGS];

	op->next = next;
	xadd(argv, key_inbox(flow->arena, to), json);
	flow_redis(flow, "inbox_send", on_sent, op, XADD_ARGS, argv);
}

void inbox_post(struct worker *worker, struct address to, struct str json)
{
	struct arena *arena = arena_new(1024);
	struct str argv[XADD_ARGS];

	xadd(argv, key_inbox(arena, to), json);
	redis_call(worker->redis, NULL, NULL, XADD_ARGS, argv);
	arena_free(arena);
}

void inbox_look(struct worker *worker, struct str owner, struct sid call)
{
	struct address to;
	char json[80];

	if (owner.n == 0 || !str_copy(owner, to.s, sizeof(to.s)))
		return;
	snprintf(json, sizeof(json), "{\"to\":\"%s\",\"do\":\"look\"}", call.s);
	inbox_post(worker, to, str_of(json));
}
