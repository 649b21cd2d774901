/*
 * measure.h - what is counted of a store's transactions; inside this folder only.
 */
#ifndef REEVE_STORE_MEASURE_H
#define REEVE_STORE_MEASURE_H

#include "base/error.h"
#include "base/histogram.h"

/* How long transactions took, and what the database failed with. */
struct store_measures {
	struct histogram durations;
	_Atomic uint64_t errors[ERROR_CODE_COUNT];
};
/* Errors of the work itself, such as a row that is not there, are not the database's. */
void store_measure(
	struct store_measures *measures, int64_t began_us, int result, const struct error *err);

#endif
