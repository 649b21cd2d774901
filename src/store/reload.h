/*
 * reload.h - a database's content replaced as a whole: what a restore does to a store.
 *
 * One transaction drops the product's tables, makes them anew as they were when the copy was taken,
 * lets the caller fill them, runs the migrations made since, and raises the epoch above the copy's
 * and the present one. So it happens wholly or not at all, and a copy of an older schema needs
 * nothing of its own.
 */
#ifndef REEVE_STORE_RELOAD_H
#define REEVE_STORE_RELOAD_H

#include "store/tables.h"

struct reload {
	int64_t schema;	     /* of the copy; at most the number of migrations */
	int64_t epoch;	     /* of the copy */
	bool replaces;	     /* what the tables hold now; otherwise they must be empty */
	bool ignores_others; /* processes that have the database open, where several may */
	/* The tables as they are now, before they are dropped; not called when there are none. */
	int (*look)(struct sql *sql, void *argument, struct error *err);
	/* The tables as the copy knows them, empty. */
	int (*fill)(struct sql *sql, void *argument, struct error *err);
	/* The tables as this program knows them; `epoch`: the new one. */
	int (*finish)(struct sql *sql, int64_t epoch, void *argument, struct error *err);
	void *argument;
};

/* ret_epoch: the new one. ERROR_CONFLICT: the database is not empty, is of a newer schema, or is
 * open elsewhere; ERROR_UNAVAILABLE: an SQLite file's owner runs. After an error nothing has
 * changed, but for a commit whose answer was lost, which the sentence says. */
int store_reload(const struct store_config *config, const struct reload *reload, int64_t *ret_epoch,
	struct error *err);

#endif
