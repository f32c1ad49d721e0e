/* test_err.c - the error table. */
#include "common/base/err.h"
#include "tests/unit/unit.h"

static void every_row_is_complete(void **state)
{
	(void)state;
	for (unsigned i = ERR_NONE + 1; i < ERR_COUNT; i++) {
		const enum err err = (enum err)i;

		assert_in_range(err_http(err), 400, 599);
		assert_in_range(err_code(err), 10000, 59999);
		assert_true(strlen(err_text(err)) > 10);
		assert_int_equal(err_from_name(err_name(err)), err);
	}
}

static void codes_are_unique(void **state)
{
	(void)state;
	for (unsigned a = 0; a < ERR_COUNT; a++)
		for (unsigned b = a + 1; b < ERR_COUNT; b++)
			assert_int_not_equal(err_code((enum err)a), err_code((enum err)b));
}

static void no_error_is_success(void **state)
{
	(void)state;
	assert_int_equal(ERR_NONE, 0);
	assert_int_equal(err_http(ERR_NONE), 200);
	assert_string_equal(err_name(ERR_TOKEN_EXPIRED), "TOKEN_EXPIRED");
	assert_int_equal(err_code(ERR_TOKEN_EXPIRED), 20104);
}

static void what_is_unknown_reads_as_internal(void **state)
{
	(void)state;
	assert_int_equal(err_from_name("NO_SUCH_NAME"), ERR_INTERNAL);
	assert_int_equal(err_from_name("token_expired"), ERR_INTERNAL);
	assert_int_equal(err_from_name(NULL), ERR_INTERNAL);
	assert_string_equal(err_name(ERR_COUNT), "INTERNAL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_complete),
		cmocka_unit_test(codes_are_unique),
		cmocka_unit_test(no_error_is_success),
		cmocka_unit_test(what_is_unknown_reads_as_internal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
