/* test_settings.c - settings.def and the command line, each case in a process of its own. */
#include "common/model/settings.h"
#include "tests/unit/unit.h"

#define SECRET "0123456789abcdef0123456789abcdef"

struct run {
	const char *service;
	const char *arguments[3];
	const char *environment[2]; /* name, value */
	int exit_code;
	const char *output; /* has to be part of what is said */
};

enum { LOADED = 77, TEXT_SIZE = 16384 };

/* In the child: loads, and says what a service would use. */
_Noreturn static void load(const struct run *run)
{
	char *argv[4] = { "x" };
	struct settings_errand errand = { .seed_file = "untouched", .reseals = true };
	struct settings settings;
	int argc = 1;

	for (; argc < 4 && run->arguments[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)run->arguments[argc - 1];
	setenv("CLUSTER_SECRET", SECRET, 1);
	if (run->environment[0])
		setenv(run->environment[0], run->environment[1], 1);
	settings_load(&settings, run->service, argc, argv, &errand);
	printf("port=%lu workers=%lu label=%s seed=%s reseals=%d\n", (unsigned long)settings.port,
	       (unsigned long)settings.workers, settings.host_label[0] ? "named" : "",
	       errand.seed_file ? errand.seed_file : "none", errand.reseals);
	settings_free(&settings);
	exit(LOADED);
}

static void run_and_check(const struct run *run)
{
	char text[TEXT_SIZE];
	size_t n = 0;
	int fds[2], status;
	ssize_t got;

	assert_int_equal(pipe(fds), 0);

	const pid_t child = fork();

	if (child == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		load(run);
	}
	close(fds[1]);
	while ((got = read(fds[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != run->exit_code || !strstr(text, run->output))
		fail_msg("exit code %d, not %d, or no \"%s\" in:\n%s", WEXITSTATUS(status), run->exit_code,
			 run->output, text);
	assert_null(strstr(text, SECRET));
}

static void presence(void **state)
{
	static const struct run runs[] = {
		{ "presence-svc", { 0 }, { 0 }, LOADED, "port=8081 workers=" },
		{ "presence-svc",
		  { 0 },
		  { "WORKERS", "3" },
		  LOADED,
		  "workers=3 label=named seed=none reseals=0" },
		{ "presence-svc", { 0 }, { "PORT", "18081" }, LOADED, "port=18081" },
		{ "presence-svc", { "--seed", "file" }, { 0 }, LOADED, "seed=file reseals=0" },
		{ "presence-svc", { "--reseal" }, { 0 }, LOADED, "seed=none reseals=1" },
		{ "presence-svc", { "--seed" }, { 0 }, 2, "a file has to follow --seed" },
		{ "presence-svc",
		  { "--reseal", "--seed", "file" },
		  { 0 },
		  2,
		  "--seed does not go together with --reseal" },
		{ "presence-svc", { "--help" }, { 0 }, 0, "--seed FILE" },
		{ "presence-svc", { "--help" }, { 0 }, 0, "\n--reseal seals" },
		{ "presence-svc", { "--help" }, { 0 }, 0, "  NODE_LEASE_MS\n" },
		{ "presence-svc", { "--version" }, { 0 }, 0, "presence-svc " SWITCHHOOK_VERSION "\n" },
		{ "presence-svc", { "--print-config" }, { 0 }, 0, "\nCLUSTER_SECRET=(set)\n" },
		{ "presence-svc", { "--print-config" }, { 0 }, 0, "\nPORT=8081\n" },
		{ "presence-svc",
		  { "--print-config" },
		  { "HOST_LABEL", "edge 1" },
		  0,
		  "\nHOST_LABEL=edge 1\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(runs); i++)
		run_and_check(&runs[i]);
}

static void routing(void **state)
{
	static const struct run runs[] = {
		{ "routing-svc", { 0 }, { 0 }, LOADED, "port=8082" },
		{ "routing-svc", { 0 }, { 0 }, LOADED, "label=named seed=none reseals=0" },
		{ "routing-svc", { "--seed", "file" }, { 0 }, 2, "unknown argument --seed" },
		{ "routing-svc", { "--reseal" }, { 0 }, 2, "unknown argument --reseal" },
		{ "routing-svc", { "--print-config" }, { 0 }, 0, "\nPORT=8082\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(runs); i++)
		run_and_check(&runs[i]);
}

static void refusals(void **state)
{
	static const struct run runs[] = {
		{ "routing-svc", { "--verbose" }, { 0 }, 2, "unknown argument --verbose" },
		{ "routing-svc", { "config.ini" }, { 0 }, 2, "usage: routing-svc" },
		{ "routing-svc", { 0 }, { "PORT", "70000" }, 2, "PORT: 70000 is not acceptable" },
		{ "routing-svc",
		  { 0 },
		  { "CLUSTER_SECRET", "short" },
		  2,
		  "CLUSTER_SECRET: the value (not shown)" },
		{ "routing-svc", { 0 }, { "CLUSTER_SECRET", "" }, 2, "CLUSTER_SECRET: has to be given" },
		{ "routing-svc",
		  { 0 },
		  { "NODE_RENEW_MS", "1501" },
		  2,
		  "NODE_RENEW_MS has to be at most half" },
		{ "routing-svc", { 0 }, { "PING_MS", "20000" }, 2, "PING_MS has to be less than DEAD_MS" },
		{ "routing-svc", { 0 }, { "FETCH_CONNECT_MS", "15001" }, 2, "FETCH_CONNECT_MS has to be" },
		{ "routing-svc",
		  { "--print-config" },
		  { "LOG_LEVEL", "loud" },
		  2,
		  "one of: debug info warn error" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(runs); i++)
		run_and_check(&runs[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(presence),
		cmocka_unit_test(routing),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
