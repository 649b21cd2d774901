/*
 * check.h - whether what CLM holds agrees with itself.
 *
 * One read snapshot, beside the processes that serve. Each invariant has a name, a sentence, and
 * the ids that break it: all are counted, the first CHECK_MAX_IDS are named. Nothing is repaired.
 */
#ifndef REEVE_CLM_CHECK_H
#define REEVE_CLM_CHECK_H

#include "clm/registry.h"
#include "data/json.h"

#define CHECK_MAX_IDS 20u
#define CHECK_MAX_INVARIANTS 48u

struct check_finding {
	const char *name; /* "owner-exists" */
	const char *says; /* what holds when nothing is found */
	uint64_t count;
	struct str ids[CHECK_MAX_IDS]; /* in the order found; a number for rows without an id */
	size_t id_count;
};

struct check_report {
	struct check_finding findings[CHECK_MAX_INVARIANTS];
	size_t count;
	uint64_t broken; /* findings that found something */
	uint64_t resources;
};

/* The database must have this program's schema; ERROR_NOT_FOUND, ERROR_CONFLICT. `registry`: the
 * database's own; NULL: it is not known, and what depends on kinds is left out. Texts live in the
 * arena. */
int check_run(const char *store_url, const struct registry *registry, struct arena *arena,
	struct check_report *ret, struct error *err);

struct json *check_document(struct arena *arena, const struct check_report *report);

#endif
