/*
 * check.c - see check.h.
 */
#include "clm/check.h"

#include "base/cleanup.h"
#include "clm/check_list.h"
#include "store/tables.h"

static int run(struct sql *sql, void *argument, struct error *err)
{
	struct check *check = argument;
	struct store_state state;
	struct store_config config = catalog_store_config("", NULL);

	check->sql = sql;
	if (tables_read_state(sql, config.product, &state, err) < 0)
		return -1;
	if (state.schema != (int64_t)config.migration_count)
		return error_set(err, ERROR_CONFLICT,
			"the database has schema %lld, this program's is %zu; start it once with "
			"this version, which migrates it",
			(long long)state.schema, config.migration_count);
	check->epoch = state.epoch;
	if (check_queries(check, err) < 0 || check_resources(check, err) < 0 ||
		check_indexes(check, err) < 0 || check_feed(check, err) < 0)
		return -1;
	return 0;
}

int check_run(const char *store_url, const struct registry *registry, struct arena *arena,
	struct check_report *ret, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *scratch = arena_new(0);
	const struct store_config config = catalog_store_config(store_url, NULL);
	struct check check = {.report = ret,
		.arena = arena,
		.scratch = scratch,
		.catalog = {.registry = registry}};
	struct store *store;

	*ret = (struct check_report){.count = 0};
	if (!scratch)
		return error_set(err, ERROR_MEMORY, "no memory to check a database");
	if (store_open_reading(&store, &config, err) < 0)
		return -1;
	int result = store_read(store, run, &check, err);
	store_close(store);
	if (result == 0 && arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no memory for the findings");
	return result;
}
