/* test_account_seed.c - presence-svc --seed: what a file may say, and that it is written once. */
#include "tests/unit/account_fixture.h"

#include "common/model/account_seed.h"

static const char sample[] =
	"{\"accounts\":[{\"sid\":\"" AC "\",\"name\":\"Seeded\",\"auth_token\":\"auth-token-0123456789\","
	"\"keys\":[{\"sid\":\"" KEY "\",\"secret\":\"key-secret-0123456789\",\"name\":\"k\"}],"
	"\"applications\":[{\"sid\":\"" APP "\",\"voice_url\":\"http://127.0.0.1:1/voice\"}],"
	"\"phone_numbers\":[{\"number\":\"+15550100\",\"application_sid\":\"" APP "\"},"
	"{\"number\":\"desk\",\"voice_url\":\"https://h/v\",\"voice_method\":\"GET\"}]}]}";

static int seed_text(struct bench *bench, const char *text)
{
	const struct settings settings = {
		.redis_host = (char *)"127.0.0.1",
		.redis_port = bench->server.port,
		.redis_username = (char *)"",
		.redis_password = (char *)"",
		.redis_timeout_ms = 5000,
		.redis_max_pending = 100,
		.cluster_secret = (char *)CLUSTER_SECRET,
		.cluster_secret_previous = (char *)"",
	};
	char file[] = "/tmp/test_account.XXXXXX";
	const int fd = mkstemp(file);
	int exit_code;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	exit_code = account_seed(&settings, file);
	unlink(file);
	return exit_code;
}

static long changes(struct bench *bench)
{
	return redis_server_count(&bench->server, "commandstats", "cmdstat_publish:calls=");
}

static void test_seed_twice(void **state)
{
	struct bench *bench = *state;
	struct phone_number first;
	struct buf before;

	assert_int_equal(seed_text(bench, sample), 0);
	assert_int_equal(changes(bench), 5);
	first = find_number(bench, "+15550100");
	assert_string_equal(first.application.s, APP);
	assert_str_equal(find_number(bench, "desk").voice_method, "GET");
	assert_str_equal(load_account(bench, &bench->here, "ok end").name, "Seeded");

	buf_init(&before, 1 << 16);
	buf_puts(&before, everything(bench));
	assert_int_equal(seed_text(bench, sample), 0);
	assert_int_equal(changes(bench), 5);
	assert_string_equal(everything(bench), buf_cstr(&before));
	buf_fini(&before);
}

static void test_seed_changes_only_what_differs(void **state)
{
	struct bench *bench = *state;
	struct account account;
	char text[sizeof(sample)];

	assert_int_equal(seed_text(bench, sample), 0);
	account = load_account(bench, &bench->here, "ok end");
	memcpy(text, sample, sizeof(text));
	memcpy(strstr(text, "Seeded"), "Edited", 6);
	assert_int_equal(seed_text(bench, text), 0);
	assert_int_equal(changes(bench), 6);
	await(bench, is_empty, &bench->here);
	assert_str_equal(load_account(bench, &bench->here, "ok end").name, "Edited");
	assert_true(load_account(bench, &bench->here, "ok end").created_ms == account.created_ms);
}

static void test_seed_writes_nothing_of_a_bad_file(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(seed_text(bench, "{\"accounts\":[{\"sid\":\"" AC
					  "\",\"auth_token\":\"auth-token-0123456789\"},{}]}"),
			 2);
	assert_int_equal(seed_text(bench, "{"), 2);
	assert_string_equal(redis_server_do(&bench->server, "DBSIZE"), ":0\r\n");
	assert_int_equal(account_seed(&(struct settings){ 0 }, "/nonexistent/accounts.json"), 2);
}

#define ACCOUNT(rest)	  "{\"accounts\":[{\"sid\":\"" AC "\",\"auth_token\":\"auth-token-0123456789\"" rest "}]}"
#define KEYS(key)	  ACCOUNT(",\"keys\":[" key "]")
#define APPLICATIONS(app) ACCOUNT(",\"applications\":[{\"sid\":\"" APP "\"" app "}]")
#define NUMBERS(numbers)  ACCOUNT(",\"phone_numbers\":[" numbers "]")
#define KEY_OK		  "{\"sid\":\"" KEY "\",\"secret\":\"key-secret-0123456789\"}"

static void test_seed_names_the_bad_field(void **state)
{
	static const struct {
		const char *text, *field;
	} cases[] = {
		{ "[]", "accounts" },
		{ "{}", "accounts" },
		{ "{\"accounts\":7}", "accounts" },
		{ "{\"accounts\":[7]}", "accounts[0]" },
		{ "{\"accounts\":[{}]}", "accounts[0].sid" },
		{ "{\"accounts\":[{\"sid\":\"" KEY "\"}]}", "accounts[0].sid" },
		{ "{\"accounts\":[{\"sid\":\"" AC "\"}]}", "accounts[0].auth_token" },
		{ "{\"accounts\":[{\"sid\":\"" AC "\",\"auth_token\":\"short\"}]}",
		  "accounts[0].auth_token" },
		{ "{\"accounts\":[{\"sid\":\"" AC "\",\"auth_token\":\"$AUTH_TOKEN_OF_MINE\"}]}",
		  "accounts[0].auth_token" },
		{ "{\"accounts\":[{\"sid\":\"" AC "\",\"auth_token\":\"with a blank 0123456\"}]}",
		  "accounts[0].auth_token" },
		{ ACCOUNT(",\"name\":7"), "accounts[0].name" },
		{ ACCOUNT(",\"name\":\"\\n\""), "accounts[0].name" },
		{ ACCOUNT(",\"status\":\"open\""), "accounts[0].status" },
		{ ACCOUNT(",\"nmae\":\"x\""), "accounts[0].nmae" },
		{ ACCOUNT(",\"auth_token_second\":\"$X\""), "accounts[0].auth_token_second" },
		{ ACCOUNT(",\"call_waiting\":\"yes\""), "accounts[0].call_waiting" },
		{ ACCOUNT(",\"away_rings\":0"), "accounts[0].away_rings" },
		{ ACCOUNT(",\"close_grace_ms\":60001"), "accounts[0].close_grace_ms" },
		{ ACCOUNT(",\"ring_proof_ms\":10001"), "accounts[0].ring_proof_ms" },
		{ ACCOUNT(",\"presence_webhook_url\":\"ftp://h/\""), "accounts[0].presence_webhook_url" },
		{ ACCOUNT(",\"policy_url\":7"), "accounts[0].policy_url" },
		{ ACCOUNT(",\"webhook_secret\":\"whsec_short\""), "accounts[0].webhook_secret" },
		{ ACCOUNT(",\"origins\":[\"https://h\",\"https://h/\"]"), "accounts[0].origins[1]" },
		{ ACCOUNT(",\"parent\":\"x\""), "accounts[0].parent" },
		{ ACCOUNT(",\"parent\":\"" OTHER "\""), "accounts[0].parent" },
		{ ACCOUNT(",\"parent\":\"" AC "\""), "accounts[0].parent" },
		{ ACCOUNT(",\"keys\":{}"), "accounts[0].keys" },
		{ KEYS("{\"secret\":\"key-secret-0123456789\"}"), "accounts[0].keys[0].sid" },
		{ KEYS("{\"sid\":\"" KEY "\"}"), "accounts[0].keys[0].secret" },
		{ KEYS(KEY_OK "," KEY_OK), "accounts[0].keys[1].sid" },
		{ APPLICATIONS(",\"voice_url\":\"ftp://h/\""), "accounts[0].applications[0].voice_url" },
		{ APPLICATIONS(",\"voice_url\":\"http://h/\\u0001\""),
		  "accounts[0].applications[0].voice_url" },
		{ APPLICATIONS(",\"voice_method\":\"PUT\""), "accounts[0].applications[0].voice_method" },
		{ APPLICATIONS(",\"status_callback\":\"x\""), "accounts[0].applications[0].status_callback" },
		{ NUMBERS("{\"voice_url\":\"http://h/\"}"), "accounts[0].phone_numbers[0].number" },
		{ NUMBERS("{\"number\":\"+1 5\",\"voice_url\":\"http://h/\"}"),
		  "accounts[0].phone_numbers[0].number" },
		{ NUMBERS("{\"number\":\"+15550100\"}"), "accounts[0].phone_numbers[0].application_sid" },
		{ NUMBERS("{\"number\":\"+15550100\",\"application_sid\":\"" APP "\"}"),
		  "accounts[0].phone_numbers[0].application_sid" },
		{ NUMBERS("{\"number\":\"+15550100\",\"application_sid\":\"x\"}"),
		  "accounts[0].phone_numbers[0].application_sid" },
		{ NUMBERS("{\"number\":\"a\",\"voice_url\":\"http://h/"
			  "\"},{\"number\":\"a\",\"voice_url\":\"http://h/\"}"),
		  "accounts[0].phone_numbers[1].number" },
	};
	struct seed_plan *plan = x_alloc(sizeof(*plan));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new(1 << 20);
		struct json_fault fault = { .missing = false };
		struct json *doc = NULL;

		assert_int_equal(json_parse(str_of(cases[i].text), &doc, NULL), ERR_NONE);
		if (seed_read(arena, doc, plan, &fault))
			fail_msg("accepted: %s", cases[i].text);
		assert_string_equal(fault.field, cases[i].field);
		assert_true(fault.why[0] != '\0');
		json_free(doc);
		arena_free(arena);
	}
	x_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_seed_twice),
		BENCH_TEST(test_seed_changes_only_what_differs),
		BENCH_TEST(test_seed_writes_nothing_of_a_bad_file),
		cmocka_unit_test(test_seed_names_the_bad_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
