/* Tests src/data/schema_structural.c. */
#include "data_test.h"

#include "data/schema.h"

static const struct schema *compile(struct arena *arena, const char *text)
{
	struct json *document = test_document(arena, text);
	const struct schema *schema = NULL;
	struct error err = {0};

	if (schema_compile(arena, document, document, false, &schema, &err) != 0)
		fail_msg("%s: %s", text, err.message);
	return schema;
}

static void unknown_members_are_pruned(void **state)
{
	static const struct {
		const char *schema;
		const char *value;
		const char *pruned;
		const char *removed;
	} rows[] = {
		{"{'type':'object','properties':{'a':{'type':'integer'}}}", "{'b':1,'a':2,'c':3}",
			"{\"a\":2}", "b"},
		{"{'type':'object','properties':{'a':{'type':'array','items':{'type':'object',"
		 "'properties':{'x':{}}}}}}",
			"{'a':[{'x':1},{'y':2}]}", "{\"a\":[{\"x\":1},{}]}", "a[1].y"},
		{"{'type':'object'}", "{'a':1}", "{}", "a"},
		{"{'type':'object','x-kubernetes-preserve-unknown-fields':true}", "{'a':{'b':1}}",
			"{\"a\":{\"b\":1}}", ""},
		{"{'type':'object','x-kubernetes-preserve-unknown-fields':true,'properties':{'a':"
		 "{'type':'object','properties':{'x':{}}}}}",
			"{'a':{'x':1,'y':2},'b':1}", "{\"a\":{\"x\":1},\"b\":1}", "a.y"},
		{"{'type':'object','additionalProperties':{'type':'object','properties':{'x':{}}}}",
			"{'k':{'x':1,'y':2}}", "{\"k\":{\"x\":1}}", "k.y"},
		{"{'type':'object','additionalProperties':true}", "{'k':{'y':2}}",
			"{\"k\":{\"y\":2}}", ""},
		{"{'type':'object','x-kubernetes-embedded-resource':true,'properties':{'spec':{},"
		 "'metadata':{'type':'object'}}}",
			"{'apiVersion':'v1','kind':'X','metadata':{'name':'n'},'spec':1,'q':2}",
			"{\"apiVersion\":\"v1\",\"kind\":\"X\",\"metadata\":{\"name\":\"n\"},"
			"\"spec\":1}",
			"q"},
		{"{}", "{'a':1}", "{\"a\":1}", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct schema *schema = compile(*state, rows[i].schema);
		struct json *value = test_document(*state, rows[i].value);
		struct str removed;

		schema_prune(schema, value, *state, &removed);
		test_row_equals(rows[i].schema, json_text(*state, value, 0), rows[i].pruned);
		test_row_equals(rows[i].schema, removed, rows[i].removed);
		value = test_document(*state, rows[i].value);
		schema_prune(schema, value, *state, NULL);
		test_row_equals(rows[i].schema, json_text(*state, value, 0), rows[i].pruned);
	}
}

static void defaults_fill_what_is_absent(void **state)
{
	static const struct {
		const char *schema;
		const char *value;
		const char *defaulted;
	} rows[] = {
		{"{'properties':{'a':{'default':1},'b':{}}}", "{}", "{\"a\":1}"},
		{"{'properties':{'a':{'default':1}}}", "{'a':2}", "{\"a\":2}"},
		{"{'properties':{'a':{'default':1}}}", "{'a':null}", "{\"a\":1}"},
		{"{'properties':{'a':{'default':1,'nullable':true}}}", "{'a':null}",
			"{\"a\":null}"},
		{"{'properties':{'a':{'default':{},'properties':{'b':{'default':[1]}}}}}", "{}",
			"{\"a\":{\"b\":[1]}}"},
		{"{'properties':{'a':{'properties':{'b':{'default':1}}}}}", "{}", "{}"},
		{"{'items':{'properties':{'b':{'default':1}}}}", "[{},{'b':2}]",
			"[{\"b\":1},{\"b\":2}]"},
		{"{'additionalProperties':{'properties':{'b':{'default':1}}}}", "{'k':{}}",
			"{\"k\":{\"b\":1}}"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct schema *schema = compile(*state, rows[i].schema);
		struct json *value = test_document(*state, rows[i].value);

		schema_default(schema, value);
		test_row_equals(rows[i].schema, json_text(*state, value, 0), rows[i].defaulted);
	}
}

static void a_default_is_a_copy(void **state)
{
	const struct schema *schema =
		compile(*state, "{'properties':{'a':{'default':{'list':[]}}}}");
	struct json *first = test_document(*state, "{}"), *second = test_document(*state, "{}");

	schema_default(schema, first);
	json_append(json_find(first, "a", "list", NULL), json_new_int(*state, 1));
	schema_default(schema, second);
	test_row_equals("second", json_text(*state, second, 0), "{\"a\":{\"list\":[]}}");
}

static void topology_tells_how_to_merge(void **state)
{
	const struct schema *schema = compile(*state,
		"{'type':'object','properties':{'plain':{'type':'array','items':{'type':'string'}},"
		"'set':{'type':'array','x-kubernetes-list-type':'set'},"
		"'map':{'type':'array','x-kubernetes-list-type':'map',"
		"'x-kubernetes-list-map-keys':['name','port']},"
		"'atomic':{'type':'object','x-kubernetes-map-type':'atomic'},"
		"'labels':{'type':'object','additionalProperties':{'type':'string'}}}}");
	const struct str *keys = NULL;

	assert_int_equal(schema_merge(schema), SCHEMA_MERGE_GRANULAR);
	assert_int_equal(schema_merge(schema_child(schema, STR("plain"))), SCHEMA_MERGE_ATOMIC);
	assert_int_equal(schema_merge(schema_child(schema, STR("set"))), SCHEMA_MERGE_SET);
	assert_int_equal(schema_merge(schema_child(schema, STR("map"))), SCHEMA_MERGE_MAP);
	assert_int_equal(schema_merge(schema_child(schema, STR("atomic"))), SCHEMA_MERGE_ATOMIC);
	assert_int_equal(schema_merge(schema_child(schema, STR("labels"))), SCHEMA_MERGE_GRANULAR);
	assert_int_equal(schema_merge(NULL), SCHEMA_MERGE_GRANULAR);
	assert_int_equal(schema_map_keys(schema_child(schema, STR("map")), &keys), 2);
	assert_true(str_eq_c(keys[0], "name") && str_eq_c(keys[1], "port"));
	assert_int_equal(schema_map_keys(schema_child(schema, STR("set")), &keys), 0);
	assert_non_null(schema_items(schema_child(schema, STR("plain"))));
	assert_null(schema_items(NULL));
	assert_non_null(schema_child(schema_child(schema, STR("labels")), STR("any")));
	assert_null(schema_child(schema, STR("missing")));
	assert_null(schema_child(NULL, STR("missing")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unknown_members_are_pruned),
		TEST(defaults_fill_what_is_absent),
		TEST(a_default_is_a_copy),
		TEST(topology_tells_how_to_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
