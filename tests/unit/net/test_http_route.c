/*
 * test_http_route.c - which route takes a request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/http_route.h"

static void none(struct http_request *request, struct http_response *response)
{
}

static const struct http_route routes[] = {
	{"GET", "/clusters", none, 0, "list"},
	{"POST", "/clusters", none, 0, "create"},
	{"GET", "/clusters/{id}", none, 0, "get"},
	{"DELETE", "/clusters/{id}", none, 0, "delete"},
	{"GET", "/clusters/watch", none, 0, "watch"},
	{"GET", "/clusters/{id}/pools/{pool}", none, 0, "pool"},
	{"*", "/any/{name}", none, 0, "any"},
	{"GET", "/files/{rest...}", none, 0, "files"},
	{"GET", "/files/one", none, 0, "one"},
	{"GET", "/", none, 0, "root"},
};

static void the_most_specific_route_with_the_method_wins(void **state)
{
	static const struct {
		const char *method, *target, *route; /* NULL: none */
		const char *allow;		     /* when there is none */
		const char *variables[2];
	} rows[] = {
		{"GET", "/clusters", "list", NULL, {NULL}},
		{"POST", "/clusters", "create", NULL, {NULL}},
		{"HEAD", "/clusters", "list", NULL, {NULL}},
		{"PUT", "/clusters", NULL, "GET, HEAD, POST", {NULL}},
		{"GET", "/clusters/watch", "watch", NULL, {NULL}},
		{"DELETE", "/clusters/watch", "delete", NULL, {"watch"}},
		{"GET", "/clusters/a%2Fb", "get", NULL, {"a/b"}},
		{"HEAD", "/clusters/7", "get", NULL, {"7"}},
		{"PATCH", "/clusters/7", NULL, "GET, HEAD, DELETE", {NULL}},
		{"GET", "/clusters/", NULL, NULL, {NULL}},
		{"GET", "/clusters//pools/x", NULL, NULL, {NULL}},
		{"GET", "/clusters/7/pools/w", "pool", NULL, {"7", "w"}},
		{"GET", "/clusters/7/pools", NULL, NULL, {NULL}},
		{"BREW", "/any/pot", "any", NULL, {"pot"}},
		{"GET", "/files/a/b/c", "files", NULL, {"a/b/c"}},
		{"GET", "/files/one", "one", NULL, {NULL}},
		{"GET", "/files/", "files", NULL, {""}},
		{"GET", "/", "root", NULL, {NULL}},
		{"GET", "/nothing", NULL, NULL, {NULL}},
	};
	struct http_routes *table;
	assert_int_equal(
		http_routes_new(&table, routes, sizeof(routes) / sizeof(routes[0]), NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct http_path path;
		struct str allow = STR_NULL, variables[HTTP_MAX_PATH_VARIABLES];
		assert_int_equal(
			http_path_parse(arena, str_of(rows[i].target), false, &path, NULL), 0);
		const struct http_route *route = http_routes_find(
			table, arena, str_of(rows[i].method), &path, variables, &allow);
		if ((route == NULL) != (rows[i].route == NULL))
			fail_msg("%s %s", rows[i].method, rows[i].target);
		if (route)
			assert_string_equal(route->argument, rows[i].route);
		if (!route && rows[i].allow)
			assert_true(str_eq_c(allow, rows[i].allow));
		if (!route && !rows[i].allow)
			assert_true(str_is_null(allow));
		for (size_t k = 0; k < 2 && rows[i].variables[k]; k++)
			assert_true(str_eq_c(variables[k], rows[i].variables[k]));
		arena_free(arena);
	}
	http_routes_free(table);
}

static void a_pattern_that_cannot_match_is_refused(void **state)
{
	static const char *const patterns[] = {
		"clusters",
		"/{rest...}/more",
		"/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}",
		"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/30/"
		"31/32/33",
	};
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		struct http_route route = {"GET", patterns[i], none};
		struct http_routes *table = NULL;
		struct error err;
		assert_int_equal(http_routes_new(&table, &route, 1, &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_non_null(strstr(err.message, patterns[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_specific_route_with_the_method_wins),
		cmocka_unit_test(a_pattern_that_cannot_match_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
