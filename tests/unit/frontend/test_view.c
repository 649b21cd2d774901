/*
 * test_view.c - what customers see of a cluster, from what CLM holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frontend/view.h"

static struct json *parse(struct arena *arena, const char *text)
{
	struct json *value;
	struct error err;

	if (json_parse(arena, str_of(text), NULL, &value, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return value;
}

static struct json *resource(struct arena *arena, const char *reconciled, bool is_deleting)
{
	struct str text = arena_printf(arena,
		"{\"id\":\"i\",\"name\":\"n\",\"generation\":3,\"spec\":{\"accountId\":\"12\","
		"\"creatorARN\":\"arn\"},\"created_time\":\"c\",\"updated_time\":\"u\","
		"\"deleted_time\":%s,\"status\":{\"conditions\":[{\"type\":\"Reconciled\","
		"\"status\":\"%s\",\"reason\":\"R\",\"message\":\"M\",\"observed_generation\":2,"
		"\"last_transition_time\":\"t\"},{\"type\":\"LastKnownReconciled\",\"status\":"
		"\"False\"},{\"type\":\"PlacementSuccessful\",\"status\":\"True\"}]}}",
		is_deleting ? "\"d\"" : "null", reconciled);

	return parse(arena, text.ptr);
}

static void the_phase_follows_from_placement_and_availability(void **state)
{
	static const struct {
		const char *name, *reconciled;
		bool is_deleting;
		const char *reports;
		const char *phase;
	} rows[] = {
		{"nothing reported", "False", false, "[]", "WaitingForPlacement"},
		{"placement says no", "False", false,
			"[{\"adapter\":\"placement\",\"conditions\":[{\"type\":\"Available\","
			"\"status\":\"False\"}]}]",
			"WaitingForPlacement"},
		{"placed", "False", false,
			"[{\"adapter\":\"placement\",\"conditions\":[{\"type\":\"Available\","
			"\"status\":\"True\"}]}]",
			"Provisioning"},
		{"available, but for an older generation", "False", false,
			"[{\"adapter\":\"placement\",\"conditions\":[{\"type\":\"Available\","
			"\"status\":\"True\"}]},{\"adapter\":\"hypershift\",\"conditions\":["
			"{\"type\":\"Available\",\"status\":\"True\"}]}]",
			"Provisioning"},
		{"reconciled, but no longer available", "True", false,
			"[{\"adapter\":\"placement\",\"conditions\":[{\"type\":\"Available\","
			"\"status\":\"True\"}]},{\"adapter\":\"hypershift\",\"conditions\":["
			"{\"type\":\"Available\",\"status\":\"False\"}]}]",
			"Provisioning"},
		{"all there", "True", false,
			"[{\"adapter\":\"placement\",\"conditions\":[{\"type\":\"Available\","
			"\"status\":\"True\"}]},{\"adapter\":\"hypershift\",\"conditions\":["
			"{\"type\":\"Available\",\"status\":\"True\"}]}]",
			"Ready"},
		{"deleting, whatever is still there", "True", true,
			"[{\"adapter\":\"placement\",\"conditions\":[{\"type\":\"Available\","
			"\"status\":\"True\"}]},{\"adapter\":\"hypershift\",\"conditions\":["
			"{\"type\":\"Available\",\"status\":\"True\"}]}]",
			"Deleting"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct json *view = view_cluster(arena,
			resource(arena, rows[i].reconciled, rows[i].is_deleting),
			parse(arena, rows[i].reports));
		struct str phase = json_str(json_find(view, "status", "phase", NULL));
		if (!str_eq_c(phase, rows[i].phase))
			fail_msg("%s: %" STR_F, rows[i].name, STR_A(phase));
		arena_free(arena);
	}
}

static void assert_text(struct arena *arena, const struct json *value, const char *expected)
{
	struct str text = json_text(arena, value, JSON_WRITE_COMPACT);

	assert_string_equal(text.ptr, expected);
}

static void a_new_cluster_shows_no_more_than_is_known(void **state)
{
	struct arena *arena = arena_new(0);
	struct json *view = view_cluster(arena, resource(arena, "False", false), NULL);

	(void)state;
	assert_text(arena, view,
		"{\"id\":\"i\",\"name\":\"n\",\"target_project_id\":\"12\",\"created_by\":\"arn\","
		"\"generation\":3,\"resource_version\":\"3\",\"spec\":{\"accountId\":\"12\","
		"\"creatorARN\":\"arn\"},\"status\":{\"observedGeneration\":2,\"conditions\":["
		"{\"type\":\"Reconciled\",\"status\":\"False\",\"reason\":\"R\",\"message\":\"M\","
		"\"observedGeneration\":2,\"lastTransitionTime\":\"t\"},"
		"{\"type\":\"LastKnownReconciled\",\"status\":\"False\"}],"
		"\"phase\":\"WaitingForPlacement\",\"lastUpdateTime\":\"u\"},"
		"\"created_at\":\"c\",\"updated_at\":\"u\"}");
	arena_free(arena);
}

static void reports_become_conditions_endpoint_version_and_pools(void **state)
{
	struct arena *arena = arena_new(0);
	struct json *reports = parse(arena,
		"[{\"adapter\":\"other\",\"conditions\":[{\"type\":\"Available\",\"status\":"
		"\"False\"}]},"
		"{\"adapter\":\"hypershift\",\"observed_generation\":3,\"conditions\":["
		"{\"type\":\"Applied\",\"status\":\"True\"},{\"type\":\"Available\",\"status\":"
		"\"True\",\"reason\":\"AsExpected\"}],\"data\":{\"controlPlaneEndpoint\":{\"host\":"
		"\"h\",\"port\":6443},\"version\":\"4.17.3\",\"nodePools\":[{\"name\":\"w\","
		"\"replicas\":2,\"ready\":true}]}},{\"adapter\":\"placement\","
		"\"observed_generation\":1,\"conditions\":[{\"type\":\"Available\",\"status\":"
		"\"True\"}],\"data\":{\"managementCluster\":\"mc-1\"}}]");
	const struct json *status =
		json_get(view_cluster(arena, resource(arena, "True", false), reports), "status");

	(void)state;
	assert_int_equal(json_count(json_get(status, "conditions")), 4);
	assert_text(arena, json_at(json_get(status, "conditions"), 2),
		"{\"type\":\"Placed\",\"status\":\"True\",\"observedGeneration\":1}");
	assert_text(arena, json_at(json_get(status, "conditions"), 3),
		"{\"type\":\"Available\",\"status\":\"True\",\"reason\":\"AsExpected\","
		"\"observedGeneration\":3}");
	assert_text(
		arena, json_get(status, "controlPlaneEndpoint"), "{\"host\":\"h\",\"port\":6443}");
	assert_text(arena, json_get(status, "version"), "\"4.17.3\"");
	assert_text(arena, json_get(status, "nodePools"),
		"[{\"name\":\"w\",\"replicas\":2,\"ready\":true}]");
	assert_text(arena, json_get(status, "placementRef"),
		"{\"name\":\"n-placement\",\"managementCluster\":\"mc-1\"}");
	arena_free(arena);
}

static void reports_that_make_no_sense_show_nothing(void **state)
{
	static const char *const reports[] = {"null", "{}", "[null,1,\"x\",[]]",
		"[{\"adapter\":\"hypershift\",\"conditions\":{},\"data\":[]}]",
		"[{\"adapter\":\"placement\",\"data\":{\"managementCluster\":7}},{\"adapter\":"
		"\"hypershift\",\"data\":{\"controlPlaneEndpoint\":\"h\",\"version\":1,"
		"\"nodePools\":\"w\"}}]"};

	(void)state;
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		struct arena *arena = arena_new(0);
		const struct json *status =
			json_get(view_cluster(arena, resource(arena, "False", false),
					 parse(arena, reports[i])),
				"status");
		assert_text(arena, json_get(status, "phase"), "\"WaitingForPlacement\"");
		assert_null(json_get(status, "controlPlaneEndpoint"));
		assert_null(json_get(status, "version"));
		assert_null(json_get(status, "nodePools"));
		assert_null(json_get(status, "placementRef"));
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_phase_follows_from_placement_and_availability),
		cmocka_unit_test(a_new_cluster_shows_no_more_than_is_known),
		cmocka_unit_test(reports_become_conditions_endpoint_version_and_pools),
		cmocka_unit_test(reports_that_make_no_sense_show_nothing),
	};

	return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
