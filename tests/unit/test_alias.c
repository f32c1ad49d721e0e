/* test_alias.c - aliases on a real Redis, and whose turn it is among several. */
#include "tests/unit/account_fixture.h"

#include "common/model/alias.h"
#include "common/model/rotation.h"

static const char *const names[] = { "alice", "support/tier1/bob", "carol" };

static struct alias alias_of(const char *name, struct str members[3])
{
	for (size_t i = 0; i < 3; i++)
		members[i] = str_of(names[i]);
	return (struct alias){
		.name = str_of(name), .members = members, .n_members = 3, .note = STR("\"day\" shift")
	};
}

static struct flow *on(struct bench *bench)
{
	return begin(bench, &bench->here);
}

static void put(struct bench *bench, struct alias *alias, const char *expected)
{
	alias_put(on(bench), sid_of(AC), alias, STEP(on_done));
	scene_await(&bench->scene, expected);
}

static struct alias find(struct bench *bench, const char *name)
{
	struct alias alias;

	alias_find(on(bench), sid_of(AC), str_of(name), &alias, STEP(on_done));
	scene_await(&bench->scene, "ok end");
	return alias;
}

static void test_what_is_put_is_found(void **state)
{
	struct bench *bench = *state;
	struct str members[3];
	struct alias in = alias_of("desk", members), out;

	put(bench, &in, "ok end");
	out = find(bench, "desk");
	assert_str_equal(out.name, "desk");
	assert_int_equal(out.n_members, 3);
	for (size_t i = 0; i < 3; i++)
		assert_str_equal(out.members[i], names[i]);
	assert_str_equal(out.note, "\"day\" shift");
	assert_true(out.created_ms > 0 && out.created_ms == in.created_ms && out.updated_ms == in.updated_ms);
	assert_true(find(bench, "other").created_ms == 0);
	/* Nobody caches it, so nobody is told. */
	assert_int_equal(redis_server_count(&bench->server, "commandstats", "cmdstat_publish:calls="), 0);
}

static void test_versions(void **state)
{
	struct bench *bench = *state;
	struct str members[3];
	struct alias one = alias_of("desk", members), two;

	put(bench, &one, "ok end");
	two = one;
	two.n_members = 1;
	put(bench, &two, "ok end");
	assert_true(two.updated_ms > one.updated_ms && two.created_ms == one.created_ms);
	put(bench, &one, "STALE end");
	assert_int_equal(find(bench, "desk").n_members, 1);
	alias_delete(on(bench), sid_of(AC), STR("desk"), STEP(on_done));
	scene_await(&bench->scene, "ok end");
	put(bench, &two, "NOT_FOUND end");
	alias_delete(on(bench), sid_of(AC), STR("desk"), STEP(on_done));
	scene_await(&bench->scene, "NOT_FOUND end");
}

static void test_absent_and_unreadable(void **state)
{
	static const char *const texts[] = {
		"x",
		"{}",
		"{\"updated\":1,\"created\":1,\"members\":[7]}",
		"{\"updated\":1,\"created\":1,\"members\":[\"a b\"]}",
		"{\"created\":1,\"members\":[]}",
	};
	struct bench *bench = *state;
	struct alias alias;

	alias_read(on(bench), sid_of(AC), STR("desk"), &alias, STEP(on_done));
	scene_await(&bench->scene, "NOT_FOUND end");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char command[200];

		snprintf(command, sizeof(command), "HSET al:{" AC "} desk '%s'", texts[i]);
		redis_server_do(&bench->server, command);
		alias_read(on(bench), sid_of(AC), STR("desk"), &alias, STEP(on_done));
		scene_await(&bench->scene, "STORE_REPLY end");
	}
}

static void check_page(struct bench *bench, const char *after, size_t size, const char *first, size_t n,
		       bool more)
{
	struct alias_page page;

	aliases_list(on(bench), sid_of(AC), str_of(after), size, &page, STEP(on_done));
	scene_await(&bench->scene, "ok end");
	assert_int_equal(page.n, n);
	assert_int_equal(page.more, more);
	if (first)
		assert_str_equal(page.items[0].name, first);
	for (size_t i = 1; i < page.n; i++)
		assert_true(str_cmp(page.items[i - 1].name, page.items[i].name) < 0);
}

static void test_several_are_found_at_once(void **state)
{
	const struct str asked[] = { STR("alice"), STR("desk"), STR("broken"), STR(""), STR("desk") };
	struct alias found[ARRAY_LEN(asked)];
	struct bench *bench = *state;
	struct str members[3];
	struct alias in = alias_of("desk", members);

	put(bench, &in, "ok end");
	redis_server_do(&bench->server, "HSET al:{" AC "} broken '{}'");
	aliases_find(on(bench), sid_of(AC), asked, ARRAY_LEN(asked), found, STEP(on_done));
	scene_await(&bench->scene, "ok end");
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		assert_true(str_eq(found[i].name, asked[i]));
		assert_int_equal(found[i].n_members, i == 1 || i == 4 ? 3 : 0);
	}
	assert_str_equal(found[4].members[2], "carol");
}

/* ---- and what counts the turns of those whom an alias may name ---- */

static uint64_t next_of(struct bench *bench, const char *account, const char *group)
{
	uint64_t n = 99;

	rotation_next(on(bench), sid_of(account), str_of(group), &n, STEP(on_done));
	scene_await(&bench->scene, "ok end");
	return n;
}

static void test_a_rotation_counts_for_each_group(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(next_of(bench, AC, "g1"), 0);
	assert_int_equal(next_of(bench, AC, "g1"), 1);
	assert_int_equal(next_of(bench, AC, "g2"), 0);
	assert_int_equal(next_of(bench, OTHER, "g1"), 0);
	assert_int_equal(next_of(bench, AC, "g1"), 2);
	assert_string_equal(redis_server_do(&bench->server, "TTL rr:{" AC "}:g1"), ":604800\r\n");
}

static void test_pages(void **state)
{
	struct bench *bench = *state;

	check_page(bench, NULL, 10, NULL, 0, false);
	for (int i = 0; i < 25; i++) {
		char name[16];
		struct str members[3];
		struct alias alias;

		snprintf(name, sizeof(name), "n%02d", i);
		alias = alias_of(name, members);
		put(bench, &alias, "ok end");
	}
	check_page(bench, NULL, 10, "n00", 10, true);
	check_page(bench, "n09", 10, "n10", 10, true);
	check_page(bench, "n14", 10, "n15", 10, false);
	check_page(bench, "n19", 100, "n20", 5, false);
	check_page(bench, "n24", 10, NULL, 0, false);
	check_page(bench, "n099", 10, "n10", 10, true);
	check_page(bench, "a", 25, "n00", 25, false);
	check_page(bench, "z", 1, NULL, 0, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_what_is_put_is_found),
		BENCH_TEST(test_versions),
		BENCH_TEST(test_absent_and_unreadable),
		BENCH_TEST(test_several_are_found_at_once),
		BENCH_TEST(test_a_rotation_counts_for_each_group),
		BENCH_TEST(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
