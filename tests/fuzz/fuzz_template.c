/*
 * fuzz_template.c - variables as JSON on the first line, a template behind it. What runs once
 * runs a second time with the same result, and every failure has a sentence.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/template.h"

#define NOW_US (INT64_C(1787403845) * 1000000 + 678000)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new((size_t)64 << 20);
	struct str text = str_n((const char *)bytes, size), first = str_cut(&text, '\n');
	struct json *variables = NULL;
	struct template template;
	struct str once, twice;
	struct error err = {0};

	if (json_parse(arena, first, NULL, &variables, NULL) < 0)
		variables = json_new_object(arena);
	if (template_compile(arena, text, &template, &err) != 0 ||
		template_run(&template, arena, variables, NOW_US, &once, &err) != 0) {
		require(err.code != ERROR_NONE && err.message[0]);
		return 0;
	}
	if (template_run(&template, arena, variables, NOW_US, &twice, &err) == 0)
		require(str_eq(once, twice));
	else
		require(arena_is_exhausted(arena));
	return 0;
}
