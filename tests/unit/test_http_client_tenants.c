/* test_http_client_tenants.c - who hangs holds up only himself, and is left alone for a while. */
#include "tests/unit/http_client_fixture.h"

#include "common/base/log.h"
#include "common/base/metrics.h"

enum { BREAK_MS = 150 };

static struct outcome *ask(struct scene *scene, struct http_client *client, const char *tenant,
			   const char *path, unsigned total_ms)
{
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%%u%s", path);
	return fetch_on(scene, client,
			(struct http_fetch){
				.tenant = str_of(tenant), .url = url_of(scene, url), .total_ms = total_ms });
}

static void a_tenant_has_no_more_than_its_share(void **state)
{
	struct scene *scene = *state;
	struct http_client *client = client_of(scene, "127.0.0.1",
					       (struct http_client_conf){ .max_total = 8,
									  .max_per_tenant = 2,
									  .max_per_host = 8,
									  .max_waiting = 80 });
	const struct outcome *hung[5], *good;

	for (size_t i = 0; i < ARRAY_LEN(hung); i++)
		hung[i] = ask(scene, client, "bad", "/hang", 1000);
	good = ask(scene, client, "good", "/ok", 0);
	await(scene, 1);
	assert_err(good, ERR_NONE, "good");
	assert_int_equal(atomic_load(&scene->customer->accepted), 3);
	await(scene, ARRAY_LEN(hung));
	for (size_t i = 0; i < ARRAY_LEN(hung); i++)
		assert_err(hung[i], ERR_FETCH_FAILED, "hung");
	http_client_free(client);
}

static struct http_client *breaking(struct scene *scene)
{
	return client_of(scene, "127.0.0.1",
			 (struct http_client_conf){ .max_total = 8,
						    .max_per_host = 8,
						    .max_waiting = 80,
						    .break_after = 2,
						    .break_ms = BREAK_MS });
}

/* Two in a row get no answer in time. */
static void breaks(struct scene *scene, struct http_client *client)
{
	for (int i = 0; i < 2; i++) {
		const struct outcome *hung = ask(scene, client, "bad", "/hang", 50);

		await(scene, 1);
		assert_err(hung, ERR_FETCH_FAILED, "hung");
	}
}

static void a_host_that_fails_is_left_alone_by_that_tenant(void **state)
{
	struct scene *scene = *state;
	struct http_client *client = breaking(scene);
	const struct outcome *refused, *other;

	breaks(scene, client);
	refused = ask(scene, client, "bad", "/ok", 0);
	other = ask(scene, client, "good", "/ok", 0);
	await(scene, 2);
	assert_err(refused, ERR_FETCH_CONNECT, "refused");
	assert_string_equal(refused->detail, "circuit open: its host failed again and again");
	assert_err(other, ERR_NONE, "other");
	http_client_free(client);
}

static void it_is_asked_again_by_one(void **state)
{
	struct scene *scene = *state;
	struct http_client *client = breaking(scene);
	const struct outcome *probe, *beside, *after;

	breaks(scene, client);
	(void)ask(scene, client, "clock", "/hang", 2 * BREAK_MS);
	await(scene, 1);

	probe = ask(scene, client, "bad", "/work", 0);
	beside = ask(scene, client, "bad", "/ok", 0);
	await(scene, 2);
	assert_err(probe, ERR_NONE, "probe");
	assert_err(beside, ERR_FETCH_CONNECT, "beside");
	after = ask(scene, client, "bad", "/ok", 0);
	await(scene, 1);
	assert_err(after, ERR_NONE, "after");
	http_client_free(client);
}

/* Those that waited for a connection are not sent after the others. */
static void who_waits_while_it_breaks_is_refused(void **state)
{
	struct scene *scene = *state;
	struct http_client *client = client_of(scene, "127.0.0.1",
					       (struct http_client_conf){ .max_total = 8,
									  .max_per_host = 1,
									  .max_waiting = 80,
									  .break_after = 1,
									  .break_ms = 10000 });
	const struct outcome *hung = ask(scene, client, "bad", "/hang", 50);
	const struct outcome *waiting = ask(scene, client, "bad", "/ok", 0);

	await(scene, 2);
	assert_err(hung, ERR_FETCH_FAILED, "hung");
	assert_err(waiting, ERR_FETCH_CONNECT, "waiting");
	assert_int_equal(atomic_load(&scene->customer->accepted), 1);
	http_client_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_tenant_has_no_more_than_its_share),
		TEST(a_host_that_fails_is_left_alone_by_that_tenant),
		TEST(it_is_asked_again_by_one),
		TEST(who_waits_while_it_breaks_is_refused),
	};

	signal(SIGPIPE, SIG_IGN);
	log_setup(LOG_ERROR, LOG_LOGFMT, "test");
	metrics_attach();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
