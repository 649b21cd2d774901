/*
 * test_adapter_shipped.c - the shipped adapters: what they render, decide and report, step by step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "adapter_bench.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "data/yaml.h"

#define ID "0198c0de-0000-7000-8000-000000000001"
#define EVENT "{\"id\":\"" ID "\",\"kind\":\"Cluster\",\"generation\":1}"
#define CLUSTER "/api/hyperfleet/v1/clusters/" ID
#define STATUSES CLUSTER "/statuses"
#define PLACEMENT CLUSTER "/placement"
#define BUNDLES "/api/maestro/v1/resource-bundles"
#define PLACED                                                                                \
	"{\"items\":[{\"adapter\":\"placement\",\"observed_generation\":1,\"conditions\":[]," \
	"\"data\":{\"managementCluster\":\"mc-1\"}}]}"
#define UNPLACED \
	"{\"items\":[{\"adapter\":\"placement\",\"observed_generation\":1,\"conditions\":[]}]}"
#define NO_STATUSES "{\"items\":[]}"

/* The example that the documentation gives, as CLM shows it. */
static const char *example_cluster(struct bench *bench, int generation, const char *more)
{
	struct str text, spec;
	struct json *example = NULL;
	struct error err = {0};
	if (settings_read(bench->arena, REEVE_SOURCE_DIR "/docs/examples/cluster.json", &text,
		    &err) != 0 ||
		json_parse(bench->arena, text, NULL, &example, &err) != 0)
		fail_msg("%s", err.message);
	spec = json_text(bench->arena, json_get(example, "spec"), JSON_WRITE_COMPACT);
	return bench_text(bench,
		"{\"id\":\"" ID "\",\"kind\":\"Cluster\",\"name\":\"example\",\"generation\":%d,"
		"\"status\":{\"conditions\":[]},\"spec\":%" STR_F "%s}",
		generation, STR_A(spec), more);
}

static void with_cluster(struct bench *bench, const char *cluster, const char *statuses)
{
	peers_answer(bench->peers, "GET", CLUSTER, 200, cluster);
	peers_answer(bench->peers, "GET", STATUSES, 200, statuses);
	peers_answer(bench->peers, "PUT", STATUSES, 201, "{}");
}

/* "Applied=True/Placed Available=..": the last report's conditions. */
static struct str reported(struct bench *bench)
{
	const struct json *report = peers_body(bench->peers, "PUT", STATUSES), *condition;
	const struct json *conditions = json_get(report, "conditions");
	struct str text = STR("");
	json_for_each (conditions, i, condition)
		text = arena_printf(bench->arena, "%" STR_F "%s%" STR_F "=%" STR_F "/%" STR_F,
			STR_A(text), i ? " " : "", STR_A(json_get_text(condition, "type")),
			STR_A(json_get_text(condition, "status")),
			STR_A(json_get_text(condition, "reason")));
	return text;
}

static void assert_report(struct bench *bench, const char *conditions, const char *data)
{
	struct str have = reported(bench);
	struct json *document = json_get(peers_body(bench->peers, "PUT", STATUSES), "data");
	struct str text = json_text(bench->arena, document, JSON_WRITE_SORTED);
	if (!str_eq_c(have, conditions))
		fail_msg("%" STR_F "\ninstead of\n%s", STR_A(have), conditions);
	if (!str_eq_c(text, data))
		fail_msg("%" STR_F "\ninstead of\n%s", STR_A(text), data);
}

/* --- placement ------------------------------------------------------------------------------- */

static void placement_reserves_and_reports_where(void **state)
{
	struct bench *bench = *state;
	bench_shipped(bench, "placement");
	with_cluster(bench, example_cluster(bench, 1, ""), NO_STATUSES);
	peers_answer(bench->peers, "POST", PLACEMENT, 200, "{\"management_cluster\":\"mc-1\"}");
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	assert_report(bench,
		"Applied=True/Placed Available=True/Placed Health=True/Healthy "
		"Finalized=False/NotDeleting",
		"{\"managementCluster\":\"mc-1\"}");
	struct json *report = peers_body(bench->peers, "PUT", STATUSES);
	int64_t observed_us;
	assert_true(str_eq(json_get_text(report, "adapter"), STR("placement")));
	assert_int_equal(json_int(json_get(report, "observed_generation"), 0), 1);
	/* Finer than a second: CLM drops a report that is not newer than the last. */
	assert_true(clock_parse(json_get_text(report, "observed_time"), &observed_us));
	assert_true(str_index(json_get_text(report, "observed_time"), '.') > 0 ||
		    observed_us % CLOCK_US_PER_S == 0);
}

static void placement_asks_once(void **state)
{
	struct bench *bench = *state;
	bench_shipped(bench, "placement");
	with_cluster(bench, example_cluster(bench, 2, ""), PLACED);
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	assert_int_equal(peers_count(bench->peers, "POST", NULL), 0);
	assert_report(bench,
		"Applied=True/Placed Available=True/Placed Health=True/Healthy "
		"Finalized=False/NotDeleting",
		"{\"managementCluster\":\"mc-1\"}");
	assert_int_equal(
		json_int(json_get(peers_body(bench->peers, "PUT", STATUSES), "observed_generation"),
			0),
		2);
}

static void placement_says_nothing_twice(void **state)
{
	static const struct {
		const char *health;
		int64_t age_s;
		size_t reports;
	} cases[] = {{"True", 60, 0}, {"False", 60, 1}, {"True", 660, 1}};
	struct bench *bench = *state;
	bench_shipped(bench, "placement");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t told_us = clock_now_us(&clock_system) - cases[i].age_s * CLOCK_US_PER_S;
		with_cluster(bench, example_cluster(bench, 1, ""),
			bench_text(bench,
				"{\"items\":[{\"adapter\":\"placement\",\"observed_generation\":1,"
				"\"last_report_time\":\"%s\",\"data\":{\"managementCluster\":\"mc-"
				"1\"},"
				"\"conditions\":[{\"type\":\"Available\",\"status\":\"True\"},"
				"{\"type\":\"Health\",\"status\":\"%s\"}]}]}",
				clock_text(bench->arena, told_us).ptr, cases[i].health));
		peers_clear(bench->peers);
		assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
		assert_int_equal(peers_count(bench->peers, "PUT", STATUSES), cases[i].reports);
	}
}

static void placement_tells_when_nothing_has_room(void **state)
{
	struct bench *bench = *state;
	bench_shipped(bench, "placement");
	with_cluster(bench, example_cluster(bench, 1, ""), NO_STATUSES);
	peers_answer(bench->peers, "POST", PLACEMENT, 200,
		"{\"management_cluster\":null,\"reason\":\"NoCapacity\",\"message\":\"full\"}");
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	assert_report(bench,
		"Applied=False/NoCapacity Available=False/NoCapacity Health=True/Healthy "
		"Finalized=False/NotDeleting",
		"{}");
	struct json *condition =
		json_at(json_get(peers_body(bench->peers, "PUT", STATUSES), "conditions"), 1);
	assert_true(str_eq(json_get_text(condition, "message"), STR("full")));
}

static void placement_that_fails_keeps_what_it_said(void **state)
{
	struct bench *bench = *state;
	bench_shipped(bench, "placement");
	with_cluster(bench, example_cluster(bench, 1, ""), NO_STATUSES);
	peers_answer(bench->peers, "POST", PLACEMENT, 500, "{\"detail\":\"broken\"}");
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_FAILED);
	assert_report(bench,
		"Applied=False/ExecutionFailed Available=False/ExecutionFailed "
		"Health=False/ExecutionFailed:param_extraction Finalized=False/NotDeleting",
		"{}");

	peers_answer(bench->peers, "GET", STATUSES, 200,
		"{\"items\":[{\"adapter\":\"placement\",\"observed_generation\":1,\"data\":{},"
		"\"conditions\":[{\"type\":\"Available\",\"status\":\"False\","
		"\"reason\":\"NoCapacity\",\"message\":\"full\"}]}]}");
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_FAILED);
	assert_report(bench,
		"Applied=False/ExecutionFailed Available=False/NoCapacity "
		"Health=False/ExecutionFailed:param_extraction Finalized=False/NotDeleting",
		"{}");
}

static void placement_frees_the_room_last(void **state)
{
	static const char emptied[] =
		"{\"items\":[{\"adapter\":\"placement\",\"observed_generation\":1,\"conditions\":[]"
		","
		"\"data\":{\"managementCluster\":\"mc-1\"}},"
		"{\"adapter\":\"hypershift\",\"observed_generation\":2,"
		"\"conditions\":[{\"type\":\"Finalized\",\"status\":\"True\"}]}]}";
	struct bench *bench = *state;
	bench_shipped(bench, "placement");
	with_cluster(bench, example_cluster(bench, 2, ",\"deleted_time\":\"2026-01-01T00:00:00Z\""),
		PLACED);
	peers_answer(bench->peers, "DELETE", PLACEMENT, 204, NULL);
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	/* Where the cluster is stays known to the adapter that cleans up there. */
	assert_report(bench,
		"Applied=True/Placed Available=False/Deleting Health=True/Healthy "
		"Finalized=False/CleanupInProgress",
		"{\"managementCluster\":\"mc-1\"}");
	assert_int_equal(peers_count(bench->peers, "DELETE", NULL), 0);
	assert_int_equal(peers_count(bench->peers, "POST", NULL), 0);

	peers_answer(bench->peers, "GET", STATUSES, 200, emptied);
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	assert_int_equal(peers_count(bench->peers, "DELETE", PLACEMENT), 1);
	assert_report(bench,
		"Applied=True/Placed Available=False/Deleting Health=True/Healthy "
		"Finalized=True/CleanupConfirmed",
		"{\"managementCluster\":\"mc-1\"}");

	/* Not freed is not finalized. */
	peers_clear(bench->peers);
	peers_answer(bench->peers, "DELETE", PLACEMENT, 500, "{}");
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_FAILED);
	assert_int_equal(peers_count(bench->peers, "PUT", STATUSES), 0);
}

/* --- hypershift ------------------------------------------------------------------------------ */

#define CONDITIONS                                                              \
	"\"conditions\":[{\"type\":\"Applied\",\"status\":\"True\",\"reason\":" \
	"\"AppliedManifestWorkComplete\",\"message\":\"ok\",\"observedGeneration\":%d}]"
#define TEXT_VALUE(name, text) \
	"{\"name\":\"" name "\",\"fieldValue\":{\"type\":\"String\",\"string\":\"" text "\"}}"
#define INTEGER_VALUE(name, number) \
	"{\"name\":\"" name "\",\"fieldValue\":{\"type\":\"Integer\",\"integer\":" number "}}"
#define MANIFEST(kind, name, values)                                \
	"{\"resourceMeta\":{\"kind\":\"" kind "\",\"name\":\"" name \
	"\",\"namespace\":\"cluster-" ID                            \
	"\"},\"conditions\":[],\"statusFeedback\":{\"values\":[" values "]}}"
#define IMAGE "quay.io/openshift-release-dev/ocp-release:4.17.3-x86_64"
#define HOSTED(values) MANIFEST("HostedCluster", "example", values)
#define POOL(values) MANIFEST("NodePool", "example-workers", values)
#define COMPLETED                                                                                 \
	TEXT_VALUE("available", "True")                                                           \
	"," TEXT_VALUE("version", "4.17.3") "," TEXT_VALUE("versionState",                        \
		"Completed") "," TEXT_VALUE("versionImage", IMAGE) "," TEXT_VALUE("endpointHost", \
		"api.example") "," INTEGER_VALUE("endpointPort", "443")
#define FULL_POOL TEXT_VALUE("ready", "True") "," INTEGER_VALUE("replicas", "2")

static void bundle_reports(struct bench *bench, int version, const char *manifests)
{
	const char *conditions = bench_text(bench, CONDITIONS, version);
	peers_bundle_status(bench->peers,
		bench_text(bench, "{%s,\"resourceStatus\":[%s]}", conditions, manifests));
}

static void hypershift_waits_for_placement(void **state)
{
	struct bench *bench = *state;
	bench_shipped(bench, "hypershift");
	with_cluster(bench, example_cluster(bench, 1, ""), NO_STATUSES);
	/* The placement answers in a moment; a report now would only stand in its way. */
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SKIPPED);
	assert_int_equal(peers_count(bench->peers, "PUT", STATUSES), 0);

	with_cluster(bench, example_cluster(bench, 1, ""), UNPLACED);
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SKIPPED);
	assert_report(bench,
		"Applied=False/WaitingForPlacement Available=False/WaitingForPlacement "
		"Health=False/ResourcesSkipped Finalized=False/NotDeleting",
		"{}");
	assert_null(peers_bundle(bench->peers));
}

static void hypershift_says_nothing_twice(void **state)
{
	static const struct {
		int64_t age_s;
		int generation;
		const char *find, *replace;
		size_t reports;
	} cases[] = {{60, 1, "", "", 0}, {360, 1, "", "", 1}, {60, 2, "", "", 1},
		{60, 1, "WaitingForAgent", "Other", 1},
		{60, 1, "mc-1\",\"node", "mc-2\",\"node", 1}};
	struct bench *bench = *state;
	bench_shipped(bench, "hypershift");
	with_cluster(bench, example_cluster(bench, 1, ""), PLACED);
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	struct json *report = peers_body(bench->peers, "PUT", STATUSES);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t told_us = clock_now_us(&clock_system) - cases[i].age_s * CLOCK_US_PER_S;
		json_set_text(report, "last_report_time", clock_text(bench->arena, told_us));
		struct str text = json_text(bench->arena, report, JSON_WRITE_SORTED), was = text;
		ptrdiff_t at = str_find(text, str_of(cases[i].find));
		assert_true(at >= 0);
		text = arena_printf(bench->arena, "%" STR_F "%s%" STR_F,
			STR_A(str_slice(was, 0, (size_t)at)), cases[i].replace,
			STR_A(str_slice(was, (size_t)at + strlen(cases[i].find), was.len)));
		with_cluster(bench, example_cluster(bench, cases[i].generation, ""),
			bench_text(bench,
				"{\"items\":[%" STR_F
				",{\"adapter\":\"placement\",\"observed_generation\":1,"
				"\"conditions\":[],\"data\":{\"managementCluster\":\"mc-1\"}}]}",
				STR_A(text)));
		peers_clear(bench->peers);
		assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
		if (peers_count(bench->peers, "PUT", STATUSES) != cases[i].reports)
			fail_msg("case %zu", i);
	}
}

static void hypershift_renders_the_example(void **state)
{
	struct bench *bench = *state;
	struct str expected_text;
	struct json *expected = NULL;
	struct error err = {0};
	bench_shipped(bench, "hypershift");
	with_cluster(bench, example_cluster(bench, 1, ""), PLACED);
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	if (settings_read(bench->arena,
		    REEVE_SOURCE_DIR "/tests/unit/clm/expected/hypershift-example.yaml",
		    &expected_text, &err) != 0 ||
		yaml_parse(bench->arena, expected_text, &expected, &err) != 0)
		fail_msg("%s", err.message);
	struct json *created = peers_body(bench->peers, "POST", BUNDLES);
	if (!json_equal(created, expected)) {
		CLEANUP(buf_free) struct buf yaml = BUF_INITIALIZER(0);
		yaml_write(&yaml, created);
		fputs(buf_str(&yaml).ptr, stdout);
		fail_msg("the bundle differs from tests/unit/clm/expected/hypershift-example.yaml");
	}
}

static void hypershift_fills_in_what_a_cluster_leaves_open(void **state)
{
	static const char minimal[] =
		"{\"id\":\"" ID
		"\",\"name\":\"tiny\",\"generation\":7,\"spec\":{\"hostedCluster\":{"
		"\"release\":{\"image\":\"i\"},\"platform\":{\"type\":\"None\"}},\"nodePools\":["
		"{\"name\":\"a\",\"autoRepair\":false,\"labels\":{\"k\":\"v\"},"
		"\"nodePool\":{\"platform\":{\"type\":\"None\"},\"release\":{\"image\":\"j\"}}},"
		"{\"name\":\"b\",\"nodePool\":{\"replicas\":0,\"platform\":{\"type\":\"None\"}}},"
		"{\"name\":\"c\",\"nodePool\":{\"autoScaling\":{\"min\":1,\"max\":3},"
		"\"platform\":{\"type\":\"None\"}}}]}}";
	struct bench *bench = *state;
	bench_shipped(bench, "hypershift");
	with_cluster(bench, minimal, PLACED);
	if (bench_run(bench, EVENT) != ADAPTER_SUCCEEDED)
		fail_msg("%s", bench->error.message);
	const struct json *manifests =
		json_get(peers_body(bench->peers, "POST", BUNDLES), "manifests");
	assert_int_equal(json_count(manifests), 6);
	const struct json *hosted = json_get(json_at(manifests, 1), "spec");
	assert_int_equal(json_count(json_get(hosted, "services")), 4);
	assert_true(str_eq(
		json_str(json_find(hosted, "etcd", "managementType", NULL)), STR("Managed")));
	assert_true(str_eq(json_get_text(hosted, "infraID"), STR(ID)));
	const struct json *a = json_get(json_at(manifests, 2), "spec");
	assert_int_equal(json_int(json_get(a, "replicas"), -1), 2);
	assert_false(json_bool(json_find(a, "management", "autoRepair", NULL), true));
	assert_true(str_eq(json_str(json_find(a, "release", "image", NULL)), STR("j")));
	assert_true(str_eq(json_str(json_find(a, "nodeLabels", "k", NULL)), STR("v")));
	const struct json *b = json_get(json_at(manifests, 3), "spec");
	assert_int_equal(json_int(json_get(b, "replicas"), -1), 0);
	assert_true(str_eq(json_str(json_find(b, "release", "image", NULL)), STR("i")));
	const struct json *c = json_get(json_at(manifests, 4), "spec");
	assert_null(json_get(c, "replicas"));
	assert_int_equal(json_int(json_find(c, "autoScaling", "max", NULL), 0), 3);
}

static void hypershift_reports_the_first_thing_that_is_missing(void **state)
{
	static const struct {
		const char *name, *manifests, *available, *data;
	} cases[] = {
		{"nothing is known", "", "False/WaitingForHostedCluster",
			"{\"controlPlaneEndpoint\":null,\"managementCluster\":\"mc-1\","
			"\"nodePools\":[],\"version\":\"\"}"},
		{"the hosted cluster says why",
			HOSTED(TEXT_VALUE("available", "False") "," TEXT_VALUE("availableReason",
				"WaitingForAvailable") "," TEXT_VALUE("availableMessage",
				"waiting")),
			"False/WaitingForAvailable",
			"{\"controlPlaneEndpoint\":null,\"managementCluster\":\"mc-1\","
			"\"nodePools\":[],\"version\":\"\"}"},
		{"the version is not there yet",
			HOSTED(TEXT_VALUE("available", "True") "," TEXT_VALUE(
				"versionState", "Partial") "," TEXT_VALUE("versionImage", IMAGE)),
			"False/VersionProgressing",
			"{\"controlPlaneEndpoint\":null,\"managementCluster\":\"mc-1\","
			"\"nodePools\":[],\"version\":\"\"}"},
		{"another version is",
			HOSTED(TEXT_VALUE("available", "True") "," TEXT_VALUE("versionState",
				"Completed") "," TEXT_VALUE("versionImage", "other")),
			"False/VersionProgressing",
			"{\"controlPlaneEndpoint\":null,\"managementCluster\":\"mc-1\","
			"\"nodePools\":[],\"version\":\"\"}"},
		{"a node pool has not reported", HOSTED(COMPLETED), "False/NodePoolsNotReady",
			"{\"controlPlaneEndpoint\":{\"host\":\"api.example\",\"port\":443},"
			"\"managementCluster\":\"mc-1\",\"nodePools\":[],\"version\":\"4.17.3\"}"},
		{"a node pool has too few nodes",
			HOSTED(COMPLETED) "," POOL(
				TEXT_VALUE("ready", "True") "," INTEGER_VALUE("replicas", "1")),
			"False/NodePoolsNotReady",
			"{\"controlPlaneEndpoint\":{\"host\":\"api.example\",\"port\":443},"
			"\"managementCluster\":\"mc-1\",\"nodePools\":[{\"name\":\"workers\","
			"\"ready\":true,\"replicas\":1}],\"version\":\"4.17.3\"}"},
		{"all is there", HOSTED(COMPLETED) "," POOL(FULL_POOL),
			"True/HostedClusterAvailable",
			"{\"controlPlaneEndpoint\":{\"host\":\"api.example\",\"port\":443},"
			"\"managementCluster\":\"mc-1\",\"nodePools\":[{\"name\":\"workers\","
			"\"ready\":true,\"replicas\":2}],\"version\":\"4.17.3\"}"},
	};
	struct bench *bench = *state;
	bench_shipped(bench, "hypershift");
	with_cluster(bench, example_cluster(bench, 1, ""), PLACED);
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	assert_report(bench,
		"Applied=False/WaitingForAgent Available=False/NotApplied Health=True/Healthy "
		"Finalized=False/NotDeleting",
		"{\"controlPlaneEndpoint\":null,\"managementCluster\":\"mc-1\",\"nodePools\":[],"
		"\"version\":\"\"}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bundle_reports(bench, 1, cases[i].manifests);
		print_message("%s\n", cases[i].name);
		assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
		assert_report(bench,
			bench_text(bench,
				"Applied=True/AppliedManifestWorkComplete Available=%s "
				"Health=True/Healthy Finalized=False/NotDeleting",
				cases[i].available),
			cases[i].data);
	}
	/* What was true of an older version of the work says nothing of this one. */
	bundle_reports(bench, 0, HOSTED(COMPLETED) "," POOL(FULL_POOL));
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	assert_true(str_starts_with(
		reported(bench), STR("Applied=False/WaitingForAgent Available=False/NotApplied")));
}

static void hypershift_confirms_when_the_work_is_gone(void **state)
{
	struct bench *bench = *state;
	bench_shipped(bench, "hypershift");
	with_cluster(bench, example_cluster(bench, 1, ""), PLACED);
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	peers_answer(bench->peers, "GET", CLUSTER, 200,
		example_cluster(bench, 2, ",\"deleted_time\":\"2026-01-01T00:00:00Z\""));
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	assert_true(
		str_ends_with(reported(bench), STR("Available=False/Deleting Health=True/Healthy "
						   "Finalized=False/CleanupInProgress")));
	assert_int_equal(peers_count(bench->peers, "DELETE", NULL), 1);

	peers_bundle_gone(bench->peers);
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	assert_report(bench,
		"Applied=False/Deleted Available=False/Deleting Health=True/Healthy "
		"Finalized=True/CleanupConfirmed",
		"{}");
}

static void a_cluster_that_was_never_placed_is_finalized_at_once(void **state)
{
	struct bench *bench = *state;
	bench_shipped(bench, "hypershift");
	with_cluster(bench, example_cluster(bench, 2, ",\"deleted_time\":\"2026-01-01T00:00:00Z\""),
		NO_STATUSES);
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	assert_true(str_ends_with(reported(bench), STR("Finalized=True/CleanupConfirmed")));
	assert_int_equal(peers_count(bench->peers, NULL, BUNDLES), 0);
}

static void hypershift_that_fails_keeps_what_it_said(void **state)
{
	static const char statuses[] =
		"{\"items\":[{\"adapter\":\"placement\",\"observed_generation\":1,"
		"\"data\":{\"managementCluster\":\"mc-1\"}},"
		"{\"adapter\":\"hypershift\",\"observed_generation\":1,\"data\":{\"version\":\"1\"}"
		","
		"\"conditions\":[{\"type\":\"Available\",\"status\":\"True\","
		"\"reason\":\"HostedClusterAvailable\",\"message\":\"m\"}]}]}";
	struct bench *bench = *state;
	bench_shipped(bench, "hypershift");
	with_cluster(bench, example_cluster(bench, 1, ""), statuses);
	peers_answer(bench->peers, "POST", BUNDLES, 500, "{\"reason\":\"broken\"}");
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_FAILED);
	assert_report(bench,
		"Applied=False/ExecutionFailed Available=True/HostedClusterAvailable "
		"Health=False/ExecutionFailed:resources Finalized=False/NotDeleting",
		"{\"version\":\"1\"}");
	/* For a generation that has no report there is nothing to keep. */
	peers_answer(bench->peers, "GET", CLUSTER, 200, example_cluster(bench, 2, ""));
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_FAILED);
	assert_report(bench,
		"Applied=False/ExecutionFailed Available=False/ExecutionFailed "
		"Health=False/ExecutionFailed:resources Finalized=False/NotDeleting",
		"{\"version\":\"1\"}");
}

static void equal_reports_have_equal_text(void **state)
{
	struct bench *bench = *state;
	bench_shipped(bench, "hypershift");
	with_cluster(bench, example_cluster(bench, 1, ""), PLACED);
	bench_run(bench, EVENT);
	bundle_reports(bench, 1, HOSTED(COMPLETED));
	bench_run(bench, EVENT);
	struct json *first = peers_body(bench->peers, "PUT", STATUSES);
	bench_run(bench, EVENT);
	struct json *second = peers_body(bench->peers, "PUT", STATUSES);
	json_remove(first, STR("observed_time"));
	json_remove(second, STR("observed_time"));
	assert_true(json_equal(first, second));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(placement_reserves_and_reports_where),
		TEST(placement_asks_once),
		TEST(placement_says_nothing_twice),
		TEST(placement_tells_when_nothing_has_room),
		TEST(placement_that_fails_keeps_what_it_said),
		TEST(placement_frees_the_room_last),
		TEST(hypershift_waits_for_placement),
		TEST(hypershift_says_nothing_twice),
		TEST(hypershift_renders_the_example),
		TEST(hypershift_fills_in_what_a_cluster_leaves_open),
		TEST(hypershift_reports_the_first_thing_that_is_missing),
		TEST(hypershift_confirms_when_the_work_is_gone),
		TEST(a_cluster_that_was_never_placed_is_finalized_at_once),
		TEST(hypershift_that_fails_keeps_what_it_said),
		TEST(equal_reports_have_equal_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
