/*
 * Search and order: what becomes SQL, what is bound, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "clm/search.h"

static void searches_become_sql_with_bound_values(void **state)
{
	static const struct {
		const char *search;
		const char *sql;
		const char *values[3];
	} rows[] = {
		{"name='a'", "(name = $1)", {"a"}},
		{"  name == \"a b\"  ", "(name = $1)", {"a b"}},
		{"id=`x`", "(id = $1)", {"x"}},
		{"labels.team='a'", "(instr(labels, $1) > 0)", {"\"team\":\"a\""}},
		{"labels.example.com/tier-1='b'", "(instr(labels, $1) > 0)",
			{"\"example.com/tier-1\":\"b\""}},
		{"labels.k='x\",\"b\":\"y'", "(instr(labels, $1) > 0)",
			{"\"k\":\"x\\\",\\\"b\\\":\\\"y\""}},
		{"status.conditions.Reconciled='False'", "(instr(conditions, $1) > 0)",
			{"\"type\":\"Reconciled\",\"status\":\"False\""}},
		{"name='a' and name='b' or name='c'", "(name = $1 AND name = $2 OR name = $3)",
			{"a", "b", "c"}},
		{"name='a' AND (id='b' Or id='c')", "(name = $1 AND (id = $2 OR id = $3))",
			{"a", "b", "c"}},
		{"name='it\\'s; DROP TABLE resources'", "(name = $1)",
			{"it's; DROP TABLE resources"}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct search_clause clause = {0};
		struct error err = {0};

		if (search_add(arena, &clause, str_of(rows[i].search), &err) != 0)
			fail_msg("%s: %s", rows[i].search, err.message);
		assert_string_equal(clause.text.ptr, rows[i].sql);
		for (size_t k = 0; k < clause.value_count; k++) {
			assert_true(k < 3);
			if (!str_eq_c(clause.values[k].text, rows[i].values[k]))
				fail_msg("%s: $%zu is %" STR_F, rows[i].search, k + 1,
					STR_A(clause.values[k].text));
		}
	}
}

static void a_search_follows_what_the_server_requires(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct search_clause clause = {0};

	search_require(arena, &clause, "kind", STR("Cluster"));
	search_require(arena, &clause, "tenancy", STR("{}"));
	assert_int_equal(search_add(arena, &clause, STR("name='a' or name='b'"), NULL), 0);
	assert_string_equal(
		clause.text.ptr, "kind = $1 AND tenancy = $2 AND (name = $3 OR name = $4)");
}

static void what_is_not_understood_is_refused(void **state)
{
	static const struct {
		const char *search;
		const char *sentence;
	} rows[] = {
		{"name", "expected '='"},
		{"name=", "expected a quoted string at 'end'"},
		{"name='a", "a string without end"},
		{"name=a", "expected a quoted string at 'a'"},
		{"name='a' name='b'", "unexpected text at 'name'"},
		{"(name='a'", "expected ')'"},
		{"name='a')", "unexpected text at ')'"},
		{"and name='a'", "unsupported comparison operator: name"},
		{"name!='a'", "unsupported comparison operator: !="},
		{"name like 'a%'", "unsupported comparison operator: like"},
		{"name in ['a']", "unsupported comparison operator: in"},
		{"not name='a'", "unsupported comparison operator: NOT"},
		{"generation=1", "expected a quoted string"},
		{"spec.a='b'", "field 'spec.a' cannot be searched"},
		{"labels.='b'", "field 'labels.' cannot be searched"},
		{"status.conditions.Ready='Maybe'", "condition status must be True, False"},
		{"status.conditions.ready='True'", "begins with a capital letter"},
		{"status.conditions.Ready.observed_generation='1'", "begins with a capital letter"},
		{"1=1", "expected a quoted string"},
		{"name='a'; DROP TABLE resources", "unexpected text at ';'"},
		{"((((((((((((((((((name='a'))))))))))))))))))", "too many parentheses"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct search_clause clause = {0};
		struct error err = {0};

		if (search_add(arena, &clause, str_of(rows[i].search), &err) == 0)
			fail_msg("accepted: %s", rows[i].search);
		if (strstr(err.message, rows[i].sentence) == NULL)
			fail_msg("%s: %s", rows[i].search, err.message);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

static void a_search_has_limits(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	CLEANUP(buf_free) struct buf search = BUF_INITIALIZER(2 * SEARCH_MAX_LENGTH);
	struct search_clause clause = {0};
	struct error err = {0};

	for (size_t i = 0; i < SEARCH_MAX_TERMS; i++)
		buf_printf(&search, "%sname='a'", i > 0 ? " or " : "");
	assert_int_equal(search_add(arena, &clause, buf_str(&search), &err), 0);
	assert_int_equal(clause.value_count, SEARCH_MAX_TERMS);
	clause = (struct search_clause){0};
	buf_add_cstr(&search, " or name='a'");
	assert_int_equal(search_add(arena, &clause, buf_str(&search), &err), -1);
	while (search.len <= SEARCH_MAX_LENGTH)
		buf_add_byte(&search, ' ');
	assert_int_equal(search_add(arena, &clause, buf_str(&search), &err), -1);
	assert_non_null(strstr(err.message, "at most 4096 characters"));
}

static void order_takes_columns_and_directions(void **state)
{
	static const struct {
		const char *item;
		const char *order; /* NULL: refused */
	} rows[] = {
		{"name", "name asc"},
		{" name  desc ", "name desc"},
		{"created_time asc", "created_time asc"},
		{"spec", NULL},
		{"name sideways", NULL},
		{"name desc nulls", NULL},
		{"name;drop", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct str order = STR("");
		int result = search_add_order(arena, str_of(rows[i].item), &order, NULL);

		if ((result == 0) != (rows[i].order != NULL))
			fail_msg("'%s' is %s", rows[i].item, result == 0 ? "taken" : "refused");
		if (result == 0)
			assert_string_equal(order.ptr, rows[i].order);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(searches_become_sql_with_bound_values),
		cmocka_unit_test(a_search_follows_what_the_server_requires),
		cmocka_unit_test(what_is_not_understood_is_refused),
		cmocka_unit_test(a_search_has_limits),
		cmocka_unit_test(order_takes_columns_and_directions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
