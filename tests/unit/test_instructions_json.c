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
	assert_true(dial->get && dial->sequential);
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
	assert_false(out->verbs[0].get || out->verbs[0].sequential);
	assert_str(out->verbs[1].reason, "rejected");
	assert_int_equal(out->verbs[2].length_s, 1);
	assert_int_equal(out->n_warnings, 0);
	parse_ok(JSON, "{\"instructions\":[]}");
	assert_int_equal(last.n, 0);
}

static void test_warnings(void **state)
{
	static const struct {
		const char *text, *note;
	} cases[] = {
		{ "{\"instructions\":[],\"version\":2}", "document: unknown member version" },
		{ "{\"instructions\":[{\"verb\":\"hangup\"},{\"verb\":\"fax\"}]}",
		  "instructions[1]: unknown verb fax" },
		{ "{\"instructions\":[{\"verb\":\"Dial\"}]}", "instructions[0]: unknown verb Dial" },
		{ "{\"instructions\":[{\"verb\":\"enqueue\"}]}",
		  "instructions[0]: enqueue is not available yet" },
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

#define ONE(verb)     "{\"instructions\":[{\"verb\":" verb "}]}"
#define DIAL(text)    ONE("\"dial\",\"clients\":[{\"identity\":\"a\"}]," text)
#define CLIENTS(text) ONE("\"dial\",\"clients\":" text)

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		unsigned line;
	} cases[] = {
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
		{ ONE("\"redirect\""), ERR_DOC_SCHEMA, 0 },
		{ ONE("\"redirect\",\"url\":\"\""), ERR_DOC_SCHEMA, 0 },
		{ ONE("\"redirect\",\"url\":7"), ERR_DOC_SCHEMA, 0 },
		{ ONE("\"reject\",\"reason\":\"tired\""), ERR_DOC_SCHEMA, 0 },
		{ ONE("\"pause\",\"length\":\"1\""), ERR_DOC_SCHEMA, 0 },
		{ ONE("\"pause\",\"length\":3601"), ERR_DOC_SCHEMA, 0 },
		{ ONE("\"pause\",\"length\":-1"), ERR_DOC_SCHEMA, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_fails(JSON, cases[i].text, cases[i].err, cases[i].line);
}

static void test_messages(void **state)
{
	(void)state;
	assert_fails(JSON, DIAL("\"timeout\":601"), ERR_DOC_DIAL_TIMEOUT, 0);
	assert_string_equal(why_not.text,
			    "instructions[0]: timeout has to be a whole number of seconds, 1 to 600");
	assert_fails(JSON, CLIENTS("[{\"identity\":\"a\"},{\"identity\":\"..\"}]"), ERR_DOC_DIAL, 0);
	assert_string_equal(why_not.text, "instructions[0].clients[1]: \"..\" is not a client's name");
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
		TEST(test_whole),    TEST(test_defaults), TEST(test_warnings),	      TEST(test_refused),
		TEST(test_messages), TEST(test_counts),	  TEST(test_parameter_count), TEST(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
