/*
 * histogram.c - see histogram.h.
 */
#include "base/histogram.h"

#include "base/clock.h"

static const struct {
	int64_t us;
	const char *seconds;
} buckets[HISTOGRAM_BUCKETS] = {
	{5000, "0.005"},
	{10000, "0.01"},
	{25000, "0.025"},
	{50000, "0.05"},
	{100000, "0.1"},
	{250000, "0.25"},
	{500000, "0.5"},
	{1000000, "1"},
	{2500000, "2.5"},
	{5000000, "5"},
	{10000000, "10"},
};

void histogram_add(struct histogram *histogram, int64_t us)
{
	size_t i = 0;

	while (i < HISTOGRAM_BUCKETS && us > buckets[i].us)
		i++;
	atomic_fetch_add_explicit(&histogram->counts[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(
		&histogram->sum_us, us > 0 ? (uint64_t)us : 0, memory_order_relaxed);
}

uint64_t histogram_count(const struct histogram *histogram)
{
	uint64_t count = 0;

	for (size_t i = 0; i <= HISTOGRAM_BUCKETS; i++)
		count += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
	return count;
}

void histogram_write(
	const struct histogram *histogram, struct buf *out, const char *name, const char *labels)
{
	uint64_t count = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		count += atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
		buf_printf(out, "%s_bucket{%s,le=\"%s\"} %llu\n", name, labels, buckets[i].seconds,
			(unsigned long long)count);
	}
	count += atomic_load_explicit(&histogram->counts[HISTOGRAM_BUCKETS], memory_order_relaxed);
	buf_printf(out, "%s_bucket{%s,le=\"+Inf\"} %llu\n%s_sum{%s} %.6f\n%s_count{%s} %llu\n",
		name, labels, (unsigned long long)count, name, labels,
		(double)atomic_load_explicit(&histogram->sum_us, memory_order_relaxed) /
			(double)CLOCK_US_PER_S,
		name, labels, (unsigned long long)count);
}
