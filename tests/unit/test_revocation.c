/* test_revocation.c - what was revoked, as two workers know it over one real Redis: which
 * tokens it covers, what is read after a notice, and what holds while notices are lost.
 */
#include "tests/unit/account_fixture.h"

#include "common/base/clock.h"
#include "common/model/revocation.h"

#define SET	  "rv:{" AC "}"
#define OTHER_KEY "SK00000000000000000000000000000002"

/* ---- one revocation, one look ---- */

static struct revocation written;

static void note_revoked(struct bench *bench, enum revocation_kind kind, const char *id, const char *expected)
{
	const struct heard before = heard(bench);

	written = (struct revocation){ .kind = kind, .id = str_of(id) };
	revocation_put(bench->there.accounts, begin(bench, &bench->there), sid_of(AC), &written,
		       STEP(on_done));
	if (strcmp(expected, "ok end") == 0)
		await_change(bench, &bench->there, before);
	else
		scene_await(&bench->scene, expected);
}

static void on_found(struct flow *flow, void *arg, const struct revoked *revoked, bool was_cached)
{
	scene_note(flow->owner, "%s%s", revoked_has(revoked, arg) ? "revoked" : "good",
		   was_cached ? " cached" : "");
	flow_done(flow);
}

static struct token_facts token(const char *id, const char *identity, const char *key, uint64_t issued_at_s)
{
	return (struct token_facts){
		.account = sid_of(AC),
		.key = sid_of(key),
		.id = str_of(id),
		.identity = str_of(identity),
		.issued_at_s = issued_at_s,
	};
}

static void look(struct bench *bench, struct token_facts facts, const char *expected)
{
	revocations_load(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), "look", on_found,
			 &facts);
	scene_await(&bench->scene, expected);
}

static uint64_t second_of(int64_t at_us)
{
	return (uint64_t)(at_us / 1000000);
}

/* Written behind everybody's back. */
static void put(struct bench *bench, const char *subject, int64_t at_us)
{
	char command[256];

	snprintf(command, sizeof(command), "ZADD " SET " %lld %s", (long long)at_us, subject);
	redis_server_do(&bench->server, command);
}

static int64_t now_us(void)
{
	return (int64_t)clock_wall_ms() * 1000;
}

/* ---- what is covered ---- */

static void test_a_token_goes_by_its_id_whenever_it_was_issued(void **state)
{
	struct bench *bench = *state;
	const uint64_t later = clock_wall_s() + 3600;

	note_revoked(bench, REVOKE_TOKEN, "one", "ok end");
	look(bench, token("one", "alice", KEY, later), "revoked end");
	look(bench, token("one", "bob", OTHER_KEY, 0), "revoked cached end");
	look(bench, token("two", "alice", KEY, 0), "good cached end");
	look(bench, token("on", "one", KEY, 0), "good cached end");
}

static void test_an_identity_and_a_key_end_what_was_issued_until_that_second(void **state)
{
	struct bench *bench = *state;

	note_revoked(bench, REVOKE_IDENTITY, "alice", "ok end");
	look(bench, token("t", "alice", KEY, second_of(written.at_us)), "revoked end");
	look(bench, token("t", "alice", KEY, second_of(written.at_us) - 3600), "revoked cached end");
	look(bench, token("t", "alice", KEY, 0), "revoked cached end");
	look(bench, token("t", "alice", KEY, second_of(written.at_us) + 1), "good cached end");
	look(bench, token("t", "alic", KEY, 0), "good cached end");

	note_revoked(bench, REVOKE_KEY, KEY, "ok end");
	look(bench, token("t", "bob", KEY, second_of(written.at_us)), "revoked end");
	look(bench, token("t", "bob", KEY, second_of(written.at_us) + 1), "good cached end");
	look(bench, token("t", "bob", OTHER_KEY, 0), "good cached end");
	look(bench, token("t", "bob", "", 0), "good cached end");
}

static void test_what_is_revoked_again_counts_from_then(void **state)
{
	struct bench *bench = *state;
	const uint64_t then = clock_wall_s() - 600;

	put(bench, "i|alice", (int64_t)then * 1000000);
	look(bench, token("t", "alice", KEY, then + 1), "good end");
	note_revoked(bench, REVOKE_IDENTITY, "alice", "ok end");
	look(bench, token("t", "alice", KEY, then + 1), "revoked end");
}

static void test_another_account_is_not_concerned(void **state)
{
	struct bench *bench = *state;
	struct token_facts facts = token("t", "alice", KEY, 0);

	note_revoked(bench, REVOKE_IDENTITY, "alice", "ok end");
	revocations_load(bench->here.accounts, begin(bench, &bench->here), sid_of(OTHER), "look", on_found,
			 &facts);
	scene_await(&bench->scene, "good end");
}

static void test_a_revocation_ends_when_no_token_can_live_that_long(void **state)
{
	struct bench *bench = *state;
	const int64_t day_us = INT64_C(1000000) * REVOCATION_KEPT_S;

	put(bench, "i|alice", now_us() - day_us - 1000000);
	put(bench, "i|bob", now_us() - day_us + 60000000);
	look(bench, token("t", "alice", KEY, 0), "good end");
	look(bench, token("t", "bob", KEY, 0), "revoked cached end");
	note_revoked(bench, REVOKE_TOKEN, "one", "ok end");
	assert_string_equal(redis_server_do(&bench->server, "ZCARD " SET), ":2\r\n");
	look(bench, token("t", "bob", KEY, 0), "revoked end");
	look(bench, token("one", "alice", KEY, 0), "revoked cached end");
}

/* ---- what is read ---- */

static void test_times_only_grow_however_the_clock_goes(void **state)
{
	struct bench *bench = *state;
	const int64_t ahead = now_us() + 3600000000;

	put(bench, "i|alice", ahead);
	look(bench, token("t", "bob", KEY, 0), "good end");
	note_revoked(bench, REVOKE_IDENTITY, "bob", "ok end");
	assert_true(written.at_us == ahead + 1);
	look(bench, token("t", "bob", KEY, 0), "revoked end");
}

/* What is known is not read again: it is still there when the store has lost it. */
static void test_after_a_notice_only_what_is_new_is_read(void **state)
{
	struct bench *bench = *state;

	note_revoked(bench, REVOKE_IDENTITY, "alice", "ok end");
	look(bench, token("t", "alice", KEY, 0), "revoked end");
	redis_server_do(&bench->server, "ZREM " SET " i|alice");
	note_revoked(bench, REVOKE_IDENTITY, "bob", "ok end");
	look(bench, token("t", "alice", KEY, 0), "revoked end");
	look(bench, token("t", "bob", KEY, 0), "revoked cached end");
}

static void drop_subscription(struct bench *bench)
{
	redis_server_do(&bench->server, "CLIENT KILL TYPE pubsub");
	await(bench, is_unsubscribed, &bench->here);
}

static void test_without_notices_redis_is_asked_each_time(void **state)
{
	struct bench *bench = *state;

	look(bench, token("t", "alice", KEY, 0), "good end");
	drop_subscription(bench);
	put(bench, "i|alice", now_us());
	look(bench, token("t", "alice", KEY, 0), "revoked end");
}

static void test_after_a_gap_all_is_read_again(void **state)
{
	struct bench *bench = *state;

	note_revoked(bench, REVOKE_IDENTITY, "alice", "ok end");
	look(bench, token("t", "alice", KEY, 0), "revoked end");
	/* one that is older than what is known: a store that was restored */
	put(bench, "i|bob", now_us() - 60000000);
	look(bench, token("t", "bob", KEY, 0), "good cached end");
	drop_subscription(bench);
	await(bench, is_subscribed, &bench->here);
	look(bench, token("t", "bob", KEY, 0), "revoked end");
}

/* A read that a gap overtakes brings only the end of what there is: it is done anew. */
static void test_a_gap_while_it_is_read(void **state)
{
	struct bench *bench = *state;
	struct token_facts facts = token("t", "alice", KEY, 0);

	note_revoked(bench, REVOKE_IDENTITY, "alice", "ok end");
	look(bench, token("t", "bob", KEY, 0), "good end");
	accounts_forget(bench->here.accounts, STR(AC));
	revocations_load(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), "look", on_found,
			 &facts);
	revocations_forget_all(bench->here.accounts->revocations);
	scene_await(&bench->scene, "revoked end");
}

static void test_store_away_is_an_error_and_no_answer(void **state)
{
	struct bench *bench = *state;
	struct token_facts facts = token("t", "alice", KEY, 0);

	redis_server_kill(&bench->server);
	await(bench, is_unsubscribed, &bench->here);
	revocations_load(bench->here.accounts, begin(bench, &bench->here), sid_of(AC), "look", on_found,
			 &facts);
	scene_await(&bench->scene, "STORE_DOWN end");
}

/* ---- bounds, lists ---- */

static void fill(struct bench *bench, int n)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "EVAL \"for i = 1, %d do redis.call('ZADD', KEYS[1], %lld + i, 't|token' .. i) end\" 1 " SET,
		 n, (long long)now_us() - 1000000);
	redis_server_do(&bench->server, command);
}

static void test_an_account_holds_so_many(void **state)
{
	struct bench *bench = *state;

	fill(bench, REVOCATIONS_MAX);
	note_revoked(bench, REVOKE_IDENTITY, "alice", "CONFLICT end");
	note_revoked(bench, REVOKE_TOKEN, "token7", "ok end");
	look(bench, token("token1", "alice", KEY, 0), "revoked end");
	look(bench, token("t", "alice", KEY, 0), "good cached end");
}

static void test_listed_newest_first_page_by_page(void **state)
{
	struct bench *bench = *state;
	struct revocation_page page;
	int64_t before_us = 0;

	fill(bench, 5);
	for (int next = 5; next > 0; next -= 2) {
		revocations_list(begin(bench, &bench->here), sid_of(AC), before_us, 2, &page, STEP(on_done));
		scene_await(&bench->scene, "ok end");
		assert_int_equal(page.n, MIN(next, 2));
		assert_int_equal(page.more, next > 2);
		for (int i = 0; i < (int)page.n; i++) {
			char id[16];

			snprintf(id, sizeof(id), "token%d", next - i);
			assert_int_equal(page.items[i].kind, REVOKE_TOKEN);
			assert_str_equal(page.items[i].id, id);
		}
		before_us = page.items[page.n - 1].at_us;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_a_token_goes_by_its_id_whenever_it_was_issued),
		BENCH_TEST(test_an_identity_and_a_key_end_what_was_issued_until_that_second),
		BENCH_TEST(test_what_is_revoked_again_counts_from_then),
		BENCH_TEST(test_another_account_is_not_concerned),
		BENCH_TEST(test_a_revocation_ends_when_no_token_can_live_that_long),
		BENCH_TEST(test_times_only_grow_however_the_clock_goes),
		BENCH_TEST(test_after_a_notice_only_what_is_new_is_read),
		BENCH_TEST(test_without_notices_redis_is_asked_each_time),
		BENCH_TEST(test_after_a_gap_all_is_read_again),
		BENCH_TEST(test_a_gap_while_it_is_read),
		BENCH_TEST(test_store_away_is_an_error_and_no_answer),
		BENCH_TEST(test_an_account_holds_so_many),
		BENCH_TEST(test_listed_newest_first_page_by_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
