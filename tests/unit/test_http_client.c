/* test_http_client.c - requests to a server of the test's own, over the real libcurl. */
#include <signal.h>

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "tests/unit/http_client_fixture.h"

/* ---- what comes back ---- */

static void gets_an_answer(void **state)
{
	struct scene *scene = *state;
	const struct outcome *first = get(scene, "http://127.0.0.1:%u/ok");

	await(scene, 1);
	assert_err(first, ERR_NONE, "first");
	assert_int_equal(first->status, 200);
	assert_string_equal(first->body, "hello");
	assert_string_equal(first->content_type, "text/xml; charset=utf-8");

	const struct outcome *second = get(scene, "http://127.0.0.1:%u/nowhere");

	await(scene, 1);
	assert_err(second, ERR_NONE, "second");
	assert_int_equal(second->status, 404);
	assert_string_equal(second->body, "");
	assert_int_equal(atomic_load(&scene->customer->accepted), 1); /* kept alive */
}

static void judges_answers(void **state)
{
	static const struct {
		const char *url;
		enum err err;
		const char *detail;
	} rows[] = {
		{ "http://127.0.0.1:%u/close", ERR_FETCH_FAILED, NULL },
		{ "http://127.0.0.1:%u/cut", ERR_FETCH_FAILED, NULL },
		{ "http://127.0.0.1:%u/garbage", ERR_FETCH_FAILED, NULL },
		{ "http://127.0.0.1:%u/endless", ERR_FETCH_TOO_LARGE,
		  "the answer is larger than 65536 bytes" },
		{ "http://127.0.0.1:%u/big-head", ERR_FETCH_TOO_LARGE, NULL },
		{ "https://127.0.0.1:%u/garbage", ERR_FETCH_TLS, NULL },
		{ "http://127.0.0.1:1/ok", ERR_FETCH_CONNECT, NULL },
		{ "http://nowhere.test/ok", ERR_FETCH_HOST, NULL },
		{ "http://127.0.0.1:%u/a b", ERR_URL_FORMAT, "the URL is malformed" },
		{ "ftp://127.0.0.1:%u/ok", ERR_URL_FORMAT, NULL },
		{ "file:///etc/passwd", ERR_URL_FORMAT, NULL },
		{ "", ERR_URL_FORMAT, NULL },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct outcome *outcome = get(scene, rows[i].url);

		await(scene, 1);
		assert_err(outcome, rows[i].err, rows[i].url);
		assert_int_equal(outcome->status, 0);
		assert_string_equal(outcome->body, "");
		assert_true(outcome->detail[0]);
		assert_false(str_has_ctl(str_of(outcome->detail)));
		if (rows[i].detail)
			assert_string_equal(outcome->detail, rows[i].detail);
	}
}

static void takes_a_body_of_just_the_bound(void **state)
{
	struct scene *scene = *state;
	const struct str url = url_of(scene, "http://127.0.0.1:%u/ok");
	const struct outcome *fits =
		fetch_on(scene, scene->client, (struct http_fetch){ .url = url, .max_body = 5 });
	const struct outcome *not =
		fetch_on(scene, scene->client, (struct http_fetch){ .url = url, .max_body = 4 });

	await(scene, 2);
	assert_err(fits, ERR_NONE, "5 bytes of 5");
	assert_string_equal(fits->body, "hello");
	assert_err(not, ERR_FETCH_TOO_LARGE, "5 bytes of 4");
}

static void keeps_headers_of_the_final_answer(void **state)
{
	struct scene *scene = *state;
	const struct outcome *redirect = get(scene, "http://127.0.0.1:%u/redirect");

	await(scene, 1);
	assert_err(redirect, ERR_NONE, "redirect");
	assert_int_equal(redirect->status, 302); /* never followed here */
	assert_string_equal(redirect->location, "/ok?next=1");
	assert_string_equal(redirect->cookies, "a=1; Path=/|b=2|");

	const struct outcome *interim = get(scene, "http://127.0.0.1:%u/interim");

	await(scene, 1);
	assert_err(interim, ERR_NONE, "interim");
	assert_int_equal(interim->status, 200);
	assert_string_equal(interim->location, "");
	assert_string_equal(interim->cookies, "");
	assert_string_equal(interim->body, "hello");
}

static void does_not_decompress(void **state)
{
	struct scene *scene = *state;
	const struct outcome *outcome = get(scene, "http://127.0.0.1:%u/gzip");

	await(scene, 1);
	assert_err(outcome, ERR_NONE, "gzip");
	assert_string_equal(outcome->body, "\x1f\x8b\x08zz");
}

/* ---- what goes out ---- */

static void sends_a_form(void **state)
{
	struct scene *scene = *state;
	const struct outcome *outcome =
		fetch_on(scene, scene->client,
			 (struct http_fetch){
				 .post = true,
				 .url = url_of(scene, "http://127.0.0.1:%u/echo?a=1&b=%20#rc=2"),
				 .body = STR("From=client%3Aalice"),
				 .content_type = STR("application/x-www-form-urlencoded; charset=UTF-8"),
				 .headers = { { STR("X-Twilio-Signature"), STR("abc=") },
					      { STR("X-Empty"), STR("") } },
				 .n_headers = 2,
			 });

	await(scene, 1);
	assert_err(outcome, ERR_NONE, "form");
	assert_int_equal(outcome->status, 201);
	assert_true(
		str_starts(str_of(outcome->body), STR("POST /echo?a=1&b=%20 HTTP/1.1\r\nHost: 127.0.0.1:")));
	assert_non_null(strstr(outcome->body,
			       "\r\nContent-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"));
	assert_non_null(strstr(outcome->body, "\r\nX-Twilio-Signature: abc=\r\n"));
	assert_non_null(strstr(outcome->body, "\r\nX-Empty:\r\n"));
	assert_non_null(strstr(outcome->body, "\r\nUser-Agent: switchhook-test\r\n"));
	assert_non_null(strstr(outcome->body, "\r\nContent-Length: 19\r\n"));
	assert_true(str_ends(str_of(outcome->body), STR("\r\n\r\nFrom=client%3Aalice")));
	assert_null(strstr(outcome->body, "Expect"));
	assert_null(strstr(outcome->body, "Accept-Encoding"));
	assert_null(strstr(outcome->body, "rc=2"));
}

static void asks_nobody_to_continue(void **state)
{
	enum { LONG = 1200 * 1024 }; /* libcurl would ask from 1 MB on */
	struct scene *scene = *state;
	char *body = malloc(LONG);

	memset(body, 'x', LONG);
	const struct outcome *outcome =
		fetch_on(scene, scene->client,
			 (struct http_fetch){ .post = true,
					      .url = url_of(scene, "http://127.0.0.1:%u/echo"),
					      .body = str_n(body, LONG) });

	free(body); /* it was copied */
	await(scene, 1);
	assert_err(outcome, ERR_NONE, "long body");
	assert_non_null(strstr(outcome->body, "\r\nContent-Length: 1228800\r\n"));
	assert_null(strstr(outcome->body, "Expect"));
	assert_null(strstr(outcome->body, "Content-Type"));
}

static void moves_the_login_out_of_the_url(void **state)
{
	struct scene *scene = *state;
	const struct outcome *outcome = get(scene, "http://user:se%40cret@127.0.0.1:%u/echo");
	const struct outcome *failed = get(scene, "http://user:se%40cret@127.0.0.1:1/echo");

	await(scene, 2);
	assert_err(outcome, ERR_NONE, "login");
	assert_non_null(
		strstr(outcome->body, "\r\nAuthorization: Basic dXNlcjpzZUBjcmV0\r\n")); /* user:se@cret */
	assert_true(str_starts(str_of(outcome->body), STR("GET /echo HTTP/1.1\r\nHost: 127.0.0.1:")));
	assert_err(failed, ERR_FETCH_CONNECT, "no listener");
	assert_null(strstr(failed->detail, "cret"));
	assert_null(strstr(failed->detail, "user"));
}

static void refuses_bad_headers(void **state)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
		{ "X-A", "b\r\nX-Evil: 1" },
		{ "X-A", "b\nX-Evil: 1" },
		{ "X-A\r\nX-Evil", "1" },
		{ "X-A: b", "1" },
		{ "", "1" },
		{ "X A", "1" },
	};
	struct scene *scene = *state;
	const struct str url = url_of(scene, "http://127.0.0.1:%u/echo");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct outcome *outcome =
			fetch_on(scene, scene->client,
				 (struct http_fetch){
					 .url = url,
					 .headers = { { str_of(rows[i].name), str_of(rows[i].value) } },
					 .n_headers = 1,
				 });

		await(scene, 1);
		assert_err(outcome, ERR_FETCH_FAILED, rows[i].name);
		assert_string_equal(outcome->detail, "a header of the request is not valid");
	}
	const struct outcome *type =
		fetch_on(scene, scene->client,
			 (struct http_fetch){
				 .post = true, .url = url, .content_type = STR("text/plain\r\nX-Evil: 1") });

	await(scene, 1);
	assert_err(type, ERR_FETCH_FAILED, "content type");
	assert_int_equal(atomic_load(&scene->customer->accepted), 0);
}

/* ---- where it may go ---- */

static void blocks_addresses(void **state)
{
	static const char *const urls[] = {
		"http://127.0.0.1:%u/ok",   "http://2130706433:%u/ok",	       "http://0x7f.1:%u/ok",
		"http://0.0.0.0:%u/ok",	    "http://[::ffff:127.0.0.1]:%u/ok", "http://[::1]:%u/ok",
		"http://inside.test:%u/ok", "http://private.test:%u/ok",       "http://10.1.2.3:%u/ok",
	};
	struct scene *scene = *state;
	struct http_client *strict =
		client_of(scene, "",
			  (struct http_client_conf){ .max_total = 4, .max_per_host = 4, .max_waiting = 4 });

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		const struct outcome *outcome =
			fetch_on(scene, strict, (struct http_fetch){ .url = url_of(scene, urls[i]) });

		await(scene, 1);
		assert_err(outcome, ERR_FETCH_BLOCKED, urls[i]);
		assert_string_equal(outcome->detail, "the URL's address is not permitted");
	}
	assert_int_equal(atomic_load(&scene->customer->accepted), 0);
	http_client_free(strict);
}

static void a_permitted_address_is_enough(void **state)
{
	struct scene *scene = *state;
	const struct outcome *outcome = get(scene, "http://mixed.test:%u/ok");

	await(scene, 1);
	assert_err(outcome, ERR_NONE, "mixed");
}

static void a_warm_connection_is_no_way_around(void **state)
{
	struct scene *scene = *state;
	const struct http_client_conf conf = { .max_total = 4, .max_per_host = 4, .max_waiting = 4 };
	struct http_client *trusted = client_of(scene, NULL, conf), *strict = client_of(scene, "", conf);
	const struct http_fetch fetch = { .url = url_of(scene, "http://127.0.0.1:%u/ok") };
	const struct outcome *outcome = fetch_on(scene, trusted, fetch);

	await(scene, 1);
	assert_err(outcome, ERR_NONE, "trusted");
	outcome = fetch_on(scene, strict, fetch);
	await(scene, 1);
	assert_err(outcome, ERR_FETCH_BLOCKED, "strict");
	outcome = fetch_on(scene, trusted, fetch);
	await(scene, 1);
	assert_err(outcome, ERR_NONE, "trusted again");
	assert_int_equal(atomic_load(&scene->customer->accepted), 1);
	http_client_free(strict);
	http_client_free(trusted);
}

static void heeds_no_proxy_of_the_environment(void **state)
{
	static const char *const variables[] = { "http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy" };
	struct scene *scene = *state;

	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		setenv(variables[i], "http://127.0.0.1:1", 1);
	const struct outcome *outcome = get(scene, "http://127.0.0.1:%u/echo");

	await(scene, 1);
	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		unsetenv(variables[i]);
	assert_err(outcome, ERR_NONE, "direct");
	assert_true(str_starts(str_of(outcome->body), STR("GET /echo HTTP/1.1\r\n")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gets_an_answer),
		TEST(judges_answers),
		TEST(takes_a_body_of_just_the_bound),
		TEST(keeps_headers_of_the_final_answer),
		TEST(does_not_decompress),
		TEST(sends_a_form),
		TEST(asks_nobody_to_continue),
		TEST(moves_the_login_out_of_the_url),
		TEST(refuses_bad_headers),
		TEST(blocks_addresses),
		TEST(a_permitted_address_is_enough),
		TEST(a_warm_connection_is_no_way_around),
		TEST(heeds_no_proxy_of_the_environment),
	};

	signal(SIGPIPE, SIG_IGN);
	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	metrics_attach();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
