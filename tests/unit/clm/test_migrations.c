/*
 * test_migrations.c - a database that an earlier version wrote serves on as if it were new.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "../postgres_test.h"
#include "clm/catalog.h"
#include "region.h"

#define V1 "/api/hyperfleet/v1"
#define RESOURCE_V1                                                                       \
	"id, kind, name, href, owner_id, owner_kind, owner_href, tenancy, spec, labels, " \
	"conditions, generation, version, created_time, updated_time, created_by, updated_by"
#define CONDITIONS                                                                 \
	"[{\"type\":\"Available\",\"status\":\"True\",\"last_transition_time\":"   \
	"\"2026-01-01T00:00:00Z\"},{\"type\":\"Applied\",\"status\":\"True\","     \
	"\"last_transition_time\":\"2026-01-01T00:00:00Z\"},{\"type\":\"Health\"," \
	"\"status\":\"True\",\"last_transition_time\":\"2026-01-01T00:00:00Z\"}]"

/* What each version had when it was the newest: rows by the statements it would have run. */
static const struct {
	unsigned version;
	const char *statement;
} rows[] = {
	{1, "INSERT INTO resources (" RESOURCE_V1 ") VALUES ('c1', 'Cluster', 'one', '" V1
	    "/clusters/c1', NULL, NULL, NULL, '{}', "
	    "'{\"a\":1}', '{\"team\":\"red\",\"x/y\":\"\"}', '[]', 1, 1, 5, 5, 'u', 'u')"},
	{1, "INSERT INTO resources (" RESOURCE_V1 ") VALUES ('p1', 'NodePool', 'pool', '" V1
	    "/clusters/c1/nodepools/p1', 'c1', "
	    "'Cluster', '" V1 "/clusters/c1', '{}', '{}', '{}', '[]', 3, 7, 6, 6, 'u', 'u')"},
	{1, "INSERT INTO adapter_statuses (resource_id, adapter, observed_generation, "
	    "created_time, "
	    "last_report_time, conditions, data, metadata) VALUES ('c1', 'placement', 1, "
	    "1767225600000000, 1767225600000000, '" CONDITIONS "', '{}', NULL)"},
	{1, "INSERT INTO placements (cluster_id, management_cluster, placed_time) VALUES ('c1', "
	    "'old-mc', 5), ('c2', 'old-mc', 6), ('c3', 'old-mc-2', 7)"},
	{1, "INSERT INTO changes (sequence, epoch, time_us, topic, id, owner, event, version, "
	    "detail) VALUES (1, 1, 5, 'Cluster', 'c1', NULL, 'created', 1, '{}'), (2, 1, 6, "
	    "'NodePool', 'p1', 'c1', 'created', 1, '{}')"},
	{2, "INSERT INTO resource_references (resource_id, ref_type, target_id) VALUES ('p1', "
	    "'peer', 'p1')"},
	{2, "UPDATE resources SET refs = '{\"peer\":[{\"id\":\"p1\"}]}' WHERE id = 'p1'"},
	{3, "INSERT INTO resource_labels (key, value, resource_id) VALUES ('team', 'red', 'c1'), "
	    "('x/y', '', 'c1')"},
	{5, "INSERT INTO placement_use (management_cluster, taken) VALUES ('old-mc', 2), "
	    "('old-mc-2', 1)"},
};

struct old {
	struct region *region;
	unsigned version;
};

static int insert_rows(struct sql *sql, void *argument, struct error *err)
{
	const struct old *old = argument;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].version <= old->version &&
			sql_run(sql, rows[i].statement, NULL, 0, NULL, err) < 0)
			return -1;
	return 0;
}

/* In place of the region's database, which is stopped. */
static void write_old(struct old *old)
{
	struct store_config config = catalog_store_config(old->region->store_url, NULL);
	struct error err = {0};
	struct store *store;
	char database[64];

	snprintf(database, sizeof(database), "clm_%ld", (long)getpid());
	if (postgres_test_folder())
		assert_true(postgres_test_create(database));
	else
		unlink(region_path(old->region, "%s/clm.db", old->region->folder));
	config.migration_count = old->version;
	if (store_open(&store, &config, &err) < 0 || store_write(store, insert_rows, old, &err) < 0)
		fail_msg("version %u: %s", old->version, err.message);
	store_close(store);
}

static int64_t total(struct region *region, const char *path)
{
	struct answer answer = region_get(region, path);

	assert_int_equal(answer.status, 200);
	return json_int(json_get(answer.json, "total"), -1);
}

static void assert_it_serves(struct region *region, unsigned version)
{
	const char *cluster = V1 "/clusters/c1";
	struct answer answer = region_get(region, cluster);

	assert_int_equal(answer.status, 200);
	assert_true(str_eq_c(json_get_text(json_get(answer.json, "labels"), "team"), "red"));
	assert_true(str_eq_c(answer.etag, "\"1-1-1\""));
	assert_int_equal(total(region, V1 "/clusters?search=labels.team%20%3D%20'red'"), 1);
	assert_int_equal(total(region, V1 "/clusters?search=labels.team%20%3D%20'blue'"), 0);
	assert_int_equal(total(region, V1 "/clusters/c1/nodepools"), 1);
	assert_int_equal(total(region, V1 "/clusters/c1/statuses"), 1);
	assert_int_equal(
		total(region, V1 "/nodepools?ref_type=peer&ref_target_id=p1"), version >= 2);

	/* The feed goes on where it was, and the history begins. */
	struct json *lines = region_watch(region, V1 "/resources/watch?after=0", NULL, 3);
	assert_int_equal(json_int(json_get(json_at(lines, 2), "sequence"), 0), 2);
	assert_int_equal(
		region_call(region, "PATCH", cluster, "{\"labels\":{\"team\":\"blue\"}}", NULL)
			.status,
		200);
	assert_int_equal(total(region, V1 "/clusters?search=labels.team%20%3D%20'blue'"), 1);
	lines = region_watch(region, V1 "/resources/watch?after=2", NULL, 2);
	assert_int_equal(json_int(json_get(json_at(lines, 1), "sequence"), 0), 3);
	answer = region_get(region, V1 "/clusters/c1/history");
	assert_int_equal(json_count(json_get(answer.json, "items")), 1);

	/* What was reported before counts together with what is reported now. */
	assert_int_equal(region_report(region, cluster, "placement", 2,
				 "Available=True,Applied=True,Health=True"),
		201);
	assert_int_equal(region_report(region, cluster, "hypershift", 2,
				 "Available=True,Applied=True,Health=True"),
		201);
	assert_true(str_eq_c(region_condition(region, cluster, "Reconciled"), "True"));
	assert_int_equal(total(region, V1 "/clusters/c1/statuses"), 2);
}

static int read_taken(struct sql *sql, void *argument, struct error *err)
{
	struct sql_rows *found;
	int64_t *ret = argument;

	if (sql_query(sql, "SELECT taken FROM placement_use WHERE management_cluster = 'old-mc'",
		    NULL, 0, &found, err) < 0 ||
		sql_next(found, err) < 0)
		return -1;
	*ret = sql_int(found, 0);
	sql_end(found);
	return 0;
}

/* The region is stopped. */
static void assert_places_are_counted(const struct region *region)
{
	const struct store_config config = catalog_store_config(region->store_url, NULL);
	struct error err = {0};
	struct store *store;
	int64_t taken = -1;

	if (store_open(&store, &config, &err) < 0 ||
		store_read(store, read_taken, &taken, &err) < 0)
		fail_msg("%s", err.message);
	store_close(store);
	assert_int_equal(taken, 2);
}

static void each_earlier_version_serves_on(void **state)
{
	struct region *region = *state;
	size_t versions = catalog_store_config("", NULL).migration_count;

	assert_true(versions >= 4);
	for (unsigned version = 1; version <= versions; version++) {
		struct old old = {region, version};

		region_stop(region);
		write_old(&old);
		region_start(region);
		assert_it_serves(region, version);
		region_restart(region); /* which migrates nothing */
		assert_int_equal(region_get(region, V1 "/clusters/c1").status, 200);
		region_stop(region);
		assert_places_are_counted(region);
		region_start(region);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_earlier_version_serves_on, region_setup, region_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
