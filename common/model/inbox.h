/* inbox.h - messages between workers of all nodes, through Redis streams.
 *
 * One stream per worker, read by it alone.  A message is a JSON object; "to" says
 * who in that worker it is for:
 *   {"to":"DV..","msg":{...}}      a frame for the channel of that device; "attempt": of an `answered`, the ring it answers
 *   {"to":"CA..","do":"look"}      the call changed: its owner looks at it
 *   {"to":"CA..","do":"adopt"}     its owner let it go
 *   {"to":"CA..","do":"gateway"}   a gateway is to be told something of this leg
 *   {"to":"CA..","do":"outcome","msg":{...}}   for the gateway that waits for this call
 * Streams are bounded (INBOX_MAX) and die of themselves when their node is gone; what concerns a call is also in its record, so
 * a message lost with a stream is made up for by the call's deadline.
 */
#pragma once

#include "common/base/json.h"
#include "common/io/flow.h"
#include "common/io/redis_stream.h"
#include "common/model/keys.h"

enum { INBOX_MAX = 20000 };

/* As a step of a flow, or by itself (a loss is made up for). */
void inbox_send(struct flow *flow, struct address to, struct str json, struct flow_step next);
void inbox_post(struct worker *worker, struct address to, struct str json);
void inbox_look(struct worker *worker, struct str owner, struct sid call);       /* {"to":CA,"do":"look"}; no owner: nothing */
