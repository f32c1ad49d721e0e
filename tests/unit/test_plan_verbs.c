/* test_plan_verbs.c - instructions: verbs one after the other, fetches that fail, documents without end, traces. */
#include "tests/unit/plan_fixture.h"

static void stage_with(struct stage *stage, const char *document)
{
	stage_fetching(stage, CALLER_DEVICE);
	round_document(stage, document);
}

/* Is there a trace line with this event and this text in it? */
static bool traced(struct stage *stage, const char *event, const char *text)
{
	const char *name = arena_printf(stage->arena, "\"event\":\"%s\"", event).p;

	for (size_t i = 0; i < stage->plan.n_traces; i++) {
		const char *line = arena_cstr(stage->arena, stage->plan.traces[i]);

		if (strstr(line, name) && strstr(line, text))
			return true;
	}
	return false;
}

/* ---- verbs ---- */

static void test_verbs_that_end_the_call(void **state)
{
	static const struct {
		const char *document, *status, *outcome, *told;
		bool up;
	} rows[] = {
		{ "<Reject/>", "no-answer", "rejected", "H 0 rejected, L 0", false },
		{ "<Reject reason=\"busy\"/>", "busy", "busy", "H 0 busy, L 0 busy", false },
		{ "<Reject reason=\"busy\"/>", "completed", "completed", "H 0 completed, L 0", true },
		{ "<Hangup/><Dial><Client>alice</Client></Dial>", "completed", "completed",
		  "H 0 completed, L 0", false },
		{ "", "completed", "completed", "H 0 completed, L 0", false },
		{ "<Say>hello</Say><Play>/x.mp3</Play>", "completed", "completed", "H 0 completed, L 0",
		  false },
		{ "<Unheard/>", "completed", "completed", "H 0 completed, L 0", true },
	};
	struct stage *stage = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		stage_fetching(stage, CALLER_DEVICE);
		stage->call.up_ms = rows[i].up ? stage->call.now_ms : 0;
		round_document(stage,
			       arena_printf(stage->arena, "<Response>%s</Response>", rows[i].document).p);
		assert_plan(stage, arena_printf(stage->arena, "ended none 0 [%s] [0=%s]", rows[i].told,
						rows[i].status)
					   .p);
		assert_str_equal(stage->call.status, rows[i].status);
		assert_str_equal(stage->call.outcome, rows[i].outcome);
		assert_int_equal(stage->call.ended_ms, stage->call.now_ms);
	}
}

static void test_media_verbs_are_passed_over_and_said_so(void **state)
{
	struct stage *stage = *state;

	stage_with(stage, "<Response>\n<Say>hello</Say>\n<Gather/>\n<Pause length=\"3\"/></Response>");
	assert_plan(stage, "pause none 3000 [] []");
	assert_int_equal(stage->call.verb, 2);
	assert_true(traced(stage, "skipped", "\"verb\":\"Say\",\"code\":45400"));
	assert_true(traced(stage, "skipped", "\"content\":\"hello\""));
	assert_true(traced(stage, "skipped", "\"verb\":\"Gather\""));
	assert_true(traced(stage, "verb", "\"verb\":\"Pause\",\"line\":4"));
}

static void test_verbs_that_are_not_run_yet_are_passed_over_and_said_so(void **state)
{
	struct stage *stage = *state;

	stage_with(stage, "<Response><Enqueue>q</Enqueue><Leave/><Message>hi</Message><Pause "
			  "length=\"3\"/></Response>");
	assert_plan(stage, "pause none 3000 [] []");
	assert_true(traced(stage, "skipped", "\"verb\":\"Enqueue\",\"code\":45402"));
	assert_true(traced(stage, "skipped", "\"verb\":\"Leave\",\"code\":45402"));
	assert_true(traced(stage, "skipped", "\"verb\":\"Message\",\"code\":45402"));
}

static void test_pauses_last_as_long_as_they_say(void **state)
{
	struct stage *stage = *state;

	stage_with(stage, "<Response><Pause length=\"0\"/><Pause/><Pause length=\"3600\"/></Response>");
	assert_plan(stage, "pause none 1 [] []");
	round_look(stage);
	assert_plan(stage, "pause none 1000 [] []");
	time_passes(stage, 999);
	round_look(stage);
	assert_plan(stage, "pause none 1 [] []");
	time_passes(stage, 1);
	round_look(stage);
	assert_plan(stage, "pause none 3600000 [] []");
	time_passes(stage, 3600000);
	round_look(stage);
	assert_plan(stage, "ended none 0 [H 0 completed, L 0] [0=completed]");
}

static void test_the_longest_document_is_run_to_its_end(void **state)
{
	struct stage *stage = *state;
	struct buf text;

	buf_init(&text, 65536);
	buf_puts(&text, "<Response>");
	for (int i = 0; i < INSTRUCTIONS_MAX_VERBS; i++)
		buf_puts(&text, "<Say/>");
	buf_puts(&text, "</Response>");
	stage_with(stage, buf_cstr(&text));
	buf_fini(&text);
	assert_plan(stage, "ended none 0 [H 0 completed, L 0] [0=completed]");
	assert_true(stage->plan.n_traces <= PLAN_TRACES_MAX);
	assert_true(traced(stage, "ended", "\"outcome\":\"completed\""));
}

static void test_the_same_in_json(void **state)
{
	struct stage *stage = *state;

	stage_fetching(stage, CALLER_DEVICE);
	round_fetched_as(stage, "application/json",
			 "{\"instructions\":[{\"verb\":\"pause\",\"length\":2},{\"verb\":\"reject\","
			 "\"reason\":\"busy\"}]}");
	assert_plan(stage, "pause none 2000 [] []");
	time_passes(stage, 2000);
	round_look(stage);
	assert_plan(stage, "ended none 0 [H 0 busy, L 0 busy] [0=busy]");
}

/* A call that was never connected ends as its last Dial did, and one that was is complete. */
static void test_running_out_of_verbs_keeps_the_outcome_of_the_last_dial(void **state)
{
	static const char *const document = "<Response><Dial><Client>alice</Client></Dial></Response>";
	struct stage *stage = *state;

	stage_claiming(stage, CALLER_DEVICE, document);
	round_claims(stage, (struct claim_result[]){ refused_because("offline") }, 1);
	assert_plan(stage, "ended none 0 [H 0 unreachable, L 0] [0=no-answer]");
	stage_claiming(stage, CALLER_DEVICE, document);
	round_claims(stage, (struct claim_result[]){ claims_of(stage, 1) }, 1);
	event_reject(stage, 1, "declined");
	round_look(stage);
	assert_plan(stage, "ended none 0 [L 1, H 0 declined, L 0 busy] [0=busy]");
	stage_bridged(stage, CALLER_DEVICE, document);
	event_hangup(stage, 1);
	round_look(stage);
	assert_plan(stage, "ended none 0 [L 1, H 0 completed, L 0] [0=completed]");
}

/* ---- fetches ---- */

static void test_redirect_fetches_the_next_document(void **state)
{
	struct stage *stage = *state;

	stage_with(stage, "<Response><Redirect method=\"GET\">../next?a=1</Redirect><Hangup/></Response>");
	assert_plan(stage, "fetch fetch 3000 [] []");
	assert_str_equal(stage->call.fetch_url, "http://customer.example/next?a=1");
	assert_true(stage->call.fetch_get);
	assert_int_equal(stage->call.fetch_number, 2);
	round_look(stage); /* a successor asks again, by the same number */
	assert_plan(stage, "fetch fetch 3000 [] []");
	assert_int_equal(stage->call.fetch_number, 2);
}

static void test_a_failed_fetch_goes_to_the_fallback_once(void **state)
{
	struct stage *stage = *state;

	stage_fetching(stage, CALLER_DEVICE);
	stage->call.fallback_url = STR("/fallback");
	stage->call.fallback_get = true;
	round_fetch_failed(stage, ERR_FETCH_CONNECT);
	assert_plan(stage, "fetch fetch 3000 [] []");
	assert_str_equal(stage->call.fetch_url, "/fallback");
	assert_true(stage->call.fetch_get && stage->call.fetch_is_fallback);
	assert_str_equal(stage->call.fetch_extra,
			 "ErrorCode=11205&ErrorUrl=http%3A%2F%2Fcustomer.example%2Fvoice");
	assert_int_equal(stage->call.fetch_number, 2);
	assert_true(traced(stage, "fetch_failed", "\"code\":11205,\"text\":\"the server answered 500\""));

	round_fetch_failed(stage, ERR_FETCH_CONNECT);
	assert_plan(stage, "ended none 0 [H 0 failed, L 0] [0=failed]");
}

static void test_a_fallback_that_answers_goes_on_and_is_there_again_for_the_next(void **state)
{
	struct stage *stage = *state;

	stage_fetching(stage, CALLER_DEVICE);
	stage->call.fallback_url = STR("/fallback");
	round_fetch_failed(stage, ERR_FETCH_FAILED);
	round_document(stage, "<Response><Redirect>/next</Redirect></Response>");
	assert_false(stage->call.fetch_is_fallback);
	round_fetch_failed(stage, ERR_FETCH_FAILED);
	assert_str_equal(stage->call.fetch_url, "http://customer.example/fallback");
	assert_str_equal(stage->call.fetch_extra,
			 "ErrorCode=11200&ErrorUrl=http%3A%2F%2Fcustomer.example%2Fnext");
}

static void test_a_fragment_stays_with_us(void **state)
{
	struct stage *stage = *state;

	stage_with(stage, "<Response><Redirect>../next?a=1#rc=2</Redirect></Response>");
	assert_str_equal(stage->call.fetch_url, "http://customer.example/next?a=1#rc=2");
	stage->call.fallback_url = STR("/fallback#rc=0");
	round_fetch_failed(stage, ERR_FETCH_FAILED);
	assert_str_equal(stage->call.fetch_url, "http://customer.example/fallback#rc=0");
	assert_str_equal(stage->call.fetch_extra,
			 "ErrorCode=11200&ErrorUrl=http%3A%2F%2Fcustomer.example%2Fnext%3Fa%3D1");
}

static void test_what_happened_on_the_way_is_told_and_cookies_stay(void **state)
{
	static const struct plan_note notes[] = {
		{ "redirected", { "http://u:pw@b.example/", 22 }, { "the server answered 302", 23 }, 0 },
		{ "fetch_repeated", { "http://b.example/", 17 }, { "no \"one\"", 8 }, 11205 },
	};
	struct stage *stage = *state;
	struct plan_input input = { .kind = INPUT_FETCHED,
				    .err = ERR_FETCH_CONNECT,
				    .body = STR("refused"),
				    .url = STR("http://u:pw@b.example/x"),
				    .cookies = STR("0 - b.example / a=1\n"),
				    .notes = notes,
				    .n_notes = ARRAY_LEN(notes) };

	stage_fetching(stage, CALLER_DEVICE);
	stage->call.fallback_url = STR("http://customer.example/fallback");
	input.fetch_number = stage->call.fetch_number;
	round_with(stage, &input);
	assert_true(traced(stage, "redirected",
			   "\"url\":\"http://b.example/\",\"text\":\"the server answered 302\""));
	assert_true(traced(stage, "fetch_repeated",
			   "\"url\":\"http://b.example/\",\"code\":11205,\"text\":\"no \\\"one\\\"\""));
	assert_true(traced(stage, "fetch_failed", "\"url\":\"http://b.example/x\",\"code\":11205"));
	assert_str_equal(stage->call.cookies, "0 - b.example / a=1\n");
	round_document(stage, "<Response><Pause/></Response>"); /* says nothing of cookies */
	assert_str_equal(stage->call.cookies, "0 - b.example / a=1\n");
}

/* The action's results go to the fallback too. */
static void test_the_fallback_hears_what_the_action_would_have(void **state)
{
	struct stage *stage = *state;

	stage_claiming(stage, CALLER_DEVICE, DIAL("action=\"/after\""));
	stage->call.fallback_url = STR("/fallback");
	round_claimed_devices(stage, 0, 0);
	round_fetch_failed(stage, ERR_FETCH_FAILED);
	assert_str_equal(stage->call.fetch_extra, "DialCallStatus=no-answer&DialBridged=false&ErrorCode="
						  "11200&ErrorUrl=http%3A%2F%2Fcustomer.example%2Fafter");
}

static void test_a_document_that_cannot_be_read_is_a_failed_fetch(void **state)
{
	static const struct {
		const char *type, *document, *code;
	} rows[] = {
		{ "text/xml", "<Response><Dial>", "ErrorCode=12100&" },
		{ "text/xml", "", "ErrorCode=12100&" },
		{ "text/xml", "<Answer/>", "ErrorCode=12102&" },
		{ "image/png", "<Response/>", "ErrorCode=12300&" },
		{ "application/json", "[]", "ErrorCode=12102&" },
	};
	struct stage *stage = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		stage_fetching(stage, CALLER_DEVICE);
		stage->call.fallback_url = STR("/fallback");
		round_fetched_as(stage, rows[i].type, rows[i].document);
		assert_plan(stage, "fetch fetch 3000 [] []");
		if (!str_starts(stage->call.fetch_extra, str_of(rows[i].code)))
			fail_msg("row %zu: " STR_FMT, i, STR_ARG(stage->call.fetch_extra));
		assert_true(traced(stage, "instructions_refused", "\"code\":12"));
	}
}

/* ---- documents that go round ---- */

static const char *const again = "<Response><Redirect>/again</Redirect></Response>";

static void test_redirects_that_go_round_have_an_end(void **state)
{
	struct stage *stage = *state;
	unsigned documents = 0;

	stage_fetching(stage, CALLER_DEVICE);
	while (stage->call.state == CALL_FETCH) {
		round_document(stage, again);
		assert_in_range(++documents, 1, 1000);
	}
	assert_int_equal(documents, 100);
	assert_plan(stage, "ended none 0 [H 0 failed, L 0] [0=failed]");
	assert_true(traced(stage, "loop", "\"fetches\":100"));
}

static void test_an_action_that_dials_again_and_again_has_an_end(void **state)
{
	struct stage *stage = *state;

	stage_fetching(stage, CALLER_DEVICE);
	for (unsigned rounds = 0; stage->call.state == CALL_FETCH; rounds++) {
		round_document(stage, DIAL("action=\"/again\""));
		round_claimed_devices(stage, 0, 0);
		assert_in_range(rounds, 0, 1000);
	}
	assert_plan(stage, "ended none 0 [H 0 failed, L 0] [0=failed]");
}

static void test_a_loop_that_rings_or_waits_may_go_on(void **state)
{
	static const char *const waiting =
		"<Response><Pause length=\"1\"/><Redirect>/again</Redirect></Response>";
	struct stage *stage = *state;

	stage_fetching(stage, CALLER_DEVICE);
	for (int i = 0; i < 150; i++) {
		round_document(stage, waiting);
		time_passes(stage, 1000);
		round_look(stage);
		assert_plan(stage, "fetch fetch 3000 [] []");
	}
	for (int i = 0; i < 150; i++) {
		stage->call.leg_count = 0; /* of which there are 200 at most */
		round_document(stage, DIAL("action=\"/again\""));
		round_claimed_devices(stage, 1, 0);
		event_reject(stage, 1, "busy");
		round_look(stage);
		assert_int_equal(stage->call.state, CALL_FETCH);
	}
}

/* ---- the trace ---- */

/* Whatever customers and callers write: a line of the trace is JSON. */
static void test_trace_lines_are_json_whatever_they_quote(void **state)
{
	static const char *const texts[] = { "\"\\\\",	 "\x01\x02\x1f", "\xc3\xbc",
					     "\xff\xfe", "</script>",	 "%s%n" };
	struct stage *stage = *state;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct buf text;

		buf_init(&text, 8192);
		while (text.n < 2000)
			buf_puts(&text, texts[i]);
		stage_fetching(stage, CALLER_DEVICE);
		stage->call.fetch_url = buf_str(&text);
		stage->call.fallback_url = buf_str(&text);
		round_with(stage, &(struct plan_input){ .kind = INPUT_FETCHED,
							.err = ERR_FETCH_FAILED,
							.body = buf_str(&text) });
		round_with(stage, &(struct plan_input){ .kind = INPUT_FETCHED,
							.content_type = STR("text/xml"),
							.body = STR("<Response><Unheard/></Response>"),
							.url = buf_str(&text) });
		for (size_t t = 0; t < stage->plan.n_traces; t++) {
			struct json *doc;

			if (json_parse(stage->plan.traces[t], &doc, NULL) != ERR_NONE)
				fail_msg("not JSON: " STR_FMT, STR_ARG(stage->plan.traces[t]));
			assert_true(json_is_object(json_get(doc, "detail")));
			json_free(doc);
		}
		buf_fini(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_verbs_that_end_the_call),
		STAGE_TEST(test_media_verbs_are_passed_over_and_said_so),
		STAGE_TEST(test_verbs_that_are_not_run_yet_are_passed_over_and_said_so),
		STAGE_TEST(test_pauses_last_as_long_as_they_say),
		STAGE_TEST(test_the_longest_document_is_run_to_its_end),
		STAGE_TEST(test_the_same_in_json),
		STAGE_TEST(test_running_out_of_verbs_keeps_the_outcome_of_the_last_dial),
		STAGE_TEST(test_redirect_fetches_the_next_document),
		STAGE_TEST(test_a_failed_fetch_goes_to_the_fallback_once),
		STAGE_TEST(test_a_fallback_that_answers_goes_on_and_is_there_again_for_the_next),
		STAGE_TEST(test_a_fragment_stays_with_us),
		STAGE_TEST(test_what_happened_on_the_way_is_told_and_cookies_stay),
		STAGE_TEST(test_the_fallback_hears_what_the_action_would_have),
		STAGE_TEST(test_a_document_that_cannot_be_read_is_a_failed_fetch),
		STAGE_TEST(test_redirects_that_go_round_have_an_end),
		STAGE_TEST(test_an_action_that_dials_again_and_again_has_an_end),
		STAGE_TEST(test_a_loop_that_rings_or_waits_may_go_on),
		STAGE_TEST(test_trace_lines_are_json_whatever_they_quote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
