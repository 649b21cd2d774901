/*
 * restore.h - a database made from a backup (backup.h).
 *
 * First the whole file is checked, line by line; then everything happens in one transaction, so
 * that a database is as it was, or is the backup. The kind of database need not be the one that
 * the backup came from, and its schema may be older than this program's.
 *
 * The epoch rises above the backup's and the present one, and the feed begins anew beyond every
 * number that may have been given before: whoever comes with a cursor from before is told that it
 * is gone and reads everything anew, instead of missing or repeating what the restore undid.
 */
#ifndef REEVE_CLM_RESTORE_H
#define REEVE_CLM_RESTORE_H

#include "clm/backup.h"

/* Room in the feed's numbers for what was told after the backup was taken and is lost: more than
 * three months at 1000 changes a second. */
#define RESTORE_FEED_GAP INT64_C(10000000000)

struct restore_config {
	const char *store_url;
	const char *path;    /* of the backup: a regular file */
	bool replaces;	     /* what the database holds now; otherwise it must be empty */
	bool ignores_others; /* processes that have a PostgreSQL database open */
	const struct clock *clock;
};

/* ret: what the database is now. ERROR_INVALID names the line of the file that is wrong;
 * ERROR_CONFLICT: the backup or the database is of a newer version, or the latter is not empty or
 * is in use; ERROR_UNAVAILABLE: an SQLite file is in use. */
int restore_run(const struct restore_config *config, struct backup_summary *ret, struct error *err);

#endif
