/* test_scripts_outbox.c - status callbacks: in order per subject, one deliverer at a time, never lost, not for ever. */
#include "tests/unit/call_records.h"

#define OUTBOX	 "o:{c0}:" CALL
#define SUBJECTS "O:{c0}"
#define TRIES	 "T:{c0}"
#define DEAD	 "z:{c0}:" AC

/* Callbacks as a commit lists them: subject, JSON, ... */
#define LIST_CALLBACKS(store, rev, ...)                                                                      \
	assert_string_equal(                                                                                 \
		text(item(RUN((store), CALL_COMMIT, RECORD, "1", (rev), "", "", "0", "0", __VA_ARGS__), 0)), \
		"ok")

static struct answer take(struct store *store, const char *key, const char *visible_ms)
{
	return RUN(store, OUTBOX_TAKE, key, visible_ms);
}

static const char *taken(struct answer answer)
{
	return answer.n == 4 ? text(item(answer, 0)) : answer.n == 2 ? "(another is at it)" : "(none)";
}

static struct answer settle(struct store *store, const char *entry, const char *how, const char *retry_ms)
{
	return RUN(store, OUTBOX_SETTLE, OUTBOX, entry, how, retry_ms, DEAD, "status");
}

static void test_callbacks_go_out_in_order_and_leave_nothing_behind(void **state)
{
	struct store *store = *state;

	create(store);
	LIST_CALLBACKS(store, "1", CALL, "a", CALL, "b");
	LIST_CALLBACKS(store, "2", CALL, "c");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "a");
	assert_answer(store, settle(store, "a", "done", "0"), "2");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "b");
	assert_answer(store, settle(store, "b", "done", "0"), "1");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "c");
	assert_answer(store, settle(store, "c", "done", "0"), "0");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "(none)");
	assert_keys(store, "[" DUE "," RECORD "," LIST "," TRACE "]");
}

static void test_what_is_under_way_is_nobody_elses_until_its_time_is_over(void **state)
{
	struct store *store = *state;
	struct answer waits;

	create(store);
	LIST_CALLBACKS(store, "1", CALL, "a", CALL, "b");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "a");
	waits = take(store, OUTBOX, LONG);
	assert_string_equal(taken(waits), "(another is at it)");
	assert_between(number(item(waits, 1)), LONG_MS - 10000, LONG_MS);
	assert_answer(store, RUN(store, CALLS_DUE, DUE, "0", "10"), "[[],[]]");

	/* a new callback does not bring it forward */
	LIST_CALLBACKS(store, "2", CALL, "c");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "(another is at it)");
	/* who died over it is succeeded */
	DO(store, "ZADD", SUBJECTS, "1", CALL);
	assert_answer(store, RUN(store, CALLS_DUE, DUE, "0", "10"), "[[],[" CALL "]]");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "a");
}

#define GATEWAY_LEG "CA0000000000000000000000000a000001"

static void test_what_a_gateway_is_told_is_listed_once_and_counted(void **state)
{
	struct store *store = *state;
	const char *const outbox = "o:{c0}:g:" GATEWAY_LEG;

	assert_answer(store,
		      RUN(store, GATEWAY_TELL, RECORD, GATEWAY_LEG, "1", "ring", "ring", "5000", AC, "{}"),
		      "[]");
	create(store);
	assert_string_equal(text(item(RUN(store, GATEWAY_TELL, RECORD, GATEWAY_LEG, "1", "ring", "ring",
					  "5000", AC, "{a|b}"),
				      0)),
			    OWNER);
	assert_answer(store,
		      RUN(store, GATEWAY_TELL, RECORD, GATEWAY_LEG, "1", "ring", "ring", "5000", AC, "{}"),
		      "[]");
	(void)RUN(store, GATEWAY_TELL, RECORD, GATEWAY_LEG, "1", "candidate", "", "5000", AC, "{}");
	(void)RUN(store, GATEWAY_TELL, RECORD, GATEWAY_LEG, "1", "candidate", "", "5000", AC, "{}");
	assert_answer(store, RUN(store, CALLS_DUE, DUE, "0", "10"), "[[],[g:" GATEWAY_LEG "]]");
	assert_int_equal(number(DO(store, "LLEN", outbox)), 3);
}

static void test_a_failed_one_is_tried_again_before_the_next(void **state)
{
	struct store *store = *state;
	struct answer first, again;

	create(store);
	LIST_CALLBACKS(store, "1", CALL, "a", CALL, "b");
	first = take(store, OUTBOX, LONG);
	assert_int_equal(number(item(first, 1)), 1);
	assert_int_equal(number(item(first, 2)), number(item(first, 3)));
	assert_answer(store, settle(store, "a", "retry", LONG), "2");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "(another is at it)");

	DO(store, "ZADD", SUBJECTS, "1", CALL);
	again = take(store, OUTBOX, LONG);
	assert_string_equal(taken(again), "a");
	assert_int_equal(number(item(again, 1)), 2);
	assert_string_equal(text(item(again, 2)), text(item(first, 2))); /* since when it has been tried */
	settle(store, "a", "done", "0");
	assert_int_equal(number(item(take(store, OUTBOX, LONG), 1)), 1); /* the next one begins anew */
}

static void test_who_is_too_late_settles_nothing(void **state)
{
	struct store *store = *state;

	create(store);
	LIST_CALLBACKS(store, "1", CALL, "a", CALL, "b");
	take(store, OUTBOX, "0");
	take(store, OUTBOX, "0"); /* a successor */
	assert_answer(store, settle(store, "a", "done", "0"), "1");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "b");
	assert_answer(store, settle(store, "a", "done", "0"), "0");
	assert_answer(store, settle(store, "a", "retry", "0"), "0");
	assert_answer(store, settle(store, "a", "dead", "0"), "0");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "(another is at it)");
	assert_int_equal(number(DO(store, "LLEN", OUTBOX)), 1);
	assert_int_equal(number(DO(store, "EXISTS", DEAD)), 0);
}

static void test_subjects_do_not_wait_for_each_other(void **state)
{
	struct store *store = *state;

	create(store);
	LIST_CALLBACKS(store, "1", CALL, "a", LEG1, "x", CALL, "b", LEG1, "y");
	assert_answer(store, RUN(store, CALLS_DUE, DUE, "0", "10"), "[[],[" CALL "," LEG1 "]]");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "a");
	assert_string_equal(taken(take(store, "o:{c0}:" LEG1, LONG)), "x");
	assert_answer(store, RUN(store, OUTBOX_SETTLE, "o:{c0}:" LEG1, "x", "done", "0", DEAD, ""), "1");
	assert_string_equal(taken(take(store, "o:{c0}:" LEG1, LONG)), "y");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "(another is at it)");
}

static void test_given_up_ones_are_kept_for_a_time(void **state)
{
	struct store *store = *state;
	struct answer letters;

	create(store);
	LIST_CALLBACKS(store, "1", CALL, "a", CALL, "b");
	take(store, OUTBOX, LONG);
	assert_answer(store, settle(store, "a", "dead", "0"), "1");
	letters = DO(store, "XRANGE", DEAD, "-", "+");
	assert_int_equal(letters.n, 1);
	assert_answer(store, item(item(letters, 0), 1), "[subject," CALL ",m,a,why,status,tries,1]");
	assert_between(lives_for_ms(store, DEAD) / 1000, 29 * 86400, 30 * 86400);
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "b");
	settle(store, "b", "dead", "0");
	assert_keys(store, "[" DUE "," RECORD "," LIST "," TRACE "," DEAD "]");
}

static void test_dead_letters_go_back_behind_what_waits(void **state)
{
	struct store *store = *state;
	struct answer letters;

	create(store);
	LIST_CALLBACKS(store, "1", CALL, "a", CALL, "b");
	for (int i = 0; i < 2; i++) {
		take(store, OUTBOX, LONG);
		settle(store, i ? "b" : "a", "dead", "0");
	}
	LIST_CALLBACKS(store, "2", CALL, "c");
	letters = DO(store, "XRANGE", DEAD, "-", "+");
	assert_answer(store,
		      RUN(store, DEAD_LETTERS_REPLAY, DEAD, text(item(item(letters, 1), 0)),
			  text(item(item(letters, 1), 0)), "1"),
		      "[1,1]");
	assert_answer(store, RUN(store, DEAD_LETTERS_REPLAY, DEAD, "-", "+", "10"), "[1,0]");
	assert_answer(store, RUN(store, DEAD_LETTERS_REPLAY, DEAD, "-", "+", "10"), "[0,0]");
	assert_answer(store, DO(store, "LRANGE", OUTBOX, "0", "-1"), "[c,b,a]");
}

/* Who is tried already stays so: a replay does not make him due. */
static void test_a_replay_does_not_overtake_a_delivery(void **state)
{
	struct store *store = *state;

	create(store);
	LIST_CALLBACKS(store, "1", CALL, "a", CALL, "b");
	take(store, OUTBOX, LONG);
	settle(store, "a", "dead", "0");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "b");
	assert_answer(store, RUN(store, DEAD_LETTERS_REPLAY, DEAD, "-", "+", "10"), "[1,0]");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "(another is at it)");
	assert_answer(store, settle(store, "b", "done", "0"), "1");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "a");
}

static void test_no_more_go_back_than_were_asked_for(void **state)
{
	struct store *store = *state;

	create(store);
	LIST_CALLBACKS(store, "1", CALL, "a", LEG1, "x", CALL, "b");
	take(store, OUTBOX, LONG);
	settle(store, "a", "dead", "0");
	take(store, OUTBOX, LONG);
	settle(store, "b", "dead", "0");
	assert_answer(store, RUN(store, DEAD_LETTERS_REPLAY, DEAD, "-", "+", "1"), "[1,1]");
	assert_string_equal(taken(take(store, OUTBOX, LONG)), "a");
}

/* A list that is gone, by whatever accident, is not looked for again and again. */
static void test_a_subject_without_callbacks_is_forgotten(void **state)
{
	struct store *store = *state;

	create(store);
	LIST_CALLBACKS(store, "1", CALL, "a");
	take(store, OUTBOX, LONG);
	DO(store, "DEL", OUTBOX);
	assert_answer(store, take(store, OUTBOX, LONG), "[]");
	assert_int_equal(number(DO(store, "EXISTS", SUBJECTS, TRIES)), 0);
}

/* Deliverers that come, fail, die and come late: every callback arrives, first times in order. */
static void test_every_callback_arrives_in_order_whoever_delivers(void **state)
{
	enum { CALLBACKS = 30, WORKERS = 3 };
	struct store *store = *state;
	uint64_t seed = 42;

	for (int run = 0; run < 20; run++) {
		const char *at_work[WORKERS] = { NULL };
		int listed = 0, arrived = 0;

		store_set_up(state);
		create(store);
		while (arrived < CALLBACKS) {
			const unsigned w = random_below(&seed, WORKERS);
			const unsigned what = random_below(&seed, 6);

			if (what < 2 && listed < CALLBACKS) {
				listed++;
				LIST_CALLBACKS(store, text_of(store, "%d", listed), CALL,
					       text_of(store, "%d", listed - 1));
			} else if (!at_work[w]) {
				struct answer answer =
					take(store, OUTBOX, random_below(&seed, 3) ? LONG : "0");

				at_work[w] = answer.n == 4 ? text(item(answer, 0)) : NULL;
			} else if (what == 3) {
				at_work[w] = NULL; /* dies: its time is over some day */
				DO(store, "ZADD", SUBJECTS, "XX", "1", CALL);
			} else if (what == 4) {
				settle(store, at_work[w], "retry", "0");
				at_work[w] = NULL;
			} else {
				/* it may have arrived before, but none arrives before its predecessor */
				assert_true(atoi(at_work[w]) <= arrived);
				arrived = MAX(arrived, atoi(at_work[w]) + 1);
				settle(store, at_work[w], "done", "0");
				at_work[w] = NULL;
			}
		}
		while (strcmp(taken(take(store, OUTBOX, "0")), "(none)") != 0)
			settle(store, text_of(store, "%d", CALLBACKS - 1), "done", "0");
		assert_keys(store, "[" DUE "," RECORD "," LIST "," TRACE "]");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_callbacks_go_out_in_order_and_leave_nothing_behind),
		STORE_TEST(test_what_is_under_way_is_nobody_elses_until_its_time_is_over),
		STORE_TEST(test_what_a_gateway_is_told_is_listed_once_and_counted),
		STORE_TEST(test_a_failed_one_is_tried_again_before_the_next),
		STORE_TEST(test_who_is_too_late_settles_nothing),
		STORE_TEST(test_subjects_do_not_wait_for_each_other),
		STORE_TEST(test_given_up_ones_are_kept_for_a_time),
		STORE_TEST(test_dead_letters_go_back_behind_what_waits),
		STORE_TEST(test_a_replay_does_not_overtake_a_delivery),
		STORE_TEST(test_no_more_go_back_than_were_asked_for),
		STORE_TEST(test_a_subject_without_callbacks_is_forgotten),
		STORE_TEST(test_every_callback_arrives_in_order_whoever_delivers),
	};

	return cmocka_run_group_tests(tests, store_group_set_up, store_group_tear_down);
}
