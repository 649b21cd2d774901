/*
 * Request bodies: each check of HyperFleet API v1 with its answer, in the order it makes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "clm/body.h"

#define NOW INT64_C(1700000000000000)

static int load(void **state)
{
	struct registry *registry = NULL;
	struct error err = {0};

	if (registry_parse(&registry,
		    STR("entities:\n"
			"  - {kind: Cluster, plural: clusters, spec_schema_name: ClusterSpec,\n"
			"     name_min_len: 3, name_max_len: 8}\n"
			"  - {kind: Free, plural: frees}\n"),
		    STR("openapi: 3.0.3\ncomponents:\n  schemas:\n    ClusterSpec:\n"
			"      type: object\n      additionalProperties: false\n"
			"      properties: {n: {type: integer, minimum: 1}}\n"),
		    &err) != 0) {
		fprintf(stderr, "%s\n", err.message);
		return -1;
	}
	*state = registry;
	return 0;
}

static int unload(void **state)
{
	registry_free(*state);
	return 0;
}

static void check(const char *body, bool ok, const struct problem_details *got,
	enum problem problem, const char *detail)
{
	if (ok != (detail == NULL))
		fail_msg("%s: %s %" STR_F, body, ok ? "accepted" : "refused",
			STR_A(ok ? STR_NULL : got->detail));
	if (!ok && (got->problem != problem || !str_eq_c(got->detail, detail)))
		fail_msg("%s: problem %d, %" STR_F, body, got->problem, STR_A(got->detail));
}

#define NAME_RULE                                                                              \
	"name must start and end with lowercase letter or number, and contain only lowercase " \
	"letters, numbers, and hyphens"

static void create_bodies_are_checked_in_order(void **state)
{
	static const struct {
		const char *body;
		enum problem problem;
		const char *detail; /* NULL: accepted */
	} rows[] = {
		{"{\"kind\":\"Cluster\",\"name\":\"abc\",\"spec\":{}}", 0, NULL},
		{"{\"KIND\":\"Cluster\",\"Name\":\"abc\",\"spec\":{},\"unknown\":1}", 0, NULL},
		{"{\"kind\":\"X\",\"kind\":\"Cluster\",\"name\":\"abc\",\"spec\":{}}", 0, NULL},
		{"{\"kind\":\"Cluster\",\"name\":\"abc\",\"spec\":{},\"labels\":null}", 0, NULL},
		{"", PROBLEM_MALFORMED, "Invalid JSON in request body"},
		{"{", PROBLEM_MALFORMED, "Invalid JSON in request body"},
		{"[]", PROBLEM_MALFORMED, "Invalid JSON in request body"},
		{"{\"spec\":3}", PROBLEM_VALIDATION, "spec field must be an object"},
		{"{\"name\":\"\",\"spec\":{\"n\":0}}", PROBLEM_VALIDATION, "Invalid ClusterSpec"},
		{"{\"kind\":7}", PROBLEM_VALIDATION, "field 'kind' must be a string"},
		{"{\"kind\":\"Cluster\",\"labels\":[]}", PROBLEM_VALIDATION,
			"field 'labels' must be an object"},
		{"{\"kind\":\"Cluster\",\"labels\":{\"a\":1}}", PROBLEM_VALIDATION,
			"field 'labels.a' must be a string"},
		{"{}", PROBLEM_VALIDATION, "kind is required"},
		{"{\"kind\":\"Free\"}", PROBLEM_VALIDATION, "kind must be 'Cluster'"},
		{"{\"kind\":\"Cluster\"}", PROBLEM_VALIDATION, "name is required"},
		{"{\"kind\":\"Cluster\",\"name\":\"ab\"}", PROBLEM_VALIDATION,
			"name must be at least 3 characters"},
		{"{\"kind\":\"Cluster\",\"name\":\"abcdefghi\"}", PROBLEM_VALIDATION,
			"name must be at most 8 characters"},
		{"{\"kind\":\"Cluster\",\"name\":\"Abc\"}", PROBLEM_VALIDATION, NAME_RULE},
		{"{\"kind\":\"Cluster\",\"name\":\"abc-\"}", PROBLEM_VALIDATION, NAME_RULE},
		{"{\"kind\":\"Cluster\",\"name\":\"abc\"}", PROBLEM_VALIDATION, "spec is required"},
		{"{\"kind\":\"Cluster\",\"name\":\"abc\",\"spec\":null}", PROBLEM_VALIDATION,
			"spec is required"},
		{"{\"kind\":\"Cluster\",\"name\":\"abc\",\"spec\":{},\"labels\":{\"-a\":\"x\"}}",
			PROBLEM_VALIDATION, "label validation failed"},
		{"{\"kind\":\"Cluster\",\"name\":\"abc\",\"spec\":{},\"references\":{\"w\":[]}}",
			PROBLEM_VALIDATION, "unknown reference type 'w'"},
	};
	const struct registry *registry = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct problem_details problem = {0};
		struct create_body body;
		bool ok = body_parse_create(arena, registry, &registry->kinds[0],
			str_of(rows[i].body), &body, &problem);

		check(rows[i].body, ok, &problem, rows[i].problem, rows[i].detail);
	}
}

static void documents_come_out_canonical(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	const struct registry *registry = *state;
	struct problem_details problem = {0};
	struct create_body body;

	assert_true(body_parse_create(arena, registry, NULL,
		STR("{\"kind\":\"Free\",\"name\":\"x\",\"spec\":{ \"b\" : 1.50 , \"a\":[1, 2]},"
		    "\"labels\":{\"z\":\"1\",\"a.b/c\":\"\"}}"),
		&body, &problem));
	assert_ptr_equal(body.kind, &registry->kinds[1]);
	assert_true(str_eq_c(body.spec, "{\"a\":[1,2],\"b\":1.50}"));
	assert_true(str_eq_c(body.labels, "{\"a.b/c\":\"\",\"z\":\"1\"}"));
	assert_false(body_parse_create(arena, registry, NULL,
		STR("{\"kind\":\"What\",\"name\":\"x\",\"spec\":{}}"), &body, &problem));
	assert_true(str_eq_c(problem.detail, "Unknown entity kind: What"));
}

static void schema_errors_name_the_field(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	const struct registry *registry = *state;
	struct problem_details problem = {0};
	struct create_body body;

	assert_false(body_parse_create(arena, registry, &registry->kinds[0],
		STR("{\"spec\":{\"n\":0,\"m\":1}}"), &body, &problem));
	assert_int_equal(problem.violation_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct violation *violation = &problem.violations[i];

		assert_true(str_eq_c(violation->field, "spec.n") ||
			    str_eq_c(violation->field, "spec.m"));
		if (str_eq_c(violation->field, "spec.n"))
			assert_true(str_eq_c(violation->constraint, "min"));
	}
}

static void labels_follow_their_alphabet(void **state)
{
	static const struct {
		const char *key;
		const char *value;
		const char *field; /* NULL: accepted */
	} rows[] = {
		{"a", "b", NULL},
		{"A.b_c-9", "", NULL},
		{"example.com/name", "x.Y_z-1", NULL},
		{"", "x", "labels"},
		{"a b", "x", "labels"},
		{"-a", "x", "labels"},
		{"a-", "x", "labels"},
		{"Example.com/a", "x", "labels"},
		{"/a", "x", "labels"},
		{"a/", "x", "labels"},
		{"a/b/c", "x", "labels"},
		{"a..b/c", "x", "labels"},
		{"a", "-x", "labels[a]"},
		{"a", "x y", "labels[a]"},
		{"a123456789012345678901234567890123456789012345678901234567890123", "x", "labels"},
		{"a", "a123456789012345678901234567890123456789012345678901234567890123",
			"labels[a]"},
	};
	const struct registry *registry = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct problem_details problem = {0};
		struct patch_body body;
		struct str text = arena_printf(
			arena, "{\"labels\":{\"%s\":\"%s\"}}", rows[i].key, rows[i].value);
		bool ok = body_parse_patch(arena, &registry->kinds[0], text, &body, &problem);

		if (ok != (rows[i].field == NULL))
			fail_msg("%s=%s is %s", rows[i].key, rows[i].value,
				ok ? "accepted" : "refused");
		if (!ok && (!str_eq_c(problem.violations[0].field, rows[i].field) ||
				   !str_eq_c(problem.violations[0].constraint, "pattern")))
			fail_msg("%s=%s: %" STR_F, rows[i].key, rows[i].value,
				STR_A(problem.violations[0].field));
	}
}

static void patch_bodies_are_checked(void **state)
{
	static const struct {
		const char *body;
		enum problem problem;
		const char *detail;
	} rows[] = {
		{"{\"spec\":{\"n\":1}}", 0, NULL},
		{"{\"labels\":{}}", 0, NULL},
		{"{\"references\":{}}", 0, NULL},
		{"", PROBLEM_MALFORMED, "Invalid JSON in request body"},
		{"{}", PROBLEM_BAD_REQUEST, "at least one field must be provided for update"},
		{"{\"spec\":null}", PROBLEM_BAD_REQUEST,
			"at least one field must be provided for update"},
		{"{\"spec\":{},\"name\":\"x\"}", PROBLEM_MALFORMED,
			"Invalid request format: json: unknown field \"name\""},
		{"{\"spec\":{\"x\":1}}", PROBLEM_VALIDATION, "Invalid ClusterSpec"},
		{"{\"spec\":[]}", PROBLEM_VALIDATION, "spec field must be an object"},
		{"{\"labels\":\"x\"}", PROBLEM_VALIDATION, "field 'labels' must be an object"},
	};
	const struct registry *registry = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct problem_details problem = {0};
		struct patch_body body;
		bool ok = body_parse_patch(
			arena, &registry->kinds[0], str_of(rows[i].body), &body, &problem);

		check(rows[i].body, ok, &problem, rows[i].problem, rows[i].detail);
	}
}

#define STATUS(rest) "{\"adapter\":\"a\",\"observed_generation\":1" rest "}"

static void status_bodies_are_checked(void **state)
{
	static const struct {
		const char *body;
		enum problem problem;
		const char *detail;
	} rows[] = {
		{STATUS(""), 0, NULL},
		{STATUS(",\"conditions\":[{\"type\":\"A\",\"status\":\"Unknown\"}]"), 0, NULL},
		{STATUS(",\"observed_time\":\"2023-11-14T22:18:20Z\""), 0, NULL},
		{STATUS(",\"observed_time\":\"2023-11-14T21:43:20Z\""), 0, NULL},
		{"", PROBLEM_MALFORMED, "Request body is required but was empty"},
		{"[]", PROBLEM_MALFORMED,
			"Invalid request format: the body is an array instead of an object"},
		{"{}", PROBLEM_VALIDATION, "adapter is required"},
		{"{\"adapter\":\"a\"}", PROBLEM_VALIDATION, "observed_generation must be >= 1"},
		{"{\"adapter\":\"a\",\"observed_generation\":0}", PROBLEM_VALIDATION,
			"observed_generation must be >= 1"},
		{STATUS(",\"data\":3"), PROBLEM_VALIDATION, "field 'data' must be an object"},
		{STATUS(",\"conditions\":[{\"status\":\"True\"}]"), PROBLEM_VALIDATION,
			"condition type cannot be empty at index 0"},
		{STATUS(",\"conditions\":[{\"type\":\"A\",\"status\":\"True\"},"
			"{\"type\":\"A\",\"status\":\"True\"}]"),
			PROBLEM_VALIDATION, "duplicate condition type 'A' at index 1"},
		{STATUS(",\"conditions\":[{\"type\":\"A\",\"status\":\"true\"}]"),
			PROBLEM_VALIDATION,
			"invalid status value 'true' for condition at index 0 (type: A): must be "
			"'True', 'False', or 'Unknown'"},
		{STATUS(",\"observed_time\":\"2023-11-14T22:18:20.000001Z\""), PROBLEM_VALIDATION,
			"observed_time must not be more than 5m0s in the future"},
		{STATUS(",\"observed_time\":\"2023-11-14T21:43:19.999999Z\""), PROBLEM_VALIDATION,
			"observed_time must not be more than 30m0s in the past"},
		{STATUS(",\"observed_time\":\"yesterday\""), PROBLEM_MALFORMED,
			"Invalid request format: observed_time \"yesterday\" is not in the form of "
			"RFC 3339"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct problem_details problem = {0};
		struct report report;
		bool ok = body_parse_status(arena, str_of(rows[i].body), NOW, &report, &problem);

		check(rows[i].body, ok, &problem, rows[i].problem, rows[i].detail);
	}
}

static void a_report_without_time_is_of_now(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct problem_details problem = {0};
	struct report report;

	assert_true(body_parse_status(arena, STR(STATUS("")), NOW, &report, &problem));
	assert_int_equal(report.last_report_us, NOW);
	assert_true(str_eq_c(report.data, "{}"));
	assert_true(str_is_null(report.metadata));
}

static void an_adapters_name_has_a_limit(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct problem_details problem = {0};
	struct report report;
	char name[BODY_MAX_ADAPTER + 2] = {0};
	const char *form = "{\"adapter\":\"%s\",\"observed_generation\":1}";

	memset(name, 'a', BODY_MAX_ADAPTER);
	assert_true(
		body_parse_status(arena, arena_printf(arena, form, name), NOW, &report, &problem));
	assert_int_equal(report.adapter.len, BODY_MAX_ADAPTER);
	name[BODY_MAX_ADAPTER] = 'a';
	assert_false(
		body_parse_status(arena, arena_printf(arena, form, name), NOW, &report, &problem));
	assert_int_equal(problem.problem, PROBLEM_VALIDATION);
}

static void force_delete_wants_a_reason(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct problem_details problem = {0};
	struct str reason;
	char long_reason[BODY_MAX_REASON + 2] = {0};

	memset(long_reason, 'x', BODY_MAX_REASON);
	assert_true(body_parse_force_delete(
		arena, arena_printf(arena, "{\"reason\":\"%s\"}", long_reason), &reason, &problem));
	long_reason[BODY_MAX_REASON] = 'x';
	assert_false(body_parse_force_delete(
		arena, arena_printf(arena, "{\"reason\":\"%s\"}", long_reason), &reason, &problem));
	assert_false(body_parse_force_delete(arena, STR("{\"reason\":\" \"}"), &reason, &problem));
	assert_true(str_eq_c(problem.detail, "reason is required"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_bodies_are_checked_in_order),
		cmocka_unit_test(documents_come_out_canonical),
		cmocka_unit_test(schema_errors_name_the_field),
		cmocka_unit_test(labels_follow_their_alphabet),
		cmocka_unit_test(patch_bodies_are_checked),
		cmocka_unit_test(status_bodies_are_checked),
		cmocka_unit_test(an_adapters_name_has_a_limit),
		cmocka_unit_test(a_report_without_time_is_of_now),
		cmocka_unit_test(force_delete_wants_a_reason),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
