/*
 * test_http_uri.c - request targets and percent-encoding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/http_client.h"
#include "net/http_uri.h"

static void a_target_is_cut_before_it_is_decoded(void **state)
{
	struct arena *arena = arena_new(0);
	struct http_path path;
	assert_int_equal(
		http_path_parse(arena, STR("/a%2Fb/c%20d?x=1&y=%26"), false, &path, NULL), 0);
	assert_int_equal(path.count, 2);
	assert_true(str_eq_c(path.segments[0], "a/b"));
	assert_true(str_eq_c(path.segments[1], "c d"));
	assert_true(str_eq_c(path.decoded, "/a/b/c d"));
	assert_true(str_eq_c(path.query, "x=1&y=%26"));
	assert_true(str_eq_c(http_query_get(arena, path.query, STR("y"), 0), "&"));
	arena_free(arena);
}

static void targets_are_accepted_or_refused(void **state)
{
	static const struct {
		const char *target;
		bool lenient;
		const char *decoded; /* NULL: refused */
	} rows[] = {
		{"/", false, "/"},
		{"/a/", false, "/a/"},
		{"/a/", true, "/a"},
		{"/", true, "/"},
		{"http://host:1/a?b", false, "/a"},
		{"http://host", false, "/"},
		{"/%C3%A9", false, "/\xc3\xa9"},
		{"*", false, NULL},
		{"", false, NULL},
		{"host:443", false, NULL},
		{"/a/../b", false, NULL},
		{"/a/%2e%2E/b", false, NULL},
		{"/a/./b", false, NULL},
		{"/a/..b", false, "/a/..b"},
		{"/%", false, NULL},
		{"/%4", false, NULL},
		{"/%zz", false, NULL},
		{"/%00", false, NULL},
		{"/%ff", false, NULL},
		{"/%c0%80", false, NULL},
		{"/%ed%a0%80", false, NULL},
		{"/a?b=%", false, NULL},
		{"/a?b=%ff", false, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct http_path path;
		int result = http_path_parse(
			arena, str_of(rows[i].target), rows[i].lenient, &path, NULL);
		if (result == 0 && rows[i].decoded)
			assert_true(str_eq_c(path.decoded, rows[i].decoded));
		else if (result == 0 || rows[i].decoded)
			fail_msg("%s", rows[i].target);
		arena_free(arena);
	}
}

static void query_parameters_repeat_and_may_be_empty(void **state)
{
	struct arena *arena = arena_new(0);
	struct str query = STR("a=1&b&a=two+words&c=&%61=3");
	assert_true(str_eq_c(http_query_get(arena, query, STR("a"), 0), "1"));
	assert_true(str_eq_c(http_query_get(arena, query, STR("a"), 1), "two words"));
	assert_true(str_eq_c(http_query_get(arena, query, STR("a"), 2), "3"));
	assert_true(str_is_null(http_query_get(arena, query, STR("a"), 3)));
	assert_true(str_eq_c(http_query_get(arena, query, STR("b"), 0), ""));
	assert_true(str_eq_c(http_query_get(arena, query, STR("c"), 0), ""));
	assert_true(str_is_null(http_query_get(arena, query, STR("d"), 0)));
	assert_true(str_is_null(http_query_get(arena, STR(""), STR("d"), 0)));
	arena_free(arena);
}

static void what_is_encoded_decodes_to_itself(void **state)
{
	struct arena *arena = arena_new(0);
	char all[255];
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)(i + 1);
	struct str text = str_n(all, sizeof(all));
	assert_true(str_eq(http_decode(arena, http_encode(arena, text), false), text));
	assert_true(str_eq(http_decode(arena, http_encode(arena, text), true), text));
	assert_true(str_eq_c(http_encode(arena, STR("a b/c~%")), "a%20b%2Fc~%25"));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_is_cut_before_it_is_decoded),
		cmocka_unit_test(targets_are_accepted_or_refused),
		cmocka_unit_test(query_parameters_repeat_and_may_be_empty),
		cmocka_unit_test(what_is_encoded_decodes_to_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
