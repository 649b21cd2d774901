/*
 * fuzz_schema.c - a schema on the first line, a value behind it: with and without a report they
 * agree, pruning and defaulting twice change nothing more than once, and what was pruned holds no
 * more that could be.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(struct arena *arena, const struct schema *schema, struct json *value)
{
	struct schema_report report;
	struct str removed, text;
	bool conforms = schema_validate(schema, arena, STR("v"), value, &report);

	if (arena_is_exhausted(arena))
		return;
	require(conforms == (report.count == 0));
	require(conforms == schema_validate(schema, arena, STR("v"), value, NULL));
	for (size_t i = 0; i < report.count; i++)
		require(report.items[i].field.len > 0 && report.items[i].message.len > 0);
	schema_prune(schema, value, arena, &removed);
	text = json_text(arena, value, 0);
	schema_prune(schema, value, arena, &removed);
	if (arena_is_exhausted(arena))
		return;
	require(str_is_null(removed) && str_eq(json_text(arena, value, 0), text));
	schema_default(schema, value);
	text = json_text(arena, value, 0);
	schema_default(schema, value);
	require(str_eq(json_text(arena, value, 0), text) || arena_is_exhausted(arena));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new((size_t)64 << 20);
	struct str rest = str_n((const char *)bytes, size), first = str_cut(&rest, '\n');
	struct json *document, *value;
	const struct schema *schema;
	struct error err = {0};

	if (json_parse(arena, first, NULL, &document, NULL) < 0)
		return 0;
	for (int strict = 0; strict < 2; strict++) {
		if (schema_compile(arena, document, document, strict != 0, &schema, &err) != 0) {
			require(err.code != ERROR_NONE && err.message[0]);
			return 0;
		}
		if (json_parse(arena, rest, NULL, &value, NULL) < 0)
			return 0;
		check(arena, schema, value);
	}
	return 0;
}
