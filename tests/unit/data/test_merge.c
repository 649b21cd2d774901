/*
 * test_merge.c - merge patches (the examples of RFC 7386 appendix A), their opposite, and pointers
 * (RFC 6901 section 5).
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/merge.h"
#include "data_test.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void a_patch_changes_what_it_names(void **state)
{
	static const struct {
		const char *target, *patch, *result;
	} rows[] = {
		{"{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
		{"{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
		{"{'a':'b'}", "{'a':null}", "{}"},
		{"{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
		{"{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
		{"{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
		{"{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
		{"{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
		{"['a','b']", "['c','d']", "['c','d']"},
		{"{'a':'b'}", "['c']", "['c']"},
		{"{'a':'foo'}", "null", "null"},
		{"{'a':'foo'}", "'bar'", "'bar'"},
		{"{'e':null}", "{'a':1}", "{'e':null,'a':1}"},
		{"[1,2]", "{'a':'b','c':null}", "{'a':'b'}"},
		{"{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
		{"{'a':[null]}", "{'a':[null,{'b':null}]}", "{'a':[null,{'b':null}]}"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json *result = merge_patch(*state, test_document(*state, rows[i].target),
			test_document(*state, rows[i].patch));
		test_row_equals(rows[i].patch, json_text(*state, result, 0),
			json_text(*state, test_document(*state, rows[i].result), 0).ptr);
	}
	struct json *made = merge_patch(*state, NULL, test_document(*state, "{'a':{'b':null}}"));
	test_row_equals("no target", json_text(*state, made, 0), "{\"a\":{}}");
}

static void a_difference_names_only_what_changed(void **state)
{
	static const struct {
		const char *from, *to, *patch;
	} rows[] = {
		{"{'a':1}", "{'a':1}", "{}"},
		{"{'a':1}", "{'a':1.0}", "{}"},
		{"{'a':1}", "{'a':2}", "{'a':2}"},
		{"{'a':1,'b':2}", "{'b':2}", "{'a':null}"},
		{"{'b':2}", "{'a':1,'b':2}", "{'a':1}"},
		{"{'a':{'b':1,'c':2}}", "{'a':{'b':1,'c':3}}", "{'a':{'c':3}}"},
		{"{'a':{'b':1}}", "{'a':{'b':1}}", "{}"},
		{"{'a':{'b':1}}", "{'a':{}}", "{'a':{'b':null}}"},
		{"{'a':1}", "{'a':{}}", "{'a':{}}"},
		{"{'a':[1,2]}", "{'a':[1]}", "{'a':[1]}"},
		{"{'a':{'b':1}}", "{'a':[1]}", "{'a':[1]}"},
		{"{'a':null}", "{}", "{}"},
		{"{}", "{'a':null}", "{}"},
		{"{'a':1}", "{'a':null}", "{'a':null}"},
		{"{'a':1}", "5", "5"},
		{"5", "{'a':1}", "{'a':1}"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json *patch = merge_diff(*state, test_document(*state, rows[i].from),
			test_document(*state, rows[i].to));
		test_row_equals(rows[i].to, json_text(*state, patch, 0),
			json_text(*state, test_document(*state, rows[i].patch), 0).ptr);
	}
	assert_int_equal(json_count(merge_diff(*state, NULL, NULL)), 0);
}

/* Few keys and few values, so that documents resemble each other. No nulls. */
static struct json *random_document(struct arena *arena, unsigned *seed, int depth)
{
	static const char *const keys[] = {"a", "b", "c", "d", "e"};
	int kind = rand_r(seed) % (depth > 0 ? 5 : 3);

	if (kind == 0)
		return json_new_int(arena, rand_r(seed) % 3);
	if (kind == 1)
		return json_new_cstr(arena, keys[rand_r(seed) % 2]);
	if (kind == 2) {
		struct json *array = json_new_array(arena);
		for (int n = rand_r(seed) % 3; n > 0; n--)
			json_append(array, json_new_bool(arena, rand_r(seed) % 2));
		return array;
	}
	struct json *object = json_new_object(arena);
	for (int n = rand_r(seed) % 5; n > 0; n--)
		json_set(object, keys[rand_r(seed) % 5], random_document(arena, seed, depth - 1));
	return object;
}

static void a_difference_applied_gives_the_other_document(void **state)
{
	unsigned seed = 7;

	for (int i = 0; i < 5000; i++) {
		struct json *from = json_new_object(*state), *to = json_new_object(*state);
		json_set(from, "spec", random_document(*state, &seed, 4));
		json_set(to, "spec", random_document(*state, &seed, 4));
		struct str before = json_text(*state, from, 0), after = json_text(*state, to, 0);
		struct json *patch = merge_diff(*state, from, to);
		assert_true(str_eq(json_text(*state, from, 0), before));
		struct json *result = merge_patch(*state, json_copy(*state, from), patch);
		if (!json_equal(result, to))
			fail_msg("%s to %s by %s", before.ptr, after.ptr,
				json_text(*state, patch, 0).ptr);
		arena_reset(*state);
	}
}

static void many_members_are_removed_at_once(void **state)
{
	struct json *target = json_new_object(*state), *patch = json_new_object(*state);

	for (int i = 0; i < 100000; i++) {
		struct str key = arena_printf(*state, "key-%d", i);
		json_set_str(target, key, json_new_bool(*state, true));
		if (i % 10)
			json_set_str(patch, key, json_new_null(*state));
	}
	target = merge_patch(*state, target, patch);
	assert_int_equal(json_count(target), 10000);
	assert_true(json_bool(json_get(target, "key-99990"), false));
	assert_null(json_get(target, "key-99991"));
}

static void pointers_lead_to_values(void **state)
{
	struct json *root = test_document(*state,
		"{'foo':['bar','baz'],'':0,'a/b':1,'c%d':2,'e^f':3,'g|h':4,' ':7,'m~n':8,'~1':9,"
		"'o':{'':{'p':5}}}");
	static const struct {
		const char *pointer, *value;
	} rows[] = {
		{"/foo", "[\"bar\",\"baz\"]"},
		{"/foo/0", "\"bar\""},
		{"/", "0"},
		{"/a~1b", "1"},
		{"/c%d", "2"},
		{"/e^f", "3"},
		{"/g|h", "4"},
		{"/ ", "7"},
		{"/m~0n", "8"},
		{"/~01", "9"},
		{"/o//p", "5"},
		{"/foo/2", NULL},
		{"/foo/-", NULL},
		{"/foo/01", NULL},
		{"/foo/+1", NULL},
		{"/foo/99999999999999999999", NULL},
		{"/foo/0/x", NULL},
		{"/m~n", NULL},
		{"/m~", NULL},
		{"/m~2n", NULL},
		{"foo", NULL},
		{"/x", NULL},
	};

	assert_ptr_equal(merge_pointer(root, STR("")), root);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json *value = merge_pointer(root, str_of(rows[i].pointer));
		if (!rows[i].value != !value)
			fail_msg("%s", rows[i].pointer);
		if (value)
			test_row_equals(
				rows[i].pointer, json_text(*state, value, 0), rows[i].value);
	}
	assert_null(merge_pointer(NULL, STR("/a")));
}

static void an_exhausted_arena_gives_nothing(void **state)
{
	CLEANUP(cleanup_arena) struct arena *small = arena_new(64);

	merge_patch(small, NULL, test_document(*state, "{'a':{'b':{'c':1}}}"));
	merge_diff(small, test_document(*state, "{'a':1}"), test_document(*state, "{'b':1,'c':2}"));
	assert_true(arena_is_exhausted(small));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_patch_changes_what_it_names),
		TEST(a_difference_names_only_what_changed),
		TEST(a_difference_applied_gives_the_other_document),
		TEST(many_members_are_removed_at_once),
		TEST(pointers_lead_to_values),
		TEST(an_exhausted_arena_gives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
