/* plan_verbs.c - fetching instructions and running them verb by verb. */
#include "common/io/url.h"
#include "routing-svc/plan_private.h"

enum { VERBS_PER_ROUND = INSTRUCTIONS_MAX_VERBS + 1 };

/* The first URL failed in some way: the fallback gets its chance once, then the call ends. */
static void fetch_failed(struct call *call, struct plan *plan, enum err err)
{
	struct buf extra;

	if (call->fetch_is_fallback || call->fallback_url.n == 0) {
		plan_end(call, plan, STR("failed"), "failed", "failed");
		return;
	}
	buf_init(&extra, 16384);
	buf_put(&extra, call->fetch_extra);
	buf_printf(&extra, "%sErrorCode=%u&ErrorUrl=", extra.n ? "&" : "", err_code(err));
	buf_put_urlencoded(&extra, url_no_fragment(url_public(plan->arena, call->fetch_url)));
	plan_fetch(call, plan, call->fallback_url, call->fallback_get,
		   buf_ok(&extra) ? arena_copy(plan->arena, buf_str(&extra)) : STR(""));
	call->fetch_is_fallback = true;
	buf_fini(&extra);
}

static void trace_document(struct plan *plan, struct str url)
{
	const struct instructions *doc = plan->instructions;

	plan_trace(plan, "fetched", "\"url\":" STR_FMT ",\"verbs\":%zu",
		   STR_ARG(plan_quote(plan, url_public(plan->arena, url))), doc->n);
	for (size_t i = 0; i < doc->n_warnings; i++)
		plan_trace(plan, "warning", "\"code\":%u,\"line\":%u,\"text\":" STR_FMT,
			   err_code(doc->warnings[i].err), doc->warnings[i].line,
			   STR_ARG(plan_quote(plan, str_of(doc->warnings[i].text))));
}

void plan_document(struct call *call, struct plan *plan, struct str type, struct str body, struct str url)
{
	struct instruction_note why;

	call->document = body;
	call->document_type = type;
	call->document_url = url;
	call->verb = 0;
	plan->instructions = NULL;
	if (!plan_read_document(call, plan, &why)) {
		plan_trace(plan, "instructions_refused", "\"code\":%u,\"line\":%u,\"text\":" STR_FMT,
			   err_code(why.err), why.line, STR_ARG(plan_quote(plan, str_of(why.text))));
		fetch_failed(call, plan, why.err);
		return;
	}
	trace_document(plan, url);
	plan->run_verbs = true;
}

static void trace_way(const struct plan_input *input, struct plan *plan)
{
	for (size_t i = 0; i < input->n_notes; i++) {
		const struct plan_note *note = &input->notes[i];
		const struct str url = plan_quote(plan, url_public(plan->arena, note->url));
		const struct str text = plan_quote(plan, note->text);

		if (note->code)
			plan_trace(plan, note->event, "\"url\":" STR_FMT ",\"code\":%u,\"text\":" STR_FMT,
				   STR_ARG(url), note->code, STR_ARG(text));
		else
			plan_trace(plan, note->event, "\"url\":" STR_FMT ",\"text\":" STR_FMT, STR_ARG(url),
				   STR_ARG(text));
	}
}

void plan_fetched(struct call *call, const struct plan_input *input, struct plan *plan)
{
	trace_way(input, plan);
	if (!str_is_null(input->cookies))
		call->cookies = input->cookies;
	if (input->err) {
		const struct str url = input->url.n ? input->url : call->fetch_url;

		plan_trace(plan, "fetch_failed", "\"url\":" STR_FMT ",\"code\":%u,\"text\":" STR_FMT,
			   STR_ARG(plan_quote(plan, url_public(plan->arena, url))), err_code(input->err),
			   STR_ARG(plan_quote(plan, input->body)));
		fetch_failed(call, plan, input->err);
		return;
	}
	plan_document(call, plan, input->content_type, input->body, input->url);
}

static void reject(struct call *call, struct plan *plan, const struct verb *verb)
{
	const bool busy = str_eq(verb->reason, STR("busy"));

	if (call->up_ms)
		plan_end(call, plan, STR("completed"), "completed", "completed");
	else
		plan_end(call, plan, busy ? STR("busy") : STR("no-answer"), busy ? "busy" : "rejected",
			 busy ? "busy" : "rejected");
}

static const char *well_done(const struct call *call)
{
	return str_eq(call->outcome, MESSAGE_DELIVERED) ? "delivered" : "completed";
}

/* No verb is left.  A call that was never connected keeps the outcome of its last Dial. */
static void run_out(struct call *call, struct plan *plan)
{
	const char *done = well_done(call);
	const bool failed =
		!call->up_ms && call->dial_status.n > 0 && !str_eq(call->dial_status, STR("completed"));
	const bool is_alone = call->is_transferred && !call->dial_bridged; /* nobody was there to follow */
	const char *last = call->outcome.n ? arena_cstr(plan->arena, call->outcome) : "completed";

	plan_end(call, plan, failed ? call->dial_status : STR("completed"), failed ? last : done,
		 failed || is_alone ? last : done);
}

/* content: the start of what is said or played, so that it is seen which of them it was */
static void trace_skipped(struct plan *plan, const struct verb *verb, enum err err)
{
	plan_trace(plan, "skipped",
		   "\"verb\":\"" STR_FMT "\",\"code\":%u,\"text\":\"%s\",\"content\":" STR_FMT,
		   STR_ARG(verb->name), err_code(err), err_text(err), STR_ARG(plan_quote(plan, verb->text)));
}

void plan_run(struct call *call, struct plan *plan)
{
	for (unsigned i = 0; i < VERBS_PER_ROUND; i++, call->verb++) {
		const struct verb *verb = plan_verb(call, plan);

		if (!verb) {
			run_out(call, plan);
			return;
		}
		plan_trace(plan, "verb", "\"verb\":\"" STR_FMT "\",\"line\":%u", STR_ARG(verb->name),
			   verb->line);
		switch (verb->kind) {
		case VERB_DIAL:
			plan_claim(call, plan);
			return;
		case VERB_REDIRECT:
			plan_fetch(call, plan, verb->url, verb->get, STR(""));
			return;
		case VERB_REJECT:
			reject(call, plan, verb);
			return;
		case VERB_HANGUP:
			plan_end(call, plan, STR("completed"), well_done(call), well_done(call));
			return;
		case VERB_PAUSE:
			call->state = CALL_PAUSE;
			call->until_ms = CALL_NOW - (int64_t)verb->length_s * 1000;
			plan->wait_ms = MAX(verb->length_s * 1000u, 1u);
			call->idle_fetches = verb->length_s ? 0 : call->idle_fetches;
			return;
		case VERB_MEDIA:
			trace_skipped(plan, verb, ERR_DOC_NO_MEDIA);
			break;
		case VERB_ENQUEUE:
		case VERB_LEAVE:
		case VERB_MESSAGE:
			trace_skipped(plan, verb, ERR_DOC_UNAVAILABLE);
			break;
		}
	}
	plan_end(call, plan, STR("failed"), "failed", "failed");
}
