/* test_instructions_same.c - the two forms say the same: pairs of documents that have to come out alike. */
#include "tests/unit/instructions_support.h"

#define CALLBACKS_XML " statusCallback='/s' statusCallbackMethod='GET' statusCallbackEvent='ringing answered'"
#define CALLBACKS_JSON                                                                                       \
	",\"status_callback\":\"/s\",\"status_callback_method\":\"GET\","                                    \
	"\"status_callback_event\":[\"ringing\",\"answered\"]"

static const struct {
	const char *twiml, *json;
} pairs[] = {
	{ "<Redirect method='GET'>/next?a=1&amp;b=2</Redirect>",
	  "{\"verb\":\"redirect\",\"url\":\"/next?a=1&b=2\",\"method\":\"GET\"}" },
	{ "<Reject reason='busy'/><Hangup/><Leave/>",
	  "{\"verb\":\"reject\",\"reason\":\"busy\"},{\"verb\":\"hangup\"},{\"verb\":\"leave\"}" },
	{ "<Pause/><Pause length='7'/>", "{\"verb\":\"pause\"},{\"verb\":\"pause\",\"length\":7}" },
	{ "<Dial action='/a' method='GET' timeout='5' timeLimit='60' callerId='x y' strategy='round_robin'>"
	  "<Client>a</Client></Dial>",
	  "{\"verb\":\"dial\",\"action\":\"/a\",\"method\":\"GET\",\"timeout\":5,\"time_limit\":60,"
	  "\"caller_id\":\"x y\",\"strategy\":\"round_robin\",\"clients\":[{\"identity\":\"a\"}]}" },
	{ "<Dial sequential='true'><Client require='k=v skill=a skill=b'" CALLBACKS_XML ">team/*"
	  "<Parameter name='p' value='1'/><Parameter name='q' value=''/></Client></Dial>",
	  "{\"verb\":\"dial\",\"sequential\":true,\"clients\":[{\"identity\":\"team/*\",\"require\":"
	  "{\"k\":\"v\",\"skill\":[\"a\",\"b\"]},\"parameters\":{\"p\":\"1\",\"q\":\"\"}" CALLBACKS_JSON
	  "}]}" },
	{ "<Dial><Number sendDigits='1w'" CALLBACKS_XML ">+1 (5)<Parameter name='p' value='1'/></Number>"
	  "<Sip username='u' password='p'" CALLBACKS_XML ">sip:a@b</Sip></Dial>",
	  "{\"verb\":\"dial\",\"targets\":[{\"number\":\"+15\",\"send_digits\":\"1w\",\"parameters\":"
	  "{\"p\":\"1\"}" CALLBACKS_JSON "},"
	  "{\"sip\":\"sip:a@b\",\"username\":\"u\",\"password\":\"p\"" CALLBACKS_JSON "}]}" },
	{ "<Dial>*100#</Dial>", "{\"verb\":\"dial\",\"clients\":[{\"number\":\"*100#\"}]}" },
	{ "<Dial><Queue>front desk</Queue></Dial>",
	  "{\"verb\":\"dial\",\"targets\":[{\"queue\":\"front desk\"}]}" },
	{ "<Enqueue action='/a' method='GET' waitUrl='/w' "
	  "waitUrlMethod='GET'>q</Enqueue><Enqueue>r</Enqueue>",
	  "{\"verb\":\"enqueue\",\"queue\":\"q\",\"action\":\"/a\",\"method\":\"GET\",\"wait_url\":\"/w\","
	  "\"wait_url_method\":\"GET\"},{\"verb\":\"enqueue\",\"queue\":\"r\"}" },
	{ "<Message to='t' from='f' action='/a' method='GET' "
	  "statusCallback='/s'><Body>two\nlines</Body></Message>",
	  "{\"verb\":\"message\",\"to\":\"t\",\"from\":\"f\",\"action\":\"/a\",\"method\":\"GET\","
	  "\"status_callback\":\"/s\",\"body\":\"two\\nlines\"}" },
	{ "<Say voice='v'>hello</Say><Play loop='2'>/x</Play><Record maxLength='3'/>"
	  "<Gather numDigits='1'><Say>x</Say></Gather>",
	  "{\"verb\":\"say\",\"voice\":\"v\",\"text\":\"hello\"},{\"verb\":\"play\",\"loop\":2,\"url\":\"/"
	  "x\"},"
	  "{\"verb\":\"record\",\"max_length\":3},{\"verb\":\"gather\",\"num_digits\":1,"
	  "\"prompts\":[{\"verb\":\"say\",\"text\":\"x\"}]}" },
};

static void assert_same(struct str a, struct str b)
{
	if (!str_eq(a, b) || str_is_null(a) || str_is_null(b))
		fail_msg("\"" STR_FMT "\" is not \"" STR_FMT "\"", STR_ARG(a), STR_ARG(b));
}

static void assert_same_pairs(const struct parameter *a, const struct parameter *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_same(a[i].name, b[i].name);
		assert_same(a[i].value, b[i].value);
	}
}

static void assert_same_target(const struct dial_target *a, const struct dial_target *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->is_group, b->is_group);
	assert_same(a->name, b->name);
	assert_same(a->identity, b->identity);
	assert_same(a->destination, b->destination);
	assert_same(a->send_digits, b->send_digits);
	assert_same(a->username, b->username);
	assert_same(a->password, b->password);
	assert_same(a->status_callback, b->status_callback);
	assert_int_equal(a->status_callback_get, b->status_callback_get);
	assert_int_equal(a->events, b->events);
	assert_int_equal(a->n_parameters, b->n_parameters);
	assert_same_pairs(a->parameters, b->parameters, a->n_parameters);
	assert_int_equal(a->n_require, b->n_require);
	assert_same_pairs(a->require, b->require, a->n_require);
}

static void assert_same_verb(const struct verb *a, const struct verb *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_same(a->name, b->name);
	assert_same(a->url, b->url);
	assert_int_equal(a->get, b->get);
	assert_int_equal(a->timeout_s, b->timeout_s);
	assert_int_equal(a->time_limit_s, b->time_limit_s);
	assert_int_equal(a->length_s, b->length_s);
	assert_same(a->caller_id, b->caller_id);
	assert_same(a->reason, b->reason);
	assert_int_equal(a->strategy, b->strategy);
	assert_same(a->queue, b->queue);
	assert_same(a->wait_url, b->wait_url);
	assert_int_equal(a->wait_get, b->wait_get);
	assert_same(a->to, b->to);
	assert_same(a->from, b->from);
	assert_same(a->status_callback, b->status_callback);
	assert_same(a->text, b->text);
	assert_int_equal(a->n_targets, b->n_targets);
	for (size_t i = 0; i < a->n_targets; i++)
		assert_same_target(&a->targets[i], &b->targets[i]);
}

static void test_both_forms_say_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		const struct instructions twiml =
			*parse_ok(XML, text_of("<Response>%s</Response>", pairs[i].twiml));
		const struct instructions json =
			*parse_ok(JSON, text_of("{\"instructions\":[%s]}", pairs[i].json));

		assert_int_equal(twiml.n_warnings + json.n_warnings, 0);
		assert_int_equal(twiml.n, json.n);
		for (size_t v = 0; v < twiml.n; v++)
			assert_same_verb(&twiml.verbs[v], &json.verbs[v]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_both_forms_say_the_same) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
