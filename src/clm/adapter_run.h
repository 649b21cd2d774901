/*
 * adapter_run.h - one event worked on, from its params to its report.
 */
#ifndef REEVE_CLM_ADAPTER_RUN_H
#define REEVE_CLM_ADAPTER_RUN_H

#include "clm/adapter_scope.h"

enum adapter_outcome {
	ADAPTER_SUCCEEDED,
	ADAPTER_SKIPPED, /* a precondition is not met yet, or the resource does not exist any more
			  */
	ADAPTER_FAILED	 /* to be tried again; ret_error tells the first failure */
};

/* Runs the task for an event's data. Any thread; the arena is the caller's. */
enum adapter_outcome adapter_run(const struct adapter_context *context, struct arena *arena,
	struct str event, struct error *ret_error);

#endif
