/* test_instructions_json.c - the JSON form: the same verbs, strict types, a path for every mistake. */
#include "tests/unit/instructions_support.h"

static const char whole[] =
	"{\"instructions\":["
	"{\"verb\":\"pause\",\"length\":2},"
	"{\"verb\":\"dial\",\"timeout\":20,\"time_limit\":600,\"action\":\"/after\",\"method\":\"GET\","
	"\"caller_id\":\"client:bob\",\"sequential\":true,\"clients\":["
	"{\"identity\":\"alice\",\"parameters\":{\"k\":\"v \xc3\xbc\",\"empty\":\"\"}},"
	"{\"identity\":\"support/bob\",\"status_callback\":\"https://example.com/"
	"e\",\"status_callback_method\":\"GET\","
	"\"status_callback_event\":[\"ringing\",\"completed\"]}]},"
	"{\"verb\":\"say\",\"text\":\"hello\"},"
	"{\"verb\":\"redirect\",\"url\":\"/next\",\"method\":\"post\"},"
	"{\"verb\":\"reject\",\"reason\":\"busy\"},"
	"{\"verb\":\"hangup\"}]}";

static void test_whole(void **state)
{
	const struct instructions *out = parse_ok(JSON, whole);
	const struct verb *dial = &out->verbs[1];

	(void)state;
	assert_int_equal(out->n, 6);
	assert_int_equal(out->n_warnings, 0);
	assert_int_equal(out->verbs[0].kind, VERB_PAUSE);
	assert_int_equal(out->verbs[0].length_s, 2);
	assert_int_equal(out->verbs[0].line, 0);

	assert_int_equal(dial->kind, VERB_DIAL);
	assert_str(dial->name, "Dial");
	assert_int_equal(dial->timeout_s, 20);
	assert_int_equal(dial->time_limit_s, 600);
	assert_str(dial->url, "/after");
	assert_true(dial->get);
	assert_int_equal(dial->strategy, STRATEGY_IN_ORDER);
	assert_str(dial->caller_id, "client:bob");
	assert_int_equal(dial->n_targets, 2);
	assert_str(dial->targets[0].identity, "alice");
	assert_int_equal(dial->targets[0].n_parameters, 2);
	assert_str(dial->targets[0].parameters[0].name, "k");
	assert_str(dial->targets[0].parameters[0].value, "v \xc3\xbc");
	assert_str(dial->targets[0].parameters[1].value, "");
	assert_int_equal(dial->targets[0].events, EVENT_COMPLETED);
	assert_str(dial->targets[1].identity, "support/bob");
	assert_str(dial->targets[1].status_callback, "https://example.com/e");
	assert_true(dial->targets[1].status_callback_get);
	assert_int_equal(dial->targets[1].events, EVENT_RINGING | EVENT_COMPLETED);
	assert_int_equal(dial->targets[1].n_parameters, 0);

	assert_int_equal(out->verbs[2].kind, VERB_MEDIA);
	assert_str(out->verbs[2].name, "Say");
	assert_str(out->verbs[2].text, "hello");
	assert_int_equal(out->verbs[3].kind, VERB_REDIRECT);
	assert_str(out->verbs[3].url, "/next");
	assert_false(out->verbs[3].get);
	assert_int_equal(out->verbs[4].kind, VERB_REJECT);
	assert_str(out->verbs[4].reason, "busy");
	assert_int_equal(out->verbs[5].kind, VERB_HANGUP);
}

static void test_defaults(void **state)
{
	const struct instructions *out = parse_ok(
		"application/json; charset=utf-8",
		"{\"instructions\":[{\"verb\":\"dial\",\"timeout\":null,\"clients\":[{\"identity\":\"a\"}]},"
		"{\"verb\":\"reject\"},{\"verb\":\"pause\"}]}");

	(void)state;
	assert_int_equal(out->verbs[0].timeout_s, 30);
	assert_int_equal(out->verbs[0].time_limit_s, 14400);
	assert_str(out->verbs[0].url, "");
	assert_str(out->verbs[0].caller_id, "");
	assert_false(out->verbs[0].get);
	assert_int_equal(out->verbs[0].strategy, STRATEGY_ALL);
	assert_str(out->verbs[1].reason, "rejected");
	assert_int_equal(out->verbs[2].length_s, 1);
	assert_int_equal(out->n_warnings, 0);
	parse_ok(JSON, "{\"instructions\":[]}");
	assert_int_equal(last.n, 0);
}

static void test_targets(void **state)
{
	const struct instructions *out = parse_ok(
		JSON,
		"{\"instructions\":[{\"verb\":\"dial\",\"strategy\":\"longest_idle\",\"targets\":["
		"{\"number\":\"+1 555 010\",\"send_digits\":\"1w\"},"
		"{\"identity\":\"support/*\",\"number\":null,\"require\":{\"skill\":\"billing\","
		"\"language\":[\"de\",\"en us\"]}},"
		"{\"sip\":\"sip:a@b\",\"username\":\"u\",\"password\":\"p\",\"status_callback\":\"/s\"}],"
		"\"clients\":[{\"identity\":\"first\"}]},"
		"{\"verb\":\"dial\",\"targets\":[{\"queue\":\"front desk\"}]}]}");
	const struct dial_target *targets = out->verbs[0].targets;

	(void)state;
	assert_int_equal(out->n_warnings, 0);
	assert_int_equal(out->verbs[0].strategy, STRATEGY_LONGEST_IDLE);
	assert_int_equal(out->verbs[0].n_targets, 4);
	assert_str(targets[0].identity, "first");
	assert_int_equal(targets[1].kind, TARGET_NUMBER);
	assert_str(targets[1].destination, "+1555010");
	assert_str(targets[1].send_digits, "1w");
	assert_true(targets[2].is_group);
	assert_int_equal(targets[2].n_require, 3);
	assert_str(targets[2].require[0].value, "billing");
	assert_str(targets[2].require[1].name, "language");
	assert_str(targets[2].require[2].name, "language");
	assert_str(targets[2].require[2].value, "en us");
	assert_int_equal(targets[3].kind, TARGET_SIP);
	assert_str(targets[3].username, "u");
	assert_str(targets[3].password, "p");
	assert_str(targets[3].status_callback, "/s");
	assert_int_equal(targets[3].n_require, 0);
	assert_int_equal(out->verbs[1].targets[0].kind, TARGET_QUEUE);
	assert_str(out->verbs[1].targets[0].destination, "front desk");
}

static void test_queues_messages_and_media(void **state)
{
	const struct instructions *out = parse_ok(
		JSON,
		"{\"instructions\":["
		"{\"verb\":\"enqueue\",\"queue\":\"q\",\"action\":\"/a\",\"wait_url\":\"/w\","
		"\"wait_url_method\":\"get\"},{\"verb\":\"leave\"},"
		"{\"verb\":\"message\",\"to\":\"client:a\",\"from\":\"b\",\"body\":\"two\\nlines\","
		"\"action\":\"/sent\",\"method\":\"GET\",\"status_callback\":\"/receipt\"},"
		"{\"verb\":\"gather\",\"num_digits\":1,\"input\":[\"dtmf\"],\"finish_on_key\":\"#\","
		"\"prompts\":["
		"{\"verb\":\"say\",\"text\":\"press\",\"voice\":\"x\",\"loop\":0},{\"verb\":\"pause\","
		"\"length\":3},"
		"{\"verb\":\"play\",\"url\":\"/beep\"}]},"
		"{\"verb\":\"record\",\"max_length\":30,\"play_beep\":false,\"trim\":\"do-not-trim\"}]}");

	(void)state;
	assert_int_equal(out->n, 5);
	assert_int_equal(out->n_warnings, 0);
	assert_int_equal(out->verbs[0].kind, VERB_ENQUEUE);
	assert_str(out->verbs[0].queue, "q");
	assert_str(out->verbs[0].url, "/a");
	assert_str(out->verbs[0].wait_url, "/w");
	assert_true(out->verbs[0].wait_get && !out->verbs[0].get);
	assert_int_equal(out->verbs[1].kind, VERB_LEAVE);
	assert_int_equal(out->verbs[2].kind, VERB_MESSAGE);
	assert_str(out->verbs[2].to, "client:a");
	assert_str(out->verbs[2].from, "b");
	assert_str(out->verbs[2].text, "two\nlines");
	assert_str(out->verbs[2].status_callback, "/receipt");
	assert_str(out->verbs[3].name, "Gather");
	assert_str(out->verbs[4].name, "Record");
}

#define ONE(verb)     "{\"instructions\":[{\"verb\":" verb "}]}"
#define DIAL(text)    ONE("\"dial\",\"clients\":[{\"identity\":\"a\"}]," text)
#define CLIENTS(text) ONE("\"dial\",\"clients\":" text)

static void test_warnings(void **state)
{
	static const struct {
		const char *text, *note;
	} cases[] = {
		{ "{\"instructions\":[],\"version\":2}", "document: unknown member version" },
		{ "{\"instructions\":[{\"verb\":\"hangup\"},{\"verb\":\"fax\"}]}",
		  "instructions[1]: unknown verb fax" },
		{ "{\"instructions\":[{\"verb\":\"Dial\"}]}", "instructions[0]: unknown verb Dial" },
		{ "{\"instructions\":[{\"verb\":\"hangup\",\"now\":true}]}",
		  "instructions[0]: unknown member now" },
		{ "{\"instructions\":[{\"verb\":\"hangup\",\"clients\":[]}]}",
		  "instructions[0]: unknown member clients" },
		{ "{\"instructions\":[{\"verb\":\"dial\",\"timeLimit\":1,\"clients\":[{\"identity\":\"a\"}]}]"
		  "}",
		  "instructions[0]: unknown member timeLimit" },
		{ "{\"instructions\":[{\"verb\":\"dial\",\"clients\":[{\"identity\":\"a\"},{\"identity\":"
		  "\"b\",\"url\":\"x\"}]}]}",
		  "instructions[0].clients[1]: unknown member url" },
		{ CLIENTS("[{\"identity\":\"a\",\"send_digits\":\"1\"}]"),
		  "instructions[0].clients[0]: unknown member send_digits" },
		{ ONE("\"gather\",\"prompts\":[{\"verb\":\"fax\"}]"),
		  "instructions[0].prompts[0]: unknown verb fax" },
		{ ONE("\"gather\",\"prompts\":[{\"verb\":\"say\",\"Text\":\"x\"}]"),
		  "instructions[0].prompts[0]: unknown member Text" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct instructions *out = parse_ok(JSON, cases[i].text);

		assert_int_equal(out->n_warnings, 1);
		assert_string_equal(out->warnings[0].text, cases[i].note);
		assert_int_equal(out->warnings[0].line, 0);
		assert_int_equal(out->warnings[0].err, ERR_DOC_SCHEMA);
	}
}

static const struct refusal refused[] = {
	{ "", ERR_DOC_PARSE, 1 },
	{ "<Response/>", ERR_DOC_PARSE, 1 },
	{ "{\"instructions\":\n[],\n}", ERR_DOC_PARSE, 3 },
	{ "{\"instructions\":[]} x", ERR_DOC_PARSE, 1 },
	{ ONE("\"hangup\",\"verb\":\"hangup\""), ERR_DOC_PARSE, 1 },
	{ "{}", ERR_DOC_ROOT, 0 },
	{ "[]", ERR_DOC_ROOT, 0 },
	{ "{\"instructions\":{}}", ERR_DOC_ROOT, 0 },
	{ "{\"instructions\":null}", ERR_DOC_ROOT, 0 },
	{ "{\"Instructions\":[]}", ERR_DOC_ROOT, 0 },
	{ "{\"instructions\":[null]}", ERR_DOC_SCHEMA, 0 },
	{ "{\"instructions\":[\"hangup\"]}", ERR_DOC_SCHEMA, 0 },
	{ "{\"instructions\":[{}]}", ERR_DOC_SCHEMA, 0 },
	{ ONE("7"), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"dial\""), ERR_DOC_DIAL, 0 },
	{ DIAL("\"timeout\":\"20\""), ERR_DOC_DIAL_TIMEOUT, 0 },
	{ DIAL("\"timeout\":0"), ERR_DOC_DIAL_TIMEOUT, 0 },
	{ DIAL("\"timeout\":601"), ERR_DOC_DIAL_TIMEOUT, 0 },
	{ DIAL("\"timeout\":1.5"), ERR_DOC_DIAL_TIMEOUT, 0 },
	{ DIAL("\"timeout\":true"), ERR_DOC_DIAL_TIMEOUT, 0 },
	{ DIAL("\"time_limit\":86401"), ERR_DOC_DIAL, 0 },
	{ DIAL("\"action\":1"), ERR_DOC_DIAL, 0 },
	{ DIAL("\"action\":\"a\\nb\""), ERR_DOC_DIAL, 0 },
	{ DIAL("\"method\":\"PUT\""), ERR_DOC_DIAL, 0 },
	{ DIAL("\"method\":false"), ERR_DOC_DIAL, 0 },
	{ DIAL("\"caller_id\":15551234567"), ERR_DOC_DIAL, 0 },
	{ DIAL("\"sequential\":\"true\""), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("{}"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("\"alice\""), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[\"alice\"]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[null]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":7}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a b\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\"},{\"identity\":\"..\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"parameters\":[]}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"parameters\":{\"k\":1}}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"parameters\":{\"\":\"x\"}}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"status_callback\":[]}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"status_callback_event\":\"ringing\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"status_callback_event\":[\"gone\"]}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"status_callback_event\":[1]}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a/*/*\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\" a\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"number\":\"1\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"conference\":\"room\"}]"), ERR_DOC_CONFERENCE, 0 },
	{ CLIENTS("[{\"number\":15550100}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"number\":\"x\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"number\":\"1\",\"send_digits\":\"x\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"sip\":\"b@c\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"sip\":\"sip:\\u00fc\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"queue\":\"\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"queue\":\"q\"},{\"identity\":\"a\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"require\":\"skill=billing\"}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"require\":{\"skill\":1}}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"require\":{\"skill\":null}}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"require\":{\"skill\":[]}}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"require\":{\"skill\":[1]}}]"), ERR_DOC_DIAL, 0 },
	{ CLIENTS("[{\"identity\":\"a\",\"require\":{\"\":\"x\"}}]"), ERR_DOC_DIAL, 0 },
	{ DIAL("\"targets\":{}"), ERR_DOC_DIAL, 0 },
	{ DIAL("\"targets\":[{}]"), ERR_DOC_DIAL, 0 },
	{ DIAL("\"strategy\":\"random\""), ERR_DOC_DIAL, 0 },
	{ DIAL("\"strategy\":1"), ERR_DOC_DIAL, 0 },
	{ DIAL("\"method\":\" GET\""), ERR_DOC_DIAL, 0 },
	{ ONE("\"enqueue\""), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"enqueue\",\"queue\":\"\""), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"message\",\"to\":\"a\""), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"message\",\"body\":\"\\u0001\""), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"say\",\"text\":1"), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"gather\",\"prompts\":{}"), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"gather\",\"prompts\":[{}]"), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"gather\",\"prompts\":[{\"verb\":\"dial\"}]"), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"gather\",\"input\":[\"voice\"]"), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"record\",\"max_length\":0"), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"redirect\""), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"redirect\",\"url\":\"\""), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"redirect\",\"url\":7"), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"reject\",\"reason\":\"tired\""), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"pause\",\"length\":\"1\""), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"pause\",\"length\":3601"), ERR_DOC_SCHEMA, 0 },
	{ ONE("\"pause\",\"length\":-1"), ERR_DOC_SCHEMA, 0 },
};

static void test_refused(void **state)
{
	(void)state;
	assert_refused(JSON, refused, ARRAY_LEN(refused));
}

static void test_messages(void **state)
{
	(void)state;
	assert_fails(JSON, DIAL("\"timeout\":601"), ERR_DOC_DIAL_TIMEOUT, 0);
	assert_string_equal(why_not.text, "instructions[0]: timeout has to be a whole number, 1 to 600");
	assert_fails(JSON, CLIENTS("[{\"identity\":\"a\"},{\"identity\":\"..\"}]"), ERR_DOC_DIAL, 0);
	assert_string_equal(why_not.text, "instructions[0].clients[1]: \"..\" is not a client's name");
}

static void test_not_available(void **state)
{
	(void)state;
	parse_ok(JSON, ONE("\"connect\""));
	assert_int_equal(last.n, 0);
	assert_int_equal(last.warnings[0].err, ERR_DOC_UNAVAILABLE);
	assert_string_equal(last.warnings[0].text, "instructions[0]: connect is not available here");
}

static void test_counts(void **state)
{
	(void)state;
	parse_ok(JSON, text_of("{\"instructions\":[%s{\"verb\":\"hangup\"}]}",
			       repeated("{\"verb\":\"hangup\"},", 199)));
	assert_int_equal(last.n, 200);
	assert_fails(JSON,
		     text_of("{\"instructions\":[%s{\"verb\":\"hangup\"}]}",
			     repeated("{\"verb\":\"hangup\"},", 200)),
		     ERR_DOC_PARSE, 0);
	parse_ok(JSON, text_of(CLIENTS("[%s{\"identity\":\"b\"}]"), repeated("{\"identity\":\"a\"},", 49)));
	assert_int_equal(last.verbs[0].n_targets, 50);
	assert_fails(JSON,
		     text_of(CLIENTS("[%s{\"identity\":\"b\"}]"), repeated("{\"identity\":\"a\"},", 50)),
		     ERR_DOC_DIAL, 0);
	assert_fails(JSON, text_of("{\"instructions\":[%s]}", repeated(" ", INSTRUCTIONS_MAX)),
		     ERR_FETCH_TOO_LARGE, 0);
	assert_fails(JSON, repeated("[", 60000), ERR_DOC_PARSE, 1);
}

static void test_parameter_count(void **state)
{
	(void)state;
	for (int n = INSTRUCTIONS_MAX_PARAMETERS; n <= INSTRUCTIONS_MAX_PARAMETERS + 1; n++) {
		const char *members = "\"p\":\"\"";

		for (int i = 1; i < n; i++)
			members = text_of("%s,\"p%d\":\"\"", members, i);
		members = text_of(CLIENTS("[{\"identity\":\"a\",\"parameters\":{%s}}]"), members);
		if (n > INSTRUCTIONS_MAX_PARAMETERS)
			assert_fails(JSON, members, ERR_DOC_DIAL, 0);
		else
			assert_int_equal(parse_ok(JSON, members)->verbs[0].targets[0].n_parameters, n);
	}
}

static void test_truncated(void **state)
{
	struct instructions out;
	struct instruction_note why;

	(void)state;
	for (size_t n = 0; n < sizeof(whole) - 1; n++)
		assert_int_equal(instructions_parse(arena, STR(JSON), str_n(whole, n), &out, &why),
				 ERR_DOC_PARSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole),	    TEST(test_targets),	  TEST(test_queues_messages_and_media),
		TEST(test_not_available),   TEST(test_defaults),  TEST(test_warnings),
		TEST(test_refused),	    TEST(test_messages),  TEST(test_counts),
		TEST(test_parameter_count), TEST(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
