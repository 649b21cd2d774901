/*
 * test_agent_manifest.c - configuration, bodies, drift, and feedback values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "maestro/agent_feedback.h"
#include "maestro/agent_manifest.h"

static struct json *parse(struct arena *arena, const char *text)
{
	struct json *value = NULL;
	struct error err;
	if (json_parse(arena, str_of(text), NULL, &value, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return value;
}

static void same(struct arena *arena, const struct json *has, const char *expected)
{
	if (!json_equal(has, parse(arena, expected)))
		fail_msg("%.*s", STR_A(json_text(arena, has, 0)));
}

static const struct agent_resource_meta web = {0, {"apps", 4}, {"v1", 2}, {"Deployment", 10},
	{"deployments", 11}, {"web", 3}, {"ns-a", 4}};

#define CONFIG(name_space, name, rest)                                                            \
	"{\"resourceIdentifier\":{\"group\":\"apps\",\"resource\":\"deployments\",\"namespace\":" \
	"\"" name_space "\",\"name\":\"" name "\"}" rest "}"

static void the_first_matching_configuration_with_the_aspect_decides(void **state)
{
	static const struct {
		const char *bundle;
		enum agent_strategy strategy;
		const char *manager;
		bool force, rules;
	} rows[] = {
		{"{}", AGENT_STRATEGY_UPDATE, "work-agent", false, false},
		{"{\"manifestConfigs\":[" CONFIG(
			 "ns-a", "web", ",\"updateStrategy\":{\"type\":\"CreateOnly\"}") "]}",
			AGENT_STRATEGY_CREATE_ONLY, "work-agent", false, false},
		{"{\"manifestConfigs\":[" CONFIG(
			 "ns-b", "web", ",\"updateStrategy\":{\"type\":\"CreateOnly\"}") "]}",
			AGENT_STRATEGY_UPDATE, "work-agent", false, false},
		{"{\"manifestConfigs\":[" CONFIG("*", "w*b", ",\"feedbackRules\":[{}]") "," CONFIG(
			 "ns-a", "*",
			 ",\"updateStrategy\":{\"type\":\"ServerSideApply\",\"serverSideApply\":{"
			 "\"force\":true,\"fieldManager\":\"m\"}}") "," CONFIG("*", "*",
			 ",\"updateStrategy\":{\"type\":\"ReadOnly\"}") "]}",
			AGENT_STRATEGY_SERVER_SIDE_APPLY, "m", true, true},
		{"{\"manifestConfigs\":[" CONFIG(
			 "*", "*", ",\"updateStrategy\":{\"type\":\"ReadOnly\"}") "]}",
			AGENT_STRATEGY_READ_ONLY, "work-agent", false, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct agent_manifest_config config;
		assert_int_equal(
			agent_manifest_configure(parse(arena, rows[i].bundle), &web, &config, NULL),
			0);
		assert_int_equal(config.strategy, rows[i].strategy);
		assert_true(str_eq_c(config.field_manager, rows[i].manager));
		assert_int_equal(config.is_forced, rows[i].force);
		assert_int_equal(config.feedback_rules != NULL, rows[i].rules);
		arena_free(arena);
	}
}

static void what_cannot_be_honoured_is_not_applied(void **state)
{
	static const char *const bundles[] = {
		"{\"manifestConfigs\":[" CONFIG("*", "*",
			",\"updateStrategy\":{\"type\":\"ServerSideApply\",\"serverSideApply\":{"
			"\"ignoreFields\":[{\"condition\":\"OnSpokeChange\"}]}}") "]}",
		"{\"manifestConfigs\":[" CONFIG(
			"*", "*", ",\"updateStrategy\":{\"type\":\"Pray\"}") "]}",
		"{\"executer\":{\"subject\":{\"type\":\"ServiceAccount\"}}}",
	};
	for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++) {
		struct arena *arena = arena_new(0);
		struct agent_manifest_config config;
		assert_int_equal(
			agent_manifest_configure(parse(arena, bundles[i]), &web, &config, NULL),
			-1);
		arena_free(arena);
	}
}

static void orphans_follow_the_delete_option(void **state)
{
	static const struct {
		const char *option;
		bool is_orphan;
	} rows[] = {
		{"{}", false},
		{"{\"deleteOption\":{\"propagationPolicy\":\"Foreground\"}}", false},
		{"{\"deleteOption\":{\"propagationPolicy\":\"Orphan\"}}", true},
		{"{\"deleteOption\":{\"propagationPolicy\":\"SelectivelyOrphan\","
		 "\"selectivelyOrphans\":{\"orphaningRules\":[{\"group\":\"apps\",\"resource\":"
		 "\"deployments\",\"namespace\":\"ns-a\",\"name\":\"web\"}]}}}",
			true},
		{"{\"deleteOption\":{\"propagationPolicy\":\"SelectivelyOrphan\","
		 "\"selectivelyOrphans\":{\"orphaningRules\":[{\"group\":\"apps\",\"resource\":"
		 "\"deployments\",\"namespace\":\"ns-a\",\"name\":\"we\"}]}}}",
			false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		assert_int_equal(agent_manifest_is_orphan(parse(arena, rows[i].option), &web),
			rows[i].is_orphan);
		arena_free(arena);
	}
}

static void a_body_is_the_manifest_and_its_owner(void **state)
{
	struct arena *arena = arena_new(0);
	struct json *manifest = parse(arena,
		"{\"metadata\":{\"name\":\"a\",\"uid\":\"u\",\"creationTimestamp\":null,"
		"\"labels\":{\"k\":\"v\",\"gone-\":\"\"},\"ownerReferences\":[{\"uid\":\"x\"}]},"
		"\"spec\":{\"template\":{\"metadata\":{\"creationTimestamp\":null,\"x\":null}}}}");
	same(arena, agent_manifest_body(arena, manifest, NULL),
		"{\"metadata\":{\"name\":\"a\",\"labels\":{\"k\":\"v\"}},"
		"\"spec\":{\"template\":{\"metadata\":{\"x\":null}}}}");
	struct json *owner = agent_owner_new(arena, STR("h-1"), STR("u1"));
	same(arena,
		json_find(agent_manifest_body(arena, manifest, owner), "metadata",
			"ownerReferences", NULL),
		"[{\"apiVersion\":\"work.open-cluster-management.io/v1\",\"kind\":"
		"\"AppliedManifestWork\",\"name\":\"h-1\",\"uid\":\"u1\"}]");
	arena_free(arena);
}

static void an_update_merges_metadata_and_replaces_the_rest(void **state)
{
	static const struct {
		const char *name, *manifest, *live;
		bool is_owned;
		const char *expected; /* NULL: nothing to write */
	} rows[] = {
		{"equal", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"v\"}}",
			"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"data\":{\"k\":"
			"\"v\"},\"status\":{\"x\":1}}",
			false, NULL},
		{"body differs", "{\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"w\"}}",
			"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"data\":{\"k\":"
			"\"v\"}}",
			false,
			"{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"},\"data\":{\"k\":"
			"\"w\"}}"},
		{"live member goes", "{\"metadata\":{\"name\":\"a\"}}",
			"{\"metadata\":{\"name\":\"a\"},\"data\":{}}", false,
			"{\"metadata\":{\"name\":\"a\"}}"},
		{"labels merge and go",
			"{\"metadata\":{\"name\":\"a\",\"labels\":{\"n\":\"1\",\"o-\":\"\"}}}",
			"{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"f\"],\"labels\":{\"o\":"
			"\"2\",\"p\":\"3\"}}}",
			false,
			"{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"f\"],\"labels\":{\"p\":"
			"\"3\",\"n\":\"1\"}}}"},
		{"disowned", "{\"metadata\":{\"name\":\"a\"}}",
			"{\"metadata\":{\"name\":\"a\",\"ownerReferences\":[{\"uid\":\"u1\"},{"
			"\"uid\":\"u2\"}]}}",
			false,
			"{\"metadata\":{\"name\":\"a\",\"ownerReferences\":[{\"uid\":\"u2\"}]}}"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct json *owner = agent_owner_new(arena, STR("h-1"), STR("u1"));
		struct json *has = agent_manifest_update(arena, parse(arena, rows[i].manifest),
			parse(arena, rows[i].live), owner, rows[i].is_owned);
		if ((has == NULL) != (rows[i].expected == NULL))
			fail_msg("%s", rows[i].name);
		if (has)
			same(arena, has, rows[i].expected);
		arena_free(arena);
	}
}

static void drift_is_what_the_manifest_says_and_the_object_does_not(void **state)
{
	static const struct {
		const char *manifest, *live;
		bool holds;
	} rows[] = {
		{"{\"spec\":{\"a\":1}}", "{\"spec\":{\"a\":1,\"b\":2},\"status\":{}}", true},
		{"{\"spec\":{\"a\":1}}", "{\"spec\":{\"a\":1.0}}", true},
		{"{\"spec\":{\"a\":1}}", "{\"spec\":{\"a\":2}}", false},
		{"{\"spec\":{\"a\":1}}", "{\"spec\":{}}", false},
		{"{\"spec\":{\"a\":null}}", "{\"spec\":{}}", true},
		{"{\"spec\":{\"a\":{}}}", "{\"spec\":{}}", true},
		{"{\"spec\":{\"a\":{\"b\":1}}}", "{\"spec\":{}}", false},
		{"{\"spec\":{\"l\":[{\"n\":1},{\"n\":2}]}}",
			"{\"spec\":{\"l\":[{\"n\":1,\"d\":0},{\"n\":2}]}}", true},
		{"{\"spec\":{\"l\":[1]}}", "{\"spec\":{\"l\":[1,2]}}", false},
		{"{\"spec\":{\"l\":[1,2]}}", "{\"spec\":{\"l\":[2,1]}}", false},
		{"{\"metadata\":{\"labels\":{\"a\":\"b\"}}}",
			"{\"metadata\":{\"labels\":{\"a\":\"b\",\"c\":\"d\"}}}", true},
		{"{\"metadata\":{\"labels\":{\"a\":\"b\"}}}", "{\"metadata\":{}}", false},
		{"{\"metadata\":{\"annotations\":{\"a-\":\"\"}}}",
			"{\"metadata\":{\"annotations\":{\"a\":\"b\"}}}", false},
		{"{\"status\":{\"a\":1}}", "{}", true},
		{"{\"data\":{\"a\":\"b\"}}", "{\"data\":{\"a\":\"c\"}}", false},
		{"{\"stringData\":{\"a\":\"b\"}}", "{\"data\":{\"a\":\"Yg==\"}}", true},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		if (agent_manifest_holds(parse(arena, rows[i].manifest),
			    parse(arena, rows[i].live)) != rows[i].holds)
			fail_msg("%s in %s", rows[i].manifest, rows[i].live);
		arena_free(arena);
	}
}

#define OBJECT                                                                                     \
	"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"spec\":{\"replicas\":2,\"f\":1.5,"  \
	"\"b\":true,\"n\":null,\"o\":{\"z\":1,\"a\":\"<&>\"},\"l\":[{\"i\":\"x\"},{\"i\":\"y\"}]}" \
	","                                                                                        \
	"\"status\":{\"readyReplicas\":1,\"replicas\":2}}"
#define PATH(name, path) \
	"{\"type\":\"JSONPaths\",\"jsonPaths\":[{\"name\":\"" name "\",\"path\":\"" path "\"}]}"

static void feedback_has_the_type_of_its_value(void **state)
{
	static const struct {
		const char *rules, *values;
		const char *error; /* NULL: none */
	} rows[] = {
		{"[" PATH("r", ".spec.replicas") "]",
			"[{\"name\":\"r\",\"fieldValue\":{\"type\":\"Integer\",\"integer\":2}}]",
			NULL},
		{"[" PATH("k", ".kind") "]",
			"[{\"name\":\"k\",\"fieldValue\":{\"type\":\"String\",\"string\":"
			"\"Deployment\"}}]",
			NULL},
		{"[" PATH("b", ".spec.b") "]",
			"[{\"name\":\"b\",\"fieldValue\":{\"type\":\"Boolean\",\"boolean\":true}}]",
			NULL},
		{"[" PATH("f", ".spec.f") "]",
			"[{\"name\":\"f\",\"fieldValue\":{\"type\":\"JsonRaw\",\"jsonRaw\":\"1.5\"}"
			"}]",
			NULL},
		{"[" PATH("o", ".spec.o") "]",
			"[{\"name\":\"o\",\"fieldValue\":{\"type\":\"JsonRaw\",\"jsonRaw\":"
			"\"{\\\"a\\\":\\\"\\\\u003c\\\\u0026\\\\u003e\\\",\\\"z\\\":1}\"}}]",
			NULL},
		{"[" PATH("l", ".spec.l[*].i") "]",
			"[{\"name\":\"l\",\"fieldValue\":{\"type\":\"JsonRaw\",\"jsonRaw\":"
			"\"[\\\"x\\\",\\\"y\\\"]\"}}]",
			NULL},
		{"[" PATH("n", ".spec.n") "," PATH("m", ".spec.missing") "]", "[]", NULL},
		{"[{\"type\":\"WellKnownStatus\"}]",
			"[{\"name\":\"ReadyReplicas\",\"fieldValue\":{\"type\":\"Integer\","
			"\"integer\":1}},{\"name\":\"Replicas\",\"fieldValue\":{\"type\":"
			"\"Integer\",\"integer\":2}}]",
			NULL},
		{"[" PATH("bad", ".spec[") "," PATH("r", ".spec.replicas") "]",
			"[{\"name\":\"r\",\"fieldValue\":{\"type\":\"Integer\",\"integer\":2}}]",
			"bad"},
		{"[{\"type\":\"JSONPaths\",\"jsonPaths\":[{\"name\":\"v\",\"version\":\"v2\","
		 "\"path\":\".kind\"}]}]",
			"[]", "not matched"},
		{"[{\"type\":\"JSONPaths\",\"jsonPaths\":[{\"name\":\"v\",\"version\":\"v1\","
		 "\"path\":\".kind\"}]}]",
			"[{\"name\":\"v\",\"fieldValue\":{\"type\":\"String\",\"string\":"
			"\"Deployment\"}}]",
			NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct json *values;
		struct str error;
		agent_feedback_read(
			arena, parse(arena, rows[i].rules), parse(arena, OBJECT), &values, &error);
		same(arena, values, rows[i].values);
		if (str_is_null(error) != (rows[i].error == NULL))
			fail_msg("row %zu: %.*s", i, STR_A(error));
		if (rows[i].error)
			assert_true(str_find(error, str_of(rows[i].error)) >= 0);
		arena_free(arena);
	}
}

static void a_kind_without_well_known_status_says_so(void **state)
{
	struct arena *arena = arena_new(0);
	struct json *values;
	struct str error;
	agent_feedback_read(arena, parse(arena, "[{\"type\":\"WellKnownStatus\"}]"),
		parse(arena, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}"), &values, &error);
	assert_true(str_eq_c(error,
		"cannot find the wellknown statuses for resource with gvk v1, Kind=ConfigMap"));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_matching_configuration_with_the_aspect_decides),
		cmocka_unit_test(what_cannot_be_honoured_is_not_applied),
		cmocka_unit_test(orphans_follow_the_delete_option),
		cmocka_unit_test(a_body_is_the_manifest_and_its_owner),
		cmocka_unit_test(an_update_merges_metadata_and_replaces_the_rest),
		cmocka_unit_test(drift_is_what_the_manifest_says_and_the_object_does_not),
		cmocka_unit_test(feedback_has_the_type_of_its_value),
		cmocka_unit_test(a_kind_without_well_known_status_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
