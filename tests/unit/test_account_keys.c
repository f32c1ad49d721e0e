/* test_account_keys.c - public keys as records of an account, in a real Redis: their index of kids, all or none, how many. */
#include "tests/unit/account_fixture.h"

#define ONE   "SK00000000000000000000000000000011"
#define TWO   "SK00000000000000000000000000000012"
#define THREE "SK00000000000000000000000000000013"

static struct api_key found;
static bool was_found_cached;

static int set_up_account(void **state)
{
	set_up(state);
	put_account(*state, &((struct bench *)*state)->here, "", "active");
	put_key(*state, &((struct bench *)*state)->here);
	return 0;
}

static struct api_key public_key(const char *sid, const char *kid)
{
	return (struct api_key){
		.sid = sid_of(sid),
		.name = STR("pair"),
		.secret = STR(""),
		.algorithm = STR("EdDSA"),
		.public_key = STR("-----BEGIN PUBLIC KEY-----"),
		.kid = str_of(kid),
		.audience = STR("us"),
	};
}

static void create(struct bench *bench, struct api_key *keys, size_t n, const char *expected)
{
	const struct heard before = heard(bench);

	api_keys_create(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), keys, n, STEP(on_done));
	if (str_eq(str_of(expected), STR("ok end")))
		await_change(bench, &bench->here, before);
	else
		scene_await(&bench->scene, expected);
}

static void remove_key(struct bench *bench, const char *sid)
{
	const struct heard before = heard(bench);

	api_key_delete(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), sid_of(sid),
		       STEP(on_done));
	await_change(bench, &bench->here, before);
}

static void on_found(struct flow *flow, void *arg, bool was_cached)
{
	(void)arg;
	was_found_cached = was_cached;
	on_done(flow);
}

/* Asks the worker that did not make the change. */
static const char *sid_by_kid(struct bench *bench, const char *kid)
{
	const struct record_lookup want = {
		.kind = &record_key,
		.account = sid_of(AC),
		.id = str_of(kid),
		.by_index = true,
		.out = &found,
		.absent_is_fine = true,
		.waiting_for = "key",
		.found = on_found,
	};

	record_lookup(bench->there.accounts, begin(bench, &bench->there), &want);
	scene_await(&bench->scene, "ok end");
	return found.sid.s;
}

/* -- tests -- */

static void test_found_by_kid(void **state)
{
	struct bench *bench = *state;
	struct api_key keys[] = { public_key(ONE, "one \"quoted\" \\ \xc3\xa4"), public_key(TWO, "") };

	create(bench, keys, ARRAY_LEN(keys), "ok end");
	assert_string_equal(sid_by_kid(bench, "one \"quoted\" \\ \xc3\xa4"), ONE);
	assert_false(was_found_cached);
	assert_str_equal(found.algorithm, "EdDSA");
	assert_str_equal(found.public_key, "-----BEGIN PUBLIC KEY-----");
	assert_str_equal(found.audience, "us");
	assert_str_equal(found.secret, "");
	assert_string_equal(sid_by_kid(bench, "one \"quoted\" \\ \xc3\xa4"), ONE);
	assert_true(was_found_cached);
	/* neither one without a kid, nor a sid, is an entry of the index */
	assert_string_equal(sid_by_kid(bench, ""), "");
	assert_string_equal(sid_by_kid(bench, TWO), "");
}

static void test_all_or_none(void **state)
{
	struct bench *bench = *state;
	struct api_key first = public_key(ONE, "taken");
	struct api_key more[] = { public_key(TWO, "new"), public_key(THREE, "taken") };

	create(bench, &first, 1, "ok end");
	create(bench, more, ARRAY_LEN(more), "CONFLICT end");
	assert_string_equal(sid_by_kid(bench, "new"), "");
	assert_string_equal(sid_by_kid(bench, "taken"), ONE);
}

static void test_full(void **state)
{
	struct bench *bench = *state;
	struct api_key keys[] = { public_key(ONE, "one"), public_key(TWO, "two") };

	/* one key is there already: room for one more */
	redis_server_do(
		&bench->server,
		arena_printf(
			bench->arena,
			"EVAL \"for i = 1, %d do redis.call('HSET', KEYS[1], 'x' .. i, '{}') end\" 1 k:{" AC
			"}",
			ACCOUNT_RECORDS_MAX - 2)
			.p);
	create(bench, keys, 2, "CONFLICT end");
	assert_string_equal(sid_by_kid(bench, "one"), "");
	create(bench, keys, 1, "ok end");
	assert_string_equal(sid_by_kid(bench, "one"), ONE);
}

static void test_deleted(void **state)
{
	struct bench *bench = *state;
	struct api_key key = public_key(ONE, "mine"), again = public_key(TWO, "mine");
	struct api_key unnamed = public_key(THREE, "");

	create(bench, &key, 1, "ok end");
	create(bench, &unnamed, 1, "ok end");
	assert_string_equal(sid_by_kid(bench, "mine"), ONE);
	remove_key(bench, ONE);
	assert_string_equal(sid_by_kid(bench, "mine"), "");
	remove_key(bench, THREE);
	remove_key(bench, KEY);
	create(bench, &again, 1, "ok end");
	assert_string_equal(sid_by_kid(bench, "mine"), TWO);
	api_key_delete(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), sid_of(ONE),
		       STEP(on_done));
	scene_await(&bench->scene, "NOT_FOUND end");
}

/* Lists tell the two sorts apart, and go on behind a sid whatever was deleted meanwhile. */
static void test_lists(void **state)
{
	struct bench *bench = *state;
	struct api_key keys[] = { public_key(ONE, "1"), public_key(TWO, "2"), public_key(THREE, "3") };
	struct account_query query = { .size = 2, .having = "public_key" };
	struct api_key_page page;

	create(bench, keys, ARRAY_LEN(keys), "ok end");
	api_keys_list(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &query, &page,
		      STEP(on_done));
	scene_await(&bench->scene, "ok end");
	assert_int_equal(page.n, 2);
	assert_true(page.more);
	assert_string_equal(page.items[1].sid.s, TWO);

	remove_key(bench, TWO);
	query.after = STR(TWO);
	api_keys_list(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &query, &page,
		      STEP(on_done));
	scene_await(&bench->scene, "ok end");
	assert_int_equal(page.n, 1);
	assert_false(page.more);
	assert_string_equal(page.items[0].sid.s, THREE);

	query = (struct account_query){ .size = 1, .having = "secret" };
	api_keys_list(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), &query, &page,
		      STEP(on_done));
	scene_await(&bench->scene, "ok end");
	assert_int_equal(page.n, 1);
	assert_string_equal(page.items[0].sid.s, KEY);
	assert_false(page.more);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up_account, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_found_by_kid), TEST(test_all_or_none), TEST(test_full),
		TEST(test_deleted),	 TEST(test_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
