/* Tests src/data/jsonpath.c. */
#include "data_test.h"

#include "data/jsonpath.h"

static const struct {
	const char *path;
	const char *expected;
} results[] = {
	{".kind", "[\"List\"]"},
	{"{.kind}", "[\"List\"]"},
	{"kind", "[\"List\"]"},
	{"{ $.kind }", "[\"List\"]"},
	{"$", "one"},
	{"{@}", "one"},
	{".", "one"},
	{"['kind']", "[\"List\"]"},
	{"{['kind','n']}", "[\"List\",3]"},
	{".missing", "[]"},
	{".missing.deeper[0]", "[]"},
	{".kind.deeper", "[]"},
	{".items[0].metadata.name", "[\"a\"]"},
	{"items[0].metadata.name", "[\"a\"]"},
	{".items[-1].metadata.name", "[\"c\"]"},
	{".items[3].metadata.name", "[]"},
	{".items[-4].metadata.name", "[]"},
	{".items[*].metadata.name", "[\"a\",\"b\",\"c\"]"},
	{".items.*.metadata.name", "[\"a\",\"b\",\"c\"]"},
	{".items[1:].metadata.name", "[\"b\",\"c\"]"},
	{".items[:2].metadata.name", "[\"a\",\"b\"]"},
	{".items[0:3:2].metadata.name", "[\"a\",\"c\"]"},
	{".items[-2:-1].metadata.name", "[\"b\"]"},
	{".items[2:1].metadata.name", "[]"},
	{".items[0,2].metadata.name", "[\"a\",\"c\"]"},
	{".items[0,1:].metadata.name", "[\"a\",\"b\",\"c\"]"},
	{"..name", "[\"a\",\"b\",\"c\"]"},
	{".status..type", "[\"Ready\",\"Old\"]"},
	{"..list[1]", "[2]"},
	{".items[0].metadata.labels['x.y/z']", "[\"1\"]"},
	{".items[0].metadata.labels[\"x.y/z\"]", "[\"1\"]"},
	{".items[0].metadata.labels.x\\.y/z", "[\"1\"]"},
	{".items[?(@.v==1)].metadata.name", "[\"a\"]"},
	{".items[?(@.v == 1.0)].metadata.name", "[\"a\"]"},
	{".items[?(@.v>1)].metadata.name", "[\"b\"]"},
	{".items[?(@.v<=2.5)].metadata.name", "[\"a\",\"b\"]"},
	{".items[?(@.v!=1)].metadata.name", "[\"b\",\"c\"]"},
	{".items[?(@.v==\"3\")].metadata.name", "[\"c\"]"},
	{".items[?(@.on)].metadata.name", "[\"b\"]"},
	{".items[?(@.on==true)].metadata.name", "[\"b\"]"},
	{".items[?(@.metadata.name>='b')].v", "[2.5,\"3\"]"},
	{".items[?(@.list[?(@==2)])].v", "[\"3\"]"},
	{"{.status.conditions[?(@.type==\"Ready\")].status}", "[\"True\"]"},
	{".status.conditions[?(@.type=='Ready')].status", "[\"True\"]"},
	{".status.conditions[?(@.missing=='x')].status", "[]"},
	{".status.conditions[?(@.missing!='x')].status", "[]"},
	{".items[?($.n==3)].metadata.name", "[\"a\",\"b\",\"c\"]"},
	{".status[?(@.type=='Ready')]", "[]"},
};

static void a_path_selects_values(void **state)
{
	struct json *root = test_document(*state,
		"{'kind':'List','n':3,'items':[{'metadata':{'name':'a','labels':{'x.y/z':'1'}},"
		"'v':1},{'metadata':{'name':'b'},'v':2.5,'on':true},{'metadata':{'name':'c'},"
		"'v':'3','list':[1,2]}],'status':{'conditions':[{'type':'Ready','status':'True'},"
		"{'type':'Old','status':'False'}]}}");

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		struct error err = {0};
		struct json *found = NULL;

		if (jsonpath_eval(*state, str_of(results[i].path), root, &found, &err) != 0)
			fail_msg("%s: %s", results[i].path, err.message);
		if (strcmp(results[i].expected, "one") == 0) {
			assert_int_equal(json_count(found), 1);
			assert_ptr_equal(json_at(found, 0), root);
			continue;
		}
		test_row_equals(results[i].path, json_text(*state, found, 0), results[i].expected);
	}
}

static void a_malformed_path_is_refused(void **state)
{
	static const char *const paths[] = {"{.a", ".a[", ".a[]", ".a[0", ".a['x]", ".a[?(@.b==)]",
		".a[?(@.b==1]", ".a[?@.b]", ".a[b]", ".a..", ".a b", "{.a}{.b}", ".a[::0]",
		".a[99999999999999999999]", "{.a}}", ".a[?(@.b=~1)]"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct error err = {0};
		struct json *found = NULL;

		if (jsonpath_eval(*state, str_of(paths[i]), NULL, &found, &err) == 0)
			fail_msg("%s was accepted", paths[i]);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_int_equal(jsonpath_check(*state, str_of(paths[i]), NULL), -1);
	}
}

static void a_message_names_path_and_column(void **state)
{
	struct error err = {0};

	assert_int_equal(jsonpath_check(*state, STR(".a[b]"), &err), -1);
	assert_string_equal(
		err.message, "path \".a[b]\": column 4: expected an index, a quoted key, * or ?(");
}

static void a_path_that_visits_too_much_is_stopped(void **state)
{
	struct json *list = json_new_array(*state);
	struct json *found = NULL;
	struct error err = {0};

	for (int i = 0; i < 2000; i++) {
		struct json *inner = json_new_array(*state);

		for (int j = 0; j < 10; j++)
			json_append(inner, json_new_int(*state, j));
		json_append(list, inner);
	}
	assert_int_equal(jsonpath_eval(*state, STR("..[*]..[*]..[?(@..[0])]..[*]..[?(@..[0])]"),
				 list, &found, &err),
		0);
	assert_int_equal(
		jsonpath_eval(*state, STR("[?($[*][*])][?($[*][*])]"), list, &found, &err), -1);
	assert_int_equal(err.code, ERROR_LIMITED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_path_selects_values),
		TEST(a_malformed_path_is_refused),
		TEST(a_message_names_path_and_column),
		TEST(a_path_that_visits_too_much_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
