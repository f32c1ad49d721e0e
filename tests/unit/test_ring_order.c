/* test_ring_order.c - who is first: the strategies as tables, and the order as the record keeps it. */
#include "tests/unit/unit.h"

#include "routing-svc/ring_order.h"

#define CLIENT(name)                                                                                         \
	{                                                                                                    \
		.identity = { name, sizeof(name) - 1 }                                                       \
	}

static struct str words_of(struct arena *arena, const struct ring_list *list)
{
	struct str line = STR("");

	for (size_t i = 0; i < list->n; i++) {
		const struct plan_target *client = &list->clients[i];

		line = arena_printf(arena, STR_FMT "%s" STR_FMT "%s" STR_FMT, STR_ARG(line), i ? " " : "",
				    STR_ARG(client->identity), client->refused.n ? ":" : "",
				    STR_ARG(client->refused));
	}
	return line;
}

static void add(struct ring_list *list, const char *name, const char *refused)
{
	const struct plan_target named = { .identity = str_of(name), .index = (unsigned)list->n };

	ring_list_add(list, &named, named.identity, str_of(refused));
}

#define assert_words(list, expected)                                                                         \
	assert_string_equal(arena_cstr(*state, words_of(*state, list)), (expected))

static int set_up(void **state)
{
	*state = arena_new(1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	*state = arena_free(*state);
	return 0;
}

/* ---- the list ---- */

static void test_who_is_named_twice_is_asked_once(void **state)
{
	const struct plan_target group = CLIENT("team/*");
	struct ring_list list = { .n = 0 };

	add(&list, "alice", NULL);
	add(&list, "bob", NULL);
	add(&list, "alice", NULL);
	ring_list_add(&list, &group, STR("bob"), STR_NULL); /* of a group: no word about it */
	ring_list_add(&list, &group, STR("carol"), STR_NULL);
	ring_list_add(&list, &group, STR(""), STR("not_supported")); /* no clients */
	ring_list_add(&list, &group, STR(""), STR("not_supported"));
	assert_words(&list, "alice bob alice:named_twice carol :not_supported :not_supported");
}

static void test_there_is_an_end_to_a_list(void **state)
{
	const struct plan_target group = CLIENT("team/*");
	struct ring_list list = { .n = 0 };

	for (int i = 0; i < 2 * PLAN_RING_MAX; i++)
		ring_list_add(&list, &group, arena_printf(*state, "team/%d", i), STR_NULL);
	assert_int_equal(list.n, PLAN_RING_MAX);
	assert_str_equal(list.clients[PLAN_RING_MAX - 1].identity, "team/49");
}

/* ---- the strategies ---- */

static void test_all_and_in_order_are_as_they_are_named(void **state)
{
	static const enum dial_strategy strategies[] = { STRATEGY_ALL, STRATEGY_IN_ORDER };

	for (size_t i = 0; i < ARRAY_LEN(strategies); i++) {
		struct ring_list list = { .n = 0 };

		add(&list, "carol", NULL);
		add(&list, "alice", "named_twice");
		add(&list, "bob", NULL);
		ring_order(&list, strategies[i], 7, MEDIA_VOICE, NULL);
		assert_words(&list, "carol alice:named_twice bob");
	}
}

static void test_in_rotation_the_next_one_is_first(void **state)
{
	static const struct {
		uint64_t start;
		const char *order;
	} rows[] = {
		{ 0, "a b c x:nobody_ringable" },	   { 1, "b c a x:nobody_ringable" },
		{ 2, "c a b x:nobody_ringable" },	   { 3, "a b c x:nobody_ringable" },
		{ UINT64_MAX, "a b c x:nobody_ringable" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ring_list list = { .n = 0 };

		add(&list, "a", NULL);
		add(&list, "x", "nobody_ringable");
		add(&list, "b", NULL);
		add(&list, "c", NULL);
		ring_order(&list, STRATEGY_ROUND_ROBIN, rows[i].start, MEDIA_VOICE, NULL);
		assert_words(&list, rows[i].order);
	}
}

static void test_in_rotation_of_nobody_nobody_is_first(void **state)
{
	struct ring_list list = { .n = 0 };

	ring_order(&list, STRATEGY_ROUND_ROBIN, 3, MEDIA_VOICE, NULL);
	assert_int_equal(list.n, 0);
	add(&list, "x", "nobody_ringable");
	ring_order(&list, STRATEGY_ROUND_ROBIN, 3, MEDIA_VOICE, NULL);
	assert_words(&list, "x:nobody_ringable");
}

static void test_who_is_idle_for_longest_is_first(void **state)
{
	static const struct {
		const char *name, *refused, *status;
		unsigned ringable;
		int64_t since_ms;
	} rows[] = {
		{ "away", NULL, "away", 0, 10 },
		{ "away_rings", NULL, "away", MEDIA_VOICE, 10 },
		{ "new", NULL, "available", MEDIA_VOICE, 300 },
		{ "talks", NULL, "on_call", MEDIA_VOICE, 5 },
		{ "old", NULL, "available", MEDIA_VOICE, 100 },
		{ "rung", NULL, "available", 0, 200 },
		{ "twice", "named_twice", "available", MEDIA_VOICE, 1 },
		{ "video", NULL, "busy", MEDIA_VIDEO, 1 },
		{ "gone", NULL, "offline", 0, 0 },
		{ "old_too", NULL, "available", MEDIA_VOICE, 100 },
	};
	struct presence presence[ARRAY_LEN(rows)] = { { .version = 0 } };
	struct ring_list list = { .n = 0 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		add(&list, rows[i].name, rows[i].refused);
		presence[i].status = str_of(rows[i].status);
		presence[i].ringable = rows[i].ringable;
		presence[i].since_ms = rows[i].since_ms;
	}
	ring_order(&list, STRATEGY_LONGEST_IDLE, 0, MEDIA_VOICE, presence);
	assert_words(&list,
		     "old old_too rung new away_rings away:away talks:on_call twice:named_twice video:busy "
		     "gone:offline");
}

/* ---- the record ---- */

static void test_an_order_is_read_as_it_was_written(void **state)
{
	const struct plan_target named[] = {
		{ .identity = STR("team/*"), .from = STR("+1"), .index = 0 },
		{ .identity = STR("bob"), .from = STR("+1"), .index = 1 },
		{ .identity = STR(""), .from = STR("+1"), .index = 2 },
	};
	struct ring_list list = { .n = 0 }, again = { .n = 9 };
	struct str text;

	ring_list_add(&list, &named[1], named[1].identity, STR_NULL);
	ring_list_add(&list, &named[0], STR("team/alice"), STR_NULL);
	ring_list_add(&list, &named[2], STR(""), STR("not_supported"));
	text = ring_order_write(*state, list.clients, list.n);
	assert_str_equal(text, "1 - bob\n0 - team/alice\n2 not_supported \n");
	assert_int_equal(ring_order_count(text), 3);
	ring_order_read(text, named, ARRAY_LEN(named), &again);
	assert_words(&again, "bob team/alice :not_supported");
	assert_int_equal(again.clients[1].index, 0);
	assert_str_equal(again.clients[1].from, "+1");
	assert_true(str_is_null(again.clients[1].refused));
}

static void test_a_longest_order_has_room(void **state)
{
	struct ring_list list = { .n = 0 }, again;
	char name[IDENTITY_MAX + 1];

	for (int i = 0; i < PLAN_RING_MAX; i++) {
		memset(name, 'a' + i % 26, IDENTITY_MAX);
		snprintf(name, sizeof(name), "%03d", i);
		name[3] = 'x';
		name[IDENTITY_MAX] = '\0';
		add(&list, arena_cstr(*state, str_of(name)), NULL);
	}
	ring_order_read(ring_order_write(*state, list.clients, list.n), list.clients, list.n, &again);
	assert_int_equal(again.n, PLAN_RING_MAX);
	assert_str_equal(again.clients[PLAN_RING_MAX - 1].identity, name);
}

static void test_what_is_no_order_is_passed_over(void **state)
{
	const struct plan_target named[] = { CLIENT("bob") };
	struct ring_list list;

	ring_order_read(STR("1 - alice\nx - alice\n\n0\n0 - bob\n"), named, 1, &list);
	assert_words(&list, "bob");
	ring_order_read(STR(""), named, 1, &list);
	assert_int_equal(list.n, 0);
	assert_int_equal(ring_order_count(STR("")), 0);
}

static void test_a_group_is_known_by_what_is_named(void **state)
{
	const struct plan_target one[] = { CLIENT("a"), CLIENT("b") };
	const struct plan_target other[] = { CLIENT("ab"), CLIENT("") };
	const struct str group = ring_order_group(*state, one, 2);

	assert_int_equal(group.n, 32);
	assert_true(str_eq(group, ring_order_group(*state, one, 2)));
	assert_false(str_eq(group, ring_order_group(*state, one, 1)));
	assert_false(str_eq(group, ring_order_group(*state, other, 2)));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_who_is_named_twice_is_asked_once),
		TEST(test_there_is_an_end_to_a_list),
		TEST(test_all_and_in_order_are_as_they_are_named),
		TEST(test_in_rotation_the_next_one_is_first),
		TEST(test_in_rotation_of_nobody_nobody_is_first),
		TEST(test_who_is_idle_for_longest_is_first),
		TEST(test_an_order_is_read_as_it_was_written),
		TEST(test_a_longest_order_has_room),
		TEST(test_what_is_no_order_is_passed_over),
		TEST(test_a_group_is_known_by_what_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
