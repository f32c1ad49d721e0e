/* test_scripts_assert.c - what a channel holds is said again: to a store that knows it, that has lost it, that knows better. */
#include "tests/unit/presence_records.h"

static struct answer assert_device(struct store *store, const char *dv, const char *reg, const char *node)
{
	return RUN(store, DEVICE_PUT, CLIENT, dv, "assert", reg, text_of(store, "%s.0", node), "away", VIDEO,
		   "{\"app\":\"desk\"}", "", "", "", "skill=billing");
}

static const char *registration(struct store *store, const char *node)
{
	return text(item(put_on_channel(store, DV1, node, "available", VOICE), 0));
}

static const char *whole(struct store *store)
{
	return line_of(store, DO(store, "HGETALL", CLIENT));
}

static void test_what_the_store_knows_stays_as_it_is(void **state)
{
	struct store *store = *state;
	const char *reg = registration(store, ND1);
	const char *before = whole(store);

	for (int i = 0; i < 3; i++)
		assert_string_equal(text(item(assert_device(store, DV1, reg, ND1), 0)), reg);
	assert_string_equal(whole(store), before);
}

static void test_what_the_store_has_lost_is_there_again_with_its_number(void **state)
{
	struct store *store = *state;
	const char *reg = registration(store, ND1);

	DO(store, "FLUSHALL");
	assert_string_equal(text(item(assert_device(store, DV1, reg, ND1), 0)), reg);
	assert_presence(store, "away ringable 0 media 2 devices 1");
	assert_answer(store, DO(store, "SMEMBERS", "n:{p0}:" ND1), "[" ALICE "|" DV1 "]");
	assert_string_equal(text(item(update(store, DV1, reg, "available", "", ""), 0)), reg);
	assert_presence(store, "available ringable 2 media 2 devices 1");
}

static void test_a_node_that_has_another_id_now_takes_its_devices_along(void **state)
{
	struct store *store = *state;
	const char *reg = registration(store, ND1);

	assert_string_equal(text(item(assert_device(store, DV1, reg, ND2), 0)), reg);
	assert_answer(store, DO(store, "SMEMBERS", "n:{p0}:" ND2), "[" ALICE "|" DV1 "]");
	assert_answer(store, reap(store, ND1), "[0]");
	assert_presence(store, "away ringable 0 media 2 devices 1");
}

static void test_a_newer_registration_is_not_overruled(void **state)
{
	struct store *store = *state;
	const char *old = registration(store, ND1);
	const char *reg = registration(store, ND2), *before = whole(store);

	assert_answer(store, assert_device(store, DV1, old, ND1), "[-1,NO_SUCH_DEVICE]");
	assert_string_equal(whole(store), before);
	assert_string_equal(text(item(assert_device(store, DV1, reg, ND2), 0)), reg);
}

/* Two channels of one device, the older one not found dead yet: whichever is said again first. */
static void test_of_two_that_were_lost_the_later_one_wins(void **state)
{
	struct store *store = *state;
	const char *old = registration(store, ND1), *reg = registration(store, ND2);

	for (int first = 0; first < 2; first++) {
		DO(store, "FLUSHALL");
		if (first == 0)
			assert_string_equal(text(item(assert_device(store, DV1, old, ND1), 0)), old);
		assert_string_equal(text(item(assert_device(store, DV1, reg, ND2), 0)), reg);
		assert_answer(store, assert_device(store, DV1, old, ND1), "[-1,NO_SUCH_DEVICE]");
		assert_answer(store, DO(store, "SMEMBERS", "n:{p0}:" ND2), "[" ALICE "|" DV1 "]");
		assert_answer(store, DO(store, "SMEMBERS", "n:{p0}:" ND1), "[]");
	}
}

static void test_versions_rise_over_a_loss(void **state)
{
	struct store *store = *state;
	const char *reg = registration(store, ND1);
	const int64_t version = line_number(store, LINE_VERSION);

	DO(store, "FLUSHALL");
	assert_device(store, DV1, reg, ND1);
	assert_true(line_number(store, LINE_VERSION) > version);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_what_the_store_knows_stays_as_it_is),
		STORE_TEST(test_what_the_store_has_lost_is_there_again_with_its_number),
		STORE_TEST(test_a_node_that_has_another_id_now_takes_its_devices_along),
		STORE_TEST(test_a_newer_registration_is_not_overruled),
		STORE_TEST(test_of_two_that_were_lost_the_later_one_wins),
		STORE_TEST(test_versions_rise_over_a_loss),
	};

	return cmocka_run_group_tests(tests, store_group_set_up, store_group_tear_down);
}
