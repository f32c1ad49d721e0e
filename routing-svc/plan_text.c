/* plan_text.c - what a plan says (trace), lists (effects) and reads (the document at hand). */
#include "routing-svc/plan_private.h"

#include "common/base/json.h"

/* However many verbs there are, how it ends is told. */
enum { TRACES_KEPT = 40 };

/* ---- saying and listing ---- */

struct str plan_quote(struct plan *plan, struct str text)
{
	struct json_writer w;
	struct buf out;
	struct str copy;

	buf_init(&out, 8192);
	json_begin(&w, &out);
	json_put_str(&w, str_n(text.p ? text.p : "", MIN(text.n, (size_t)300)));
	copy = buf_ok(&out) ? arena_copy(plan->arena, buf_str(&out)) : STR("\"\"");
	buf_fini(&out);
	return copy;
}

void plan_trace(struct plan *plan, const char *event, const char *fmt, ...)
{
	const bool is_verb = strcmp(event, "verb") == 0 || strcmp(event, "skipped") == 0;
	struct buf detail;
	va_list ap;

	if (plan->n_traces >= (size_t)(is_verb ? PLAN_TRACES_MAX - TRACES_KEPT : PLAN_TRACES_MAX))
		return;
	buf_init(&detail, CALL_TRACE_MAX);
	va_start(ap, fmt);
	buf_vprintf(&detail, fmt, ap);
	va_end(ap);
	plan->traces[plan->n_traces++] =
		call_trace(plan->arena, plan->instance, event, "%s", buf_cstr(&detail));
	buf_fini(&detail);
}

void plan_effect(struct plan *plan, enum effect_op op, unsigned leg, const char *word)
{
	buf_printf(plan->effects, "%c %u %s\n", op, leg, word);
}

bool effect_next(struct str *list, struct effect *out)
{
	struct str line, op, leg;
	uint64_t n;

	while (str_split(list, '\n', &line)) {
		if (!str_split(&line, ' ', &op) || op.n != 1 || !str_split(&line, ' ', &leg) ||
		    !str_to_u64(leg, &n))
			continue;
		*out = (struct effect){ .op = op.p[0], .leg = (unsigned)n, .word = line };
		return true;
	}
	return false;
}

/* ---- the document ---- */

bool plan_read_document(struct call *call, struct plan *plan, struct instruction_note *why)
{
	enum err err;

	plan->instructions = arena_alloc(plan->arena, sizeof(*plan->instructions));
	err = instructions_parse(plan->arena, call->document_type, call->document, plan->instructions, why);
	if (err)
		plan->instructions->n = 0;
	return err == ERR_NONE;
}

const struct verb *plan_verb(struct call *call, struct plan *plan)
{
	struct instruction_note why;

	if (!plan->instructions)
		(void)!plan_read_document(call, plan, &why);
	return call->verb < plan->instructions->n ? &plan->instructions->verbs[call->verb] : NULL;
}
