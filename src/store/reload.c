/*
 * reload.c - see reload.h.
 */
#include "store/reload.h"

#include <stdio.h>

#include "store/driver.h"
#include "store/migrate.h"

#define STATEMENT_BYTES 256

/* --- what is there ------------------------------------------------------------------------- */

static int has_rows(struct sql *sql, struct str table, bool *ret, struct error *err)
{
	char text[STATEMENT_BYTES];
	struct sql_rows *rows;

	snprintf(text, sizeof(text), "SELECT 1 FROM %" STR_F " LIMIT 1", STR_A(table));
	if (sql_query(sql, text, NULL, 0, &rows, err) < 0)
		return -1;
	int found = sql_next(rows, err);
	sql_end(rows);
	*ret = found == 1;
	return found < 0 ? -1 : 0;
}

static int check_empty(struct sql *sql, const struct table_list *tables, struct error *err)
{
	for (size_t i = 0; i < tables->count; i++) {
		bool is_used;
		if (has_rows(sql, tables->names[i], &is_used, err) < 0)
			return -1;
		if (is_used)
			return error_set(err, ERROR_CONFLICT,
				"the database is not empty (%" STR_F
				" has rows); give --replace to lose what it holds",
				STR_A(tables->names[i]));
	}
	return 0;
}

static int drop_present(struct sql *sql, const struct store_config *config,
	const struct reload *reload, const struct store_state *present, struct error *err)
{
	struct table_list tables;
	char text[STATEMENT_BYTES];

	if (present->schema > (int64_t)config->migration_count)
		return error_set(err, ERROR_CONFLICT,
			"the database was written by a newer reeve (schema %lld of %s, this one "
			"knows %zu); run that version",
			(long long)present->schema, config->product, config->migration_count);
	if (tables_list(config, (size_t)present->schema, &tables, err) < 0 ||
		(!reload->replaces && check_empty(sql, &tables, err) < 0) ||
		(present->schema > 0 && reload->look(sql, reload->argument, err) < 0))
		return -1;
	for (size_t i = tables.count; i-- > 0;) {
		snprintf(text, sizeof(text), "DROP TABLE %" STR_F, STR_A(tables.names[i]));
		if (sql->driver->run_script(sql, text, err) < 0)
			return -1;
	}
	return SQL_RUN(sql, err, "DELETE FROM schema_migrations WHERE product = $1",
		SQL_CSTR(config->product));
}

/* --- what comes in its place --------------------------------------------------------------- */

static int reload_inside(struct sql *sql, const struct store_config *config,
	const struct reload *reload, int64_t *ret_epoch, struct error *err)
{
	struct store_state present;

	if (migrate_make_own(sql, err) < 0 ||
		tables_read_state(sql, config->product, &present, err) < 0 ||
		drop_present(sql, config, reload, &present, err) < 0)
		return -1;
	int64_t epoch = (reload->epoch > present.epoch ? reload->epoch : present.epoch) + 1;
	if (migrate_apply(sql, config, 0, (size_t)reload->schema, err) < 0 ||
		reload->fill(sql, reload->argument, err) < 0 ||
		migrate_apply(sql, config, (size_t)reload->schema, config->migration_count, err) <
			0 ||
		SQL_RUN(sql, err, "UPDATE store_facts SET value = $1 WHERE name = 'epoch'",
			SQL_INT(epoch)) < 0 ||
		reload->finish(sql, epoch, reload->argument, err) < 0)
		return -1;
	*ret_epoch = epoch;
	return 0;
}

static int reload_connected(struct sql *sql, const struct store_config *config,
	const struct reload *reload, int64_t *ret_epoch, struct error *err)
{
	const struct store_driver *driver = sql->driver;
	int64_t epoch = 0;

	if (driver->claim && !reload->ignores_others && driver->claim(sql, err) < 0)
		return -1;
	/* What others migrate meanwhile, and the functions that statements use. */
	if (driver->lock_schema && driver->lock_schema(sql, err) < 0)
		return -1;
	int result = driver->begin(sql, err);
	if (result == 0) {
		result = reload_inside(sql, config, reload, &epoch, err);
		if (result == 0)
			result = driver->commit(sql, err);
		else
			driver->roll_back(sql);
	}
	if (driver->unlock_schema)
		driver->unlock_schema(sql);
	if (result == 0)
		*ret_epoch = epoch;
	return result;
}

int store_reload(const struct store_config *config, const struct reload *reload, int64_t *ret_epoch,
	struct error *err)
{
	const struct store_driver *driver = store_driver_of(config->url, err);
	struct database *database;
	struct sql *sql;

	if (!driver || driver->open(&database, config->url, err) < 0)
		return -1;
	int result = driver->connect(database, true, &sql, err);
	if (result == 0) {
		result = reload_connected(sql, config, reload, ret_epoch, err);
		driver->disconnect(sql);
	}
	driver->close(database);
	return result;
}
