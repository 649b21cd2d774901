/*
 * fuzz_cel.c - an expression over a fixed document. What it gives is a document that can be read
 * back, the same each time; as a condition it agrees with itself as a value.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/cel.h"

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
	const struct cel *cel;

	require(json_parse(arena, str_of(variables), NULL, &document, NULL) == 0);
	struct cel_env env = {.variables = document, .now_us = NOW_US, .cost_limit = COST};
	if (cel_parse(arena, str_n((const char *)bytes, size), &cel, &err) != 0 ||
		cel_eval(cel, arena, &env, &value, &err) != 0) {
		require(err.code != ERROR_NONE && err.message[0]);
		return 0;
	}
	if (value != NULL)
		check_result(arena, cel, &env, value);
	return 0;
}
