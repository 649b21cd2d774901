/*
 * cel_test.h - tables of expressions and what they give, shared by the tests of CEL.
 */
#ifndef REEVE_TESTS_CEL_TEST_H
#define REEVE_TESTS_CEL_TEST_H

#include "data_test.h"

#include "data/cel.h"

/* 2026-08-22T13:04:05.678Z */
#define CEL_TEST_NOW_US (INT64_C(1787403845) * 1000000 + 678000)

struct cel_row {
	const char *expression;
	const char *expected; /* compact JSON, members sorted; "none" for an empty optional */
};

static inline struct cel_env cel_test_env(struct arena *arena, const char *variables)
{
	return (struct cel_env){
		.variables = test_document(arena, variables), .now_us = CEL_TEST_NOW_US};
}

static inline int cel_test_eval(struct arena *arena, const struct cel_env *env,
	const char *expression, struct json **ret, struct error *err)
{
	const struct cel *cel;

	if (cel_parse(arena, str_of(expression), &cel, err) != 0)
		return -1;
	return cel_eval(cel, arena, env, ret, err);
}

static inline void cel_test_gives(
	struct arena *arena, const char *variables, const struct cel_row *rows, size_t count)
{
	struct cel_env env = cel_test_env(arena, variables);

	for (size_t i = 0; i < count; i++) {
		struct error err = {0};
		struct json *value = NULL;

		if (cel_test_eval(arena, &env, rows[i].expression, &value, &err) != 0)
			fail_msg("%s: %s", rows[i].expression, err.message);
		test_row_equals(rows[i].expression,
			value ? json_text(arena, value, JSON_WRITE_SORTED) : STR("none"),
			rows[i].expected);
	}
}

/* As above, but `expected` is the whole message of ERROR_INVALID. */
static inline void cel_test_fails(
	struct arena *arena, const char *variables, const struct cel_row *rows, size_t count)
{
	struct cel_env env = cel_test_env(arena, variables);

	for (size_t i = 0; i < count; i++) {
		struct error err = {0};
		struct json *value = NULL;

		if (cel_test_eval(arena, &env, rows[i].expression, &value, &err) == 0)
			fail_msg("%s gives %" STR_F, rows[i].expression,
				STR_A(json_text(arena, value, 0)));
		test_row_equals(rows[i].expression, str_of(err.message), rows[i].expected);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

#define CEL_GIVES(variables, rows) \
	cel_test_gives(*state, variables, rows, sizeof(rows) / sizeof((rows)[0]))
#define CEL_FAILS(variables, rows) \
	cel_test_fails(*state, variables, rows, sizeof(rows) / sizeof((rows)[0]))

#endif
