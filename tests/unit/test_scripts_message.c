/* test_scripts_message.c - whom a message reaches: every device that takes messages, whatever it is doing. */
#include "tests/unit/presence_records.h"

static struct answer recipients(struct store *store, const char *dead)
{
	return RUN(store, RECIPIENTS, CLIENT, MESSAGE, dead);
}

/* Without its time: "[[DV..,ND..0]]", or the refusal as it is. */
static void assert_reached(struct store *store, struct answer answer, const char *expected)
{
	if (number(item(answer, 0)) > 0) {
		answer.item++;
		answer.n--;
	}
	assert_answer(store, answer, expected);
}

static void put(struct store *store, const char *dv, const char *status, const char *media)
{
	put_on_channel(store, dv, ND1, status, media);
}

static void test_why_a_device_gets_none(void **state)
{
	static const struct {
		const char *status, *media, *dead, *reason;
	} rows[] = {
		{ "dnd", "7", "", "[-1,dnd]" },
		{ "available", "3", "", "[-1,media]" },
		{ "available", "4", ND1, "[-1,offline]" },
	};
	struct store *store = *state;

	assert_reached(store, recipients(store, ""), "[-1,offline]");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		store_set_up(state);
		put(store, DV1, rows[i].status, rows[i].media);
		assert_reached(store, recipients(store, rows[i].dead), rows[i].reason);
	}
	store_set_up(state);
	put_by_lease(store, DV1, LONG);
	assert_reached(store, recipients(store, ""), "[-1,no_channel]");
}

static void test_whatever_a_client_does_it_can_be_written_to(void **state)
{
	struct store *store = *state;

	put(store, DV1, "away", "4");
	put(store, DV2, "busy", "5");
	(void)engage_own(store, CA1, DV2, LONG);
	assert_reached(store, recipients(store, ""), "[[" DV1 "," ND1 ".0],[" DV2 "," ND1 ".0]]");
}

static void test_nothing_is_taken_and_nothing_changes(void **state)
{
	struct store *store = *state;
	const char *line;

	put(store, DV1, "available", "5");
	line = field(store, CLIENT, "m");
	assert_reached(store, recipients(store, ""), "[[" DV1 "," ND1 ".0]]");
	assert_reached(store, recipients(store, ""), "[[" DV1 "," ND1 ".0]]");
	assert_string_equal(field(store, CLIENT, "m"), line);
	assert_string_equal(field(store, CLIENT, "k" DV1), "");
}

static void test_a_device_that_wants_no_disturbance_speaks_for_its_client(void **state)
{
	struct store *store = *state;

	put(store, DV1, "available", "4");
	put(store, DV2, "dnd", "1");
	assert_reached(store, recipients(store, ""), "[-1,dnd]");
}

static void test_a_device_has_to_have_what_is_required(void **state)
{
	struct store *store = *state;

	put(store, DV1, "available", "4");
	assert_reached(store, RUN(store, RECIPIENTS, CLIENT, MESSAGE, "", "skill=billing"),
		       "[-1,requirement]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_why_a_device_gets_none),
		STORE_TEST(test_whatever_a_client_does_it_can_be_written_to),
		STORE_TEST(test_nothing_is_taken_and_nothing_changes),
		STORE_TEST(test_a_device_that_wants_no_disturbance_speaks_for_its_client),
		STORE_TEST(test_a_device_has_to_have_what_is_required),
	};

	return cmocka_run_group_tests(tests, store_group_set_up, store_group_tear_down);
}
