/*
 * test_yaml.c - YAML as Kubernetes files use it: what it means, what is refused, and what is
 * written.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/yaml.h"
#include "data_test.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct str to_json(struct arena *arena, const char *text)
{
	struct json *value = NULL;
	struct error err = {0};

	if (yaml_parse(arena, str_of(text), &value, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return json_text(arena, value, JSON_WRITE_COMPACT);
}

static void plain_scalars_resolve_as_kubernetes_reads_them(void **state)
{
	static const struct {
		const char *yaml, *json;
	} rows[] = {
		{"", "null"},
		{"~", "null"},
		{"null", "null"},
		{"Null", "null"},
		{"nUll", "\"nUll\""},
		{"true", "true"},
		{"True", "true"},
		{"FALSE", "false"},
		{"yes", "\"yes\""},
		{"no", "\"no\""},
		{"on", "\"on\""},
		{"Off", "\"Off\""},
		{"NO", "\"NO\""},
		{"0", "0"},
		{"-12", "-12"},
		{"+12", "12"},
		{"0644", "420"},
		{"0o17", "15"},
		{"0x1F", "31"},
		{"-0x10", "-16"},
		{"0b101", "5"},
		{"089", "89"},
		{"1_000", "1000"},
		{"_1", "\"_1\""},
		{"0x", "\"0x\""},
		{"0xfffffffffffffffffffff", "\"0xfffffffffffffffffffff\""},
		{"0x-1", "\"0x-1\""},
		{"12345678901234567890123", "12345678901234567890123"},
		{"4.20", "4.20"},
		{".5", "0.5"},
		{"-.5", "-0.5"},
		{"5.", "5"},
		{"007.5", "7.5"},
		{"1e3", "1e3"},
		{"5.e3", "5e3"},
		{"1.5E-3", "1.5E-3"},
		{"0_.", "0"},
		{"0_0_9._5", "9.5"},
		{"._5", "\"._5\""},
		{".", "\".\""},
		{"1.2.3", "\"1.2.3\""},
		{"1e", "\"1e\""},
		{"-", "[null]"},
		{"2001-01-01", "\"2001-01-01\""},
		{"10.0.0.0/16", "\"10.0.0.0/16\""},
		{"quay.io/a/b:4.20@sha256:0", "\"quay.io/a/b:4.20@sha256:0\""},
		{"\"5\"", "\"5\""},
		{"'true'", "\"true\""},
		{"\"a\\u00e9\\n\\x41\"", "\"a\xc3\xa9\\nA\""},
		{"!!str 5", "\"5\""},
		{"!!int \"5\"", "5"},
		{"!!float 5", "5"},
		{"! 5", "\"5\""},
		{"|\n a\n b\n", "\"a\\nb\\n\""},
		{">-\n a\n b\n", "\"a b\""},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		test_row_equals(rows[i].yaml, to_json(*state, rows[i].yaml), rows[i].json);
}

static void collections_become_documents(void **state)
{
	static const struct {
		const char *yaml, *json;
	} rows[] = {
		{"a: 1\nb:\n- x\n- y: [1, {c: d}]\n",
			"{\"a\":1,\"b\":[\"x\",{\"y\":[1,{\"c\":\"d\"}]}]}"},
		{"a:\nb: ''\n", "{\"a\":null,\"b\":\"\"}"},
		{"{\"json\": [true, null, 1.5]}", "{\"json\":[true,null,1.5]}"},
		{"# only a comment\n", "null"},
		{"---\na: 1\n...\n", "{\"a\":1}"},
		{"on: 1\n", "{\"on\":1}"},
		{"? a\n: b\n", "{\"a\":\"b\"}"},
		{"!!map {a: !!seq [1]}", "{\"a\":[1]}"},
		{"a: &x {b: 1}\nc: *x\n", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}"},
		{"- &k key\n- {*k : 1}\n", "[\"key\",{\"key\":1}]"},
		{"a: &x {p: 1, q: 2}\nb: {<<: *x, p: 3}\n",
			"{\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":3,\"q\":2}}"},
		{"a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc: {<<: [*x, *y]}\n",
			"{\"a\":{\"p\":1},\"b\":{\"p\":2,\"q\":2},\"c\":{\"p\":1,\"q\":2}}"},
		{"'<<': 1\n", "{\"<<\":1}"},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		test_row_equals(rows[i].yaml, to_json(*state, rows[i].yaml), rows[i].json);
}

static void bad_yaml_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *yaml, *message;
	} rows[] = {
		{"a: 1\na: 2\n", "line 2, column 1: duplicate key \"a\""},
		{"a: 1\n1: 2\n",
			"line 2, column 1: a key must be a string, not a number: put it in quotes"},
		{"true: 2\n", "line 1, column 1: a key must be a string, not a boolean: put it in "
			      "quotes"},
		{"? [a]\n: 2\n", "line 1, column 3: a key must be a string, not a collection"},
		{"a: *x\n", "line 1, column 4: the alias *x has no anchor before it"},
		{"a: &x [*x]\n", "line 1, column 8: the alias *x has no anchor before it"},
		{"a: .inf\n", "line 1, column 4: .inf has no form in JSON"},
		{"a: -.Inf\n", "line 1, column 4: -.Inf has no form in JSON"},
		{"a: !!binary aGk=\n",
			"line 1, column 4: the tag tag:yaml.org,2002:binary is not one that JSON "
			"can hold"},
		{"a: !mine {}\n", "line 1, column 4: the tag !mine is not one that JSON can hold"},
		{"!!int x\n", "line 1, column 1: \"x\" is not a value for the tag !!int"},
		{"!!seq {}\n", "line 1, column 1: a value tagged !!seq must not be a mapping"},
		{"a: [1\n", "line 2, column 1: did not find expected ',' or ']'"},
		{"a:\n\t- 1\n", "line 2, column 1: found character that cannot start any token"},
		{"a: {<<: 1}\n",
			"line 1, column 10: << takes a mapping or a sequence of mappings, not a "
			"number"},
		{"--- 1\n--- 2\n", "line 2, column 1: a second document, where one is expected"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json *value = NULL;
		struct error err = {0};
		assert_int_equal(yaml_parse(*state, str_of(rows[i].yaml), &value, &err), -1);
		test_row_equals(rows[i].yaml, str_of(err.message), rows[i].message);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_null(value);
	}
}

static void bytes_that_are_not_text_are_refused(void **state)
{
	struct json *value;
	struct error err;

	assert_int_equal(yaml_parse(*state, STR("a: \xff\xfe\n"), &value, &err), -1);
	assert_int_equal(err.code, ERROR_INVALID);
	assert_int_equal(yaml_parse(*state, STR("a: \x01\n"), &value, &err), -1);
}

static void all_documents_of_a_stream_are_read(void **state)
{
	struct json *value;
	struct error err;

	assert_int_equal(
		yaml_parse_all(
			*state, STR("---\na: 1\n---\n---\nb: 2\n--- null\n--- ''\n"), &value, &err),
		0);
	test_row_equals("stream", json_text(*state, value, 0), "[{\"a\":1},{\"b\":2},null,\"\"]");
	assert_int_equal(yaml_parse_all(*state, STR(""), &value, &err), 0);
	assert_int_equal(json_count(value), 0);
	/* Anchors end with their document. */
	assert_int_equal(yaml_parse_all(*state, STR("--- &x 1\n--- *x\n"), &value, &err), -1);
}

static void aliases_cannot_multiply_without_limit(void **state)
{
	struct buf text;
	struct json *value;
	struct error err;

	buf_init(&text, 0);
	buf_add_cstr(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 9; i++) {
		buf_printf(&text, "a%d: &a%d [", i, i);
		for (int k = 0; k < 10; k++)
			buf_printf(&text, "%s*a%d", k ? "," : "", i - 1);
		buf_add_cstr(&text, "]\n");
	}
	assert_int_equal(yaml_parse(*state, buf_str(&text), &value, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	buf_free(&text);
}

static void aliases_cannot_nest_without_limit(void **state)
{
	struct buf text;
	struct json *value;
	struct error err;

	buf_init(&text, 0);
	buf_add_cstr(&text, "a0: &a0 [x]\n");
	for (int i = 1; i < 200; i++)
		buf_printf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	assert_int_equal(yaml_parse(*state, buf_str(&text), &value, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	buf_clear(&text);
	for (int i = 0; i < 129; i++)
		buf_add_byte(&text, '[');
	for (int i = 0; i < 129; i++)
		buf_add_byte(&text, ']');
	assert_int_equal(yaml_parse(*state, buf_str(&text), &value, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	buf_free(&text);
}

static void an_exhausted_arena_fails_the_document(void **state)
{
	CLEANUP(cleanup_arena) struct arena *small = arena_new(600);
	struct json *value = NULL;
	struct error err;

	assert_int_equal(
		yaml_parse(small, STR("[1,2,3,4,5,6,7,8,9,a,b,c,d,e,f,g]"), &value, &err), -1);
	assert_int_equal(err.code, ERROR_MEMORY);
	assert_null(value);
	(void)state;
}

static struct str to_yaml(struct arena *arena, const struct json *value)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(0);

	assert_true(yaml_write(&out, value));
	return arena_str(arena, buf_str(&out));
}

static void documents_are_written_as_a_person_would(void **state)
{
	static const struct {
		const char *json, *yaml;
	} rows[] = {
		{"null", "null\n"},
		{"'x'", "x\n"},
		{"[]", "[]\n"},
		{"{'a':1,'b':[1,'x'],'c':{}}", "a: 1\nb:\n- 1\n- x\nc: {}\n"},
		{"{'a':{'b':{'c':true}}}", "a:\n  b:\n    c: true\n"},
		{"[{'a':1,'b':[2]},[3,[4]],[]]", "- a: 1\n  b:\n  - 2\n- - 3\n  - - 4\n- []\n"},
		{"{'a':'true','b':'5','c':'','d':'no','e':'~','f':'1e3'}",
			"a: \"true\"\nb: \"5\"\nc: \"\"\nd: \"no\"\ne: \"~\"\nf: \"1e3\"\n"},
		{"{'a':'x: y','b':'x #y','c':'- x','d':'x:','e':'x y','f':'a:b#c'}",
			"a: \"x: y\"\nb: \"x #y\"\nc: \"- x\"\nd: \"x:\"\ne: x y\nf: a:b#c\n"},
		{"{'a':'one\\ntwo\\n','b':'one\\ntwo','c':'one\\n\\n'}",
			"a: |\n  one\n  two\nb: |-\n  one\n  two\nc: |+\n  one\n\n"},
		{"['one\\n\\n  two']", "- |-\n  one\n\n    two\n"},
		{"{'a':'\\none','b':' x\\ny','c':'a\\tb'}",
			"a: \"\\none\"\nb: \" x\\ny\"\nc: \"a\\tb\"\n"},
		{"{'true':1,'<<':2,'a b':3}", "\"true\": 1\n\"<<\": 2\na b: 3\n"},
		{"{'a':'\\u0085\\u2028\\ufeff\\u007f\\u0000'}",
			"a: \"\\u0085\\u2028\\ufeff\\u007f\\u0000\"\n"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json *value = test_document(*state, rows[i].json), *again;
		struct str yaml = to_yaml(*state, value);
		struct error err = {0};
		test_row_equals(rows[i].json, yaml, rows[i].yaml);
		if (yaml_parse(*state, yaml, &again, &err) < 0)
			fail_msg("%s: %s", rows[i].yaml, err.message);
		if (!json_equal(value, again))
			fail_msg("%s reads otherwise", rows[i].yaml);
	}
}

static void spliced_text_is_written_in_one_line(void **state)
{
	struct json *value = json_new_object(*state);
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(0);

	json_set(value, "raw", json_new_raw(*state, STR("{\n\"a\": [1,\n2]}")));
	test_row_equals("raw", to_yaml(*state, value), "raw: {\"a\":[1,2]}\n");
	assert_false(yaml_write(&out, json_new_raw(*state, STR("{not json"))));
}

/* A string of characters that tempt readers into something else. */
static struct str tempting_text(struct arena *arena, unsigned *seed)
{
	static const char *const pieces[] = {"a", "b", " ", "  ", "\n", "\t", ":", "#", "-", "'",
		"\"", "\\", "{", "}", "[", ",", "&", "*", "!", "|", ">", "%", "@", "`", "0", "1",
		".", "e", "~", "?", "=", "\r", "\xc2\x85", "\xc3\xbc", "\xe2\x80\xa8",
		"\xef\xbb\xbf", "no", "---", "..."};
	struct buf text;

	buf_init(&text, 0);
	for (unsigned n = (unsigned)rand_r(seed) % 8; n > 0; n--)
		buf_add_cstr(&text, pieces[(unsigned)rand_r(seed) % COUNT(pieces)]);
	struct str copy = arena_str(arena, buf_str(&text));
	buf_free(&text);
	return copy;
}

static void whatever_is_written_reads_back_the_same(void **state)
{
	unsigned seed = 1;

	for (int i = 0; i < 20000; i++) {
		struct json *value = json_new_object(*state), *list = json_new_array(*state),
			    *again;
		struct error err = {0};
		json_set_str(value, tempting_text(*state, &seed),
			json_new_string(*state, tempting_text(*state, &seed)));
		json_append(list, json_new_string(*state, tempting_text(*state, &seed)));
		json_append(list, value);
		struct str yaml = to_yaml(*state, list);
		if (yaml_parse(*state, yaml, &again, &err) < 0)
			fail_msg("<%s>: %s", yaml.ptr, err.message);
		if (!json_equal(list, again))
			fail_msg("<%s> reads otherwise", yaml.ptr);
		arena_reset(*state);
	}
}

static void long_keys_read_back(void **state)
{
	struct json *value = json_new_object(*state), *again;
	struct error err;
	char key[3000];

	memset(key, 'k', sizeof(key));
	json_set_str(value, str_n(key, sizeof(key)), test_document(*state, "{'a':[1]}"));
	assert_int_equal(yaml_parse(*state, to_yaml(*state, value), &again, &err), 0);
	assert_true(json_equal(value, again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(plain_scalars_resolve_as_kubernetes_reads_them),
		TEST(collections_become_documents),
		TEST(bad_yaml_is_refused_with_its_place),
		TEST(bytes_that_are_not_text_are_refused),
		TEST(all_documents_of_a_stream_are_read),
		TEST(aliases_cannot_multiply_without_limit),
		TEST(aliases_cannot_nest_without_limit),
		TEST(an_exhausted_arena_fails_the_document),
		TEST(documents_are_written_as_a_person_would),
		TEST(spliced_text_is_written_in_one_line),
		TEST(whatever_is_written_reads_back_the_same),
		TEST(long_keys_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
