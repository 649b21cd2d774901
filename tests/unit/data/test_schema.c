/* Tests src/data/schema_compile.c, schema_validate.c, schema_format.c and schema_unique.c. */
#include "data_test.h"

#include "base/cleanup.h"
#include "data/schema.h"

static const struct schema *compile(struct arena *arena, const char *text, bool strict)
{
	struct json *document = test_document(arena, text);
	const struct schema *schema = NULL;
	struct error err = {0};

	if (schema_compile(arena, document, document, strict, &schema, &err) != 0)
		fail_msg("%s: %s", text, err.message);
	return schema;
}

/* The report as text: "field (type): message" for each violation, one a line. */
static struct str report_of(
	struct arena *arena, const struct schema *schema, const struct json *value)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(0);
	struct schema_report report;
	bool conforms = schema_validate(schema, arena, STR("v"), value, &report);

	assert_int_equal(conforms, report.count == 0);
	assert_int_equal(schema_validate(schema, arena, STR("v"), value, NULL), conforms);
	for (size_t i = 0; i < report.count; i++)
		buf_printf(&out, "%s%" STR_F " (%" STR_F "): %" STR_F, i ? "\n" : "",
			STR_A(report.items[i].field), STR_A(report.items[i].type),
			STR_A(report.items[i].message));
	return arena_str(arena, buf_str(&out));
}

struct row {
	const char *schema;
	const char *value;
	const char *report; /* empty: conforms */
};

static void reports(struct arena *arena, bool strict, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct schema *schema = compile(arena, rows[i].schema, strict);
		struct json *value = test_document(arena, rows[i].value);
		struct str row = arena_printf(arena, "%s / %s", rows[i].schema, rows[i].value);

		test_row_equals(row.ptr, report_of(arena, schema, value), rows[i].report);
	}
}

#define REPORTS(rows) reports(*state, false, rows, sizeof(rows) / sizeof((rows)[0]))
#define REPORTS_STRICT(rows) reports(*state, true, rows, sizeof(rows) / sizeof((rows)[0]))

static void types_are_checked(void **state)
{
	static const struct row rows[] = {
		{"{}", "null", ""},
		{"{}", "[1]", ""},
		{"{'type':'integer'}", "5", ""},
		{"{'type':'integer'}", "5.0", ""},
		{"{'type':'integer'}", "123456789012345678901234567890", ""},
		{"{'type':'integer'}", "5.5", "v (type): must be an integer, is 5.5"},
		{"{'type':'integer'}", "'5'", "v (type): must be an integer, is a string"},
		{"{'type':'number'}", "5.5", ""},
		{"{'type':'boolean'}", "1", "v (type): must be a boolean, is 1"},
		{"{'type':'string'}", "true", "v (type): must be a string, is a boolean"},
		{"{'type':'array'}", "{}", "v (type): must be an array, is an object"},
		{"{'type':'object'}", "[]", "v (type): must be an object, is an array"},
		{"{'type':'string'}", "null", "v (type): must be a string, is null"},
		{"{'type':'string','nullable':true}", "null", ""},
		{"{'x-kubernetes-int-or-string':true}", "5", ""},
		{"{'x-kubernetes-int-or-string':true}", "'5%'", ""},
		{"{'x-kubernetes-int-or-string':true}", "5.5",
			"v (type): must be an integer or a string, is a number"},
	};

	REPORTS(rows);
}

static void scalars_keep_their_bounds(void **state)
{
	static const struct row rows[] = {
		{"{'minimum':1,'maximum':3}", "1", ""},
		{"{'minimum':1,'maximum':3}", "0", "v (minimum): must be at least 1"},
		{"{'minimum':1,'maximum':3}", "3.5", "v (maximum): must be at most 3"},
		{"{'minimum':1,'exclusiveMinimum':true}", "1",
			"v (minimum): must be greater than 1"},
		{"{'maximum':9007199254740993}", "9007199254740994",
			"v (maximum): must be at most 9007199254740993"},
		{"{'multipleOf':5}", "15", ""},
		{"{'multipleOf':5}", "16", "v (multipleOf): must be a multiple of 5"},
		{"{'multipleOf':0.5}", "1.5", ""},
		{"{'minLength':2,'maxLength':3}", "'h\xC3\xA9'", ""},
		{"{'minLength':2,'maxLength':3}", "'\xC3\xA9'",
			"v (minLength): must have at least 2 characters"},
		{"{'minLength':2,'maxLength':3}", "'abcd'",
			"v (maxLength): must have at most 3 characters, has 4"},
		{"{'pattern':'^[a-z]+$'}", "'abc'", ""},
		{"{'pattern':'^[a-z]+$'}", "'aBc'", "v (pattern): must match ^[a-z]+$"},
		{"{'pattern':'b'}", "'abc'", ""},
		{"{'pattern':'^(a+)+$'}", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'",
			"v (pattern): is too complex to match against ^(a+)+$"},
		{"{'enum':['a',1,null]}", "1.0", ""},
		{"{'enum':['a','b']}", "'c'", "v (enum): must be one of [\"a\",\"b\"], is \"c\""},
	};

	REPORTS(rows);
}

static void formats_are_checked(void **state)
{
	static const struct {
		const char *format;
		const char *good[5];
		const char *bad[7];
	} rows[] = {
		{"date-time", {"'2026-01-31T12:00:00Z'", "'2026-01-31T12:00:00.5+01:00'", "5"},
			{"'2026-01-31'", "'2026-02-30T00:00:00Z'", "''"}},
		{"date", {"'2026-01-31'"}, {"'2026-02-30'", "'2026-1-3'", "''"}},
		{"duration", {"'1h30m'", "'10s'"}, {"'soon'", "''"}},
		{"uuid", {"'0190c5d0-7a6b-7000-8000-000000000001'"}, {"'0190c5d0'", "''"}},
		{"email", {"'a@b.c'"}, {"'a'", "'@b'", "'a@'", "'a@b@c'", "'a b@c'"}},
		{"uri", {"'https://x/y'", "'urn:x'", "'/path'"},
			{"'x'", "'http:// x'", "''", "':x'"}},
		{"hostname", {"'a'", "'a-b.example.com'"},
			{"''", "'-a'", "'a-'", "'a..b'", "'a.'", "'a_b'", "'a-.b'"}},
		{"ipv4", {"'10.0.0.1'"}, {"'10.0.0'", "'::1'", "'10.0.0.256'"}},
		{"ipv6", {"'::1'", "'fe80::1'"}, {"'10.0.0.1'", "'x'"}},
		{"cidr", {"'10.0.0.0/16'", "'::/0'"},
			{"'10.0.0.0'", "'10.0.0.0/33'", "'10.0.0.0/'", "'10.0.0.0/+1'"}},
		{"byte", {"''", "'YQ=='", "'YWI='", "'YWJj'"}, {"'YQ'", "'Y==='", "'YW=j'"}},
		{"int32", {"2147483647", "-2147483648"}, {"2147483648", "1.5"}},
		{"int64", {"9223372036854775807"}, {"9223372036854775808"}},
		{"double", {"1.5"}, {NULL}},
		{"password", {"'x'"}, {NULL}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct schema *schema = compile(
			*state, arena_printf(*state, "{'format':'%s'}", rows[i].format).ptr, false);

		for (size_t j = 0; j < 5 && rows[i].good[j]; j++) {
			if (!schema_validate(schema, *state, STR(""),
				    test_document(*state, rows[i].good[j]), NULL))
				fail_msg("%s refuses %s", rows[i].format, rows[i].good[j]);
		}
		for (size_t j = 0; j < 7 && rows[i].bad[j]; j++) {
			if (schema_validate(schema, *state, STR(""),
				    test_document(*state, rows[i].bad[j]), NULL))
				fail_msg("%s accepts %s", rows[i].format, rows[i].bad[j]);
		}
	}
}

static void containers_are_checked_with_their_paths(void **state)
{
	static const struct row rows[] = {
		{"{'properties':{'a':{'properties':{'b':{'type':'string'}}}}}", "{'a':{'b':1}}",
			"v.a.b (type): must be a string, is 1"},
		{"{'items':{'required':['n']}}", "[{'n':1},{},{'n':null}]",
			"v[1].n (required): is required"},
		{"{'required':['a','b']}", "{}",
			"v.a (required): is required\nv.b (required): is required"},
		{"{'required':['a']}", "[]", ""},
		{"{'minItems':1,'maxItems':2}", "[]",
			"v (minItems): must have at least 1 items, has 0"},
		{"{'minItems':1,'maxItems':2}", "[1,2,3]",
			"v (maxItems): must have at most 2 items, has 3"},
		{"{'minProperties':1,'maxProperties':1}", "{}",
			"v (minProperties): must have at least 1 members, has 0"},
		{"{'minProperties':1,'maxProperties':1}", "{'a':1,'b':2}",
			"v (maxProperties): must have at most 1 members, has 2"},
		{"{'additionalProperties':false,'properties':{'a':{}}}", "{'a':1,'b':2}",
			"v.b (unknown): is not a field that the schema knows"},
		{"{'additionalProperties':{'type':'string'}}", "{'a':'x','b':2}",
			"v.b (type): must be a string, is 2"},
		{"{'uniqueItems':true}", "[1,'1',[1],{'a':1,'b':2}]", ""},
		{"{'uniqueItems':true}", "[1,2,1.0]", "v[2] (unique): equals an item before it"},
		{"{'uniqueItems':true}", "[{'a':1,'b':[2]},{'b':[2],'a':1}]",
			"v[1] (unique): equals an item before it"},
		{"{'type':'array','x-kubernetes-list-type':'set'}", "['a','b','a']",
			"v[2] (unique): equals an item before it"},
		{"{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':"
		 "['n','p']}",
			"[{'n':'a','p':1},{'n':'a','p':2},{'n':'a','p':1,'x':0}]",
			"v[2] (unique): has the same keys as an item before it"},
	};

	REPORTS(rows);
}

static void branches_combine(void **state)
{
	static const struct row rows[] = {
		{"{'allOf':[{'minimum':1},{'maximum':3}]}", "4", "v (maximum): must be at most 3"},
		{"{'anyOf':[{'type':'string'},{'minimum':3}]}", "'x'", ""},
		{"{'anyOf':[{'type':'string'},{'minimum':3}]}", "2",
			"v (anyOf): must match at least one of the 2 forms allowed"},
		{"{'oneOf':[{'minimum':1},{'minimum':5}]}", "3", ""},
		{"{'oneOf':[{'minimum':1},{'minimum':5}]}", "6",
			"v (oneOf): must match exactly one of the 2 forms allowed, matches "
			"several"},
		{"{'oneOf':[{'minimum':1},{'minimum':5}]}", "0",
			"v (oneOf): must match exactly one of the 2 forms allowed, matches none"},
		{"{'not':{'required':['a']}}", "{}", ""},
		{"{'not':{'required':['a']}}", "{'a':1}",
			"v (not): must not have the form that is excluded"},
		{"{'oneOf':[{'required':['a']},{'required':['b']}]}", "{'b':1}", ""},
	};

	REPORTS(rows);
}

static void a_strict_schema_knows_what_its_branches_name(void **state)
{
	static const struct row rows[] = {
		{"{'type':'object','properties':{'a':{}}}", "{'a':1,'b':2}",
			"v.b (unknown): is not a field that the schema knows"},
		{"{'type':'object','additionalProperties':true}", "{'b':2}", ""},
		{"{'type':'object','x-kubernetes-preserve-unknown-fields':true}", "{'b':2}", ""},
		{"{'allOf':[{'properties':{'a':{}}},{'properties':{'b':{}}}]}", "{'a':1,'b':2}",
			""},
		{"{'allOf':[{'properties':{'a':{}}},{'properties':{'b':{}}}]}", "{'c':1}",
			"v.c (unknown): is not a field that the schema knows"},
	};

	REPORTS_STRICT(rows);
}

static void an_embedded_resource_has_a_kind_and_free_metadata(void **state)
{
	static const struct row rows[] = {
		{"{'type':'object','x-kubernetes-embedded-resource':true,'properties':{'spec':{}}}",
			"{'apiVersion':'v1','kind':'X','metadata':{'name':'n'},'spec':1}", ""},
		{"{'type':'object','x-kubernetes-embedded-resource':true,'properties':"
		 "{'metadata':{'type':'string'}}}",
			"{'kind':'X','metadata':{}}", "v.apiVersion (required): is required"},
	};

	REPORTS_STRICT(rows);
}

static void references_are_followed_and_may_recur(void **state)
{
	static const char document[] =
		"{'defs':{'tree':{'type':'object','properties':{'v':{'$ref':'#/defs/n'},"
		"'children':{'type':'array','items':{'$ref':'#/defs/tree'}},"
		"'next':{'allOf':[{'$ref':'#/defs/tree'}]}}},'n':{'type':'integer'}}}";
	struct json *root = test_document(*state, document);
	const struct schema *schema;
	struct error err = {0};

	assert_int_equal(schema_compile(*state, root, json_find(root, "defs", "tree", NULL), true,
				 &schema, &err),
		0);
	test_row_equals("tree",
		report_of(*state, schema,
			test_document(*state,
				"{'children':[{'v':1,'next':{'next':{'v':'x'}}},{'q':1}]}")),
		"v.children[0].next.next.v (type): must be an integer, is a string\n"
		"v.children[1].q (unknown): is not a field that the schema knows");
}

static void a_wrong_schema_is_refused(void **state)
{
	static const struct {
		const char *schema;
		const char *message;
	} rows[] = {
		{"[]", "a schema must be an object"},
		{"{'type':'text'}",
			"type: must be one of boolean, integer, number, string, array, object"},
		{"{'properties':{'a':{'items':{'format':'x'}}}}",
			"a: []: format \"x\" is not one we know"},
		{"{'minimun':1}", "minimun: is not a keyword of schemas that we know"},
		{"{'pattern':'('}", "pattern \"(\": missing closing parenthesis at offset 1"},
		{"{'minLength':-1}", "minLength: must be an integer of at least 0"},
		{"{'required':'a'}", "required: must be a list of strings"},
		{"{'nullable':1}", "nullable: must be true or false"},
		{"{'multipleOf':0}", "multipleOf: must be greater than 0"},
		{"{'enum':[]}", "enum: must be a list with at least one value"},
		{"{'allOf':[{'type':'x'}]}",
			"allOf[0]: type: must be one of boolean, integer, number, string, array, "
			"object"},
		{"{'$ref':'#/missing'}", "$ref \"#/missing\" is not in this document"},
		{"{'$ref':'other.yaml'}", "$ref \"other.yaml\" is not in this document"},
		{"{'$ref':'#'}", "$ref \"#\" refers to itself"},
		{"{'allOf':[{'$ref':'#'}]}",
			"allOf[0]: allOf[0]: the schema contains itself without a property or item "
			"between"},
		{"{'x-kubernetes-list-type':'map'}",
			"x-kubernetes-list-map-keys: must name the keys"},
		{"{'x-kubernetes-list-type':'x'}",
			"x-kubernetes-list-type: must be atomic, set or map"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json *document = test_document(*state, rows[i].schema);
		const struct schema *schema;
		struct error err = {0};

		if (schema_compile(*state, document, document, false, &schema, &err) == 0)
			fail_msg("%s was accepted", rows[i].schema);
		test_row_equals(rows[i].schema, str_of(err.message), rows[i].message);
	}
}

static void what_means_nothing_to_us_is_skipped(void **state)
{
	compile(*state,
		"{'title':'t','description':'d','example':1,'deprecated':true,'readOnly':true,"
		"'discriminator':{},'x-anything':1,'x-kubernetes-validations':[{'rule':'x'}]}",
		true);
}

static void violations_stop_at_the_limit(void **state)
{
	const struct schema *schema = compile(*state, "{'items':{'type':'string'}}", false);
	struct json *list = json_new_array(*state);
	struct schema_report report;

	for (unsigned i = 0; i < SCHEMA_MAX_VIOLATIONS + 10; i++)
		json_append(list, json_new_int(*state, i));
	assert_false(schema_validate(schema, *state, STR("v"), list, &report));
	assert_int_equal(report.count, SCHEMA_MAX_VIOLATIONS);
	assert_true(report.truncated);
}

static void long_lists_of_unique_items_take_no_time(void **state)
{
	const struct schema *schema = compile(*state, "{'uniqueItems':true}", false);
	struct json *list = json_new_array(*state);

	for (int i = 0; i < 100000; i++)
		json_append(list, json_new_int(*state, i));
	assert_true(schema_validate(schema, *state, STR("v"), list, NULL));
	json_append(list, json_new_int(*state, 77));
	test_row_equals("long", report_of(*state, schema, list),
		"v[100000] (unique): equals an item before it");
}

static void branches_inside_branches_are_stopped(void **state)
{
	/* Each level of the value is checked three times as often as the one above it. */
	const struct schema *schema = compile(*state,
		"{'anyOf':[{'properties':{'a':{'$ref':'#'}},'not':{}},"
		"{'properties':{'a':{'$ref':'#'}},'not':{}},"
		"{'properties':{'a':{'$ref':'#'}},'not':{}}]}",
		false);
	struct json *value = json_new_object(*state);
	struct json *inner = value;

	for (int i = 0; i < 60; i++) {
		struct json *next = json_new_object(*state);

		json_set(inner, "a", next);
		inner = next;
	}
	assert_non_null(strstr(report_of(*state, schema, value).ptr,
		"v (limit): takes too long to check against the schema"));
}

/* Giving up inside of `not` would otherwise read as "does not have that form". */
static void giving_up_is_never_a_pass(void **state)
{
	struct json *document =
		test_document(*state, "{'x':{'not':{'$ref':'#/deep'}},'deep':{'anyOf':["
				      "{'properties':{'a':{'$ref':'#/deep'}},'not':{}},"
				      "{'properties':{'a':{'$ref':'#/deep'}},'not':{}},"
				      "{'properties':{'a':{'$ref':'#/deep'}},'not':{}}]}}");
	struct json *value = json_new_object(*state), *inner = value;
	const struct schema *schema;

	for (int i = 0; i < 60; i++) {
		struct json *next = json_new_object(*state);

		json_set(inner, "a", next);
		inner = next;
	}
	assert_int_equal(
		schema_compile(*state, document, json_get(document, "x"), false, &schema, NULL), 0);
	assert_non_null(strstr(report_of(*state, schema, value).ptr,
		"v (limit): takes too long to check against the schema"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(types_are_checked),
		TEST(scalars_keep_their_bounds),
		TEST(formats_are_checked),
		TEST(containers_are_checked_with_their_paths),
		TEST(branches_combine),
		TEST(a_strict_schema_knows_what_its_branches_name),
		TEST(an_embedded_resource_has_a_kind_and_free_metadata),
		TEST(references_are_followed_and_may_recur),
		TEST(a_wrong_schema_is_refused),
		TEST(what_means_nothing_to_us_is_skipped),
		TEST(violations_stop_at_the_limit),
		TEST(long_lists_of_unique_items_take_no_time),
		TEST(branches_inside_branches_are_stopped),
		TEST(giving_up_is_never_a_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
