/* test_seal.c - purposes and places are kept apart, two secrets live during a rotation. */
#include "common/model/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct str first = { "first-secret-0123456789abcdef0123", 33 };
static const struct str second = { "second-secret-0123456789abcdef012", 33 };
static const struct str place = { "AC1:auth_token", 14 };

struct fixture {
	struct seal *seal;
	struct buf sealed, plain;
};

static int setup(void **state)
{
	struct fixture *f = x_alloc(sizeof(*f));

	f->seal = seal_new(first, STR_NULL);
	buf_init(&f->sealed, 1000);
	buf_init(&f->plain, 1000);
	seal_text(f->seal, "account-secret", place, STR("the auth token"), &f->sealed);
	assert_true(buf_ok(&f->sealed));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->seal = seal_free(f->seal);
	buf_fini(&f->sealed);
	buf_fini(&f->plain);
	x_free(f);
	return 0;
}

static bool opens(struct fixture *f, const struct seal *seal, const char *purpose, struct str context)
{
	bool is_ours;

	buf_clear(&f->plain);
	is_ours = seal_open(seal, purpose, context, buf_str(&f->sealed), &f->plain);
	assert_true(str_eq(buf_str(&f->plain), is_ours ? STR("the auth token") : STR("")));
	return is_ours;
}

static void test_form(void **state)
{
	struct fixture *f = *state;

	assert_memory_equal(f->sealed.p, "s1.", 3);
	assert_int_equal(f->sealed.p[7], '.');
	assert_null(strstr(buf_cstr(&f->sealed), "auth token"));
	assert_true(opens(f, f->seal, "account-secret", place));
}

static void test_kept_apart(void **state)
{
	struct fixture *f = *state;
	struct seal *foreign = seal_new(second, STR_NULL);

	assert_false(opens(f, f->seal, "account-secret", STR("AC2:auth_token")));
	assert_false(opens(f, f->seal, "communication token ND1", place));
	assert_false(opens(f, foreign, "account-secret", place));
	seal_free(foreign);
}

static void test_rotation(void **state)
{
	struct fixture *f = *state;
	struct seal *during = seal_new(second, first), *after = seal_new(second, STR(""));

	assert_true(opens(f, during, "account-secret", place));
	assert_false(opens(f, after, "account-secret", place));

	buf_clear(&f->sealed);
	seal_text(during, "account-secret", place, STR("the auth token"), &f->sealed);
	assert_true(opens(f, during, "account-secret", place));
	assert_true(opens(f, after, "account-secret", place));
	assert_false(opens(f, f->seal, "account-secret", place));
	seal_free(during);
	seal_free(after);
}

static void test_tampered(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < f->sealed.n; i++) {
		char kept = f->sealed.p[i];

		assert_false(seal_open(f->seal, "account-secret", place, str_n(f->sealed.p, i), &f->plain));
		f->sealed.p[i] = kept == 'A' ? 'B' : 'A';
		assert_false(opens(f, f->seal, "account-secret", place));
		f->sealed.p[i] = kept;
	}
	assert_true(opens(f, f->seal, "account-secret", place));
}

static void test_nothing(void **state)
{
	struct fixture *f = *state;

	assert_false(seal_open(f->seal, "account-secret", place, STR_NULL, &f->plain));
	assert_false(seal_open(f->seal, "account-secret", place, STR("s1."), &f->plain));
	assert_null(seal_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tampered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
