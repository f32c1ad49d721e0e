/* settings.c - settings.def as a table, and the command line.
 *
 *     arguments -> environment -> what depends on the machine -> what has to agree -> settings
 *
 * Runs first of all, before threads and log; so it speaks to stdout and stderr.
 */
#include "common/model/settings.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/io/url.h"

enum { EXIT_BAD_SETTINGS = 2, HOST_NAME_SIZE = 64, WORKERS_MAX = 64 };

#define SETTING_INT(field, name, preset, min, max, help)                                                     \
	{ name, CONF_INT, offsetof(struct settings, field), preset, min, max, NULL, false, help },
#define SETTING_BOOL(field, name, preset, help)                                                              \
	{ name, CONF_BOOL, offsetof(struct settings, field), preset, 0, 0, NULL, false, help },
#define SETTING_TEXT(field, name, preset, max, help)                                                         \
	{ name, CONF_STRING, offsetof(struct settings, field), preset, 0, max, NULL, false, help },
#define SETTING_SECRET(field, name, preset, min, max, help)                                                  \
	{ name, CONF_STRING, offsetof(struct settings, field), preset, min, max, NULL, true, help },
#define SETTING_WORD(field, name, preset, words, help)                                                       \
	{ name, CONF_WORD, offsetof(struct settings, field), preset, 0, 0, words, false, help },

static const struct conf_row rows[] = {
#include "common/model/settings.def"
};

#undef SETTING_INT
#undef SETTING_BOOL
#undef SETTING_TEXT
#undef SETTING_SECRET
#undef SETTING_WORD

static const struct service {
	const char *name;
	uint64_t port;
	bool keeps_accounts;
} services[] = {
	{ "presence-svc", 8081, true },
	{ "routing-svc", 8082, false },
};

struct arguments {
	bool print_config;
	struct settings_errand errand;
};

static const struct service *service_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		if (str_eq(str_of(services[i].name), str_of(name)))
			return &services[i];
	INVARIANT(!"a known service");
	return NULL;
}

/* --- the command line --------------------------------------------------- */

static void print_usage(const struct service *service, FILE *out)
{
	fprintf(out, "usage: %s [--help | --version | --print-config%s]\n", service->name,
		service->keeps_accounts ? " | --seed FILE | --reseal" : "");
}

_Noreturn static void help(const struct service *service)
{
	print_usage(service, stdout);
	if (service->keeps_accounts)
		printf("\n--seed FILE creates the accounts in FILE and exits; doing it again changes "
		       "nothing.\n"
		       "--reseal seals under CLUSTER_SECRET what accounts have sealed under "
		       "CLUSTER_SECRET_PREVIOUS,\nand exits; instances may run.\n");
	printf("\nSettings come from the environment; NAME_FILE names a file that holds the value of "
	       "NAME.\n\n");
	conf_help(rows, ARRAY_LEN(rows), stdout);
	exit(EXIT_SUCCESS);
}

_Noreturn static void refuse(const struct service *service, const char *why, const char *argument)
{
	fprintf(stderr, "%s: %s %s\n", service->name, why, log_str(str_of(argument)));
	print_usage(service, stderr);
	exit(EXIT_BAD_SETTINGS);
}

static struct arguments read_arguments(const struct service *service, int argc, char **argv)
{
	struct arguments arguments = { 0 };

	for (int i = 1; i < argc; i++) {
		const struct str argument = str_of(argv[i]);

		if (str_eq(argument, STR("--help"))) {
			help(service);
		} else if (str_eq(argument, STR("--version"))) {
			printf("%s %s\n", service->name, SWITCHHOOK_VERSION);
			exit(EXIT_SUCCESS);
		} else if (str_eq(argument, STR("--print-config"))) {
			arguments.print_config = true;
		} else if (str_eq(argument, STR("--seed")) && service->keeps_accounts) {
			if (i + 1 == argc)
				refuse(service, "a file has to follow", argv[i]);
			arguments.errand.seed_file = argv[++i];
		} else if (str_eq(argument, STR("--reseal")) && service->keeps_accounts) {
			arguments.errand.reseals = true;
		} else {
			refuse(service, "unknown argument", argv[i]);
		}
	}
	if (arguments.errand.seed_file && arguments.errand.reseals)
		refuse(service, "--seed does not go together with", "--reseal");
	return arguments;
}

/* --- what the table cannot say ------------------------------------------ */

static void fill_in(struct settings *settings, const struct service *service)
{
	if (settings->port == 0)
		settings->port = service->port;

	if (settings->fetch_max_per_account == 0)
		settings->fetch_max_per_account = MAX(settings->fetch_max_total / 8, 1);

	if (settings->workers == 0) {
		const long cores = sysconf(_SC_NPROCESSORS_ONLN);

		settings->workers = (uint64_t)MIN(MAX(cores, 1), WORKERS_MAX);
	}

	if (settings->host_label[0] == '\0') {
		char *name = x_alloc(HOST_NAME_SIZE);

		/* A longer name is cut; then the NUL is the last byte's. */
		if (gethostname(name, HOST_NAME_SIZE - 1) != 0 || name[0] == '\0')
			INVARIANT(str_copy(STR("unknown"), name, HOST_NAME_SIZE));
		x_free(settings->host_label);
		settings->host_label = name;
	}
}

static bool is_web_address(const char *url)
{
	struct arena *arena = arena_new(8192);
	const bool is_one = url_is_http(arena, str_of(url));

	arena_free(arena);
	return is_one;
}

/* Waits that have to stand in an order, or the system works against itself. */
static bool agree(const struct settings *settings)
{
	const struct {
		uint64_t less, more;
		const char *rule;
	} rules[] = {
		{ 2 * settings->node_renew_ms, settings->node_lease_ms,
		  "NODE_RENEW_MS has to be at most half of NODE_LEASE_MS" },
		{ settings->ping_ms + 1, settings->dead_ms, "PING_MS has to be less than DEAD_MS" },
		{ settings->fetch_connect_ms, settings->fetch_total_ms,
		  "FETCH_CONNECT_MS has to be at most FETCH_TOTAL_MS" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (rules[i].less > rules[i].more) {
			fprintf(stderr, "%s\n", rules[i].rule);
			return false;
		}
	}
	if (settings->gateway_url[0] && !is_web_address(settings->gateway_url)) {
		fprintf(stderr, "GATEWAY_URL has to be an http or https URL\n");
		return false;
	}
	return true;
}

void settings_load(struct settings *out, const char *service_name, int argc, char **argv,
		   struct settings_errand *errand)
{
	const struct service *service = service_named(service_name);
	const struct arguments arguments = read_arguments(service, argc, argv);

	if (!conf_load(rows, ARRAY_LEN(rows), out, stderr) || !agree(out))
		exit(EXIT_BAD_SETTINGS);
	fill_in(out, service);

	if (arguments.print_config) {
		conf_print(rows, ARRAY_LEN(rows), out, stdout);
		settings_free(out);
		exit(EXIT_SUCCESS);
	}
	*errand = arguments.errand;
}

void settings_free(struct settings *settings)
{
	conf_free(rows, ARRAY_LEN(rows), settings);
}
