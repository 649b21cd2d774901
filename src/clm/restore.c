/*
 * restore.c - see restore.h.
 */
#include "clm/restore.h"

#include <stdio.h>

#include "base/cleanup.h"
#include "clm/archive.h"
#include "clm/catalog.h"
#include "data/json.h"
#include "store/reload.h"

#define STATEMENT_BYTES 256
#define MAX_COLUMNS 64
#define LINE_ARENA_BYTES (ARCHIVE_MAX_LINE * 2) /* a parsed line */

struct restore {
	const struct restore_config *config;
	struct store_config store;
	struct archive_reader *reader;
	struct arena *arena;
	struct arena *line_arena;
	struct backup_summary backup; /* as its header says; rows as counted */
	struct table_list tables;     /* of its schema */
	int64_t counts[TABLES_MAX];   /* of rows read, by table */
	int64_t feed_before;	      /* the last number in the database that was there */

	/* While loading: the table whose rows come. */
	struct str table;
	struct str columns[MAX_COLUMNS];
	size_t column_count;
	struct str insert;
};

/* --- reading the file ------------------------------------------------------------------------ */

static int parse_line(
	struct restore *restore, struct str line, struct json **ret, struct error *err)
{
	const struct json_limits limits = {.max_bytes = ARCHIVE_MAX_LINE};
	struct error failed;

	arena_reset(restore->line_arena);
	if (json_parse(restore->line_arena, line, &limits, ret, &failed) < 0)
		return archive_refuse(restore->reader, err, "%s", failed.message);
	return 0;
}

static int check_versions(const struct restore *restore, int64_t format, struct error *err)
{
	if (format > BACKUP_FORMAT ||
		restore->backup.schema > (int64_t)restore->store.migration_count)
		return error_set(err, ERROR_CONFLICT,
			"%s was written by a newer reeve (format %lld, schema %lld; this one "
			"knows %d and %zu); restore it with that version",
			restore->config->path, (long long)format, (long long)restore->backup.schema,
			BACKUP_FORMAT, restore->store.migration_count);
	return 0;
}

static int read_header(struct restore *restore, struct error *err)
{
	struct backup_summary *backup = &restore->backup;
	struct json *header;
	struct str line;
	int64_t format;
	int more = archive_next(restore->reader, &line, err);

	if (more < 0 || (more == 1 && parse_line(restore, line, &header, err) < 0))
		return -1;
	if (more == 0 || !json_to_int(json_get(header, "reeve_backup"), &format))
		return archive_refuse(restore->reader, err, "this is no backup of reeve");
	if (!str_eq_c(json_get_text(header, "product"), BACKUP_PRODUCT))
		return archive_refuse(restore->reader, err,
			"this is a backup of \"%" STR_F "\", not of %s",
			STR_A(json_get_text(header, "product")), BACKUP_PRODUCT);
	*backup = (struct backup_summary){
		.schema = json_int(json_get(header, "schema"), 0),
		.epoch = json_int(json_get(header, "epoch"), 0),
		.feed = json_int(json_get(header, "feed"), -1),
	};
	if (format < 1 || backup->schema < 1 || backup->epoch < 1 || backup->feed < 0)
		return archive_refuse(
			restore->reader, err, "format, schema, epoch or feed is missing");
	return check_versions(restore, format, err);
}

static int find_table(
	const struct restore *restore, struct str name, size_t *ret, struct error *err)
{
	for (size_t i = 0; i < restore->tables.count; i++)
		if (str_eq(restore->tables.names[i], name)) {
			*ret = i;
			return 0;
		}
	return archive_refuse(restore->reader, err, "schema %lld has no table \"%" STR_F "\"",
		(long long)restore->backup.schema, STR_A(name));
}

/* The counts in the last line are those of the rows that came, to the byte. */
static int check_counts(struct restore *restore, struct str said, struct error *err)
{
	struct json *counts = json_new_object(restore->arena);

	for (size_t i = 0; i < restore->tables.count; i++)
		json_set_str(counts, restore->tables.names[i],
			json_new_int(restore->arena, restore->counts[i]));
	struct str counted = json_text(restore->arena, counts, JSON_WRITE_COMPACT);
	if (!str_eq(said, counted))
		return archive_refuse(restore->reader, err,
			"the counts of rows are not those of the lines before (%" STR_F ")",
			STR_A(counted));
	return 0;
}

typedef int (*take_row)(struct restore *restore, struct sql *sql, struct str table,
	const struct json *row, struct error *err);

/* Every line, with `take` (NULL accepted) for each row. */
static int walk(struct restore *restore, struct sql *sql, take_row take, struct error *err)
{
	struct json *document;
	struct str line;
	int more;

	memset(restore->counts, 0, sizeof(restore->counts));
	restore->backup.rows = 0;
	if (archive_rewind(restore->reader, err) < 0 || read_header(restore, err) < 0 ||
		tables_list(
			&restore->store, (size_t)restore->backup.schema, &restore->tables, err) < 0)
		return -1;
	while ((more = archive_next(restore->reader, &line, err)) == 1) {
		size_t table;
		if (parse_line(restore, line, &document, err) < 0 ||
			find_table(restore, json_get_text(document, "table"), &table, err) < 0)
			return -1;
		if (!json_is(json_get(document, "row"), JSON_OBJECT))
			return archive_refuse(restore->reader, err, "there is no row");
		if (take && take(restore, sql, restore->tables.names[table],
				    json_get(document, "row"), err) < 0)
			return -1;
		restore->counts[table]++;
		restore->backup.rows++;
	}
	return more < 0 ? -1 : check_counts(restore, line, err);
}

/* --- loading --------------------------------------------------------------------------------- */

static int read_columns(
	struct restore *restore, struct sql *sql, struct str table, struct error *err)
{
	char text[STATEMENT_BYTES];
	struct sql_rows *rows;

	snprintf(text, sizeof(text), "SELECT * FROM %" STR_F " LIMIT 0", STR_A(table));
	if (sql_query(sql, text, NULL, 0, &rows, err) < 0)
		return -1;
	restore->column_count = (size_t)sql_columns(rows);
	for (size_t i = 0; i < restore->column_count && i < MAX_COLUMNS; i++)
		restore->columns[i] =
			arena_str(restore->arena, str_of(sql_column_name(rows, (int)i)));
	sql_end(rows);
	return restore->column_count > MAX_COLUMNS
		       ? error_set(err, ERROR_TOO_LARGE,
				 "table %" STR_F " has more than %d columns", STR_A(table),
				 MAX_COLUMNS)
		       : 0;
}

/* Names in the statement are the schema's, never the file's. */
static int prepare_table(
	struct restore *restore, struct sql *sql, struct str table, struct error *err)
{
	struct buf names, values;

	if (read_columns(restore, sql, table, err) < 0)
		return -1;
	buf_init(&names, 0);
	buf_init(&values, 0);
	for (size_t i = 0; i < restore->column_count; i++) {
		buf_printf(&names, "%s%" STR_F, i > 0 ? ", " : "", STR_A(restore->columns[i]));
		buf_printf(&values, "%s$%zu", i > 0 ? ", " : "", i + 1);
	}
	restore->insert = arena_printf(restore->arena,
		"INSERT INTO %" STR_F " (%" STR_F ") VALUES (%" STR_F ")", STR_A(table),
		STR_A(buf_str(&names)), STR_A(buf_str(&values)));
	restore->table = table;
	bool is_whole = !names.failed && !values.failed && !arena_is_exhausted(restore->arena);
	buf_free(&names);
	buf_free(&values);
	return is_whole ? 0 : error_set(err, ERROR_MEMORY, "no memory to restore a table");
}

static int read_value(const struct restore *restore, const struct json *value, struct str column,
	struct sql_value *ret, struct error *err)
{
	int64_t number;

	if (json_is(value, JSON_NULL)) {
		*ret = SQL_NONE;
	} else if (json_is(value, JSON_STRING)) {
		*ret = (struct sql_value){.type = SQL_TEXT, .text = json_str(value)};
	} else if (json_to_int(value, &number)) {
		*ret = SQL_INT(number);
	} else {
		return archive_refuse(restore->reader, err,
			"column \"%" STR_F "\" is missing, or neither text nor whole number",
			STR_A(column));
	}
	return 0;
}

static int insert_row(struct restore *restore, struct sql *sql, struct str table,
	const struct json *row, struct error *err)
{
	struct sql_value values[MAX_COLUMNS];
	struct error failed;

	if (!str_eq(restore->table, table) && prepare_table(restore, sql, table, err) < 0)
		return -1;
	if (json_count(row) != restore->column_count)
		return archive_refuse(restore->reader, err,
			"table %" STR_F " has %zu columns, the row has %zu", STR_A(table),
			restore->column_count, json_count(row));
	for (size_t i = 0; i < restore->column_count; i++)
		if (read_value(restore, json_get_str(row, restore->columns[i]), restore->columns[i],
			    &values[i], err) < 0)
			return -1;
	if (sql_run(sql, restore->insert.ptr, values, restore->column_count, NULL, &failed) == 0)
		return 0;
	if (failed.code == ERROR_CONFLICT || failed.code == ERROR_INVALID)
		return archive_refuse(restore->reader, err, "%s", failed.message);
	return error_set(err, failed.code, "%s", failed.message);
}

/* --- the database ---------------------------------------------------------------------------- */

static int look(struct sql *sql, void *argument, struct error *err)
{
	struct restore *restore = argument;

	return backup_read_feed(sql, &restore->feed_before, err);
}

static int fill(struct sql *sql, void *argument, struct error *err)
{
	struct restore *restore = argument;

	restore->table = STR_NULL;
	return walk(restore, sql, insert_row, err);
}

/* One row stands for all that was told before, and makes every cursor from then too old. */
static int finish(struct sql *sql, int64_t epoch, void *argument, struct error *err)
{
	struct restore *restore = argument;
	int64_t last = restore->backup.feed > restore->feed_before ? restore->backup.feed
								   : restore->feed_before;

	restore->backup.feed = last + RESTORE_FEED_GAP;
	if (SQL_RUN(sql, err, "DELETE FROM changes WHERE sequence <= $1", SQL_INT(last)) < 0)
		return -1;
	return SQL_RUN(sql, err,
		"INSERT INTO changes (sequence, epoch, time_us, topic, id, owner, event, version, "
		"detail) VALUES ($1, $2, $3, 'Store', 'restore', NULL, 'restored', $4, '{}')",
		SQL_INT(restore->backup.feed), SQL_INT(epoch),
		SQL_INT(clock_now_us(restore->config->clock)), SQL_INT(epoch));
}

static int run(struct restore *restore, struct error *err)
{
	if (archive_open(&restore->reader, restore->config->path, err) < 0 ||
		walk(restore, NULL, NULL, err) < 0)
		return -1;
	const struct reload reload = {
		.schema = restore->backup.schema,
		.epoch = restore->backup.epoch,
		.replaces = restore->config->replaces,
		.ignores_others = restore->config->ignores_others,
		.look = look,
		.fill = fill,
		.finish = finish,
		.argument = restore,
	};
	return store_reload(&restore->store, &reload, &restore->backup.epoch, err);
}

int restore_run(const struct restore_config *config, struct backup_summary *ret, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	CLEANUP(cleanup_arena) struct arena *line_arena = arena_new(LINE_ARENA_BYTES);
	struct restore restore = {
		.config = config,
		.store = catalog_store_config(config->store_url, NULL),
		.arena = arena,
		.line_arena = line_arena,
	};

	if (!arena || !line_arena)
		return error_set(err, ERROR_MEMORY, "no memory to restore a backup");
	int result = run(&restore, err);
	archive_close(restore.reader);
	if (result < 0)
		return -1;
	restore.backup.schema = (int64_t)restore.store.migration_count;
	*ret = restore.backup;
	return 0;
}
