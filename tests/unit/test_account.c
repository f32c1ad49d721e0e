/* test_account.c - accounts against a real Redis: what is cached, what invalidates it,
 * what a change refuses, what lies in Redis.
 */
#include "tests/unit/account_fixture.h"

#define PN	  "PN00000000000000000000000000000001"
#define PN_SECOND "PN00000000000000000000000000000002"

static void put_number(struct bench *bench, const char *sid, const char *number, const char *expected)
{
	struct phone_number in = {
		.sid = sid_of(sid), .number = str_of(number), .name = STR("desk"), .application = sid_of(APP)
	};

	phone_number_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &in, STEP(on_done));
	scene_await(&bench->scene, expected);
}

static void test_what_is_put_is_read(void **state)
{
	struct bench *bench = *state;
	struct account account;

	put_account(bench, &bench->here, "Näme \"x\"", "active");
	account = load_account(bench, &bench->there, "ok end");
	assert_string_equal(account.sid.s, AC);
	assert_str_equal(account.name, "Näme \"x\"");
	assert_str_equal(account.status, "active");
	assert_str_equal(account.auth_token, PRIMARY);
	assert_str_equal(account.auth_token_second, SECOND);
	assert_true(account.created_ms > 0 && account.updated_ms == account.created_ms);
}

static void test_absent_and_closed(void **state)
{
	struct bench *bench = *state;
	struct account account;

	load_account(bench, &bench->here, "NOT_FOUND end");
	put_account(bench, &bench->here, "x", "closed");
	load_account(bench, &bench->here, "NOT_FOUND end");
	account_find(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &account, STEP(on_done));
	scene_await(&bench->scene, "ok end");
	assert_false(sid_is_set(account.sid));
	/* and the same from the cache, which holds it now */
	assert_int_equal(account_cache_count(bench->here.accounts->records), 1);
	load_account(bench, &bench->here, "NOT_FOUND end");
}

static void test_cache_hit(void **state)
{
	struct bench *bench = *state;

	put_account(bench, &bench->here, "first", "active");
	load_account(bench, &bench->here, "ok end");
	redis_server_do(&bench->server, "DEL a:{" AC "}");
	assert_str_equal(load_account(bench, &bench->here, "ok end").name, "first");

	account_read(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &(struct account){ 0 },
		     STEP(on_done));
	scene_await(&bench->scene, "NOT_FOUND end");
}

static void test_own_change_is_seen_at_once(void **state)
{
	struct bench *bench = *state;

	put_account(bench, &bench->here, "first", "active");
	load_account(bench, &bench->here, "ok end");
	put_account(bench, &bench->here, "second", "active");
	assert_str_equal(load_account(bench, &bench->here, "ok end").name, "second");
}

static void test_invalidation_from_another_connection(void **state)
{
	struct bench *bench = *state;

	put_account(bench, &bench->here, "first", "active");
	load_account(bench, &bench->here, "ok end");
	assert_false(is_empty(&bench->here));

	put_account(bench, &bench->there, "second", "active");
	assert_true(is_empty(&bench->here));
	assert_str_equal(load_account(bench, &bench->here, "ok end").name, "second");
}

static void test_invalidation_is_of_one_account(void **state)
{
	struct bench *bench = *state;

	put_account(bench, &bench->here, "first", "active");
	load_account(bench, &bench->here, "ok end");
	accounts_forget(bench->here.accounts, STR(OTHER));
	assert_false(is_empty(&bench->here));
	accounts_forget(bench->here.accounts, STR(AC));
	assert_true(is_empty(&bench->here));
}

/* The read was answered before the change, its reply comes in after the invalidation. */
static void test_read_that_an_invalidation_overtook_is_not_kept(void **state)
{
	struct bench *bench = *state;
	struct account account;

	put_account(bench, &bench->here, "first", "active");
	account_load(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &account, STEP(on_done));
	accounts_forget(bench->here.accounts, STR(AC));
	scene_await(&bench->scene, "ok end");
	assert_true(is_empty(&bench->here));
}

static void test_gap_drops_all(void **state)
{
	struct bench *bench = *state;

	put_account(bench, &bench->here, "first", "active");
	load_account(bench, &bench->here, "ok end");
	redis_server_do(&bench->server, "CLIENT KILL TYPE pubsub");
	redis_server_do(&bench->server, "DEL a:{" AC "}");
	await(bench, is_unsubscribed, &bench->here);
	load_account(bench, &bench->here, "NOT_FOUND end"); /* nothing is served from the cache meanwhile */
	await(bench, is_subscribed, &bench->here);
	assert_true(is_empty(&bench->here));
	load_account(bench, &bench->here, "NOT_FOUND end");
}

static void test_versions(void **state)
{
	struct bench *bench = *state;
	struct application app = { .sid = sid_of(APP),
				   .name = STR("one"),
				   .voice_url = STR("http://h/voice") };
	struct application stale, gone;

	application_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &app, STEP(on_done));
	scene_await(&bench->scene, "ok end");
	stale = gone = app;
	application_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &app, STEP(on_done));
	scene_await(&bench->scene, "ok end");
	assert_true(app.updated_ms > stale.updated_ms);
	assert_true(app.created_ms == stale.created_ms);
	application_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &stale, STEP(on_done));
	scene_await(&bench->scene, "STALE end");

	application_delete(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), app.sid,
			   STEP(on_done));
	scene_await(&bench->scene, "ok end");
	application_delete(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), app.sid,
			   STEP(on_done));
	scene_await(&bench->scene, "NOT_FOUND end");
	application_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &gone, STEP(on_done));
	scene_await(&bench->scene, "NOT_FOUND end");
}

static void test_numbers(void **state)
{
	struct bench *bench = *state;
	struct phone_number found;

	assert_false(sid_is_set(find_number(bench, "+15550100").sid));
	put_number(bench, PN, "+15550100", "ok end");
	found = find_number(bench, "+15550100");
	assert_string_equal(found.sid.s, PN);
	assert_string_equal(found.application.s, APP);
	assert_str_equal(found.voice_url, "");

	put_number(bench, PN_SECOND, "+15550100", "CONFLICT end");
	put_number(bench, PN, "+15550101", "CONFLICT end");
	assert_false(sid_is_set(find_number(bench, "+15550101").sid));

	phone_number_delete(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), sid_of(PN),
			    STEP(on_done));
	scene_await(&bench->scene, "ok end");
	assert_false(sid_is_set(find_number(bench, "+15550100").sid));
	put_number(bench, PN_SECOND, "+15550100", "ok end");
	assert_string_equal(find_number(bench, "+15550100").sid.s, PN_SECOND);
	assert_false(sid_is_set(find_number(bench, "no number at all").sid));
}

static void test_what_is_a_number(void **state)
{
	static const struct {
		const char *number;
		bool is_valid;
	} cases[] = {
		{ "+15551234567", true }, { "+123456789012345", true },
		{ "support", true },	  { "sip:desk@example.com", true },
		{ "sips:a", true },	  { "support/tier1", true },
		{ "15551234567", true },  { "", false },
		{ "+", false },		  { "+1", false },
		{ "+0123", false },	  { "+1234567890123456", false },
		{ "+1 555", false },	  { "+1555x", false },
		{ "sip:", false },	  { "sip:a b", false },
		{ "a//b", false },	  { "a\n", false },
		{ "..", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (phone_number_is_valid(str_of(cases[i].number)) != cases[i].is_valid)
			fail_msg("%s", cases[i].number);
}

static void put_applications(struct bench *bench, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct application app = { .sid = sid_of(APP), .name = i % 3 ? STR("odd") : STR("third") };

		snprintf(app.sid.s + 2, sizeof(app.sid.s) - 2, "%032x", i + 1);
		application_put(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &app,
				STEP(on_done));
		scene_await(&bench->scene, "ok end");
	}
}

static void test_pages(void **state)
{
	static const struct {
		unsigned page, size;
		const char *name;
		size_t n;
		bool more;
		unsigned first; /* number in the sid; 0: none */
	} cases[] = {
		{ 0, 50, NULL, 50, true, 1 },	   { 1, 50, NULL, 50, true, 51 },
		{ 4, 50, NULL, 30, false, 201 },   { 5, 50, NULL, 0, false, 0 },
		{ 0, 100, NULL, 100, true, 1 },	   { 1, 100, "odd", 53, false, 152 },
		{ 0, 100, "third", 77, false, 1 }, { 0, 76, "third", 76, true, 1 },
		{ 1, 76, "third", 1, false, 229 }, { 0, 77, "third", 77, false, 1 },
		{ 0, 10, "none", 0, false, 0 },	   { 1000000, 100, NULL, 0, false, 0 },
	};
	struct bench *bench = *state;

	put_applications(bench, 230);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct account_query query = {
			.page = cases[i].page,
			.size = cases[i].size,
			.name = str_of(cases[i].name),
		};
		struct application_page page;

		applications_list(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &query, &page,
				  STEP(on_done));
		scene_await(&bench->scene, "ok end");
		assert_int_equal(page.n, cases[i].n);
		assert_int_equal(page.more, cases[i].more);
		if (cases[i].first)
			assert_int_equal(strtoul(page.items[0].sid.s + 2, NULL, 16), cases[i].first);
		for (size_t k = 1; k < page.n; k++)
			assert_true(strcmp(page.items[k - 1].sid.s, page.items[k].sid.s) < 0);
	}
}

/* -- at rest -- */

static void test_secrets_are_sealed(void **state)
{
	struct bench *bench = *state;
	struct api_key key;
	const char *all;

	put_account(bench, &bench->here, "visible name", "active");
	put_key(bench, &bench->here);
	all = everything(bench);
	assert_non_null(strstr(all, "visible name"));
	assert_non_null(strstr(all, "\"secret\":\"s1."));
	assert_null(strstr(all, "primary-token"));
	assert_null(strstr(all, "second-token"));
	assert_null(strstr(all, "key-secret"));

	api_key_load(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), sid_of(KEY), &key,
		     STEP(on_done));
	scene_await(&bench->scene, "ok end");
	assert_str_equal(key.secret, KEY_SECRET);
}

/* A sealed secret opens only where it was put. */
static void test_a_moved_secret_does_not_open(void **state)
{
	struct bench *bench = *state;
	struct api_key key;

	put_key(bench, &bench->here);
	redis_server_do(&bench->server, "COPY k:{" AC "} k:{" OTHER "}");
	api_key_load(bench->here.accounts, begin(bench, &bench->here), sid_of(OTHER), sid_of(KEY), &key,
		     STEP(on_done));
	scene_await(&bench->scene, "STORE_REPLY end");
}

static void test_what_is_no_record_is_no_answer(void **state)
{
	static const char *const values[] = { "x", "{}{}", "[]", "{\"updated\":-1}",
					      "{\"updated\":1,\"name\":7}" };
	struct bench *bench = *state;
	struct application app;

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		char command[200];

		snprintf(command, sizeof(command), "HSET ap:{" AC "} " APP " '%s'", values[i]);
		redis_server_do(&bench->server, command);
		application_load(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), sid_of(APP),
				 &app, STEP(on_done));
		scene_await(&bench->scene, "STORE_REPLY end");
	}
}

/* -- the cache by itself -- */

static void cache_put(struct account_cache *cache, const char *account, const char *key, uint64_t ttl_ms)
{
	account_cache_put_take(cache, sid_of(account), str_of(key), x_alloc(8), 8, ttl_ms);
}

static void test_cache_bounds(void **state)
{
	struct account_cache *cache = account_cache_new(3);

	(void)state;
	cache_put(cache, AC, "a", 60000);
	cache_put(cache, OTHER, "b", 60000);
	cache_put(cache, AC, "c", 60000);
	cache_put(cache, AC, "c", 60000);
	assert_int_equal(account_cache_count(cache), 3);
	cache_put(cache, AC, "d", 60000);
	assert_int_equal(account_cache_count(cache), 3);
	assert_null(account_cache_get(cache, STR("a")));
	assert_non_null(account_cache_get(cache, STR("b")));

	account_cache_drop(cache, STR(AC));
	assert_int_equal(account_cache_count(cache), 1);
	assert_non_null(account_cache_get(cache, STR("b")));
	account_cache_drop(cache, STR(OTHER));
	assert_int_equal(account_cache_count(cache), 0);

	cache_put(cache, AC, "late", 0);
	assert_null(account_cache_get(cache, STR("late")));
	assert_int_equal(account_cache_count(cache), 0);
	account_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_what_is_put_is_read),
		BENCH_TEST(test_absent_and_closed),
		BENCH_TEST(test_cache_hit),
		BENCH_TEST(test_own_change_is_seen_at_once),
		BENCH_TEST(test_invalidation_from_another_connection),
		BENCH_TEST(test_invalidation_is_of_one_account),
		BENCH_TEST(test_read_that_an_invalidation_overtook_is_not_kept),
		BENCH_TEST(test_gap_drops_all),
		BENCH_TEST(test_versions),
		BENCH_TEST(test_numbers),
		cmocka_unit_test(test_what_is_a_number),
		BENCH_TEST(test_pages),
		BENCH_TEST(test_secrets_are_sealed),
		BENCH_TEST(test_a_moved_secret_does_not_open),
		BENCH_TEST(test_what_is_no_record_is_no_answer),
		cmocka_unit_test(test_cache_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
