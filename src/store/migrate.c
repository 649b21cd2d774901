/*
 * migrate.c - numbered migrations, each in one transaction with the row that records it.
 *
 * Numbers are counted per product, so one database may hold several products' tables. A schema
 * newer than this program is refused before anything is touched.
 */
#include "base/clock.h"
#include "store/driver.h"

struct migration_pass {
	const struct store_config *config;
	const struct store_migration *migration; /* to apply; NULL: only look */
	int64_t newest;				 /* applied so far */
};

static int look(struct sql *sql, void *argument, struct error *err)
{
	struct migration_pass *pass = argument;
	struct sql_rows *rows;

	if (sql_run(sql,
		    "CREATE TABLE IF NOT EXISTS schema_migrations (product TEXT NOT NULL, number "
		    "BIGINT NOT NULL, "
		    "name TEXT NOT NULL, applied_us BIGINT NOT NULL, PRIMARY KEY (product, "
		    "number))",
		    NULL, 0, NULL, err) < 0 ||
		SQL_QUERY(sql, &rows, err,
			"SELECT COALESCE(MAX(number), 0) FROM schema_migrations WHERE product = $1",
			SQL_CSTR(pass->config->product)) < 0)
		return -1;
	int result = sql_next(rows, err);
	if (result > 0)
		pass->newest = sql_int(rows, 0);
	sql_end(rows);
	return result < 0 ? -1 : 0;
}

static int apply(struct sql *sql, void *argument, struct error *err)
{
	const struct migration_pass *pass = argument;
	const struct store_migration *migration = pass->migration;

	if (sql_run(sql, migration->sql, NULL, 0, NULL, err) < 0)
		return error_prefix(err, "migration %u (%s) of %s", migration->number,
			migration->name, pass->config->product);
	return SQL_RUN(sql, err,
		"INSERT INTO schema_migrations (product, number, name, applied_us) VALUES ($1, $2, "
		"$3, $4)",
		SQL_CSTR(pass->config->product), SQL_INT(migration->number),
		SQL_CSTR(migration->name), SQL_INT(clock_now_us(&clock_system)));
}

int store_migrate(struct store *store, const struct store_config *config, struct error *err)
{
	struct migration_pass pass = {.config = config};

	if (!config->product)
		return 0;
	if (store_write(store, look, &pass, err) < 0)
		return -1;
	if (pass.newest > (int64_t)config->migration_count)
		return error_set(err, ERROR_CONFLICT,
			"database %s was written by a newer reeve (%s schema %lld, this one knows "
			"%zu); use that "
			"version, or another database",
			store->place, config->product, (long long)pass.newest,
			config->migration_count);
	for (size_t i = (size_t)pass.newest; i < config->migration_count; i++) {
		pass.migration = &config->migrations[i];
		if (store_write(store, apply, &pass, err) < 0)
			return -1;
	}
	return 0;
}
