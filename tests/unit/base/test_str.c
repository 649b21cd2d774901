/*
 * test_str.c - strings that carry their length.
 */
#include "base/str.h"

#include "base_test.h"

static void slices_are_clamped(void **state)
{
	struct str s = STR("abcdef");

	assert_true(str_eq_c(str_slice(s, 2, 3), "cde"));
	assert_true(str_eq_c(str_slice(s, 4, 99), "ef"));
	assert_true(str_eq_c(str_slice(s, 9, 1), ""));
	assert_true(str_is_null(str_slice(STR_NULL, 1, 1)));
	(void)state;
}

static void order_is_by_bytes(void **state)
{
	assert_true(str_cmp(STR("a"), STR("b")) < 0);
	assert_true(str_cmp(STR("a"), STR("aa")) < 0);
	assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
	assert_int_equal(str_cmp(STR(""), STR_NULL), 0);
	assert_int_equal(str_casecmp(STR("Content-TYPE"), STR("content-type")), 0);
	assert_true(str_casecmp(STR("a"), STR("B")) < 0);
	assert_true(str_eq(STR(""), STR_NULL));
	assert_true(str_starts_with(STR("abc"), STR("ab")));
	assert_false(str_starts_with(STR("a"), STR("ab")));
	assert_true(str_ends_with(STR("abc"), STR("bc")));
	assert_true(str_ends_with(STR("abc"), STR("")));
	(void)state;
}

static void places_are_found(void **state)
{
	assert_int_equal(str_index(STR("a/b/c"), '/'), 1);
	assert_int_equal(str_index(STR("abc"), '/'), -1);
	assert_int_equal(str_index(STR_NULL, '/'), -1);
	assert_int_equal(str_find(STR("aab"), STR("ab")), 1);
	assert_int_equal(str_find(STR("aab"), STR("")), 0);
	assert_int_equal(str_find(STR("a"), STR("ab")), -1);
	assert_true(str_eq_c(str_trim(STR(" \t a b\r\n")), "a b"));
	assert_true(str_eq_c(str_trim(STR("  ")), ""));
	(void)state;
}

static void cutting_visits_every_part(void **state)
{
	static const struct {
		const char *text, *parts;
	} rows[] = {{"a,b,c", "[a][b][c]"}, {"a,,c", "[a][][c]"}, {",", "[][]"}, {"", "[]"},
		{"abc", "[abc]"}};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char parts[64];
		size_t used = 0;
		for (struct str rest = str_of(rows[i].text); !str_is_null(rest);) {
			struct str part = str_cut(&rest, ',');
			used += (size_t)snprintf(
				parts + used, sizeof(parts) - used, "[%" STR_F "]", STR_A(part));
		}
		assert_string_equal(parts, rows[i].parts);
	}
	(void)state;
}

static void integers_are_whole_strings(void **state)
{
	static const struct {
		const char *text;
		bool is_number;
		int64_t number;
	} rows[] = {
		{"0", true, 0},
		{"-12", true, -12},
		{"+12", true, 12},
		{"007", true, 7},
		{"9223372036854775807", true, INT64_MAX},
		{"-9223372036854775808", true, INT64_MIN},
		{"9223372036854775808", false, 0},
		{"", false, 0},
		{" 1", false, 0},
		{"1 ", false, 0},
		{"1.0", false, 0},
		{"0x10", false, 0},
		{"-", false, 0},
		{"a", false, 0},
		{"00000000000000000000000000000000000000000000000000000000000000001", false, 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t number = 0;
		if (str_to_int64(str_of(rows[i].text), &number) != rows[i].is_number)
			fail_msg("\"%s\"", rows[i].text);
		assert_true(number == rows[i].number);
	}
	int64_t untouched = 5;
	assert_false(str_to_int64(str_n("1\0", 2), &untouched));
	assert_int_equal(untouched, 5);
	(void)state;
}

static void doubles_are_decimal_and_finite(void **state)
{
	static const struct {
		const char *text;
		bool is_number;
		double number;
	} rows[] = {
		{"1.5", true, 1.5},
		{"-1e3", true, -1000},
		{".5", true, 0.5},
		{"1e-400", true, 0},
		{"1e400", false, 0},
		{"inf", false, 0},
		{"nan", false, 0},
		{"-infinity", false, 0},
		{"0x1p3", false, 0},
		{"", false, 0},
		{" 1", false, 0},
		{"1x", false, 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		double number = 0;
		if (str_to_double(str_of(rows[i].text), &number) != rows[i].is_number)
			fail_msg("\"%s\"", rows[i].text);
		assert_true(!(number < rows[i].number) && !(number > rows[i].number));
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_are_clamped),
		cmocka_unit_test(order_is_by_bytes),
		cmocka_unit_test(places_are_found),
		cmocka_unit_test(cutting_visits_every_part),
		cmocka_unit_test(integers_are_whole_strings),
		cmocka_unit_test(doubles_are_decimal_and_finite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
