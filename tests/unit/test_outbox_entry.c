/* test_outbox_entry.c - what the entries of an outbox become: requests, or nothing. */
#include "tests/unit/unit.h"

#include "common/base/json.h"
#include "common/model/gateway.h"
#include "common/model/outbox_entry.h"

#define AC	"AC00000000000000000000000000000001"
#define CA	"CA0000000000000000000000000a000000"
#define SUBJECT AC ":support/alice"
#define LINE	"1795352389763408|busy|1|3|2|1795352389000|1795352389763|busy|in a meeting | back at 3"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena = arena_free(arena);
	return 0;
}

static enum outbox_verdict render(const struct outbox_kind *kind, const char *subject, const char *entry,
				  const char *url, struct webhook_request *out)
{
	const struct account account = { .presence_webhook_url = str_of(url) };
	const struct settings settings = { .gateway_url = (char *)url, .gateway_timeout_ms = 3000 };

	return kind->render(arena, str_of(subject), str_of(entry), &account, &settings, out);
}

static struct str presence_body(const char *entry, struct str *id)
{
	struct webhook_request request;

	assert_int_equal(render(&outbox_of_presence, SUBJECT, entry, "http://a.example/x#y", &request),
			 OUTBOX_SEND);
	assert_int_equal(request.kind, WEBHOOK_JSON);
	assert_str_equal(request.url, "http://a.example/x");
	*id = request.id;
	return request.body;
}

/* ---- presence ---- */

static void test_a_clients_change_becomes_an_event(void **state)
{
	struct str id;
	const struct str body = presence_body("changed|available|1795352389763|" LINE, &id);
	struct json *doc;

	(void)state;
	assert_int_equal(json_parse(body, &doc, NULL), ERR_NONE);
	assert_int_equal(id.n, SID_LEN);
	assert_true(str_starts(id, STR("EV")));
	assert_true(str_eq(json_string(json_get(doc, "id")), id));
	json_free(doc);
	assert_str_equal(
		str_skip(body, strlen("{\"id\":\"") + SID_LEN),
		"\",\"type\":\"presence.changed\",\"account\":\"" AC "\",\"identity\":\"support/alice\","
		"\"status\":\"busy\",\"previous_status\":\"available\",\"ringable\":[\"voice\"],"
		"\"media\":[\"voice\",\"video\"],\"device_count\":2,\"note\":\"in a meeting | back at 3\","
		"\"version\":1795352389763408,\"since\":\"2026-11-22T12:59:49.000Z\","
		"\"occurred_at\":\"2026-11-22T12:59:49.763Z\"}");
}

static void test_an_event_has_the_same_id_each_time_and_no_others(void **state)
{
	struct str first, again, next;

	(void)state;
	(void)presence_body("online|offline|1|7|available|1|1|1|1|1||", &first);
	(void)presence_body("online|offline|1|7|available|1|1|1|1|1||", &again);
	(void)presence_body("changed|available|2|8|away|1|1|1|1|1||", &next);
	assert_true(str_eq(first, again));
	assert_false(str_eq(first, next));
}

static void test_nobody_wants_it_without_a_url(void **state)
{
	struct webhook_request request;

	(void)state;
	assert_int_equal(render(&outbox_of_presence, SUBJECT, "online|offline|1|" LINE, "", &request),
			 OUTBOX_UNWANTED);
	assert_true(request.body.n > 0); /* dead letters show it all the same */
	assert_int_equal(render(&outbox_of_presence, SUBJECT, "online|offline|1|" LINE, "ftp://x", &request),
			 OUTBOX_UNWANTED);
}

static void test_what_is_no_entry_is_not_sent(void **state)
{
	static const struct {
		const struct outbox_kind *kind;
		const char *subject, *entry;
	} rows[] = {
		{ &outbox_of_presence, SUBJECT, "" },
		{ &outbox_of_presence, SUBJECT, "gone|offline|1|" LINE },
		{ &outbox_of_presence, SUBJECT, "online|offline|soon|" LINE },
		{ &outbox_of_presence, SUBJECT, "online|offline|1|" },
		{ &outbox_of_presence, "alice", "online|offline|1|" LINE },
		{ &outbox_of_presence, AC ":a b", "online|offline|1|" LINE },
		{ &outbox_of_calls, CA, "{" },
	};
	struct webhook_request request;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(render(rows[i].kind, rows[i].subject, rows[i].entry, "http://a.example/",
					&request),
				 OUTBOX_UNREADABLE);
}

/* ---- calls ---- */

static void test_a_callback_is_the_request_that_was_written(void **state)
{
	static const char entry[] = "{\"url\":\"http://a.example/s\",\"get\":false,\"account\":\"" AC
				    "\",\"body\":\"CallSid=CA1\",\"id\":\"CA1-3\"}";
	struct webhook_request request;
	struct sid account;

	(void)state;
	assert_int_equal(render(&outbox_of_calls, CA, entry, "", &request), OUTBOX_SEND);
	assert_int_equal(request.kind, WEBHOOK_FORM);
	assert_str_equal(request.url, "http://a.example/s");
	assert_str_equal(request.body, "CallSid=CA1");
	assert_str_equal(request.id, "CA1-3");
	assert_true(outbox_of_calls.account_of(STR(CA), str_of(entry), &account));
	assert_string_equal(account.s, AC);
}

/* ---- gateways ---- */

#define RING "3|" AC "|5000|ring|{\"action\":\"ring\"}"

static void test_a_gateway_is_posted_what_was_written(void **state)
{
	struct webhook_request request;
	struct sid account;

	(void)state;
	assert_int_equal(render(&outbox_of_gateway, "g:" CA, RING, "http://gw.example/x#y", &request),
			 OUTBOX_SEND);
	assert_int_equal(request.kind, WEBHOOK_JSON);
	assert_str_equal(request.url, "http://gw.example/x");
	assert_str_equal(request.body, "{\"action\":\"ring\"}");
	assert_str_equal(request.id, CA "-g3");
	assert_int_equal(request.total_ms, 3000);
	assert_true(outbox_of_gateway.account_of(STR("g:" CA), STR(RING), &account));
	assert_string_equal(account.s, AC);
	assert_int_equal(render(&outbox_of_gateway, "g:" CA, RING, "", &request), OUTBOX_UNWANTED);
	assert_int_equal(render(&outbox_of_gateway, "g:" CA, "3|" AC "|x|ring|{}", "http://gw.example/",
				&request),
			 OUTBOX_UNREADABLE);
}

static void test_what_a_gateway_refuses_is_over_and_what_fails_is_until_its_time(void **state)
{
	static const struct {
		enum err err;
		unsigned status;
		int64_t now_ms;
		bool is_over;
	} rows[] = {
		{ ERR_NONE, 404, 0, true },
		{ ERR_NONE, 486, 0, true },
		{ ERR_NONE, 408, 0, false },
		{ ERR_NONE, 429, 0, false },
		{ ERR_NONE, 500, 4999, false },
		{ ERR_NONE, 503, 5000, true },
		{ ERR_FETCH_CONNECT, 0, 4999, false },
		{ ERR_FETCH_CONNECT, 0, 5000, true },
		{ ERR_FETCH_CONNECT, 404, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct http_result result = { .err = rows[i].err, .status = rows[i].status };

		assert_int_equal(outbox_of_gateway.is_over(STR(RING), &result, rows[i].now_ms),
				 rows[i].is_over);
	}
}

/* ---- whose, and where ---- */

static void test_a_subject_tells_where_it_lies(void **state)
{
	struct key_slot slot;
	struct sid account;

	(void)state;
	assert_true(outbox_of_calls.slot_of(STR(CA), &slot));
	assert_int_equal(slot.kind, 'c');
	assert_false(outbox_of_calls.slot_of(STR(SUBJECT), &slot));
	assert_false(outbox_of_calls.slot_of(STR("g:" CA), &slot));
	assert_true(outbox_of_gateway.slot_of(STR("g:" CA), &slot));
	assert_int_equal(slot.kind, 'c');
	assert_false(outbox_of_gateway.slot_of(STR(CA), &slot));
	assert_true(outbox_of_presence.slot_of(STR(SUBJECT), &slot));
	assert_int_equal(slot.kind, 'p');
	assert_int_equal(slot.number, key_partition(STR(AC), STR("support/alice")));
	assert_false(outbox_of_presence.slot_of(STR(CA), &slot));
	assert_true(outbox_of_presence.account_of(STR(SUBJECT), STR(""), &account));
	assert_string_equal(account.s, AC);
	assert_false(outbox_of_calls.account_of(STR(CA), STR("{\"account\":\"x\"}"), &account));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_clients_change_becomes_an_event),
		cmocka_unit_test(test_an_event_has_the_same_id_each_time_and_no_others),
		cmocka_unit_test(test_nobody_wants_it_without_a_url),
		cmocka_unit_test(test_what_is_no_entry_is_not_sent),
		cmocka_unit_test(test_a_callback_is_the_request_that_was_written),
		cmocka_unit_test(test_a_gateway_is_posted_what_was_written),
		cmocka_unit_test(test_what_a_gateway_refuses_is_over_and_what_fails_is_until_its_time),
		cmocka_unit_test(test_a_subject_tells_where_it_lies),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
