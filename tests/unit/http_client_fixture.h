/* http_client_fixture.h - a client on a loop of its own, beside the customer's server that it asks.
 *
 * A test fetches, awaits as many results as it expects, and looks at their
 * outcomes.  No result may come before http_fetch has returned.
 */
#pragma once

#include "common/io/http_client.h"
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

static inline void out_of_patience(void *arg)
{
	(void)arg;
	fail_msg("nothing more happens");
}

static inline struct http_client *client_of(struct scene *scene, const char *allow,
					    struct http_client_conf conf)
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

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline void copy_text(struct str s, char *out, size_t cap)
{
	const size_t n = MIN(s.n, cap - 1);

	if (n)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

static inline void on_result(void *arg, const struct http_result *result)
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

static inline struct outcome *fetch_on(struct scene *scene, struct http_client *client,
				       struct http_fetch fetch)
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
static inline struct str url_of(struct scene *scene, const char *url)
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

static inline struct outcome *get(struct scene *scene, const char *url)
{
	return fetch_on(scene, scene->client, (struct http_fetch){ .url = url_of(scene, url) });
}

static inline void await(struct scene *scene, unsigned n)
{
	scene->awaited = n;
	loop_timer_start(scene->patience, PATIENCE_MS);
	loop_run(scene->loop);
	loop_timer_stop(scene->patience);
}

static inline void assert_err(const struct outcome *outcome, enum err err, const char *what)
{
	assert_int_equal(outcome->runs, 1);
	if (outcome->err != err)
		fail_msg("%s: %s (%s) is not %s", what, err_name(outcome->err), outcome->detail,
			 err_name(err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
