/* test_http_server.c - what the server answers, and what it logs of it. */
#include "common/base/log.h"
#include "tests/unit/http_server_fixture.h"

static void every_reply_carries_its_headers(void **state)
{
	const char *reply = ask("GET /hello HTTP/1.1\r\ntraceparent: 00-ab-cd-01\r\n" HEAD_END);

	(void)state;
	has(reply, "HTTP/1.1 200 ");
	has(reply, "Request-Id: RQ");
	has(reply, "Cache-Control: no-store");
	has(reply, "Content-Type: text/plain");
	has(reply, "traceparent: 00-ab-cd-01");
	has(reply, "\r\n\r\nhello");
}

static void replies_by_table(void **state)
{
	static const struct {
		const char *request, *status, *part;
	} cases[] = {
		{ "GET /none HTTP/1.1\r\n" HEAD_END, "404", "\"code\":20404" },
		{ "GET /none HTTP/1.1\r\n" HEAD_END, "404", "Content-Type: application/json" },
		{ "GET /none HTTP/1.1\r\n" HEAD_END, "404",
		  "\"more_info\":\"https://www.twilio.com/docs/errors/20404\",\"status\":404" },
		{ "DELETE /hello HTTP/1.1\r\n" HEAD_END, "405", "Allow: OPTIONS, GET, HEAD\r\n" },
		{ "PATCH /hello HTTP/1.1\r\n" HEAD_END, "405", "Allow: OPTIONS, GET, HEAD\r\n" },
		{ "PATCH /none HTTP/1.1\r\n" HEAD_END, "404", "20404" },
		{ "OPTIONS /echo HTTP/1.1\r\n" HEAD_END, "204", "Allow: OPTIONS, POST, DELETE\r\n" },
		{ "OPTIONS /none HTTP/1.1\r\n" HEAD_END, "404", "20404" },
		{ "GET /private HTTP/1.1\r\n" HEAD_END, "401",
		  "WWW-Authenticate: Basic realm=\"switchhook\"" },
		{ "GET /never HTTP/1.1\r\n" HEAD_END, "503", "Retry-After: 1" },
		{ "GET /never HTTP/1.1\r\n" HEAD_END, "503", "\"code\":45055" },
		{ "GET /forgets HTTP/1.1\r\n" HEAD_END, "503", "\"code\":45055" },
		{ "GET /slow HTTP/1.1\r\n" HEAD_END, "200", "\r\n\r\nreleased" },
		{ "GET /items/a%2Fb+c?q=x+y HTTP/1.1\r\n" HEAD_END, "200", "id=a/b+c q=x y" },
		{ "GET /items/a?Q=1&q=2&q=3 HTTP/1.1\r\n" HEAD_END, "200", "id=a q=2" },
		{ "GET /items/a?Q=1 HTTP/1.1\r\n" HEAD_END, "200", "id=a q=(none)" },
		{ "GET /items/a%00b HTTP/1.1\r\n" HEAD_END, "400", "{id}" },
		{ "GET /items/a%zz HTTP/1.1\r\n" HEAD_END, "400", "{id}" },
		{ "GET /items/a?q=b%00c HTTP/1.1\r\n" HEAD_END, "400", "the query is not valid" },
		{ "GET /items/a/b HTTP/1.1\r\n" HEAD_END, "404", "20404" },
		{ "GET /%68ello HTTP/1.1\r\n" HEAD_END, "404", "20404" },
		{ "GET /whoami HTTP/1.1\r\n" HEAD_END, "200", "\r\n\r\n127.0.0.1" },
		{ "GET /whoami HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4, "
		  "10.0.0.9\r\n" HEAD_END,
		  "200", "\r\n\r\n1.2.3.4" },
		{ "GET /whoami HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4, nonsense\r\n" HEAD_END, "200",
		  "\r\n\r\n127.0.0.1" },
		{ "GET /hello HTTP/1.1\r\nX-Request-Id: from-proxy.1\r\n" HEAD_END, "200",
		  "Request-Id: from-proxy.1\r\n" },
		{ "GET /hello HTTP/1.1\r\nRequest-Id: bad id\r\n" HEAD_END, "200", "Request-Id: RQ" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *reply = ask(cases[i].request);

		if (strncmp(reply + 9, cases[i].status, 3) != 0)
			fail_msg("%s\nis not %s:\n%s", cases[i].request, cases[i].status, reply);
		has(reply, cases[i].part);
	}
}

static void bodies_by_table(void **state)
{
	static const struct {
		const char *line, *type, *body, *status, *part;
	} cases[] = {
		{ "PUT /json", "application/json; charset=utf-8", "{\"name\":\"a\"}", "204", "ETag: \"1\"" },
		{ "PUT /json", "text/plain", "{}", "415", "45015" },
		{ "PUT /json", "application/json", "{", "400", "45001" },
		{ "PUT /json", "application/json", "[]", "400", "45001" },
		{ "PUT /json", "application/json", "{}", "400", "\"field\":\"name\"" },
		{ "PUT /json", "application/json", "{\"name\":1}", "400", "45002" },
		{ "POST /form", "application/x-www-form-urlencoded", "X=1&To=client%3Aa+b", "200", "yes" },
		{ "POST /form", "application/x-www-form-urlencoded", "to=client%3Aa+b", "200", "no" },
		{ "POST /form", "application/x-www-form-urlencoded", "To=a%00b", "400", "20001" },
		{ "POST /form", "application/json", "{}", "415", "45015" },
		{ "POST /echo", "a/b", "some bytes", "200", "\r\n\r\nsome bytes" },
		{ "DELETE /echo", "a/b", "some bytes", "200", "\r\n\r\nsome bytes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char request[512];
		const char *reply;

		snprintf(request, sizeof(request),
			 "%s HTTP/1.1\r\nContent-Type: %s\r\nContent-Length: %zu\r\n" HEAD_END "%s",
			 cases[i].line, cases[i].type, strlen(cases[i].body), cases[i].body);
		reply = ask(request);
		if (strncmp(reply + 9, cases[i].status, 3) != 0)
			fail_msg("%s\nis not %s:\n%s", request, cases[i].status, reply);
		has(reply, cases[i].part);
	}
}

static void head_has_no_body(void **state)
{
	const char *reply = ask("HEAD /hello HTTP/1.1\r\n" HEAD_END);

	(void)state;
	has(reply, "HTTP/1.1 200 ");
	has(reply, "Content-Length: 5\r\n");
	has_not(reply, "\r\n\r\nhello");
}

static void other_origins_read_only_with_a_token(void **state)
{
	const char *reply;

	(void)state;
	reply = ask("OPTIONS /echo HTTP/1.1\r\nOrigin: https://a.example\r\n" HEAD_END);
	has(reply, "Access-Control-Allow-Origin: https://a.example\r\n");
	has(reply, "Access-Control-Allow-Methods: OPTIONS, POST, DELETE\r\n");
	has(reply,
	    "Access-Control-Allow-Headers: Authorization, Content-Type, If-None-Match, Last-Event-ID\r\n");
	has_not(reply, "Allow-Credentials");
	reply = ask(
		"GET /hello HTTP/1.1\r\nOrigin: https://a.example\r\nAuthorization: Bearer x\r\n" HEAD_END);
	has(reply, "Access-Control-Allow-Origin: https://a.example\r\n");
	reply = ask(
		"GET /hello HTTP/1.1\r\nOrigin: https://a.example\r\nAuthorization: Basic x\r\n" HEAD_END);
	has_not(reply, "Access-Control-Allow-Origin");
	reply = ask("GET /hello HTTP/1.1\r\nOrigin: https://a.example\r\n" HEAD_END);
	has_not(reply, "Access-Control-Allow-Origin");
}

static int setup_in_the_open(void **state)
{
	(void)state;
	return setup_behind("10.0.0.0/8");
}

static void strangers_are_not_believed(void **state)
{
	(void)state;
	has(ask("GET /whoami HTTP/1.1\r\nX-Forwarded-For: 1.2.3.4\r\n" HEAD_END), "\r\n\r\n127.0.0.1");
	has(ask("GET /hello HTTP/1.1\r\nRequest-Id: mine\r\n" HEAD_END), "Request-Id: RQ");
}

static void log_all(void)
{
	log_setup(LOG_INFO, LOG_LOGFMT, "test");
}

static void log_errors(void)
{
	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
}

/* What the server's thread writes to stderr while a request is served. */
static const char *log_of(const char *request)
{
	static char lines[4096];
	const int saved = dup(STDERR_FILENO);
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	on_loop(log_all);
	ask(request);
	on_loop(log_errors); /* the line is written once the reply is sent */
	dup2(saved, STDERR_FILENO);
	n = read(fds[0], lines, sizeof(lines) - 1);
	assert_true(n > 0);
	lines[n] = '\0';
	close(saved);
	close(fds[0]);
	close(fds[1]);
	return lines;
}

static void every_request_has_one_access_line(void **state)
{
	static char long_head[20000];
	const char *lines = log_of("GET /items/a%2Fb?q=1 HTTP/1.1\r\n" HEAD_END);

	(void)state;
	assert_int_equal(count(lines, "event=http "), 1);
	has(lines, "method=GET");
	has(lines, "/items/a%2Fb");
	has(lines, "status=200");
	has(lines, "req=RQ");
	has_not(lines, "q=1"); /* a query may hold what is not for logs */

	snprintf(long_head, sizeof(long_head), "GET /hello HTTP/1.1\r\nX: %018000d\r\n" HEAD_END, 1);
	lines = log_of(long_head); /* refused by the library itself */
	assert_int_equal(count(lines, "event=http "), 1);
	has(lines, "status=431");
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	const char *reply = ask("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"
				"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
				"GET /slow HTTP/1.1\r\n" HEAD_END);
	const char *hello = strstr(reply, "hello");

	(void)state;
	assert_int_equal(count(reply, "HTTP/1.1 200 "), 3);
	assert_non_null(hello);
	assert_int_equal(count(hello, "released"), 1);
	assert_int_equal(count(reply, "released"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(every_reply_carries_its_headers),
		SERVED(replies_by_table),
		SERVED(bodies_by_table),
		SERVED(head_has_no_body),
		SERVED(other_origins_read_only_with_a_token),
		cmocka_unit_test_setup_teardown(strangers_are_not_believed, setup_in_the_open, teardown),
		SERVED(every_request_has_one_access_line),
		SERVED(pipelined_requests_are_answered_in_order),
	};

	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
