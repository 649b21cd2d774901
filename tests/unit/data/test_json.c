/*
 * test_json.c - documents: what is accepted, what is refused and where, and what comes out again.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "data/json.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static int setup(void **state)
{
	*state = arena_new(0);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static struct json *parse(struct arena *arena, const char *text)
{
	struct json *value = NULL;
	struct error err = {0};

	if (json_parse(arena, str_of(text), NULL, &value, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return value;
}

static void assert_text(
	struct arena *arena, const struct json *value, unsigned flags, const char *expected)
{
	struct str text = json_text(arena, value, flags);

	assert_non_null(text.ptr);
	assert_string_equal(text.ptr, expected);
}

static void documents_come_out_as_they_went_in(void **state)
{
	static const char *const texts[] = {
		"null",
		"true",
		"false",
		"0",
		"-0",
		"1.50",
		"1E+400",
		"12345678901234567890123",
		"\"\"",
		"\"plain\"",
		"\"gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80\"",
		"[]",
		"{}",
		"[1,[2,[3,[]]],{}]",
		"{\"b\":1,\"a\":{\"c\":[true,null]}}",
		"\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\"",
		"{\"\":0}",
	};

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_text(*state, parse(*state, texts[i]), JSON_WRITE_COMPACT, texts[i]);
}

static void white_space_and_escapes_are_normalised(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{" \t\r\n[ 1 , 2 ] \n", "[1,2]"},
		{"{ \"a\" : [ ] , \"b\" : { } }", "{\"a\":[],\"b\":{}}"},
		{"\"\\u0041\\/\\u00e9\"", "\"A/\xc3\xa9\""},
		{"\"\\ud83d\\ude00!\"", "\"\xf0\x9f\x98\x80!\""},
		{"\"eight by\\te\"", "\"eight by\\te\""},
		{"{\"\\u0061\":1}", "{\"a\":1}"},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_text(
			*state, parse(*state, rows[i].text), JSON_WRITE_COMPACT, rows[i].expected);
}

static void malformed_text_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"", "line 1, column 1: the text ends where a value should be"},
		{"  ", "line 1, column 3: the text ends where a value should be"},
		{"{", "line 1, column 2: the text ends where a key in quotes should be"},
		{"[1,\n 2,\n]", "line 3, column 1: found ']' where a value should be"},
		{"[1 2]", "line 1, column 4: found '2' where ',' or ']' should be"},
		{"{\"a\" 1}", "line 1, column 6: found '1' where ':' should be"},
		{"{\"a\":1,}", "line 1, column 8: found '}' where a key in quotes should be"},
		{"{a:1}", "line 1, column 2: found 'a' where a key in quotes should be"},
		{"1 1", "line 1, column 3: found '1' where the end of the document should be"},
		{"nul", "line 1, column 1: found 'n' where a value should be"},
		{"truex", "line 1, column 5: found 'x' where the end of the document should be"},
		{"NaN", "line 1, column 1: found 'N' where a value should be"},
		{"'a'", "line 1, column 1: found ''' where a value should be"},
		{"+1", "line 1, column 1: found '+' where a value should be"},
		{".5", "line 1, column 1: found '.' where a value should be"},
		{"01", "line 1, column 1: a number must not begin with a zero"},
		{"-01", "line 1, column 2: a number must not begin with a zero"},
		{"-", "line 1, column 2: the text ends where a digit should be"},
		{"1.", "line 1, column 3: the text ends where a digit should be"},
		{"1.e5", "line 1, column 3: found 'e' where a digit should be"},
		{"1e", "line 1, column 3: the text ends where a digit should be"},
		{"1e+", "line 1, column 4: the text ends where a digit should be"},
		{"\"abc", "line 1, column 5: the text ends where the rest of a string should be"},
		{"\"a\\", "line 1, column 4: the text ends where the rest of a string should be"},
		{"\"a\\\"", "line 1, column 5: the text ends where the rest of a string should be"},
		{"\"\\x\"", "line 1, column 2: an unknown escape in a string"},
		{"\"\\u12g4\"",
			"line 1, column 2: \\u must be followed by four hexadecimal digits"},
		{"\"\\u12", "line 1, column 2: \\u must be followed by four hexadecimal digits"},
		{"\"\\ud800\"", "line 1, column 2: a high surrogate without its low one"},
		{"\"\\ud800\\u0041\"", "line 1, column 2: a high surrogate without its low one"},
		{"\"\\udc00\"", "line 1, column 2: a low surrogate without its high one"},
		{"\"a\nb\"", "line 1, column 3: a control character in a string must be escaped"},
		{"\"a\tb\"", "line 1, column 3: a control character in a string must be escaped"},
		{"\"\xc0\xaf\"", "line 1, column 2: a string is not valid UTF-8"},
		{"\"\xed\xa0\x80\"", "line 1, column 2: a string is not valid UTF-8"},
		{"\"\xf4\x90\x80\x80\"", "line 1, column 2: a string is not valid UTF-8"},
		{"\"\xe2\x82\"", "line 1, column 2: a string is not valid UTF-8"},
		{"[\"\xc3\xbc\",]", "line 1, column 6: found ']' where a value should be"},
		{"{\"a\":1,\n  \"a\":2}", "line 2, column 3: duplicate key \"a\""},
		{"\xef\xbb\xbf{}", "line 1, column 1: found byte 0xef where a value should be"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json *value = NULL;
		struct error err = {0};
		assert_int_equal(json_parse(*state, str_of(rows[i].text), NULL, &value, &err), -1);
		assert_string_equal(err.message, rows[i].message);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_null(value);
	}
}

static void a_nul_byte_is_not_the_end(void **state)
{
	struct json *value = NULL;
	struct error err;

	assert_int_equal(json_parse(*state, str_n("1\0", 2), NULL, &value, &err), -1);
	assert_int_equal(json_parse(*state, str_n("\"a\0b\"", 5), NULL, &value, &err), -1);
}

static void limits_hold(void **state)
{
	struct json *value;
	struct error err;
	char deep[2 * 200 + 1];

	memset(deep, '[', 128);
	memset(deep + 128, ']', 128);
	assert_int_equal(json_parse(*state, str_n(deep, 256), NULL, &value, &err), 0);
	memset(deep, '[', 129);
	memset(deep + 129, ']', 129);
	assert_int_equal(json_parse(*state, str_n(deep, 258), NULL, &value, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	assert_string_equal(err.message, "line 1, column 129: nested deeper than 128 levels");

	const struct json_limits small = {.max_bytes = 4};
	assert_int_equal(json_parse(*state, STR("[12]"), &small, &value, &err), 0);
	assert_int_equal(json_parse(*state, STR("[123]"), &small, &value, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
}

static void an_exhausted_arena_fails_the_document(void **state)
{
	CLEANUP(cleanup_arena) struct arena *small = arena_new(512);
	struct json *value = NULL;
	struct error err;
	char text[4096];
	size_t length = 0;

	text[length++] = '[';
	while (length < sizeof(text) - 3)
		length += (size_t)snprintf(text + length, 3, "1,");
	text[length++] = '1';
	text[length++] = ']';
	assert_int_equal(json_parse(small, str_n(text, length), NULL, &value, &err), -1);
	assert_int_equal(err.code, ERROR_MEMORY);
	assert_null(value);
	(void)state;
}

/* `count` members named k0, k1, ..., of which the last is named like `duplicate`. */
static struct str many_members(struct arena *arena, int count, int duplicate)
{
	struct buf text;

	buf_init(&text, 0);
	buf_add_byte(&text, '{');
	for (int i = 0; i < count; i++)
		buf_printf(&text, "%s\"k%d\":%d", i ? "," : "", i + 1 == count ? duplicate : i, i);
	buf_add_byte(&text, '}');
	struct str copy = arena_str(arena, buf_str(&text));
	buf_free(&text);
	return copy;
}

static void duplicates_are_found_in_objects_of_any_size(void **state)
{
	static const int sizes[] = {2, 16, 17, 64, 1000};
	const struct json_limits last = {.last_key_wins = true};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct str text = many_members(*state, sizes[i], 0);
		struct json *value;
		struct error err;
		assert_int_equal(json_parse(*state, text, NULL, &value, &err), -1);
		assert_non_null(strstr(err.message, "duplicate key \"k0\""));
		assert_int_equal(json_parse(*state, text, &last, &value, &err), 0);
		assert_int_equal(json_count(value), sizes[i] - 1);
		assert_int_equal(json_int(json_get(value, "k0"), -1), sizes[i] - 1);
		assert_true(str_eq_c(json_key_at(value, 0), "k0"));
	}
}

static void members_are_found_in_objects_of_any_size(void **state)
{
	static const int sizes[] = {1, 16, 17, 100, 5000};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		int size = sizes[i];
		struct json *read = NULL, *built = json_new_object(*state);
		json_parse(*state, many_members(*state, size, size - 1), NULL, &read, NULL);
		for (int k = size - 1; k >= 0; k--)
			json_set_int(built, arena_printf(*state, "k%d", k).ptr, k);
		for (int k = 0; k < size; k++) {
			struct str key = arena_printf(*state, "k%d", k);
			assert_int_equal(json_int(json_get_str(read, key), -1), k);
			assert_int_equal(json_int(json_get_str(built, key), -1), k);
		}
		assert_null(json_get(read, "k"));
		assert_null(json_get(built, "none"));
		assert_true(json_equal(read, built));
		for (int k = 0; k < size; k += 2)
			assert_true(json_remove(built, arena_printf(*state, "k%d", k)));
		assert_int_equal(json_count(built), size / 2);
		for (int k = 0; k < size; k++)
			assert_int_equal(
				json_int(json_get(built, arena_printf(*state, "k%d", k).ptr), -1),
				k % 2 ? k : -1);
		assert_false(json_remove(built, STR("k0")));
	}
}

static void absent_is_answered_with_nothing(void **state)
{
	struct json *value = parse(*state, "{\"a\":{\"b\":[1,\"x\"]}}");

	assert_int_equal(json_int(json_at(json_find(value, "a", "b", NULL), 0), 7), 1);
	assert_null(json_find(value, "a", "c", "d", NULL));
	assert_null(json_get(NULL, "a"));
	assert_null(json_get(json_find(value, "a", "b", NULL), "a"));
	assert_null(json_at(value, 1));
	assert_null(json_at(NULL, 0));
	assert_int_equal(json_count(NULL), 0);
	assert_int_equal(json_count(json_at(json_find(value, "a", "b", NULL), 1)), 0);
	assert_true(str_is_null(json_get_text(value, "a")));
	assert_true(str_is_null(json_key_at(value, 1)));
	assert_true(json_is_null(NULL));
	assert_false(json_is(NULL, JSON_NULL));
	assert_true(json_bool(NULL, true));
	assert_true(fabs(json_double(value, 2.5) - 2.5) < 1e-9);
	assert_null(json_arena(NULL));
	assert_ptr_equal(json_arena(value), *state);
}

static void integers_are_read_however_they_are_written(void **state)
{
	static const struct {
		const char *text;
		bool is_int;
		int64_t value;
	} rows[] = {
		{"0", true, 0},
		{"-0.0e5", true, 0},
		{"5", true, 5},
		{"5.0", true, 5},
		{"5e0", true, 5},
		{"50e-1", true, 5},
		{"0.05e2", true, 5},
		{"1.25e2", true, 125},
		{"5.5", false, 0},
		{"5e-1", false, 0},
		{"9223372036854775807", true, INT64_MAX},
		{"9223372036854775808", false, 0},
		{"-9223372036854775808", true, INT64_MIN},
		{"-9223372036854775809", false, 0},
		{"9007199254740993", true, INT64_C(9007199254740993)},
		{"9.007199254740993e15", true, INT64_C(9007199254740993)},
		{"1e18", true, INT64_C(1000000000000000000)},
		{"1e19", false, 0},
		{"1e99999999999999999999", false, 0},
		{"1e-99999999999999999999", false, 0},
		{"0e99999999999999999999", true, 0},
		{"\"5\"", false, 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json *value = parse(*state, rows[i].text);
		int64_t number = 0;
		assert_int_equal(json_to_int(value, &number), rows[i].is_int);
		assert_true(number == rows[i].value);
		assert_true(json_int(value, -3) == (rows[i].is_int ? rows[i].value : -3));
	}
}

static void equality_is_by_value(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{"1", "1.0", true},
		{"1", "1e0", true},
		{"100", "1e2", true},
		{"1.10", "11e-1", true},
		{"0", "-0", true},
		{"0", "0e7", true},
		{"-1", "1", false},
		{"1", "1.0000000000000000000000001", false},
		{"9007199254740993", "9007199254740992", false},
		{"9007199254740993", "9007199254740993.0", true},
		{"1e400", "1e401", false},
		{"1e400", "10e399", true},
		{"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
		{"{\"a\":1,\"b\":2}", "{\"b\":2,\"c\":1}", false},
		{"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
		{"{\"a\":null}", "{\"b\":null}", false},
		{"[1,2]", "[2,1]", false},
		{"[1,2]", "[1,2,3]", false},
		{"[]", "{}", false},
		{"\"a\"", "\"\\u0061\"", true},
		{"\"a\"", "\"b\"", false},
		{"null", "false", false},
		{"true", "true", true},
		{"true", "false", false},
		{"\"1\"", "1", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json *a = parse(*state, rows[i].a), *b = parse(*state, rows[i].b);
		assert_int_equal(json_equal(a, b), rows[i].equal);
		assert_int_equal(json_equal(b, a), rows[i].equal);
	}
	assert_true(json_equal(NULL, NULL));
	assert_true(json_equal(NULL, parse(*state, "null")));
}

static void documents_are_built_and_changed(void **state)
{
	struct json *object = json_new_object(*state), *array = json_new_array(*state);

	json_set(object, "list", array);
	json_set_text(object, "name", STR("c1"));
	json_set_text(object, "absent", STR_NULL);
	json_set(object, "nothing", NULL);
	json_set_int(object, "min", INT64_MIN);
	json_set_bool(object, "on", true);
	json_set(object, "raw", json_new_raw(*state, STR("{\"as\": [\"is\"]}")));
	json_append(array, json_new_int(*state, 2));
	json_insert_at(array, 0, json_new_int(*state, 1));
	json_insert_at(array, 99, json_new_null(*state));
	json_append(array, NULL);
	assert_text(*state, object, JSON_WRITE_COMPACT,
		"{\"list\":[1,2,null],\"name\":\"c1\",\"min\":-9223372036854775808,\"on\":true,"
		"\"raw\":{\"as\": [\"is\"]}}");
	json_remove_at(array, 0);
	json_remove_at(array, 9);
	json_replace_at(array, 1, json_new_cstr(*state, "x"));
	json_set_int(object, "name", 5);
	json_remove(object, STR("raw"));
	json_remove(object, STR("min"));
	assert_text(
		*state, object, JSON_WRITE_COMPACT, "{\"list\":[2,\"x\"],\"name\":5,\"on\":true}");
	assert_false(arena_is_exhausted(*state));
}

static void a_copy_shares_nothing(void **state)
{
	CLEANUP(cleanup_arena) struct arena *source = arena_new(0);
	char text[] = "{\"a\":[1,\"two\",null,true,{\"b\":\"\\n\"}]}";
	struct json *value, *copy;

	assert_int_equal(json_parse(source, str_of(text), NULL, &value, NULL), 0);
	copy = json_copy(*state, value);
	assert_true(json_equal(copy, value));
	json_append(json_get(value, "a"), json_new_int(source, 1));
	memset(text, '#', sizeof(text) - 1);
	arena_reset(source);
	assert_text(
		*state, copy, JSON_WRITE_COMPACT, "{\"a\":[1,\"two\",null,true,{\"b\":\"\\n\"}]}");
	assert_null(json_copy(*state, NULL));
}

static void doubles_take_the_fewest_digits(void **state)
{
	static const struct {
		double number;
		const char *text;
	} rows[] = {{0.1, "0.1"}, {1.0 / 3, "0.3333333333333333"}, {5, "5"}, {-2.5, "-2.5"},
		{1e300, "1e+300"}, {0.30000000000000004, "0.30000000000000004"}, {INFINITY, "null"},
		{NAN, "null"}};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_text(*state, json_new_double(*state, rows[i].number), 0, rows[i].text);
}

static void text_is_laid_out_as_asked(void **state)
{
	struct json *value = parse(*state, "{\"b\":[1,{}],\"a\":{\"d\":[],\"c\":\"<&>\"}}");

	assert_text(
		*state, value, JSON_WRITE_SORTED, "{\"a\":{\"c\":\"<&>\",\"d\":[]},\"b\":[1,{}]}");
	assert_text(*state, value, JSON_WRITE_PRETTY,
		"{\n  \"b\": [\n    1,\n    {}\n  ],\n  \"a\": {\n    \"d\": [],\n    \"c\": "
		"\"<&>\"\n  }\n}");
	assert_text(*state, json_get(json_get(value, "a"), "c"), JSON_WRITE_HTML,
		"\"\\u003c\\u0026\\u003e\"");
	assert_text(*state, json_new_cstr(*state, "a\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"),
		JSON_WRITE_HTML, "\"a\\u2028\\u2029\xe2\x80\xaa\"");
	struct json *many = NULL;
	json_parse(*state, many_members(*state, 200, 199), NULL, &many, NULL);
	struct str sorted = json_text(*state, many, JSON_WRITE_SORTED);
	assert_true(str_starts_with(sorted, STR("{\"k0\":0,\"k1\":1,\"k10\":10,\"k100\":100,")));
}

static void bytes_that_are_not_text_leave_as_replacement_characters(void **state)
{
	assert_text(*state, json_new_string(*state, STR("a\xff\xc3\xbc\xe2\x82")), 0,
		"\"a\\ufffd\xc3\xbc\\ufffd\\ufffd\"");
	assert_text(*state, json_new_string(*state, STR("\x7f\x01")), 0, "\"\x7f\\u0001\"");
}

static void writing_stops_at_the_ceiling(void **state)
{
	struct buf out;

	buf_init(&out, 8);
	assert_false(json_write(&out, parse(*state, "[1,2,3,4,5]"), 0));
	assert_true(out.failed);
	buf_clear(&out);
	assert_true(json_write(&out, parse(*state, "[1,2,34]"), 0));
	assert_string_equal(out.ptr, "[1,2,34]");
	buf_free(&out);
}

static void an_exhausted_arena_passes_through_builders(void **state)
{
	CLEANUP(cleanup_arena) struct arena *small = arena_new(256);
	struct json *object = json_new_object(small);

	for (int i = 0; i < 100; i++)
		json_set(object, "k", json_new_cstr(small, "v"));
	assert_true(arena_is_exhausted(small));
	assert_null(json_new_object(small));
	assert_null(json_new_int(small, 1));
	assert_null(json_new_double(small, 1));
	json_set_int(NULL, "a", 1);
	json_append(NULL, object);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			documents_come_out_as_they_went_in, setup, teardown),
		cmocka_unit_test_setup_teardown(
			white_space_and_escapes_are_normalised, setup, teardown),
		cmocka_unit_test_setup_teardown(
			malformed_text_is_refused_with_its_place, setup, teardown),
		cmocka_unit_test_setup_teardown(a_nul_byte_is_not_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(limits_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_exhausted_arena_fails_the_document, setup, teardown),
		cmocka_unit_test_setup_teardown(
			duplicates_are_found_in_objects_of_any_size, setup, teardown),
		cmocka_unit_test_setup_teardown(
			members_are_found_in_objects_of_any_size, setup, teardown),
		cmocka_unit_test_setup_teardown(absent_is_answered_with_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			integers_are_read_however_they_are_written, setup, teardown),
		cmocka_unit_test_setup_teardown(equality_is_by_value, setup, teardown),
		cmocka_unit_test_setup_teardown(documents_are_built_and_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_copy_shares_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(doubles_take_the_fewest_digits, setup, teardown),
		cmocka_unit_test_setup_teardown(text_is_laid_out_as_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(
			bytes_that_are_not_text_leave_as_replacement_characters, setup, teardown),
		cmocka_unit_test_setup_teardown(writing_stops_at_the_ceiling, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_exhausted_arena_passes_through_builders, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
