/*
 * test_kubeapi_table.c - ages and cells as kubectl shows them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "local/kubeapi_table.h"

static void ages_are_short(void **unused)
{
	static const struct {
		long long seconds;
		const char *text;
	} cases[] = {
		{-5, "<invalid>"},
		{0, "0s"},
		{119, "119s"},
		{120, "2m"},
		{125, "2m5s"},
		{599, "9m59s"},
		{600, "10m"},
		{10799, "179m"},
		{10800, "3h"},
		{11000, "3h3m"},
		{28800, "8h"},
		{172799, "47h"},
		{172800, "2d"},
		{180000, "2d2h"},
		{8 * 86400, "8d"},
		{729 * 86400, "729d"},
		{730 * 86400, "2y"},
		{731 * 86400, "2y1d"},
		{3650LL * 86400, "10y"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct str age =
			kubeapi_table_age(arena, cases[i].seconds * (int64_t)CLOCK_US_PER_S);
		assert_true(str_eq_c(age, cases[i].text));
	}
}

static void rows_have_the_kinds_columns(void **unused)
{
	static const struct {
		const char *group, *plural, *object, *cells;
	} cases[] = {
		{"", "configmaps", "{\"data\":{\"a\":\"1\"},\"binaryData\":{\"b\":\"\"}}",
			"[\"x\",\"2\",\"5m\"]"},
		{"", "services",
			"{\"spec\":{\"type\":\"ClusterIP\",\"selector\":{\"a\":\"b\"},\"ports\":[{"
			"\"port\":80,"
			"\"nodePort\":3,\"protocol\":\"TCP\"},{\"port\":53,\"protocol\":\"UDP\"}]}"
			"}",
			"[\"x\",\"ClusterIP\",\"<none>\",\"<none>\",\"80:3/TCP,53/"
			"UDP\",\"5m\",\"a=b\"]"},
		{"apps", "deployments",
			"{\"spec\":{\"replicas\":3,\"template\":{\"spec\":{\"containers\":[{"
			"\"name\":\"c\","
			"\"image\":\"i\"}]}}},\"status\":{\"readyReplicas\":1,\"updatedReplicas\":"
			"2}}",
			"[\"x\",\"1/3\",2,0,\"5m\",\"c\",\"i\",\"<none>\"]"},
		{"", "pods",
			"{\"spec\":{\"containers\":[{},{}]},\"status\":{\"phase\":\"Running\","
			"\"containerStatuses\":[{\"ready\":true,\"restartCount\":4},{}]}}",
			"[\"x\",\"1/2\",\"Running\",\"4\",\"5m\",\"<none>\",\"<none>\"]"},
	};
	struct kubeapi_types *types;

	(void)unused;
	assert_int_equal(kubeapi_types_new(&types, NULL), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct kubeapi_type *type = kubeapi_types_find(
			types, str_of(cases[i].group), STR("v1"), str_of(cases[i].plural));
		struct json *object, *metadata;
		assert_int_equal(
			json_parse(arena, str_of(cases[i].object), NULL, &object, NULL), 0);
		assert_int_equal(json_parse(arena,
					 STR("{\"name\":\"x\",\"creationTimestamp\":\"1970-01-"
					     "01T00:00:00Z\"}"),
					 NULL, &metadata, NULL),
			0);
		json_set(object, "metadata", metadata);
		struct json *row = kubeapi_table_row(arena, type, object, 300 * CLOCK_US_PER_S);
		assert_string_equal(
			json_text(arena, json_get(row, "cells"), 0).ptr, cases[i].cells);
		kubeapi_type_release(type);
	}
	kubeapi_types_free(types);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ages_are_short),
		cmocka_unit_test(rows_have_the_kinds_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
