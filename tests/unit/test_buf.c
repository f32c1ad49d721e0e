/* test_buf.c - growing bytes with a cap. */
#include "common/base/buf.h"
#include "tests/unit/unit.h"

static void holds_nothing_when_idle(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	assert_null(buf.p);
	assert_true(buf_ok(&buf));
	assert_str_equal(buf_str(&buf), "");
	assert_string_equal(buf_cstr(&buf), "");
	buf_puts(&buf, "text");
	assert_non_null(buf.p);
	buf_fini(&buf);
	assert_null(buf.p);
	assert_int_equal(buf.size, 0);
	buf_puts(&buf, "again");
	assert_string_equal(buf_cstr(&buf), "again");
	buf_fini(&buf);
}

static void grows_by_doubling_up_to_the_cap(void **state)
{
	enum { CAP = 100000 };
	struct buf buf;
	unsigned growths = 0;
	size_t size = 0;

	(void)state;
	buf_init(&buf, CAP);
	for (size_t i = 0; i < CAP; i++) {
		buf_putc(&buf, (char)('a' + i % 26));
		growths += buf.size != size;
		size = buf.size;
	}
	assert_true(buf_ok(&buf));
	assert_int_equal(buf.n, CAP);
	assert_int_equal(buf.size, CAP + 1);
	assert_in_range(growths, 5, 12);
	for (size_t i = 0; i < CAP; i++)
		assert_int_equal(buf.p[i], 'a' + i % 26);
	assert_int_equal(strlen(buf_cstr(&buf)), CAP);
	buf_fini(&buf);
}

static void fails_beyond_the_cap_until_cleared(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 5);
	buf_puts(&buf, "abc");
	buf_puts(&buf, "def");
	assert_false(buf_ok(&buf));
	assert_str_equal(buf_str(&buf), "abc");
	buf_putc(&buf, 'd');
	assert_str_equal(buf_str(&buf), "abc");
	assert_string_equal(buf_cstr(&buf), "");
	assert_null(buf_reserve(&buf, 1));
	buf_clear(&buf);
	assert_true(buf_ok(&buf));
	buf_puts(&buf, "abcde");
	assert_true(buf_ok(&buf));
	assert_string_equal(buf_cstr(&buf), "abcde");
	buf_fini(&buf);
}

static void prints(void **state)
{
	char wide[601];
	struct buf buf;

	(void)state;
	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';

	buf_init(&buf, 700);
	buf_printf(&buf, "%s=%d;", "a", 42);
	buf_printf(&buf, "%s", wide);
	assert_true(buf_ok(&buf));
	assert_int_equal(buf.n, 605);
	assert_memory_equal(buf_cstr(&buf), "a=42;www", 8);
	assert_int_equal(strlen(buf_cstr(&buf)), 605);
	buf_printf(&buf, "%s", wide);
	assert_false(buf_ok(&buf));
	assert_int_equal(buf.n, 605);
	buf_fini(&buf);

	buf_init(&buf, 3);
	buf_printf(&buf, "%s", "abc");
	assert_true(buf_ok(&buf));
	buf_printf(&buf, "%s", "");
	assert_true(buf_ok(&buf));
	assert_string_equal(buf_cstr(&buf), "abc");
	buf_fini(&buf);
}

static void encodes_urls(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	buf_put_urlencoded(&buf, str_n("aZ09-._~ +&=/%\xc3\xa9\0", 17));
	assert_string_equal(buf_cstr(&buf), "aZ09-._~%20%2B%26%3D%2F%25%C3%A9%00");
	buf_fini(&buf);
}

static void consumes_from_the_front(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	buf_consume(&buf, 0);
	buf_puts(&buf, "abcdef");
	buf_consume(&buf, 2);
	assert_string_equal(buf_cstr(&buf), "cdef");
	buf_consume(&buf, 4);
	assert_string_equal(buf_cstr(&buf), "");
	buf_fini(&buf);
}

static void reserves(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 1000);
	buf_puts(&buf, "ab");
	memcpy(buf_reserve(&buf, 998), "cd", 2);
	buf.n += 2;
	assert_string_equal(buf_cstr(&buf), "abcd");
	assert_null(buf_reserve(&buf, 997));
	assert_false(buf_ok(&buf));
	buf_clear(&buf);
	assert_null(buf_reserve(&buf, SIZE_MAX));
	buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_nothing_when_idle),
		cmocka_unit_test(grows_by_doubling_up_to_the_cap),
		cmocka_unit_test(fails_beyond_the_cap_until_cleared),
		cmocka_unit_test(prints),
		cmocka_unit_test(encodes_urls),
		cmocka_unit_test(consumes_from_the_front),
		cmocka_unit_test(reserves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
