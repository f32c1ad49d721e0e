/* test_log.c - one event, one line, whatever it says. */
#include "common/base/json.h"
#include "common/base/log.h"
#include "tests/unit/unit.h"

enum { LINE_SIZE = 16384 };

static int pipe_fds[2], true_stderr;

static int catch_stderr(void **state)
{
	(void)state;
	true_stderr = dup(STDERR_FILENO);
	if (pipe2(pipe_fds, O_NONBLOCK | O_CLOEXEC) != 0)
		return -1;
	dup2(pipe_fds[1], STDERR_FILENO);
	return 0;
}

static int release_stderr(void **state)
{
	(void)state;
	dup2(true_stderr, STDERR_FILENO);
	close(true_stderr);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return 0;
}

/* The line just logged, behind its time; "" when there is none. */
static const char *logged(void)
{
	static char line[LINE_SIZE];
	const ssize_t n = read(pipe_fds[0], line, sizeof(line) - 1);

	line[MAX(n, 0)] = '\0';
	if (n <= 0)
		return "";
	assert_int_equal(line[n - 1], '\n');
	assert_ptr_equal(strchr(line, '\n'), line + n - 1);
	line[n - 1] = '\0';
	assert_memory_equal(line, "ts=20", 5);
	return strchr(line, ' ') + 1;
}

/* The same of the JSON form, read by our own strict reader. */
static struct json *logged_json(void)
{
	static char line[LINE_SIZE];
	const ssize_t n = read(pipe_fds[0], line, sizeof(line));
	struct json *doc = NULL;

	assert_true(n > 0);
	assert_int_equal(line[n - 1], '\n');
	assert_int_equal(json_parse(str_n(line, (size_t)n - 1), &doc, NULL), ERR_NONE);
	assert_int_equal(json_string(json_get(doc, "ts")).n, 24);
	return doc;
}

#define assert_json(doc, key, value) assert_str_equal(json_string(json_get((doc), (key))), (value))

static void writes_logfmt(void **state)
{
	(void)state;
	log_setup(LOG_INFO, LOG_LOGFMT, "routing-svc");
	log_info("call_created", "to=%s media=%s n=%d", "bob", "voice", 3);
	assert_string_equal(logged(),
			    "level=info event=call_created service=routing-svc to=bob media=voice n=3");
	log_error("bare", "%s", "");
	assert_string_equal(logged(), "level=error event=bare service=routing-svc");
}

static void writes_json(void **state)
{
	struct json *doc;

	(void)state;
	log_setup(LOG_INFO, LOG_JSON, "routing-svc");
	log_push("req", STR("RQ1"));
	log_warn("call_created", "to=%s n=%d", log_str(STR("Bob \"B\"\n")), 3);
	log_pop();
	doc = logged_json();
	assert_json(doc, "level", "warn");
	assert_json(doc, "event", "call_created");
	assert_json(doc, "service", "routing-svc");
	assert_json(doc, "req", "RQ1");
	assert_json(doc, "to", "Bob \"B\"\n");
	assert_json(doc, "n", "3");
	assert_int_equal(json_count(doc), 7);
	json_free(doc);
}

static void keeps_to_its_level(void **state)
{
	(void)state;
	log_setup(LOG_WARN, LOG_LOGFMT, NULL);
	log_debug("d", "a=1");
	log_info("i", "a=1");
	assert_string_equal(logged(), "");
	log_warn("w", "a=1");
	assert_string_equal(logged(), "level=warn event=w a=1");
	assert_false(log_enabled(LOG_INFO));
	assert_true(log_enabled(LOG_ERROR));
	log_setup(LOG_DEBUG, LOG_LOGFMT, NULL);
	log_debug("d", "a=%d", 2);
	assert_string_equal(logged(), "level=debug event=d a=2");
}

static void escapes_values(void **state)
{
	static const struct {
		struct str value;
		const char *text;
	} rows[] = {
		{ { "bob", 3 }, "bob" },
		{ { "client:bob/1+2", 14 }, "client:bob/1+2" },
		{ { "\xc3\xa9", 2 }, "\xc3\xa9" },
		{ { "", 0 }, "\"\"" },
		{ { NULL, 0 }, "\"\"" },
		{ { "a b", 3 }, "\"a b\"" },
		{ { "a=b", 3 }, "\"a=b\"" },
		{ { "a\"b\\", 4 }, "\"a\\\"b\\\\\"" },
		{ { "\n\r\t\x01\x7f", 5 }, "\"\\n\\r\\t\\u0001\\u007f\"" },
		{ { "a\0b", 3 }, "\"a\\u0000b\"" },
		{ { "\xff\xc3", 2 }, "\"\\ufffd\\ufffd\"" },
		{ { "x level=error", 13 }, "\"x level=error\"" },
	};

	(void)state;
	log_setup(LOG_INFO, LOG_LOGFMT, NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char expected[200];

		assert_string_equal(log_str(rows[i].value), rows[i].text);
		snprintf(expected, sizeof(expected), "level=info event=e before=1 v=%s after=2",
			 rows[i].text);
		log_info("e", "before=1 v=%s after=2", log_str(rows[i].value));
		assert_string_equal(logged(), expected);
	}
}

static void cuts_long_values_between_characters(void **state)
{
	char text[1001];

	(void)state;
	log_setup(LOG_INFO, LOG_JSON, NULL);
	for (size_t shift = 0; shift < 6; shift++) {
		struct json *doc;

		memset(text, 'a', sizeof(text));
		for (size_t i = shift; i + 2 <= sizeof(text); i += 2)
			memcpy(text + i, "\xc3\xa9", 2);
		log_info("e", "v=%s", log_str(str_n(text, 1000)));
		doc = logged_json();

		const struct str value = json_string(json_get(doc, "v"));

		assert_in_range(value.n, 240, 255);
		assert_true(str_ends(value, STR("\xc3\xa9...")));
		json_free(doc);
	}
}

static void log_str_keeps_eight(void **state)
{
	const char *texts[8];
	char expected[2] = "a";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		expected[0] = (char)('a' + i);
		texts[i] = log_str(str_n(expected, 1));
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		expected[0] = (char)('a' + i);
		assert_string_equal(texts[i], expected);
	}
}

static void forgotten_log_str_breaks_no_line(void **state)
{
	static const struct {
		const char *value, *logfmt;
	} rows[] = {
		{ "Connection refused", "e=\"Connection refused\" n=1" },
		{ "two\nlines", "e=\"two\\nlines\" n=1" },
		{ "\"open", "e=\"\\\"open\" n=1" },
		{ "\"bad\\q\"", "e=\"\\\"bad\\\\q\\\"\" n=1" },
		{ "\"a\"b", "e=\"\\\"a\\\"b\" n=1" },
		{ "\"a\nb\"", "e=\"\\\"a\\nb\\\"\" n=1" },
		{ "\"\xff\"", "e=\"\\\"\\ufffd\\\"\" n=1" },
		{ "\"end\\", "e=\"\\\"end\\\\\" n=1" },
		{ "", "e=\"\" n=1" },
	};
	char expected[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		log_setup(LOG_INFO, LOG_LOGFMT, NULL);
		log_info("x", "e=%s n=1", rows[i].value);
		snprintf(expected, sizeof(expected), "level=info event=x %s", rows[i].logfmt);
		assert_string_equal(logged(), expected);

		log_setup(LOG_INFO, LOG_JSON, NULL);
		log_info("x", "e=%s n=1", rows[i].value);

		struct json *doc = logged_json();

		assert_json(doc, "n", "1");
		json_free(doc);
	}
	log_setup(LOG_INFO, LOG_LOGFMT, NULL);
	log_info("x", "just words");
	assert_string_equal(logged(), "level=info event=x msg=\"just words\"");
}

static void context_goes_with_every_line(void **state)
{
	char long_value[100];

	(void)state;
	memset(long_value, 'v', sizeof(long_value));
	log_setup(LOG_INFO, LOG_LOGFMT, NULL);
	log_push("req", STR("RQ 1"));
	log_push("call", str_n(long_value, sizeof(long_value)));
	log_info("a", "n=1");
	assert_memory_equal(logged(), "level=info event=a req=\"RQ 1\" call=vvvv", 39);
	log_pop();
	log_info("b", "n=2");
	assert_string_equal(logged(), "level=info event=b req=\"RQ 1\" n=2");
	log_pop();
	log_info("c", "n=3");
	assert_string_equal(logged(), "level=info event=c n=3");
}

static void context_beyond_eight_is_counted_only(void **state)
{
	(void)state;
	log_setup(LOG_INFO, LOG_LOGFMT, NULL);
	for (unsigned i = 0; i < 10; i++)
		log_push("k", STR("v"));
	log_info("e", "n=1");
	assert_string_equal(logged(), "level=info event=e k=v k=v k=v k=v k=v k=v k=v k=v n=1");
	for (unsigned i = 0; i < 9; i++)
		log_pop();
	log_info("e", "n=1");
	assert_string_equal(logged(), "level=info event=e k=v n=1");
	log_pop();
}

static void leaves_out_what_does_not_fit(void **state)
{
	struct json *doc;
	const char *line;

	(void)state;
	log_setup(LOG_INFO, LOG_LOGFMT, NULL);
	log_info("e", "a=1 long=%05000d", 1);
	line = logged();
	assert_string_equal(line, "level=info event=e a=1 cut=true");

	log_setup(LOG_INFO, LOG_JSON, NULL);
	log_info("e", "a=%03000d b=%02000d c=3", 1, 2);
	doc = logged_json();
	assert_int_equal(json_string(json_get(doc, "a")).n, 3000);
	assert_null(json_get(doc, "b"));
	assert_json(doc, "cut", "true");
	json_free(doc);
}

#define caught(test) cmocka_unit_test_setup_teardown(test, catch_stderr, release_stderr)

int main(void)
{
	const struct CMUnitTest tests[] = {
		caught(writes_logfmt),
		caught(writes_json),
		caught(keeps_to_its_level),
		caught(escapes_values),
		caught(cuts_long_values_between_characters),
		caught(log_str_keeps_eight),
		caught(forgotten_log_str_breaks_no_line),
		caught(context_goes_with_every_line),
		caught(context_beyond_eight_is_counted_only),
		caught(leaves_out_what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
