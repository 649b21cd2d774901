/*
 * backup.h - a copy of everything CLM holds, as one file.
 *
 * One read snapshot of the whole database, taken beside the processes that serve it and without
 * holding them up; every write that was answered before is in it, and of the others it holds
 * those that the feed says it holds. The file (archive.h) begins with a header, then has one line
 * for each row of each table:
 *
 *     {"reeve_backup":1,"product":"clm","schema":2,"epoch":1,"feed":42,"created":"2026-..."}
 *     {"table":"resources","row":{"id":"...","kind":"Cluster",...}}
 *
 * Nothing in it depends on the database it came from, so it may be restored into another kind.
 */
#ifndef REEVE_CLM_BACKUP_H
#define REEVE_CLM_BACKUP_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/store.h"

#define BACKUP_FORMAT 1
#define BACKUP_PRODUCT "clm"

struct backup_summary {
	int64_t schema;
	int64_t epoch;
	int64_t feed; /* the last sequence in it; 0: none */
	uint64_t rows;
};

/* `path` "-": standard output. ERROR_NOT_FOUND: no CLM there; or what writing met. */
int backup_write(const char *store_url, const char *path, const struct clock *clock,
	struct backup_summary *ret, struct error *err);

/* The last sequence of the feed in the database that `sql` reads; 0: none. */
int backup_read_feed(struct sql *sql, int64_t *ret, struct error *err);

#endif
