/* test_http_route.c - the route table, by cases. */
#include "tests/unit/unit.h"

#include "common/io/http_route.h"

static void handler(struct req *req)
{
	(void)req;
}

static const struct route routes[] = {
	{ HTTP_GET, "/healthz", 0, handler },
	{ HTTP_POST, "/v1/Accounts/{A}/Presence/Query", 0, handler },
	{ HTTP_GET, "/v1/Accounts/{A}/Presence/{identity}", 0, handler },
	{ HTTP_PUT, "/v1/Accounts/{A}/Presence/{identity}", 0, handler },
	{ HTTP_GET, "/2010/Accounts/{A}.json", 0, handler },
	{ HTTP_GET, "/2010/Accounts/{A}/Calls.json", 0, handler },
	{ HTTP_GET, "/2010/Accounts/{A}/Calls/{CA}.json", 0, handler },
};
static const struct http_app app = { routes, ARRAY_LEN(routes), NULL };

enum { GET = 1u << HTTP_GET, POST = 1u << HTTP_POST, PUT = 1u << HTTP_PUT };

static void finds_by_table(void **state)
{
	static const struct {
		enum http_method method;
		const char *path;
		enum route_result result;
		int row;	  /* -1: none */
		unsigned allowed; /* of BAD_METHOD */
		const char *last; /* raw value of the last parameter */
	} cases[] = {
		{ HTTP_GET, "/healthz", ROUTE_FOUND, 0, 0, NULL },
		{ HTTP_POST, "/healthz", ROUTE_BAD_METHOD, -1, GET, NULL },
		{ HTTP_GET, "/healthz/", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_GET, "//healthz", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_GET, "healthz", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_GET, "/healthZ", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_GET, "/%68ealthz", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_GET, "/", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_GET, "", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_GET, "*", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_POST, "/v1/Accounts/AC1/Presence/Query", ROUTE_FOUND, 1, 0, "AC1" },
		{ HTTP_GET, "/v1/Accounts/AC1/Presence/Query", ROUTE_FOUND, 2, 0, "Query" },
		{ HTTP_GET, "/v1/Accounts/AC1/Presence/a%2Fb", ROUTE_FOUND, 2, 0, "a%2Fb" },
		{ HTTP_PUT, "/v1/Accounts/AC1/Presence/a", ROUTE_FOUND, 3, 0, "a" },
		{ HTTP_DELETE, "/v1/Accounts/AC1/Presence/a", ROUTE_BAD_METHOD, -1, GET | PUT, NULL },
		{ HTTP_DELETE, "/v1/Accounts/AC1/Presence/Query", ROUTE_BAD_METHOD, -1, GET | PUT | POST,
		  NULL },
		{ HTTP_GET, "/v1/Accounts/AC1/Presence/a/b", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_GET, "/v1/Accounts/AC1/Presence/", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_GET, "/v1/Accounts//Presence/a", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_GET, "/2010/Accounts/AC1.json", ROUTE_FOUND, 4, 0, "AC1" },
		{ HTTP_GET, "/2010/Accounts/.json", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_GET, "/2010/Accounts/AC1", ROUTE_NOT_FOUND, -1, 0, NULL },
		{ HTTP_GET, "/2010/Accounts/AC1/Calls.json", ROUTE_FOUND, 5, 0, "AC1" },
		{ HTTP_GET, "/2010/Accounts/AC1/Calls/CA2.json", ROUTE_FOUND, 6, 0, "CA2" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct route_match match;
		const enum route_result result =
			route_find(&app, cases[i].method, str_of(cases[i].path), &match);

		if (result != cases[i].result)
			fail_msg("%s: result %d", cases[i].path, (int)result);
		if (cases[i].row >= 0)
			assert_ptr_equal(match.route, &routes[cases[i].row]);
		if (result == ROUTE_BAD_METHOD)
			assert_int_equal(match.allowed, cases[i].allowed);
		if (cases[i].last)
			assert_str_equal(match.values[match.n - 1], cases[i].last);
		else
			assert_int_equal(match.n, 0);
	}
}

static void parameters_have_their_names(void **state)
{
	struct route_match match;

	(void)state;
	assert_int_equal(route_find(&app, HTTP_GET, STR("/2010/Accounts/AC1/Calls/CA2.json"), &match),
			 ROUTE_FOUND);
	assert_int_equal(match.n, 2);
	assert_str_equal(match.names[0], "A");
	assert_str_equal(match.values[0], "AC1");
	assert_str_equal(match.names[1], "CA");
	assert_str_equal(match.values[1], "CA2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_table),
		cmocka_unit_test(parameters_have_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
