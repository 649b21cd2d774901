/*
 * tables.c - see tables.h.
 *
 * Migrations are SQL text of ours, so finding the tables in them is finding three phrases. Asking
 * the database instead was rejected: it would also name the tables of other products and of the
 * server's extensions, in two dialects.
 */
#include "store/tables.h"

#include <ctype.h>

#include "store/driver.h"
#include "store/migrate.h"

/* Rows fetched at once where a result comes whole: each may hold documents of a megabyte. */
#define FETCH_ROWS "100"
#define CURSOR "tables_scan"

/* --- which there are ----------------------------------------------------------------------- */

static bool is_name_byte(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_';
}

/* The name after a phrase at the beginning of `text`, or null. */
static struct str name_after(const char *text, const char *phrase)
{
	size_t length = strlen(phrase), end;

	if (strncmp(text, phrase, length) != 0)
		return STR_NULL;
	for (end = length; is_name_byte(text[end]); end++)
		;
	return str_n(text + length, end - length);
}

static ptrdiff_t index_of(const struct table_list *list, struct str name)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->names[i], name))
			return (ptrdiff_t)i;
	return -1;
}

bool tables_have(const struct table_list *list, struct str name)
{
	return index_of(list, name) >= 0;
}

static void forget(struct table_list *list, struct str name)
{
	ptrdiff_t index = index_of(list, name);

	if (index < 0)
		return;
	for (size_t i = (size_t)index; i + 1 < list->count; i++)
		list->names[i] = list->names[i + 1];
	list->count--;
}

static void rename_table(struct table_list *list, struct str before, struct str after)
{
	ptrdiff_t index = index_of(list, before);

	if (index >= 0)
		list->names[index] = after;
}

static int read_phrase(struct table_list *list, const char *text, struct error *err)
{
	struct str made = name_after(text, "CREATE TABLE ");
	struct str dropped = name_after(text, "DROP TABLE ");
	struct str altered = name_after(text, "ALTER TABLE ");

	if (!str_is_empty(dropped))
		forget(list, dropped);
	if (!str_is_empty(altered)) {
		struct str renamed = name_after(altered.ptr + altered.len, " RENAME TO ");
		if (!str_is_empty(renamed))
			rename_table(list, altered, renamed);
	}
	if (str_is_empty(made))
		return 0;
	if (list->count == TABLES_MAX)
		return error_set(
			err, ERROR_TOO_LARGE, "a store has more than %d tables", TABLES_MAX);
	list->names[list->count++] = made;
	return 0;
}

int tables_list(const struct store_config *config, size_t version, struct table_list *ret,
	struct error *err)
{
	struct table_list list = {.count = 0};

	for (size_t i = 0; i < version && i < config->migration_count; i++)
		for (const char *at = config->migrations[i].sql; *at; at++)
			if (read_phrase(&list, at, err) < 0)
				return -1;
	*ret = list;
	return 0;
}

/* --- its state ----------------------------------------------------------------------------- */

int tables_read_state(
	struct sql *sql, const char *product, struct store_state *ret, struct error *err)
{
	static const char *const is_there[] = {
		[SQL_SQLITE] = "SELECT count(*) FROM sqlite_schema WHERE name = 'store_facts'",
		[SQL_POSTGRESQL] =
			"SELECT count(*) FROM pg_class WHERE oid = to_regclass('store_facts')",
	};
	const struct sql_value name = SQL_CSTR(product);
	struct store_state state = {.schema = 0};
	int64_t found = 0;

	if (sql_read_number(sql, is_there[sql_dialect_of(sql)], NULL, 0, &found, err) < 0)
		return -1;
	if (found == 0)
		return error_set(err, ERROR_NOT_FOUND, "the database holds nothing of reeve's");
	if (sql_read_number(sql,
		    "SELECT coalesce(max(number), 0) FROM schema_migrations WHERE product = $1",
		    &name, 1, &state.schema, err) < 0 ||
		migrate_read_epoch(sql, &state.epoch, err) < 0)
		return -1;
	*ret = state;
	return 0;
}

/* --- every row ----------------------------------------------------------------------------- */

/* The rows of one result; ret_count: how many there were. */
static int read_rows(struct sql *sql, struct str text, table_row row, void *argument,
	size_t *ret_count, struct error *err)
{
	struct sql_rows *rows;
	int found, result = 0;

	*ret_count = 0;
	if (sql_query_text(sql, text, NULL, 0, &rows, err) < 0)
		return -1;
	while (result == 0 && (found = sql_next(rows, err)) != 0) {
		result = found < 0 ? -1 : row(rows, argument, err);
		(*ret_count)++;
	}
	sql_end(rows);
	return result;
}

/* The other driver gives row by row; this one needs a cursor. A slow reader of ours may idle. */
static int scan_by_cursor(
	struct sql *sql, const char *text, table_row row, void *argument, struct error *err)
{
	const struct store_driver *driver = sql->driver;
	struct arena *arena = arena_new(0);
	struct str declare = arena ? arena_printf(arena,
					     "SET LOCAL idle_in_transaction_session_timeout = 0; "
					     "DECLARE " CURSOR " NO SCROLL CURSOR FOR %s",
					     text)
				   : STR_NULL;
	size_t count = 1;
	int result = str_is_null(declare)
			     ? error_set(err, ERROR_MEMORY, "no memory to read a table")
			     : driver->run_script(sql, declare.ptr, err);

	while (result == 0 && count > 0)
		result = read_rows(
			sql, STR("FETCH " FETCH_ROWS " FROM " CURSOR), row, argument, &count, err);
	if (result >= 0 && driver->run_script(sql, "CLOSE " CURSOR, err) < 0)
		result = -1;
	arena_free(arena);
	return result;
}

int tables_scan(struct sql *sql, const char *text, table_row row, void *argument, struct error *err)
{
	size_t count;

	if (sql_dialect_of(sql) == SQL_POSTGRESQL)
		return scan_by_cursor(sql, text, row, argument, err);
	return read_rows(sql, str_of(text), row, argument, &count, err);
}
