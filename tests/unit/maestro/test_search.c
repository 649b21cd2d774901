/*
 * test_search.c - tests src/maestro/search.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "maestro/search.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define L "json_extract(metadata, "

static void searches_become_conditions_with_bound_values(void **state)
{
	static const struct {
		enum search_table table;
		const char *search;
		const char *condition;
		const char *values; /* joined with | */
	} rows[] = {
		{SEARCH_BUNDLES, "", "1 = 1", ""},
		{SEARCH_BUNDLES, "   ", "1 = 1", ""},
		/* What the official client emits. */
		{SEARCH_BUNDLES, "source='S'", "source = $1", "S"},
		{SEARCH_BUNDLES, "source='S' and consumer_name='C'",
			"source = $1 AND consumer_name = $2", "S|C"},
		{SEARCH_BUNDLES, "source='S' and (consumer_name='a' or consumer_name='b')",
			"source = $1 AND (consumer_name = $2 OR consumer_name = $3)", "S|a|b"},
		{SEARCH_BUNDLES,
			"source='S' and "
			"payload->'metadata'->'labels'@>'{\"a\":\"b\",\"c.d/e\":\"f\"}'",
			"source = $1 AND (" L "$2) = $3 AND " L "$4) = $5)",
			"S|$.\"labels\".\"a\"|b|$.\"labels\".\"c.d/e\"|f"},
		{SEARCH_BUNDLES, "payload->'metadata'->'labels'->>'a'<>'b'", L "$1) <> $2",
			"$.\"labels\".\"a\"|b"},
		{SEARCH_BUNDLES, "payload->'metadata'->'labels'->>'a'<>null", L "$1) <> $2",
			"$.\"labels\".\"a\"|null"},
		{SEARCH_BUNDLES, "payload->'metadata'->'labels'->>'env'in('a','b')",
			L "$1) IN ($2, $3)", "$.\"labels\".\"env\"|a|b"},
		{SEARCH_BUNDLES,
			"payload->'metadata'->'labels'->>'env'<>'a' and "
			"payload->'metadata'->'labels'->>'env'<>'b'",
			L "$1) <> $2 AND " L "$3) <> $4",
			"$.\"labels\".\"env\"|a|$.\"labels\".\"env\"|b"},
		/* TSL. */
		{SEARCH_BUNDLES, "id in ('a', 'b')", "id IN ($1, $2)", "a|b"},
		{SEARCH_BUNDLES, "ID NOT IN ('a')", "id NOT IN ($1)", "a"},
		{SEARCH_BUNDLES, "resources.name = 'x'", "id = $1", "x"},
		{SEARCH_BUNDLES, "name != 'it''s'", "id <> $1", "it's"},
		{SEARCH_BUNDLES, "source='it\\'s'", "source = $1", "it's"},
		{SEARCH_BUNDLES, "not (version >= 3)", "NOT (version >= $1)", "3"},
		{SEARCH_BUNDLES, "deleted_at is not null or deleted_at is null",
			"NULLIF(deleted_us, 0) IS NOT NULL OR NULLIF(deleted_us, 0) IS NULL", ""},
		{SEARCH_BUNDLES, "created_at > '1970-01-01T00:00:01Z'", "created_us > $1",
			"1000000"},
		{SEARCH_CONSUMERS, "name='a' and labels->>'env'='dev'",
			"name = $1 AND json_extract(labels, $2) = $3", "a|$.\"env\"|dev"},
		{SEARCH_BUNDLES, "payload->'metadata'->'labels'@>'{}'", "1 = 1", ""},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(0);
		struct search search;
		struct str values = STR("");
		struct error err = {0};

		if (search_compile(arena, str_of(rows[i].search), rows[i].table, &search, &err) !=
			0)
			fail_msg("%s: %s", rows[i].search, err.message);
		for (size_t j = 0; j < search.count; j++) {
			struct str value = search.values[j].text;

			if (search.values[j].type == SQL_INTEGER)
				value = arena_printf(
					arena, "%lld", (long long)search.values[j].integer);
			values = arena_printf(arena, "%" STR_F "%s%" STR_F, STR_A(values),
				j == 0 ? "" : "|", STR_A(value));
		}
		if (!str_eq_c(search.condition, rows[i].condition))
			fail_msg("%s: %" STR_F, rows[i].search, STR_A(search.condition));
		if (!str_eq_c(values, rows[i].values))
			fail_msg("%s: %" STR_F, rows[i].search, STR_A(values));
		arena_free(arena);
	}
}

static void what_is_no_search_is_refused_in_words(void **state)
{
	static const char *const rows[][2] = {
		{"source", "Failed to parse search query: an operator is missing at character 7 "
			   "of: source"},
		{"source='a", "Failed to parse search query: a quote that is not closed at "
			      "character 8 of: "
			      "source='a"},
		{"nothing='a'", "Failed to parse search query: a column that is not known at "
				"character 1 of: "
				"nothing='a'"},
		{"(source='a'", "Failed to parse search query: ) is missing at character 12 of: "
				"(source='a'"},
		{"source='a' source='b'", "Failed to parse search query: something unexpected at "
					  "character 12 of: source='a' "
					  "source='b'"},
		{"version=x",
			"Failed to parse search query: not a number at character 10 of: version=x"},
		{"1=1; drop table bundles", "Failed to parse search query: a column is missing at "
					    "character 1 of: 1=1; drop "
					    "table bundles"},
		{"payload='a'", "Failed to parse search query: a step into the payload is missing "
				"at character 8 "
				"of: payload='a'"},
		{"labels->>'a'='b'", "Failed to parse search query: a column that is not known at "
				     "character 1 of: "
				     "labels->>'a'='b'"},
		{"source @> '{}'", "Failed to parse search query: @> on something that is not an "
				   "object at character "
				   "11 of: source @> '{}'"},
		{"payload->'metadata'->>'a\"b'='x'", "Failed to parse search query: a member that "
						     "cannot be looked for at character 28 "
						     "of: payload->'metadata'->>'a\"b'='x'"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(0);
		struct search search;
		struct error err = {0};

		assert_int_equal(
			search_compile(arena, str_of(rows[i][0]), SEARCH_BUNDLES, &search, &err),
			-1);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_string_equal(err.message, rows[i][1]);
		arena_free(arena);
	}
}

static void nesting_and_values_have_a_limit(void **state)
{
	struct arena *arena = arena_new(0);
	struct search search;
	struct str deep = STR("source='a'");
	struct str wide = STR("source='a'");
	struct error err;

	for (int i = 0; i < SEARCH_MAX_DEPTH + 1; i++)
		deep = arena_printf(arena, "(%" STR_F ")", STR_A(deep));
	assert_int_equal(search_compile(arena, deep, SEARCH_BUNDLES, &search, &err), -1);
	for (int i = 0; i < SEARCH_MAX_VALUES; i++)
		wide = arena_printf(arena, "%" STR_F " or id='a'", STR_A(wide));
	assert_int_equal(search_compile(arena, wide, SEARCH_BUNDLES, &search, &err), -1);
	arena_free(arena);
}

static void order_is_never_left_to_chance(void **state)
{
	static const char *const rows[][2] = {
		{"", "created_us, id"},
		{"consumer_name asc,created_at desc", "consumer_name ASC, created_us DESC, id"},
		{"version", "version ASC, id"},
		{"nothing asc", NULL},
		{"version sideways", NULL},
		{"payload", NULL},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(0);
		struct error err;
		struct str order;
		int rc = search_order(arena, str_of(rows[i][0]), SEARCH_BUNDLES, &order, &err);

		assert_int_equal(rc, rows[i][1] == NULL ? -1 : 0);
		if (rc == 0)
			assert_true(str_eq_c(order, rows[i][1]));
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(searches_become_conditions_with_bound_values),
		cmocka_unit_test(what_is_no_search_is_refused_in_words),
		cmocka_unit_test(nesting_and_values_have_a_limit),
		cmocka_unit_test(order_is_never_left_to_chance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
