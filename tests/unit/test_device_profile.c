/* test_device_profile.c - what a client may say about its device: defaults, updates, bounds. */
#include "tests/unit/unit.h"

#include "common/base/arena.h"
#include "common/model/presence.h"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(8 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static bool read_profile(const char *text, const struct device_profile *before, struct device_profile *out,
			 struct json_fault *fault)
{
	struct json *doc;
	bool good;

	if (json_parse(str_of(text), &doc, NULL) != ERR_NONE)
		fail_msg("not JSON: %.200s", text);
	*fault = (struct json_fault){ .missing = false };
	good = device_profile_read(arena, doc, before, out, fault);
	json_free(doc);
	return good;
}

static struct device_profile profile_of(const char *text, const struct device_profile *before)
{
	struct device_profile out;
	struct json_fault fault;

	if (!read_profile(text, before, &out, &fault))
		fail_msg("%.200s: %s %s", text, fault.field, fault.why);
	return out;
}

static void assert_refused(const char *text, const char *field)
{
	struct device_profile out;
	struct json_fault fault;

	if (read_profile(text, NULL, &out, &fault))
		fail_msg("accepted: %.200s", text);
	assert_string_equal(fault.field, field);
	assert_true(fault.why[0] != '\0');
}

static const char *filled(const char *fmt, int n) /* fmt with n times "x" */
{
	char *xs = arena_alloc(arena, (size_t)n + 1);

	memset(xs, 'x', (size_t)n);
	return arena_printf(arena, "%.*s%s%s", (int)(strchr(fmt, '$') - fmt), fmt, xs, strchr(fmt, '$') + 1)
		.p;
}

/* "{"a0":"","a1":""...}" of n members */
static const char *attributes_of(int n)
{
	struct buf out;
	const char *text;

	buf_init(&out, 65536);
	buf_puts(&out, "{\"attributes\":{");
	for (int i = 0; i < n; i++)
		buf_printf(&out, "%s\"a%d\":\"v\"", i ? "," : "", i);
	buf_puts(&out, "}}");
	text = arena_cstr(arena, buf_str(&out));
	buf_fini(&out);
	return text;
}

static void test_a_registration_that_says_nothing_gets_the_defaults(void **state)
{
	const struct device_profile profile = profile_of("{}", NULL);

	(void)state;
	assert_str_equal(profile.status, "available");
	assert_true(profile.has_media);
	assert_int_equal(profile.media, MEDIA_VOICE);
	assert_str_equal(profile.json, "{\"app\":\"default\",\"host\":\"\",\"attributes\":{}}");
}

static void test_everything_that_is_said_is_kept(void **state)
{
	const struct device_profile profile =
		profile_of("{\"app\":\"desk\",\"host\":\"Chromium, "
			   "\xc3\xbc\",\"status\":\"dnd\",\"media\":[\"message\",\"video\"],"
			   "\"attributes\":{\"skill\":[\"billing\",\"sales\"],\"lang\":\"de\",\"none\":[]},"
			   "\"unknown\":{\"x\":1}}",
			   NULL);

	(void)state;
	assert_str_equal(profile.status, "dnd");
	assert_int_equal(profile.media, MEDIA_VIDEO | MEDIA_MESSAGE);
	assert_str_equal(profile.json, "{\"app\":\"desk\",\"host\":\"Chromium, \xc3\xbc\",\"attributes\":"
				       "{\"skill\":[\"billing\",\"sales\"],\"lang\":\"de\",\"none\":[]}}");
}

static void test_an_update_changes_what_it_names_and_nothing_else(void **state)
{
	struct device_profile before, profile;

	(void)state;
	device_profile_of_json(arena, STR("{\"app\":\"desk\",\"host\":\"h\",\"attributes\":{\"a\":\"1\"}}"),
			       &before);
	profile = profile_of("{}", &before);
	assert_true(str_is_null(profile.status) && !profile.has_media && str_is_null(profile.json));
	profile = profile_of("{\"status\":\"away\",\"media\":[]}", &before);
	assert_str_equal(profile.status, "away");
	assert_true(profile.has_media && profile.media == 0);
	assert_true(str_is_null(profile.json));
	profile = profile_of("{\"host\":\"new\"}", &before);
	assert_str_equal(profile.json, "{\"app\":\"desk\",\"host\":\"new\",\"attributes\":{\"a\":\"1\"}}");
	profile = profile_of("{\"attributes\":{}}", &before);
	assert_str_equal(profile.json, "{\"app\":\"desk\",\"host\":\"h\",\"attributes\":{}}");
	profile = profile_of("{\"app\":\"\"}", &before);
	assert_str_equal(profile.json, "{\"app\":\"\",\"host\":\"h\",\"attributes\":{\"a\":\"1\"}}");
}

static void test_what_is_stored_is_read_back(void **state)
{
	struct device_profile before, after;

	(void)state;
	before = profile_of(
		"{\"app\":\"q\\\"\\\\\",\"host\":\"\xf0\x9f\x93\x9e\",\"attributes\":{\"\\u00e9\":[\"/\"]}}",
		NULL);
	device_profile_of_json(arena, before.json, &after);
	assert_true(str_eq(after.app, before.app) && str_eq(after.host, before.host));
	assert_true(str_eq(after.attributes, before.attributes));
	device_profile_of_json(arena, STR("what is this"), &after);
	assert_str_equal(after.app, "default");
	assert_str_equal(after.attributes, "{}");
}

static void test_wrong_values_name_their_field(void **state)
{
	static const struct {
		const char *text, *field;
	} rows[] = {
		{ "{\"status\":\"offline\"}", "status" },
		{ "{\"status\":\"Available\"}", "status" },
		{ "{\"status\":\"\"}", "status" },
		{ "{\"status\":1}", "status" },
		{ "{\"media\":\"voice\"}", "media" },
		{ "{\"media\":[\"voice\",\"smell\"]}", "media" },
		{ "{\"media\":[1]}", "media" },
		{ "{\"app\":[]}", "app" },
		{ "{\"app\":\"a\\nb\"}", "app" },
		{ "{\"host\":7}", "host" },
		{ "{\"host\":\"\\u007f\"}", "host" },
		{ "{\"attributes\":[]}", "attributes" },
		{ "{\"attributes\":{\"\":\"x\"}}", "attributes" },
		{ "{\"attributes\":{\"a\\tb\":\"x\"}}", "attributes" },
		{ "{\"attributes\":{\"skill\":7}}", "attributes.skill" },
		{ "{\"attributes\":{\"skill\":{\"a\":\"b\"}}}", "attributes.skill" },
		{ "{\"attributes\":{\"skill\":[\"a\",1]}}", "attributes.skill" },
		{ "{\"attributes\":{\"skill\":null}}", "attributes.skill" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_refused(rows[i].text, rows[i].field);
}

static void test_bounds_are_exact(void **state)
{
	(void)state;
	profile_of(filled("{\"app\":\"$\"}", 64), NULL);
	assert_refused(filled("{\"app\":\"$\"}", 65), "app");
	profile_of(filled("{\"host\":\"$\"}", 64), NULL);
	assert_refused(filled("{\"host\":\"$\"}", 65), "host");
	profile_of(filled("{\"attributes\":{\"$\":\"\"}}", 64), NULL);
	assert_refused(filled("{\"attributes\":{\"$\":\"\"}}", 65), "attributes");
	profile_of(filled("{\"attributes\":{\"a\":\"$\"}}", 64), NULL);
	assert_refused(filled("{\"attributes\":{\"a\":\"$\"}}", 65), "attributes.a");
	profile_of(filled("{\"attributes\":{\"a\":[\"$\"]}}", 64), NULL);
	assert_refused(filled("{\"attributes\":{\"a\":[\"$\"]}}", 65), "attributes.a");
	profile_of("{\"attributes\":{\"a\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\","
		   "\"11\",\"12\",\"13\","
		   "\"14\",\"15\",\"16\"]}}",
		   NULL);
	assert_refused("{\"attributes\":{\"a\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\","
		       "\"11\",\"12\",\"13\","
		       "\"14\",\"15\",\"16\",\"17\"]}}",
		       "attributes.a");
	profile_of(attributes_of(16), NULL);
	assert_refused(attributes_of(17), "attributes");
	profile_of("{\"media\":[\"voice\",\"voice\",\"voice\",\"voice\",\"voice\",\"voice\",\"voice\","
		   "\"voice\"]}",
		   NULL);
	assert_refused("{\"media\":[\"voice\",\"voice\",\"voice\",\"voice\",\"voice\",\"voice\",\"voice\","
		       "\"voice\",\"voice\"]}",
		       "media");
}

/* 16 attributes of 16 values of 64 characters, each written like this */
static const char *full_of(const char *character)
{
	struct buf out;
	const char *text;

	buf_init(&out, 1 << 20);
	buf_puts(&out, "{\"attributes\":{");
	for (int a = 0; a < ATTRIBUTES_MAX; a++) {
		buf_printf(&out, "%s\"a%d\":[", a ? "," : "", a);
		for (int v = 0; v < ATTRIBUTES_MAX; v++) {
			buf_puts(&out, v ? ",\"" : "\"");
			for (int c = 0; c < ATTRIBUTE_LEN_MAX; c++)
				buf_puts(&out, character);
			buf_putc(&out, '"');
		}
		buf_putc(&out, ']');
	}
	buf_puts(&out, "}}");
	text = arena_cstr(arena, buf_str(&out));
	buf_fini(&out);
	return text;
}

/* The bounds allow more than is stored, if it is of characters that JSON writes as six. */
static void test_the_largest_profile_is_stored_whole_or_refused(void **state)
{
	struct device_profile profile, again;

	(void)state;
	profile = profile_of(full_of("x"), NULL);
	device_profile_of_json(arena, profile.json, &again);
	assert_true(again.attributes.n > (size_t)ATTRIBUTES_MAX * ATTRIBUTES_MAX * ATTRIBUTE_LEN_MAX);
	assert_refused(full_of("\\u0001"), "attributes");
}

static void test_media_have_one_word_each(void **state)
{
	static const char *const words[] = { "voice", "video", "message" };
	unsigned bit, all = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		assert_true(media_bit_of(str_of(words[i]), &bit));
		assert_str_equal(media_word_of(bit), words[i]);
		assert_int_equal(all & bit, 0);
		all |= bit;
	}
	assert_false(media_bit_of(STR("Voice"), &bit));
	assert_false(media_bit_of(STR(""), &bit));
	assert_false(media_bit_of(STR_NULL, &bit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_registration_that_says_nothing_gets_the_defaults),
		cmocka_unit_test(test_everything_that_is_said_is_kept),
		cmocka_unit_test(test_an_update_changes_what_it_names_and_nothing_else),
		cmocka_unit_test(test_what_is_stored_is_read_back),
		cmocka_unit_test(test_wrong_values_name_their_field),
		cmocka_unit_test(test_bounds_are_exact),
		cmocka_unit_test(test_the_largest_profile_is_stored_whole_or_refused),
		cmocka_unit_test(test_media_have_one_word_each),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
