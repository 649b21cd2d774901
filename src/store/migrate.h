/*
 * migrate.h - numbered changes to the schema; inside this folder only.
 */
#ifndef REEVE_STORE_MIGRATE_H
#define REEVE_STORE_MIGRATE_H

#include "store/driver.h"

/* Brings the product's tables to the newest version, each migration in a transaction of its own
 * with the note that it was made. `sql`: a writing connection with no transaction. `database`: its
 * name in messages. */
int migrate_run(struct sql *sql, const struct store_config *config, const char *database,
	struct error *err);

/* Inside a transaction: the store's own tables, where they are missing; and the product's
 * migrations from number `from` + 1 through `through`. */
int migrate_make_own(struct sql *sql, struct error *err);
int migrate_apply(struct sql *sql, const struct store_config *config, size_t from, size_t through,
	struct error *err);

/* The store's own facts: the epoch, 1 until a restore raises it. */
int migrate_read_epoch(struct sql *sql, int64_t *ret, struct error *err);

#endif
