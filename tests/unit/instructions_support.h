/* instructions_support.h - what the tests of both forms of instructions share. */
#pragma once

#include "common/model/instructions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define XML  "text/xml"
#define JSON "application/json"

static struct arena *arena;
static struct instructions last;
static struct instruction_note why_not;

static inline int setup(void **state)
{
	(void)state;
	arena = arena_new(64 << 20);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static inline void assert_str(struct str got, const char *expected)
{
	assert_string_equal(arena_cstr(arena, got), expected);
}

#define text_of(...) (arena_printf(arena, __VA_ARGS__).p)

static inline const char *repeated(const char *piece, int times)
{
	size_t n = strlen(piece);
	char *text = arena_alloc(arena, n * (size_t)times + 1);

	for (int i = 0; i < times; i++)
		memcpy(text + (size_t)i * n, piece, n);
	return text;
}

static inline const struct instructions *parse_ok(const char *type, const char *text)
{
	enum err err = instructions_parse(arena, str_of(type), str_of(text), &last, &why_not);

	if (err)
		fail_msg("%.200s: %s, line %u: %s", text, err_name(err), why_not.line, why_not.text);
	return &last;
}

static inline void assert_fails(const char *type, const char *text, enum err expected, unsigned line)
{
	enum err err = instructions_parse(arena, str_of(type), str_of(text), &last, &why_not);

	if (err != expected || why_not.err != expected || why_not.line != line || !why_not.text[0])
		fail_msg("%.200s: %s, line %u: %s; not %s, line %u", text, err_name(err), why_not.line,
			 why_not.text, err_name(expected), line);
	assert_int_equal(last.n, 0);
}

struct refusal {
	const char *text;
	enum err err;
	unsigned line;
};

static inline void assert_refused(const char *type, const struct refusal *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_fails(type, cases[i].text, cases[i].err, cases[i].line);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
