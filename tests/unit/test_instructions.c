/* test_instructions.c - TwiML: what comes out, what is warned of, and the bounds; see test_instructions_refused.c too. */
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
	assert_false(dial->get);
	assert_int_equal(dial->strategy, STRATEGY_ALL);
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
	assert_false(dial->get || out->verbs[1].get);
	assert_int_equal(dial->strategy, STRATEGY_ALL);
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

static void test_media(void **state)
{
	const struct instructions *out = parse_ok(
		XML, "<Response><Gather numDigits='1' input='dtmf speech' finishOnKey=''><Say>press</Say>"
		     "<Play>x</Play><Pause/></Gather>"
		     "<Say voice='alice' language='de-DE' loop='0'> press <emphasis>one "
		     "<s>now</s></emphasis>! </Say>"
		     "<Play loop='2'>/beep.wav</Play><Record maxLength='30' finishOnKey='#*'/></Response>");
	static const char *const names[] = { "Gather", "Say", "Play", "Record" };
	static const char *const texts[] = { "", "press one now!", "/beep.wav", "" };

	(void)state;
	assert_int_equal(out->n, ARRAY_LEN(names));
	assert_int_equal(out->n_warnings, 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(out->verbs[i].kind, VERB_MEDIA);
		assert_str(out->verbs[i].name, names[i]);
		assert_str(out->verbs[i].text, texts[i]);
	}
	/* only the start of it is kept, and whole characters */
	parse_ok(XML, text_of("<Response><Say>a%s</Say></Response>", repeated("\xc3\xbc", 300)));
	assert_int_equal(last.verbs[0].text.n, 255);
}

static void test_targets(void **state)
{
	const struct instructions *out = parse_ok(
		XML,
		"<Response><Dial><Number sendDigits='1w#' statusCallback='/n'> +1 (555) 010-9999 "
		"</Number><Sip username='u' password='p'>sip:bob@example.com;transport=tls?x=1"
		"<Parameter name='k' value='v'/></Sip><Client>support/*</Client></Dial><Dial>*100#</Dial>"
		"<Dial><Queue>front desk</Queue></Dial></Response>");
	const struct dial_target *first = out->verbs[0].targets;
	const struct dial_target *queue = &out->verbs[2].targets[0];

	(void)state;
	assert_int_equal(out->verbs[0].n_targets, 3);
	assert_int_equal(first[0].kind, TARGET_NUMBER);
	assert_str(first[0].name, "Number");
	assert_str(first[0].destination, "+15550109999");
	assert_str(first[0].send_digits, "1w#");
	assert_str(first[0].status_callback, "/n");
	assert_str(first[0].identity, "");
	assert_int_equal(first[1].kind, TARGET_SIP);
	assert_str(first[1].destination, "sip:bob@example.com;transport=tls?x=1");
	assert_str(first[1].username, "u");
	assert_str(first[1].password, "p");
	assert_int_equal(first[1].n_parameters, 1);
	assert_str(first[1].parameters[0].value, "v");
	assert_int_equal(first[2].kind, TARGET_CLIENT);
	assert_str(first[2].identity, "support/*");
	assert_true(first[2].is_group);
	assert_str(first[2].destination, "");
	assert_str(out->verbs[1].targets[0].destination, "*100#");
	assert_int_equal(queue->kind, TARGET_QUEUE);
	assert_str(queue->destination, "front desk");
	assert_int_equal(out->n_warnings, 0);
}

static void test_require(void **state)
{
	const struct dial_target *targets =
		parse_ok(XML,
			 "<Response><Dial><Client require=' skill=billing  language=de skill=a=b '>a</Client>"
			 "<Client>b</Client></Dial></Response>")
			->verbs[0]
			.targets;

	(void)state;
	assert_int_equal(targets[0].n_require, 3);
	assert_str(targets[0].require[0].name, "skill");
	assert_str(targets[0].require[0].value, "billing");
	assert_str(targets[0].require[1].name, "language");
	assert_str(targets[0].require[2].value, "a=b");
	assert_int_equal(targets[1].n_require, 0);
}

static void test_strategies(void **state)
{
	static const struct {
		const char *attributes;
		enum dial_strategy strategy;
	} cases[] = {
		{ "", STRATEGY_ALL },
		{ "strategy='all'", STRATEGY_ALL },
		{ "strategy='in_order'", STRATEGY_IN_ORDER },
		{ "strategy='round_robin'", STRATEGY_ROUND_ROBIN },
		{ "strategy='longest_idle'", STRATEGY_LONGEST_IDLE },
		{ "sequential='true'", STRATEGY_IN_ORDER },
		{ "sequential='false'", STRATEGY_ALL },
		{ "sequential='true' strategy='all'", STRATEGY_ALL },
		{ "strategy='longest_idle' sequential='true'", STRATEGY_LONGEST_IDLE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		parse_ok(XML, text_of("<Response><Dial %s><Client>a</Client></Dial></Response>",
				      cases[i].attributes));
		assert_int_equal(last.verbs[0].strategy, cases[i].strategy);
		assert_int_equal(last.n_warnings, 0);
	}
}

static void test_queues_and_messages(void **state)
{
	const struct instructions *out = parse_ok(
		XML,
		"<Response><Enqueue action='/left' method='GET' waitUrl='/wait' waitUrlMethod='GET'> front "
		"desk "
		"</Enqueue><Enqueue>q</Enqueue><Leave/><Message to='client:bob' from='desk' action='/sent' "
		"method='GET' "
		"statusCallback='/receipt'>two\nlines</Message><Message><Body>hi</Body></Message>"
		"</Response>");

	(void)state;
	assert_int_equal(out->n, 5);
	assert_int_equal(out->n_warnings, 0);
	assert_int_equal(out->verbs[0].kind, VERB_ENQUEUE);
	assert_str(out->verbs[0].queue, "front desk");
	assert_str(out->verbs[0].url, "/left");
	assert_str(out->verbs[0].wait_url, "/wait");
	assert_true(out->verbs[0].get && out->verbs[0].wait_get);
	assert_str(out->verbs[1].wait_url, "");
	assert_false(out->verbs[1].wait_get);
	assert_int_equal(out->verbs[2].kind, VERB_LEAVE);
	assert_int_equal(out->verbs[3].kind, VERB_MESSAGE);
	assert_str(out->verbs[3].to, "client:bob");
	assert_str(out->verbs[3].from, "desk");
	assert_str(out->verbs[3].url, "/sent");
	assert_true(out->verbs[3].get);
	assert_str(out->verbs[3].status_callback, "/receipt");
	assert_str(out->verbs[3].text, "two\nlines");
	assert_str(out->verbs[4].text, "hi");
	assert_str(out->verbs[4].to, "");
	assert_str(out->verbs[4].from, "");
}

#define DIAL(attributes) "<Response>\n<Dial " attributes "><Client>a</Client></Dial></Response>"
#define CLIENT(text)	 "<Response><Dial>\n" text "</Dial></Response>"
#define ONE(text)	 "<Response>\n" text "</Response>"

static void test_warnings(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		enum err err;
		const char *note;
	} cases[] = {
		{ ONE("<Sim>hi</Sim>"), 2, ERR_DOC_SCHEMA, "Sim: unknown verb" },
		{ "<Response>\n\n<dial>x</dial></Response>", 3, ERR_DOC_SCHEMA, "dial: unknown verb" },
		{ ONE("<Connect><Stream url='x'/></Connect>"), 2, ERR_DOC_UNAVAILABLE,
		  "Connect: not available here" },
		{ ONE("<Sms>x</Sms>"), 2, ERR_DOC_UNAVAILABLE, "Sms: not available here" },
		{ "<Response version='1'/>", 1, ERR_DOC_SCHEMA, "Response: unknown attribute version" },
		{ "<Response>\nhello\n<Hangup/></Response>", 1, ERR_DOC_SCHEMA,
		  "Response: text outside of a verb is ignored" },
		{ ONE("<Hangup now='1'/>"), 2, ERR_DOC_SCHEMA, "Hangup: unknown attribute now" },
		{ ONE("<Say pitch='1'>x</Say>"), 2, ERR_DOC_SCHEMA, "Say: unknown attribute pitch" },
		{ ONE("<Hangup><x/></Hangup>"), 2, ERR_DOC_SCHEMA, "x: unknown here" },
		{ ONE("<Hangup>x</Hangup>"), 2, ERR_DOC_SCHEMA, "Hangup: its text is ignored" },
		{ ONE("<Gather>x</Gather>"), 2, ERR_DOC_SCHEMA, "Gather: its text is ignored" },
		{ ONE("<Gather>\n<Sim/></Gather>"), 3, ERR_DOC_SCHEMA, "Sim: unknown inside Gather" },
		{ ONE("<Message>x<y/></Message>"), 2, ERR_DOC_SCHEMA, "y: unknown inside Message" },
		{ ONE("<Message>x<Media>y</Media></Message>"), 2, ERR_DOC_IGNORED,
		  "Media: only the text of a message is sent" },
		{ ONE("<Message>x\n<Body>y</Body></Message>"), 2, ERR_DOC_SCHEMA,
		  "Message: its text is ignored beside Body" },
		{ ONE("<Enqueue maxQueueSize='5'>q</Enqueue>"), 2, ERR_DOC_IGNORED,
		  "Enqueue: maxQueueSize has no effect here" },
		{ CLIENT("<Fax/><Client>a</Client>"), 2, ERR_DOC_SCHEMA, "Fax: unknown inside Dial" },
		{ "<Response><Dial>b<Client>a</Client></Dial></Response>", 1, ERR_DOC_SCHEMA,
		  "Dial: its text is ignored beside what it dials" },
		{ CLIENT("<Client url='/x' method='GET'>a</Client><Client url='/y'>b</Client>"), 2,
		  ERR_DOC_IGNORED, "Client: url has no effect here" },
		{ CLIENT("<Number url='/x'>1</Number>"), 2, ERR_DOC_IGNORED,
		  "Number: url has no effect here" },
		{ CLIENT("<Number machineDetection='Enable'>1</Number>"), 2, ERR_DOC_NO_MEDIA,
		  "Number: machineDetection needs a media engine, there is none" },
		{ CLIENT("<Client>a<Name/></Client>"), 2, ERR_DOC_SCHEMA, "Name: unknown inside Client" },
		{ CLIENT("<Queue>q<Parameter name='a' value='b'/></Queue>"), 2, ERR_DOC_SCHEMA,
		  "Parameter: unknown inside Queue" },
		{ CLIENT("<Number>1<Identity>a</Identity></Number>"), 2, ERR_DOC_SCHEMA,
		  "Identity: unknown inside Number" },
		{ CLIENT("<Client><Identity>a</Identity>b</Client>"), 2, ERR_DOC_SCHEMA,
		  "Client: its text is ignored beside Identity" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct instructions *out = parse_ok(XML, cases[i].text);

		if (out->n_warnings != 1 || strcmp(out->warnings[0].text, cases[i].note) != 0)
			fail_msg("%s: %zu warnings: %s", cases[i].text, out->n_warnings,
				 out->warnings[0].text);
		assert_int_equal(out->warnings[0].line, cases[i].line);
		assert_int_equal(out->warnings[0].err, cases[i].err);
	}
	parse_ok(XML, "<Response xmlns:x='urn:x' xml:lang='en'><!-- nothing --><?php x ?></Response>");
	assert_int_equal(last.n_warnings, 0);
}

/* What Twilio knows and does nothing here is told when it would have done something. */
static void test_attributes_without_effect(void **state)
{
	static const struct {
		const char *attribute;
		enum err err; /* ERR_NONE: makes no difference */
	} cases[] = {
		{ "answerOnBridge='true'", ERR_NONE },
		{ "answerOnBridge='false'", ERR_DOC_IGNORED },
		{ "hangupOnStar='false'", ERR_NONE },
		{ "hangupOnStar='true'", ERR_DOC_NO_MEDIA },
		{ "record='do-not-record'", ERR_NONE },
		{ "record='false'", ERR_NONE },
		{ "record='record-from-ringing-dual'", ERR_DOC_NO_MEDIA },
		{ "trim='do-not-trim'", ERR_NONE },
		{ "trim='trim-silence'", ERR_DOC_NO_MEDIA },
		{ "ringTone='us-old'", ERR_DOC_NO_MEDIA },
		{ "recordingStatusCallback=''", ERR_NONE },
		{ "recordingStatusCallback='/r' recordingStatusCallbackMethod='GET' "
		  "recordingStatusCallbackEvent='in-progress completed' recordingTrack='both'",
		  ERR_DOC_NO_MEDIA },
		{ "recordingConfigurationId='x'", ERR_DOC_NO_MEDIA },
		{ "referUrl='/r' referMethod='GET'", ERR_DOC_IGNORED },
		{ "events='call-progress-event'", ERR_DOC_IGNORED },
		{ "passports='x'", ERR_DOC_IGNORED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *dial = text_of("<Dial %s><Client>a</Client></Dial>", cases[i].attribute);

		/* once in a document, however often it is written */
		parse_ok(XML, text_of("<Response>%s\n%s</Response>", dial, dial));
		if (last.n_warnings != (cases[i].err != ERR_NONE) || last.warnings[0].err != cases[i].err)
			fail_msg("%s: %zu warnings: %s", cases[i].attribute, last.n_warnings,
				 last.warnings[0].text);
	}
}

static void test_many_warnings(void **state)
{
	(void)state;
	parse_ok(XML, text_of("<Response>%s<Hangup/></Response>", repeated("<Fax/>", 100)));
	assert_int_equal(last.n_warnings, INSTRUCTIONS_MAX_WARNINGS);
	assert_int_equal(last.n, 1);
	/* a message is cut between characters */
	parse_ok(XML, text_of("<Response><%s/></Response>", repeated("\xc3\xbc", 200)));
	assert_true(str_is_utf8(str_of(last.warnings[0].text)));
	assert_non_null(strstr(last.warnings[0].text, "unknown verb"));
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
	parse_ok(XML,
		 text_of("<Response><Say>%s%s</Say></Response>", repeated("<s>", 6), repeated("</s>", 6)));
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

	parse_ok(XML, text_of(ONE("<Message>%s</Message>"), repeated("m", 1600)));
	assert_int_equal(last.verbs[0].text.n, 1600);
	assert_fails(XML, text_of(ONE("<Message>%s</Message>"), repeated("m", 1601)), ERR_DOC_SCHEMA, 2);
	assert_fails(XML, text_of(ONE("<Enqueue>%s</Enqueue>"), repeated("q", 65)), ERR_DOC_SCHEMA, 2);
	parse_ok(XML, text_of(CLIENT("<Client require='%s'>a</Client>"), repeated("k=v ", 16)));
	assert_int_equal(last.verbs[0].targets[0].n_require, INSTRUCTIONS_MAX_REQUIRE);
	assert_fails(XML, text_of(CLIENT("<Client require='%s'>a</Client>"), repeated("k=v ", 17)),
		     ERR_DOC_DIAL, 2);
	assert_fails(XML, text_of(CLIENT("<Client require='%s=v'>a</Client>"), repeated("k", 65)),
		     ERR_DOC_DIAL, 2);
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
		TEST(test_real_dial),
		TEST(test_real_number),
		TEST(test_defaults),
		TEST(test_text),
		TEST(test_encodings),
		TEST(test_media),
		TEST(test_targets),
		TEST(test_require),
		TEST(test_strategies),
		TEST(test_queues_and_messages),
		TEST(test_attributes_without_effect),
		TEST(test_warnings),
		TEST(test_many_warnings),
		TEST(test_billion_laughs),
		TEST(test_size),
		TEST(test_depth),
		TEST(test_counts),
		TEST(test_no_mixing),
		TEST(test_truncated),
		TEST(test_content_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
