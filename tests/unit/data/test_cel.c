/* Tests src/data/cel_parse.c, cel_scan.c, cel_eval.c, cel_operators.c and cel_value.c. */
#include "cel_test.h"

#include "base/cleanup.h"

static const char variables[] =
	"{'a':{'b':{'c':1},'list':[1,2,3],'empty':{},'nothing':null,'x-y':true},'n':5,'f':2.5,'"
	"five':5.0,"
	"'s':'text','yes':true,'no':false,'nothing':null,'big':9223372036854775807,"
	"'items':[{'name':'p1','n':2},{'name':'p2','n':0}],'size':3}";

static void literals_give_themselves(void **state)
{
	static const struct cel_row rows[] = {
		{"1", "1"},
		{"-1", "-1"},
		{"0x1F", "31"},
		{"-0x10", "-16"},
		{"-9223372036854775808", "-9223372036854775808"},
		{"5u", "5"},
		{"18446744073709551615u", "18446744073709551615"},
		{"1.5", "1.5"},
		{"-.5e1", "-5"},
		{"'a\\n\\u00e9\\x41\\101\\''", "\"a\\n\xC3\xA9"
					       "AA'\""},
		{"r'a\\n'", "\"a\\\\n\""},
		{"\"\"\"a\n'\"b\"\"\"", "\"a\\n'\\\"b\""},
		{"b'abc'", "\"YWJj\""},
		{"b'\\xff'", "\"/w==\""},
		{"true", "true"},
		{"null", "null"},
		{"[1, 'a', [],]", "[1,\"a\",[]]"},
		{"{'a': 1, 'b': {'c': null},}", "{\"a\":1,\"b\":{\"c\":null}}"},
		{"{1: 'a', true: 'b', 2u: 'c'}", "{\"1\":\"a\",\"2\":\"c\",\"true\":\"b\"}"},
		{"1 // note\n + 1", "2"},
	};

	CEL_GIVES("{}", rows);
}

static void members_are_found_by_name_and_index(void **state)
{
	static const struct cel_row rows[] = {
		{"a.b.c", "1"},
		{".a.b.c", "1"},
		{"a['b'].c", "1"},
		{"a['x-y']", "true"},
		{"a.list[0]", "1"},
		{"a.list[2.0]", "3"},
		{"a.list[1u]", "2"},
		{"[1,2][1]", "2"},
		{"{'k': 'v'}.k", "\"v\""},
		{"{1: 'v'}[1.0]", "\"v\""},
		{"items[0].name", "\"p1\""},
		{"now", "\"2026-08-22T13:04:05.678Z\""},
		{"size", "3"},
		{"size('ab')", "2"},
	};
	static const struct cel_row failures[] = {
		{"a.missing", "no such key: missing"},
		{"a.missing.deeper", "no such key: missing"},
		{"a['missing']", "no such key: missing"},
		{"a.list[3]", "index out of bounds: 3"},
		{"a.list[-1]", "index out of bounds: -1"},
		{"a.list['x']", "no such overload: _[_](list, string)"},
		{"s.x", "no such field: x of a string"},
		{"s[0]", "no such overload: _[_](string, int)"},
		{"unknown", "undeclared reference to 'unknown'"},
		{"unknown()", "undeclared reference to function 'unknown'"},
		{"s.unknown()", "undeclared reference to function 'unknown'"},
		{"size(1, 2)", "no such overload: size(int, int)"},
	};

	CEL_GIVES(variables, rows);
	CEL_FAILS(variables, failures);
}

static void operators_bind_as_in_the_grammar(void **state)
{
	static const struct cel_row rows[] = {
		{"1 + 2 * 3 - 4 / 2 % 2", "7"},
		{"(1 + 2) * 3", "9"},
		{"10 - 4 - 3", "3"},
		{"1 + 2 == 3 && !false || no", "true"},
		{"yes || no && no", "true"},
		{"- - 5", "5"},
		{"-n", "-5"},
		{"!!yes", "true"},
		{"1 < 2 == true", "true"},
		{"yes ? (no ? 1 : 2) : 3", "2"},
		{"no ? 1 : yes ? 2 : 3", "2"},
		{"2 in a.list", "true"},
		{"'b' in a", "true"},
		{"'q' in a", "false"},
		{"1.0 in {1: 2}", "true"},
		{"-1 + 2", "1"},
		{"n-1", "4"},
		{"7 / 2", "3"},
		{"-7 / 2", "-3"},
		{"-7 % 3", "-1"},
		{"7u / 2u", "3"},
		{"'a' + 'b'", "\"ab\""},
		{"[1] + [2, 3]", "[1,2,3]"},
		{"b'a' + b'b'", "\"YWI=\""},
		{"1.0 / 0.0 > 1e300", "true"},
	};

	CEL_GIVES(variables, rows);
}

static void numbers_compare_and_mix_by_value(void **state)
{
	static const struct cel_row rows[] = {
		{"n == 5.0 && five == 5 && 5u == 5", "true"},
		{"1 < 1.5 && 1.5 < 2u && 2u < 3", "true"},
		{"9007199254740993 == 9007199254740992.0", "false"},
		{"big > 9223372036854775807.0", "false"},
		{"-1 < 0u", "true"},
		{"18446744073709551615u > 9223372036854775807", "true"},
		{"n + f", "7.5"},
		{"five * 2.0", "10"},
		{"n * 2.0", "10"},
		{"n / 2", "2"},
		{"n / a.list[1]", "2.5"},
		{"int(n) / int(a.list[1])", "2"},
		{"n + 1", "6"},
		{"n / five", "1"},
		{"{'a': 1.0} == {'a': 1}", "true"},
		{"[1, [2u]] == [1.0, [2]]", "true"},
		{"1 == '1'", "false"},
		{"1 != '1'", "true"},
		{"null == nothing", "true"},
		{"null == 0", "false"},
		{"0.0 / 0.0 == 0.0 / 0.0", "false"},
		{"0.0 / 0.0 < 1.0 || 0.0 / 0.0 >= 1.0", "false"},
		{"'a' < 'b' && b'a' < b'b' && false < true", "true"},
		{"{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"},
		{"{'a': 1} == {'b': 1}", "false"},
	};

	CEL_GIVES(variables, rows);
}

static void what_makes_no_sense_is_an_error(void **state)
{
	static const struct cel_row rows[] = {
		{"big + 1", "integer overflow"},
		{"-9223372036854775808 - 1", "integer overflow"},
		{"big * 2", "integer overflow"},
		{"-(-9223372036854775808)", "integer overflow"},
		{"-9223372036854775808 / -1", "integer overflow"},
		{"0u - 1u", "unsigned integer overflow"},
		{"1 / 0", "division by zero"},
		{"1 % 0", "modulus by zero"},
		{"1u / 0u", "division by zero"},
		{"1 + 1u", "no such overload: _+_(int, uint)"},
		{"1 + 'a'", "no such overload: _+_(int, string)"},
		{"f % 2.0", "no such overload: _%_(double, double)"},
		{"'a' < 1", "no such overload: _<_(string, int)"},
		{"{} < {}", "no such overload: _<_(map, map)"},
		{"!n", "no such overload: !_(int)"},
		{"-s", "no such overload: -_(string)"},
		{"n ? 1 : 2", "no such overload: _?_:_(int)"},
		{"n && yes", "no such overload: _&&_(int)"},
		{"1 in 'abc'", "no such overload: @in(int, string)"},
		{"{'a': 1, 'a': 2}", "a key appears twice in a map literal"},
		{"{1.5: 2}", "a double cannot be a key"},
	};

	CEL_FAILS(variables, rows);
}

static void logic_absorbs_errors(void **state)
{
	static const struct cel_row rows[] = {
		{"a.missing == 1 || yes", "true"},
		{"yes || a.missing == 1", "true"},
		{"a.missing == 1 && no", "false"},
		{"no && a.missing", "false"},
		{"n || yes", "true"},
		{"no && n", "false"},
		{"[1, 0].exists(x, 1 / x == 1)", "true"},
		{"[0, 1].exists(x, 1 / x == 1)", "true"},
		{"[0, 2].all(x, 1 / x == 1)", "false"},
		{"yes ? 1 : a.missing", "1"},
	};
	static const struct cel_row failures[] = {
		{"a.missing == 1 || no", "no such key: missing"},
		{"a.missing == 1 && yes", "no such key: missing"},
		{"[0, 1].all(x, 1 / x == 1)", "division by zero"},
		{"[0].exists(x, 1 / x == 1)", "division by zero"},
		{"[1, 0].exists_one(x, 1 / x == 1)", "division by zero"},
	};

	CEL_GIVES(variables, rows);
	CEL_FAILS(variables, failures);
}

static void macros_walk_lists_and_keys(void **state)
{
	static const struct cel_row rows[] = {
		{"has(a.b)", "true"},
		{"has(a.q)", "false"},
		{"has(a.nothing)", "true"},
		{"has(a.nothing.x)", "false"},
		{"has(a.b.c) && a.b.c == 1", "true"},
		{"items.all(i, i.n >= 0)", "true"},
		{"items.exists(i, i.name == 'p2')", "true"},
		{"items.exists_one(i, i.n == 0)", "true"},
		{"[].all(x, false)", "true"},
		{"[].exists(x, true)", "false"},
		{"items.map(i, i.name)", "[\"p1\",\"p2\"]"},
		{"items.map(i, i.n > 0, i.name)", "[\"p1\"]"},
		{"items.filter(i, i.n == 0)", "[{\"n\":0,\"name\":\"p2\"}]"},
		{"a.b.map(k, k)", "[\"c\"]"},
		{"{'x': 1, 'y': 2}.exists(k, k == 'y')", "true"},
		{"[1, 2].map(x, [3, 4].map(y, x * y))", "[[3,4],[6,8]]"},
		{"[1, 2].map(n, n)", "[1,2]"},
		{"[1].map(x, [2].map(x, x))", "[[2]]"},
		{"items.sortBy(i, i.n).map(i, i.name)", "[\"p2\",\"p1\"]"},
	};
	static const struct cel_row failures[] = {
		{"s.map(x, x)", "no such overload: macro(string)"},
		{"[1].filter(x, x)", "no such overload: macro(int)"},
		{"a.list.map(x, y)", "undeclared reference to 'y'"},
		{"[1].map(x, x) == x", "undeclared reference to 'x'"},
	};

	CEL_GIVES(variables, rows);
	CEL_FAILS(variables, failures);
}

static void optionals_carry_what_may_be_missing(void **state)
{
	static const struct cel_row rows[] = {
		{"a.?b.c.orValue(0)", "1"},
		{"a.?q.c.orValue(0)", "0"},
		{"a.?b.q.orValue(0)", "0"},
		{"a.?q", "none"},
		{"a.?b", "{\"c\":1}"},
		{"a.nothing.?x.orValue('d')", "\"d\""},
		{"s.?x.hasValue()", "false"},
		{"a[?'b'].hasValue()", "true"},
		{"a.list[?5].orValue(9)", "9"},
		{"a.list[?1].value()", "2"},
		{"a.?list[0].value()", "1"},
		{"a.?list[7].hasValue()", "false"},
		{"has(a.?b.c)", "true"},
		{"has(a.?q.c)", "false"},
		{"optional.of(1).value()", "1"},
		{"optional.none().orValue(2)", "2"},
		{"optional.ofNonZeroValue('').hasValue()", "false"},
		{"optional.ofNonZeroValue([0]).hasValue()", "true"},
		{"optional.none().or(optional.of(3)).value()", "3"},
		{"a.?b.optMap(x, x.c + 1).orValue(0)", "2"},
		{"a.?q.optMap(x, x.c + 1).orValue(0)", "0"},
		{"a.?b.optFlatMap(x, x.?c).orValue(0)", "1"},
		{"[?a.?q, ?optional.of(1), 2]", "[1,2]"},
		{"{?'x': a.?q, ?'y': optional.of(1)}", "{\"y\":1}"},
		{"optional.of(1) == optional.of(1.0)", "true"},
		{"optional.none() == optional.of(1)", "false"},
	};
	static const struct cel_row failures[] = {
		{"optional.none().value()", "optional.none() dereference"},
		{"n.orValue(1)", "no such overload: orValue(int)"},
		{"[?1]", "cannot use a int as an optional entry"},
	};

	CEL_GIVES(variables, rows);
	CEL_FAILS(variables, failures);
}

static void malformed_expressions_are_refused(void **state)
{
	static const struct cel_row rows[] = {
		{"", "line 1, column 1: unexpected end of the expression"},
		{"1 +", "line 1, column 4: unexpected end of the expression"},
		{"(1", "line 1, column 3: expected \")\""},
		{"a\n.", "line 2, column 2: expected a field name after the dot"},
		{"[1, 2", "line 1, column 6: expected \"]\""},
		{"{'a' 1}", "line 1, column 6: expected \":\""},
		{"1 2", "line 1, column 3: unexpected text after the expression"},
		{"'abc", "line 1, column 1: unterminated string"},
		{"'\\q'", "line 1, column 1: invalid escape in a string"},
		{"9223372036854775808", "line 1, column 1: the number is out of range"},
		{"18446744073709551616u", "line 1, column 1: the number is out of range"},
		{"12ab", "line 1, column 1: invalid number"},
		{"a @ b", "line 1, column 3: unexpected character 0x40 ('@')"},
		{"a = b", "line 1, column 3: unexpected character 0x3d ('=')"},
		{"for", "line 1, column 1: \"for\" is a reserved word"},
		{"T{a: 1}", "line 1, column 2: messages are not supported"},
		{"has(a)", "line 1, column 7: has() takes one field selection such as has(a.b)"},
		{"[1].map(1, 2)",
			"line 1, column 14: the first argument of a macro must be a name"},
		{"!-n", "line 1, column 2: expected a value"},
		{"yes ? no ? 1 : 2 : 3", "line 1, column 10: expected \":\""},
	};

	CEL_FAILS(variables, rows);
}

static void text_that_is_not_utf8_is_refused(void **state)
{
	const struct cel *cel;
	struct error err = {0};

	assert_int_equal(cel_parse(*state, STR("'\xff'"), &cel, &err), -1);
	assert_string_equal(err.message, "the expression is not UTF-8");
}

static void depth_is_bounded_and_chains_are_not_deep(void **state)
{
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(0);
	struct cel_env env = cel_test_env(*state, "{}");
	struct error err = {0};
	struct json *value;

	for (int i = 0; i < 1000; i++)
		buf_add_cstr(&text, "true && ");
	buf_add_cstr(&text, "true");
	assert_int_equal(cel_test_eval(*state, &env, buf_str(&text).ptr, &value, &err), 0);
	buf_clear(&text);
	for (int i = 0; i < 1000; i++)
		buf_add_cstr(&text, i % 2 ? "(" : "[");
	assert_int_equal(cel_test_eval(*state, &env, buf_str(&text).ptr, &value, &err), -1);
	assert_non_null(strstr(err.message, "nested too deeply"));
	buf_clear(&text);
	for (int i = 0; i < 1000; i++)
		buf_add_cstr(&text, "1 + ");
	buf_add_cstr(&text, "1");
	assert_int_equal(cel_test_eval(*state, &env, buf_str(&text).ptr, &value, &err), -1);
	assert_non_null(strstr(err.message, "nested too deeply"));
}

static void cost_is_bounded(void **state)
{
	static const char *const expressions[] = {
		"lists.range(1000).map(x, lists.range(1000).map(y, x * y))",
		"lists.range(50000).map(x, x).map(x, x).map(x, x)",
		"lists.range(2000).distinct().size()",
		/* Each step shares the one before twice: small in memory, endless as text. */
		"[[1,1]].map(a,[a,a]).map(a,[a,a]).map(a,[a,a]).map(a,[a,a]).map(a,[a,a])"
		".map(a,[a,a]).map(a,[a,a]).map(a,[a,a]).map(a,[a,a]).map(a,[a,a]).map(a,[a,a])"
		".map(a,[a,a]).map(a,[a,a]).map(a,[a,a]).map(a,[a,a]).map(a,[a,a]).map(a,[a,a])"
		".map(a,[a,a]).map(a,[a,a]).map(a,[a,a]).map(a,[a,a]).map(a,[a,a]).map(a,[a,a])",
	};
	struct cel_env env = cel_test_env(*state, "{}");

	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		struct error err = {0};
		struct json *value;

		env.cost_limit = 100000;
		if (cel_test_eval(*state, &env, expressions[i], &value, &err) == 0)
			fail_msg("%s was evaluated", expressions[i]);
		if (err.code != ERROR_LIMITED)
			fail_msg("%s: %s", expressions[i], err.message);
	}
}

static void running_out_of_cost_is_not_absorbed(void **state)
{
	struct cel_env env = cel_test_env(*state, "{}");
	struct error err = {0};
	struct json *value;

	env.cost_limit = 100;
	assert_int_equal(
		cel_test_eval(*state, &env, "lists.range(1000).all(x, true) || true", &value, &err),
		-1);
	assert_int_equal(err.code, ERROR_LIMITED);
}

static int add_up(struct arena *arena, void *context, struct json **arguments, struct json **ret,
	struct error *err)
{
	if (!json_is(arguments[0], JSON_NUMBER))
		return error_set(err, ERROR_INVALID, "%s needs a number", (const char *)context);
	*ret = json_new_int(arena, json_int(arguments[0], 0) + json_int(arguments[1], 0));
	return 0;
}

static void what_a_run_cost_is_told(void **state)
{
	struct cel_env env = cel_test_env(*state, "{'list':[1,2,3]}");
	uint64_t cost = 0, small;
	struct json *value = NULL;
	struct error err = {0};

	env.cost = &cost;
	assert_int_equal(cel_test_eval(*state, &env, "list[0] == 1", &value, &err), 0);
	small = cost;
	assert_true(small > 0);
	assert_int_equal(
		cel_test_eval(*state, &env, "list.all(x, list.all(y, x < y))", &value, &err), 0);
	assert_true(cost > small);
	env.cost_limit = small = cost - 1;
	assert_int_equal(
		cel_test_eval(*state, &env, "list.all(x, list.all(y, x < y))", &value, &err), -1);
	assert_int_equal(err.code, ERROR_LIMITED);
	assert_true(cost > small);
}

static void the_host_adds_functions(void **state)
{
	const struct cel_function functions[] = {
		{"add", 2, add_up, "add"}, {"size", 2, add_up, "size"}};
	struct cel_env env = cel_test_env(*state, "{'n':5}");
	struct error err = {0};
	struct json *value;

	env.functions = functions;
	env.function_count = 2;
	assert_int_equal(cel_test_eval(*state, &env, "add(n, 2) * 2", &value, &err), 0);
	assert_int_equal(json_int(value, 0), 14);
	assert_int_equal(cel_test_eval(*state, &env, "size(1, 2) + size([1])", &value, &err), 0);
	assert_int_equal(json_int(value, 0), 4);
	assert_int_equal(cel_test_eval(*state, &env, "add('x', 2)", &value, &err), -1);
	assert_string_equal(err.message, "add needs a number");
	assert_int_equal(cel_test_eval(*state, &env, "add(1)", &value, &err), -1);
	assert_string_equal(err.message, "undeclared reference to function 'add'");
}

static void a_condition_must_be_a_bool(void **state)
{
	struct cel_env env = cel_test_env(*state, "{'n':5}");
	struct error err = {0};
	const struct cel *cel;
	bool result = false;

	assert_int_equal(cel_parse(*state, STR("n > 4"), &cel, &err), 0);
	assert_int_equal(cel_eval_bool(cel, *state, &env, &result, &err), 0);
	assert_true(result);
	assert_int_equal(cel_parse(*state, STR("n"), &cel, &err), 0);
	assert_int_equal(cel_eval_bool(cel, *state, &env, &result, &err), -1);
	assert_string_equal(err.message, "the expression must give a bool, gives a int");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(literals_give_themselves),
		TEST(members_are_found_by_name_and_index),
		TEST(operators_bind_as_in_the_grammar),
		TEST(numbers_compare_and_mix_by_value),
		TEST(what_makes_no_sense_is_an_error),
		TEST(logic_absorbs_errors),
		TEST(macros_walk_lists_and_keys),
		TEST(optionals_carry_what_may_be_missing),
		TEST(malformed_expressions_are_refused),
		TEST(text_that_is_not_utf8_is_refused),
		TEST(depth_is_bounded_and_chains_are_not_deep),
		TEST(cost_is_bounded),
		TEST(running_out_of_cost_is_not_absorbed),
		TEST(what_a_run_cost_is_told),
		TEST(the_host_adds_functions),
		TEST(a_condition_must_be_a_bool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
