/*
 * check_list.h - the parts of a check: what it is made with, the invariants that are a query, and
 * those that need documents read.
 */
#ifndef REEVE_CLM_CHECK_LIST_H
#define REEVE_CLM_CHECK_LIST_H

#include "clm/catalog.h"
#include "clm/check.h"

struct check {
	struct check_report *report;
	struct arena *arena;	/* of the report */
	struct arena *scratch;	/* of one row */
	struct catalog catalog; /* only its registry; NULL: kinds are not known */
	struct sql *sql;	/* the snapshot */
	int64_t epoch;
};

/* check_findings.c: the finding of this name, made when it is new; never NULL: past
 * CHECK_MAX_INVARIANTS the last. */
struct check_finding *check_invariant(struct check *check, const char *name, const char *says);
void check_found(struct check *check, struct check_finding *finding, struct str id);

/* check_queries.c: ids that a query finds. */
int check_queries(struct check *check, struct error *err);
/* check_resources.c: each resource, its documents, its conditions. */
int check_resources(struct check *check, struct error *err);
/* check_indexes.c: rows that repeat what documents say, the room on management clusters. */
int check_indexes(struct check *check, struct error *err);
/* check_feed.c: the rows of the feed, one after the other. */
int check_feed(struct check *check, struct error *err);

#endif
