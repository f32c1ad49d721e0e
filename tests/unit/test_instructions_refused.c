/* test_instructions_refused.c - TwiML that is refused, with the line and the words, and what just passes. */
#include "tests/unit/instructions_support.h"

#define DIAL(attributes) "<Response>\n<Dial " attributes "><Client>a</Client></Dial></Response>"
#define CLIENT(text)	 "<Response><Dial>\n" text "</Dial></Response>"
#define ONE(text)	 "<Response>\n" text "</Response>"

static const struct refusal documents[] = {
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
};

static const struct refusal dials[] = {
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
	{ DIAL("strategy='random'"), ERR_DOC_DIAL, 2 },
	{ DIAL("strategy='in_order all'"), ERR_DOC_DIAL, 2 },
	{ DIAL("answerOnBridge='1'"), ERR_DOC_DIAL, 2 },
	{ DIAL("record='yes'"), ERR_DOC_DIAL, 2 },
	{ DIAL("recordingStatusCallbackEvent='gone'"), ERR_DOC_DIAL, 2 },
	{ DIAL("recordingStatusCallbackMethod='PUT'"), ERR_DOC_DIAL, 2 },
};

static const struct refusal targets[] = {
	{ CLIENT("<Client/>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client> </Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client>a b</Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client>../a</Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client>*</Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client>/*</Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client>a/*/*</Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client>a/*/b</Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client>a*</Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client require='skill'>a</Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client require='skill='>a</Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client require='=billing'>a</Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client require='a=b c'>a</Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Number/>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Number>+</Number>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Number>1+2</Number>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Number>1800FLOWERS</Number>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Number>()-</Number>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Number>123456789012345678901234567890123</Number>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Number sendDigits='a'>1</Number>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Number machineDetectionTimeout='1'>1</Number>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Sip/>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Sip>bob@example.com</Sip>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Sip>sip:</Sip>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Sip>sip:a b</Sip>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Sip>tel:+1</Sip>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Queue/>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Queue>a\nb</Queue>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Queue reservationSid='WR1'>q</Queue>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Conference beep='false'>room</Conference>"), ERR_DOC_CONFERENCE, 2 },
	{ "<Response><Dial>\nfront desk</Dial></Response>", ERR_DOC_DIAL, 1 },
	{ "<Response>\n<Dial><Client>a</Client><Queue>q</Queue></Dial></Response>", ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client><Identity/></Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client><Identity>a</Identity><Identity>b</Identity></Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client>a<Parameter value='x'/></Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client>a<Parameter name='' value='x'/></Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client>a<Parameter name='x'/></Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client statusCallbackEvent='ringing gone'>a</Client>"), ERR_DOC_DIAL, 2 },
	{ CLIENT("<Client statusCallbackMethod='x'>a</Client>"), ERR_DOC_DIAL, 2 },
};

static const struct refusal verbs[] = {
	{ ONE("<Enqueue/>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Enqueue>a\nb</Enqueue>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Enqueue maxQueueSize='0'>q</Enqueue>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Enqueue workflowSid='WW1'/>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Enqueue>q\n<Task>{}</Task></Enqueue>"), ERR_DOC_SCHEMA, 3 },
	{ ONE("<Message/>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Message to='a'> </Message>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Message>\n<Body/></Message>"), ERR_DOC_SCHEMA, 3 },
	{ ONE("<Message><Body>a</Body>\n<Body>b</Body></Message>"), ERR_DOC_SCHEMA, 3 },
	{ ONE("<Gather>\n<Dial>1</Dial></Gather>"), ERR_DOC_SCHEMA, 3 },
	{ ONE("<Gather>\n<Say loop='x'/></Gather>"), ERR_DOC_SCHEMA, 3 },
	{ ONE("<Gather numDigits='0'/>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Gather input='voice'/>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Gather finishOnKey='A'/>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Gather bargeIn='maybe'/>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Say loop='-1'>x</Say>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Play digits='1,2'/>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Record maxLength='14401'/>"), ERR_DOC_SCHEMA, 2 },
	{ ONE("<Record trim='all'/>"), ERR_DOC_SCHEMA, 2 },
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

static void test_refused(void **state)
{
	(void)state;
	assert_refused(XML, documents, ARRAY_LEN(documents));
	assert_refused(XML, dials, ARRAY_LEN(dials));
	assert_refused(XML, targets, ARRAY_LEN(targets));
	assert_refused(XML, verbs, ARRAY_LEN(verbs));
}

/* bytes that are no text: a NUL, broken UTF-8, in both forms */
static void test_bytes(void **state)
{
#define BYTES(type, text)                                                                                    \
	{                                                                                                    \
		{ type, sizeof(type) - 1 },                                                                  \
		{                                                                                            \
			text, sizeof(text) - 1                                                               \
		}                                                                                            \
	}
	static const struct {
		struct str type, text;
	} cases[] = {
		BYTES(XML, "<Response>\0</Response>"),
		BYTES(XML, "<Response><Say>a\0b</Say></Response>"),
		BYTES(XML, "<Response><Redirect method='G\0ET'>x</Redirect></Response>"),
		BYTES(XML, "<Response/>\0"),
		BYTES(XML, "<Response><Say>\xc3(</Say></Response>"),
		BYTES(XML, "<Response><Say>\xed\xa0\x80</Say></Response>"),
		BYTES(XML, "<Response><Say>\xc0\xaf</Say></Response>"),
		BYTES(JSON, "{\"instructions\":[]}\0"),
		BYTES(JSON, "{\"instructions\":[{\"verb\":\"say\",\"text\":\"a\0b\"}]}"),
		BYTES(JSON, "{\"instructions\":[{\"verb\":\"say\",\"text\":\"\\u0000\"}]}"),
		BYTES(JSON, "{\"instructions\":[{\"verb\":\"say\",\"text\":\"\xc3(\"}]}"),
		BYTES(JSON, "{\"instructions\":[{\"verb\":\"say\",\"text\":\"\\ud800\"}]}"),
	};
	struct instructions out;
	struct instruction_note why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (instructions_parse(arena, cases[i].type, cases[i].text, &out, &why) != ERR_DOC_PARSE)
			fail_msg("%zu: %.*s is read", i, STR_ARG(cases[i].text));
		assert_int_equal(why.line, 1);
	}
}

static void test_messages(void **state)
{
	(void)state;
	assert_fails(XML, DIAL("timeout='abc'"), ERR_DOC_DIAL_TIMEOUT, 2);
	assert_string_equal(why_not.text, "Dial: timeout has to be a whole number, 1 to 600");
	assert_fails(XML, CLIENT("<Client>a b</Client>"), ERR_DOC_DIAL, 2);
	assert_string_equal(why_not.text, "Client: \"a b\" is not a client's name");
	assert_fails(XML, "<!DOCTYPE html><Response/>", ERR_DOC_PARSE, 1);
	assert_string_equal(why_not.text, "DOCTYPE: not allowed");
	assert_fails(XML, CLIENT("<Conference>x</Conference>"), ERR_DOC_CONFERENCE, 2);
	assert_string_equal(why_not.text, "Conference: there is no mixer for a conference");
	assert_fails(XML, ONE("<Enqueue workflowSid='W'/>"), ERR_DOC_SCHEMA, 2);
	assert_string_equal(why_not.text, "Enqueue: workflowSid is TaskRouter's, which is not here");
	assert_fails(XML, ONE("<Enqueue/>"), ERR_DOC_SCHEMA, 2);
	assert_string_equal(why_not.text, "Enqueue: needs a queue");
	assert_fails(XML, DIAL("strategy='random'"), ERR_DOC_DIAL, 2);
	assert_string_equal(why_not.text,
			    "Dial: strategy has to be one of: all in_order round_robin longest_idle");
	assert_fails(XML, CLIENT("<Number>x</Number>"), ERR_DOC_DIAL, 2);
	assert_string_equal(why_not.text, "Number: \"x\" is not a phone number");
}

static void test_accepted_ranges(void **state)
{
	static const char *const texts[] = {
		DIAL("timeout='1'"),
		DIAL("timeout=' 600 '"),
		DIAL("timeLimit='86400'"),
		DIAL("method='get'"),
		DIAL("sequential='true'"),
		CLIENT("<Number>12345678901234567890123456789012</Number>"),
		CLIENT("<Sip>SIPS:example.com</Sip>"),
		CLIENT("<Client require=''>a</Client>"),
		ONE("<Play digits='wW0123456789*#'/>"),
		ONE("<Record timeout='1' maxLength='14400' playBeep='false' trim='true' transcribe='true'/>"),
		ONE("<Gather timeout='600' numDigits='100' speechTimeout='auto' hints='a, b'/>"),
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
	assert_true(last.verbs[0].strategy == STRATEGY_IN_ORDER && last.verbs[0].get);
	parse_ok(XML, DIAL("action=' /after ' method=' GET '"));
	assert_str(last.verbs[0].url, "/after");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_refused),
		TEST(test_bytes),
		TEST(test_messages),
		TEST(test_accepted_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
