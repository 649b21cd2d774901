/*
 * status.h - an adapter reports what it has done for a resource.
 *
 * The order of the checks and what counts as stale are HyperFleet API v1's. One transaction stores
 * the report, recomputes the resource's conditions, and, when the resource is being deleted and all
 * its adapters are done, removes it.
 *
 * A report that says what the last one said only moves its time: the feed stays silent, so
 * re-reports cost no one else anything.
 */
#ifndef REEVE_CLM_STATUS_H
#define REEVE_CLM_STATUS_H

#include "clm/lifecycle.h"

#define STATUS_MAX_ADAPTERS 256u /* that report on one resource */

struct status_put {
	struct change change;
	struct scope scope;
	struct str id;
	/* What the adapter says: adapter, observed_generation, last_report_us (its observed_time),
	 * conditions without times, data, metadata. */
	struct report report;
	struct str if_match;   /* null, or the resource's ETag that must be current */
	bool ret_is_discarded; /* stale: nothing was stored */
	struct report ret_stored;
};

/* A store_work. ERROR_NOT_FOUND; ERROR_PRECONDITION; ERROR_INVALID when Available, Applied or
 * Health is missing; ERROR_CONFLICT for one adapter too many. */
int status_put(struct sql *sql, void *put, struct error *err);
int status_prefetch(struct sql *sql, void *put, struct error *err); /* what it reads first */

#endif
