/* metrics.c - per-thread slots, added up by a scrape.
 *
 * A slot has one writer and any reader: its cells are read and written by
 * relaxed atomic loads and stores, which are plain moves on our machines (no
 * locked instruction) and tell the compiler and the race detector the truth.
 * Slots live in static memory, so what a thread counted outlives it.
 */
#include "common/base/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "common/base/err.h"

enum kind { COUNTS, MEASURES, TIMES };

static const struct row {
	enum kind kind;
	const char *name, *labels, *help;
} rows[METRIC_COUNT] = {
#define COUNTER(name, labels, help) [METRIC_##name] = { COUNTS, #name, labels, help },
#define GAUGE(name, labels, help)   [METRIC_##name] = { MEASURES, #name, labels, help },
#define HISTOGRAM(name, help)	    [METRIC_##name] = { TIMES, #name, "", help },
#include "common/base/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

/* The last bucket has no bound. */
static const struct {
	uint64_t most_us;
	const char *seconds;
} buckets[] = {
	{ 100, "0.0001" },  { 250, "0.00025" }, { 500, "0.0005" },	{ 1000, "0.001" },
	{ 2500, "0.0025" }, { 5000, "0.005" },	{ 10000, "0.01" },	{ 25000, "0.025" },
	{ 50000, "0.05" },  { 100000, "0.1" },	{ 250000, "0.25" },	{ 500000, "0.5" },
	{ 1000000, "1" },   { 2500000, "2.5" }, { 5000000, "5" },	{ 10000000, "10" },
	{ 30000000, "30" }, { 60000000, "60" }, { UINT64_MAX, "+Inf" },
};

enum { BUCKETS = ARRAY_LEN(buckets), CACHE_LINE = 64 };

struct slot {
	_Alignas(CACHE_LINE) _Atomic int64_t values[METRIC_COUNT]; /* of a histogram: its sum in us */
	_Atomic int64_t errors[ERR_COUNT];
	_Atomic int64_t hits[METRIC_COUNT][BUCKETS];
};

static struct slot slots[METRICS_MAX_THREADS];
static atomic_uint slots_taken;
static _Thread_local struct slot *own;

static void cell_add(_Atomic int64_t *cell, int64_t by)
{
	const int64_t before = atomic_load_explicit(cell, memory_order_relaxed);

	atomic_store_explicit(cell, before + by, memory_order_relaxed);
}

void metrics_attach(void)
{
	if (own)
		return;

	const unsigned index = atomic_fetch_add(&slots_taken, 1);

	INVARIANT(index < METRICS_MAX_THREADS);
	own = &slots[index];
}

static struct slot *own_slot(void)
{
	if (!own)
		metrics_attach();
	return own;
}

void metric_add(enum metric metric, int64_t by)
{
	cell_add(&own_slot()->values[metric], by);
}

void metric_set(enum metric metric, int64_t value)
{
	INVARIANT(rows[metric].kind == MEASURES);
	atomic_store_explicit(&own_slot()->values[metric], value, memory_order_relaxed);
}

void metric_observe_us(enum metric metric, uint64_t us)
{
	struct slot *slot = own_slot();
	unsigned bucket = 0;

	INVARIANT(rows[metric].kind == TIMES);
	while (us > buckets[bucket].most_us)
		bucket++;
	cell_add(&slot->hits[metric][bucket], 1);
	cell_add(&slot->values[metric], (int64_t)MIN(us, (uint64_t)INT64_MAX));
}

void metrics_count_error(unsigned err)
{
	cell_add(&own_slot()->errors[err < ERR_COUNT ? err : ERR_INTERNAL], 1);
}

/* The sum over all threads of the cell that stands at `offset` in a slot. */
static int64_t total(size_t offset)
{
	const unsigned taken = atomic_load(&slots_taken);
	int64_t sum = 0;

	for (unsigned i = 0; i < MIN(taken, (unsigned)METRICS_MAX_THREADS); i++) {
		const void *cell = (const char *)&slots[i] + offset;

		sum += atomic_load_explicit((const _Atomic int64_t *)cell, memory_order_relaxed);
	}
	return sum;
}

int64_t metric_total(enum metric metric)
{
	return total(offsetof(struct slot, values) + metric * sizeof(int64_t));
}

static void print_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP switchhook_%s %s\n", name, help);
	buf_printf(out, "# TYPE switchhook_%s %s\n", name, type);
}

static void print_value(struct buf *out, const struct row *row, size_t index)
{
	const int64_t value = metric_total((enum metric)index);

	print_head(out, row->name, row->kind == COUNTS ? "counter" : "gauge", row->help);
	if (row->labels[0])
		buf_printf(out, "switchhook_%s{%s} %" PRId64 "\n", row->name, row->labels, value);
	else
		buf_printf(out, "switchhook_%s %" PRId64 "\n", row->name, value);
}

static void print_histogram(struct buf *out, const struct row *row, size_t index)
{
	const int64_t sum_us = metric_total((enum metric)index);
	int64_t count = 0;

	print_head(out, row->name, "histogram", row->help);
	for (size_t i = 0; i < BUCKETS; i++) {
		count += total(offsetof(struct slot, hits) + (index * BUCKETS + i) * sizeof(int64_t));
		buf_printf(out, "switchhook_%s_bucket{le=\"%s\"} %" PRId64 "\n", row->name,
			   buckets[i].seconds, count);
	}
	buf_printf(out, "switchhook_%s_sum %" PRId64 ".%06" PRId64 "\n", row->name, sum_us / 1000000,
		   sum_us % 1000000);
	buf_printf(out, "switchhook_%s_count %" PRId64 "\n", row->name, count);
}

/* Also errors that never happened: a rate over a row needs its zero. */
static void print_errors(struct buf *out)
{
	print_head(out, "errors_total", "counter", "errors answered, by name");
	for (size_t i = 0; i < ERR_COUNT; i++) {
		if (i == ERR_NONE)
			continue;
		buf_printf(out, "switchhook_errors_total{err=\"%s\"} %" PRId64 "\n", err_name((enum err)i),
			   total(offsetof(struct slot, errors) + i * sizeof(int64_t)));
	}
}

void metrics_print(struct buf *out)
{
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		if (rows[i].kind == TIMES)
			print_histogram(out, &rows[i], i);
		else
			print_value(out, &rows[i], i);
	}
	print_errors(out);
}
