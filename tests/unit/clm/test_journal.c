/*
 * Feed and history: what is removed when, and what is spared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "clm/journal.h"
#include "region.h"

#define HOUR_US (INT64_C(3600) * CLOCK_US_PER_S)
#define NOW_US (1000 * HOUR_US)
#define MANY 2500 /* more than two batches */

struct telling {
	struct change change;
	struct resource resource;
	int64_t from_us;
	int64_t count;
};

/* A store_work: one row a microsecond. */
static int tell(struct sql *sql, void *argument, struct error *err)
{
	struct telling *telling = argument;

	telling->change.sql = sql;
	for (int64_t i = 0; i < telling->count; i++) {
		telling->change.now_us = telling->from_us + i;
		if (journal_tell(&telling->change, &telling->resource, "updated", STR_NULL, err) !=
			0)
			return -1;
	}
	return 0;
}

static void tell_from(struct catalog *catalog, struct arena *arena, int64_t from_us, int64_t count)
{
	struct telling telling = {
		.change = {.catalog = catalog, .arena = arena, .actor = STR("test")},
		.resource = {.id = STR("x"),
			.kind = STR("Cluster"),
			.tenancy = STR(RESOURCE_NO_TENANCY),
			.generation = 1},
		.from_us = from_us,
		.count = count,
	};
	struct error err;

	if (store_write(catalog->store, tell, &telling, &err) != 0)
		fail_msg("%s", err.message);
}

static int count_rows(struct sql *sql, void *argument, struct error *err)
{
	int64_t *counts = argument;
	struct sql_rows *rows;

	if (sql_query(sql, "SELECT (SELECT COUNT(*) FROM changes), (SELECT COUNT(*) FROM history)",
		    NULL, 0, &rows, err) != 0 ||
		sql_next(rows, err) != 1)
		return -1;
	counts[0] = sql_int(rows, 0);
	counts[1] = sql_int(rows, 1);
	sql_end(rows);
	return 0;
}

static void check_rows(struct catalog *catalog, int64_t feed, int64_t history)
{
	int64_t counts[2];

	assert_int_equal(store_read(catalog->store, count_rows, counts, NULL), 0);
	assert_int_equal(counts[0], feed);
	assert_int_equal(counts[1], history);
}

static void each_is_kept_for_its_own_time(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	const struct journal_retention retention = {.feed_us = HOUR_US, .history_us = 3 * HOUR_US};
	struct region *region = *state;
	struct catalog catalog;
	struct error err;

	clm_stop(region->clm);
	region->clm = NULL;
	if (catalog_open(&catalog, region->store_url, NULL, NULL, &err) != 0)
		fail_msg("%s", err.message);
	tell_from(&catalog, arena, NOW_US - 4 * HOUR_US, MANY);
	tell_from(&catalog, arena, NOW_US - 2 * HOUR_US, MANY);
	tell_from(&catalog, arena, NOW_US, 10);
	check_rows(&catalog, 2 * MANY + 10, 2 * MANY + 10);
	/* A reader that has seen ten rows is spared the rest. */
	assert_int_equal(journal_compact(&catalog, &retention, 10, NOW_US, &err), 0);
	check_rows(&catalog, 2 * MANY, MANY + 10);
	assert_int_equal(journal_compact(&catalog, &retention, INT64_MAX, NOW_US, &err), 0);
	check_rows(&catalog, 10, MANY + 10);
	assert_int_equal(
		journal_compact(&catalog, &retention, INT64_MAX, NOW_US + 9 * HOUR_US, &err), 0);
	check_rows(&catalog, 1, 0);
	/* Numbers do not begin anew, or a cursor would mean something else. */
	tell_from(&catalog, arena, NOW_US, 1);
	assert_int_equal(feed_last(catalog.feed), 2 * MANY + 11);
	catalog_close(&catalog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_is_kept_for_its_own_time, region_setup, region_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
