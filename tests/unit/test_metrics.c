/* test_metrics.c - what threads count, a scrape adds up. */
#include "common/base/metrics.h"

#include <pthread.h>

#include "common/base/err.h"
#include "tests/unit/unit.h"

enum { THREADS = 4, ROUNDS = 20000, OUT_CAP = 1 << 20 };

/* The value on the line that starts with `name`, e.g. `up_total` or `x_bucket{le="1"}`. */
static double value_of(const char *name)
{
	char start[160];
	struct buf out;

	buf_init(&out, OUT_CAP);
	metrics_print(&out);
	assert_true(buf_ok(&out));
	snprintf(start, sizeof(start), "\nswitchhook_%s ", name);

	const char *line = strstr(buf_cstr(&out), start);

	if (!line)
		fail_msg("no metric %s", name);

	const double value = strtod(line + strlen(start), NULL);

	buf_fini(&out);
	return value;
}

static void *count(void *unused)
{
	metrics_attach();
	for (unsigned i = 0; i < ROUNDS; i++) {
		metric_add(METRIC_rings_total, 2);
		metric_add(METRIC_ws_connections, 1);
		metric_add(METRIC_ws_connections, -1);
		metric_observe_us(METRIC_fetch_seconds, 300);
	}
	metric_set(METRIC_calls_owned, 7);
	metric_set(METRIC_calls_owned, 5);
	metrics_count_error(ERR_BUSY);
	(void)unused;
	return NULL;
}

static void adds_threads_up(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);

	/* A scrape meanwhile sees something between nothing and all. */
	assert_true(value_of("rings_total") <= 2.0 * THREADS * ROUNDS);

	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(value_of("rings_total") == 2.0 * THREADS * ROUNDS);
	assert_true(value_of("ws_connections") == 0);
	assert_true(value_of("calls_owned") == 5.0 * THREADS);
	assert_true(value_of("errors_total{err=\"BUSY\"}") == THREADS);
	assert_true(value_of("errors_total{err=\"CONFLICT\"}") == 0);
	assert_true(value_of("fetch_seconds_count") == (double)THREADS * ROUNDS);
	assert_true(value_of("fetch_seconds_sum") == 24.0);
}

static void gauges_go_up_and_down(void **state)
{
	(void)state;
	metric_add(METRIC_http_connections, 3);
	metric_add(METRIC_http_connections, -1);
	assert_true(value_of("http_connections") == 2);
	metric_add(METRIC_http_connections, -5);
	assert_true(value_of("http_connections") == -3);
}

static void buckets_are_cumulative(void **state)
{
	static const struct {
		uint64_t us;
		const char *first, *below; /* the bucket it falls into, and the one before */
	} rows[] = {
		{ 0, "0.0001", NULL },	      { 100, "0.0001", NULL },
		{ 101, "0.00025", "0.0001" }, { 1000, "0.001", "0.0005" },
		{ 1000001, "2.5", "1" },      { 60000000, "60", "30" },
		{ 60000001, "+Inf", "60" },   { UINT64_C(3600000000), "+Inf", "60" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char first[80], below[80] = "";
		double first_before, below_before = 0;

		snprintf(first, sizeof(first), "redis_call_seconds_bucket{le=\"%s\"}", rows[i].first);
		first_before = value_of(first);
		if (rows[i].below) {
			snprintf(below, sizeof(below), "redis_call_seconds_bucket{le=\"%s\"}", rows[i].below);
			below_before = value_of(below);
		}
		metric_observe_us(METRIC_redis_call_seconds, rows[i].us);
		assert_true(value_of(first) == first_before + 1);
		if (rows[i].below)
			assert_true(value_of(below) == below_before);
		assert_true(value_of("redis_call_seconds_bucket{le=\"+Inf\"}") == (double)(i + 1));
		assert_true(value_of("redis_call_seconds_count") == (double)(i + 1));
	}
	assert_true(value_of("redis_call_seconds_sum") == 3721.001203);
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz_", s.p[i]) || s.p[i] == '\0')
			return false;
	return str_starts(s, STR("switchhook_"));
}

/* name or name{label="value"}, a space, a number */
static void assert_sample(struct str line)
{
	struct str head, name, label;

	assert_true(str_split(&line, ' ', &head));
	assert_true(str_split(&head, '{', &name));
	assert_true(is_name(name));
	if (!str_is_null(head)) {
		assert_true(str_split(&head, '"', &label));
		assert_true(str_eq(label, STR("le=")) || str_eq(label, STR("err=")));
		assert_true(str_split(&head, '"', &label));
		assert_true(label.n > 0);
		assert_str_equal(head, "}");
	}

	char number[40], *end;

	assert_true(str_copy(line, number, sizeof(number)) && number[0]);
	strtod(number, &end);
	assert_int_equal(*end, '\0');
}

/* Every family is told HELP, then TYPE, then its samples; none comes twice. */
static void text_is_well_formed(void **state)
{
	struct str all, line, name = STR_NULL;
	struct buf out;
	size_t families = 0;

	(void)state;
	buf_init(&out, OUT_CAP);
	metrics_print(&out);
	assert_true(str_ends(buf_str(&out), STR("\n")));
	all = str_n(out.p, out.n - 1);
	while (str_split(&all, '\n', &line)) {
		if (!str_starts(line, STR("#"))) {
			assert_true(str_starts(line, name));
			assert_sample(line);
			continue;
		}
		assert_true(str_starts(line, STR("# HELP ")));
		line = str_skip(line, 7);
		assert_true(str_split(&line, ' ', &name));
		assert_true(is_name(name));
		assert_true(line.n > 5);
		assert_true(str_split(&all, '\n', &line));
		assert_true(str_starts(line, STR("# TYPE ")));
		assert_true(str_starts(str_skip(line, 7), name));
		line = str_skip(line, 7 + name.n + 1);
		assert_true(str_eq(line, STR("counter")) || str_eq(line, STR("gauge")) ||
			    str_eq(line, STR("histogram")));
		assert_int_equal(str_ends(name, STR("_total")), str_eq(line, STR("counter")));
		assert_int_equal(str_ends(name, STR("_seconds")), str_eq(line, STR("histogram")));
		families++;
	}
	assert_int_equal(families, METRIC_COUNT + 1);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_threads_up),
		cmocka_unit_test(gauges_go_up_and_down),
		cmocka_unit_test(buckets_are_cumulative),
		cmocka_unit_test(text_is_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
