/* waiters.h - gateways whose POST Communications waits in this worker for its outcome. */
#pragma once

#include "common/base/sid.h"
#include "common/base/str.h"

struct waiters;
struct flow;

/* body: the outcome's JSON text, borrowed */
typedef void waiter_fn(struct flow *flow, struct str body);

struct waiters *waiters_new(void);
struct waiters *waiters_free(struct waiters *waiters);
void waiters_add(struct waiters *waiters, struct sid call, struct flow *flow, waiter_fn *fn);
void waiters_remove(struct waiters *waiters, struct sid call);           /* absent is fine */
void waiters_tell(struct waiters *waiters, struct sid call, struct str body);   /* removes it first */
void waiters_tell_all(struct waiters *waiters);                          /* a drain: everybody, with an empty body */
