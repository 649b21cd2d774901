/*
 * test_tsl.c - trees of searches, written with all their parentheses, and what is not one.
 */
#include "data_test.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "data/tsl.h"

static void write_node(struct buf *out, const struct tsl *node);

static void write_all(struct buf *out, const struct tsl *first)
{
	for (const struct tsl *each = first; each; each = each->next) {
		if (each != first)
			buf_add_cstr(out, ", ");
		write_node(out, each);
	}
}

static void write_sides(struct buf *out, const struct tsl *node, const char *operator)
{
	buf_add_byte(out, '(');
	write_node(out, node->left);
	buf_printf(out, " %s%s ", node->is_negated ? "not " : "", operator);
	write_all(out, node->right);
	buf_add_byte(out, ')');
}

static void write_name(struct buf *out, const struct tsl *node)
{
	for (size_t i = 0; i < node->part_count; i++)
		buf_printf(out, "%s%" STR_F, i > 0 ? "|" : "", STR_A(node->parts[i]));
}

static void write_node(struct buf *out, const struct tsl *node)
{
	char operator[8];

	snprintf(operator, sizeof(operator), "%" STR_F,
		STR_A(str_slice(node->text, 0, node->text.len < 7 ? node->text.len : 7)));
	switch (node->type) {
	case TSL_AND:
		write_sides(out, node, "and");
		break;
	case TSL_OR:
		write_sides(out, node, "or");
		break;
	case TSL_NOT:
		buf_add_cstr(out, "not(");
		write_node(out, node->left);
		buf_add_byte(out, ')');
		break;
	case TSL_COMPARE:
	case TSL_MATH:
		write_sides(out, node, operator);
		break;
	case TSL_LIKE:
		write_sides(out, node, "like");
		break;
	case TSL_ILIKE:
		write_sides(out, node, "ilike");
		break;
	case TSL_IN:
		write_sides(out, node, "in");
		break;
	case TSL_BETWEEN:
		write_sides(out, node, "between");
		break;
	case TSL_IS_NULL:
		buf_add_byte(out, '(');
		write_node(out, node->left);
		buf_add_cstr(out, node->is_negated ? " is not null)" : " is null)");
		break;
	case TSL_NAME:
		write_name(out, node);
		break;
	case TSL_STRING:
		buf_printf(
			out, node->has_time ? "t'%" STR_F "'" : "'%" STR_F "'", STR_A(node->text));
		break;
	case TSL_NUMBER:
		buf_printf(out, "%.10g", node->number);
		break;
	case TSL_BOOL:
		buf_add_cstr(out, node->is_true ? "true" : "false");
		break;
	case TSL_NULL:
		buf_add_cstr(out, "null");
		break;
	case TSL_LIST:
		buf_add_byte(out, '[');
		write_all(out, node->left);
		buf_add_byte(out, ']');
		break;
	}
}

struct row {
	const char *search, *tree;
};

static void reads(void **state, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(4096);
		struct error err = {0};
		struct tsl *tree;

		if (tsl_parse(*state, str_of(rows[i].search), &tree, &err) != 0)
			fail_msg("%s: %s", rows[i].search, err.message);
		write_node(&out, tree);
		test_row_equals(rows[i].search, buf_str(&out), rows[i].tree);
	}
}

#define READS(rows) reads(state, rows, sizeof(rows) / sizeof((rows)[0]))

static void operators_bind_as_told(void **state)
{
	static const struct row rows[] = {
		{"a=1 or b=2 and c=3", "((a = 1) or ((b = 2) and (c = 3)))"},
		{"not a=1 and b=2", "(not((a = 1)) and (b = 2))"},
		{"Not NOT a=1", "not(not((a = 1)))"},
		{"a + b * 2 - 1 < c", "(((a + (b * 2)) - 1) < c)"},
		{"(a or b) and c", "((a or b) and c)"},
		{"a == 1 and b <> 2", "((a = 1) and (b != 2))"},
		{"a ~= 'x' or a ~! 'y'", "((a ~= 'x') or (a ~! 'y'))"},
		{"a in [1, 'b',] and c not in []", "((a in [1, 'b']) and (c not in []))"},
		{"a between 1 and 2 and b", "((a between 1, 2) and b)"},
		{"a not between -1 and 2", "(a not between -1, 2)"},
		{"a is null or b IS NOT NULL", "((a is null) or (b is not null))"},
		{"a not like 'x%' and b ilike \"y\"", "((a not like 'x%') and (b ilike 'y'))"},
		{"a=true and b=FALSE and c=null", "(((a = true) and (b = false)) and (c = null))"},
	};

	READS(rows);
}

static void words_are_read_as_told(void **state)
{
	static const struct row rows[] = {
		{"a.b.c", "a|b|c"},
		{"labels.example.com/tier-1", "labels|example|com/tier-1"},
		{"labels['a b'].c[d]", "labels|a b|c|d"},
		{"labels.\"x.y\"", "labels|x.y"},
		{"'it\\'s \\\\ `'", "'it's \\ `'"},
		{"`a\"b`", "'a\"b'"},
		{"5k", "5000"},
		{"2Mi", "2097152"},
		{"1.5e3", "1500"},
		{"-3", "-3"},
		{"2026-08-21", "t'2026-08-21'"},
		{"'2026-08-21'", "t'2026-08-21'"},
		{"2026-08-21T10:00:00.5Z", "t'2026-08-21T10:00:00.5Z'"},
		{"'2026-13-21'", "'2026-13-21'"},
		{"''", "''"},
	};

	READS(rows);
}

static void a_mistake_is_told_with_its_place(void **state)
{
	static const struct {
		const char *search, *sentence;
	} rows[] = {
		{"", "expected a field or a value at 'end'"},
		{"a = ", "expected a field or a value at 'end'"},
		{"a b", "unexpected text at 'b'"},
		{"a = 'x", "a string without end at ''x'"},
		{"(a = 1", "expected ')' at 'end'"},
		{"a = 1)", "unexpected text at ')'"},
		{"a in [1 2]", "expected ',' or ']' at '2'"},
		{"a in [1", "expected ',' or ']' at 'end'"},
		{"a between 1", "expected 'and' at 'end'"},
		{"a is 5", "expected 'null' at '5'"},
		{"a not 5", "expected in, like, ilike or between at '5'"},
		{"a.", "a name ends in the middle at ''"},
		{"a[b", "expected ']' at ''"},
		{"5kg = a", "not a number at '5kg = a'"},
		{"0x10 = a", "not a number at '0x10 = a'"},
		{"-a = 1", "expected a number after '-'"},
		{"and a", "expected a field or a value at 'and'"},
		{"a = $1", "expected a field or a value at '$'"},
		{"a; b", "unexpected text at ';'"},
		{"any a = 1", "unsupported comparison operator: any"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		struct tsl *tree;

		if (tsl_parse(*state, str_of(rows[i].search), &tree, &err) == 0)
			fail_msg("accepted: %s", rows[i].search);
		assert_int_equal(err.code, ERROR_INVALID);
		if (!strstr(err.message, rows[i].sentence))
			fail_msg("%s: %s", rows[i].search, err.message);
	}
}

static void depth_length_and_parts_are_bounded(void **state)
{
	CLEANUP(buf_free) struct buf deep = BUF_INITIALIZER(2 * TSL_MAX_LENGTH);
	struct error err = {0};
	struct tsl *tree;

	for (unsigned i = 0; i < TSL_MAX_DEPTH; i++)
		buf_add_cstr(&deep, "not ");
	buf_add_cstr(&deep, "a=1");
	assert_int_equal(tsl_parse(*state, buf_str(&deep), &tree, &err), 0);
	deep.len = 0;
	for (unsigned i = 0; i <= TSL_MAX_DEPTH; i++)
		buf_add_byte(&deep, '(');
	assert_int_equal(tsl_parse(*state, buf_str(&deep), &tree, &err), -1);
	assert_non_null(strstr(err.message, "nested too deeply"));
	deep.len = 0;
	buf_add_cstr(&deep, "a in [1");
	while (deep.len + 3 < TSL_MAX_LENGTH)
		buf_add_cstr(&deep, ",1");
	buf_add_byte(&deep, ']');
	assert_int_equal(tsl_parse(*state, buf_str(&deep), &tree, &err), -1);
	assert_non_null(strstr(err.message, "more than 1024 parts"));
	while (deep.len <= TSL_MAX_LENGTH)
		buf_add_byte(&deep, ' ');
	assert_int_equal(tsl_parse(*state, buf_str(&deep), &tree, &err), -1);
	assert_non_null(strstr(err.message, "at most 4096 characters"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(operators_bind_as_told),
		TEST(words_are_read_as_told),
		TEST(a_mistake_is_told_with_its_place),
		TEST(depth_length_and_parts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
