/*
 * report.h - what adapters have said about a resource: rows of adapter_statuses, and their JSON.
 *
 * One row for each adapter and resource, holding the last report that counted. Which report counts
 * is decided in status.h.
 */
#ifndef REEVE_CLM_REPORT_H
#define REEVE_CLM_REPORT_H

#include "base/buf.h"
#include "clm/aggregate.h"
#include "clm/catalog.h"

/* A condition as an adapter reports it. */
struct reported_condition {
	struct str type;
	struct str status; /* "True", "False", "Unknown" */
	struct str reason;
	struct str message;
	int64_t last_transition_us;
};

struct report {
	struct str adapter;
	int64_t observed_generation;
	int64_t created_us;
	int64_t last_report_us;
	struct reported_condition *conditions;
	size_t condition_count;
	struct str data;     /* JSON text, "{}" when the adapter has nothing to say */
	struct str metadata; /* JSON text, or null */
};

struct report_list {
	struct report *items;
	size_t count;
};

bool report_write(struct buf *out, const struct report *report);

const struct reported_condition *report_condition(const struct report *report, const char *type);
enum report_status report_says(const struct report *report, const char *type);

/* Whether two reports say the same about the same generation. When they were made and `metadata`,
 * which is about the adapter's run, do not count. */
bool report_says_same(const struct report *a, const struct report *b);

/* What aggregation reads of the reports. NULL when memory is out. */
struct adapter_report *report_digests(struct arena *arena, const struct report_list *reports);

/* Work that reads the reports first is then spared the wait (store_write_ahead). */
int report_prefetch(struct sql *sql, struct str resource, struct error *err);

/* All reports on a resource, by adapter. In two steps, so that the question travels with others. */
int report_query(struct sql *sql, struct str resource, struct sql_rows **ret, struct error *err);
int report_read(
	struct sql_rows *rows, struct arena *arena, struct report_list *ret, struct error *err);
int report_load(struct sql *sql, struct arena *arena, struct str resource, struct report_list *ret,
	struct error *err);
struct report *report_find(const struct report_list *reports, struct str adapter);

int report_store(
	struct change *change, struct str resource, const struct report *report, struct error *err);
int report_remove_all(struct change *change, struct str resource, struct error *err);

#endif
