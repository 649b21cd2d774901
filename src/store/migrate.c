/*
 * migrate.c - numbered changes to the schema, each made once.
 *
 * Each product numbers its own migrations; schema_migrations says which were made. A database with
 * a higher number than the program knows was written by a newer program and is refused, because an
 * older one cannot know what the newer one relies on. There are no ways down: going back is
 * restoring a backup.
 */
#include "store/migrate.h"

#include "base/clock.h"

static const char own_tables[] =
	"CREATE TABLE IF NOT EXISTS schema_migrations (product TEXT NOT NULL, number BIGINT NOT "
	"NULL, "
	"name TEXT NOT NULL, applied_us BIGINT NOT NULL, PRIMARY KEY (product, number));"
	"CREATE TABLE IF NOT EXISTS store_facts (name TEXT PRIMARY KEY, value BIGINT NOT NULL);"
	"INSERT INTO store_facts (name, value) VALUES ('epoch', 1) ON CONFLICT (name) DO NOTHING;";

int migrate_read_epoch(struct sql *sql, int64_t *ret, struct error *err)
{
	return sql_read_number(
		sql, "SELECT value FROM store_facts WHERE name = 'epoch'", NULL, 0, ret, err);
}

static int apply(struct sql *sql, const struct store_config *config,
	const struct store_migration *migration, struct error *err)
{
	const char *also = migration->also[sql_dialect_of(sql)];

	if (sql->driver->run_script(sql, migration->sql, err) == 0 &&
		(!also || sql->driver->run_script(sql, also, err) == 0) &&
		SQL_RUN(sql, err,
			"INSERT INTO schema_migrations (product, number, name, applied_us) "
			"VALUES ($1, $2, $3, $4)",
			SQL_CSTR(config->product), SQL_INT(migration->number),
			SQL_CSTR(migration->name), SQL_INT(clock_now_us(&clock_system))) == 0)
		return 0;
	return error_prefix(err, "migration %u (%s) of %s", migration->number, migration->name,
		config->product);
}

int migrate_make_own(struct sql *sql, struct error *err)
{
	return sql->driver->run_script(sql, own_tables, err);
}

int migrate_apply(struct sql *sql, const struct store_config *config, size_t from, size_t through,
	struct error *err)
{
	for (size_t i = from; i < through && i < config->migration_count; i++) {
		if (config->migrations[i].number != i + 1)
			return error_set(err, ERROR_INTERNAL,
				"migration %u of %s stands at place %zu",
				config->migrations[i].number, config->product, i + 1);
		if (apply(sql, config, &config->migrations[i], err) < 0)
			return -1;
	}
	return 0;
}

/* In a transaction of its own. */
static int apply_next(
	struct sql *sql, const struct store_config *config, size_t from, struct error *err)
{
	if (sql->driver->begin(sql, err) < 0)
		return -1;
	if (migrate_apply(sql, config, from, from + 1, err) == 0)
		return sql->driver->commit(sql, err);
	sql->driver->roll_back(sql);
	return -1;
}

static int migrate(
	struct sql *sql, const struct store_config *config, const char *database, struct error *err)
{
	const struct sql_value product = SQL_CSTR(config->product);
	int64_t version = 0;

	if (sql->driver->run_script(sql, own_tables, err) < 0)
		return -1;
	if (sql_read_number(sql,
		    "SELECT coalesce(max(number), 0) FROM schema_migrations WHERE product = $1",
		    &product, 1, &version, err) < 0)
		return -1;
	if ((uint64_t)version > config->migration_count)
		return error_set(err, ERROR_CONFLICT,
			"database %s was written by a newer reeve (schema %lld of %s, this one "
			"knows %zu); run that version, or restore a backup made before it",
			database, (long long)version, config->product, config->migration_count);
	for (size_t i = (size_t)version; i < config->migration_count; i++)
		if (apply_next(sql, config, i, err) < 0)
			return -1;
	return 0;
}

int migrate_run(
	struct sql *sql, const struct store_config *config, const char *database, struct error *err)
{
	const struct store_driver *driver = sql->driver;

	if (driver->lock_schema && driver->lock_schema(sql, err) < 0)
		return -1;
	int result = migrate(sql, config, database, err);
	if (driver->unlock_schema)
		driver->unlock_schema(sql);
	return result;
}
