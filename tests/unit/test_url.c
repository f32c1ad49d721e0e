/* test_url.c - customers' URLs. */
#include "common/io/url.h"
#include "tests/unit/unit.h"

#define BYTES(literal)                                                                                       \
	{                                                                                                    \
		"" literal, sizeof(literal) - 1                                                              \
	}

static int setup(void **state)
{
	*state = arena_new(1 << 20);
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void knows_http(void **state)
{
	static const struct {
		struct str url;
		bool ok;
	} rows[] = {
		{ BYTES("http://example.com"), true },
		{ BYTES("http://example.com\0/x"), false },
		{ BYTES("http://example.com/a\r\nHost: b"), false },
		{ BYTES("http://example.com/\x7f"), false },
		{ BYTES("http://example.com/a b"), false },
	};
	static const struct {
		const char *url;
		bool ok;
	} more[] = {
		{ "https://user:secret@example.com:8443/voice?x=1#rc=2", true },
		{ "HTTP://example.com/", true },
		{ "http://[2001:db8::1]:80/", true },
		{ "http://127.0.0.1/", true }, /* whether it may be reached is the guard's to say */
		{ "", false },
		{ "example.com", false },
		{ "/voice", false },
		{ "//example.com/voice", false },
		{ "ftp://example.com/", false },
		{ "file:///etc/passwd", false },
		{ "gopher://example.com/", false },
		{ "javascript:alert(1)", false },
		{ "mailto:a@example.com", false },
		{ "http://", false },
		{ "http://example.com:99999/", false },
		{ "http://exa mple.com/", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(url_is_http(*state, rows[i].url), rows[i].ok);
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		if (url_is_http(*state, str_of(more[i].url)) != more[i].ok)
			fail_msg("%s", more[i].url);
	assert_false(url_is_http(*state, STR_NULL));
}

static void bounds_the_length(void **state)
{
	char text[URL_MAX + 2]; /* an absolute URL, and from its 9th byte on a relative one */
	struct str out;

	memset(text, 'a', sizeof(text));
	memcpy(text, "http://h/", 9);
	assert_true(url_is_http(*state, str_n(text, URL_MAX)));
	assert_false(url_is_http(*state, str_n(text, URL_MAX + 1)));
	assert_true(url_resolve(*state, STR("http://h/"), str_n(text + 9, URL_MAX - 9), &out));
	assert_int_equal(out.n, URL_MAX);
	assert_false(url_resolve(*state, STR("http://h/"), str_n(text + 9, URL_MAX - 8), &out));
}

static void resolves_references(void **state)
{
	static const char base[] = "http://user:pw@a.example/b/c/d?q#rc=2";
	static const struct {
		const char *base, *ref, *result; /* NULL: refused */
	} rows[] = {
		{ base, "g", "http://user:pw@a.example/b/c/g" },
		{ base, " g\n", "http://user:pw@a.example/b/c/g" },
		{ base, "./g", "http://user:pw@a.example/b/c/g" },
		{ base, "g/", "http://user:pw@a.example/b/c/g/" },
		{ base, "/g", "http://user:pw@a.example/g" },
		{ base, "//g.example", "http://g.example/" },
		{ base, "?y", "http://user:pw@a.example/b/c/d?y" },
		{ base, "g?y", "http://user:pw@a.example/b/c/g?y" },
		{ base, "g#s", "http://user:pw@a.example/b/c/g" },
		{ base, "#s", "http://user:pw@a.example/b/c/d?q" },
		{ base, "", "http://user:pw@a.example/b/c/d?q" },
		{ base, ".", "http://user:pw@a.example/b/c/" },
		{ base, "..", "http://user:pw@a.example/b/" },
		{ base, "../g", "http://user:pw@a.example/b/g" },
		{ base, "../../g", "http://user:pw@a.example/g" },
		{ base, "../../../g", "http://user:pw@a.example/g" },
		{ base, "https://other.example/x#rc=1", "https://other.example/x" },
		{ NULL, "https://other.example/x?y=1#rc=1", "https://other.example/x?y=1" },
		{ NULL, "/voice", NULL },
		{ NULL, "", NULL },
		{ NULL, "#x", NULL },
		{ base, "ftp://other.example/", NULL },
		{ base, "file:///etc/passwd", NULL },
		{ base, "javascript:alert(1)", NULL },
		{ base, "g\r\nX: y", NULL },
		{ "ftp://a.example/", "g", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str out = STR_NULL;
		const bool ok = url_resolve(*state, str_of(rows[i].base), str_of(rows[i].ref), &out);

		if (ok != (rows[i].result != NULL) || !str_eq(out, str_of(rows[i].result)))
			fail_msg("%s -> " STR_FMT, rows[i].ref, STR_ARG(out));
	}
}

static void finds_the_fragment(void **state)
{
	(void)state;
	assert_str_equal(url_fragment(STR("http://h/a#rc=2&rp=all#x")), "rc=2&rp=all#x");
	assert_str_equal(url_fragment(STR("http://h/a#")), "");
	assert_true(str_is_null(url_fragment(STR("http://h/a"))));
	assert_true(str_is_null(url_fragment(STR_NULL)));
}

static void splits_a_url(void **state)
{
	static const struct {
		const char *url, *host, *path;
		bool is_secure;
	} rows[] = {
		{ "http://a.example", "a.example", "/", false },
		{ "https://user:pw@A.Example:8443/X/y?q=/z#f", "a.example", "/X/y", true },
		{ "HTTP://[2001:DB8::1]:80/%2f", "[2001:db8::1]", "/%2f", false },
		{ "http://127.0.0.1:1/", "127.0.0.1", "/", false },
	};
	static const char *const none[] = { "", "/voice", "voice", "http://", "http://a b/" };
	struct url_parts parts;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(url_split(*state, str_of(rows[i].url), &parts));
		assert_str_equal(parts.host, rows[i].host);
		assert_str_equal(parts.path, rows[i].path);
		assert_int_equal(parts.is_secure, rows[i].is_secure);
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_false(url_split(*state, str_of(none[i]), &parts));
	assert_str_equal(url_no_fragment(STR("http://h/a#b#c")), "http://h/a");
	assert_str_equal(url_no_fragment(STR("http://h/a")), "http://h/a");
}

static void test_a_public_url_names_no_user(void **state)
{
	static const char *const rows[][2] = {
		{ "http://h.example/a?b=1", "http://h.example/a?b=1" },
		{ "http://user:secret@h.example/a", "http://h.example/a" },
		{ "https://user@h.example:8443/", "https://h.example:8443/" },
		{ "http://h.example/a@b", "http://h.example/a@b" },
		{ "http://user:sec ret@h.example/", "" },
	};
	struct arena *arena = arena_new(65536);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(arena_cstr(arena, url_public(arena, str_of(rows[i][0]))), rows[i][1]);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(knows_http, setup, teardown),
		cmocka_unit_test_setup_teardown(bounds_the_length, setup, teardown),
		cmocka_unit_test_setup_teardown(resolves_references, setup, teardown),
		cmocka_unit_test(finds_the_fragment),
		cmocka_unit_test_setup_teardown(splits_a_url, setup, teardown),
		cmocka_unit_test(test_a_public_url_names_no_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
