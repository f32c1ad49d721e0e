/* test_effects_list.c - the list of effects as it stands in a record: written by plans, read by whoever carries it out. */
#include "tests/unit/plan_fixture.h"

#include "routing-svc/plan_private.h"

static void assert_effect(struct str *list, char op, unsigned leg, const char *word)
{
	struct effect effect;

	assert_true(effect_next(list, &effect));
	assert_int_equal(effect.op, op);
	assert_int_equal(effect.leg, leg);
	assert_true(str_eq(effect.word, str_of(word)));
}

static void assert_end(struct str *list)
{
	struct effect effect;

	assert_false(effect_next(list, &effect));
	assert_false(effect_next(list, &effect));
}

static void test_what_is_listed_is_read_in_order(void **state)
{
	struct stage *stage = *state;
	struct plan plan = { .effects = &stage->effects };
	struct str list;

	plan_effect(&plan, EFFECT_RING, 1, "");
	plan_effect(&plan, EFFECT_CANCEL, 200, "answered_elsewhere");
	plan_effect(&plan, EFFECT_HANGUP, 0, "two words");
	list = buf_str(&stage->effects);
	assert_effect(&list, 'R', 1, "");
	assert_effect(&list, 'C', 200, "answered_elsewhere");
	assert_effect(&list, 'H', 0, "two words");
	assert_end(&list);
}

static void test_an_empty_list_has_no_effects(void **state)
{
	struct str nothing = STR_NULL;
	struct str empty = STR("");

	(void)state;
	assert_end(&nothing);
	assert_end(&empty);
}

/* A line that a newer version wrote, or that is cut off, holds nothing else up. */
static void test_lines_that_make_no_sense_are_passed_over(void **state)
{
	struct str list = STR("\nR\nRR 1 \nR x \nR -1 \nR 99999999999999999999 \n 1 \nA 2 \nL 3");

	(void)state;
	assert_effect(&list, 'A', 2, "");
	assert_effect(&list, 'L', 3, "");
	assert_end(&list);
}

static void test_the_longest_list_fits_its_place(void **state)
{
	struct stage *stage = *state;
	const struct claim_result claims[] = { claims_of(stage, CALL_LEGS_SPARE) };
	struct str list;
	unsigned n = 0;
	struct effect effect;

	stage_claiming(stage, CALLER_DEVICE, "<Response><Dial><Client>alice</Client></Dial></Response>");
	round_claims(stage, claims, 1);
	event_hangup(stage, 0);
	round_look(stage);
	list = buf_str(&stage->effects);
	while (effect_next(&list, &effect))
		n++;
	assert_int_equal(n, 2 * CALL_LEGS_SPARE + 1);
	assert_true(stage->plan.n_traces <= PLAN_TRACES_MAX && stage->plan.n_callbacks <= PLAN_CALLBACKS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGE_TEST(test_what_is_listed_is_read_in_order),
		STAGE_TEST(test_an_empty_list_has_no_effects),
		STAGE_TEST(test_lines_that_make_no_sense_are_passed_over),
		STAGE_TEST(test_the_longest_list_fits_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
