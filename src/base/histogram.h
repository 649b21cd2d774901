/*
 * histogram.h - how long things took, in Prometheus's default buckets (5 ms to 10 s).
 *
 * Any thread may add and read; a reader may see a sample's count before its sum.
 */
#ifndef REEVE_BASE_HISTOGRAM_H
#define REEVE_BASE_HISTOGRAM_H

#include <stdatomic.h>

#include "base/buf.h"

#define HISTOGRAM_BUCKETS 11u

/* Zeroed is empty. */
struct histogram {
	_Atomic uint64_t counts[HISTOGRAM_BUCKETS + 1]; /* not cumulative; the last: longer */
	_Atomic uint64_t sum_us;
};

void histogram_add(struct histogram *histogram, int64_t us);
uint64_t histogram_count(const struct histogram *histogram);

/* NAME_bucket{LABELS,le=".."}, NAME_sum and NAME_count, in the text format. `labels` without
 * braces, not empty. */
void histogram_write(
	const struct histogram *histogram, struct buf *out, const char *name, const char *labels);

#endif
