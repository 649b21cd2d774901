/*
 * Check: a database that the API wrote is sound, and each violation, put there by SQL, is named
 * with the id that breaks it.
 */
#include "region.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "clm/catalog.h"
#include "clm/check.h"

#define V1 "/api/hyperfleet/v1"

struct ids {
	struct str cluster; /* placed, reported on, with a label */
	struct str pool;    /* of it; refers to `peer` */
	struct str peer;
	struct str management;
	struct str waiting; /* a cluster without a place */
	struct str going;   /* a cluster marked for deletion */
};

static struct ids populate(struct region *region)
{
	struct ids ids;

	ids.management = region_create(region, V1 "/management_clusters",
		"{\"kind\":\"ManagementCluster\",\"name\":\"mc-one\",\"spec\":{\"capacity\":{"
		"\"hostedClusters\":1}}}");
	ids.cluster = region_create(region, V1 "/clusters",
		"{\"kind\":\"Cluster\",\"name\":\"one\",\"labels\":{\"team\":\"a\"},\"spec\":{}}");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(ids.cluster));
	const char *pools = region_path(region, "%s/nodepools", path);
	ids.peer = region_create(
		region, pools, "{\"kind\":\"NodePool\",\"name\":\"peer\",\"spec\":{}}");
	ids.pool = region_create(region, pools,
		region_path(region,
			"{\"kind\":\"NodePool\",\"name\":\"pool\",\"spec\":{},\"references\":{"
			"\"peer\":[{\"id\":\"%" STR_F "\"}]}}",
			STR_A(ids.peer)));
	assert_int_equal(region_report(region, path, "placement", 1,
				 "Available=True,Applied=True,Health=True"),
		201);
	assert_int_equal(region_report(region, path, "hypershift", 1,
				 "Available=False,Applied=True,Health=True"),
		201);
	ids.waiting = region_create_cluster(region, "two");
	ids.going = region_create_cluster(region, "three");
	assert_int_equal(
		region_call(region, "DELETE",
			region_path(region, V1 "/clusters/%" STR_F, STR_A(ids.going)), NULL, NULL)
			.status,
		202);
	return ids;
}

static struct check_report run_check(struct region *region)
{
	struct registry *registry;
	struct check_report report;
	struct error err = {.message = ""};

	if (registry_load(&registry, region_path(region, "%s/entities.yaml", region->folder),
		    region_path(region, "%s/openapi.yaml", region->folder), &err) != 0 ||
		check_run(region->store_url, registry, region->arena, &report, &err) != 0)
		fail_msg("%s", err.message);
	registry_free(registry);
	return report;
}

static const struct check_finding *find(const struct check_report *report, const char *name)
{
	for (size_t i = 0; i < report->count; i++)
		if (strcmp(report->findings[i].name, name) == 0)
			return &report->findings[i];
	fail_msg("there is no invariant %s", name);
	return NULL;
}

static void must_be_sound(const struct check_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->findings[i].count != 0)
			fail_msg("%s: %llu, %" STR_F, report->findings[i].name,
				(unsigned long long)report->findings[i].count,
				STR_A(report->findings[i].ids[0]));
	assert_int_equal(report->broken, 0);
}

static void what_the_api_wrote_is_sound(void **state)
{
	struct region *region = *state;
	struct ids ids = populate(region);
	const char *pools = region_path(region, V1 "/clusters/%" STR_F "/nodepools/%" STR_F,
		STR_A(ids.cluster), STR_A(ids.pool));
	struct check_report report = run_check(region); /* while it serves */

	must_be_sound(&report);
	assert_int_equal(report.resources, 6);
	assert_true(report.count > 25);
	assert_int_equal(region_call(region, "DELETE", pools, NULL, NULL).status, 202);
	assert_int_equal(region_report(region, pools, "hypershift", 2,
				 "Available=False,Applied=False,Health=True,Finalized=True"),
		201);
	assert_int_equal(
		region_call(region, "PATCH",
			region_path(region, V1 "/clusters/%" STR_F, STR_A(ids.waiting)),
			"{\"labels\":{\"team\":\"b\",\"x\":\"y\"},\"spec\":{\"n\":1}}", NULL)
			.status,
		200);
	report = run_check(region);
	must_be_sound(&report);
	assert_int_equal(report.resources, 5);
}

static int run_sql(struct sql *sql, void *argument, struct error *err)
{
	return sql_run(sql, argument, NULL, 0, NULL, err);
}

static void change(struct region *region, const char *text)
{
	const struct store_config config = catalog_store_config(region->store_url, NULL);
	struct store *store;
	struct error err = {.message = ""};

	if (store_open(&store, &config, &err) != 0 ||
		store_write(store, run_sql, (void *)(uintptr_t)text, &err) != 0)
		fail_msg("%s: %s", text, err.message);
	store_close(store);
}

/* `sql`: @c cluster, @p pool, @e peer, @m management cluster, @w waiting, @g going; `who`: one of
 * the letters, or the id itself. */
static const struct seeded {
	const char *name;
	const char *sql;
	const char *who;
	unsigned count; /* 0: one */
} violations[] = {
	{"owner-exists", "UPDATE resources SET owner_id = 'nobody' WHERE id = '@p'", "@p"},
	{"owner-lives",
		"UPDATE resources SET deleted_time = 9999999999999999, deleted_by = 'x' WHERE id = "
		"'@c'",
		"@e", 2},
	{"owner-agrees", "UPDATE resources SET tenancy = '{\"a\":\"b\"}' WHERE id = '@p'", "@p"},
	{"owner-agrees", "UPDATE resources SET owner_kind = 'Cluster' WHERE id = '@w'", "@w"},
	{"root-name-unique",
		"DROP INDEX resources_root_name;UPDATE resources SET name = 'one' WHERE id = '@w'",
		"@c"},
	{"child-name-unique",
		"DROP INDEX resources_child_name;UPDATE resources SET name = 'peer' WHERE id = "
		"'@p'",
		"@e"},
	{"numbers", "UPDATE resources SET generation = 0 WHERE id = '@w'", "@w"},
	{"numbers", "UPDATE resources SET version = 0 WHERE id = '@w'", "@w"},
	{"times", "UPDATE resources SET updated_time = 1 WHERE id = '@w'", "@w"},
	{"deletion", "UPDATE resources SET deleted_by = 'x' WHERE id = '@w'", "@w"},
	{"status-resource",
		"UPDATE adapter_statuses SET resource_id = 'nobody' WHERE adapter = 'placement'",
		"nobody"},
	{"status-generation",
		"UPDATE adapter_statuses SET observed_generation = 7 WHERE adapter = 'placement'",
		"@c"},
	{"status-documents", "UPDATE adapter_statuses SET data = '[' WHERE adapter = 'placement'",
		"@c"},
	{"reference-resource", "UPDATE resource_references SET resource_id = 'nobody'", "nobody"},
	{"reference-target", "UPDATE resource_references SET target_id = 'nobody'", "@p"},
	{"references-agree", "DELETE FROM resource_references", "@p"},
	{"references-agree", "UPDATE resource_references SET ref_type = 'other'", "@p"},
	{"label-resource", "INSERT INTO resource_labels VALUES ('a', 'b', 'nobody')", "nobody"},
	{"labels-indexed", "DELETE FROM resource_labels", "@c"},
	{"labels-indexed", "INSERT INTO resource_labels VALUES ('a', 'b', '@w')", "@w", 2},
	{"labels-indexed", "UPDATE resource_labels SET value = 'z'", "@c"},
	{"placement-cluster", "UPDATE placements SET cluster_id = 'nobody'", "nobody"},
	{"placement-target", "UPDATE placements SET management_cluster = 'nowhere'", "@c"},
	{"placement-room", "INSERT INTO placements VALUES ('@g', 'mc-one', 5)", "@m"},
	{"placement-use", "UPDATE placement_use SET taken = taken + 1", "mc-one"},
	{"placement-use", "DELETE FROM placement_use", "mc-one"},
	{"placement-use", "INSERT INTO placement_use VALUES ('other', 1)", "other"},
	{"waiter-cluster", "INSERT INTO placement_waiters VALUES ('@c', 5)", "@c"},
	{"feed-last", "UPDATE changes SET version = 9 WHERE id = '@w'", "@w"},
	{"feed-last", "UPDATE changes SET event = 'gone' WHERE id = '@w'", "@w"},
	{"feed-last", "UPDATE changes SET id = 'nobody' WHERE id = '@w'", "nobody"},
	{"feed-whole", "UPDATE changes SET id = 'nobody' WHERE id = '@w'", "@w"},
	{"feed-gaps", "DELETE FROM changes WHERE sequence = 2", "3"},
	{"feed-epoch", "UPDATE changes SET epoch = 5 WHERE sequence = 2", "2", 2},
	{"feed-epoch", "UPDATE changes SET epoch = 0 WHERE sequence = 2", "2"},
	{"feed-rows", "UPDATE changes SET detail = '{' WHERE sequence = 2", "2"},
	{"documents", "UPDATE resources SET spec = '{' WHERE id = '@w'", "@w"},
	{"documents", "UPDATE resources SET labels = '[]' WHERE id = '@w'", "@w"},
	{"kind-known", "UPDATE resources SET kind = 'Thing' WHERE id = '@w'", "@w"},
	{"parent-kind", "UPDATE resources SET owner_kind = 'Version' WHERE id = '@p'", "@p"},
	{"href", "UPDATE resources SET href = '/x/@w' WHERE id = '@w'", "@w"},
	{"conditions", "UPDATE resources SET conditions = '[]' WHERE id = '@c'", "@c"},
	{"conditions", "DELETE FROM adapter_statuses WHERE adapter = 'placement'", "@c"},
};

static struct str fill_in(struct region *region, const struct ids *ids, const char *text)
{
	const struct {
		char letter;
		struct str id;
	} letters[] = {{'c', ids->cluster}, {'p', ids->pool}, {'e', ids->peer},
		{'m', ids->management}, {'w', ids->waiting}, {'g', ids->going}};
	struct str done = STR("");

	for (; *text; text++) {
		struct str piece = str_n(text, 1);
		if (*text == '@') {
			text++;
			for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
				if (letters[i].letter == *text)
					piece = letters[i].id;
		}
		done = arena_printf(region->arena, "%" STR_F "%" STR_F, STR_A(done), STR_A(piece));
	}
	return done;
}

static bool names(struct region *region, const struct seeded *seeded)
{
	struct ids ids = populate(region);
	struct str rest = fill_in(region, &ids, seeded->sql);
	struct str who = fill_in(region, &ids, seeded->who);

	region_stop(region);
	while (!str_is_null(rest)) {
		struct str statement = str_cut(&rest, ';');
		change(region, arena_cstr(region->arena, statement));
	}
	struct check_report report = run_check(region);
	const struct check_finding *finding = find(&report, seeded->name);
	unsigned count = seeded->count ? seeded->count : 1;
	bool is_named = finding->count == count && str_eq(finding->ids[0], who);
	if (!is_named)
		print_error("%s by %s: %llu, %" STR_F " instead of %" STR_F "\n", seeded->name,
			seeded->sql, (unsigned long long)finding->count,
			STR_A(finding->id_count > 0 ? finding->ids[0] : STR("nothing")),
			STR_A(who));
	return is_named && report.broken >= 1;
}

/* Each in a database of its own. */
static void each_violation_is_named(void **state)
{
	bool are_named = true;

	(void)state;
	for (size_t i = 0; i < sizeof(violations) / sizeof(violations[0]); i++) {
		void *region = NULL;
		assert_int_equal(region_setup(&region), 0);
		are_named &= names(region, &violations[i]);
		assert_int_equal(region_teardown(&region), 0);
	}
	assert_true(are_named);
}

static void the_ids_are_bounded_and_all_are_counted(void **state)
{
	struct region *region = *state;

	for (int i = 0; i < 30; i++)
		region_create_cluster(region, region_path(region, "cluster-%02d", i));
	region_stop(region);
	change(region, "UPDATE resources SET href = 'x'");
	struct check_report report = run_check(region);
	const struct check_finding *finding = find(&report, "href");
	assert_int_equal(finding->count, 30);
	assert_int_equal(finding->id_count, CHECK_MAX_IDS);
	assert_int_equal(report.broken, 1);
	struct json *document = check_document(region->arena, &report);
	assert_int_equal(json_int(json_get(document, "broken"), 0), 1);
	assert_int_equal(json_count(json_get(document, "invariants")), report.count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_the_api_wrote_is_sound, region_setup, region_teardown),
		cmocka_unit_test(each_violation_is_named),
		cmocka_unit_test_setup_teardown(
			the_ids_are_bounded_and_all_are_counted, region_setup, region_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
