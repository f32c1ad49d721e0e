/* test_instructions.c - TwiML: what comes out, which line is blamed, what is refused. */
#include "tests/unit/instructions_support.h"

/* made by the npm package twilio 6.2.0 */
static const char real_dial[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Pause length=\"2\"/><Dial "
	"action=\"/after?x=1&amp;y=2\" "
	"timeout=\"15\" timeLimit=\"600\" callerId=\"client:bob\" answerOnBridge=\"true\"><Client "
	"statusCallback=\"https://example.com/events\" statusCallbackEvent=\"initiated ringing answered "
	"completed\" "
	"statusCallbackMethod=\"GET\">alice</Client><Client><Identity>support/tier1/bob</Identity><Parameter "
	"name=\"FirstName\" value=\"Jane &lt;&quot;&amp;> \xc3\x9c\"/></Client></Dial><Redirect "
	"method=\"GET\">"
	"https://example.com/next?a=1&amp;b=2</Redirect></Response>";
static const char real_number[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Dial>+15551234567</Dial><Say>Hello</Say>"
	"<Reject reason=\"busy\"/><Hangup/></Response>";

static void test_real_dial(void **state)
{
	const struct instructions *out = parse_ok(XML, real_dial);
	const struct verb *dial = &out->verbs[1];

	(void)state;
	assert_int_equal(out->n, 3);
	assert_int_equal(out->n_warnings, 0);
	assert_int_equal(out->verbs[0].kind, VERB_PAUSE);
	assert_int_equal(out->verbs[0].length_s, 2);

	assert_int_equal(dial->kind, VERB_DIAL);
	assert_str(dial->name, "Dial");
	assert_str(dial->url, "/after?x=1&y=2");
	assert_str(dial->caller_id, "client:bob");
	assert_int_equal(dial->timeout_s, 15);
	assert_int_equal(dial->time_limit_s, 600);
	assert_false(dial->get || dial->sequential);
	assert_int_equal(dial->n_targets, 2);

	assert_int_equal(dial->targets[0].kind, TARGET_CLIENT);
	assert_str(dial->targets[0].name, "Client");
	assert_str(dial->targets[0].identity, "alice");
	assert_str(dial->targets[0].status_callback, "https://example.com/events");
	assert_true(dial->targets[0].status_callback_get);
	assert_int_equal(dial->targets[0].events,
			 EVENT_INITIATED | EVENT_RINGING | EVENT_ANSWERED | EVENT_COMPLETED);
	assert_int_equal(dial->targets[0].n_parameters, 0);

	assert_str(dial->targets[1].identity, "support/tier1/bob");
	assert_str(dial->targets[1].status_callback, "");
	assert_int_equal(dial->targets[1].events, EVENT_COMPLETED);
	assert_int_equal(dial->targets[1].n_parameters, 1);
	assert_str(dial->targets[1].parameters[0].name, "FirstName");
	assert_str(dial->targets[1].parameters[0].value, "Jane <\"&> \xc3\x9c");

	assert_int_equal(out->verbs[2].kind, VERB_REDIRECT);
	assert_str(out->verbs[2].url, "https://example.com/next?a=1&b=2");
	assert_true(out->verbs[2].get);
}

static void test_real_number(void **state)
{
	const struct instructions *out = parse_ok(XML, real_number);

	(void)state;
	assert_int_equal(out->n, 4);
	assert_int_equal(out->verbs[0].n_targets, 1);
	assert_int_equal(out->verbs[0].targets[0].kind, TARGET_NUMBER);
	assert_str(out->verbs[0].targets[0].name, "Number");
	assert_int_equal(out->verbs[1].kind, VERB_MEDIA);
	assert_str(out->verbs[1].name, "Say");
	assert_int_equal(out->verbs[2].kind, VERB_REJECT);
	assert_str(out->verbs[2].reason, "busy");
	assert_int_equal(out->verbs[3].kind, VERB_HANGUP);
}

static void test_defaults(void **state)
{
	const struct instructions *out =
		parse_ok(XML, "<Response>\n<Dial>\n<Client>alice</Client></Dial>\n"
			      "<Redirect>/next</Redirect><Reject/><Pause/></Response>");
	const struct verb *dial = &out->verbs[0];

	(void)state;
	assert_int_equal(out->n, 4);
	assert_int_equal(dial->timeout_s, 30);
	assert_int_equal(dial->time_limit_s, 14400);
	assert_str(dial->url, "");
	assert_str(dial->caller_id, "");
	assert_false(dial->get || dial->sequential || out->verbs[1].get);
	assert_int_equal(dial->line, 2);
	assert_int_equal(dial->targets[0].line, 3);
	assert_int_equal(dial->targets[0].events, EVENT_COMPLETED);
	assert_str(out->verbs[2].reason, "rejected");
	assert_int_equal(out->verbs[3].length_s, 1);
	assert_int_equal(out->verbs[3].line, 4);
}

/* text arrives in pieces: entities, CDATA, comments and line ends cut it */
static void test_text(void **state)
{
	static const char *const spellings[] = {
		"<Client>support/alice</Client>",
		"<Client>\n\t support/alice \r\n</Client>",
		"<Client>sup<!-- c -->port/<![CDATA[ali]]>c&#101;</Client>",
		"<Client>support<Parameter name='a' value=''/>/alice</Client>",
		"<Client><Identity> support/&#x61;lice </Identity></Client>",
		"<Client>\n<Parameter name='a' value='b'/>\n<Identity>support/alice</Identity>\n</Client>",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
		const struct instructions *out =
			parse_ok(XML, text_of("<Response><Dial>%s</Dial></Response>", spellings[i]));

		assert_int_equal(out->verbs[0].n_targets, 1);
		assert_str(out->verbs[0].targets[0].identity, "support/alice");
		assert_int_equal(out->n_warnings, 0);
	}
}

static void test_encodings(void **state)
{
	static const char utf16[] = "\xff\xfe<\0R\0e\0s\0p\0o\0n\0s\0e\0/\0>\0";
	struct instructions out;
	struct instruction_note why;
	const struct instructions *latin1;

	(void)state;
	latin1 = parse_ok(XML, "<?xml version='1.0' encoding='ISO-8859-1'?><Response><Dial><Client>a"
			       "<Parameter name='\xfc' value='\xe4'/></Client></Dial></Response>");
	assert_str(latin1->verbs[0].targets[0].parameters[0].name, "\xc3\xbc");
	parse_ok(XML, "\xef\xbb\xbf<Response/>");
	assert_int_equal(instructions_parse(arena, STR(XML), str_n(utf16, sizeof(utf16) - 1), &out, &why),
			 ERR_NONE);
	assert_fails(XML, "<?xml version='1.0' encoding='EBCDIC'?><Response/>", ERR_DOC_PARSE, 1);
	assert_fails(XML, "<Response>\n\xff</Response>", ERR_DOC_PARSE, 2);
}

static void test_media_and_unsupported(void **state)
{
	const struct instructions *out = parse_ok(
		XML,
		"<Response><Gather numDigits='1'><Say>press <b>one</b></Say><Play>x</Play></Gather>"
		"<Play/><Record maxLength='x'/><Dial><Number sendDigits='1'>+1</Number><Sip>sip:a@b</Sip>"
		"<Queue>q</Queue><Conference>c<x/></Conference><Client>a</Client></Dial></Response>");
	static const char *const names[] = { "Number", "Sip", "Queue", "Conference", "Client" };
	static const enum target_kind kinds[] = { TARGET_NUMBER, TARGET_SIP, TARGET_QUEUE, TARGET_CONFERENCE,
						  TARGET_CLIENT };

	(void)state;
	assert_int_equal(out->n, 4);
	assert_str(out->verbs[0].name, "Gather");
	assert_str(out->verbs[1].name, "Play");
	assert_str(out->verbs[2].name, "Record");
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(out->verbs[i].kind, VERB_MEDIA);
	assert_int_equal(out->verbs[3].n_targets, ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_str(out->verbs[3].targets[i].name, names[i]);
		assert_int_equal(out->verbs[3].targets[i].kind, kinds[i]);
	}
	assert_int_equal(out->n_warnings, 0);
}

static void test_warnings(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *note;
	} cases[] = {
		{ "<Response>\n<Sms>hi</Sms></Response>", 2, "Sms: unknown verb" },
		{ "<Response>\n\n<dial>x</dial></Response>", 3, "dial: unknown verb" },
		{ "<Response><Enqueue>q<x/></Enqueue></Response>", 1, "Enqueue: not available yet" },
		{ "<Response><Leave/></Response>", 1, "Leave: not available yet" },
		{ "<Response><Message>x</Message></Response>", 1, "Message: not available yet" },
		{ "<Response version='1'/>", 1, "Response: unknown attribute version" },
		{ "<Response>\nhello\n<Hangup/></Response>", 1,
		  "Response: text outside of a verb is ignored" },
		{ "<Response><Hangup now='1'/></Response>", 1, "Hangup: unknown attribute now" },
		{ "<Response><Hangup><x/></Hangup></Response>", 1, "x: unknown here" },
		{ "<Response><Hangup>x</Hangup></Response>", 1, "Hangup: its text is ignored" },
		{ "<Response><Dial\nrecord='true'><Client>a</Client></Dial></Response>", 1,
		  "Dial: record is not available yet" },
		{ "<Response><Dial><Fax/><Client>a</Client></Dial></Response>", 1,
		  "Fax: unknown inside Dial" },
		{ "<Response><Dial>b<Client>a</Client></Dial></Response>", 1,
		  "Dial: its text is ignored beside what it dials" },
		{ "<Response><Dial><Client url='/x'>a</Client></Dial></Response>", 1,
		  "Client: url is not available yet" },
		{ "<Response><Dial><Client>a<Name/></Client></Dial></Response>", 1,
		  "Name: unknown inside Client" },
		{ "<Response><Dial><Client><Identity>a</Identity>b</Client></Dial></Response>", 1,
		  "Client: its text is ignored beside Identity" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct instructions *out = parse_ok(XML, cases[i].text);

		assert_int_equal(out->n_warnings, 1);
		assert_string_equal(out->warnings[0].text, cases[i].note);
		assert_int_equal(out->warnings[0].line, cases[i].line);
		assert_int_equal(out->warnings[0].err, ERR_DOC_SCHEMA);
	}
	parse_ok(XML, "<Response xmlns:x='urn:x' xml:lang='en'><!-- nothing --><?php x ?></Response>");
	assert_int_equal(last.n_warnings, 0);
}

static void test_many_warnings(void **state)
{
	(void)state;
	parse_ok(XML, text_of("<Response>%s<Hangup/></Response>", repeated("<Sms/>", 100)));
	assert_int_equal(last.n_warnings, INSTRUCTIONS_MAX_WARNINGS);
	assert_int_equal(last.n, 1);
	/* a message is cut between characters */
	parse_ok(XML, text_of("<Response><%s/></Response>", repeated("\xc3\xbc", 200)));
	assert_true(str_is_utf8(str_of(last.warnings[0].text)));
	assert_non_null(strstr(last.warnings[0].text, "unknown verb"));
}

#define DIAL(attributes) "<Response>\n<Dial " attributes "><Client>a</Client></Dial></Response>"
#define CLIENT(text)	 "<Response><Dial>\n" text "</Dial></Response>"

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		enum err err;
		unsigned line;
	} cases[] = {
		{ "", ERR_DOC_PARSE, 1 },
		{ " \n ", ERR_DOC_PARSE, 2 },
		{ "hello", ERR_DOC_PARSE, 1 },
		{ "<Response>", ERR_DOC_PARSE, 1 },
		{ "<Response>\n</response>", ERR_DOC_PARSE, 2 },
		{ "<Response/>\n<Response/>", ERR_DOC_PARSE, 2 },
		{ "<Response a='1' a='2'/>", ERR_DOC_PARSE, 1 },
		{ "<Response>&nbsp;</Response>", ERR_DOC_PARSE, 1 },
		{ "<Response>&#0;</Response>", ERR_DOC_PARSE, 1 },
		{ "<response/>", ERR_DOC_ROOT, 1 },
		{ "\n<html><Response/></html>", ERR_DOC_ROOT, 2 },
		{ "<!DOCTYPE html><Response/>", ERR_DOC_PARSE, 1 },
		{ "<!DOCTYPE Response SYSTEM 'file:///etc/passwd'><Response/>", ERR_DOC_PARSE, 1 },
		{ "<?xml version='1.0'?>\n<!DOCTYPE r [<!ENTITY x SYSTEM "
		  "'file:///etc/passwd'>]>\n<Response>&x;</Response>",
		  ERR_DOC_PARSE, 2 },
		{ DIAL("timeout='abc'"), ERR_DOC_DIAL_TIMEOUT, 2 },
		{ DIAL("timeout=''"), ERR_DOC_DIAL_TIMEOUT, 2 },
		{ DIAL("timeout='0'"), ERR_DOC_DIAL_TIMEOUT, 2 },
		{ DIAL("timeout='-5'"), ERR_DOC_DIAL_TIMEOUT, 2 },
		{ DIAL("timeout='601'"), ERR_DOC_DIAL_TIMEOUT, 2 },
		{ DIAL("timeout='1.5'"), ERR_DOC_DIAL_TIMEOUT, 2 },
		{ DIAL("timeout='99999999999999999999'"), ERR_DOC_DIAL_TIMEOUT, 2 },
		{ DIAL("timeLimit='0'"), ERR_DOC_DIAL, 2 },
		{ DIAL("timeLimit='86401'"), ERR_DOC_DIAL, 2 },
		{ DIAL("method='PUT'"), ERR_DOC_DIAL, 2 },
		{ DIAL("sequential='yes'"), ERR_DOC_DIAL, 2 },
		{ DIAL("action='a&#10;b'"), ERR_DOC_DIAL, 2 },
		{ DIAL("callerId='a&#13;&#10;X: y'"), ERR_DOC_DIAL, 2 },
		{ "<Response>\n<Dial/></Response>", ERR_DOC_DIAL, 2 },
		{ "<Response><Dial> \n </Dial></Response>", ERR_DOC_DIAL, 1 },
		{ CLIENT("<Dial><Client>a</Client></Dial>"), ERR_DOC_DIAL, 2 },
		{ CLIENT("<Client>a</Client>\n<Say>x</Say>"), ERR_DOC_DIAL, 3 },
		{ CLIENT("<Client/>"), ERR_DOC_DIAL, 2 },
		{ CLIENT("<Client> </Client>"), ERR_DOC_DIAL, 2 },
		{ CLIENT("<Client>a b</Client>"), ERR_DOC_DIAL, 2 },
		{ CLIENT("<Client>../a</Client>"), ERR_DOC_DIAL, 2 },
		{ CLIENT("<Client>support/*</Client>"), ERR_DOC_DIAL, 2 },
		{ CLIENT("<Client><Identity/></Client>"), ERR_DOC_DIAL, 2 },
		{ CLIENT("<Client><Identity>a</Identity><Identity>b</Identity></Client>"), ERR_DOC_DIAL, 2 },
		{ CLIENT("<Client>a<Parameter value='x'/></Client>"), ERR_DOC_DIAL, 2 },
		{ CLIENT("<Client>a<Parameter name='' value='x'/></Client>"), ERR_DOC_DIAL, 2 },
		{ CLIENT("<Client>a<Parameter name='x'/></Client>"), ERR_DOC_DIAL, 2 },
		{ CLIENT("<Client statusCallbackEvent='ringing gone'>a</Client>"), ERR_DOC_DIAL, 2 },
		{ CLIENT("<Client statusCallbackMethod='x'>a</Client>"), ERR_DOC_DIAL, 2 },
		{ "<Response><Redirect/></Response>", ERR_DOC_SCHEMA, 1 },
		{ "<Response><Redirect> </Redirect></Response>", ERR_DOC_SCHEMA, 1 },
		{ "<Response><Redirect>a\nb</Redirect></Response>", ERR_DOC_SCHEMA, 1 },
		{ "<Response><Redirect method=''>a</Redirect></Response>", ERR_DOC_SCHEMA, 1 },
		{ "<Response><Reject reason='tired'/></Response>", ERR_DOC_SCHEMA, 1 },
		{ "<Response><Pause length='-1'/></Response>", ERR_DOC_SCHEMA, 1 },
		{ "<Response><Pause length='3601'/></Response>", ERR_DOC_SCHEMA, 1 },
		{ "<Response><Pause length='long'/></Response>", ERR_DOC_SCHEMA, 1 },
		/* the first mistake is the one that is told */
		{ "<Response><Pause length='x'/>\n<Dial timeout='x'/></Response>", ERR_DOC_SCHEMA, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_fails(XML, cases[i].text, cases[i].err, cases[i].line);
}

static void test_messages(void **state)
{
	(void)state;
	assert_fails(XML, DIAL("timeout='abc'"), ERR_DOC_DIAL_TIMEOUT, 2);
	assert_string_equal(why_not.text, "Dial: timeout has to be a whole number of seconds, 1 to 600");
	assert_fails(XML, CLIENT("<Client>a b</Client>"), ERR_DOC_DIAL, 2);
	assert_string_equal(why_not.text, "Client: \"a b\" is not a client's name");
	assert_fails(XML, "<!DOCTYPE html><Response/>", ERR_DOC_PARSE, 1);
	assert_string_equal(why_not.text, "DOCTYPE: not allowed");
}

static void test_accepted_ranges(void **state)
{
	static const char *const texts[] = {
		DIAL("timeout='1'"),
		DIAL("timeout=' 600 '"),
		DIAL("timeLimit='86400'"),
		DIAL("method='get'"),
		DIAL("sequential='true'"),
		DIAL("ringTone='us-old'"),
		DIAL("answerOnBridge='false'"),
		"<Response><Pause length='0'/></Response>",
		"<Response><Pause length='3600'/></Response>",
		"<Response><Reject reason='rejected'/></Response>",
		"<Response></Response>",
		CLIENT("<Client statusCallbackEvent=' ringing  answered '>a</Client>"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		parse_ok(XML, texts[i]);
		assert_int_equal(last.n_warnings, 0);
	}
	assert_int_equal(last.verbs[0].targets[0].events, EVENT_RINGING | EVENT_ANSWERED);
	parse_ok(XML, DIAL("sequential='true' method='GET'"));
	assert_true(last.verbs[0].sequential && last.verbs[0].get);
	parse_ok(XML, DIAL("action=' /after ' method=' GET '"));
	assert_str(last.verbs[0].url, "/after");
}

/* -- bounds --------------------------------------------------------------- */

static void test_billion_laughs(void **state)
{
	(void)state;
	assert_fails(
		XML,
		"<?xml version='1.0'?>\n<!DOCTYPE lolz [\n<!ENTITY a 'lol'>\n"
		"<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>\n<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>\n"
		"<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>\n]>\n<Response><Say>&d;</Say></Response>",
		ERR_DOC_PARSE, 2);
	assert_string_equal(why_not.text, "DOCTYPE: not allowed");
}

static void test_size(void **state)
{
	const int frame = (int)strlen("<Response></Response>");

	(void)state;
	parse_ok(XML, text_of("<Response>%s</Response>", repeated(" ", INSTRUCTIONS_MAX - frame)));
	assert_fails(XML, text_of("<Response>%s</Response>", repeated(" ", INSTRUCTIONS_MAX - frame + 1)),
		     ERR_FETCH_TOO_LARGE, 0);
	parse_ok(XML, text_of("<?xml version='1.0' encoding='ISO-8859-1'?><Response><Say>%s</Say></Response>",
			      repeated("\xfc", 65000)));
}

static void test_depth(void **state)
{
	(void)state;
	parse_ok(XML, text_of("<Response>%s%s</Response>", repeated("<a>", 7), repeated("</a>", 7)));
	assert_fails(XML, text_of("<Response>\n%s%s</Response>", repeated("<a>", 8), repeated("</a>", 8)),
		     ERR_DOC_PARSE, 2);
	assert_fails(XML, repeated("<a>", 20000), ERR_DOC_ROOT, 1);
	assert_fails(XML, text_of("<Response>%s", repeated("<a>", 20000)), ERR_DOC_PARSE, 1);
}

static void test_counts(void **state)
{
	const char *attributes = "";

	(void)state;
	parse_ok(XML, text_of("<Response>%s</Response>", repeated("<Hangup/>", 200)));
	assert_int_equal(last.n, 200);
	assert_fails(XML, text_of("<Response>\n%s</Response>", repeated("<Hangup/>", 201)), ERR_DOC_PARSE, 2);
	assert_fails(XML, text_of("<Response>%s</Response>", repeated("<Say/>\n", 300)), ERR_DOC_PARSE, 201);

	parse_ok(XML, text_of("<Response><Dial>%s</Dial></Response>", repeated("<Client>a</Client>", 50)));
	assert_int_equal(last.verbs[0].n_targets, 50);
	assert_fails(XML,
		     text_of("<Response><Dial>%s</Dial></Response>", repeated("<Client>a</Client>\n", 51)),
		     ERR_DOC_DIAL, 51);

	parse_ok(XML,
		 text_of(CLIENT("<Client>a%s</Client>"), repeated("<Parameter name='a' value='b'/>", 32)));
	assert_int_equal(last.verbs[0].targets[0].n_parameters, 32);
	assert_fails(XML,
		     text_of(CLIENT("<Client>a%s</Client>"), repeated("<Parameter name='a' value='b'/>", 33)),
		     ERR_DOC_DIAL, 2);

	for (int n = 1; n <= 33; n++) {
		attributes = text_of("%s a%d='1'", attributes, n);
		if (n <= 32)
			parse_ok(XML, text_of("<Response>\n<Say%s/></Response>", attributes));
	}
	assert_fails(XML, text_of("<Response>\n<Say%s/></Response>", attributes), ERR_DOC_PARSE, 2);

	parse_ok(XML, text_of("<Response><Redirect>%s</Redirect></Response>", repeated("u", 4000)));
	assert_fails(XML, text_of("<Response><Redirect>%s</Redirect></Response>", repeated("u", 4001)),
		     ERR_DOC_SCHEMA, 1);
}

/* each target and parameter belongs to its own Dial and Client */
static void test_no_mixing(void **state)
{
	parse_ok(XML,
		 "<Response><Dial><Client>a<Parameter name='k' value='1'/></Client><Client>b</Client></Dial>"
		 "<Dial><Client>c<Parameter name='k' value='2'/></Client></Dial></Response>");

	(void)state;
	assert_int_equal(last.verbs[0].n_targets, 2);
	assert_int_equal(last.verbs[1].n_targets, 1);
	assert_str(last.verbs[0].targets[0].parameters[0].value, "1");
	assert_int_equal(last.verbs[0].targets[1].n_parameters, 0);
	assert_str(last.verbs[1].targets[0].parameters[0].value, "2");
}

/* every beginning of a document is refused, and nothing worse */
static void test_truncated(void **state)
{
	struct instructions out;
	struct instruction_note why;

	(void)state;
	for (size_t n = 0; n < sizeof(real_dial) - 1; n++) {
		assert_int_equal(instructions_parse(arena, STR(XML), str_n(real_dial, n), &out, &why),
				 ERR_DOC_PARSE);
		assert_int_equal(why.err, ERR_DOC_PARSE);
		assert_int_equal(out.n, 0);
	}
}

static void test_content_types(void **state)
{
	static const struct {
		const char *type;
		enum err err;
	} cases[] = {
		{ "text/xml", ERR_NONE },
		{ "application/xml", ERR_NONE },
		{ "text/html", ERR_NONE },
		{ "Text/XML; charset=utf-8", ERR_NONE },
		{ " text/xml ;charset=utf-8", ERR_NONE },
		{ "application/json", ERR_DOC_PARSE }, /* it is XML */
		{ "", ERR_DOC_CONTENT_TYPE },
		{ ";", ERR_DOC_CONTENT_TYPE },
		{ "text/plain", ERR_DOC_CONTENT_TYPE },
		{ "text/xmlx", ERR_DOC_CONTENT_TYPE },
		{ "audio/mpeg", ERR_DOC_CONTENT_TYPE },
		{ "text", ERR_DOC_CONTENT_TYPE },
	};
	struct instructions out;
	struct instruction_note why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(instructions_parse(arena, str_of(cases[i].type), STR("<Response/>"), &out,
						    &why),
				 cases[i].err);
	assert_int_equal(instructions_parse(arena, STR_NULL, STR("<Response/>"), &out, &why),
			 ERR_DOC_CONTENT_TYPE);
	assert_int_equal(instructions_parse(arena, STR(XML), STR_NULL, &out, &why), ERR_DOC_PARSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_real_dial), TEST(test_real_number),	  TEST(test_defaults),
		TEST(test_text),      TEST(test_encodings),	  TEST(test_media_and_unsupported),
		TEST(test_warnings),  TEST(test_many_warnings),	  TEST(test_refused),
		TEST(test_messages),  TEST(test_accepted_ranges), TEST(test_billion_laughs),
		TEST(test_size),      TEST(test_depth),		  TEST(test_counts),
		TEST(test_no_mixing), TEST(test_truncated),	  TEST(test_content_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
