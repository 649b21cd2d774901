/*
 * Backup and restore: into the same database, into one of the other kind and back, and what is
 * refused before anything changes.
 */
#include "region.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../postgres_test.h"
#include "clm/archive.h"
#include "clm/restore.h"

#define V1 "/api/hyperfleet/v1"

static const char *file_in(struct region *region, const char *name)
{
	return region_path(region, "%s/%s", region->folder, name);
}

static struct backup_summary back_up(struct region *region, const char *url, const char *name)
{
	struct backup_summary summary;
	struct error err;

	if (backup_write(url, file_in(region, name), &clock_system, &summary, &err) != 0)
		fail_msg("%s", err.message);
	return summary;
}

static int restore(struct region *region, const char *url, const char *name, bool replaces,
	struct backup_summary *ret, struct error *err)
{
	const struct restore_config config = {.store_url = url,
		.path = file_in(region, name),
		.replaces = replaces,
		.clock = &clock_system};

	return restore_run(&config, ret, err);
}

static struct backup_summary must_restore(
	struct region *region, const char *url, const char *name, bool replaces)
{
	struct backup_summary summary;
	struct error err;

	if (restore(region, url, name, replaces, &summary, &err) != 0)
		fail_msg("%s", err.message);
	return summary;
}

static void must_refuse(struct region *region, const char *url, const char *name, bool replaces,
	enum error_code code, const char *sentence)
{
	struct backup_summary summary;
	struct error err = {.message = ""};

	assert_int_equal(restore(region, url, name, replaces, &summary, &err), -1);
	if (!strstr(err.message, sentence) || err.code != code)
		fail_msg("\"%s\" (%d) instead of \"%s\"", err.message, err.code, sentence);
}

static int teardown(void **state)
{
	static const char *const files[] = {
		"a", "b", "c.gz", "other.db", "other.db-wal", "other.db-shm", "other.db.lock"};
	struct region *region = *state;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(file_in(region, files[i]));
	return region_teardown(state);
}

static const char *other_store(struct region *region)
{
	return region_path(region, "sqlite:%s/other.db", region->folder);
}

/* A cluster with a report, a pool that refers to another, a waiting cluster, one being deleted. */
static struct str populate(struct region *region)
{
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	struct str pool = region_create(region, region_path(region, "%s/nodepools", path),
		"{\"kind\":\"NodePool\",\"name\":\"pool-a\",\"spec\":{\"text\":\"\xc3\xa9 "
		"\\\"\\n\"}}");

	region_create(region, region_path(region, "%s/nodepools", path),
		region_path(region,
			"{\"kind\":\"NodePool\",\"name\":\"pool-b\",\"spec\":{},\"references\":{"
			"\"peer\":[{\"id\":\"%" STR_F "\"}]}}",
			STR_A(pool)));
	assert_int_equal(region_report(region, path, "hypershift", 1,
				 "Available=True,Applied=True,Health=True"),
		201);
	struct str gone = region_create_cluster(region, "two");
	assert_int_equal(
		region_call(region, "DELETE",
			region_path(region, V1 "/clusters/%" STR_F, STR_A(gone)), NULL, NULL)
			.status,
		202);
	return id;
}

static const char *everything(struct region *region)
{
	struct answer clusters = region_get(region, V1 "/clusters?size=100");
	struct answer pools = region_get(region, V1 "/nodepools?size=100");

	assert_int_equal(clusters.status, 200);
	assert_int_equal(pools.status, 200);
	return region_path(region, "%" STR_F "\n%" STR_F, STR_A(clusters.body), STR_A(pools.body));
}

static void a_backup_travels_to_the_other_database_and_back(void **state)
{
	struct region *region = *state;
	struct backup_summary first, second;

	populate(region);
	const char *before = everything(region);
	first = back_up(region, region->store_url, "a"); /* while it serves */
	assert_int_equal(first.epoch, 1);
	assert_true(first.feed > 5 && first.rows > 10);
	second = must_restore(region, other_store(region), "a", false);
	assert_int_equal(second.rows, first.rows);
	assert_int_equal(second.epoch, 2);
	back_up(region, other_store(region), "c.gz");

	region_create_cluster(region, "lost");
	region_stop(region);
	second = must_restore(region, region->store_url, "c.gz", true);
	assert_int_equal(second.epoch, 3);
	region_start(region);
	assert_string_equal(everything(region), before);
	/* And it goes on from there. */
	region_create_cluster(region, "lost");
	must_refuse(region, other_store(region), "a", false, ERROR_CONFLICT, "is not empty");
}

static void the_epoch_rises_above_both(void **state)
{
	struct region *region = *state;

	back_up(region, region->store_url, "a");
	for (int64_t epoch = 2; epoch < 5; epoch++)
		assert_int_equal(must_restore(region, other_store(region), "a", true).epoch, epoch);
	back_up(region, other_store(region), "b");
	region_stop(region);
	assert_int_equal(must_restore(region, region->store_url, "b", true).epoch, 5);
	region_start(region);
}

static int watch_status(struct region *region, int64_t after)
{
	return region_call(region, "GET",
		region_path(region, V1 "/clusters/watch?after=%lld&timeout=1s", (long long)after),
		NULL, NULL)
		.status;
}

static void a_cursor_from_before_is_gone_wherever_it_stood(void **state)
{
	struct region *region = *state;
	struct backup_summary backup, now;

	region_create_cluster(region, "one");
	backup = back_up(region, region->store_url, "a");
	region_create_cluster(region, "two");
	region_create_cluster(region, "three"); /* told as backup.feed + 2, and undone */
	region_stop(region);
	now = must_restore(region, region->store_url, "a", true);
	region_start(region);
	region_create_cluster(region, "four");
	region_create_cluster(region, "five");
	for (int64_t after = 0; after < backup.feed + 5; after++)
		assert_int_equal(watch_status(region, after), 410);
	/* Who has read everything anew follows from there: a heartbeat, and all since. */
	struct json *rows = region_watch(region,
		region_path(region, V1 "/clusters/watch?after=%lld", (long long)now.feed), NULL, 3);
	assert_int_equal(json_int(json_get(json_at(rows, 1), "epoch"), 0), now.epoch);
	assert_int_equal(json_int(json_get(json_at(rows, 1), "sequence"), 0), now.feed + 1);
}

/* Version 2 before the restore and version 2 after it are two states. */
static void an_etag_from_before_matches_nothing(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	struct answer undone;

	back_up(region, region->store_url, "a");
	undone = region_call(region, "PATCH", path, "{\"spec\":{\"a\":1}}", NULL);
	assert_int_equal(undone.status, 200);
	region_stop(region);
	must_restore(region, region->store_url, "a", true);
	region_start(region);
	assert_int_equal(
		region_call(region, "PATCH", path, "{\"spec\":{\"b\":1}}", NULL).status, 200);
	assert_int_equal(region_call(region, "PATCH", path, "{\"spec\":{\"a\":2}}",
				 region_path(region, "If-Match: %" STR_F, STR_A(undone.etag)))
				 .status,
		412);
	assert_false(str_eq(undone.etag, region_get(region, path).etag));
}

static void who_serves_is_not_restored_under(void **state)
{
	struct region *region = *state;

	populate(region);
	back_up(region, region->store_url, "a");
	const char *before = everything(region);
	must_refuse(region, region->store_url, "a", true,
		postgres_test_folder() ? ERROR_CONFLICT : ERROR_UNAVAILABLE, "is in use");
	assert_string_equal(everything(region), before);
	if (postgres_test_folder()) {
		const struct restore_config forced = {.store_url = region->store_url,
			.path = file_in(region, "a"),
			.replaces = true,
			.ignores_others = true,
			.clock = &clock_system};
		struct backup_summary summary;
		struct error err;
		if (restore_run(&forced, &summary, &err) != 0)
			fail_msg("%s", err.message);
		region_restart(region);
		assert_string_equal(everything(region), before);
	}
}

/* --- files that others made ------------------------------------------------------------------ */

struct made {
	const char *lines[4]; /* ends with NULL */
	const char *rows;
	enum error_code code;
	const char *sentence; /* NULL: accepted */
};

#define HEADER(format, schema)                                                                \
	"{\"reeve_backup\":" format ",\"product\":\"clm\",\"schema\":" schema ",\"epoch\":9," \
	"\"feed\":3}"
#define NO_ROWS                                                                             \
	"{\"resources\":0,\"adapter_statuses\":0,\"placements\":0,\"placement_waiters\":0," \
	"\"changes\":0}"
#define ONE_WAITER                                                                          \
	"{\"resources\":0,\"adapter_statuses\":0,\"placements\":0,\"placement_waiters\":1," \
	"\"changes\":0}"
#define ONE_RESOURCE                                                                        \
	"{\"resources\":1,\"adapter_statuses\":0,\"placements\":0,\"placement_waiters\":0," \
	"\"changes\":0}"
#define WAITER(row) "{\"table\":\"placement_waiters\",\"row\":" row "}"
#define RESOURCE                                                                                \
	"{\"table\":\"resources\",\"row\":{\"id\":\"x\",\"kind\":\"Cluster\",\"name\":\"old\"," \
	"\"href\":\"/api/hyperfleet/v1/clusters/x\",\"owner_id\":null,\"owner_kind\":null,"     \
	"\"owner_href\":null,\"tenancy\":\"{}\",\"spec\":\"{}\",\"labels\":\"{}\","             \
	"\"conditions\":\"[]\",\"generation\":1,\"version\":1,\"created_time\":5,"              \
	"\"updated_time\":5,\"deleted_time\":null,\"created_by\":\"\",\"updated_by\":\"\","     \
	"\"deleted_by\":null}}"

static void write_made(struct region *region, const struct made *made)
{
	struct archive_writer *writer;
	struct error err;

	assert_int_equal(archive_create(&writer, file_in(region, "b"), &err), 0);
	for (size_t i = 0; made->lines[i]; i++)
		assert_int_equal(archive_add(writer, str_of(made->lines[i]), &err), 0);
	assert_int_equal(archive_finish(writer, str_of(made->rows), &err), 0);
}

static void a_file_is_refused_before_anything_changes(void **state)
{
	static const struct made rows[] = {
		{{HEADER("1", "99")}, NO_ROWS, ERROR_CONFLICT, "newer reeve"},
		{{HEADER("2", "1")}, NO_ROWS, ERROR_CONFLICT, "newer reeve"},
		{{HEADER("1", "0")}, NO_ROWS, ERROR_INVALID, "line 1: format, schema"},
		{{"{\"a\":1}"}, NO_ROWS, ERROR_INVALID, "line 1: this is no backup"},
		{{"{\"reeve_backup\":1,\"product\":\"maestro\"}"}, NO_ROWS, ERROR_INVALID,
			"a backup of \"maestro\""},
		{{HEADER("1", "1"), "{\"table\":\"sqlite_schema\",\"row\":{}}"}, NO_ROWS,
			ERROR_INVALID, "line 2: schema 1 has no table \"sqlite_schema\""},
		{{HEADER("1", "1"), "{\"table\":\"resource_references\",\"row\":{}}"}, NO_ROWS,
			ERROR_INVALID, "line 2: schema 1 has no table"},
		{{HEADER("1", "1"), WAITER("[]")}, ONE_WAITER, ERROR_INVALID,
			"line 2: there is no row"},
		{{HEADER("1", "1"), WAITER("{\"cluster_id\":\"x\",\"since_time\":1}")}, NO_ROWS,
			ERROR_INVALID, "line 3: the counts"},
		{{HEADER("1", "1"), WAITER("{\"cluster_id\":\"x\"}")}, ONE_WAITER, ERROR_INVALID,
			"line 2: table placement_waiters has 2 columns"},
		{{HEADER("1", "1"), WAITER("{\"cluster_id\":\"x\",\"since\":1}")}, ONE_WAITER,
			ERROR_INVALID, "line 2: column \"since_time\""},
		{{HEADER("1", "1"), WAITER("{\"cluster_id\":\"x\",\"since_time\":1.5}")},
			ONE_WAITER, ERROR_INVALID, "line 2: column \"since_time\""},
		{{HEADER("1", "1"), WAITER("{\"cluster_id\":\"x\",\"since_time\":null}")},
			ONE_WAITER, ERROR_INVALID, "line 2"},
		{{HEADER("1", "1"), RESOURCE, RESOURCE},
			"{\"resources\":2,\"adapter_statuses\":0,\"placements\":0,"
			"\"placement_waiters\":0,\"changes\":0}",
			ERROR_INVALID, "line 3"},
	};
	struct region *region = *state;

	populate(region);
	const char *before = everything(region);
	region_stop(region);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		write_made(region, &rows[i]);
		must_refuse(region, region->store_url, "b", true, rows[i].code, rows[i].sentence);
	}
	region_start(region);
	assert_string_equal(everything(region), before);
}

static void a_backup_of_an_older_schema_goes_through_the_migrations(void **state)
{
	static const struct made made = {{HEADER("1", "1"), RESOURCE}, ONE_RESOURCE, 0, NULL};
	struct region *region = *state;

	region_stop(region);
	write_made(region, &made);
	struct backup_summary now = must_restore(region, region->store_url, "b", true);
	assert_int_equal(now.epoch, 10);
	region_start(region);
	struct answer answer = region_get(region, V1 "/clusters/x");
	assert_int_equal(answer.status, 200);
	assert_true(str_eq_c(json_get_text(answer.json, "name"), "old"));
}

int main(void)
{
#define SERVED(test) cmocka_unit_test_setup_teardown(test, region_setup, teardown)
	const struct CMUnitTest tests[] = {
		SERVED(a_backup_travels_to_the_other_database_and_back),
		SERVED(the_epoch_rises_above_both),
		SERVED(a_cursor_from_before_is_gone_wherever_it_stood),
		SERVED(an_etag_from_before_matches_nothing),
		SERVED(who_serves_is_not_restored_under),
		SERVED(a_file_is_refused_before_anything_changes),
		SERVED(a_backup_of_an_older_schema_goes_through_the_migrations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
