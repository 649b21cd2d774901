/*
 * test_adapter_run.c - the phases of an execution, against stand-in peers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapter_bench.h"
#include "clm/adapter_maestro.h"

#define EVENT "{\"id\":\"c1\",\"kind\":\"Cluster\",\"generation\":3,\"none\":\"\"}"
#define REPORT                                                                                \
	"post:\n"                                                                             \
	"  payloads: [{name: report, build: {value: {expression: result, default: none}}}]\n" \
	"  post_actions: [{name: send, api_call: {method: PUT, url: /out, body: '{{ .report " \
	"}}'}}]\n"
#define OUT "/api/hyperfleet/v1/out"

static void assert_text(const struct json *value, const char *expected)
{
	struct arena *arena = arena_new(0);
	struct str text = json_text(arena, value, JSON_WRITE_COMPACT);
	if (!str_eq_c(text, expected))
		fail_msg("%" STR_F " instead of %s", STR_A(text), expected);
	arena_free(arena);
}

/* What the task reported as "value". */
static void assert_reported(struct bench *bench, const char *expected)
{
	assert_text(json_get(peers_body(bench->peers, "PUT", OUT), "value"), expected);
}

static void params_have_the_value_of_their_source(void **state)
{
	static const struct {
		const char *param, *value;
	} cases[] = {
		{"{name: result, source: event.id}", "\"c1\""},
		{"{name: result, source: event.generation}", "3"},
		{"{name: result, source: event.generation, type: string}", "\"3\""},
		{"{name: result, source: env.REGION}", "\"us-east-1\""},
		{"{name: result, source: env.OTHER}", "\"none\""},
		{"{name: result, source: env.OTHER, default: [1]}", "[1]"},
		{"{name: result, source: event.none, default: d}", "\"d\""},
		{"{name: result, source: config.adapter.name}", "\"tester\""},
		{"{name: result, source: generation}", "3"},
		{"{name: result, source: generation, type: bool, default: d}", "\"d\""},
		{"{name: result, source: {expression: 'event.generation + 1'}}", "4"},
		{"{name: result, source: {expression: 'event.nope'}, default: d}", "\"d\""},
		{"{name: result, source: event.id, when: {expression: 'false'}}", "\"none\""},
		{"{name: result, source: event.id, when: {expression: 'false'}, default: d}",
			"\"d\""},
		{"{name: result, source: {file: {path: /proc/self/nope}}, default: d}", "\"d\""},
		{"{name: result, source: {api_call: {method: GET, url: '/clusters/{{ .event.id "
		 "}}'}}}",
			"{\"spec\":{\"owner\":\"me\"}}"},
		{"{name: c, source: {api_call: {method: GET, url: /clusters/c1}}}\n"
		 "  - {name: result, source: c.spec.owner}",
			"\"me\""},
	};
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", OUT, 200, "{}");
	peers_answer(bench->peers, "GET", "/api/hyperfleet/v1/clusters/c1", 200,
		"{\"spec\":{\"owner\":\"me\"}}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bench_task(bench, bench_text(bench, "params:\n  - %s\n" REPORT, cases[i].param));
		if (bench_run(bench, EVENT) != ADAPTER_SUCCEEDED)
			fail_msg("case %zu: %s", i, bench->error.message);
		assert_reported(bench, cases[i].value);
	}
}

static void a_failed_param_is_reported(void **state)
{
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", OUT, 200, "{}");
	peers_answer(bench->peers, "GET", "/api/hyperfleet/v1/clusters/c1", 403,
		"{\"detail\":\"not yours\"}");
	bench_task(bench,
		"params:\n"
		"  - {name: cluster, required: true,\n"
		"     source: {api_call: {method: GET, url: /clusters/c1}}}\n"
		"post:\n"
		"  payloads:\n"
		"    - {name: report, build: {value: {expression: 'adapter'}}}\n"
		"  post_actions:\n"
		"    - {name: send, api_call: {method: PUT, url: /out, body: '{{ .report }}'}}\n");
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_FAILED);
	assert_int_equal(bench->error.code, ERROR_FORBIDDEN);
	struct json *course = json_get(peers_body(bench->peers, "PUT", OUT), "value");
	assert_text(json_get(course, "executionStatus"), "\"failed\"");
	assert_text(json_get(course, "errorReason"), "\"ParameterFailed\"");
	assert_text(json_get(course, "resourcesSkipped"), "true");
	struct json *detail = json_get(course, "executionError");
	assert_text(json_get(detail, "phase"), "\"param_extraction\"");
	assert_text(json_get(detail, "step"), "\"cluster\"");
	assert_true(str_ends_with(json_get_text(detail, "message"), STR("403: not yours")));
}

static void a_resource_that_is_gone_ends_quietly(void **state)
{
	static const struct {
		const char *body;
		enum adapter_outcome outcome;
		size_t reports;
	} cases[] = {
		{"{\"code\":\"HYPERFLEET-NTF-001\"}", ADAPTER_SKIPPED, 0}, {"", ADAPTER_SKIPPED, 0},
		{"{\"code\":\"HYPERFLEET-NTF-000\"}", ADAPTER_FAILED, 1}, /* no such path */
	};
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", OUT, 200, "{}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		peers_clear(bench->peers);
		peers_answer(
			bench->peers, "GET", "/api/hyperfleet/v1/clusters/c1", 404, cases[i].body);
		bench_task(bench,
			"params:\n"
			"  - {name: cluster, required: true,\n"
			"     source: {api_call: {method: GET, url: /clusters/c1}}}\n" REPORT);
		assert_int_equal(bench_run(bench, EVENT), cases[i].outcome);
		assert_int_equal(peers_count(bench->peers, "PUT", OUT), cases[i].reports);
	}
}

static void calls_are_tried_again_as_the_task_says(void **state)
{
	static const struct {
		int status;
		const char *attempts;
		size_t calls;
	} cases[] = {{503, "1", 1}, {503, "4", 4}, {429, "3", 3}, {408, "2", 2}, {400, "4", 1}};
	struct bench *bench = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		peers_clear(bench->peers);
		peers_answer(bench->peers, "GET", "/x", cases[i].status, "{}");
		bench_task(bench,
			bench_text(bench,
				"params:\n"
				"  - {name: x, source: {api_call: {method: GET, url: '%s/x',\n"
				"     retry_attempts: %s, retry_backoff: constant}}}\n",
				peers_url(bench->peers), cases[i].attempts));
		assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
		assert_int_equal(peers_count(bench->peers, "GET", "/x"), cases[i].calls);
	}
}

static void an_unmet_precondition_skips_the_resources_and_is_reported(void **state)
{
	static const struct {
		const char *expression, *skipped;
	} cases[] = {
		{"event.generation == 3", "false"}, {"event.id", "false"}, /* something */
		{"event.none", "true"}, {"event.generation == 4", "true"},
		{"event.nope == 1", "true"}, /* cannot be evaluated */
	};
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", OUT, 200, "{}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bench_task(bench, bench_text(bench,
					  "preconditions: [{name: ready, expression: '%s'}]\n"
					  "post:\n"
					  "  payloads: [{name: report, build: {value: {expression: "
					  "adapter.resourcesSkipped}}}]\n"
					  "  post_actions: [{name: send, api_call: {method: PUT, "
					  "url: /out, body: "
					  "'{{ .report }}'}}]\n",
					  cases[i].expression));
		assert_int_equal(bench_run(bench, EVENT), str_eq_c(str_of(cases[i].skipped), "true")
								  ? ADAPTER_SKIPPED
								  : ADAPTER_SUCCEEDED);
		assert_reported(bench, cases[i].skipped);
	}
}

/* --- resources ------------------------------------------------------------------------------- */

#define WORK(lifecycle)                                                                       \
	"params:\n"                                                                           \
	"  - {name: generation, source: event.generation}\n"                                  \
	"  - {name: size, source: event.size, default: 1}\n"                                  \
	"  - {name: target, source: event.target, default: mc}\n"                             \
	"  - {name: isDeleting, source: {expression: 'has(event.deleting)'}}\n"               \
	"resources:\n"                                                                        \
	"  - name: work\n"                                                                    \
	"    transport: {client: maestro, maestro: {target_cluster: '{{ .target }}'}}\n"      \
	"    manifest:\n"                                                                     \
	"      apiVersion: work.open-cluster-management.io/v1\n"                              \
	"      kind: ManifestWork\n"                                                          \
	"      metadata:\n"                                                                   \
	"        name: 'w-{{ .event.id }}'\n"                                                 \
	"        annotations: {hyperfleet.io/generation: '{{ .generation }}'}\n"              \
	"      spec:\n"                                                                       \
	"        workload:\n"                                                                 \
	"          manifests:\n"                                                              \
	"            - apiVersion: v1\n"                                                      \
	"              kind: ConfigMap\n"                                                     \
	"              metadata:\n"                                                           \
	"                name: inner\n"                                                       \
	"                namespace: n\n"                                                      \
	"                annotations: {hyperfleet.io/generation: '{{ .generation }}'}\n"      \
	"              data: {size: '{{ .size }}'}\n"                                         \
	"    discovery: {by_name: 'w-{{ .event.id }}'}\n"                                     \
	"    nested_discoveries: [{name: inner, discovery: {by_name: inner, namespace: "      \
	"n}}]\n" lifecycle "post:\n"                                                          \
	"  payloads:\n"                                                                       \
	"    - name: report\n"                                                                \
	"      build: {value: {expression: '{\"have\": resources.map(k, k), \"status\": "     \
	"adapter.executionStatus, \"skip\": adapter.skipReason}'},\n"                         \
	"        inner: {expression: resources.inner}}\n"                                     \
	"  post_actions: [{name: send, api_call: {method: PUT, url: /out, body: '{{ .report " \
	"}}'}}]\n"
#define DELETABLE "    lifecycle: {delete: {when: {expression: isDeleting}}}\n"
#define BUNDLES "/api/maestro/v1/resource-bundles"

static const char *bundle_path(struct bench *bench)
{
	struct str id = json_get_text(peers_bundle(bench->peers), "id");
	return bench_text(bench, BUNDLES "/%" STR_F, STR_A(id));
}

static void a_work_is_created_once_and_updated_when_it_differs(void **state)
{
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", OUT, 200, "{}");
	bench_task(bench, WORK(""));
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	struct json *created = peers_body(bench->peers, "POST", BUNDLES);
	assert_text(json_get(created, "consumer_name"), "\"mc\"");
	assert_text(json_get(created, "source"), "\"tester\"");
	assert_text(json_find(created, "metadata", "name", NULL), "\"w-c1\"");
	/* The event travels with it, so that its status can be worked on as that event. */
	assert_true(str_eq_c(json_str(json_find(created, "metadata", "annotations",
				     ADAPTER_EVENT_ANNOTATION, NULL)),
		EVENT));
	/* The id that OCM's client library computes. */
	assert_int_equal(peers_count(bench->peers, "GET", bundle_path(bench)), 1);

	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	assert_int_equal(peers_count(bench->peers, "PATCH", NULL), 0);

	/* The same generation, other content: the adapter's files or a param changed. */
	bench_run(bench, "{\"id\":\"c1\",\"generation\":3,\"size\":2}");
	assert_int_equal(peers_count(bench->peers, "PATCH", bundle_path(bench)), 1);
	assert_text(json_get(peers_body(bench->peers, "PATCH", NULL), "version"), "1");

	bench_run(bench, "{\"id\":\"c1\",\"generation\":4,\"size\":2}");
	assert_int_equal(peers_count(bench->peers, "PATCH", bundle_path(bench)), 2);
	assert_int_equal(json_int(json_get(peers_bundle(bench->peers), "version"), 0), 3);
	assert_int_equal(peers_count(bench->peers, "POST", NULL), 1);
}

static void nested_discoveries_carry_status_and_feedback(void **state)
{
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", OUT, 200, "{}");
	bench_task(bench, WORK(DELETABLE));
	bench_run(bench, EVENT);
	peers_bundle_status(bench->peers,
		"{\"ObservedVersion\":1,\"conditions\":[],\"resourceStatus\":[{\"resourceMeta\":"
		"{\"kind\":\"ConfigMap\",\"name\":\"inner\",\"namespace\":\"n\"},"
		"\"conditions\":[{\"type\":\"Applied\",\"status\":\"True\"}],"
		"\"statusFeedback\":{\"values\":[{\"name\":\"x\"}]}}]}");
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	struct json *inner = json_get(peers_body(bench->peers, "PUT", OUT), "inner");
	assert_text(json_find(inner, "data", "size", NULL), "\"1\"");
	assert_text(json_get(inner, "conditions"), "[{\"type\":\"Applied\",\"status\":\"True\"}]");
	assert_text(json_get(inner, "statusFeedback"), "{\"values\":[{\"name\":\"x\"}]}");
}

static void a_work_is_deleted_and_its_end_awaited(void **state)
{
	static const char deleting[] = "{\"id\":\"c1\",\"generation\":4,\"deleting\":true}";
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", OUT, 200, "{}");
	bench_task(bench, WORK(DELETABLE));
	bench_run(bench, EVENT);

	assert_int_equal(bench_run(bench, deleting), ADAPTER_SUCCEEDED);
	assert_int_equal(peers_count(bench->peers, "DELETE", bundle_path(bench)), 1);
	assert_reported(
		bench, "{\"have\":[\"work\",\"inner\"],\"status\":\"success\",\"skip\":\"\"}");
	bench_run(bench, deleting); /* still there: asked already */
	assert_int_equal(peers_count(bench->peers, "DELETE", NULL), 1);

	peers_bundle_gone(bench->peers);
	assert_int_equal(bench_run(bench, deleting), ADAPTER_SUCCEEDED);
	assert_reported(bench, "{\"have\":[],\"status\":\"success\",\"skip\":\"\"}");
	assert_int_equal(peers_count(bench->peers, "POST", NULL), 1);
}

static void nothing_can_exist_where_no_target_was_chosen(void **state)
{
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", OUT, 200, "{}");
	bench_task(bench, WORK(DELETABLE));
	/* An empty default is a value. */
	bench->task.params[2].fallback = json_new_cstr(bench->arena, "");
	assert_int_equal(bench_run(bench, "{\"id\":\"c1\",\"generation\":4,\"deleting\":true}"),
		ADAPTER_SUCCEEDED);
	assert_reported(bench, "{\"have\":[],\"status\":\"success\",\"skip\":\"\"}");
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_FAILED);
	assert_string_equal(bench->error.message, "the target cluster is empty");
}

static void creation_can_be_held_back(void **state)
{
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", OUT, 200, "{}");
	bench_task(bench,
		WORK("    lifecycle: {create: {when: {expression: 'event.generation > 3'}}}\n"));
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SKIPPED);
	assert_reported(bench, "{\"have\":[],\"status\":\"success\",\"skip\":\"work: "
			       "lifecycle.create.when condition evaluated to false\"}");
	bench_run(bench, "{\"id\":\"c1\",\"generation\":4}");
	/* It does not hold back what exists. */
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
}

static void a_failure_of_the_transport_is_reported_and_tried_again(void **state)
{
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", OUT, 200, "{}");
	peers_answer(bench->peers, "POST", BUNDLES, 500, "{\"reason\":\"consumer is unknown\"}");
	bench_task(bench, WORK(DELETABLE));
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_FAILED);
	assert_reported(bench, "{\"have\":[],\"status\":\"failed\",\"skip\":\"\"}");
	assert_non_null(strstr(bench->error.message, "consumer is unknown"));
}

static void a_manifest_must_carry_its_generation(void **state)
{
	static const struct {
		const char *manifest, *message;
	} cases[] = {
		{"{\"kind\":\"ConfigMap\"}", "the manifest must be a ManifestWork"},
		{"{\"apiVersion\":\"work.open-cluster-management.io/"
		 "v1\",\"kind\":\"ManifestWork\"}",
			"the manifest's metadata.name is missing"},
		{"{\"apiVersion\":\"work.open-cluster-management.io/v1\",\"kind\":\"ManifestWork\","
		 "\"metadata\":{\"name\":\"w\"},\"spec\":{\"workload\":{\"manifests\":[{}]}}}",
			"the manifest needs the annotation hyperfleet.io/generation"},
		{"{\"apiVersion\":\"work.open-cluster-management.io/v1\",\"kind\":\"ManifestWork\","
		 "\"metadata\":{\"name\":\"w\",\"annotations\":{\"hyperfleet.io/"
		 "generation\":\"1\"}},"
		 "\"spec\":{\"workload\":{\"manifests\":[{}]}}}",
			"spec.workload.manifests[0] needs the annotation"},
	};
	struct bench *bench = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json *manifest = NULL;
		struct error err = {0};
		assert_int_equal(
			json_parse(bench->arena, str_of(cases[i].manifest), NULL, &manifest, NULL),
			0);
		assert_int_equal(adapter_maestro_check(manifest, &err), -1);
		assert_true(str_starts_with(str_of(err.message), str_of(cases[i].message)));
	}
}

/* --- post ------------------------------------------------------------------------------------ */

static void a_payload_is_built_from_all_kinds_of_values(void **state)
{
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", OUT, 200, "{}");
	bench_task(bench,
		"params: [{name: list, source: {expression: '[{\"n\": 1}, {\"n\": 2}]'}}]\n"
		"post:\n"
		"  payloads:\n"
		"    - name: report\n"
		"      build:\n"
		"        value:\n"
		"          literal: [1, true, null]\n"
		"          template: '{{ .adapter.name }}-{{ .adapter.version }}'\n"
		"          '{{ .event.id }}': key\n"
		"          expression: {expression: 'size(list)'}\n"
		"          fallback: {expression: nope, default: d}\n"
		"          nothing: {expression: nope}\n"
		"          one: {field: 'list[1].n'}\n"
		"          many: {field: '{.list[*].n}'}\n"
		"          none: {field: event.none, default: d}\n"
		"  post_actions: [{name: send, api_call: {method: PUT, url: /out, body: "
		"'{{ .report }}'}}]\n");
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	assert_reported(bench,
		"{\"literal\":[1,true,null],\"template\":\"tester-1.2\",\"c1\":\"key\","
		"\"expression\":2,\"fallback\":\"d\",\"nothing\":null,\"one\":2,\"many\":[1,2],"
		"\"none\":\"d\"}");
}

static void actions_follow_their_conditions(void **state)
{
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", OUT, 200, "{}");
	peers_answer(bench->peers, "POST", "/api/hyperfleet/v1/gone", 404, "{}");
	bench_task(bench,
		"post:\n"
		"  payloads:\n"
		"    - {name: skipped, when: {expression: 'false'}, build: {a: 1}}\n"
		"    - {name: skippedNot, build: {a: 1}}\n"
		"  post_actions:\n"
		"    - {name: first, api_call: {method: PUT, url: /a, body: '{{ .skipped }}'}}\n"
		"    - {name: second, when: {expression: 'false'}, api_call: {method: PUT, url: "
		"/b}}\n"
		"    - {name: third, api_call: {method: PUT, url: /out, body: '{{ .skippedNot "
		"}}'}}\n"
		"    - {name: fourth, api_call: {method: POST, url: /gone}}\n"
		"    - {name: fifth, api_call: {method: PUT, url: /c}}\n");
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_SUCCEEDED);
	assert_int_equal(peers_count(bench->peers, "PUT", NULL), 1);
	assert_int_equal(peers_count(bench->peers, "PUT", OUT), 1);
	assert_int_equal(peers_count(bench->peers, "POST", NULL), 1);
}

static void a_failed_action_ends_the_phase(void **state)
{
	struct bench *bench = *state;
	peers_answer(bench->peers, "PUT", "/api/hyperfleet/v1/a", 400, "{\"detail\":\"wrong\"}");
	bench_task(bench, "post:\n"
			  "  post_actions:\n"
			  "    - {name: first, api_call: {method: PUT, url: /a}}\n"
			  "    - {name: second, api_call: {method: PUT, url: /b}}\n");
	assert_int_equal(bench_run(bench, EVENT), ADAPTER_FAILED);
	assert_int_equal(peers_count(bench->peers, "PUT", NULL), 1);
	assert_non_null(strstr(bench->error.message, "answered 400: wrong"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(params_have_the_value_of_their_source),
		TEST(a_failed_param_is_reported),
		TEST(a_resource_that_is_gone_ends_quietly),
		TEST(calls_are_tried_again_as_the_task_says),
		TEST(an_unmet_precondition_skips_the_resources_and_is_reported),
		TEST(a_work_is_created_once_and_updated_when_it_differs),
		TEST(nested_discoveries_carry_status_and_feedback),
		TEST(a_work_is_deleted_and_its_end_awaited),
		TEST(nothing_can_exist_where_no_target_was_chosen),
		TEST(creation_can_be_held_back),
		TEST(a_failure_of_the_transport_is_reported_and_tried_again),
		TEST(a_manifest_must_carry_its_generation),
		TEST(a_payload_is_built_from_all_kinds_of_values),
		TEST(actions_follow_their_conditions),
		TEST(a_failed_action_ends_the_phase),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
