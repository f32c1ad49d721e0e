/* metrics.h - counters, gauges and histograms by one table (metrics.def).
 *
 * Every worker thread writes only its own slots (metrics_attach), so nothing
 * is locked or atomic on the hot path; a scrape adds the workers up.
 * Reads of another thread's slot may be a moment old, never torn (aligned u64).
 */
#pragma once

#include "common/base/buf.h"

enum metric {
#define COUNTER(name, labels, help) METRIC_##name,
#define GAUGE(name, labels, help) METRIC_##name,
#define HISTOGRAM(name, help) METRIC_##name,
#include "common/base/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
	METRIC_COUNT
};

enum { METRICS_MAX_THREADS = 80 };                       /* 64 workers, and a few that are none */

void metrics_attach(void);                               /* once per thread; its first use does it otherwise */
void metric_add(enum metric metric, int64_t by);         /* counter up, gauge up or down */
void metric_set(enum metric metric, int64_t value);      /* a gauge's own share of this thread */
void metric_observe_us(enum metric metric, uint64_t us); /* histogram: fixed buckets 100 us .. 60 s */
int64_t metric_total(enum metric metric);                /* of all threads */
void metrics_count_error(unsigned err);                  /* errors_total{err="NAME"} */
void metrics_print(struct buf *out);                     /* Prometheus text 0.0.4, names prefixed switchhook_ */
