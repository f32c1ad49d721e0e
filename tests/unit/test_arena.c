/* test_arena.c - memory that dies with its request. */
#include "common/base/arena.h"
#include "tests/unit/unit.h"

/* Leaves bytes other than zero for the next malloc to give out. */
static void soil_the_heap(void)
{
	for (size_t size = 16; size < 70000; size += 16) {
		char *dirty = x_realloc(NULL, size);

		memset(dirty, 0xa5, size);
		__asm__ volatile("" : : "r"(dirty) : "memory"); /* or the compiler drops the memset */
		x_free(dirty);
	}
}

static void gives_zeroed_aligned_memory(void **state)
{
	static const char zeros[10000];

	soil_the_heap();

	struct arena *arena = arena_new(1000000);
	unsigned char *all[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		all[i] = arena_alloc(arena, i * 77 + 1);
		assert_int_equal((uintptr_t)all[i] % _Alignof(max_align_t), 0);
		assert_memory_equal(all[i], zeros, i * 77 + 1);
		memset(all[i], (int)i, i * 77 + 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (size_t at = 0; at <= i * 77; at++)
			assert_int_equal(all[i][at], i);
	assert_null(arena_free(arena));
	assert_null(arena_free(NULL));
}

static void copies_text(void **state)
{
	struct arena *arena = arena_new(10000);
	const struct str copy = arena_copy(arena, str_n("abcd", 3));

	(void)state;
	assert_str_equal(copy, "abc");
	assert_int_equal(copy.p[3], '\0');
	assert_true(str_is_null(arena_copy(arena, STR_NULL)));
	assert_false(str_is_null(arena_copy(arena, STR(""))));
	assert_string_equal(arena_cstr(arena, STR_NULL), "");
	assert_string_equal(arena_cstr(arena, STR("x")), "x");
	arena_free(arena);
}

static void prints_short_and_long(void **state)
{
	struct arena *arena = arena_new(1000000);

	(void)state;
	for (int width = 1; width < 9000; width = width * 3 / 2 + 1) {
		const struct str before = arena_printf(arena, "%0*d", width, 7);
		const struct str after = arena_printf(arena, "%d", 8);

		assert_int_equal(before.n, width);
		assert_int_equal(strlen(before.p), width);
		assert_int_equal(before.p[width - 1], '7');
		assert_str_equal(after, "8");
	}
	arena_free(arena);
}

static void take_too_much(void *arg)
{
	struct arena *arena = arena_new(1000);

	(void)arg;
	for (unsigned i = 0; i < 11; i++)
		memset(arena_alloc(arena, 100), 1, 100);
}

static void take_at_most(void *arg)
{
	struct arena *arena = arena_new(1000);

	(void)arg;
	for (unsigned i = 0; i < 10; i++)
		memset(arena_alloc(arena, 100), 1, 100);
	arena_free(arena);
}

static void take_impossible(void *arg)
{
	struct arena *arena = arena_new(1000);

	(void)arg;
	memset(arena_alloc(arena, SIZE_MAX), 1, 1);
}

static void aborts_beyond_the_cap(void **state)
{
	(void)state;
	assert_false(unit_aborts(take_at_most, NULL));
	assert_true(unit_aborts(take_too_much, NULL));
	assert_true(unit_aborts(take_impossible, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_zeroed_aligned_memory),
		cmocka_unit_test(copies_text),
		cmocka_unit_test(prints_short_and_long),
		cmocka_unit_test(aborts_beyond_the_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
