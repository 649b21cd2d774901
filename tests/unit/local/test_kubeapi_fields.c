/*
 * test_kubeapi_fields.c - FieldsV1: reading, writing, set operations, paths as text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "local/kubeapi_fields.h"

static struct kubeapi_fields *read_set(struct arena *arena, const char *text)
{
	struct kubeapi_fields *set;
	struct json *json;

	assert_int_equal(json_parse(arena, str_of(text), NULL, &json, NULL), 0);
	assert_int_equal(kubeapi_fields_parse(arena, json, &set, NULL), 0);
	return set;
}

static const char *text_of(struct arena *arena, const struct kubeapi_fields *set)
{
	return json_text(arena, kubeapi_fields_write(arena, set), 0).ptr;
}

static void fields_are_written_as_they_were_read_but_sorted(void **unused)
{
	static const struct {
		const char *text, *written;
	} cases[] = {
		{"{}", "{}"},
		{"{\"f:b\":{},\"f:a\":{\"f:x\":{}}}", "{\"f:a\":{\"f:x\":{}},\"f:b\":{}}"},
		{"{\"f:l\":{\"v:\\\"b\\\"\":{},\"k:{\\\"n\\\":1}\":{\".\":{},\"f:n\":{}},\"i:2\":{}"
		 "}}",
			"{\"f:l\":{\"k:{\\\"n\\\":1}\":{\".\":{},\"f:n\":{}},\"v:\\\"b\\\"\":{},"
			"\"i:2\":{}}}"},
		{"{\"k:{\\\"b\\\":1, \\\"a\\\":2}\":{}}", "{\"k:{\\\"a\\\":2,\\\"b\\\":1}\":{}}"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		assert_string_equal(
			text_of(arena, read_set(arena, cases[i].text)), cases[i].written);
	}
}

static void what_is_not_a_path_is_refused(void **unused)
{
	static const char *const texts[] = {"[]", "{\"x\":{}}", "{\"f:a\":1}", "{\"k:1\":{}}",
		"{\"k:{\":{}}", "{\"v:nothing\":{}}", "{\"i:-1\":{}}", "{\"i:x\":{}}"};

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct kubeapi_fields *set;
		struct json *json;
		struct error err;
		assert_int_equal(json_parse(arena, str_of(texts[i]), NULL, &json, NULL), 0);
		assert_int_equal(kubeapi_fields_parse(arena, json, &set, &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

static void sets_are_united_cut_and_subtracted(void **unused)
{
	static const struct {
		const char *a, *b, *either, *both, *only_a, *without;
	} cases[] = {
		{"{\"f:a\":{},\"f:b\":{}}", "{\"f:b\":{},\"f:c\":{}}",
			"{\"f:a\":{},\"f:b\":{},\"f:c\":{}}", "{\"f:b\":{}}", "{\"f:a\":{}}",
			"{\"f:a\":{}}"},
		{"{\"f:a\":{\"f:x\":{},\"f:y\":{}}}", "{\"f:a\":{}}",
			"{\"f:a\":{\".\":{},\"f:x\":{},\"f:y\":{}}}", "{}",
			"{\"f:a\":{\"f:x\":{},\"f:y\":{}}}", "{}"},
		{"{\"f:a\":{\".\":{},\"f:x\":{}}}", "{\"f:a\":{}}",
			"{\"f:a\":{\".\":{},\"f:x\":{}}}", "{\"f:a\":{}}", "{\"f:a\":{\"f:x\":{}}}",
			"{}"},
		{"{}", "{\"f:a\":{}}", "{\"f:a\":{}}", "{}", "{}", "{}"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct kubeapi_fields *a = read_set(arena, cases[i].a);
		struct kubeapi_fields *b = read_set(arena, cases[i].b);
		assert_string_equal(
			text_of(arena, kubeapi_fields_union(arena, a, b)), cases[i].either);
		assert_string_equal(
			text_of(arena, kubeapi_fields_intersection(arena, a, b)), cases[i].both);
		assert_string_equal(
			text_of(arena, kubeapi_fields_difference(arena, a, b)), cases[i].only_a);
		assert_string_equal(
			text_of(arena, kubeapi_fields_without(arena, a, b)), cases[i].without);
		assert_true(kubeapi_fields_equal(
			kubeapi_fields_union(arena, a, b), kubeapi_fields_union(arena, b, a)));
		assert_string_equal(text_of(arena, a), cases[i].a);
	}
}

static void nothing_and_an_empty_set_are_the_same(void **unused)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct kubeapi_fields *empty = kubeapi_fields_new(arena);

	(void)unused;
	kubeapi_fields_add(arena, empty, kubeapi_field(STR("leads-nowhere")));
	assert_true(kubeapi_fields_is_empty(empty));
	assert_true(kubeapi_fields_is_empty(NULL));
	assert_true(kubeapi_fields_equal(empty, NULL));
	assert_null(kubeapi_fields_union(arena, empty, NULL));
}

static void add_line(void *context, struct str path)
{
	struct buf *out = context;

	buf_printf(out, "%" STR_F " ", STR_A(path));
}

static void paths_read_as_in_messages(void **unused)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(1000);

	(void)unused;
	kubeapi_fields_each(arena,
		read_set(arena, "{\"f:spec\":{\"f:ports\":{\"k:{\\\"port\\\":80,\\\"protocol\\\":"
				"\\\"TCP\\\"}\":"
				"{\".\":{},\"f:name\":{}}},\"f:tags\":{\"v:\\\"a\\\"\":{}},\"f:"
				"list\":{\"i:3\":{}}}}"),
		add_line, &out);
	assert_string_equal(out.ptr,
		".spec.ports[port=80,protocol=\"TCP\"] .spec.ports[port=80,protocol=\"TCP\"].name "
		".spec.tags[=\"a\"] .spec.list[3] ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_written_as_they_were_read_but_sorted),
		cmocka_unit_test(what_is_not_a_path_is_refused),
		cmocka_unit_test(sets_are_united_cut_and_subtracted),
		cmocka_unit_test(nothing_and_an_empty_set_are_the_same),
		cmocka_unit_test(paths_read_as_in_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
