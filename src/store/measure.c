/*
 * measure.c - see measure.h.
 */
#include "store/measure.h"

#include "base/clock.h"

void store_measure(
	struct store_measures *measures, int64_t began_us, int result, const struct error *err)
{
	histogram_add(&measures->durations, clock_monotonic_us() - began_us);
	if (result < 0 && error_http_status(err->code) >= 500)
		atomic_fetch_add(&measures->errors[err->code], 1);
}
