/*
 * metrics.h - what CLM counts, by HyperFleet API's names, in Prometheus's text format.
 *
 * Counters live as long as the process. What is said of resources that wait to be reconciled is
 * read from the database at each scrape.
 */
#ifndef REEVE_CLM_METRICS_H
#define REEVE_CLM_METRICS_H

#include "base/histogram.h"
#include "clm/catalog.h"

#define METRICS_CODES 24u /* statuses told apart; the last stands for all others */
#define METRICS_STUCK_US                                                         \
	(INT64_C(600) * 1000000) /* default: not reconciled for so long is stuck \
				  */

/* Requests to one route, by the answer's status. Zeroed is empty; metrics_end frees. */
struct metrics_route {
	struct histogram *_Atomic answers[METRICS_CODES]; /* NULL until there is one */
};
void metrics_count(struct metrics_route *route, int status, int64_t us);
void metrics_end(struct metrics_route *route);
void metrics_write_route(const struct metrics_route *route, struct buf *out, const char *method,
	const char *pattern);

/* Everything that is not of a route. ERROR_UNAVAILABLE and the like from the database. */
int metrics_write(const struct catalog *catalog, int64_t stuck_us, int64_t now_us, struct buf *out,
	struct error *err);

#endif
