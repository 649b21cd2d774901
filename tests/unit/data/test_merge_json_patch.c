/*
 * test_merge_json_patch.c - JSON Patch: the examples of RFC 6902 appendix A, and refusals.
 */
#include "base/cleanup.h"
#include "data/merge.h"
#include "data_test.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void operations_apply_in_order(void **state)
{
	static const struct {
		const char *target, *patch, *result;
	} rows[] = {
		{"{'foo':'bar'}", "[{'op':'add','path':'/baz','value':'qux'}]",
			"{'foo':'bar','baz':'qux'}"},
		{"{'foo':['bar','baz']}", "[{'op':'add','path':'/foo/1','value':'qux'}]",
			"{'foo':['bar','qux','baz']}"},
		{"{'baz':'qux','foo':'bar'}", "[{'op':'remove','path':'/baz'}]", "{'foo':'bar'}"},
		{"{'foo':['bar','qux','baz']}", "[{'op':'remove','path':'/foo/1'}]",
			"{'foo':['bar','baz']}"},
		{"{'baz':'qux','foo':'bar'}", "[{'op':'replace','path':'/baz','value':'boo'}]",
			"{'baz':'boo','foo':'bar'}"},
		{"{'foo':[1,2,3]}", "[{'op':'replace','path':'/foo/1','value':9}]",
			"{'foo':[1,9,3]}"},
		{"{'foo':{'bar':'baz','waldo':'fred'},'qux':{'corge':'grault'}}",
			"[{'op':'move','from':'/foo/waldo','path':'/qux/thud'}]",
			"{'foo':{'bar':'baz'},'qux':{'corge':'grault','thud':'fred'}}"},
		{"{'foo':['all','grass','cows','eat']}",
			"[{'op':'move','from':'/foo/1','path':'/foo/3'}]",
			"{'foo':['all','cows','eat','grass']}"},
		{"{'baz':'qux','foo':['a',2,'c']}",
			"[{'op':'test','path':'/baz','value':'qux'},{'op':'test','path':'/foo/1',"
			"'value':2.0}]",
			"{'baz':'qux','foo':['a',2,'c']}"},
		{"{'foo':'bar'}", "[{'op':'add','path':'/child','value':{'grandchild':{}}}]",
			"{'foo':'bar','child':{'grandchild':{}}}"},
		{"{'foo':'bar'}", "[{'op':'add','path':'/baz','value':'qux','xyz':123}]",
			"{'foo':'bar','baz':'qux'}"},
		{"{'/':9,'~1':10}", "[{'op':'test','path':'/~01','value':10}]", "{'/':9,'~1':10}"},
		{"{'foo':['bar']}", "[{'op':'add','path':'/foo/-','value':['abc','def']}]",
			"{'foo':['bar',['abc','def']]}"},
		{"{'a':1}", "[{'op':'replace','path':'','value':[1]}]", "[1]"},
		{"{'a':1}", "[{'op':'add','path':'/~0~1','value':null}]", "{'a':1,'~/':null}"},
		{"{'a':[1]}",
			"[{'op':'copy','from':'/a','path':'/b'},{'op':'add','path':'/b/-',"
			"'value':2}]",
			"{'a':[1],'b':[1,2]}"},
		{"{'a':1}", "[{'op':'move','from':'/a','path':'/a'}]", "{'a':1}"},
		{"{'a':1,'ab':2}", "[{'op':'move','from':'/a','path':'/ab'}]", "{'ab':1}"},
		{"{}", "[]", "{}"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json *target = test_document(*state, rows[i].target), *result;
		struct str before = json_text(*state, target, 0);
		struct error err = {0};
		if (merge_json_patch(*state, target, test_document(*state, rows[i].patch), &result,
			    &err) < 0)
			fail_msg("%s: %s", rows[i].patch, err.message);
		test_row_equals(rows[i].patch, json_text(*state, result, 0),
			json_text(*state, test_document(*state, rows[i].result), 0).ptr);
		test_row_equals(rows[i].patch, json_text(*state, target, 0), before.ptr);
	}
}

static void what_does_not_apply_is_refused_by_name(void **state)
{
	static const struct {
		const char *patch, *message;
		enum error_code code;
	} rows[] = {
		{"[{'op':'test','path':'/baz','value':'bar'}]",
			"operation 0 (test \"/baz\"): the value there is another",
			ERROR_UNPROCESSABLE},
		{"[{'op':'add','path':'/x/y','value':1}]",
			"operation 0 (add \"/x/y\"): the path leads through something that is not "
			"there",
			ERROR_UNPROCESSABLE},
		{"[{'op':'add','path':'/x','value':1},{'op':'remove','path':'/y'}]",
			"operation 1 (remove \"/y\"): nothing is there", ERROR_UNPROCESSABLE},
		{"[{'op':'replace','path':'/y','value':1}]",
			"operation 0 (replace \"/y\"): nothing is there", ERROR_UNPROCESSABLE},
		{"[{'op':'add','path':'/list/3','value':1}]",
			"operation 0 (add \"/list/3\"): the index is behind the array's end",
			ERROR_UNPROCESSABLE},
		{"[{'op':'add','path':'/list/x','value':1}]",
			"operation 0 (add \"/list/x\"): an array needs an index in the path",
			ERROR_UNPROCESSABLE},
		{"[{'op':'remove','path':'/list/-'}]",
			"operation 0 (remove \"/list/-\"): nothing is there", ERROR_UNPROCESSABLE},
		{"[{'op':'remove','path':''}]",
			"operation 0 (remove \"\"): the whole document cannot be taken out",
			ERROR_UNPROCESSABLE},
		{"[{'op':'move','from':'/obj','path':'/obj/a'}]",
			"operation 0 (move \"/obj/a\"): a value cannot be moved into itself",
			ERROR_UNPROCESSABLE},
		{"[{'op':'spell','path':'/a'}]",
			"operation 0 (spell \"/a\"): \"op\" must be add, remove, replace, move, "
			"copy or test",
			ERROR_INVALID},
		{"[{'path':'/a'}]",
			"operation 0 ( \"/a\"): \"op\" must be add, remove, replace, move, copy or "
			"test",
			ERROR_INVALID},
		{"[5]",
			"operation 0 ( \"\"): \"op\" must be add, remove, replace, move, copy or "
			"test",
			ERROR_INVALID},
		{"[{'op':'add','path':'a','value':1}]",
			"operation 0 (add \"a\"): \"path\" must be a JSON pointer like "
			"\"/spec/replicas\"",
			ERROR_INVALID},
		{"[{'op':'add','path':'/a~2','value':1}]",
			"operation 0 (add \"/a~2\"): \"path\" must be a JSON pointer like "
			"\"/spec/replicas\"",
			ERROR_INVALID},
		{"[{'op':'add','path':'/a'}]", "operation 0 (add \"/a\"): \"value\" is missing",
			ERROR_INVALID},
		{"[{'op':'copy','path':'/a'}]",
			"operation 0 (copy \"/a\"): \"from\" must be a JSON pointer like "
			"\"/spec/replicas\"",
			ERROR_INVALID},
		{"{'op':'add'}", "a JSON patch is an array of operations, not an object",
			ERROR_INVALID},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json *target = test_document(*state, "{'baz':'qux','list':[1,2],'obj':{}}");
		struct json *result = NULL;
		struct error err = {0};
		assert_int_equal(merge_json_patch(*state, target,
					 test_document(*state, rows[i].patch), &result, &err),
			-1);
		test_row_equals(rows[i].patch, str_of(err.message), rows[i].message);
		assert_int_equal(err.code, rows[i].code);
		assert_null(result);
		test_row_equals(rows[i].patch, json_text(*state, target, 0),
			"{\"baz\":\"qux\",\"list\":[1,2],\"obj\":{}}");
	}
}

static void copies_cannot_double_the_depth_for_ever(void **state)
{
	struct json *patch = json_new_array(*state), *result;
	struct json *step = test_document(*state, "{'op':'copy','from':'','path':'/a'}");
	struct error err = {0};

	for (int i = 0; i < 200; i++)
		json_append(patch, step);
	assert_int_equal(merge_json_patch(*state, test_document(*state, "{'a':{'a':{}}}"), patch,
				 &result, &err),
		-1);
	assert_int_equal(err.code, ERROR_UNPROCESSABLE);
	assert_non_null(strstr(err.message, "nested too deep"));
}

static void the_patch_stays_the_callers(void **state)
{
	struct json *patch = test_document(*state, "[{'op':'add','path':'/a','value':{}},"
						   "{'op':'add','path':'/a/b','value':1}]");
	struct str before = json_text(*state, patch, 0);
	struct json *result;

	assert_int_equal(
		merge_json_patch(*state, test_document(*state, "{}"), patch, &result, NULL), 0);
	test_row_equals("result", json_text(*state, result, 0), "{\"a\":{\"b\":1}}");
	test_row_equals("patch", json_text(*state, patch, 0), before.ptr);
}

static void operations_are_limited(void **state)
{
	struct json *patch = json_new_array(*state), *result;
	struct error err;

	for (unsigned i = 0; i <= MERGE_JSON_PATCH_MAX_OPERATIONS; i++)
		json_append(patch, json_new_null(*state));
	assert_int_equal(merge_json_patch(*state, NULL, patch, &result, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
}

static void an_exhausted_arena_fails_the_patch(void **state)
{
	CLEANUP(cleanup_arena) struct arena *small = arena_new(700);
	struct json *patch = json_new_array(*state), *result = NULL;
	struct json *step = test_document(*state, "{'op':'add','path':'/a/-','value':[1,2,3]}");
	struct error err;

	for (int i = 0; i < 20; i++)
		json_append(patch, step);
	assert_int_equal(
		merge_json_patch(small, test_document(*state, "{'a':[]}"), patch, &result, &err),
		-1);
	assert_int_equal(err.code, ERROR_MEMORY);
	assert_null(result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(operations_apply_in_order),
		TEST(what_does_not_apply_is_refused_by_name),
		TEST(copies_cannot_double_the_depth_for_ever),
		TEST(the_patch_stays_the_callers),
		TEST(operations_are_limited),
		TEST(an_exhausted_arena_fails_the_patch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
