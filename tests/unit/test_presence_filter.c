/* test_presence_filter.c - what a list of clients may be asked, and what is refused. */
#include "common/model/presence_filter.h"

#include "common/model/keys.h"
#include "common/model/presence.h"
#include "tests/unit/unit.h"

enum { ARENA_CAP = 1 << 20, TEXT_CAP = 1 << 16 };

struct reading {
	struct arena *arena;
	struct form form;
	struct presence_filter filter;
	struct json_fault fault;
};

static bool reads(struct reading *reading, const char *query)
{
	assert_int_equal(form_parse(reading->arena, str_of(query), &reading->form), ERR_NONE);
	return presence_filter_read(&reading->form, &reading->filter, &reading->fault);
}

static int open_reading(void **state)
{
	struct reading *reading = x_alloc(sizeof(*reading));

	reading->arena = arena_new(ARENA_CAP);
	*state = reading;
	return 0;
}

static int close_reading(void **state)
{
	struct reading *reading = *state;

	arena_free(reading->arena);
	x_free(reading);
	return 0;
}

static void nothing_given_takes_everybody(void **state)
{
	struct reading *reading = *state;

	assert_true(reads(reading, ""));
	assert_str_equal(reading->filter.prefix, "");
	assert_str_equal(reading->filter.status, "");
	assert_int_equal(reading->filter.media | reading->filter.ringable | reading->filter.n_attributes, 0);
	assert_true(reads(reading, "Prefix=&PageSize=7&Colour=red&prefix=a+b"));
	assert_str_equal(reading->filter.prefix, "");
}

static void everything_given_is_read(void **state)
{
	struct reading *reading = *state;
	const struct presence_filter *filter = &reading->filter;

	assert_true(reads(reading, "Prefix=support%2F&Status=on_call&Media=voice&Media=video&Ringable=message"
				   "&Attribute.skill=billing&Attribute.skill=french+wine&Attribute.a%3Db=c"));
	assert_str_equal(filter->prefix, "support/");
	assert_str_equal(filter->status, "on_call");
	assert_int_equal(filter->media, MEDIA_VOICE | MEDIA_VIDEO);
	assert_int_equal(filter->ringable, MEDIA_MESSAGE);
	assert_int_equal(filter->n_attributes, 3);
	assert_str_equal(filter->attributes[1].name, "skill");
	assert_str_equal(filter->attributes[1].value, "french wine");
	assert_str_equal(filter->attributes[2].name, "a=b");
}

static void writes_what_it_read(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "Ringable=voice&Prefix=a/b&PageSize=5", "Prefix=a%2Fb&Ringable=voice&" },
		{ "Attribute.a%3Db=c%26d&Media=message&Media=voice&Status=dnd",
		  "Status=dnd&Media=voice&Media=message&Attribute.a%3Db=c%26d&" },
	};
	struct reading *reading = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out;

		buf_init(&out, TEXT_CAP);
		assert_true(reads(reading, rows[i][0]));
		presence_filter_write(&out, &reading->filter);
		assert_string_equal(buf_cstr(&out), rows[i][1]);
		buf_fini(&out);
	}
}

static void what_is_wrong_is_named(void **state)
{
	static const char *const rows[][2] = {
		{ "Prefix=a+b", "Prefix" },
		{ "Prefix=a&Prefix=a", "Prefix" },
		{ "Status=asleep", "Status" },
		{ "Status=", "Status" },
		{ "Status=busy&Status=busy", "Status" },
		{ "Media=fax", "Media" },
		{ "Media=voice,video", "Media" },
		{ "Ringable=", "Ringable" },
		{ "Ringable=voice&Ringable=all", "Ringable" },
		{ "Attribute.=x", "Attribute." },
		{ "Attribute.a%01=x", "Attribute." },
		{ "Attribute.a=1&Attribute.a=2&Attribute.a=3&Attribute.a=4&Attribute.a=5&Attribute.a=6&"
		  "Attribute.a=7"
		  "&Attribute.a=8&Attribute.a=9",
		  "Attribute." },
		{ "Attribute.a=12345678901234567890123456789012345678901234567890123456789012345",
		  "Attribute." },
		{ "Attribute.12345678901234567890123456789012345678901234567890123456789012345=a",
		  "Attribute." },
	};
	struct reading *reading = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (reads(reading, rows[i][0]))
			fail_msg("%s was taken", rows[i][0]);
		assert_string_equal(reading->fault.field, rows[i][1]);
		assert_false(reading->fault.missing);
	}
}

static void a_prefix_is_what_a_name_may_start_with(void **state)
{
	static const char *const right[] = { "",  "a",	"a/",	      "a/.", "a/..", "support/tier1/al",
					     ".", "..", "a.b_c-d@e+f" };
	static const char *const wrong[] = { "/",  "a//",      "a/./",	 "../", "a b",
					     "a*", "\xc3\xbc", "a/../b", "\n" };
	char longest[IDENTITY_MAX + 1];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	for (size_t i = 0; i < ARRAY_LEN(right); i++) {
		if (!presence_prefix_is_valid(str_of(right[i])))
			fail_msg("%s is refused", right[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		if (presence_prefix_is_valid(str_of(wrong[i])))
			fail_msg("%s is taken", wrong[i]);
	}
	assert_true(presence_prefix_is_valid(str_n(longest, IDENTITY_MAX)));
	assert_false(presence_prefix_is_valid(str_n(longest, IDENTITY_MAX + 1)));
	longest[IDENTITY_MAX - 1] = '/';
	assert_false(presence_prefix_is_valid(str_n(longest, IDENTITY_MAX)));
}

#define READING_TEST(fn) cmocka_unit_test_setup_teardown(fn, open_reading, close_reading)

int main(void)
{
	const struct CMUnitTest tests[] = {
		READING_TEST(nothing_given_takes_everybody),
		READING_TEST(everything_given_is_read),
		READING_TEST(writes_what_it_read),
		READING_TEST(what_is_wrong_is_named),
		cmocka_unit_test(a_prefix_is_what_a_name_may_start_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
