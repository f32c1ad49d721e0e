/* test_scripts_call.c - a call's record: made once, committed by its owner only, taken over when it is late. */
#include "tests/unit/call_records.h"

static void test_a_call_is_made_once(void **state)
{
	struct store *store = *state;
	const struct answer made = create(store);
	const char *before = record(store);

	assert_int_equal(number(DO(store, "HGET", RECORD, "created")), number(made));
	assert_string_equal(before, text_of(store,
					    "[ac=" AC ",att=0,cdev=" CALLER
					    ",ck=device,created=%s,fence=1,from=client:a,"
					    "legs=0,own=" OWNER ",rev=1,st=new,v=1]",
					    text(made)));
	assert_between(due_in_ms(store), -9000, 1000);
	assert_answer(store, DO(store, "ZRANGE", LIST, "0", "-1", "WITHSCORES"),
		      text_of(store, "[" CALL ",%s]", text(made)));
	assert_int_equal(number(DO(store, "LLEN", TRACE)), 1);

	assert_answer(store, RUN(store, CALL_CREATE, RECORD, AC, OTHER, LINE, "from", "client:b"), "0");
	assert_string_equal(record(store), before);
	assert_int_equal(number(DO(store, "LLEN", TRACE)), 1);
	assert_keys(store, "[" DUE "," RECORD "," LIST "," TRACE "]");
}

static void test_a_reader_gets_all_of_it_and_the_time(void **state)
{
	struct store *store = *state;
	struct answer read = RUN(store, CALL_READ, RECORD);

	assert_int_equal(item(read, 1).n, 0);
	create(store);
	read = RUN(store, CALL_READ, RECORD);
	assert_between(store_now_us(store) / 1000 - number(item(read, 0)), 0, 10000);
	assert_int_equal(item(read, 1).n, 2 * number(DO(store, "HLEN", RECORD)));
}

static void test_a_commit_is_all_or_nothing(void **state)
{
	struct store *store = *state;
	const char *before;

	create(store);
	before = record(store);
	assert_answer(store, commit(store, "1", "2", "5000", RETAINED, "st", "fetch"), "[stale]");
	assert_answer(store, commit(store, "2", "1", "5000", RETAINED, "st", "fetch"), "[stale]");
	assert_answer(store, commit(store, "", "", "5000", RETAINED, "st", "fetch"), "[stale]");
	assert_string_equal(record(store), before);
	assert_int_equal(lives_for_ms(store, RECORD), -1);
	assert_between(due_in_ms(store), -9000, 1000);

	DO(store, "DEL", RECORD);
	assert_answer(store, commit(store, "1", "1", "5000", RETAINED, "st", "fetch"), "[stale]");
	assert_int_equal(lives_for_ms(store, RECORD), -2);
}

static void test_a_commit_writes_fields_times_trace_and_callbacks(void **state)
{
	struct store *store = *state;
	struct answer done;

	create(store);
	done = RUN(store, CALL_COMMIT, RECORD, "1", "1", "70000", "", /**/
		   "3", "st", "ringing", "@until", "20000", "x", "",  /**/
		   "2", "first", "second",			      /**/
		   CALL, "{\"n\":0}", LEG1, "{\"n\":1}", CALL, "{\"n\":2}");
	assert_string_equal(text(item(done, 0)), "ok");
	assert_int_equal(number(item(done, 1)), 2);
	assert_string_equal(field(store, RECORD, "rev"), "2");
	assert_string_equal(field(store, RECORD, "st"), "ringing");
	assert_int_equal(number(DO(store, "HGET", RECORD, "until")), number(item(done, 2)) + 20000);
	assert_between(due_in_ms(store), 60000, 70000);
	assert_int_equal(number(DO(store, "LLEN", TRACE)), 3);
	assert_true(strstr(line_of(store, DO(store, "LRANGE", TRACE, "1", "2")), " first,") != NULL);

	assert_answer(store, DO(store, "LRANGE", "o:{c0}:" CALL, "0", "-1"), "[{\"n\":0},{\"n\":2}]");
	assert_answer(store, DO(store, "LRANGE", "o:{c0}:" LEG1, "0", "-1"), "[{\"n\":1}]");
	assert_answer(store, DO(store, "ZRANGE", "O:{c0}", "0", "-1", "WITHSCORES"),
		      text_of(store, "[" CALL ",%s," LEG1 ",%s]", text(item(done, 2)), text(item(done, 2))));
}

static void test_a_commit_says_when_to_look_again(void **state)
{
	struct store *store = *state;

	create(store);
	commit(store, "1", "1", "60000", "", "x", "1");
	assert_between(due_in_ms(store), 50000, 60000);
	commit(store, "1", "2", "", "", "x", "2");
	assert_between(due_in_ms(store), 50000, 60000);
	commit(store, "1", "3", "-1", "", "x", "3");
	assert_true(due_in_ms(store) == NOT_DUE);
	commit(store, "1", "4", "0", "", "x", "4");
	assert_between(due_in_ms(store), -10000, 0);
}

/* Every key that a call leaves behind goes by itself; the list with the last call that is in it. */
static void test_nothing_of_a_call_is_kept_for_ever(void **state)
{
	struct store *store = *state;

	create(store);
	assert_true(lives_for_ms(store, LIST) > LONG_MS);
	tell(store, "control", "0", "", "completed", "");
	end_call(store);
	assert_between(lives_for_ms(store, RECORD), 1, 50000);
	assert_between(lives_for_ms(store, TRACE), 1, 50000);
	assert_true(lives_for_ms(store, LIST) >= 40000);
	assert_keys(store, "[" RECORD "," LIST "," TRACE "]");

	/* as long as a call lives its entry stays in the list, whatever ended meanwhile */
	DO(store, "FLUSHALL");
	create(store);
	DO(store, "PEXPIRE", LIST, "100");
	end_call(store);
	assert_answer(store, DO(store, "ZRANGE", LIST, "0", "-1"), "[" CALL "]");
	assert_true(lives_for_ms(store, LIST) >= 40000);
}

static void test_the_list_of_calls_forgets_what_can_no_longer_be_read(void **state)
{
	struct store *store = *state;
	const int64_t two_days_ago_ms = store_now_us(store) / 1000 - INT64_C(48) * 3600000;

	create(store);
	DO(store, "ZADD", LIST, text_of(store, "%lld", (long long)two_days_ago_ms - 51000), "old", /**/
	   text_of(store, "%lld", (long long)two_days_ago_ms - 40000), "long");
	end_call(store);
	assert_answer(store, DO(store, "ZRANGE", LIST, "0", "-1"), "[long," CALL "]");
}

static void test_only_a_late_call_is_taken_over(void **state)
{
	struct store *store = *state;
	struct answer taken;

	create(store);
	assert_answer(store, RUN(store, CALL_TAKE, RECORD, OTHER, "250", LINE), "[no]");
	assert_answer(store, RUN(store, CALL_TAKE, RECORD, OTHER, "", LINE), "[no]");
	DO(store, "ZADD", DUE, "1", CALL);
	assert_answer(store, RUN(store, CALL_TAKE, RECORD, OTHER, "", LINE), "[no]");
	assert_string_equal(field(store, RECORD, "own"), OWNER);

	taken = RUN(store, CALL_TAKE, RECORD, OTHER, "250", LINE);
	assert_answer(store, taken, "[ok,2,2]");
	assert_string_equal(field(store, RECORD, "own"), OTHER);
	assert_between(due_in_ms(store), -9000, 1000);
	/* the next one to come finds it in time, and its old owner can write no more */
	assert_answer(store, RUN(store, CALL_TAKE, RECORD, OWNER, "250", LINE), "[no]");
	assert_answer(store, commit(store, "1", "2", "0", "", "x", "1"), "[stale]");
	assert_string_equal(text(item(commit(store, "2", "2", "0", "", "x", "1"), 0)), "ok");
}

static void test_a_call_that_nobody_has_to_look_at_is_not_taken(void **state)
{
	struct store *store = *state;

	create(store);
	commit(store, "1", "1", "-1", "", "st", "bridged");
	assert_answer(store, RUN(store, CALL_TAKE, RECORD, OTHER, "250", LINE), "[no]");
	DO(store, "DEL", RECORD);
	DO(store, "ZADD", DUE, "1", CALL);
	assert_answer(store, RUN(store, CALL_TAKE, RECORD, OTHER, "250", LINE), "[no]");
	assert_true(due_in_ms(store) == NOT_DUE);
	assert_int_equal(lives_for_ms(store, RECORD), -2);
}

static void test_a_call_that_was_let_go_goes_to_the_first_that_comes(void **state)
{
	struct store *store = *state;

	create(store);
	assert_answer(store, RUN(store, CALL_RELEASE, RECORD, OTHER, LINE), "0");
	assert_answer(store, RUN(store, CALL_RELEASE, RECORD, OWNER, LINE), "1");
	assert_between(due_in_ms(store), -10000, 0);
	assert_answer(store, commit(store, "1", "1", "0", "", "x", "1"), "[stale]");
	assert_answer(store, RUN(store, CALL_TAKE, RECORD, OTHER, "", LINE), "[ok,2,3]");
	assert_answer(store, RUN(store, CALL_TAKE, RECORD, OWNER, "", LINE), "[no]");
}

static void test_an_ended_call_is_not_let_go(void **state)
{
	struct store *store = *state;

	create(store);
	end_call(store);
	assert_answer(store, RUN(store, CALL_RELEASE, RECORD, OWNER, LINE), "0");
	assert_true(due_in_ms(store) == NOT_DUE);
	DO(store, "DEL", RECORD, TRACE);
	assert_answer(store, RUN(store, CALL_RELEASE, RECORD, OWNER, LINE), "0");
	assert_keys(store, "[" LIST "]");
}

static void test_an_owner_at_work_holds_its_call(void **state)
{
	struct store *store = *state;

	create(store);
	assert_answer(store, RUN(store, CALL_HOLD, RECORD, OWNER, "1", "60000"), "1");
	assert_between(due_in_ms(store), 50000, 60000);
	assert_answer(store, RUN(store, CALL_HOLD, RECORD, OTHER, "1", "90000"), "0");
	assert_answer(store, RUN(store, CALL_HOLD, RECORD, OWNER, "2", "90000"), "0");
	assert_between(due_in_ms(store), 50000, 60000);

	/* a hold that arrives after the end brings nobody back to the call */
	end_call(store);
	assert_answer(store, RUN(store, CALL_HOLD, RECORD, OWNER, "1", "60000"), "0");
	assert_true(due_in_ms(store) == NOT_DUE);
}

static void test_what_is_due_is_found_by_how_late_it_is(void **state)
{
	struct store *store = *state;
	const int64_t now_ms = store_now_us(store) / 1000;

	DO(store, "ZADD", DUE, text_of(store, "%lld", (long long)now_ms - 900000), "late", /**/
	   text_of(store, "%lld", (long long)now_ms - 100000), "later",			   /**/
	   text_of(store, "%lld", (long long)now_ms + 100000), "not yet");
	DO(store, "ZADD", "O:{c0}", text_of(store, "%lld", (long long)now_ms - 100000), "callback");
	assert_answer(store, RUN(store, CALLS_DUE, DUE, "0", "10"), "[[late,later],[callback]]");
	assert_answer(store, RUN(store, CALLS_DUE, DUE, "500000", "10"), "[[late],[]]");
	assert_answer(store, RUN(store, CALLS_DUE, DUE, "0", "1"), "[[late],[callback]]");
}

static void test_a_trace_has_an_end(void **state)
{
	struct store *store = *state;

	create(store);
	for (int i = 0; i < 600; i++)
		assert_string_equal(text(item(tell(store, "detach", "0", "", "", ""), 0)), "ok");
	assert_int_equal(number(DO(store, "LLEN", TRACE)), 500);
	assert_string_equal(field(store, RECORD, "rev"), "601");

	/* but a document of nothing but verbs leaves room for the end */
	store_set_up(state);
	create(store);
	for (int i = 0; i < 600; i++)
		RUN(store, CALL_EVENT, RECORD, "detach", "0", "", "", "", "{\"event\":\"verb\"}");
	assert_int_equal(number(DO(store, "LLEN", TRACE)), 450);
	end_call(store);
	tell(store, "detach", "0", "", "", "");
	RUN(store, CALL_COMMIT, RECORD, "1", field(store, RECORD, "rev"), "-1", RETAINED, "0", "1", LINE);
	assert_int_equal(number(DO(store, "LLEN", TRACE)), 451);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_a_call_is_made_once),
		STORE_TEST(test_a_reader_gets_all_of_it_and_the_time),
		STORE_TEST(test_a_commit_is_all_or_nothing),
		STORE_TEST(test_a_commit_writes_fields_times_trace_and_callbacks),
		STORE_TEST(test_a_commit_says_when_to_look_again),
		STORE_TEST(test_nothing_of_a_call_is_kept_for_ever),
		STORE_TEST(test_the_list_of_calls_forgets_what_can_no_longer_be_read),
		STORE_TEST(test_only_a_late_call_is_taken_over),
		STORE_TEST(test_a_call_that_nobody_has_to_look_at_is_not_taken),
		STORE_TEST(test_a_call_that_was_let_go_goes_to_the_first_that_comes),
		STORE_TEST(test_an_ended_call_is_not_let_go),
		STORE_TEST(test_an_owner_at_work_holds_its_call),
		STORE_TEST(test_what_is_due_is_found_by_how_late_it_is),
		STORE_TEST(test_a_trace_has_an_end),
	};

	return cmocka_run_group_tests(tests, store_group_set_up, store_group_tear_down);
}
