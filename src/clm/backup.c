/*
 * backup.c - see backup.h.
 */
#include "clm/backup.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "clm/archive.h"
#include "clm/catalog.h"
#include "data/json.h"
#include "store/tables.h"

#define STATEMENT_BYTES 256

struct copy {
	const struct store_config *config;
	struct archive_writer *writer;
	struct backup_summary summary;
	struct str created;
	struct arena *arena;
	struct json *counts;
	struct str table; /* that is copied now */
	int64_t count;	  /* of its rows so far */
	struct buf line;
};

/* --- rows ------------------------------------------------------------------------------------ */

static int write_value(struct copy *copy, struct sql_rows *rows, int column, struct error *err)
{
	switch (sql_column_type(rows, column)) {
	case SQL_NULL:
		buf_add_cstr(&copy->line, "null");
		return 0;
	case SQL_INTEGER:
		buf_printf(&copy->line, "%lld", (long long)sql_int(rows, column));
		return 0;
	case SQL_TEXT:
		json_write_string(&copy->line, sql_str(rows, column), JSON_WRITE_COMPACT);
		return 0;
	case SQL_REAL:
	case SQL_BLOB:
		break;
	}
	return error_set(err, ERROR_INTERNAL,
		"table %" STR_F ", column %s: a backup carries whole numbers and texts only",
		STR_A(copy->table), sql_column_name(rows, column));
}

static int write_row(struct sql_rows *rows, void *argument, struct error *err)
{
	struct copy *copy = argument;
	int columns = sql_columns(rows);

	buf_clear(&copy->line);
	buf_printf(&copy->line, "{\"table\":\"%" STR_F "\",\"row\":{", STR_A(copy->table));
	for (int i = 0; i < columns; i++) {
		buf_printf(&copy->line, "%s\"%s\":", i > 0 ? "," : "", sql_column_name(rows, i));
		if (write_value(copy, rows, i, err) < 0)
			return -1;
	}
	buf_add_cstr(&copy->line, "}}");
	if (copy->line.failed)
		return error_set(err, ERROR_TOO_LARGE,
			"table %" STR_F " has a row of more than %zu bytes", STR_A(copy->table),
			ARCHIVE_MAX_LINE);
	copy->count++;
	copy->summary.rows++;
	return archive_add(copy->writer, buf_str(&copy->line), err);
}

static int copy_table(struct sql *sql, struct copy *copy, struct str table, struct error *err)
{
	char text[STATEMENT_BYTES];

	copy->table = table;
	copy->count = 0;
	/* In the order of the first column, so that two backups of the same rows compare well. */
	snprintf(text, sizeof(text), "SELECT * FROM %" STR_F " ORDER BY 1", STR_A(table));
	if (tables_scan(sql, text, write_row, copy, err) != 0)
		return -1;
	json_set_str(copy->counts, table, json_new_int(copy->arena, copy->count));
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

int backup_read_feed(struct sql *sql, int64_t *ret, struct error *err)
{
	struct sql_rows *rows;

	if (sql_query(sql, "SELECT coalesce(max(sequence), 0) FROM changes", NULL, 0, &rows, err) <
		0)
		return -1;
	int found = sql_next(rows, err);
	if (found == 1)
		*ret = sql_int(rows, 0);
	sql_end(rows);
	return found == 1 ? 0 : -1;
}

static int write_header(struct copy *copy, struct error *err)
{
	struct json *header = json_new_object(copy->arena);

	json_set_int(header, "reeve_backup", BACKUP_FORMAT);
	json_set_text(header, "product", STR(BACKUP_PRODUCT));
	json_set_int(header, "schema", copy->summary.schema);
	json_set_int(header, "epoch", copy->summary.epoch);
	json_set_int(header, "feed", copy->summary.feed);
	json_set_text(header, "created", copy->created);
	struct str text = json_text(copy->arena, header, JSON_WRITE_COMPACT);
	if (arena_is_exhausted(copy->arena))
		return error_set(err, ERROR_MEMORY, "no memory for a backup");
	return archive_add(copy->writer, text, err);
}

static int copy_all(struct sql *sql, void *argument, struct error *err)
{
	struct copy *copy = argument;
	struct store_state state;
	struct table_list tables;

	if (tables_read_state(sql, BACKUP_PRODUCT, &state, err) < 0 ||
		backup_read_feed(sql, &copy->summary.feed, err) < 0 ||
		tables_list(copy->config, (size_t)state.schema, &tables, err) < 0)
		return -1;
	copy->summary.schema = state.schema;
	copy->summary.epoch = state.epoch;
	if (write_header(copy, err) < 0)
		return -1;
	for (size_t i = 0; i < tables.count; i++)
		if (copy_table(sql, copy, tables.names[i], err) < 0)
			return -1;
	return 0;
}

static int write_all(struct copy *copy, struct store *store, const char *path, struct error *err)
{
	if (archive_create(&copy->writer, path, err) < 0)
		return -1;
	if (store_read(store, copy_all, copy, err) < 0) {
		archive_abandon(copy->writer);
		return -1;
	}
	struct str counts = json_text(copy->arena, copy->counts, JSON_WRITE_COMPACT);
	if (arena_is_exhausted(copy->arena)) {
		archive_abandon(copy->writer);
		return error_set(err, ERROR_MEMORY, "no memory for a backup");
	}
	return archive_finish(copy->writer, counts, err);
}

int backup_write(const char *store_url, const char *path, const struct clock *clock,
	struct backup_summary *ret, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct store_config config = catalog_store_config(store_url, NULL);
	struct copy copy = {.config = &config, .arena = arena};
	struct store *store;

	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory for a backup");
	if (store_open_reading(&store, &config, err) < 0)
		return -1;
	copy.counts = json_new_object(arena);
	copy.created = clock_text(arena, clock_now_us(clock));
	buf_init(&copy.line, ARCHIVE_MAX_LINE);
	int result = write_all(&copy, store, path, err);
	buf_free(&copy.line);
	store_close(store);
	if (result == 0)
		*ret = copy.summary;
	return result;
}
