/*
 * tables.h - a product's tables as a whole: which there are, every row of one.
 *
 * For those who copy a database and those who look through it. The list of tables comes from the
 * product's migrations, so there is no second one to forget.
 */
#ifndef REEVE_STORE_TABLES_H
#define REEVE_STORE_TABLES_H

#include "store/store.h"

#define TABLES_MAX 64

struct table_list {
	struct str
		names[TABLES_MAX]; /* in the order of their making; borrowed from the migrations */
	size_t count;
};

/* The tables that are there once the first `version` migrations have been made. ERROR_TOO_LARGE. */
int tables_list(const struct store_config *config, size_t version, struct table_list *ret,
	struct error *err);
bool tables_have(const struct table_list *list, struct str name);

struct store_state {
	int64_t schema; /* the last migration made; 0: none */
	int64_t epoch;
};

/* Of the database that `sql` is in. ERROR_NOT_FOUND when it is no store. */
int tables_read_state(
	struct sql *sql, const char *product, struct store_state *ret, struct error *err);

/*
 * Runs a query whose rows may be more than memory holds, calling `row` for each; a result other
 * than 0 of `row` ends it and is the result. `text` is one SELECT without parameters. The rows'
 * texts live until `row` returns; `row` may run other queries, but no second scan.
 */
typedef int (*table_row)(struct sql_rows *rows, void *argument, struct error *err);
int tables_scan(
	struct sql *sql, const char *text, table_row row, void *argument, struct error *err);

#endif
