/*
 * The API's description: what each kind adds to it, and names that could be mistaken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "clm/describe.h"

static struct json *describe(struct arena *arena, const char *entities, const char *schemas)
{
	struct registry *registry = NULL;
	struct json *document = NULL;
	struct str text = STR_NULL;
	struct error err = {0};

	if (registry_parse(&registry, str_of(entities), str_of(schemas), &err) != 0 ||
		describe_api(arena, registry, &text, &err) != 0 ||
		json_parse(arena, text, NULL, &document, &err) != 0)
		fail_msg("%s", err.message);
	registry_free(registry);
	return document;
}

static void assert_ref(const struct json *object, const char *expected)
{
	if (!str_eq_c(json_get_text(object, "$ref"), expected))
		fail_msg(
			"%" STR_F " instead of %s", STR_A(json_get_text(object, "$ref")), expected);
}

static const struct json *spec_of(const struct json *document, const char *kind)
{
	const struct json *schema =
		json_find(document, "components", "schemas", kind, "allOf", NULL);

	return json_find(json_at(schema, 1), "properties", "spec", NULL);
}

static void a_child_kind_is_described_flat_and_nested(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	const struct json *paths = json_get(describe(arena,
						    "entities:\n  - {kind: A, plural: as}\n"
						    "  - {kind: B, plural: bs, parent_kind: A}\n",
						    "openapi: 3.0.3\n"),
		"paths");

	assert_non_null(json_find(paths, "/as", "post", NULL));
	assert_non_null(json_find(paths, "/as/{id}/statuses", "put", NULL));
	assert_non_null(json_find(paths, "/bs", "get", NULL));
	assert_null(json_find(paths, "/bs", "post", NULL));
	assert_non_null(json_find(paths, "/as/{parent_id}/bs", "post", NULL));
	assert_null(json_get(paths, "/as/{id}/placement"));
	assert_true(str_eq_c(json_get_text(json_find(paths, "/as/{parent_id}/bs/{id}", "get", NULL),
				     "operationId"),
		"get_as_bs"));
	assert_non_null(json_find(paths, "/as", "get", "responses", "503", NULL));
}

static void what_a_spec_refers_to_is_taken_along(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	const struct json *document = describe(arena,
		"entities:\n"
		"  - {kind: A, plural: as, spec_schema_name: ASpec}\n"
		"  - {kind: B, plural: bs}\n"
		"  - {kind: C, plural: cs, spec_schema_name: Missing}\n",
		"openapi: 3.0.3\n"
		"components:\n"
		"  schemas:\n"
		"    ASpec:\n"
		"      type: object\n"
		"      properties:\n"
		"        tree: {$ref: '#/components/schemas/Tree'}\n"
		"        problem: {$ref: '#/components/schemas/Problem'}\n"
		"    Tree:\n"
		"      type: object\n"
		"      properties:\n"
		"        below: {type: array, items: {$ref: '#/components/schemas/Tree'}}\n"
		"    Problem: {type: string, description: another}\n"
		"    Unused: {type: string}\n");
	const struct json *schemas = json_find(document, "components", "schemas", NULL);
	const struct json *properties = json_find(schemas, "ASpec", "properties", NULL);

	assert_ref(spec_of(document, "A"), "#/components/schemas/ASpec");
	assert_ref(json_get(properties, "tree"), "#/components/schemas/Tree");
	assert_ref(json_find(schemas, "Tree", "properties", "below", "items", NULL),
		"#/components/schemas/Tree");
	/* Not the API's own Problem. */
	assert_ref(json_get(properties, "problem"), "#/components/schemas/Operator.Problem");
	assert_true(str_eq_c(
		json_get_text(json_get(schemas, "Operator.Problem"), "description"), "another"));
	assert_true(
		json_is(json_find(schemas, "Problem", "properties", "code", NULL), JSON_OBJECT));
	assert_null(json_get(schemas, "Unused"));
	assert_ref(spec_of(document, "B"), "#/components/schemas/AnySpec");
	assert_ref(spec_of(document, "C"), "#/components/schemas/AnySpec");
}

static void a_kind_cannot_have_the_name_of_another_schema(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct registry *registry = NULL;
	struct str text = STR_NULL;
	struct error err = {0};

	assert_int_equal(registry_parse(&registry, STR("entities: [{kind: Problem, plural: ps}]"),
				 STR("openapi: 3.0.3\n"), NULL),
		0);
	assert_int_equal(describe_api(arena, registry, &text, &err), -1);
	assert_non_null(strstr(err.message,
		"entity \"Problem\": the API's description has a schema \"Problem\" already; "
		"rename the kind"));
	registry_free(registry);
}

static void marks_in_names_stay_what_they_are(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	const struct json *document = describe(
		arena, "entities: [{kind: 'a<kind><spec>', plural: as}]", "openapi: 3.0.3\n");

	assert_non_null(json_find(document, "components", "schemas", "a<kind><spec>", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_kind_is_described_flat_and_nested),
		cmocka_unit_test(what_a_spec_refers_to_is_taken_along),
		cmocka_unit_test(a_kind_cannot_have_the_name_of_another_schema),
		cmocka_unit_test(marks_in_names_stay_what_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
