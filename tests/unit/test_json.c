/* test_json.c - strict JSON in, streaming JSON out.
 *
 * The table of refused texts holds every leniency of cJSON that we know of.
 */
#include "common/base/json.h"
#include "tests/unit/unit.h"

enum { OUT_CAP = 1000000 };

static struct json *must_parse(const char *text)
{
	struct json *doc = NULL;

	assert_int_equal(json_parse(str_of(text), &doc, NULL), ERR_NONE);
	assert_non_null(doc);
	return doc;
}

/* The document as it is written again. */
static void assert_rewritten(const char *text, const char *expected)
{
	struct json *doc = must_parse(text);
	struct json_writer w;
	struct buf out;

	buf_init(&out, OUT_CAP);
	json_begin(&w, &out);
	json_put(&w, doc);
	assert_string_equal(buf_cstr(&out), expected);
	buf_fini(&out);
	json_free(doc);
}

static void takes_json(void **state)
{
	static const struct {
		const char *text, *rewritten;
	} rows[] = {
		{ "{}", "{}" },
		{ " [ ] ", "[]" },
		{ "\t\r\n {\"a\" : [ 1 , true,false , null ] } \n", "{\"a\":[1,true,false,null]}" },
		{ "\"text\"", "\"text\"" },
		{ "0", "0" },
		{ "-0", "0" },
		{ "-12", "-12" },
		{ "9007199254740991", "9007199254740991" },
		{ "-9007199254740991", "-9007199254740991" },
		{ "1e15", "1000000000000000" },
		{ "1.5E+2", "150" },
		{ "2.5", "2.5" },
		{ "0.1", "0.1" },
		{ "0.30000000000000004", "0.30000000000000004" },
		{ "1e300", "1e+300" },
		{ "9007199254992547.5", "9.0071992549925480e+15" },
		{ "12345678901234567e0", "1.2345678901234568e+16" },
		{ "1e-7", "1e-07" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"" },
		{ "\"\\u0041\\u00e9\\u20AC\"", "\"A\xc3\xa9\xe2\x82\xac\"" },
		{ "\"\\ud83d\\uDE00\"", "\"\xf0\x9f\x98\x80\"" },
		{ "\"\\u0001\\u001f\x7f\"", "\"\\u0001\\u001f\x7f\"" },
		{ "\"\\\\u0000\"", "\"\\\\u0000\"" },
		{ "{\"\":1}", "{\"\":1}" },
		{ "{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}" },
		{ "{\"a\":{\"a\":{\"a\":1}}}", "{\"a\":{\"a\":{\"a\":1}}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_rewritten(rows[i].text, rows[i].rewritten);
}

#define REFUSED(literal, at)                                                                                 \
	{                                                                                                    \
		{ "" literal, sizeof(literal) - 1 }, at, literal                                             \
	}

static const struct refused {
	struct str text;
	size_t at; /* where reading stops */
	const char *name;
} refused[] = {
	/* 4.4.2: duplicate keys, also by escapes and deeper down */
	REFUSED("{\"a\":1,\"a\":2}", 13),
	REFUSED("{\"a\":1,\"\\u0061\":2}", 18),
	REFUSED("[{\"b\":{\"a\":1,\"c\":1,\"a\":1}}]", 27),
	/* 4.4.3: NUL, by escape and raw */
	REFUSED("\"AC1\\u0000evil\"", 10),
	REFUSED("{\"\\u0000\":1}", 8),
	REFUSED("\"AC1\0evil\"", 4),
	REFUSED("{}\0", 2),
	/* 4.4.4: trailing bytes and numbers that are none */
	REFUSED("{\"a\":1}}}}", 7),
	REFUSED("{} x", 3),
	REFUSED("{}{}", 2),
	REFUSED("0x10", 1),
	REFUSED("01", 1),
	REFUSED("-01", 2),
	REFUSED("1.", 2),
	REFUSED("[1.]", 3),
	REFUSED(".5", 0),
	REFUSED("+1", 0),
	REFUSED("-", 1),
	REFUSED("1e", 2),
	REFUSED("1e+", 3),
	REFUSED("NaN", 0),
	REFUSED("Infinity", 0),
	REFUSED("-Infinity", 1),
	/* 4.4.5: numbers that a double cannot hold */
	REFUSED("9007199254740992", 16),
	REFUSED("-9007199254740993", 17),
	REFUSED("[12345678901234567890]", 21),
	REFUSED("1e999", 5),
	REFUSED("-1e999", 6),
	REFUSED("0.1234567890123456789012345678901234567890123456789012345678901234567890", 72),
	/* 4.4.8: bytes that are not UTF-8, and what is no character */
	REFUSED("\"\xff\"", 1),
	REFUSED("\"\xc0\xaf\"", 1),
	REFUSED("\"\xed\xa0\x80\"", 1),
	REFUSED("\"ab\xe2\x82\"", 3),
	REFUSED("\"\\ud800\"", 7),
	REFUSED("\"\\ud800\\u0041\"", 13),
	REFUSED("\"\\ud800\\ud800\"", 13),
	REFUSED("\"\\udc00\"", 7),
	REFUSED("\"\\ud800\\n\"", 8),
	REFUSED("\xef\xbb\xbf{}", 0),
	/* the grammar */
	REFUSED("", 0),
	REFUSED("  ", 2),
	REFUSED("{", 1),
	REFUSED("[", 1),
	REFUSED("[1,]", 3),
	REFUSED("[,1]", 1),
	REFUSED("[1 2]", 3),
	REFUSED("[1}", 2),
	REFUSED("{\"a\":1,}", 7),
	REFUSED("{\"a\"}", 4),
	REFUSED("{\"a\" 1}", 5),
	REFUSED("{a:1}", 1),
	REFUSED("{1:1}", 1),
	REFUSED("{'a':1}", 1),
	REFUSED("\"a", 2),
	REFUSED("\"a\\\"", 4),
	REFUSED("\"\\", 2),
	REFUSED("\"\\x\"", 2),
	REFUSED("\"\\u12\"", 5),
	REFUSED("\"\\u12g4\"", 5),
	REFUSED("\"\n\"", 1),
	REFUSED("\"\t\"", 1),
	REFUSED("True", 0),
	REFUSED("nul", 0),
	REFUSED("truex", 4),
	REFUSED("// c\n{}", 0),
	REFUSED("\v{}", 0),
};

static void refuses_what_is_no_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct json *doc = NULL;
		size_t at = 9999;
		const enum err err = json_parse(refused[i].text, &doc, &at);

		if (err != ERR_BAD_JSON || doc || at != refused[i].at)
			fail_msg("%s: %s at %zu", refused[i].name, err_name(err), at);
	}
}

/* n times `open`, then n times `close` */
static void fill_nested(struct buf *out, unsigned n, const char *open, const char *close)
{
	buf_clear(out);
	for (unsigned i = 0; i < n; i++)
		buf_puts(out, open);
	for (unsigned i = 0; i < n; i++)
		buf_puts(out, close);
}

static enum err parse_and_free(const struct buf *text)
{
	struct json *doc = NULL;
	const enum err err = json_parse(buf_str(text), &doc, NULL);

	assert_int_equal(doc != NULL, err == ERR_NONE);
	json_free(doc);
	return err;
}

/* 4.4.6 */
static void bounds_depth_and_count(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, OUT_CAP);
	fill_nested(&text, JSON_MAX_DEPTH, "[", "]");
	assert_int_equal(parse_and_free(&text), ERR_NONE);
	fill_nested(&text, JSON_MAX_DEPTH + 1, "[", "]");
	assert_int_equal(parse_and_free(&text), ERR_BAD_JSON);
	fill_nested(&text, JSON_MAX_DEPTH, "[{\"a\":", "}]");
	assert_int_equal(parse_and_free(&text), ERR_BAD_JSON);
	fill_nested(&text, 200000, "[", ""); /* so deep that a recursion would run out of stack */
	assert_int_equal(parse_and_free(&text), ERR_BAD_JSON);

	buf_clear(&text); /* depth is not the number of arrays */
	buf_puts(&text, "[[]");
	for (unsigned i = 0; i < 2 * JSON_MAX_DEPTH; i++)
		buf_puts(&text, ",[]");
	buf_puts(&text, "]");
	assert_int_equal(parse_and_free(&text), ERR_NONE);

	buf_clear(&text);
	buf_puts(&text, "[0");
	for (unsigned i = 2; i < JSON_MAX_NODES; i++)
		buf_puts(&text, ",0");
	buf_puts(&text, "]");
	assert_int_equal(parse_and_free(&text), ERR_NONE);
	text.n--;
	buf_puts(&text, ",0]");
	assert_int_equal(parse_and_free(&text), ERR_BAD_JSON);
	buf_fini(&text);
}

/* 4.4.7: large objects cost no quadratic time, and twins are found in them too. */
static void checks_large_objects(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, OUT_CAP);
	buf_puts(&text, "{\"x\":0");
	for (unsigned i = 0; i < 15000; i++)
		buf_printf(&text, ",\"k%u\":%u", i, i);
	buf_puts(&text, "}");
	assert_int_equal(parse_and_free(&text), ERR_NONE);
	text.n--;
	buf_puts(&text, ",\"k7\":1}");
	assert_int_equal(parse_and_free(&text), ERR_BAD_JSON);
	buf_fini(&text);
}

/* 4.4.1 and the three outcomes */
static void gets_values(void **state)
{
	struct json *doc =
		must_parse("{\"Name\":\"x\",\"n\":7,\"f\":7.5,\"big\":1e17,\"no\":null,\"yes\":true,"
			   "\"list\":[1,\"b\",{}],\"o\":{\"p\":false}}");
	const struct json *list = json_get(doc, "list");
	int64_t number = 1;

	(void)state;
	assert_true(json_is_object(doc));
	assert_null(json_get(doc, "name"));
	assert_null(json_get(doc, "no"));
	assert_null(json_get(list, "Name"));
	assert_null(json_get(NULL, "Name"));
	assert_str_equal(json_string(json_get(doc, "Name")), "x");
	assert_true(str_is_null(json_string(json_get(doc, "n"))));
	assert_true(str_is_null(json_string(NULL)));
	assert_true(json_integer(json_get(doc, "n"), &number));
	assert_int_equal(number, 7);
	assert_false(json_integer(json_get(doc, "f"), &number));
	assert_false(json_integer(json_get(doc, "big"), &number));
	assert_false(json_integer(json_get(doc, "yes"), &number));
	assert_false(json_integer(json_get(doc, "Name"), &number));
	assert_false(json_integer(NULL, &number));
	assert_int_equal(number, 7);
	assert_true(json_is_true(json_get(doc, "yes")));
	assert_true(json_is_bool(json_get(json_get(doc, "o"), "p")));
	assert_false(json_is_true(json_get(json_get(doc, "o"), "p")));
	assert_int_equal(json_count(doc), 8);
	assert_int_equal(json_count(list), 3);
	assert_int_equal(json_count(NULL), 0);
	assert_true(json_is_string(json_next(json_first(list))));
	assert_str_equal(json_key(json_next(json_first(doc))), "n");
	assert_null(json_next(json_next(json_next(json_first(list)))));
	assert_null(json_free(doc));
	assert_null(json_free(NULL));
}

static const char fields[] =
	"{\"s\":\"abc\",\"empty\":\"\",\"i\":5,\"b\":true,\"a\":[1,2],\"o\":{},\"null\":null}";

#define assert_fault(fault, name, text, is_missing)                                                          \
	do {                                                                                                 \
		assert_string_equal((fault).field, name);                                                    \
		assert_string_equal((fault).why, text);                                                      \
		assert_int_equal((fault).missing, is_missing);                                               \
	} while (0)

static void gets_strings_and_numbers(void **state)
{
	struct json *doc = must_parse(fields);
	struct json_fault fault;
	struct str s = STR("before");
	int64_t i = 77;
	bool b = true;

	(void)state;
	assert_true(json_get_str(doc, "s", JSON_REQUIRED, 3, &s, &fault));
	assert_str_equal(s, "abc");
	assert_true(json_get_str(doc, "empty", JSON_REQUIRED, 3, &s, &fault));
	assert_str_equal(s, "");
	assert_true(json_get_str(doc, "none", JSON_OPTIONAL, 3, &s, &fault));
	assert_true(str_is_null(s));
	assert_false(json_get_str(doc, "s", JSON_OPTIONAL, 2, &s, &fault));
	assert_fault(fault, "s", "has to be a string of at most 2 bytes", false);
	assert_false(json_get_str(doc, "i", JSON_OPTIONAL, 9, &s, &fault));
	assert_fault(fault, "i", "has to be a string of at most 9 bytes", false);
	assert_false(json_get_str(doc, "null", JSON_REQUIRED, 9, &s, &fault));
	assert_fault(fault, "null", "is missing", true);

	assert_true(json_get_int(doc, "none", JSON_OPTIONAL, 0, 9, &i, &fault));
	assert_int_equal(i, 77);
	assert_true(json_get_int(doc, "i", JSON_OPTIONAL, 5, 5, &i, &fault));
	assert_int_equal(i, 5);
	assert_false(json_get_int(doc, "i", JSON_OPTIONAL, 6, 9, &i, &fault));
	assert_fault(fault, "i", "has to be a whole number from 6 to 9", false);
	assert_false(json_get_int(doc, "i", JSON_OPTIONAL, -9, 4, &i, &fault));
	assert_false(json_get_int(doc, "s", JSON_OPTIONAL, 0, 9, &i, &fault));
	assert_false(json_get_int(doc, "none", JSON_REQUIRED, 0, 9, &i, &fault));
	assert_fault(fault, "none", "is missing", true);

	assert_true(json_get_bool(doc, "none", &b, &fault));
	assert_true(b);
	assert_false(json_get_bool(doc, "i", &b, &fault));
	assert_fault(fault, "i", "has to be true or false", false);
	b = false;
	assert_true(json_get_bool(doc, "b", &b, &fault));
	assert_true(b);
	json_free(doc);
}

static void gets_arrays_and_objects(void **state)
{
	struct json *doc = must_parse(fields);
	struct json_fault fault;
	const struct json *v = doc;

	(void)state;
	assert_true(json_get_array(doc, "a", JSON_REQUIRED, 2, &v, &fault));
	assert_int_equal(json_count(v), 2);
	assert_true(json_get_array(doc, "none", JSON_OPTIONAL, 2, &v, &fault));
	assert_null(v);
	assert_false(json_get_array(doc, "a", JSON_REQUIRED, 1, &v, &fault));
	assert_fault(fault, "a", "has to be an array of at most 1 values", false);
	assert_false(json_get_array(doc, "o", JSON_OPTIONAL, 1, &v, &fault));
	assert_false(json_get_array(doc, "none", JSON_REQUIRED, 1, &v, &fault));
	assert_fault(fault, "none", "is missing", true);

	assert_true(json_get_object(doc, "o", JSON_REQUIRED, &v, &fault));
	assert_true(json_is_object(v));
	assert_false(json_get_object(doc, "a", JSON_REQUIRED, &v, &fault));
	assert_fault(fault, "a", "has to be an object", false);
	assert_true(json_get_object(doc, "null", JSON_OPTIONAL, &v, &fault));
	assert_null(v);
	assert_false(json_get_object(doc, "null", JSON_REQUIRED, &v, &fault));

	memset(&fault, 'x', sizeof(fault));
	assert_false(json_fault_set(&fault, "attributes.skill", "has %d values", 17));
	assert_fault(fault, "attributes.skill", "has 17 values", false);
	json_free(doc);
}

static void writes(void **state)
{
	struct json *doc = must_parse("{\"x\":[null]}");
	struct json_writer w;
	struct buf out;

	(void)state;
	buf_init(&out, OUT_CAP);
	json_begin(&w, &out);
	json_object(&w);
	json_str(&w, "s", STR("a\"b"));
	json_str(&w, "null", STR_NULL);
	json_int(&w, "min", INT64_MIN);
	json_bool(&w, "yes", true);
	json_name(&w, "list");
	json_array(&w);
	json_put_int(&w, 1);
	json_put_str(&w, STR(""));
	json_put_null(&w);
	json_array(&w);
	json_array_end(&w);
	json_object(&w);
	json_bool(&w, "no", false);
	json_object_end(&w);
	json_put_raw(&w, STR("{\"raw\":1}"));
	json_array_end(&w);
	json_name_str(&w, str_n("doc?", 3));
	json_put(&w, doc);
	json_object_end(&w);
	assert_string_equal(buf_cstr(&out),
			    "{\"s\":\"a\\\"b\",\"null\":null,\"min\":-9223372036854775808,\"yes\":true,"
			    "\"list\":[1,\"\",null,[],{\"no\":false},{\"raw\":1}],"
			    "\"doc\":{\"x\":[null]}}");
	buf_fini(&out);
	json_free(doc);
}

/* What is written can always be read, whatever bytes go in. */
static void writes_any_bytes(void **state)
{
	static const struct {
		struct str bytes;
		const char *written;
	} rows[] = {
		{ { "a\0b", 3 }, "\"a\\u0000b\"" },
		{ { "\x01\x1f\x7f", 3 }, "\"\\u0001\\u001f\x7f\"" },
		{ { "\b\f\n\r\t\\\"/", 8 }, "\"\\b\\f\\n\\r\\t\\\\\\\"/\"" },
		{ { "\xff", 1 }, "\"\xef\xbf\xbd\"" },
		{ { "a\xe2\x82", 3 }, "\"a\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ { "\xed\xa0\x80!", 4 }, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!\"" },
		{ { "\xc3\xa9", 2 }, "\"\xc3\xa9\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json_writer w;
		struct buf out;

		buf_init(&out, OUT_CAP);
		json_begin(&w, &out);
		json_put_str(&w, rows[i].bytes);
		assert_string_equal(buf_cstr(&out), rows[i].written);
		buf_fini(&out);
	}
}

static void writes_the_deepest_document_below_its_own(void **state)
{
	struct json_writer w;
	struct json *doc = NULL;
	struct buf text, out;

	(void)state;
	buf_init(&text, OUT_CAP);
	buf_init(&out, OUT_CAP);
	fill_nested(&text, JSON_MAX_DEPTH, "[", "]");
	assert_int_equal(json_parse(buf_str(&text), &doc, NULL), ERR_NONE);
	json_begin(&w, &out);
	for (unsigned i = 0; i < JSON_MAX_DEPTH - 1; i++)
		json_array(&w);
	json_put(&w, doc);
	for (unsigned i = 0; i < JSON_MAX_DEPTH - 1; i++)
		json_array_end(&w);
	assert_int_equal(out.n, 2 * (2 * JSON_MAX_DEPTH - 1));
	json_free(doc);
	buf_fini(&text);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_json),
		cmocka_unit_test(refuses_what_is_no_json),
		cmocka_unit_test(bounds_depth_and_count),
		cmocka_unit_test(checks_large_objects),
		cmocka_unit_test(gets_values),
		cmocka_unit_test(gets_strings_and_numbers),
		cmocka_unit_test(gets_arrays_and_objects),
		cmocka_unit_test(writes),
		cmocka_unit_test(writes_any_bytes),
		cmocka_unit_test(writes_the_deepest_document_below_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
