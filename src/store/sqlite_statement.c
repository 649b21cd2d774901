/*
 * sqlite_statement.c - statements on one SQLite connection: prepared once, kept by the address of
 * their text.
 *
 * $1, $2 ... are names to SQLite; each parameter's number is read from its name when binding.
 */
#include <stdlib.h>

#include "store/sqlite.h"

struct sqlite_rows {
	struct sql_rows rows;	       /* first */
	struct sqlite_statement *slot; /* NULL: not cached, finalised at the end */
	sqlite3_stmt *statement;
};

int sqlite_error(sqlite3 *db, int code, struct error *err)
{
	const char *message = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);

	switch (code & 0xff) {
	case SQLITE_CONSTRAINT:
		return error_set(err, ERROR_CONFLICT, "%s", message);
	case SQLITE_FULL:
		return error_set(err, ERROR_NO_SPACE, "the disk is full; make room and try again");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_set(
			err, ERROR_UNAVAILABLE, "the database is locked by another process");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return error_set(err, ERROR_UNAVAILABLE,
			"the database is damaged (%s); restore a backup", message);
	case SQLITE_NOMEM:
	case SQLITE_TOOBIG:
		return error_set(
			err, ERROR_MEMORY, "the database has not enough memory: %s", message);
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return error_set(err, ERROR_FORBIDDEN, "%s", message);
	case SQLITE_IOERR:
		return error_set(err, ERROR_UNAVAILABLE, "the disk failed: %s", message);
	default:
		return error_set(err, ERROR_INTERNAL, "%s", message);
	}
}

int sqlite_simple(struct sqlite_connection *connection, const char *text, struct error *err)
{
	int code = sqlite3_exec(connection->db, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sqlite_error(connection->db, code, err);
}

void sqlite_forget_statements(struct sqlite_connection *connection)
{
	for (size_t i = 0; i < SQLITE_STATEMENT_SLOTS; i++)
		sqlite3_finalize(connection->by_address[i].statement);
	for (size_t i = 0; i < SQLITE_TEXT_SLOTS; i++) {
		sqlite3_finalize(connection->by_text[i].statement);
		free(connection->by_text[i].text);
	}
	memset(connection->by_address, 0, sizeof(connection->by_address));
	memset(connection->by_text, 0, sizeof(connection->by_text));
}

static int prepare(struct sqlite_connection *connection, struct str text, bool is_kept,
	sqlite3_stmt **ret, const char **ret_tail, struct error *err)
{
	int code = sqlite3_prepare_v3(connection->db, text.ptr, (int)text.len,
		is_kept ? SQLITE_PREPARE_PERSISTENT : 0, ret, ret_tail);

	if (code != SQLITE_OK)
		return sqlite_error(connection->db, code, err);
	return 0;
}

/* The slot for a long-lived text: its own, an empty one, or (the table being full around it) none.
 */
static struct sqlite_statement *slot_by_address(
	struct sqlite_connection *connection, const void *key)
{
	size_t start = ((uintptr_t)key >> 3) * 0x9e3779b1u % SQLITE_STATEMENT_SLOTS;

	for (size_t i = 0; i < SQLITE_STATEMENT_SLOTS; i++) {
		struct sqlite_statement *slot =
			&connection->by_address[(start + i) % SQLITE_STATEMENT_SLOTS];
		if (slot->key == key || !slot->key)
			return slot;
	}
	return NULL;
}

/* By content: its own, else the least recently used one that is free, emptied. */
static struct sqlite_statement *slot_by_text(struct sqlite_connection *connection, struct str text)
{
	struct sqlite_statement *oldest = NULL;

	for (size_t i = 0; i < SQLITE_TEXT_SLOTS; i++) {
		struct sqlite_statement *slot = &connection->by_text[i];
		if (slot->text && str_eq_c(text, slot->text))
			return slot;
		if (!slot->in_use && (!oldest || slot->used_at < oldest->used_at))
			oldest = slot;
	}
	if (!oldest)
		return NULL;
	sqlite3_finalize(oldest->statement);
	free(oldest->text);
	*oldest = (struct sqlite_statement){.text = strndup(text.ptr, text.len)};
	return oldest->text ? oldest : NULL;
}

/* A statement ready to be bound; *ret_slot NULL when it is not cached. */
static int take_statement(struct sqlite_connection *connection, struct str text, bool is_long_lived,
	struct sqlite_statement **ret_slot, sqlite3_stmt **ret, struct error *err)
{
	struct sqlite_statement *slot = is_long_lived ? slot_by_address(connection, text.ptr)
						      : slot_by_text(connection, text);

	*ret_slot = NULL;
	if (!slot || slot->in_use)
		return prepare(connection, text, false, ret, NULL, err);
	if (!slot->statement && prepare(connection, text, true, &slot->statement, NULL, err) < 0)
		return -1;
	if (is_long_lived)
		slot->key = text.ptr;
	slot->in_use = true;
	slot->used_at = ++connection->ticks;
	*ret_slot = slot;
	*ret = slot->statement;
	return 0;
}

static void give_back(struct sqlite_statement *slot, sqlite3_stmt *statement)
{
	if (!slot) {
		sqlite3_finalize(statement);
		return;
	}
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	slot->in_use = false;
}

static int bind_one(sqlite3_stmt *statement, int index, const struct sql_value *value,
	sqlite3_destructor_type lifetime)
{
	switch (value->type) {
	case SQL_NULL:
		return sqlite3_bind_null(statement, index);
	case SQL_INTEGER:
		return sqlite3_bind_int64(statement, index, value->integer);
	case SQL_REAL:
		return sqlite3_bind_double(statement, index, value->real);
	case SQL_TEXT:
		return sqlite3_bind_text64(
			statement, index, value->text.ptr, value->text.len, lifetime, SQLITE_UTF8);
	case SQL_BLOB:
		return sqlite3_bind_blob64(
			statement, index, value->text.ptr, value->text.len, lifetime);
	}
	return SQLITE_MISUSE;
}

static int bind_all(struct sqlite_connection *connection, sqlite3_stmt *statement,
	const struct sql_value *values, size_t count, sqlite3_destructor_type lifetime,
	struct error *err)
{
	int parameters = sqlite3_bind_parameter_count(statement);

	for (int index = 1; index <= parameters; index++) {
		const char *name = sqlite3_bind_parameter_name(statement, index);
		int64_t number = 0;
		if (!name || !str_to_int64(str_of(name + 1), &number) || number < 1 ||
			(size_t)number > count)
			return error_set(err, ERROR_INTERNAL,
				"statement parameter %s has no value (%zu given)",
				name ? name : "?", count);
		int code = bind_one(statement, index, &values[number - 1], lifetime);
		if (code != SQLITE_OK)
			return sqlite_error(connection->db, code, err);
	}
	return 0;
}

/* Several statements in one text (migrations): no parameters, not cached. */
static int run_script(struct sqlite_connection *connection, const char *text, struct error *err)
{
	return sqlite_simple(connection, text, err);
}

int sqlite_run(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	int64_t *ret_changed, struct error *err)
{
	struct sqlite_connection *connection = (struct sqlite_connection *)sql;
	struct sqlite_statement *slot;
	sqlite3_stmt *statement;

	if (!connection->is_writer)
		return error_set(err, ERROR_INTERNAL,
			"a statement that writes was run while reading: %s", text);
	if (count == 0)
		return run_script(connection, text, err);
	if (take_statement(connection, str_of(text), true, &slot, &statement, err) < 0)
		return -1;
	int result = bind_all(connection, statement, values, count, SQLITE_STATIC, err);
	if (result == 0) {
		int code = sqlite3_step(statement);
		if (code != SQLITE_DONE && code != SQLITE_ROW)
			result = sqlite_error(connection->db, code, err);
		else if (ret_changed)
			*ret_changed = sqlite3_changes64(connection->db);
	}
	give_back(slot, statement);
	return result;
}

int sqlite_query(struct sql *sql, struct str text, bool is_long_lived,
	const struct sql_value *values, size_t count, struct sql_rows **ret, struct error *err)
{
	struct sqlite_connection *connection = (struct sqlite_connection *)sql;
	struct sqlite_rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		return error_set(err, ERROR_MEMORY, "no memory for a query");
	rows->rows.sql = sql;
	if (take_statement(connection, text, is_long_lived, &rows->slot, &rows->statement, err) <
		0) {
		free(rows);
		return -1;
	}
	if (bind_all(connection, rows->statement, values, count, SQLITE_TRANSIENT, err) < 0) {
		sqlite_end(&rows->rows);
		return -1;
	}
	if (!connection->is_writer && !sqlite3_stmt_readonly(rows->statement)) {
		sqlite_end(&rows->rows);
		return error_set(
			err, ERROR_INTERNAL, "a statement that writes was run while reading");
	}
	*ret = &rows->rows;
	return 0;
}

int sqlite_next(struct sql_rows *rows, struct error *err)
{
	struct sqlite_connection *connection = (struct sqlite_connection *)rows->sql;
	int code = sqlite3_step(((struct sqlite_rows *)rows)->statement);

	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : sqlite_error(connection->db, code, err);
}

void sqlite_end(struct sql_rows *rows)
{
	struct sqlite_rows *self = (struct sqlite_rows *)rows;

	give_back(self->slot, self->statement);
	free(self);
}

bool sqlite_is_null(struct sql_rows *rows, int column)
{
	return sqlite3_column_type(((struct sqlite_rows *)rows)->statement, column) == SQLITE_NULL;
}

int64_t sqlite_integer(struct sql_rows *rows, int column)
{
	return sqlite3_column_int64(((struct sqlite_rows *)rows)->statement, column);
}

double sqlite_real(struct sql_rows *rows, int column)
{
	return sqlite3_column_double(((struct sqlite_rows *)rows)->statement, column);
}

struct str sqlite_text(struct sql_rows *rows, int column)
{
	sqlite3_stmt *statement = ((struct sqlite_rows *)rows)->statement;
	const char *text = (const char *)sqlite3_column_text(statement, column);

	return text ? str_n(text, (size_t)sqlite3_column_bytes(statement, column)) : STR_NULL;
}
