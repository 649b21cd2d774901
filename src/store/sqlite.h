/*
 * sqlite.h - the SQLite driver's parts: connections (sqlite.c), statements (sqlite_statement.c) and
 * errors (sqlite_error.c).
 */
#ifndef REEVE_STORE_SQLITE_H
#define REEVE_STORE_SQLITE_H

#include <sqlite3.h>

#include "store/driver.h"
#include "store/sqlite_file.h"

struct sqlite_statement;

struct sqlite_connection {
	struct sql sql; /* first */
	sqlite3 *handle;
	const struct sqlite_file *file;	     /* the database's */
	struct sqlite_statement *statements; /* most recently used first */
	size_t statement_count;
	struct sqlite_rows *open; /* of the work that runs */
	struct arena *arena;	  /* for its rows */
};

/* --- sqlite_error.c --- */

enum error_code sqlite_error_code(sqlite3 *handle, int result);
int sqlite_fail_damaged(const char *path, const char *reason, struct error *err);
/* Fills err from the connection's last error; returns -1. `what`: a sentence's beginning. */
int sqlite_fail(
	struct sqlite_connection *connection, int result, const char *what, struct error *err);

/* --- sqlite_statement.c --- */

/* A statement without parameters, from the cache: BEGIN, COMMIT and the like. */
int sqlite_step_plain(struct sqlite_connection *connection, const char *text, struct error *err);

/* The driver's calls for statements and rows. */
int sqlite_run_script(struct sql *sql, const char *text, struct error *err);
int sqlite_run(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
	int64_t *ret_changed, struct error *err);
int sqlite_query(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
	struct sql_rows **ret, struct error *err);
int sqlite_next(struct sql_rows *rows, struct error *err);
void sqlite_end(struct sql_rows *rows);
void sqlite_end_work(struct sql *sql);
int sqlite_columns(struct sql_rows *rows);
const char *sqlite_column_name(struct sql_rows *rows, int column);
enum sql_type sqlite_column_type(struct sql_rows *rows, int column);
bool sqlite_column_is_null(struct sql_rows *rows, int column);
int64_t sqlite_column_integer(struct sql_rows *rows, int column);
double sqlite_column_real(struct sql_rows *rows, int column);
struct str sqlite_column_str(struct sql_rows *rows, int column);
void sqlite_forget_statements(struct sqlite_connection *connection);

#endif
