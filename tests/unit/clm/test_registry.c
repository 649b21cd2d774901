/*
 * The entity registry: what the shipped files say, and the sentence each mistake is answered with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "clm/registry_references.h"

#define SCHEMAS                                                                            \
	"openapi: 3.0.3\ncomponents:\n  schemas:\n    S: {type: object}\n    Bad: {type: " \
	"circle}\n"

static void mistakes_are_answered_in_words(void **state)
{
	static const struct {
		const char *entities;
		const char *sentence;
	} rows[] = {
		{"x: 1", "needs a list `entities:`"},
		{"entities: []", "needs a list `entities:`"},
		{"entities: [3]", "entity 1: must be a mapping"},
		{"entities: [{plural: as}]", "entity 1: kind is missing"},
		{"entities: [{kind: A}]", "entity \"A\": plural is missing"},
		{"entities: [{kind: A, plural: as, spec_schema: S}]",
			"line 1: entity 1: unknown key \"spec_schema\""},
		{"entities:\n- kind: A\n  plural: as\n  on_parent_delete:\n    orphan\n",
			"line 4: entity \"A\": on_parent_delete must be"},
		{"entities: [{kind: A, plural: A/b}]", "plural must be lower-case letters"},
		{"entities: [{kind: A, plural: resources}]", "entity \"A\": plural is reserved"},
		{"entities: [{kind: A, plural: openapi}]", "plural is reserved"},
		{"entities: [{kind: A, plural: statuses}]", "plural is reserved"},
		{"entities: [{kind: A, plural: as}, {kind: A, plural: bs}]",
			"entity \"A\": the kind is listed twice"},
		{"entities: [{kind: A, plural: as}, {kind: B, plural: as}]",
			"entity \"B\": its plural belongs to another kind"},
		{"entities: [{kind: A, plural: as, parent_kind: C}]",
			"entity \"A\": its parent_kind is not in the list"},
		{"entities: [{kind: A, plural: as, parent_kind: B}, {kind: B, plural: bs, "
		 "parent_kind: A}]",
			"its parents form a circle"},
		{"entities: [{kind: A, plural: as, parent_kind: A}]", "its parents form a circle"},
		{"entities: [{kind: A, plural: as, on_parent_delete: orphan}]",
			"on_parent_delete must be restrict or cascade"},
		{"entities: [{kind: A, plural: as, name_min_len: 5, name_max_len: 4}]",
			"name_max_len is less than name_min_len"},
		{"entities: [{kind: A, plural: as, name_max_len: 101}]",
			"name lengths must be numbers from 0 to 100"},
		{"entities: [{kind: A, plural: as, required_adapters: [x, x]}]",
			"required_adapters names one twice"},
		{"entities: [{kind: A, plural: as, required_adapters: x}]",
			"required_adapters must be a list"},
		{"entities: [{kind: A, plural: as, require_spec_schema: true}]",
			"its spec_schema_name is not among components.schemas"},
		{"entities: [{kind: A, plural: as, spec_schema_name: T, require_spec_schema: "
		 "true}]",
			"its spec_schema_name is not among components.schemas"},
		{"entities: [{kind: A, plural: as, spec_schema_name: Bad}]", "schema \"Bad\": "},
		{"entities: [{kind: A, plural: as, references: {}}]", "references must be a list"},
		{"entities: [{kind: A, plural: as, references: [x]}]",
			"entity \"A\": a reference must be a mapping"},
		{"entities: [{kind: A, plural: as, references: [{ref_type: x}]}]",
			"a reference needs ref_type and target_kind"},
		{"entities: [{kind: A, plural: as, references: [{ref_type: x, target_kind: A, "
		 "least: 1}]}]",
			"a reference has an unknown key \"least\""},
		{"entities: [{kind: A, plural: as, references: [{ref_type: x, target_kind: A, min: "
		 "-1}]}]",
			"min of reference \"x\" must be a number from 0 to 1000"},
		{"entities: [{kind: A, plural: as, references: [{ref_type: x, target_kind: A, min: "
		 "2, max: 1}]}]",
			"max of reference \"x\" is less than its min"},
		{"entities: [{kind: A, plural: as, references: [{ref_type: x, target_kind: A}, "
		 "{ref_type: x, target_kind: A}]}]",
			"reference \"x\" is listed twice"},
		{"entities: [{kind: A, plural: as, references: [{ref_type: x, target_kind: B}]}]",
			"the target_kind \"B\" of reference \"x\" is not in the list"},
		{"entities: [{kind: A, plural: as, references: [{ref_type: x, target_kind: A, min: "
		 "1}]}]",
			"entity \"A\": its required references lead into a circle"},
		{"entities: [{kind: A, plural: as, references: [{ref_type: x, target_kind: B, min: "
		 "1}]}, {kind: B, plural: bs, references: [{ref_type: y, target_kind: A, min: "
		 "1}]}]",
			"its required references lead into a circle"},
		{"entities: [{kind: A, plural: as, conditions: x}]", "conditions must be a list"},
		{"entities: [{kind: A, plural: as, conditions: [3]}]",
			"a condition must be a mapping"},
		{"entities: [{kind: A, plural: as, conditions: [{type: X, then: 1}]}]",
			"a condition: unknown key \"then\""},
		{"entities: [{kind: A, plural: as, conditions: [{when: {expression: 'true'}}]}]",
			"must have 1 to 100 characters"},
		{"entities: [{kind: A, plural: as, conditions: [{type: X, output: {status: "
		 "{expression: 'true'}}}]}]",
			"when must be {expression: a CEL expression}"},
		{"entities: [{kind: A, plural: as, conditions: [{type: X, when: {expression: '1 "
		 "+'}, output: {status: {expression: 'true'}}}]}]",
			"when: line 1"},
		{"entities: [{kind: A, plural: as, conditions: [{type: X, when: {expression: "
		 "'status'}, output: {status: {expression: 'true'}}}]}]",
			"undeclared reference to 'status'"},
		{"entities: [{kind: A, plural: as, conditions: [{type: X, when: {expression: '1'}, "
		 "output: {status: {expression: 'true'}}}]}]",
			"when must give a bool, gives int"},
		{"entities: [{kind: A, plural: as, conditions: [{type: X, when: {expression: "
		 "'true'}, output: {status: {expression: '1'}}}]}]",
			"output.status must give a bool or a string"},
		{"entities: [{kind: A, plural: as, conditions: [{type: X, when: {expression: "
		 "'true'}, output: {status: {expression: 'true'}, reason: {expression: "
		 "'false'}}}]}]",
			"output.reason must give a string"},
		{"entities: [{kind: A, plural: as, conditions: [{type: X, when: {expression: "
		 "'true'}, output: {status: {expression: 'true'}, x: 1}}]}]",
			"output: unknown key"},
		{"entities: [{kind: A, plural: as, conditions: [{type: X, when: {expression: "
		 "'true'}, output: {status: {expression: 'true'}}}, {type: X, when: {expression: "
		 "'true'}, output: {status: {expression: 'true'}}}]}]",
			"condition \"X\" is listed twice"},
		{"entities: [{kind: A, plural: as, conditions: [{type: Reconciled, when: "
		 "{expression: 'true'}, output: {status: {expression: 'true'}}}]}]",
			"is one that aggregation gives"},
		{"entities: [{kind: A, plural: as, conditions: [{type: ADnsSuccessful, when: "
		 "{expression: 'true'}, output: {status: {expression: 'true'}}}], "
		 "required_adapters: [a-dns]}]",
			"is one that aggregation gives"},
		{"entities: [", "the entity file"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct registry *registry = NULL;
		struct error err = {0};
		int result =
			registry_parse(&registry, str_of(rows[i].entities), STR(SCHEMAS), &err);

		if (result != -1 || registry != NULL)
			fail_msg("accepted: %s", rows[i].entities);
		if (strstr(err.message, rows[i].sentence) == NULL)
			fail_msg("%s: %s", rows[i].entities, err.message);
	}
}

static void a_schema_file_that_is_no_openapi_is_refused(void **state)
{
	struct registry *registry = NULL;
	struct error err = {0};

	assert_int_equal(registry_parse(&registry, STR("entities: [{kind: A, plural: as}]"),
				 STR("swagger: '2.0'"), &err),
		-1);
	assert_non_null(strstr(err.message, "not an OpenAPI 3.0 document"));
}

static void kinds_are_tied_together(void **state)
{
	struct registry *registry = NULL;
	const struct kind *cluster;
	const struct kind *pool;

	assert_int_equal(
		registry_parse(&registry,
			STR("entities:\n"
			    "  - {kind: NodePool, plural: nodepools, parent_kind: Cluster,\n"
			    "     on_parent_delete: cascade, required_adapters: [b, a]}\n"
			    "  - {kind: Cluster, plural: clusters, spec_schema_name: S}\n"
			    "  - {kind: Free, plural: frees, spec_schema_name: Missing}\n"),
			STR(SCHEMAS), NULL),
		0);
	cluster = registry_find(registry, STR("Cluster"));
	pool = registry_find_plural(registry, STR("nodepools"));
	assert_ptr_equal(pool->parent, cluster);
	assert_true(pool->is_cascading);
	assert_int_equal(cluster->child_count, 1);
	assert_ptr_equal(cluster->children[0], pool);
	assert_int_equal(pool->required_count, 2);
	assert_true(str_eq_c(pool->required_adapters[0], "b"));
	assert_int_equal(pool->name_max, REGISTRY_MAX_NAME);
	assert_non_null(cluster->schema);
	assert_null(pool->schema);
	assert_null(registry_find(registry, STR("Free"))->schema);
	assert_null(registry_find(registry, STR("cluster")));
	registry_free(registry);
}

static void references_are_tied_to_their_kinds(void **state)
{
	struct registry *registry = NULL;
	const struct kind *cluster;
	const struct reference_rule *rule;
	struct error err = {0};

	if (registry_parse(&registry,
		    STR("entities:\n"
			"  - kind: Cluster\n"
			"    plural: clusters\n"
			"    references:\n"
			"      - {ref_type: wif, target_kind: Wif, min: 1, max: 2}\n"
			"      - {ref_type: twin, target_kind: Cluster}\n"
			"  - {kind: Wif, plural: wifs, references: [{ref_type: c, target_kind: "
			"Cluster}]}\n"
			"  - {kind: Free, plural: frees, references: []}\n"),
		    STR(SCHEMAS), &err) != 0)
		fail_msg("%s", err.message);
	cluster = registry_find(registry, STR("Cluster"));
	rule = registry_find_rule(cluster, STR("wif"));
	assert_ptr_equal(rule->target, registry_find(registry, STR("Wif")));
	assert_int_equal(rule->min, 1);
	assert_int_equal(rule->max, 2);
	assert_ptr_equal(registry_find_rule(cluster, STR("twin"))->target, cluster);
	assert_null(registry_find_rule(cluster, STR("c")));
	assert_true(cluster->is_referenced && rule->target->is_referenced);
	assert_false(registry_find(registry, STR("Free"))->is_referenced);
	assert_true(registry->has_references);
	registry_free(registry);
}

/* --- the files that are shipped ----------------------------------------------------------------
 */

static int load_shipped(void **state)
{
	struct registry *registry = NULL;
	struct error err = {0};

	if (registry_load(&registry, REEVE_SOURCE_DIR "/config/entities.yaml",
		    REEVE_SOURCE_DIR "/config/openapi.yaml", &err) != 0) {
		fprintf(stderr, "%s\n", err.message);
		return -1;
	}
	*state = registry;
	return 0;
}

static void the_originals_kinds_are_shipped(void **state)
{
	struct registry *registry = NULL;
	const struct kind *kind;
	struct error err = {0};

	if (registry_load(&registry, REEVE_SOURCE_DIR "/config/clm.yaml",
		    REEVE_SOURCE_DIR "/config/openapi.yaml", &err) != 0)
		fail_msg("%s", err.message);
	assert_int_equal(registry->count, 5);
	kind = registry_find(registry, STR("NodePool"));
	assert_true(kind->is_cascading);
	assert_int_equal(kind->name_min, 3);
	assert_int_equal(kind->name_max, 15);
	assert_int_equal(kind->required_count, 2);
	assert_non_null(kind->schema);
	assert_false(registry_find(registry, STR("Version"))->is_cascading);
	assert_int_equal(registry_find(registry, STR("Cluster"))->required_count, 4);
	assert_true(registry_find(registry, STR("WifConfig"))->is_referenced);
	registry_free(registry);
}

static int free_shipped(void **state)
{
	registry_free(*state);
	return 0;
}

static void the_shipped_kinds_are_there(void **state)
{
	const struct registry *registry = *state;
	const struct kind *cluster = registry_find(registry, STR("Cluster"));

	assert_int_equal(registry->count, 2);
	assert_int_equal(cluster->required_count, 2);
	assert_int_equal(cluster->name_min, 3);
	assert_int_equal(cluster->name_max, 53);
	assert_non_null(cluster->schema);
	assert_non_null(registry_find_plural(registry, STR("management_clusters"))->schema);
	assert_non_null(strstr(registry->openapi.ptr, "\"ClusterSpec\""));
}

#define RELEASE "\"release\":{\"image\":\"quay.io/r:4.18\"}"
#define PLATFORM "\"platform\":{\"type\":\"AWS\",\"aws\":{\"region\":\"us-east-1\"}}"

static void specs_are_checked_with_the_path_of_the_mistake(void **state)
{
	static const struct {
		const char *kind;
		const char *spec;
		const char *field; /* NULL: conforms */
	} rows[] = {
		{"Cluster", "{\"hostedCluster\":{" RELEASE "," PLATFORM "}}", NULL},
		{"Cluster",
			"{\"hostedCluster\":{" RELEASE "," PLATFORM
			",\"services\":null,\"networking\":{\"clusterNetwork\":[{\"cidr\":"
			"\"10.132.0.0/14\",\"hostPrefix\":23}]},\"etcd\":{\"managementType\":"
			"\"Managed\",\"managed\":{\"storage\":{\"type\":\"PersistentVolume\","
			"\"persistentVolume\":{\"size\":\"8Gi\"}}}}},\"nodePools\":[{\"name\":"
			"\"workers\",\"nodePool\":{\"replicas\":2,\"platform\":{\"type\":\"AWS\","
			"\"aws\":{\"instanceType\":\"m6a.xlarge\",\"subnet\":{\"id\":\"s-1\"}}}}}],"
			"\"displayName\":\"x\",\"deleteProtection\":true,\"accountId\":\"1\","
			"\"properties\":{\"a\":\"b\"},\"expirationTimestamp\":"
			"\"2030-01-01T00:00:00Z\",\"creatorARN\":\"arn\",\"internalId\":\"i\"}",
			NULL},
		{"Cluster", "{}", "spec.hostedCluster"},
		{"Cluster", "{\"hostedCluster\":{" RELEASE "}}", "spec.hostedCluster.platform"},
		{"Cluster", "{\"hostedCluster\":{" RELEASE "," PLATFORM "},\"nodepools\":[]}",
			"spec.nodepools"},
		{"Cluster", "{\"hostedCluster\":{" RELEASE "," PLATFORM ",\"fip\":true}}",
			"spec.hostedCluster.fip"},
		{"Cluster",
			"{\"hostedCluster\":{" RELEASE "," PLATFORM
			"},\"nodePools\":[{\"name\":\"w\",\"nodePool\":{\"replicas\":\"2\"}}]}",
			"spec.nodePools[0].nodePool.replicas"},
		{"Cluster",
			"{\"hostedCluster\":{" RELEASE "," PLATFORM
			",\"networking\":{\"machineNetwork\":[{\"cidr\":\"10.0.0.0\"}]}}}",
			"spec.hostedCluster.networking.machineNetwork[0].cidr"},
		{"ManagementCluster",
			"{\"region\":\"us-east-1\",\"accountId\":\"123456789012\",\"capacity\":"
			"{\"hostedClusters\":64}}",
			NULL},
		{"ManagementCluster",
			"{\"region\":\"us-east-1\",\"accountId\":\"123456789012\",\"capacity\":"
			"{\"hostedClusters\":-1}}",
			"spec.capacity.hostedClusters"},
		{"ManagementCluster",
			"{\"region\":\"us-east-1\",\"accountId\":\"123456789012\",\"capacity\":"
			"{\"hostedClusters\":1},\"cordoned\":\"yes\"}",
			"spec.cordoned"},
	};
	const struct registry *registry = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		const struct kind *kind = registry_find(registry, str_of(rows[i].kind));
		struct schema_report report = {0};
		struct json *spec = NULL;
		bool conforms;

		assert_int_equal(json_parse(arena, str_of(rows[i].spec), NULL, &spec, NULL), 0);
		conforms = schema_validate(kind->schema, arena, STR("spec"), spec, &report);
		if (conforms != (rows[i].field == NULL))
			fail_msg("%s: %s", rows[i].spec,
				conforms ? "conforms" : report.items[0].field.ptr);
		if (!conforms && !str_eq_c(report.items[0].field, rows[i].field))
			fail_msg("%s: %" STR_F, rows[i].spec, STR_A(report.items[0].field));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_answered_in_words),
		cmocka_unit_test(a_schema_file_that_is_no_openapi_is_refused),
		cmocka_unit_test(kinds_are_tied_together),
		cmocka_unit_test(references_are_tied_to_their_kinds),
		cmocka_unit_test(the_originals_kinds_are_shipped),
		cmocka_unit_test_setup_teardown(
			the_shipped_kinds_are_there, load_shipped, free_shipped),
		cmocka_unit_test_setup_teardown(
			specs_are_checked_with_the_path_of_the_mistake, load_shipped, free_shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
