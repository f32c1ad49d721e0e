/* inbox.c - writing to the streams; redis_stream.h reads them. */
#include "common/model/inbox.h"

#include <stdio.h>

#include "common/io/redis.h"
#include "scripts.gen.h"

struct inbox_op {
	struct flow_step next;
};

static void on_sent(struct flow *flow, void *arg, const struct redis_reply *reply)
{
	struct inbox_op *op = arg;

	(void)reply;
	flow_run(flow, op->next);
}

enum { INBOX_ARGS = 3, FORGET_MS = 600000 };

struct inbox_numbers {
	char most[24], forget_ms[24];
};

static void arguments(struct str argv[INBOX_ARGS], struct inbox_numbers *numbers, struct str json)
{
	argv[0] = json;
	argv[1] = redis_num(numbers->most, INBOX_MAX);
	argv[2] = redis_num(numbers->forget_ms, FORGET_MS);
}

void inbox_send(struct flow *flow, struct address to, struct str json, struct flow_step next)
{
	struct inbox_op *op = flow_alloc(flow, sizeof(*op));
	struct inbox_numbers numbers;
	struct str argv[INBOX_ARGS];

	op->next = next;
	arguments(argv, &numbers, json);
	flow_script(flow, "inbox_send", on_sent, op, &scripts[SCRIPT_INBOX_SEND], key_inbox(flow->arena, to),
		    INBOX_ARGS, argv);
}

void inbox_post(struct worker *worker, struct address to, struct str json)
{
	struct arena *arena = arena_new(1024);
	struct inbox_numbers numbers;
	struct str argv[INBOX_ARGS];

	arguments(argv, &numbers, json);
	redis_script_call(worker->redis, NULL, NULL, &scripts[SCRIPT_INBOX_SEND], key_inbox(arena, to),
			  INBOX_ARGS, argv);
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
