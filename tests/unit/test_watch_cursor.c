/* test_watch_cursor.c - what a cursor says, and when it says nothing any more. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "presence-svc/watch_cursor.h"

enum { EPOCH = 0x1f2e3d4c };

static const int64_t second = 1000 * 1000;

static int64_t now_us(void)
{
	return (int64_t)clock_wall_ms() * 1000;
}

static struct watch_cursor reading(const char *text)
{
	struct watch_cursor cursor;

	assert_true(watch_cursor_read(str_of(text), EPOCH, &cursor));
	return cursor;
}

static void what_is_written_is_read(void **state)
{
	const int64_t version = now_us() - 10 * second;
	char space[WATCH_CURSOR_MAX];
	const struct str text = watch_cursor_write(space, EPOCH, version);
	struct watch_cursor cursor;

	(void)state;
	assert_true(str_starts(text, STR("1f2e3d4c-")));
	assert_true(watch_cursor_read(text, EPOCH, &cursor));
	assert_true(cursor.given);
	assert_false(cursor.stale);
	assert_int_equal(cursor.version, version);
	assert_int_equal(cursor.after, version - 5 * second);
}

static void the_largest_fits(void **state)
{
	char space[WATCH_CURSOR_MAX];
	const struct str text = watch_cursor_write(space, UINT32_MAX, INT64_MAX);

	(void)state;
	assert_true(str_eq(text, STR("ffffffff-9223372036854775807")));
}

static void none_is_everything(void **state)
{
	struct watch_cursor cursor;

	(void)state;
	assert_true(watch_cursor_read(STR_NULL, EPOCH, &cursor));
	assert_false(cursor.given);
	assert_false(cursor.stale);
	assert_int_equal(cursor.after, -1);
}

static void another_store_or_an_old_one_is_stale(void **state)
{
	char text[64];
	struct watch_cursor cursor;

	(void)state;
	snprintf(text, sizeof(text), "1f2e3d4d-%lld", (long long)now_us());
	assert_true(reading(text).stale);
	snprintf(text, sizeof(text), "1f2e3d4c-%lld",
		 (long long)(now_us() - 6LL * 24 * 3600 * second - second));
	cursor = reading(text);
	assert_true(cursor.stale);
	assert_int_equal(cursor.after, -1); /* all is told */
	snprintf(text, sizeof(text), "1f2e3d4c-%lld",
		 (long long)(now_us() - 6LL * 24 * 3600 * second + 60 * second));
	assert_false(reading(text).stale);
	assert_true(reading("1f2e3d4c-0").stale); /* what frames of an incomplete snapshot carry */
	snprintf(text, sizeof(text), "00000000-%lld", (long long)now_us());
	assert_true(watch_cursor_read(str_of(text), 0, &cursor)); /* the store is not known yet */
	assert_true(cursor.stale);
}

static void what_is_no_cursor(void **state)
{
	static const char *const texts[] = {
		"",
		"-",
		"1f2e3d4c",
		"1f2e3d4c-",
		"1f2e3d4-1",
		"1f2e3d4cc-1",
		"1F2E3D4C-1",
		"1f2e3d4c--1",
		"1f2e3d4c-1x",
		"xxxxxxxx-1",
		"1f2e3d4c-1-1",
		" 1f2e3d4c-1",
		"1f2e3d4c-99999999999999999999999",
	};
	struct watch_cursor cursor;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_false(watch_cursor_read(str_of(texts[i]), EPOCH, &cursor));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(the_largest_fits),
		cmocka_unit_test(none_is_everything),
		cmocka_unit_test(another_store_or_an_old_one_is_stale),
		cmocka_unit_test(what_is_no_cursor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
