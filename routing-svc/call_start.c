/* call_start.c - see call_start.h. */
#include "routing-svc/call_start.h"

#include "routing-svc/app.h"
#include "routing-svc/bridge.h"

void call_start(struct flow *flow, const struct call *call, const char *how, struct flow_step next)
{
	struct nodes *nodes = worker_common(flow->worker)->nodes;

	call_create(flow, call, nodes_address(nodes),
		    call_trace(flow->arena, nodes_instance(nodes, flow->arena), "created", "\"how\":\"%s\"",
			       how),
		    next);
}

void call_started(struct flow *flow, const struct call *call)
{
	bridge_look(app_of(flow->worker)->bridge, call->id);
}
