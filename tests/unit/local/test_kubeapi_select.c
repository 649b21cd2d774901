/*
 * test_kubeapi_select.c - label and field selectors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "local/kubeapi_select.h"

static void labels_are_selected(void **unused)
{
	static const char *const objects[] = {
		"{}", "{\"a\":\"1\"}", "{\"a\":\"2\",\"b\":\"\"}", "{\"example.com/x\":\"y.z-1\"}"};
	static const struct {
		const char *selector, *selected; /* a digit for each object */
	} cases[] = {
		{"", "0123"},
		{" ", "0123"},
		{"a", "12"},
		{"!a", "03"},
		{"a=1", "1"},
		{"a==1", "1"},
		{"a!=1", "023"},
		{"a in (1,2)", "12"},
		{"a in (1, 3)", "1"},
		{"a notin (1)", "023"},
		{"a,!b", "1"},
		{"a=2,b=", "2"},
		{"b in ()", "2"},
		{"a , a != 1", "2"},
		{"example.com/x = y.z-1", "3"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct kubeapi_selector selector;
		char selected[8];
		size_t count = 0;
		assert_int_equal(
			kubeapi_select_labels(arena, str_of(cases[i].selector), &selector, NULL),
			0);
		selector = kubeapi_selector_copy(arena, &selector);
		for (size_t k = 0; k < 4; k++) {
			struct json *labels;
			assert_int_equal(
				json_parse(arena, str_of(objects[k]), NULL, &labels, NULL), 0);
			if (kubeapi_select_match_labels(&selector, labels))
				selected[count++] = (char)('0' + k);
		}
		selected[count] = '\0';
		assert_string_equal(selected, cases[i].selected);
	}
}

static void what_is_no_label_selector_is_refused(void **unused)
{
	static const char *const texts[] = {",", "a,", "=1", "a=b=c", "a in", "a in (1", "a in 1",
		"a like b", "!a=1", "a b", "-a", "/a", "a=-", "x y in (z)", "a(b)", "a=1)",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct kubeapi_selector selector;
		struct error err;
		assert_int_equal(
			kubeapi_select_labels(arena, str_of(texts[i]), &selector, &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

static void fields_are_selected(void **unused)
{
	static const struct {
		const char *selector;
		bool matches;
	} cases[] = {
		{"", true},
		{"status.phase=Running", true},
		{"status.phase==Running", true},
		{"status.phase!=Running", false},
		{"spec.done=true,spec.count=3", true},
		{"spec.none=", true},
		{"spec.none!=x", true},
		{"spec.text=a\\,b\\=c", true},
		{"spec.count=4", false},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct kubeapi_selector selector;
		struct json *object;
		assert_int_equal(json_parse(arena,
					 STR("{\"status\":{\"phase\":\"Running\"},\"spec\":{"
					     "\"done\":true,\"count\":3,\"text\":\"a,b=c\"}}"),
					 NULL, &object, NULL),
			0);
		assert_int_equal(
			kubeapi_select_fields(arena, str_of(cases[i].selector), &selector, NULL),
			0);
		assert_int_equal(kubeapi_select_match_fields(&selector, object), cases[i].matches);
	}
}

static void what_is_no_field_selector_is_refused(void **unused)
{
	static const char *const texts[] = {"a", "=b", "a=b,c"};

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct kubeapi_selector selector;
		assert_int_equal(
			kubeapi_select_fields(arena, str_of(texts[i]), &selector, NULL), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_selected),
		cmocka_unit_test(what_is_no_label_selector_is_refused),
		cmocka_unit_test(fields_are_selected),
		cmocka_unit_test(what_is_no_field_selector_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
