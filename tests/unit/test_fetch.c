/* test_fetch.c - requests for instructions: where they go, what counts as an answer. */
#include "tests/unit/unit.h"

#include "routing-svc/fetch.h"

#define CA "CA0000000000000000000000000a000000"

static struct arena *arena;
static const struct settings settings = { .fetch_connect_ms = 5000, .fetch_total_ms = 15000 };
static const struct account account = { .auth_token = { "token", 5 } };

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(4 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static struct str header_of(const struct http_fetch *fetch, const char *name)
{
	for (size_t i = 0; i < fetch->n_headers; i++) {
		if (str_eq(fetch->headers[i].name, str_of(name)))
			return fetch->headers[i].value;
	}
	return STR_NULL;
}

static struct call a_call(const char *url)
{
	struct call call = { .from = STR("+1"),
			     .to = STR("+2"),
			     .fetch_url = str_of(url),
			     .fetch_number = 7,
			     .document_url = STR("") };

	assert_true(sid_parse(STR(CA), "CA", &call.id));
	return call;
}

/* ---- before ---- */

static void test_addresses_in_a_document_mean_that_documents_server(void **state)
{
	static const struct {
		const char *document, *url, *expected; /* NULL: refused */
	} rows[] = {
		{ "", "http://a.example/x#frag", "http://a.example/x" },
		{ "http://a.example/deep/doc?q=1", "next", "http://a.example/deep/next" },
		{ "http://a.example/deep/doc", "/top", "http://a.example/top" },
		{ "http://a.example/deep/doc", "../up?x=1", "http://a.example/up?x=1" },
		{ "http://a.example/doc", "https://b.example/other", "https://b.example/other" },
		{ "", "/nowhere", NULL },
		{ "", "ftp://a.example/x", NULL },
		{ "http://a.example/doc", "file:///etc/passwd", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct call call = a_call(rows[i].url);
		struct http_fetch fetch;
		enum err err;

		call.document_url = str_of(rows[i].document);
		err = fetch_instructions(arena, &call, &account, &settings, &fetch);
		assert_int_equal(err, rows[i].expected ? ERR_NONE : ERR_URL_FORMAT);
		if (!err)
			assert_str_equal(fetch.url, rows[i].expected);
	}
}

static void test_a_repeated_request_is_known_by_its_token(void **state)
{
	struct call call = a_call("http://a.example/voice");
	struct http_fetch first, again, next;

	(void)state;
	assert_int_equal(fetch_instructions(arena, &call, &account, &settings, &first), ERR_NONE);
	assert_int_equal(fetch_instructions(arena, &call, &account, &settings, &again), ERR_NONE);
	call.fetch_number++;
	assert_int_equal(fetch_instructions(arena, &call, &account, &settings, &next), ERR_NONE);
	assert_str_equal(header_of(&first, "I-Twilio-Idempotency-Token"), CA "-7");
	assert_str_equal(header_of(&again, "I-Twilio-Idempotency-Token"), CA "-7");
	assert_str_equal(header_of(&next, "I-Twilio-Idempotency-Token"), CA "-8");
	assert_true(str_starts(first.body, STR("CallSid=" CA "&")));
	assert_int_equal(first.max_body, INSTRUCTIONS_MAX);
}

static void test_the_largest_parameters_still_fit(void **state)
{
	struct call call = a_call("http://a.example/voice");
	struct http_fetch fetch;
	struct buf text;

	(void)state;
	buf_init(&text, 65536);
	buf_puts(&text, "{\"k\":\"");
	while (text.n < CALL_PARAMETERS_MAX - 2)
		buf_putc(&text, '&');
	buf_puts(&text, "\"}");
	call.parameters = buf_str(&text);
	assert_int_equal(fetch_instructions(arena, &call, &account, &settings, &fetch), ERR_NONE);
	assert_true(fetch.body.n > 3 * (CALL_PARAMETERS_MAX - 10));
	assert_true(str_ends(fetch.body, STR("%26")));
	buf_fini(&text);
}

/* ---- after ---- */

static void test_only_2xx_is_an_answer(void **state)
{
	static const unsigned refused[] = { 199, 300, 302, 400, 404, 500, 503 };
	const struct call call = a_call("/voice");
	struct plan_input input;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const struct http_result result = { .status = refused[i], .body = STR("<Response/>") };

		fetch_judge(arena, &call, &result, &input);
		assert_int_equal(input.kind, INPUT_FETCHED);
		assert_int_equal(input.err, ERR_FETCH_FAILED);
		assert_str_equal(input.body, arena_printf(arena, "the server answered %u", refused[i]).p);
		assert_int_equal(input.fetch_number, 7);
	}
	fetch_judge(arena, &call, &(struct http_result){ .err = ERR_FETCH_TLS, .detail = "handshake" },
		    &input);
	assert_int_equal(input.err, ERR_FETCH_TLS);
	assert_str_equal(input.body, "handshake");
}

static void test_an_answer_knows_where_it_came_from(void **state)
{
	struct call call = a_call("next?a=1");
	const struct http_result result = { .status = 204,
					    .body = STR("<Response/>"),
					    .content_type = STR("text/xml") };
	struct plan_input input;

	(void)state;
	call.document_url = STR("http://a.example/deep/doc");
	fetch_judge(arena, &call, &result, &input);
	assert_int_equal(input.err, ERR_NONE);
	assert_str_equal(input.body, "<Response/>");
	assert_str_equal(input.content_type, "text/xml");
	assert_str_equal(input.url, "http://a.example/deep/next?a=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_in_a_document_mean_that_documents_server),
		cmocka_unit_test(test_a_repeated_request_is_known_by_its_token),
		cmocka_unit_test(test_the_largest_parameters_still_fit),
		cmocka_unit_test(test_only_2xx_is_an_answer),
		cmocka_unit_test(test_an_answer_knows_where_it_came_from),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
