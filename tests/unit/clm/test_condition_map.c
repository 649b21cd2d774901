/*
 * Conditions by CEL: what expressions see, what becomes of their results, and when times move.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "clm/condition_map.h"
#include "clm/registry_conditions.h"

#define UPDATED 2000 /* updated_us of the resource */

static int run(struct arena *arena, const char *mappings, const struct condition_list *previous,
	struct condition_list *ret, struct error *err)
{
	struct reported_condition said[] = {{STR("Available"), STR("True"), STR("R"), STR_NULL, 5}};
	struct reported_condition unsure[] = {
		{STR("Available"), STR("True"), STR("R"), STR("m"), 5},
		{STR("More"), STR("Unknown"), STR_NULL, STR_NULL, 5}};
	struct report items[] = {
		{.adapter = STR("dns"),
			.observed_generation = 2,
			.conditions = said,
			.condition_count = 1,
			.data = STR("{\"ready\":true,\"word\":\"fAlSe\",\"apiKey\":\"hidden\"}")},
		{.adapter = STR("unsure"),
			.observed_generation = 3,
			.conditions = unsure,
			.condition_count = 2,
			.data = STR("{}")},
	};
	const struct report_list reports = {items, 2};
	const struct resource resource = {
		.id = STR("id-1"),
		.kind = STR("Cluster"),
		.name = STR("c"),
		.href = STR("/clusters/id-1"),
		.tenancy = STR("{\"org\":\"o\"}"),
		.spec = STR("{\"n\":3,\"ssh_auth\":{\"a\":1}}"),
		.labels = STR("{\"l\":\"x\"}"),
		.conditions = STR("[]"),
		.generation = 3,
		.created_us = 1000,
		.updated_us = UPDATED,
	};
	struct kind kind = {.name = STR("Cluster")};
	struct json *document;

	assert_int_equal(json_parse(arena, str_of(mappings), NULL, &document, err), 0);
	assert_int_equal(registry_read_conditions(arena, document, &kind, err), 0);
	return condition_map_apply(kind.mappings, kind.mapping_count, arena, &resource, &reports,
		previous, MAPPING_FAILS, ret, err);
}

#define MAPPING(type, when, status, rest)                         \
	"{\"type\":\"" type "\",\"when\":{\"expression\":\"" when \
	"\"},\"output\":{\"status\":{\"expression\":\"" status "\"}" rest "}}"
#define MESSAGE(text) ",\"message\":{\"expression\":\"" text "\"}"
#define REASON(text) ",\"reason\":{\"expression\":\"" text "\"}"

/* One mapping, X; '-' for no condition, 'E' for an error with `text` in it. */
static void each_result_becomes_what_is_said(void **state)
{
	static const struct {
		const char *mapping;
		char status;
		const char *text; /* the message */
	} rows[] = {
		{MAPPING("X", "true", "true", ""), 'T', ""},
		{MAPPING("X", "true", "'fALSE'", ""), 'F', ""},
		{MAPPING("X", "true", "statuses[0].data.word", ""), 'F', ""},
		{MAPPING("X", "true", "statuses[0].data.ready", ""), 'T', ""},
		{MAPPING("X", "false", "statuses[9].data", ""), '-', ""},
		{MAPPING("X", "true", "'Unknown'", ""), 'E', "status: is neither True nor False"},
		{MAPPING("X", "true", "resource.spec.n", ""), 'E', "status: is neither"},
		{MAPPING("X", "resource.spec.n", "true", ""), 'E', "when: "},
		{MAPPING("X", "statuses[9].adapter == ''", "true", ""), 'E', "when: "},
		{MAPPING("X", "true", "true", REASON("resource.spec.n")), 'E',
			"reason: is not text"},
		{MAPPING("X", "true", "true", MESSAGE("resource.nothing")), 'E', "message: "},
		/* What they see. */
		{MAPPING("X", "size(statuses) == 1", "true", MESSAGE("statuses[0].adapter")), 'T',
			"dns"},
		{MAPPING("X", "statuses[0].observed_generation == 2.0", "true",
			 MESSAGE("toJson(statuses[0].conditions)")),
			'T',
			"[{\"message\":\"\",\"reason\":\"R\",\"status\":\"True\",\"type\":"
			"\"Available\"}]"},
		{MAPPING("X", "resource.generation == 3.0", "true",
			 MESSAGE("resource.ID + resource.kind + resource.name + resource.href + "
				 "resource.tenancy.org")),
			'T', "id-1Clusterc/clusters/id-1o"},
		{MAPPING("X", "'labels' in resource || 'status' in resource", "true", ""), '-', ""},
		{MAPPING("X", "true", "true", MESSAGE("statuses[0].data.apiKey")), 'T',
			"***REDACTED***"},
		{MAPPING("X", "true", "true", MESSAGE("resource.spec.ssh_auth")), 'T',
			"***REDACTED***"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		const struct condition_list none = {0};
		struct condition_list got = {0};
		struct error err = {0};
		struct str text = arena_printf(arena, "[%s]", rows[i].mapping);
		int result = run(arena, text.ptr, &none, &got, &err);

		if ((result != 0) != (rows[i].status == 'E'))
			fail_msg("%s: %s", rows[i].mapping, err.message);
		if (result != 0) {
			assert_int_equal(err.code, ERROR_INTERNAL);
			assert_int_equal(got.count, 0);
			if (strstr(err.message, rows[i].text) == NULL)
				fail_msg("%s: %s", rows[i].mapping, err.message);
			continue;
		}
		if (got.count != (rows[i].status == '-' ? 0 : 1))
			fail_msg("%s: %zu conditions", rows[i].mapping, got.count);
		if (got.count == 1 && (got.items[0].is_true != (rows[i].status == 'T') ||
					      !str_eq_c(got.items[0].message, rows[i].text)))
			fail_msg("%s: %d \"%" STR_F "\"", rows[i].mapping, got.items[0].is_true,
				STR_A(got.items[0].message));
	}
}

static void they_follow_what_is_there_by_type(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct condition before[] = {{.type = STR("Reconciled")}};
	struct condition_list got = {before, 1};
	const struct condition_list none = {0};

	assert_int_equal(run(arena,
				 "[" MAPPING("Z", "true", "true", "") "," MAPPING(
					 "A", "true", "true", "") "]",
				 &none, &got, NULL),
		0);
	assert_int_equal(got.count, 3);
	assert_true(str_eq_c(got.items[0].type, "Reconciled"));
	assert_true(str_eq_c(got.items[1].type, "A"));
	assert_true(str_eq_c(got.items[2].type, "Z"));
}

static void times_are_the_resources_and_kept_with_the_status(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct condition before[] = {
		{.type = STR("Same"),
			.is_true = true,
			.observed_generation = 1,
			.created_us = 10,
			.last_updated_us = 11,
			.last_transition_us = 12},
		{.type = STR("Turned"),
			.is_true = true,
			.observed_generation = 1,
			.created_us = 20,
			.last_updated_us = 21,
			.last_transition_us = 22},
	};
	const struct condition_list previous = {before, 2};
	static const struct {
		int64_t created;
		int64_t transition;
	} rows[] = {{UPDATED, UPDATED}, {10, 12}, {20, UPDATED}}; /* New, Same, Turned */
	struct condition_list got = {0};

	assert_int_equal(
		run(arena,
			"[" MAPPING("Same", "true", "true", "") "," MAPPING("Turned", "true",
				"false", "") "," MAPPING("New", "true", "true", "") "]",
			&previous, &got, NULL),
		0);
	assert_int_equal(got.count, 3);
	for (size_t i = 0; i < got.count; i++) {
		assert_int_equal(got.items[i].observed_generation, 3);
		assert_int_equal(got.items[i].last_updated_us, UPDATED);
		assert_int_equal(got.items[i].created_us, rows[i].created);
		assert_int_equal(got.items[i].last_transition_us, rows[i].transition);
	}
}

/* Three loops in each other: as many steps as items to the third power, in each of three
 * expressions. */
static void each_expression_has_its_own_limit_of_cost(void **state)
{
	static const struct {
		const char *numbers; /* what each loop runs over */
		bool fits;
	} rows[] = {{"[1,2,3,4,5,6,7,8,9,0]", true},
		{"[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0]", false}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		const struct condition_list none = {0};
		struct condition_list got = {0};
		struct error err = {0};
		const char *n = rows[i].numbers;
		struct str costly =
			arena_printf(arena, "%s.all(a, %s.all(b, %s.all(c, true)))", n, n, n);
		struct str text = arena_printf(arena,
			"[{\"type\":\"X\",\"when\":{\"expression\":\"%s\"},\"output\":{\"status\":"
			"{\"expression\":\"%s\"},\"reason\":{\"expression\":\"%s ? 'r' : ''\"}}}]",
			costly.ptr, costly.ptr, costly.ptr);

		assert_int_equal(run(arena, text.ptr, &none, &got, &err) == 0, rows[i].fits);
		assert_int_equal(got.count, rows[i].fits ? 1 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_result_becomes_what_is_said),
		cmocka_unit_test(they_follow_what_is_there_by_type),
		cmocka_unit_test(times_are_the_resources_and_kept_with_the_status),
		cmocka_unit_test(each_expression_has_its_own_limit_of_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
