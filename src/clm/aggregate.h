/*
 * aggregate.h - what a resource's conditions are, given what its adapters have reported.
 *
 * One pure function, the aggregation of HyperFleet API v1:
 *
 *   Reconciled           every required adapter says Available (while deleting: Finalized) at the
 *                        current generation, and, while deleting, no child is left.
 *   LastKnownReconciled  sticky: stays True while adapters move on to a newer generation, until one
 *                        of them says it is not available at the generation that was good.
 *   <Adapter>Successful  mirrors one required adapter's Available.
 *
 * Reports that are of no required adapter, newer than the resource, or without a True or False
 * Available do not count. Nothing in here reads a clock: times come from the reports and from
 * `reference_us`.
 */
#ifndef REEVE_CLM_AGGREGATE_H
#define REEVE_CLM_AGGREGATE_H

#include "clm/condition.h"

#define CONDITION_RECONCILED "Reconciled"
#define CONDITION_LAST_KNOWN "LastKnownReconciled"

enum report_status { REPORT_ABSENT, REPORT_TRUE, REPORT_FALSE, REPORT_UNKNOWN };

/* "True", "False", "Unknown"; anything else is REPORT_ABSENT. */
enum report_status report_status_of(struct str text);

/* The part of an adapter's stored report that aggregation reads. */
struct adapter_report {
	struct str adapter;
	int64_t observed_generation;
	int64_t last_report_us;
	enum report_status available;
	enum report_status finalized;
	struct str reason; /* of Available */
	struct str message;
};

struct aggregate_input {
	int64_t generation;
	int64_t reference_us; /* when the resource was last updated */
	bool is_deleting;
	bool has_children;
	const struct condition_list *previous;
	const struct str *required; /* adapters, as configured on the kind */
	size_t required_count;
	const struct adapter_report *reports;
	size_t report_count;
};

/* Order: Reconciled, LastKnownReconciled, then one per required adapter that has reported. */
int aggregate_conditions(struct arena *arena, const struct aggregate_input *input,
	struct condition_list *ret, struct error *err);

/* "cl-namespace" -> "ClNamespaceSuccessful". */
struct str aggregate_successful_type(struct arena *arena, struct str adapter);

/* Whether every required adapter has reported Finalized=True at the current generation. */
bool aggregate_is_finalized(const struct aggregate_input *input);

#endif
