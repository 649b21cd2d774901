/*
 * sqlite_statement.c - SQLite's statements: prepared once, bound, stepped, read.
 *
 * Each connection keeps its most recently used statements in a short list, found by their text. A
 * list of at most STORE_MAX_STATEMENTS compares lengths before bytes, which costs less than any
 * statement's first step; a hash table was not worth its code. A statement that is already running
 * (the same query nested in itself) is prepared a second time for the occasion.
 *
 * SQLite numbers parameters by first appearance, PostgreSQL by what is written after the '$'; the
 * numbers written count here too.
 */
#include "store/sqlite.h"

#include <stdlib.h>

#define MAX_PARAMETERS 999 /* of one statement */

struct sqlite_statement {
	struct sqlite_statement *next;
	sqlite3_stmt *handle;
	struct str text; /* SQLite's copy */
	bool is_running;
	bool is_kept; /* in the list */
};

struct sqlite_rows {
	struct sql_rows rows; /* first */
	struct sqlite_connection *connection;
	struct sqlite_statement *statement; /* NULL after the end */
	struct sqlite_rows *next;
};

/* --- the cache ----------------------------------------------------------------------------- */

static void statement_free(struct sqlite_statement *statement)
{
	sqlite3_finalize(statement->handle);
	free(statement);
}

void sqlite_forget_statements(struct sqlite_connection *connection)
{
	while (connection->statements) {
		struct sqlite_statement *first = connection->statements;
		connection->statements = first->next;
		statement_free(first);
	}
	connection->statement_count = 0;
}

/* Drops the least recently used that is not running. */
static void forget_oldest(struct sqlite_connection *connection)
{
	struct sqlite_statement **oldest = NULL;

	for (struct sqlite_statement **at = &connection->statements; *at; at = &(*at)->next)
		if (!(*at)->is_running)
			oldest = at;
	if (!oldest)
		return;
	struct sqlite_statement *statement = *oldest;
	*oldest = statement->next;
	connection->statement_count--;
	statement_free(statement);
}

static int prepare(struct sqlite_connection *connection, struct str text, bool is_kept,
	struct sqlite_statement **ret, struct error *err)
{
	struct sqlite_statement *statement = calloc(1, sizeof(*statement));
	const char *tail = NULL;

	if (!statement)
		return error_set(err, ERROR_MEMORY, "no memory to prepare a statement");
	int result = sqlite3_prepare_v3(connection->handle, text.ptr, (int)text.len,
		is_kept ? SQLITE_PREPARE_PERSISTENT : 0, &statement->handle, &tail);
	if (result != SQLITE_OK || !statement->handle) {
		sqlite_fail(connection, result, "cannot prepare a statement", err);
		statement_free(statement);
		return -1;
	}
	if (tail < text.ptr + text.len) {
		statement_free(statement);
		return error_set(err, ERROR_INTERNAL, "more than one statement in \"%" STR_F "\"",
			STR_A(text));
	}
	statement->text = str_of(sqlite3_sql(statement->handle));
	statement->is_kept = is_kept;
	if (is_kept) {
		if (connection->statement_count >= STORE_MAX_STATEMENTS)
			forget_oldest(connection);
		statement->next = connection->statements;
		connection->statements = statement;
		connection->statement_count++;
	}
	*ret = statement;
	return 0;
}

/* A statement ready to be bound, marked as running. */
static int acquire(struct sqlite_connection *connection, struct str text,
	struct sqlite_statement **ret, struct error *err)
{
	struct sqlite_statement *found = NULL;

	for (struct sqlite_statement **at = &connection->statements; *at; at = &(*at)->next) {
		if (!str_eq((*at)->text, text))
			continue;
		found = *at;
		*at = found->next;
		found->next = connection->statements;
		connection->statements = found;
		break;
	}
	if ((!found || found->is_running) && prepare(connection, text, !found, &found, err) < 0)
		return -1;
	found->is_running = true;
	*ret = found;
	return 0;
}

static void release(struct sqlite_statement *statement)
{
	sqlite3_reset(statement->handle);
	sqlite3_clear_bindings(statement->handle);
	statement->is_running = false;
	if (!statement->is_kept)
		statement_free(statement);
}

/* --- binding ------------------------------------------------------------------------------- */

static int bind_value(sqlite3_stmt *handle, int index, const struct sql_value *value,
	sqlite3_destructor_type life)
{
	switch (value->type) {
	case SQL_NULL:
		return sqlite3_bind_null(handle, index);
	case SQL_INTEGER:
		return sqlite3_bind_int64(handle, index, value->integer);
	case SQL_REAL:
		return sqlite3_bind_double(handle, index, value->real);
	case SQL_TEXT:
		return sqlite3_bind_text64(
			handle, index, value->text.ptr, value->text.len, life, SQLITE_UTF8);
	case SQL_BLOB:
		return sqlite3_bind_blob64(handle, index, value->text.ptr, value->text.len, life);
	}
	return SQLITE_MISUSE;
}

/* `life`: SQLITE_STATIC when the statement runs to its end before the caller goes on. */
static int bind(struct sqlite_connection *connection, struct sqlite_statement *statement,
	const struct sql_value *values, size_t count, sqlite3_destructor_type life,
	struct error *err)
{
	int parameters = sqlite3_bind_parameter_count(statement->handle);

	if (parameters > MAX_PARAMETERS)
		return error_set(err, ERROR_TOO_LARGE,
			"a statement with %d parameters (at most %d)", parameters, MAX_PARAMETERS);
	for (int index = 1; index <= parameters; index++) {
		const char *name = sqlite3_bind_parameter_name(statement->handle, index);
		int64_t number = 0;
		if (!name || name[0] != '$' || !str_to_int64(str_of(name + 1), &number) ||
			number < 1 || (size_t)number > count)
			return error_set(err, ERROR_INTERNAL, "parameter %s has no value in \"%s\"",
				name ? name : "?", sqlite3_sql(statement->handle));
		int result = bind_value(statement->handle, index, &values[number - 1], life);
		if (result != SQLITE_OK)
			return sqlite_fail(connection, result, "cannot bind a value", err);
	}
	return 0;
}

/* --- running ------------------------------------------------------------------------------- */

static struct sqlite_connection *connection_of(struct sql *sql)
{
	return (struct sqlite_connection *)sql;
}

int sqlite_run_script(struct sql *sql, const char *text, struct error *err)
{
	struct sqlite_connection *connection = connection_of(sql);
	int result = sqlite3_exec(connection->handle, text, NULL, NULL, NULL);

	return result == SQLITE_OK ? 0 : sqlite_fail(connection, result, "cannot run", err);
}

static int run_to_end(
	struct sqlite_connection *connection, struct sqlite_statement *statement, struct error *err)
{
	int result;

	do
		result = sqlite3_step(statement->handle);
	while (result == SQLITE_ROW);
	return result == SQLITE_DONE ? 0 : sqlite_fail(connection, result, "cannot run", err);
}

int sqlite_step_plain(struct sqlite_connection *connection, const char *text, struct error *err)
{
	struct sqlite_statement *statement;

	if (acquire(connection, str_of(text), &statement, err) < 0)
		return -1;
	int result = run_to_end(connection, statement, err);
	release(statement);
	return result;
}

int sqlite_run(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
	int64_t *ret_changed, struct error *err)
{
	struct sqlite_connection *connection = connection_of(sql);
	struct sqlite_statement *statement;

	if (acquire(connection, text, &statement, err) < 0)
		return -1;
	int result = bind(connection, statement, values, count, SQLITE_STATIC, err);
	if (result == 0)
		result = run_to_end(connection, statement, err);
	if (result == 0 && ret_changed)
		*ret_changed = sqlite3_changes64(connection->handle);
	release(statement);
	return result;
}

int sqlite_query(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
	struct sql_rows **ret, struct error *err)
{
	struct sqlite_connection *connection = connection_of(sql);
	struct sqlite_rows *rows = arena_new_of(connection->arena, struct sqlite_rows);
	struct sqlite_statement *statement;

	if (!rows)
		return error_set(err, ERROR_MEMORY, "too many queries in one transaction");
	if (acquire(connection, text, &statement, err) < 0)
		return -1;
	/* The caller's values may end before the rows do, so they are copied. */
	if (bind(connection, statement, values, count, SQLITE_TRANSIENT, err) < 0) {
		release(statement);
		return -1;
	}
	*rows = (struct sqlite_rows){{sql}, connection, statement, connection->open};
	connection->open = rows;
	*ret = &rows->rows;
	return 0;
}

int sqlite_next(struct sql_rows *rows, struct error *err)
{
	struct sqlite_rows *self = (struct sqlite_rows *)rows;

	if (!self->statement)
		return 0;
	int result = sqlite3_step(self->statement->handle);
	if (result == SQLITE_ROW)
		return 1;
	if (result != SQLITE_DONE)
		sqlite_fail(self->connection, result, "cannot read", err);
	sqlite_end(rows);
	return result == SQLITE_DONE ? 0 : -1;
}

void sqlite_end(struct sql_rows *rows)
{
	struct sqlite_rows *self = (struct sqlite_rows *)rows;

	if (!self->statement)
		return;
	release(self->statement);
	self->statement = NULL;
	for (struct sqlite_rows **at = &self->connection->open; *at; at = &(*at)->next) {
		if (*at == self) {
			*at = self->next;
			break;
		}
	}
}

void sqlite_end_work(struct sql *sql)
{
	struct sqlite_connection *connection = connection_of(sql);

	while (connection->open)
		sqlite_end(&connection->open->rows);
	arena_reset(connection->arena);
}

/* --- columns ------------------------------------------------------------------------------- */

static sqlite3_stmt *handle_of(struct sql_rows *rows)
{
	struct sqlite_statement *statement = ((struct sqlite_rows *)rows)->statement;

	return statement ? statement->handle : NULL; /* SQLite answers NULL with NULL and 0 */
}

int sqlite_columns(struct sql_rows *rows)
{
	return sqlite3_column_count(handle_of(rows));
}

const char *sqlite_column_name(struct sql_rows *rows, int column)
{
	return sqlite3_column_name(handle_of(rows), column);
}

/* Each value has a type of its own. */
enum sql_type sqlite_column_type(struct sql_rows *rows, int column)
{
	switch (sqlite3_column_type(handle_of(rows), column)) {
	case SQLITE_INTEGER:
		return SQL_INTEGER;
	case SQLITE_FLOAT:
		return SQL_REAL;
	case SQLITE_TEXT:
		return SQL_TEXT;
	case SQLITE_BLOB:
		return SQL_BLOB;
	default:
		return SQL_NULL;
	}
}

bool sqlite_column_is_null(struct sql_rows *rows, int column)
{
	return sqlite3_column_type(handle_of(rows), column) == SQLITE_NULL;
}

int64_t sqlite_column_integer(struct sql_rows *rows, int column)
{
	return sqlite3_column_int64(handle_of(rows), column);
}

double sqlite_column_real(struct sql_rows *rows, int column)
{
	return sqlite3_column_double(handle_of(rows), column);
}

struct str sqlite_column_str(struct sql_rows *rows, int column)
{
	sqlite3_stmt *handle = handle_of(rows);

	if (sqlite3_column_type(handle, column) == SQLITE_NULL)
		return STR_NULL;
	const char *text = sqlite3_column_type(handle, column) == SQLITE_BLOB
				   ? sqlite3_column_blob(handle, column)
				   : (const char *)sqlite3_column_text(handle, column);
	/* An empty blob is NULL to SQLite; to us only NULL is. */
	return str_n(text ? text : "", (size_t)sqlite3_column_bytes(handle, column));
}
