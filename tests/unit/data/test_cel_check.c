/* Tests src/data/cel_check.c, cel_signatures.c and cel_types.c. */
#include "data_test.h"

#include "base/cleanup.h"
#include "data/cel_check.h"
#include "data/cel_types.h"

static const struct cel_variable variables[] = {
	{"resource", "map(string, dyn)"},
	{"d", "dyn"},
	{"n", "int"},
	{"s", "string"},
	{"t", "timestamp"},
	{"names", "list(string)"},
};
static const char *const functions[] = {"condition(string) map(string, dyn)"};
static const struct cel_check_env everything = {
	.libraries = CEL_OPTIONALS | CEL_STRINGS | CEL_LISTS | CEL_BINDINGS | CEL_ADAPTER,
	.variables = variables,
	.variable_count = sizeof(variables) / sizeof(variables[0]),
	.functions = functions,
	.function_count = 1,
};

struct row {
	const char *expression;
	const char *expected; /* the type, or the whole message of the error */
};

static int check(struct arena *arena, const struct cel_check_env *env, const char *expression,
	struct str *ret_type, struct error *err)
{
	const struct cel *cel;

	if (cel_parse(arena, str_of(expression), &cel, err) != 0)
		fail_msg("%s: %s", expression, err->message);
	return cel_check(cel, arena, env, ret_type, err);
}

static void types_are_found(void **state)
{
	static const struct row rows[] = {
		{"1 + n", "int"},
		{"d + 1", "int"},
		{"d + d", "dyn"},
		{"d.a.b[0].c", "dyn"},
		{"resource.spec.replicas > 1 && s != ''", "bool"},
		{"condition('Ready').status == 'True'", "bool"},
		{"t - t > duration('1h')", "bool"},
		{"[1, 2].map(x, string(x))", "list(string)"},
		{"[1, 'a']", "list(dyn)"},
		{"[]", "list(dyn)"},
		{"[] + [1]", "list(int)"},
		{"{'a': [1]}", "map(string, list(int))"},
		{"names.filter(x, x != '').join(',')", "string"},
		{"resource.?spec.orValue({})", "dyn"},
		{"optional.of(1).optMap(x, [x])", "optional(list(int))"},
		{"cel.bind(x, n * n, x + x)", "int"},
		{"n > 1 ? s : names[0]", "string"},
		{"type(n)", "type(int)"},
		{"type(d) == int || type(d) == google.protobuf.Timestamp", "bool"},
		{"null == t", "bool"},
		{"toJson(d) + triState(true, false)", "string"},
		{"names.sortBy(x, size(x))", "list(string)"},
		{"[[1], [2]].flatten()", "list(int)"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		struct str type = STR("");

		if (check(*state, &everything, rows[i].expression, &type, &err) != 0)
			fail_msg("%s: %s", rows[i].expression, err.message);
		test_row_equals(rows[i].expression, type, rows[i].expected);
	}
}

static void what_can_never_work_is_refused_with_its_place(void **state)
{
	static const struct row rows[] = {
		{"nope", "line 1, column 1: undeclared reference to 'nope'"},
		{"n +\n  nope(1)", "line 2, column 3: undeclared reference to 'nope'"},
		{"n + s", "line 1, column 3: found no matching overload for '_+_' applied to "
			  "'(int, string)'"},
		{"1 + 1.5", "line 1, column 3: found no matching overload for '_+_' applied to "
			    "'(int, double)'"},
		{"1 < 1.5", "line 1, column 3: found no matching overload for '_<_' applied to "
			    "'(int, double)'"},
		{"s == n", "line 1, column 3: found no matching overload for '_==_' applied to "
			   "'(string, int)'"},
		{"d && n", "line 1, column 6: expected type 'bool' but found 'int'"},
		{"n.x", "line 1, column 3: type 'int' does not support field selection"},
		{"size(n)", "line 1, column 1: found no matching overload for 'size' applied to "
			    "'(int)'"},
		{"s.startsWith(n)", "line 1, column 3: found no matching overload for 'startsWith' "
				    "applied to 'string.(int)'"},
		{"n.all(x, true)",
			"line 1, column 1: expression of type 'int' cannot be range of a "
			"comprehension (must be list, map, or dynamic)"},
		{"names.all(x, x)", "line 1, column 14: expected type 'bool' but found 'string'"},
		{"names.map(x, x + y)", "line 1, column 18: undeclared reference to 'y'"},
		{"n > 1 ? s : n", "line 1, column 7: found no matching overload for '_?_:_' "
				  "applied to '(bool, string, int)'"},
		{"[?n]", "line 1, column 3: expected type 'optional(int)' but found 'int'"},
		{"condition(1)", "line 1, column 1: found no matching overload for 'condition' "
				 "applied to '(int)'"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		struct str type;

		if (check(*state, &everything, rows[i].expression, &type, &err) == 0)
			fail_msg("%s has type %" STR_F, rows[i].expression, STR_A(type));
		test_row_equals(rows[i].expression, str_of(err.message), rows[i].expected);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

static void libraries_are_there_only_when_asked_for(void **state)
{
	static const char *const expressions[] = {"d.?a", "d[?'a']", "[?d]", "{?'a': d}",
		"optional.of(1)", "d.optMap(x, x)", "s.trim()", "[1].sort()", "[2].sortBy(x, x)",
		"cel.bind(x, 1, x)", "now()", "condition('a')"};
	struct cel_check_env env = everything;

	env.libraries = 0;
	env.function_count = 0;
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		struct error err = {0};

		if (check(*state, &everything, expressions[i], NULL, &err) != 0)
			fail_msg("%s: %s", expressions[i], err.message);
		if (check(*state, &env, expressions[i], NULL, &err) == 0)
			fail_msg("%s is taken without its library", expressions[i]);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

/* Each step doubles the type: {x: x} of {x: x}. */
static void types_that_grow_without_end_are_refused(void **state)
{
	struct arena *arena = *state;
	struct error err = {0};
	struct str text = STR("b64 == {b63: b63}");

	for (int i = 64; i > 0; i--)
		text = arena_printf(arena, "cel.bind(b%d, {b%d: b%d}, %" STR_F ")", i, i - 1, i - 1,
			STR_A(text));
	text = arena_printf(arena, "cel.bind(b0, 1, %" STR_F ")", STR_A(text));
	assert_int_equal(check(arena, &everything, text.ptr, NULL, &err), -1);
	assert_string_equal(err.message, "the types of the expression are too large");
}

static void a_wrong_declaration_is_told(void **state)
{
	static const struct cel_variable wrong[] = {{"x", "list<int>"}};
	struct cel_check_env env = {.variables = wrong, .variable_count = 1};
	struct error err = {0};

	assert_int_equal(check(*state, &env, "x", NULL, &err), -1);
	assert_string_equal(err.message, "\"list<int>\" is not a type of CEL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(types_are_found),
		TEST(what_can_never_work_is_refused_with_its_place),
		TEST(libraries_are_there_only_when_asked_for),
		TEST(types_that_grow_without_end_are_refused),
		TEST(a_wrong_declaration_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
