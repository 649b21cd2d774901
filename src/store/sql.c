/*
 * sql.c - the calls inside a piece of work, handed to the connection's driver.
 *
 * Nothing here knows a database; it is the one place where the table of the driver is entered, and
 * where a reader that tries to write is stopped before the database sees it.
 */
#include "store/driver.h"
#include "store/prefetch.h"

bool sql_mark(struct sql *sql, void *owner, int64_t value)
{
	for (size_t i = 0; i < sql->mark_count; i++) {
		if (sql->marks[i].owner == owner) {
			sql->marks[i].value = value;
			return true;
		}
	}
	if (sql->mark_count == SQL_MAX_MARKS)
		return false;
	sql->marks[sql->mark_count++] = (struct sql_mark){owner, value};
	return true;
}

bool sql_find_mark(const struct sql *sql, const void *owner, int64_t *ret)
{
	for (size_t i = 0; i < sql->mark_count; i++) {
		if (sql->marks[i].owner == owner) {
			*ret = sql->marks[i].value;
			return true;
		}
	}
	return false;
}

enum sql_dialect sql_dialect_of(const struct sql *sql)
{
	return sql->driver->dialect;
}

/* What a failed statement leaves behind differs by database, so it counts as a change. */
static int touched(struct sql *sql, int result)
{
	sql->is_touched |= result < 0;
	return result;
}

static bool only_reads(struct str text)
{
	return str_starts_with(text, STR("SELECT "));
}

int sql_run(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	int64_t *ret_changed, struct error *err)
{
	if (!sql->may_write)
		return error_set(err, ERROR_INTERNAL, "a reading snapshot cannot run \"%s\"", text);
	sql->is_touched = true;
	return sql->driver->run(sql, str_of(text), values, count, ret_changed, err);
}

int sql_run_later(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	struct error *err)
{
	if (!sql->driver->run_later)
		return sql_run(sql, text, values, count, NULL, err);
	if (!sql->may_write)
		return error_set(err, ERROR_INTERNAL, "a reading snapshot cannot run \"%s\"", text);
	sql->is_touched = true;
	return sql->driver->run_later(sql, str_of(text), values, count, err);
}

int sql_run_likely(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	struct error *err)
{
	return sql->is_careful ? sql_run(sql, text, values, count, NULL, err)
			       : sql_run_later(sql, text, values, count, err);
}

int sql_query(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	struct sql_rows **ret, struct error *err)
{
	return sql_query_text(sql, str_of(text), values, count, ret, err);
}

int sql_query_text(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
	struct sql_rows **ret, struct error *err)
{
	sql->is_touched |= !only_reads(text);
	return touched(sql, sql->driver->query(sql, text, values, count, ret, err));
}

int sql_prefetch(struct sql *sql, const char *text, struct str key, struct error *err)
{
	struct sql_rows *rows;

	if (!sql->prefetch || sql->prefetch->count == PREFETCH_MAX)
		return 0;
	if (SQL_QUERY(sql, &rows, err, text, SQL_STR(key)) < 0)
		return -1;
	prefetch_add(sql->prefetch, text, key, rows);
	return 0;
}

int sql_query_key(
	struct sql *sql, const char *text, struct str key, struct sql_rows **ret, struct error *err)
{
	*ret = sql->prefetch ? prefetch_take(sql->prefetch, text, key) : NULL;
	return *ret ? 0 : SQL_QUERY(sql, ret, err, text, SQL_STR(key));
}

void sql_changed(struct sql *sql, struct str key)
{
	if (sql->prefetch)
		prefetch_forget(sql->prefetch, key);
}

int sql_next(struct sql_rows *rows, struct error *err)
{
	return touched(rows->sql, rows->sql->driver->next(rows, err));
}

void sql_end(struct sql_rows *rows)
{
	if (rows)
		rows->sql->driver->end(rows);
}

int sql_columns(struct sql_rows *rows)
{
	return rows->sql->driver->columns(rows);
}

const char *sql_column_name(struct sql_rows *rows, int column)
{
	return rows->sql->driver->column_name(rows, column);
}

enum sql_type sql_column_type(struct sql_rows *rows, int column)
{
	return rows->sql->driver->column_type(rows, column);
}

bool sql_is_null(struct sql_rows *rows, int column)
{
	return rows->sql->driver->is_null(rows, column);
}

int64_t sql_int(struct sql_rows *rows, int column)
{
	return rows->sql->driver->integer(rows, column);
}

double sql_double(struct sql_rows *rows, int column)
{
	return rows->sql->driver->real(rows, column);
}

struct str sql_str(struct sql_rows *rows, int column)
{
	return rows->sql->driver->text(rows, column);
}

struct str sql_str_copy(struct sql_rows *rows, int column, struct arena *arena)
{
	return arena_str(arena, rows->sql->driver->text(rows, column));
}

int sql_read_number(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	int64_t *ret, struct error *err)
{
	struct sql_rows *rows;

	if (sql_query(sql, text, values, count, &rows, err) < 0)
		return -1;
	int found = sql_next(rows, err);
	if (found == 1)
		*ret = sql_int(rows, 0);
	sql_end(rows);
	if (found == 0)
		return error_set(err, ERROR_INTERNAL, "no row for \"%s\"", text);
	return found < 0 ? -1 : 0;
}
