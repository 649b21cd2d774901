/*
 * fuzz_cel.c - an expression over a fixed document, checked and evaluated. What it gives is a
 * document that can be read back, the same each time and at the same cost; as a condition it agrees
 * with itself as a value, and its value is of the type that the checker found.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/cel_check.h"

#define NOW_US (INT64_C(1787403845) * 1000000 + 678000)
#define COST 100000u

static const char variables[] =
	"{\"a\":{\"b\":{\"c\":1},\"list\":[1,2.5,\"x\"],\"null\":null},\"n\":5,\"s\":"
	"\"h\xC3\xA9llo\","
	"\"yes\":true,\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\","
	"\"last_transition_time\":\"2026-08-22T13:00:05Z\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static const struct cel_variable declared[] = {{"a", "dyn"}, {"n", "int"}, {"s", "string"},
	{"yes", "bool"}, {"conditions", "list(map(string, string))"}, {"now", "timestamp"}};

/* A value and the static type of it. */
static void check_type(struct str type, const struct json *value)
{
	static const struct {
		const char *type;
		enum json_type json;
	} types[] = {{"bool", JSON_BOOL}, {"int", JSON_NUMBER}, {"uint", JSON_NUMBER},
		{"string", JSON_STRING}, {"bytes", JSON_STRING}, {"timestamp", JSON_STRING},
		{"duration", JSON_STRING}, {"null", JSON_NULL}};

	/* null may stand for a time or a duration */
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		require(!str_eq_c(type, types[i].type) || json_is(value, types[i].json) ||
			(i >= 5 && json_is_null(value)));
	require(!str_starts_with(type, STR("list(")) || json_is(value, JSON_ARRAY));
	require(!str_starts_with(type, STR("map(")) || json_is(value, JSON_OBJECT));
}

static void check_result(struct arena *arena, const struct cel *cel, const struct cel_env *env,
	const struct json *value)
{
	struct json *again = NULL, *parsed;
	struct str text = json_text(arena, value, 0);
	struct error err = {0};
	bool condition = false;
	int is_bool;

	if (json_parse(arena, text, NULL, &parsed, &err) != 0)
		require(arena_is_exhausted(arena) || err.code == ERROR_TOO_LARGE);
	else
		require(json_equal(parsed, value));
	if (cel_eval(cel, arena, env, &again, NULL) != 0)
		require(arena_is_exhausted(arena));
	else if (!arena_is_exhausted(arena))
		require(str_eq(json_text(arena, again, 0), text) || arena_is_exhausted(arena));
	is_bool = cel_eval_bool(cel, arena, env, &condition, NULL);
	if (!arena_is_exhausted(arena))
		require((is_bool == 0) == json_is(value, JSON_BOOL) &&
			(is_bool != 0 || condition == json_bool(value, !condition)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new((size_t)64 << 20);
	struct json *document = NULL, *value = NULL;
	struct error err = {0};
	static const struct cel_check_env check_env = {
		.libraries = CEL_OPTIONALS | CEL_STRINGS | CEL_LISTS | CEL_BINDINGS | CEL_ADAPTER,
		.variables = declared,
		.variable_count = sizeof(declared) / sizeof(declared[0])};
	uint64_t cost = 0, first_cost;
	const struct cel *cel;
	struct str type = STR("");
	bool is_checked;

	require(json_parse(arena, str_of(variables), NULL, &document, NULL) == 0);
	struct cel_env env = {
		.variables = document, .now_us = NOW_US, .cost_limit = COST, .cost = &cost};
	if (cel_parse(arena, str_n((const char *)bytes, size), &cel, &err) != 0)
		return require(err.code != ERROR_NONE && err.message[0]), 0;
	is_checked = cel_check(cel, arena, &check_env, &type, &err) == 0;
	require(is_checked ? type.len > 0 : err.code != ERROR_NONE && err.message[0]);
	err = (struct error){0};
	if (cel_eval(cel, arena, &env, &value, &err) != 0)
		return require(err.code != ERROR_NONE && err.message[0]), 0;
	if (value == NULL)
		return 0;
	if (is_checked)
		check_type(type, value);
	first_cost = cost;
	check_result(arena, cel, &env, value);
	require(cost == first_cost || arena_is_exhausted(arena));
	return 0;
}
