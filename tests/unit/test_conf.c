/* test_conf.c - settings from the environment. */
#include "common/base/conf.h"
#include "tests/unit/unit.h"

struct fields {
	uint64_t count;
	bool flag;
	char *text;
	char *secret;
	int word;
};

static const struct conf_row rows[] = {
	{ "T_COUNT", CONF_INT, offsetof(struct fields, count), "5", 1, 10, NULL, false, "a count" },
	{ "T_FLAG", CONF_BOOL, offsetof(struct fields, flag), "no", 0, 0, NULL, false, "a flag" },
	{ "T_TEXT", CONF_STRING, offsetof(struct fields, text), "hello", 2, 6, NULL, false, "a text" },
	{ "T_SECRET", CONF_STRING, offsetof(struct fields, secret), "", 0, 40, NULL, true, "a secret" },
	{ "T_WORD", CONF_WORD, offsetof(struct fields, word), "two", 0, 0, "one two three", false, "a word" },
};

static const struct conf_row needed[] = {
	{ "T_NEEDED", CONF_STRING, offsetof(struct fields, secret), NULL, 4, 40, NULL, true,
	  "a needed secret" },
};

static const char *const names[] = { "T_COUNT", "T_FLAG",      "T_TEXT",   "T_SECRET",
				     "T_WORD",	"T_TEXT_FILE", "T_NEEDED", "T_NEEDED_FILE" };

static int clean_environment(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
	return 0;
}

/* What conf_load says about `table`, or "" when it succeeds. */
static bool load(const struct conf_row *table, size_t n, struct fields *fields, char *said, size_t size)
{
	FILE *out = fmemopen(said, size, "w");
	const bool ok = conf_load(table, n, fields, out);

	fclose(out);
	return ok;
}

static void presets_hold(void **state)
{
	struct fields fields;
	char said[200] = "";

	(void)state;
	setenv("T_COUNT", "", 1); /* empty counts as not given */
	assert_true(load(rows, ARRAY_LEN(rows), &fields, said, sizeof(said)));
	assert_string_equal(said, "");
	assert_int_equal(fields.count, 5);
	assert_false(fields.flag);
	assert_string_equal(fields.text, "hello");
	assert_string_equal(fields.secret, "");
	assert_int_equal(fields.word, 1);
	conf_free(rows, ARRAY_LEN(rows), &fields);
	assert_null(fields.text);
}

static void takes_values(void **state)
{
	static const struct {
		const char *name, *value;
		const char *printed; /* what --print-config says */
	} cases[] = {
		{ "T_COUNT", "1", "T_COUNT=1\n" },     { "T_COUNT", "10", "T_COUNT=10\n" },
		{ "T_FLAG", "true", "T_FLAG=true\n" }, { "T_FLAG", "YES", "T_FLAG=true\n" },
		{ "T_FLAG", "1", "T_FLAG=true\n" },    { "T_FLAG", "0", "T_FLAG=false\n" },
		{ "T_TEXT", "a b", "T_TEXT=a b\n" },   { "T_SECRET", "hush", "T_SECRET=(set)\n" },
		{ "T_WORD", "one", "T_WORD=one\n" },   { "T_WORD", "three", "T_WORD=three\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fields fields;
		char said[200] = "", printed[400] = "";
		FILE *out = fmemopen(printed, sizeof(printed), "w");

		clean_environment(state);
		setenv(cases[i].name, cases[i].value, 1);
		assert_true(load(rows, ARRAY_LEN(rows), &fields, said, sizeof(said)));
		conf_print(rows, ARRAY_LEN(rows), &fields, out);
		fclose(out);
		assert_non_null(strstr(printed, cases[i].printed));
		assert_null(strstr(printed, "hush"));
		conf_free(rows, ARRAY_LEN(rows), &fields);
	}
}

static void refuses_bad_values(void **state)
{
	static const struct {
		const char *name, *value, *said;
	} cases[] = {
		{ "T_COUNT", "0", "T_COUNT: 0 is not acceptable, it has to be a number from 1 to 10\n" },
		{ "T_COUNT", "11", "T_COUNT: 11 is not acceptable, it has to be a number from 1 to 10\n" },
		{ "T_COUNT", "5x", "T_COUNT: 5x is not acceptable, it has to be a number from 1 to 10\n" },
		{ "T_COUNT", "-5", "T_COUNT: -5 is not acceptable, it has to be a number from 1 to 10\n" },
		{ "T_FLAG", "maybe", "T_FLAG: maybe is not acceptable, it has to be true or false\n" },
		{ "T_TEXT", "x",
		  "T_TEXT: x is not acceptable, it has to be 2 to 6 bytes without control characters\n" },
		{ "T_TEXT", "sevenxx",
		  "T_TEXT: sevenxx is not acceptable, it has to be 2 to 6 bytes without control "
		  "characters\n" },
		{ "T_TEXT", "a\nb",
		  "T_TEXT: \"a\\nb\" is not acceptable, it has to be 2 to 6 bytes without control "
		  "characters\n" },
		{ "T_SECRET", "hu\nsh",
		  "T_SECRET: the value (not shown) is not acceptable, it has to be at most 40 bytes "
		  "without control characters\n" },
		{ "T_WORD", "four", "T_WORD: four is not acceptable, it has to be one of: one two three\n" },
		{ "T_WORD", "one two",
		  "T_WORD: \"one two\" is not acceptable, it has to be one of: one two three\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct fields fields;
		char said[200] = "";

		clean_environment(state);
		setenv(cases[i].name, cases[i].value, 1);
		assert_false(load(rows, ARRAY_LEN(rows), &fields, said, sizeof(said)));
		assert_string_equal(said, cases[i].said);
		assert_null(fields.text);
	}
}

static void asks_for_what_is_needed(void **state)
{
	struct fields fields;
	char said[200] = "";

	(void)state;
	assert_false(load(needed, ARRAY_LEN(needed), &fields, said, sizeof(said)));
	assert_string_equal(
		said,
		"T_NEEDED: has to be given (a needed secret): 4 to 40 bytes without control characters\n");
}

static void write_file(char *path, const char *text)
{
	const int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void reads_files(void **state)
{
	static const struct {
		const char *text, *value;
	} cases[] = { { "abcd", "abcd" }, { "abcd\n", "abcd" }, { "abcd\r\n", "abcd" }, { "abc ", "abc " } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char path[] = "/tmp/test_conf.XXXXXX", said[200] = "";
		struct fields fields;

		write_file(path, cases[i].text);
		setenv("T_NEEDED_FILE", path, 1);
		assert_true(load(needed, ARRAY_LEN(needed), &fields, said, sizeof(said)));
		assert_string_equal(fields.secret, cases[i].value);
		conf_free(needed, ARRAY_LEN(needed), &fields);
		unlink(path);
	}
}

static void refuses_bad_files(void **state)
{
	struct fields fields;
	char said[200] = "";

	(void)state;
	setenv("T_NEEDED_FILE", "/nonexistent/secret", 1);
	assert_false(load(needed, ARRAY_LEN(needed), &fields, said, sizeof(said)));
	assert_string_equal(said,
			    "T_NEEDED_FILE: cannot read /nonexistent/secret: No such file or directory\n");

	setenv("T_NEEDED", "given", 1);
	assert_false(load(needed, ARRAY_LEN(needed), &fields, said, sizeof(said)));
	assert_string_equal(said, "T_NEEDED and T_NEEDED_FILE: only one of them may be given\n");
}

static void an_empty_file_does_not_hide_a_need(void **state)
{
	char path[] = "/tmp/test_conf.XXXXXX", said[200] = "";
	struct fields fields;

	(void)state;
	write_file(path, "\n");
	setenv("T_NEEDED_FILE", path, 1);
	assert_false(load(needed, ARRAY_LEN(needed), &fields, said, sizeof(said)));
	assert_non_null(strstr(said, "T_NEEDED: the value (not shown) is not acceptable"));
	unlink(path);
}

static void helps(void **state)
{
	char said[2000] = "";
	FILE *out = fmemopen(said, sizeof(said), "w");

	(void)state;
	conf_help(rows, ARRAY_LEN(rows), out);
	conf_help(needed, ARRAY_LEN(needed), out);
	fclose(out);
	assert_non_null(strstr(said, "  T_COUNT\n      a count\n      a number from 1 to 10; default 5\n"));
	assert_non_null(strstr(said, "  T_WORD\n      a word\n      one of: one two three; default two\n"));
	assert_non_null(strstr(said, "4 to 40 bytes without control characters; has to be given\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(presets_hold, clean_environment),
		cmocka_unit_test_setup(takes_values, clean_environment),
		cmocka_unit_test_setup(refuses_bad_values, clean_environment),
		cmocka_unit_test_setup(asks_for_what_is_needed, clean_environment),
		cmocka_unit_test_setup(reads_files, clean_environment),
		cmocka_unit_test_setup(refuses_bad_files, clean_environment),
		cmocka_unit_test_setup(an_empty_file_does_not_hide_a_need, clean_environment),
		cmocka_unit_test_setup(helps, clean_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
