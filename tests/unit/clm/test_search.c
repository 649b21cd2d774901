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

/* What a client writes is never part of the SQL text, whatever it is. */
static void a_clients_text_is_only_ever_bound(void **state)
{
	static const char *const searches[] = {
		"name = %s",
		"name in [%s, %s]",
		"name like %s",
		"name not between %s and %s",
		"labels[%s] = %s",
		"not labels[%s] = %s",
		"labels[%s] is null",
		"spec[%s] is null",
		"spec.a[%s] != %s",
	};
	static const enum sql_dialect dialects[] = {SQL_SQLITE, SQL_POSTGRESQL};

	for (size_t i = 0; i < 2 * sizeof(searches) / sizeof(searches[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		CLEANUP(buf_free) struct buf search = BUF_INITIALIZER(4096);
		struct search_clause clause = {.dialect = dialects[i % 2]};
		struct error err = {0};
		const char *quoted = "'x\\'\\\"; DROP TABLE resources --'";

		for (const char *c = searches[i / 2]; *c; c++) {
			if (*c != '%')
				buf_add_byte(&search, *c);
			else
				buf_add_cstr(&search, quoted), c++;
		}
		if (search_add(arena, &clause, buf_str(&search), &err) != 0) {
			assert_non_null(strstr(searches[i / 2], "spec"));
			assert_non_null(strstr(err.message, "holds a quote"));
			continue;
		}
		assert_null(strstr(clause.text.ptr, "DROP"));
		bool is_bound = false;
		for (size_t k = 0; k < clause.value_count; k++)
			is_bound = is_bound || str_find(clause.values[k].text, STR("DROP")) >= 0;
		assert_true(is_bound);
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
		clause.text.ptr, "kind = $1 AND tenancy = $2 AND ((name = $3 OR name = $4))");
}

static void values_have_a_limit(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	CLEANUP(buf_free) struct buf search = BUF_INITIALIZER(TSL_MAX_LENGTH);
	struct search_clause clause = {0};
	struct error err = {0};

	buf_add_cstr(&search, "name in [''");
	for (size_t i = 1; i < SEARCH_MAX_VALUES; i++)
		buf_add_cstr(&search, ",''");
	buf_add_byte(&search, ']');
	assert_int_equal(search_add(arena, &clause, buf_str(&search), &err), 0);
	assert_int_equal(clause.value_count, SEARCH_MAX_VALUES);
	assert_int_equal(search_add(arena, &clause, STR("name=''"), &err), -1);
	assert_non_null(strstr(err.message, "at most 256 values"));
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
		{"deleted_time", "deleted_time asc NULLS LAST"},
		{"owner_id desc", "owner_id desc NULLS FIRST"},
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
		cmocka_unit_test(a_clients_text_is_only_ever_bound),
		cmocka_unit_test(a_search_follows_what_the_server_requires),
		cmocka_unit_test(values_have_a_limit),
		cmocka_unit_test(order_takes_columns_and_directions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
