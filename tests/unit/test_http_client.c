/* test_http_client.c - requests to a server of the test's own, over the real libcurl. */
#include "common/io/http_client.h"

#include <signal.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "tests/unit/http_fixture.h"
#include "tests/unit/unit.h"

enum { MAX_FETCHES = 16, PATIENCE_MS = 20000, BODY_MAX = 64 * 1024 };

struct outcome {
	struct scene *scene;
	struct http_fetch_op *op;
	unsigned runs;
	enum err err;
	unsigned status;
	char body[2048], location[256], content_type[64], cookies[128], detail[120];
	struct outcome *cancels; /* a fetch that this one's callback cancels */
};

struct scene {
	struct customer *customer;
	struct loop *loop;
	struct loop_timer *patience;
	struct http_client *client;
	struct outcome outcomes[MAX_FETCHES];
	size_t n;
	unsigned awaited;
	bool is_calling; /* inside http_fetch */
};

static void out_of_patience(void *arg)
{
	(void)arg;
	fail_msg("nothing more happens");
}

static struct http_client *client_of(struct scene *scene, const char *allow, struct http_client_conf conf)
{
	static struct netguard guard;
	struct str bad;

	conf.user_agent = "switchhook-test";
	if (allow) {
		assert_true(netguard_parse(&guard, str_of(allow), &bad));
		conf.guard = &guard;
	}
	return http_client_new(scene->loop, &conf);
}

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	scene->customer = customer_start();
	scene->loop = loop_new();
	scene->patience = loop_timer_new(scene->loop, out_of_patience, NULL);
	scene->client =
		client_of(scene, "127.0.0.1",
			  (struct http_client_conf){ .max_total = 16, .max_per_host = 8, .max_waiting = 16 });
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	scene->client = http_client_free(scene->client);
	loop_timer_free(scene->patience);
	loop_finish(scene->loop);
	loop_free(scene->loop);
	customer_stop(scene->customer);
	free(scene);
	return 0;
}

static void copy_text(struct str s, char *out, size_t cap)
{
	const size_t n = MIN(s.n, cap - 1);

	if (n)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

static void on_result(void *arg, const struct http_result *result)
{
	struct outcome *outcome = arg;
	struct scene *scene = outcome->scene;

	assert_false(scene->is_calling);
	outcome->runs++;
	outcome->op = NULL;
	outcome->err = result->err;
	outcome->status = result->status;
	copy_text(result->body, outcome->body, sizeof(outcome->body));
	copy_text(result->location, outcome->location, sizeof(outcome->location));
	copy_text(result->content_type, outcome->content_type, sizeof(outcome->content_type));
	copy_text(str_of(result->detail), outcome->detail, sizeof(outcome->detail));
	for (size_t i = 0; i < result->n_set_cookie; i++) {
		const size_t n = strlen(outcome->cookies);

		snprintf(outcome->cookies + n, sizeof(outcome->cookies) - n, STR_FMT "|",
			 STR_ARG(result->set_cookie[i]));
	}
	if (outcome->cancels)
		http_fetch_cancel(outcome->cancels->op);
	if (--scene->awaited == 0)
		loop_stop(scene->loop);
}

static struct outcome *fetch_on(struct scene *scene, struct http_client *client, struct http_fetch fetch)
{
	struct outcome *outcome = &scene->outcomes[scene->n++];

	assert_true(scene->n <= MAX_FETCHES);
	fetch.connect_ms = fetch.connect_ms ? fetch.connect_ms : 5000;
	fetch.total_ms = fetch.total_ms ? fetch.total_ms : 10000;
	fetch.max_body = fetch.max_body ? fetch.max_body : BODY_MAX;
	outcome->scene = scene;
	scene->is_calling = true;
	outcome->op = http_fetch(client, &fetch, on_result, outcome);
	scene->is_calling = false;
	return outcome;
}

/* "%u" in the URL is the server's port. */
static struct str url_of(struct scene *scene, const char *url)
{
	static char text[8][4096];
	static unsigned next;
	char *out = text[next++ % 8];
	const char *at = strstr(url, "%u");

	if (at)
		snprintf(out, sizeof(text[0]), "%.*s%u%s", (int)(at - url), url, scene->customer->port,
			 at + 2);
	else
		snprintf(out, sizeof(text[0]), "%s", url);
	return str_of(out);
}

static struct outcome *get(struct scene *scene, const char *url)
{
	return fetch_on(scene, scene->client, (struct http_fetch){ .url = url_of(scene, url) });
}

static void await(struct scene *scene, unsigned n)
{
	scene->awaited = n;
	loop_timer_start(scene->patience, PATIENCE_MS);
	loop_run(scene->loop);
	loop_timer_stop(scene->patience);
}

static void assert_err(const struct outcome *outcome, enum err err, const char *what)
{
	assert_int_equal(outcome->runs, 1);
	if (outcome->err != err)
		fail_msg("%s: %s (%s) is not %s", what, err_name(outcome->err), outcome->detail,
			 err_name(err));
}

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

/* ---- how long it may take ---- */

static void ends_in_time(void **state)
{
	static const char *const paths[] = { "http://127.0.0.1:%u/hang", "http://127.0.0.1:%u/drip",
					     "http://127.0.0.1:%u/drip-head" };
	struct scene *scene = *state;

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const uint64_t start = clock_mono_ms();
		const struct outcome *outcome =
			fetch_on(scene, scene->client,
				 (struct http_fetch){ .url = url_of(scene, paths[i]), .total_ms = 150 });

		await(scene, 1);
		assert_err(outcome, ERR_FETCH_FAILED, paths[i]);
		assert_string_equal(outcome->detail, "no answer within 150 ms");
		assert_in_range(clock_mono_ms() - start, 140, 5000);
	}
}

/* The loop must not wait for the resolver's thread, which is stuck until the end of this test. */
static void a_slow_name_does_not_hold_the_loop(void **state)
{
	struct scene *scene = *state;
	const struct str url = url_of(scene, "http://slow.test:%u/ok");
	const struct outcome *connect =
		fetch_on(scene, scene->client, (struct http_fetch){ .url = url, .connect_ms = 100 });
	const struct outcome *total =
		fetch_on(scene, scene->client, (struct http_fetch){ .url = url, .total_ms = 100 });
	const struct outcome *closed = fetch_on(scene, scene->client, (struct http_fetch){ .url = url });

	await(scene, 2);
	assert_err(connect, ERR_FETCH_CONNECT, "connect");
	assert_string_equal(connect->detail, "no connection within 100 ms");
	assert_err(total, ERR_FETCH_FAILED, "total");
	assert_int_equal(name_lookups(), 3);
	scene->client = http_client_free(scene->client);
	await(scene, 1);
	assert_err(closed, ERR_CLOSED, "closed");
	assert_int_equal(name_lookups(), 3);
	name_release();
}

/* ---- how many ---- */

static void waits_within_bounds(void **state)
{
	struct scene *scene = *state;
	struct http_client *narrow =
		client_of(scene, "127.0.0.1",
			  (struct http_client_conf){ .max_total = 1, .max_per_host = 1, .max_waiting = 1 });
	struct http_fetch fetch = { .url = url_of(scene, "http://127.0.0.1:%u/hang"), .total_ms = 300 };
	const struct outcome *working = fetch_on(scene, narrow, fetch);

	fetch.total_ms = 100;
	const struct outcome *waiting = fetch_on(scene, narrow, fetch);
	const struct outcome *refused = fetch_on(scene, narrow, fetch);

	await(scene, 1);
	assert_err(refused, ERR_OVERLOAD, "refused");
	assert_int_equal(waiting->runs, 0);
	await(scene, 1);
	assert_err(waiting, ERR_FETCH_FAILED, "waiting");
	assert_string_equal(waiting->detail, "no answer within 100 ms");
	assert_int_equal(working->runs, 0);

	const struct outcome *next =
		fetch_on(scene, narrow,
			 (struct http_fetch){ .url = url_of(scene, "http://127.0.0.1:%u/ok") });

	await(scene, 2);
	assert_err(working, ERR_FETCH_FAILED, "working");
	assert_err(next, ERR_NONE, "next");
	http_client_free(narrow);
}

static void works_side_by_side_within_the_limit(void **state)
{
	struct scene *scene = *state;
	struct http_client *two =
		client_of(scene, "127.0.0.1",
			  (struct http_client_conf){ .max_total = 8, .max_per_host = 2, .max_waiting = 40 });

	for (size_t i = 0; i < 10; i++)
		(void)fetch_on(scene, two,
			       (struct http_fetch){ .url = url_of(scene, "http://127.0.0.1:%u/work") });
	await(scene, 10);
	for (size_t i = 0; i < 10; i++)
		assert_err(&scene->outcomes[i], ERR_NONE, "work");
	assert_int_equal(atomic_load(&scene->customer->working_peak), 2);
	assert_int_equal(atomic_load(&scene->customer->accepted), 2);
	http_client_free(two);
}

/* ---- giving up ---- */

static void a_cancelled_fetch_is_silent(void **state)
{
	struct scene *scene = *state;
	struct outcome *at_once = get(scene, "http://127.0.0.1:%u/ok");
	struct outcome *concluded = get(scene, "not a URL");
	struct outcome *hanging = get(scene, "http://127.0.0.1:%u/hang");
	struct outcome *ok = get(scene, "http://127.0.0.1:%u/work");

	http_fetch_cancel(at_once->op);
	http_fetch_cancel(concluded->op);
	ok->cancels = hanging;
	await(scene, 1);
	assert_err(ok, ERR_NONE, "ok");

	struct outcome *later = get(scene, "http://127.0.0.1:%u/ok");

	await(scene, 1);
	assert_err(later, ERR_NONE, "later");
	assert_int_equal(at_once->runs + concluded->runs + hanging->runs, 0);
}

static void freeing_ends_what_is_open(void **state)
{
	struct scene *scene = *state;
	const struct outcome *hanging = get(scene, "http://127.0.0.1:%u/hang");
	const struct outcome *ok = get(scene, "http://127.0.0.1:%u/ok");

	await(scene, 1);
	assert_err(ok, ERR_NONE, "ok");
	const struct outcome *fresh = get(scene, "http://127.0.0.1:%u/ok");

	scene->client = http_client_free(scene->client);
	assert_int_equal(hanging->runs + fresh->runs, 0);
	await(scene, 2);
	assert_err(hanging, ERR_CLOSED, "hanging");
	assert_err(fresh, ERR_CLOSED, "fresh");
}

/* ---- for a flow ---- */

struct flow_scene {
	struct scene *scene;
	struct http_result result;
	unsigned steps, fails, ends;
	enum err err;
};

static void flow_failed(struct flow *flow, enum err err, const char *detail)
{
	struct flow_scene *fs = flow->owner;

	(void)detail;
	fs->fails++;
	fs->err = err;
}

static void flow_ended(struct flow *flow)
{
	struct flow_scene *fs = flow->owner;

	fs->ends++;
	loop_stop(fs->scene->loop);
}

static const struct flow_kind flow_kind = { "test", flow_failed, flow_ended };

static void on_fetched(struct flow *flow)
{
	struct flow_scene *fs = flow->owner;

	fs->steps++;
	flow_done(flow);
}

static void run_flow(struct flow_scene *fs, const char *url, uint64_t deadline_ms, bool abandon)
{
	struct scene *scene = fs->scene;
	struct worker worker = { .loop = scene->loop, .untrusted = scene->client };
	struct arena *arena = arena_new(1 << 20);
	struct flow flow;

	flow_init(&flow, &flow_kind, &worker, arena, fs);
	flow_deadline(&flow, deadline_ms);
	flow_fetch(&flow,
		   &(struct http_fetch){ .url = url_of(scene, url),
					 .connect_ms = 5000,
					 .total_ms = 10000,
					 .max_body = BODY_MAX },
		   &fs->result, STEP(on_fetched));
	assert_int_equal(fs->steps, 0);
	if (abandon)
		flow_abandon(&flow);
	await(scene, 0);
	assert_int_equal(fs->ends, 1);
	if (fs->steps && fs->result.err == ERR_NONE)
		assert_str_equal(fs->result.body, "hello"); /* in the arena, which still lives */
	arena_free(arena);
}

static void a_flow_goes_on_with_the_result(void **state)
{
	struct flow_scene good = { .scene = *state }, bad = { .scene = *state };

	run_flow(&good, "http://127.0.0.1:%u/ok", 5000, false);
	assert_int_equal(good.steps, 1);
	assert_int_equal(good.result.status, 200);
	run_flow(&bad, "http://127.0.0.1:1/", 5000, false);
	assert_int_equal(bad.steps, 1); /* a failure is a result */
	assert_int_equal(bad.result.err, ERR_FETCH_CONNECT);
}

static void a_flow_ends_with_its_deadline(void **state)
{
	struct flow_scene late = { .scene = *state };
	const uint64_t start = clock_mono_ms();

	run_flow(&late, "http://127.0.0.1:%u/hang", 100, false);
	assert_true(clock_mono_ms() - start < 5000);
	assert_true(late.steps == 1 ? late.result.err == ERR_FETCH_FAILED : late.err == ERR_DEADLINE);
}

static void an_abandoned_flow_runs_no_step(void **state)
{
	struct flow_scene gone = { .scene = *state };

	run_flow(&gone, "http://127.0.0.1:%u/ok", 5000, true);
	assert_int_equal(gone.steps, 0);
	assert_int_equal(gone.fails, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(ends_in_time),
		TEST(a_slow_name_does_not_hold_the_loop),
		TEST(waits_within_bounds),
		TEST(works_side_by_side_within_the_limit),
		TEST(a_cancelled_fetch_is_silent),
		TEST(freeing_ends_what_is_open),
		TEST(a_flow_goes_on_with_the_result),
		TEST(a_flow_ends_with_its_deadline),
		TEST(an_abandoned_flow_runs_no_step),
	};

	signal(SIGPIPE, SIG_IGN);
	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	metrics_attach();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
