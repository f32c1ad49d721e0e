/* test_fetch.c - requests for instructions: where they go, redirects, repeats, what counts as an answer. */
#include "tests/unit/unit.h"

#include "routing-svc/fetch.h"

#define CA "CA0000000000000000000000000a000000"

enum { NOW_MS = 5000 };

static struct arena *arena;
static struct fetch_course course;
static struct plan_input input;
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

static enum err begin(const struct call *call)
{
	return fetch_begin(&course, arena, call, &account, &settings, NOW_MS);
}

static struct http_fetch request_at(uint64_t now_ms)
{
	struct http_fetch fetch;

	fetch_request(&course, now_ms, &fetch);
	return fetch;
}

static struct http_fetch request(void)
{
	return request_at(NOW_MS);
}

static struct http_fetch request_of(const struct call *call)
{
	assert_int_equal(begin(call), ERR_NONE);
	return request();
}

static void assert_again(struct http_result result, uint64_t pause_ms)
{
	uint64_t pause;

	assert_int_equal(fetch_take(&course, &result, NOW_MS, &pause, &input), FETCH_AGAIN);
	assert_int_equal(pause, pause_ms);
}

static void assert_done(struct http_result result, enum err err, const char *body)
{
	uint64_t pause;

	assert_int_equal(fetch_take(&course, &result, NOW_MS, &pause, &input), FETCH_DONE);
	assert_int_equal(input.kind, INPUT_FETCHED);
	assert_int_equal(input.fetch_number, 7);
	assert_int_equal(input.err, err);
	assert_str_equal(input.body, body);
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

		call.document_url = str_of(rows[i].document);
		assert_int_equal(begin(&call), rows[i].expected ? ERR_NONE : ERR_URL_FORMAT);
		if (rows[i].expected)
			assert_str_equal(request().url, rows[i].expected);
	}
}

static void test_a_repeated_request_is_known_by_its_token(void **state)
{
	struct call call = a_call("http://a.example/voice");
	struct http_fetch first, again, next;

	(void)state;
	first = request_of(&call);
	again = request_of(&call);
	call.fetch_number++;
	next = request_of(&call);
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
	fetch = request_of(&call);
	assert_true(fetch.body.n > 3 * (CALL_PARAMETERS_MAX - 10));
	assert_true(str_ends(fetch.body, STR("%26")));
	buf_fini(&text);
}

static void test_overrides_stay_with_us_and_count(void **state)
{
	const struct call call = a_call("http://a.example/voice?x=1#ct=700&rt=300&tt=2000&rc=2");
	struct http_fetch fetch = request_of(&call);

	(void)state;
	assert_str_equal(fetch.url, "http://a.example/voice?x=1");
	assert_int_equal(fetch.connect_ms, 700);
	assert_int_equal(fetch.read_ms, 300);
	assert_int_equal(fetch.total_ms, 2000);
	assert_int_equal(course.budget_ms, 2000);
	fetch = request_at(NOW_MS + 1500);
	assert_int_equal(fetch.connect_ms, 500);
	assert_int_equal(fetch.total_ms, 500);
	assert_int_equal(request_at(NOW_MS + 9000).total_ms, 1);
	assert_int_equal(course.n_notes, 0);
}

static void test_an_override_that_says_nothing_is_told(void **state)
{
	const struct call call = a_call("http://a.example/voice#rc=many");

	(void)state;
	(void)request_of(&call);
	assert_done((struct http_result){ .status = 200, .content_type = STR("text/xml"), .body = STR("x") },
		    ERR_NONE, "x");
	assert_int_equal(input.n_notes, 1);
	assert_string_equal(input.notes[0].event, "override_ignored");
	assert_str_equal(input.notes[0].text, "rc=many");
}

/* ---- after ---- */

static void test_only_2xx_is_an_answer(void **state)
{
	static const unsigned refused[] = { 199, 300, 304, 305, 400, 404, 500, 503 };
	const struct call call = a_call("http://a.example/voice");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		(void)request_of(&call);
		assert_done((struct http_result){ .status = refused[i], .body = STR("<Response/>") },
			    ERR_FETCH_FAILED, arena_printf(arena, "the server answered %u", refused[i]).p);
	}
	assert_done((struct http_result){ .err = ERR_FETCH_TLS, .detail = "handshake" }, ERR_FETCH_TLS,
		    "handshake");
}

static void test_an_answer_knows_where_it_came_from(void **state)
{
	struct call call = a_call("next?a=1#rc=2");

	(void)state;
	call.document_url = STR("http://a.example/deep/doc");
	(void)request_of(&call);
	assert_done((struct http_result){ .status = 204,
					  .body = STR("<Response/>"),
					  .content_type = STR("text/xml") },
		    ERR_NONE, "<Response/>");
	assert_str_equal(input.content_type, "text/xml");
	assert_str_equal(input.url, "http://a.example/deep/next?a=1");
}

static void test_what_nobody_can_read_is_refused_clearly(void **state)
{
	static const struct {
		const char *type, *coding, *text;
	} rows[] = {
		{ "text/plain", NULL, "text and audio are not said or played: there is no media engine" },
		{ "TEXT/PLAIN; charset=utf-8", NULL,
		  "text and audio are not said or played: there is no media engine" },
		{ "audio/mpeg", NULL, "text and audio are not said or played: there is no media engine" },
		{ "text/xml", "gzip", "the answer is compressed, which was not asked for" },
		{ "text/xml", "Identity", NULL },
		{ "image/png", NULL, NULL }, /* instructions.h knows */
	};
	const struct call call = a_call("http://a.example/voice");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)request_of(&call);
		assert_done((struct http_result){ .status = 200,
						  .body = STR("body"),
						  .content_encoding = str_of(rows[i].coding),
						  .content_type = str_of(rows[i].type) },
			    rows[i].text ? ERR_DOC_CONTENT_TYPE : ERR_NONE,
			    rows[i].text ? rows[i].text : "body");
	}
}

/* ---- redirects ---- */

static struct http_result redirect(unsigned status, const char *location)
{
	return (struct http_result){ .status = status, .location = str_of(location) };
}

static void test_a_redirect_is_asked_as_twilio_asks(void **state)
{
	static const struct {
		unsigned status;
		bool get, then_posts;
	} rows[] = {
		{ 301, false, false }, { 302, false, false }, { 303, false, false }, { 307, false, true },
		{ 308, false, true },  { 302, true, false },  { 307, true, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct call call = a_call("http://u:p@a.example/x/voice#tt=700");
		struct http_fetch first, then;

		call.fetch_get = rows[i].get;
		first = request_of(&call);
		assert_again(redirect(rows[i].status, "../y?z=1"), 0);
		then = request();
		assert_str_equal(then.url, "http://u:p@a.example/y?z=1");
		assert_int_equal(then.post, rows[i].then_posts);
		assert_true(rows[i].then_posts ? str_eq(then.body, first.body) : then.body.n == 0);
		assert_int_equal(then.total_ms, 700);
		assert_str_equal(header_of(&then, "I-Twilio-Idempotency-Token"), CA "-7");
		assert_false(str_eq(header_of(&then, "X-Twilio-Signature"),
				    header_of(&first, "X-Twilio-Signature")));
	}
}

static void test_another_host_gets_no_password(void **state)
{
	const struct call call = a_call("http://u:p@a.example/voice");

	(void)state;
	(void)request_of(&call);
	assert_again(redirect(307, "https://b.example/v#rc=5"), 0);
	assert_str_equal(request().url, "https://b.example/v");
	assert_int_equal(course.options.repeats, 1);
	assert_again(redirect(307, "//c.example/v"), 0);
	assert_str_equal(request().url, "https://c.example/v");
	assert_done((struct http_result){ .status = 200, .content_type = STR("text/xml"), .body = STR("x") },
		    ERR_NONE, "x");
	assert_str_equal(input.url, "https://c.example/v");
	assert_int_equal(input.n_notes, 2);
	assert_string_equal(input.notes[0].event, "redirected");
	assert_str_equal(input.notes[0].url, "https://b.example/v");
}

static void test_redirects_that_are_not_followed(void **state)
{
	static const struct {
		const char *location;
		enum err err;
	} rows[] = {
		{ NULL, ERR_FETCH_FAILED },
		{ "", ERR_FETCH_FAILED },
		{ "http://a.example/", ERR_FETCH_FAILED }, /* from https */
		{ "file:///etc/passwd", ERR_URL_FORMAT },
		{ "gopher://a.example/", ERR_URL_FORMAT },
		{ "javascript:alert(1)", ERR_URL_FORMAT },
		{ "https://a.example/\x01", ERR_URL_FORMAT },
	};
	const struct call call = a_call("https://a.example/voice");
	uint64_t pause;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct http_result result = redirect(302, rows[i].location);

		(void)request_of(&call);
		assert_int_equal(fetch_take(&course, &result, NOW_MS, &pause, &input), FETCH_DONE);
		assert_int_equal(input.err, rows[i].err);
		assert_true(str_starts(input.body, STR("redirected ")));
	}
	(void)request_of(&call);
	for (unsigned i = 0; i < FETCH_REDIRECTS_MAX; i++)
		assert_again(redirect(302, "/voice"), 0);
	assert_done(redirect(302, "/voice"), ERR_FETCH_REDIRECTS, "the URL redirects too often");
}

/* ---- repeats ---- */

static void test_repeats_what_the_policy_names(void **state)
{
	static const struct {
		const char *policy;
		struct http_result result;
		bool again;
	} rows[] = {
		{ "", { .err = ERR_FETCH_CONNECT }, true },
		{ "", { .err = ERR_FETCH_HOST }, true },
		{ "", { .err = ERR_FETCH_CONNECT, .was_refused = true }, false },
		{ "", { .err = ERR_FETCH_FAILED }, false },
		{ "", { .status = 503 }, false },
		{ "", { .err = ERR_FETCH_TLS }, false },
		{ "#rp=all", { .err = ERR_FETCH_TLS }, false },
		{ "#rp=all", { .err = ERR_FETCH_BLOCKED }, false },
		{ "#rp=all", { .err = ERR_FETCH_TOO_LARGE }, false },
		{ "#rp=all", { .err = ERR_OVERLOAD }, false },
		{ "#rp=all", { .err = ERR_FETCH_FAILED }, true },
		{ "#rp=all&rc=0", { .err = ERR_FETCH_FAILED }, false },
		{ "#rp=rt", { .err = ERR_FETCH_FAILED }, true },
		{ "#rp=rt", { .err = ERR_FETCH_CONNECT }, false },
		{ "#rp=4xx", { .status = 404 }, true },
		{ "#rp=4xx", { .status = 500 }, false },
		{ "#rp=5xx", { .status = 500 }, true },
		{ "#rp=5xx", { .status = 404 }, false },
		{ "#rp=all", { .status = 199 }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct call call =
			a_call(arena_printf(arena, "http://a.example/voice%s", rows[i].policy).p);
		uint64_t pause;

		(void)request_of(&call);
		assert_int_equal(fetch_take(&course, &rows[i].result, NOW_MS, &pause, &input),
				 rows[i].again ? FETCH_AGAIN : FETCH_DONE);
	}
}

static void test_repeats_slower_and_not_for_ever(void **state)
{
	const struct call call = a_call("http://a.example/voice#rc=4&tt=500");
	const struct http_result nobody = { .err = ERR_FETCH_CONNECT, .detail = "refused" };
	struct http_fetch first = request_of(&call), again;
	uint64_t pause;

	(void)state;
	assert_again(nobody, 50);
	again = request();
	assert_str_equal(again.url, "http://a.example/voice");
	assert_str_equal(again.body, arena_cstr(arena, first.body));
	assert_again(nobody, 100);
	assert_again(nobody, 200);
	assert_int_equal(fetch_take(&course, &nobody, NOW_MS + 200, &pause, &input),
			 FETCH_DONE); /* 400 ms are not left */
	assert_int_equal(input.err, ERR_FETCH_CONNECT);
	assert_int_equal(input.n_notes, 3);
	assert_string_equal(input.notes[2].event, "fetch_repeated");
	assert_int_equal(input.notes[2].code, 11205);

	(void)request_of(&(struct call){
		.id = call.id, .fetch_url = STR("http://a.example/v#rc=1"), .fetch_number = 7 });
	assert_again(nobody, 50);
	assert_again(redirect(302, "/w"), 0);
	assert_done(nobody, ERR_FETCH_CONNECT,
		    "refused"); /* its one repeat was used before it was led away */
}

/* ---- cookies ---- */

static void test_cookies_come_back_from_every_answer(void **state)
{
	struct call call = a_call("http://a.example/voice#rp=5xx&rc=3");
	struct http_fetch fetch;

	(void)state;
	call.now_ms = INT64_C(1795328248123);
	call.cookies = STR("0 - a.example / old=1\n0 - b.example / other=1\n");
	fetch = request_of(&call);
	assert_str_equal(header_of(&fetch, "Cookie"), "old=1");
	assert_again((struct http_result){ .status = 500, .set_cookie = { STR("a=1") }, .n_set_cookie = 1 },
		     50);
	fetch = request();
	assert_str_equal(header_of(&fetch, "Cookie"), "old=1; a=1");
	assert_again((struct http_result){ .status = 302,
					   .location = STR("http://b.example/"),
					   .set_cookie = { STR("b=2; Max-Age=60"), STR("old=; Max-Age=0") },
					   .n_set_cookie = 2 },
		     0);
	fetch = request();
	assert_str_equal(header_of(&fetch, "Cookie"), "other=1");
	assert_done((struct http_result){ .err = ERR_FETCH_TLS }, ERR_FETCH_TLS, "");
	assert_str_equal(input.cookies, "0 - b.example / other=1\n0 - a.example / a=1\n"
					"1795328308 - a.example / b=2\n");
	assert_str_equal(call.cookies, "0 - a.example / old=1\n0 - b.example / other=1\n");
}

static void test_without_cookies_there_is_no_header(void **state)
{
	const struct call call = a_call("http://a.example/voice");
	const struct http_fetch fetch = request_of(&call);

	(void)state;
	assert_true(str_is_null(header_of(&fetch, "Cookie")));
}

static void test_what_is_not_even_asked_is_told(void **state)
{
	const struct call call = a_call("http://a.example/voice");

	(void)state;
	fetch_refuse(&call, ERR_ACCOUNT_SUSPENDED, &input);
	assert_int_equal(input.kind, INPUT_FETCHED);
	assert_int_equal(input.fetch_number, 7);
	assert_int_equal(input.err, ERR_ACCOUNT_SUSPENDED);
	assert_true(input.body.n > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_in_a_document_mean_that_documents_server),
		cmocka_unit_test(test_a_repeated_request_is_known_by_its_token),
		cmocka_unit_test(test_the_largest_parameters_still_fit),
		cmocka_unit_test(test_overrides_stay_with_us_and_count),
		cmocka_unit_test(test_an_override_that_says_nothing_is_told),
		cmocka_unit_test(test_only_2xx_is_an_answer),
		cmocka_unit_test(test_an_answer_knows_where_it_came_from),
		cmocka_unit_test(test_what_nobody_can_read_is_refused_clearly),
		cmocka_unit_test(test_a_redirect_is_asked_as_twilio_asks),
		cmocka_unit_test(test_another_host_gets_no_password),
		cmocka_unit_test(test_redirects_that_are_not_followed),
		cmocka_unit_test(test_repeats_what_the_policy_names),
		cmocka_unit_test(test_repeats_slower_and_not_for_ever),
		cmocka_unit_test(test_cookies_come_back_from_every_answer),
		cmocka_unit_test(test_without_cookies_there_is_no_header),
		cmocka_unit_test(test_what_is_not_even_asked_is_told),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
