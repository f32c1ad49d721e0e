/* test_scripts_node.c - the table of nodes: ids that rise, leases, burial, amnesty, reaping. */
#include "tests/unit/scripts_fixture.h"

#define NODES  "nodes:{n}"
#define LEASES "leases:{n}"
#define RUN1   "1111111111111111111111111111111111111111"
#define RUN2   "2222222222222222222222222222222222222222"
#define LEASE  "3000"
#define RANDOM "aaaaaaaaaaaaaaaaaaaaaaaa"

static const char *join(struct store *store, const char *host)
{
	return text(RUN(store, NODE_JOIN, NODES, "presence", host, "2", LEASE, RANDOM, RUN1));
}

static struct answer renew(struct store *store, const char *node, const char *known, const char *node_state)
{
	return RUN(store, NODE_RENEW, NODES, node, LEASE, known, RUN1, node_state);
}

static struct answer bury(struct store *store, const char *own)
{
	return RUN(store, NODE_BURY, NODES, own, LONG, LEASE, RUN1);
}

/* As if its last renewal had been long ago, and everybody else had been renewing since. */
static void fall_silent(struct store *store, const char *node)
{
	DO(store, "ZADD", LEASES, "1", node);
	DO(store, "HDEL", NODES, "amnesty");
}

static const char *state_of(struct store *store, const char *node)
{
	struct str rest = str_of(field(store, NODES, node)), part = STR_NULL;

	if (rest.n == 0)
		return "(gone)";
	for (int i = 0; i < 4 && str_split(&rest, '|', &part); i++)
		;
	return text_of(store, STR_FMT, STR_ARG(part));
}

static int64_t amnesty_in_ms(struct store *store)
{
	return number(DO(store, "HGET", NODES, "amnesty")) - store_now_us(store) / 1000;
}

/* ---- joining ---- */

static void test_ids_rise_and_are_never_given_twice(void **state)
{
	struct store *store = *state;
	const char *last = "";

	for (int i = 0; i < 300; i++) {
		const char *id = join(store, "a");

		assert_int_equal(strlen(id), 34);
		assert_true(str_starts(str_of(id), STR("ND")) &&
			    str_ends(str_of(id), str_skip(STR(RANDOM), 4)));
		assert_true(strcmp(id, last) > 0);
		last = id;
		if (i % 2)
			RUN(store, NODE_LEAVE, NODES, id);
	}
}

static void test_ids_rise_though_the_store_has_lost_everything(void **state)
{
	struct store *store = *state;
	const char *before = join(store, "a");
	const int64_t ms = store_now_us(store) / 1000;

	while (store_now_us(store) / 1000 == ms)
		;
	DO(store, "FLUSHALL");
	assert_true(strncmp(join(store, "a"), before, strlen("ND000000000000")) > 0);
}

static void test_who_joins_is_alive_with_a_lease(void **state)
{
	struct store *store = *state;
	const char *id = join(store, "host-1");
	const int64_t lease = number(DO(store, "ZSCORE", LEASES, id)) - store_now_us(store) / 1000;

	assert_string_equal(field(store, NODES, id), "presence|host-1|2|alive||0");
	assert_true(lease > 0 && lease <= 3000);
	assert_keys(store, "[" LEASES "," NODES "]");
}

/* A label is the operator's; whatever stands in it, the table stays readable. */
static void test_a_label_cannot_spoil_the_table(void **state)
{
	struct store *store = *state;
	const char *id = join(store, "rack|1|dead");

	assert_string_equal(state_of(store, id), "alive");
	assert_string_equal(text(item(renew(store, id, "0", "alive"), 0)), "ok");
	assert_string_equal(state_of(store, id), "alive");
}

/* ---- renewing ---- */

static void test_a_renewal_tells_what_has_changed(void **state)
{
	struct store *store = *state;
	const char *a = join(store, "a");
	struct answer told = renew(store, a, "0", "alive");
	const char *revision = text(item(told, 1));
	const char *b;

	assert_answer(store, told, text_of(store, "[ok,%s,-1,[%s,presence|a|2|alive||0]]", revision, a));
	assert_answer(store, renew(store, a, revision, "alive"), text_of(store, "[ok,%s,-1]", revision));

	b = join(store, "b");
	told = renew(store, a, revision, "alive");
	assert_int_equal(told.n, 3 + 2);
	revision = text(item(told, 1));
	renew(store, b, "0", "draining");
	assert_string_equal(state_of(store, b), "draining");
	told = renew(store, a, revision, "alive");
	assert_int_equal(told.n, 3 + 2);
	revision = text(item(told, 1));
	RUN(store, NODE_LEAVE, NODES, b);
	assert_int_equal(renew(store, a, revision, "alive").n, 3 + 1);
	assert_answer(store, DO(store, "ZRANGE", LEASES, "0", "-1"), text_of(store, "[%s]", a));
}

static void test_a_renewal_tells_when_somebody_may_be_dead(void **state)
{
	struct store *store = *state;
	const char *a = join(store, "a"), *b = join(store, "b");
	int64_t in_ms = number(item(renew(store, b, "0", "alive"), 2));

	assert_true(in_ms > 3000 && in_ms <= 4000); /* the amnesty of the beginning */
	fall_silent(store, a);
	assert_int_equal(number(item(renew(store, b, "0", "alive"), 2)), 0);
	DO(store, "ZADD", LEASES, text_of(store, "%lld", (long long)store_now_us(store) / 1000 + 2000), a);
	in_ms = number(item(renew(store, b, "0", "alive"), 2));
	assert_true(in_ms > 1000 && in_ms <= 2000);
	/* who is the next itself has nobody to wait for */
	DO(store, "ZADD", LEASES, text_of(store, "%lld", (long long)store_now_us(store) / 1000 + 9000), a);
	assert_int_equal(number(item(renew(store, b, "0", "alive"), 2)), -1);
}

static void test_who_is_not_in_the_table_is_told_so(void **state)
{
	struct store *store = *state;
	const char *a = join(store, "a");

	RUN(store, NODE_LEAVE, NODES, a);
	assert_answer(store, renew(store, a, "0", "alive"), "[buried,0,-1]");
	assert_int_equal(number(DO(store, "EXISTS", LEASES)), 0);
}

/* ---- burying ---- */

static void test_a_silent_node_is_buried_and_reaped_by_one(void **state)
{
	struct store *store = *state;
	const char *a = join(store, "a"), *b = join(store, "b"), *c = join(store, "c");

	fall_silent(store, a);
	assert_answer(store, bury(store, b), text_of(store, "[%s]", a));
	assert_string_equal(state_of(store, a), "dead");
	assert_answer(store, bury(store, c), "[]"); /* b is at it */
	assert_answer(store, renew(store, a, "0", "alive"), "[buried,0,-1]");
	assert_string_equal(state_of(store, a), "dead");
	assert_answer(store, DO(store, "ZCOUNT", LEASES, "-inf", "+inf"), "2");

	RUN(store, NODE_LEAVE, NODES, a);
	assert_answer(store, bury(store, c), "[]");
	assert_string_equal(state_of(store, a), "(gone)");
}

static void test_a_reaper_that_died_is_succeeded(void **state)
{
	struct store *store = *state;
	const char *a = join(store, "a"), *b = join(store, "b"), *c = join(store, "c");

	fall_silent(store, a);
	assert_answer(store, RUN(store, NODE_BURY, NODES, b, "0", LEASE, RUN1), text_of(store, "[%s]", a));
	assert_answer(store, bury(store, c), text_of(store, "[%s]", a));
	assert_answer(store, bury(store, b), "[]");
}

static void test_a_lease_that_runs_is_respected(void **state)
{
	struct store *store = *state;
	const char *a = join(store, "a"), *b = join(store, "b");

	DO(store, "HDEL", NODES, "amnesty");
	assert_answer(store, bury(store, b), "[]");
	assert_string_equal(state_of(store, a), "alive");
}

/* It may be about to renew; but if it dies now, its lease has to be there for others to find. */
static void test_nobody_buries_itself(void **state)
{
	struct store *store = *state;
	const char *a = join(store, "a"), *b = join(store, "b");

	fall_silent(store, a);
	assert_answer(store, bury(store, a), "[]");
	assert_string_equal(state_of(store, a), "alive");
	assert_answer(store, bury(store, b), text_of(store, "[%s]", a));
}

static void test_many_that_died_at_once_are_shared_out(void **state)
{
	struct store *store = *state;
	const char *own = join(store, "own");
	size_t reaped = 0;

	for (int i = 0; i < 20; i++)
		fall_silent(store, join(store, "x"));
	for (int i = 0; i < 20 && reaped < 20; i++) {
		const struct answer ids = bury(store, own);

		assert_true(ids.n <= 4);
		reaped += ids.n;
	}
	assert_int_equal(reaped, 20);
	assert_answer(store, bury(store, own), "[]");
}

/* ---- amnesty ---- */

static void test_after_a_gap_nobody_is_buried_for_a_while(void **state)
{
	struct store *store = *state;
	const char *a = join(store, "a"), *b = join(store, "b");
	int64_t in_ms;

	renew(store, b, "0", "alive");
	fall_silent(store, a);
	DO(store, "HSET", NODES, "seen",
	   text_of(store, "%lld", (long long)store_now_us(store) / 1000 - 2000));
	assert_answer(store, bury(store, b), "[]");
	in_ms = amnesty_in_ms(store);
	assert_true(in_ms > 3000 && in_ms <= 4000);
	assert_answer(store, bury(store, b), "[]");
	/* everybody had time to renew; who did not is dead */
	DO(store, "HSET", NODES, "amnesty", "1");
	assert_answer(store, bury(store, b), text_of(store, "[%s]", a));
}

static void test_another_redis_is_a_gap(void **state)
{
	struct store *store = *state;
	const char *a = join(store, "a"), *b = join(store, "b");

	fall_silent(store, a);
	assert_answer(store, RUN(store, NODE_BURY, NODES, b, LONG, LEASE, RUN2), "[]");
	assert_true(amnesty_in_ms(store) > 3000);
	assert_string_equal(field(store, NODES, "run"), RUN2);
	fall_silent(store, a);
	assert_answer(store, RUN(store, NODE_BURY, NODES, b, LONG, LEASE, RUN2), text_of(store, "[%s]", a));
}

static void test_ordinary_renewals_bring_no_amnesty(void **state)
{
	struct store *store = *state;
	const char *a = join(store, "a");

	DO(store, "HSET", NODES, "amnesty", "7");
	for (int i = 0; i < 5; i++)
		renew(store, a, "0", "alive");
	assert_string_equal(field(store, NODES, "amnesty"), "7");
}

/* ---- inboxes ---- */

static void test_the_inbox_of_a_worker_that_is_gone_dies_of_itself(void **state)
{
	struct store *store = *state;

	RUN(store, INBOX_SEND, "in:ND.0", "{\"to\":\"x\"}", "20000", "600000");
	assert_answer(store, item(item(item(DO(store, "XREAD", "STREAMS", "in:ND.0", "0"), 0), 1), 0).item[1],
		      "[m,{\"to\":\"x\"}]");
	assert_true(lives_for_ms(store, "in:ND.0") > 500000);
	DO(store, "XTRIM", "in:ND.0", "MAXLEN", "0");
	assert_true(lives_for_ms(store, "in:ND.0") > 500000);
}

static void test_an_inbox_that_nobody_reads_is_bounded(void **state)
{
	struct store *store = *state;

	for (int i = 0; i < 1000; i++)
		RUN(store, INBOX_SEND, "in:ND.0", "{}", "100", "600000");
	assert_in_range(number(DO(store, "XLEN", "in:ND.0")), 100, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_ids_rise_and_are_never_given_twice),
		STORE_TEST(test_ids_rise_though_the_store_has_lost_everything),
		STORE_TEST(test_who_joins_is_alive_with_a_lease),
		STORE_TEST(test_a_label_cannot_spoil_the_table),
		STORE_TEST(test_a_renewal_tells_what_has_changed),
		STORE_TEST(test_a_renewal_tells_when_somebody_may_be_dead),
		STORE_TEST(test_who_is_not_in_the_table_is_told_so),
		STORE_TEST(test_a_silent_node_is_buried_and_reaped_by_one),
		STORE_TEST(test_a_reaper_that_died_is_succeeded),
		STORE_TEST(test_a_lease_that_runs_is_respected),
		STORE_TEST(test_nobody_buries_itself),
		STORE_TEST(test_many_that_died_at_once_are_shared_out),
		STORE_TEST(test_after_a_gap_nobody_is_buried_for_a_while),
		STORE_TEST(test_another_redis_is_a_gap),
		STORE_TEST(test_ordinary_renewals_bring_no_amnesty),
		STORE_TEST(test_the_inbox_of_a_worker_that_is_gone_dies_of_itself),
		STORE_TEST(test_an_inbox_that_nobody_reads_is_bounded),
	};

	return cmocka_run_group_tests(tests, store_group_set_up, store_group_tear_down);
}
