/* test_cookies.c - the cookies of a call: kept for their host, sent where they belong, bounded. */
#include "tests/unit/unit.h"

#include "routing-svc/cookies.h"

enum { NOW_S = 1795328248 };

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(16 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static struct url_parts parts_of(const char *url)
{
	struct url_parts parts;

	assert_true(url_split(arena, str_of(url), &parts));
	return parts;
}

static struct str taken(struct str jar, const char *url, const char *set_cookie)
{
	const struct url_parts from = parts_of(url);

	return cookies_take(arena, jar, &from, NOW_S, str_of(set_cookie));
}

static void assert_sent(struct str jar, const char *url, uint64_t now_s, const char *expected)
{
	const struct url_parts to = parts_of(url);

	assert_str_equal(cookies_for(arena, jar, &to, now_s), expected);
}

static void test_goes_back_where_it_belongs_only(void **state)
{
	static const struct {
		const char *from, *set, *to, *sent;
	} rows[] = {
		{ "http://a.example/voice", "a=1", "http://a.example/voice", "a=1" },
		{ "http://a.example/voice", "a=1", "http://A.Example/other?x=1", "a=1" },
		{ "http://a.example:8080/voice", "a=1", "https://a.example/", "a=1" },
		{ "http://a.example/voice", "a=1", "http://b.example/voice", "" },
		{ "http://a.example/voice", "a=1", "http://sub.a.example/voice", "" },
		{ "http://sub.a.example/voice", "a=1; Domain=a.example", "http://a.example/", "" },
		{ "http://sub.a.example/voice", "a=1; Domain=a.example", "http://sub.a.example/", "a=1" },
		{ "http://a.example/voice", "a=1; Domain=b.example", "http://b.example/", "" },
		{ "http://[::1]/voice", "a=1", "http://[::1]:81/voice", "a=1" },
		/* below its path */
		{ "http://a.example/x/y/voice", "a=1", "http://a.example/x/y/next", "a=1" },
		{ "http://a.example/x/y/voice", "a=1", "http://a.example/x/y", "a=1" },
		{ "http://a.example/x/y/voice", "a=1", "http://a.example/x/", "" },
		{ "http://a.example/x/y/voice", "a=1", "http://a.example/x/yz", "" },
		{ "http://a.example/x/voice", "a=1; Path=/", "http://a.example/", "a=1" },
		{ "http://a.example/x/voice", "a=1; path=/b/", "http://a.example/b/c", "a=1" },
		{ "http://a.example/x/voice", "a=1; path=/b/", "http://a.example/b", "" },
		{ "http://a.example/x/voice", "a=1; Path=elsewhere", "http://a.example/x/", "a=1" },
		/* Secure */
		{ "https://a.example/voice", "a=1; Secure", "https://a.example/", "a=1" },
		{ "https://a.example/voice", "a=1; secure; HttpOnly", "http://a.example/", "" },
		{ "https://a.example/voice", "a=1", "http://a.example/", "a=1" },
		{ "http://a.example/voice", "a=1; Secure", "https://a.example/", "" },
		/* shapes */
		{ "http://a.example/", " a = b c ; Path=/ ; SameSite=Lax", "http://a.example/", "a=b c" },
		{ "http://a.example/", "a=", "http://a.example/", "a=" },
		{ "http://a.example/", "a=b=c==", "http://a.example/", "a=b=c==" },
		{ "http://a.example/", "a=\"x y\"", "http://a.example/", "a=\"x y\"" },
		{ "http://a.example/", "a", "http://a.example/", "" },
		{ "http://a.example/", "=b", "http://a.example/", "" },
		{ "http://a.example/", "", "http://a.example/", "" },
		{ "http://a.example/", "a b=c", "http://a.example/", "" },
		{ "http://a.example/", "a=b\tc", "http://a.example/", "" },
		{ "http://a.example/", "a=b\nX: y", "http://a.example/", "" },
		{ "http://a.example/", "a=\xc3\xbc", "http://a.example/", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_sent(taken(STR(""), rows[i].from, rows[i].set), rows[i].to, NOW_S, rows[i].sent);
}

static void test_the_newest_of_a_name_counts(void **state)
{
	struct str jar = taken(STR_NULL, "http://a.example/", "a=1");

	(void)state;
	jar = taken(jar, "http://a.example/", "b=2");
	jar = taken(jar, "http://a.example/", "a=3");
	assert_sent(jar, "http://a.example/x", NOW_S, "b=2; a=3");
	jar = taken(jar, "http://a.example/x/", "a=4");
	assert_sent(jar, "http://a.example/x/", NOW_S, "b=2; a=3; a=4");
	jar = taken(jar, "http://b.example/", "a=5");
	assert_sent(jar, "http://a.example/", NOW_S, "b=2; a=3");
	assert_sent(jar, "http://b.example/", NOW_S, "a=5");
}

static void test_ends_in_its_time(void **state)
{
	static const struct {
		const char *set;
		unsigned lives_s; /* 0: not at all; 1000: as long as the call */
	} rows[] = {
		{ "a=1; Max-Age=10", 10 },
		{ "a=1; Max-Age=0", 0 },
		{ "a=1; Max-Age=-5", 0 },
		{ "a=1; Max-Age=soon", 1000 },
		{ "a=1; Max-Age=99999999999999999", 1000 },
		{ "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "a=1; Expires=Thu, 01-Jan-1970 00:00:00 GMT", 0 },
		{ "a=1; Expires=Sun, 22 Nov 2026 06:17:38 GMT", 10 },
		{ "a=1; Expires=Sun, 22-Nov-26 06:17:38 GMT", 10 },
		{ "a=1; Expires=tomorrow", 1000 },
		{ "a=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 10 },
		{ "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=10", 10 },
	};
	const char *const url = "http://a.example/";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct str jar = taken(taken(STR(""), url, "a=old"), url, rows[i].set);
		const unsigned lives_s = rows[i].lives_s;

		assert_sent(jar, url, NOW_S, lives_s > 0 ? "a=1" : "");
		assert_sent(jar, url, NOW_S + 9, lives_s > 9 ? "a=1" : "");
		assert_sent(jar, url, NOW_S + 10, lives_s > 10 ? "a=1" : "");
	}
}

static void test_there_is_an_end_to_them(void **state)
{
	const struct url_parts url = parts_of("http://a.example/");
	struct str jar = STR(""), sent, one;
	char large[COOKIES_BYTES], set[32];
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(set, sizeof(set), "n%u=%u", i, i);
		jar = taken(jar, "http://a.example/", set);
	}
	sent = cookies_for(arena, jar, &url, NOW_S);
	assert_true(str_starts(sent, STR("n80=80; n81=81;")));
	while (str_split(&sent, ';', &one))
		n++;
	assert_int_equal(n, COOKIES_MAX);

	memset(large, 'x', sizeof(large));
	memcpy(large, "a=", 2);
	large[4000] = '\0';
	jar = STR("");
	for (unsigned i = 0; i < 5; i++) {
		large[0] = (char)('a' + i);
		jar = taken(jar, "http://a.example/", large);
		assert_true(jar.n <= COOKIES_BYTES);
	}
	sent = cookies_for(arena, jar, &url, NOW_S);
	assert_true(str_starts(sent, STR("d=x")));
	assert_int_equal(sent.n, 2 * 4000 + 2);
	large[4000] = 'x';
	large[5000] = '\0';
	large[0] = 'z';
	assert_str_equal(taken(jar, "http://a.example/", large), arena_cstr(arena, jar));
}

static void test_a_jar_that_is_none_sends_nothing(void **state)
{
	static const char *const jars[] = {
		"x", "\n\n", "0 - a.example / a", "0 - a.example", "x - a.example / a=1\n", "0"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(jars); i++)
		assert_sent(str_of(jars[i]), "http://b.example/", NOW_S, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goes_back_where_it_belongs_only),
		cmocka_unit_test(test_the_newest_of_a_name_counts),
		cmocka_unit_test(test_ends_in_its_time),
		cmocka_unit_test(test_there_is_an_end_to_them),
		cmocka_unit_test(test_a_jar_that_is_none_sends_nothing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
