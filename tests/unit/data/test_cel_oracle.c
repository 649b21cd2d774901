/*
 * test_cel_oracle.c - every answer of cel-go in tests/oracle/cel_go/answers.jsonl against ours:
 * whether the expression parses and type-checks, its static type, its value, the value's type and
 * what it cost, or that it fails.
 *
 * Where we mean to differ, the expression stands in `known` with the reason; a known difference
 * that is none any more fails the test as well.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "data_test.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "data/cel_check.h"

#define MAX_ANSWERS ((size_t)8 << 20) /* bytes */
#define MAX_SHOWN 40		      /* differences */

static const char *answers_path;

#define REPEATED_KEY "the standard makes a repeated key an error, cel-go takes the last"
#define TYPE_OF_KEY "the standard allows only bool, int, uint and string, cel-go takes any literal"
#define EXACT "the standard compares numbers as on one line, cel-go rounds to a double first"
#define LOCAL "an answer must not depend on the machine's own zone"

static const struct {
	const char *expression, *reason;
} known[] = {
	{"{1: 'a', 1u: 'b'}", REPEATED_KEY},
	{"{1: 'a', 1: 'b'}", REPEATED_KEY},
	{"{'a': 1, 'a': 2}", REPEATED_KEY},
	{"{1.5: 'a'}", TYPE_OF_KEY},
	{"{null: 1}", TYPE_OF_KEY},
	{"{[1]: 1}", TYPE_OF_KEY},
	{"dyn(9007199254740993) == 9007199254740992.0", EXACT},
	{"dyn(9007199254740993) > 9007199254740992.0", EXACT},
	{"timestamp('2026-07-04T05:06:07Z').getHours('Local')", LOCAL},
};
#define KNOWN_COUNT (sizeof(known) / sizeof(known[0]))

static const char document[] =
	"{'i': 5, 'f': 2.5, 's': 'h\xC3\xA9llo', 'b': true, 'l': [3, 1, 2], 'words': ['b', 'a', "
	"'c'], 'd': {'name': 'x', 'on': true, 'ratio': 0.5, 'list': ['p', 'q'], 'deep': {'a': "
	"{'b': 'c'}}, 'none': null}, 'm': {'one': '1', 'two': '2'}}";

static const struct cel_variable variables[] = {
	{"i", "int"},
	{"f", "double"},
	{"s", "string"},
	{"b", "bool"},
	{"l", "list(int)"},
	{"words", "list(string)"},
	{"d", "dyn"},
	{"m", "map(string, string)"},
};

static struct str read_answers(struct arena *arena)
{
	char *text = arena_alloc(arena, MAX_ANSWERS);
	int file = open(answers_path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	assert_non_null(text);
	if (file < 0)
		fail_msg("there is no file %s", answers_path);
	while ((got = read(file, text + len, MAX_ANSWERS - len)) > 0)
		len += (size_t)got;
	close(file);
	assert_true(len > 0 && len < MAX_ANSWERS);
	return str_n(text, len);
}

/* cel-go writes optional_type(int). */
static struct str type_of(struct arena *arena, const struct json *answer)
{
	struct str rest = json_get_text(answer, "type"), text = STR("");
	ptrdiff_t at;

	while ((at = str_find(rest, STR("optional_type("))) >= 0) {
		text = arena_printf(arena, "%" STR_F "%" STR_F "optional", STR_A(text),
			STR_A(str_slice(rest, 0, (size_t)at)));
		rest = str_slice(rest, (size_t)at + strlen("optional_type"), rest.len);
	}
	return arena_printf(arena, "%" STR_F "%" STR_F, STR_A(text), STR_A(rest));
}

static bool numbers_equal(const struct json *a, const struct json *b)
{
	return json_is(a, JSON_NUMBER) && json_is(b, JSON_NUMBER) &&
	       json_double(a, 0) == json_double(b, 1);
}

/* What is different, or a null str. */
static struct str compare(
	struct arena *arena, const struct json *answer, struct str expression, struct cel_env *env)
{
	static const struct cel_check_env check_env = {
		.libraries = CEL_OPTIONALS | CEL_STRINGS | CEL_LISTS | CEL_BINDINGS,
		.variables = variables,
		.variable_count = sizeof(variables) / sizeof(variables[0])};
	bool parses = json_bool(json_get(answer, "parses"), false);
	bool checks = json_bool(json_get(answer, "checks"), false);
	bool fails = str_eq_c(json_get_text(answer, "kind"), "error");
	struct json *value = NULL, *kind = NULL;
	const struct cel *cel;
	struct error err = {0};
	struct str type;
	uint64_t cost = 0;

	if ((cel_parse(arena, expression, &cel, &err) == 0) != parses)
		return arena_printf(arena, "parses: %s", parses ? err.message : "here only");
	if (!parses)
		return STR_NULL;
	if ((cel_check(cel, arena, &check_env, &type, &err) == 0) != checks)
		return arena_printf(arena, "checks: %s", checks ? err.message : type.ptr);
	if (checks && !str_eq(type, type_of(arena, answer)))
		return arena_printf(arena, "type %" STR_F " instead of %" STR_F, STR_A(type),
			STR_A(type_of(arena, answer)));
	env->cost = &cost;
	if ((cel_eval(cel, arena, env, &value, &err) != 0) != fails)
		return arena_printf(arena, "value %" STR_F " instead of %" STR_F ": %s",
			STR_A(fails ? json_text(arena, value, 0) : STR("error")),
			STR_A(fails ? json_get_text(answer, "message")
				    : json_text(arena, json_get(answer, "value"), 0)),
			fails ? "" : err.message);
	if (fails)
		return STR_NULL;
	if (value == NULL)
		value = json_new_null(arena);
	if (!json_equal(value, json_get(answer, "value")) &&
		!numbers_equal(value, json_get(answer, "value")))
		return arena_printf(arena, "value %" STR_F " instead of %" STR_F,
			STR_A(json_text(arena, value, 0)),
			STR_A(json_text(arena, json_get(answer, "value"), 0)));
	if (checks && (int64_t)cost != json_int(json_get(answer, "cost"), -1))
		return arena_printf(arena, "cost %llu instead of %lld", (unsigned long long)cost,
			(long long)json_int(json_get(answer, "cost"), -1));
	if (cel_parse(arena, arena_printf(arena, "type(%" STR_F "\n)", STR_A(expression)), &cel,
		    &err) != 0 ||
		cel_eval(cel, arena, env, &kind, &err) != 0 ||
		!str_eq(json_str(kind), json_get_text(answer, "kind")))
		return arena_printf(arena, "type(): %s %" STR_F " instead of %" STR_F, err.message,
			STR_A(json_str(kind)), STR_A(json_get_text(answer, "kind")));
	return STR_NULL;
}

static size_t find_known(struct str expression)
{
	size_t i = 0;

	while (i < KNOWN_COUNT && !str_eq_c(expression, known[i].expression))
		i++;
	return i;
}

static void answers_are_those_of_cel_go(void **state)
{
	struct str text = read_answers(*state);
	struct json *data = test_document(*state, document);
	size_t count = 0, different = 0, found = 0;

	while (!str_is_null(text)) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new((size_t)64 << 20);
		struct str line = str_cut(&text, '\n'), expression, difference;
		struct cel_env env = {.variables = data};
		struct json *answer;
		struct error err = {0};
		bool is_known;

		if (line.len == 0)
			continue;
		if (json_parse(arena, line, NULL, &answer, &err) != 0)
			fail_msg("line %zu: %s", count + 1, err.message);
		count++;
		expression = json_get_text(answer, "expr");
		difference = compare(arena, answer, expression, &env);
		is_known = find_known(expression) < KNOWN_COUNT;
		found += is_known;
		if (is_known ? !str_is_null(difference) : str_is_null(difference))
			continue;
		if (++different <= MAX_SHOWN)
			print_error("%" STR_F "\n    %" STR_F "\n", STR_A(expression),
				STR_A(is_known ? STR("is known as different, and is not")
					       : difference));
	}
	if (different > 0 || found < KNOWN_COUNT)
		fail_msg("%zu of %zu answers differ; %zu known differences are not among them",
			different, count, KNOWN_COUNT - found);
	assert_true(count > 1000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_are_those_of_cel_go),
	};

	answers_path = argc > 1 ? argv[1] : "answers.jsonl";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
