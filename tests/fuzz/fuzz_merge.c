/*
 * fuzz_merge.c - two documents, one a line: as target and patch of either kind, and as two states
 * between which a difference is made.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Without the members that are null, of which a merge patch cannot speak. */
static struct json *without_nulls(struct arena *arena, struct json *value)
{
	return merge_patch(arena, NULL, json_copy(arena, value));
}

static void check_difference(struct arena *arena, struct json *from, struct json *to)
{
	if (!json_is(from, JSON_OBJECT) || !json_is(to, JSON_OBJECT))
		return;
	from = without_nulls(arena, from);
	to = without_nulls(arena, to);
	struct json *patch = merge_diff(arena, from, to);
	require(json_equal(merge_patch(arena, json_copy(arena, from), patch), to));
	require((json_count(patch) == 0) == json_equal(from, to));
}

static void check_json_patch(struct arena *arena, struct json *target, struct json *patch)
{
	struct str before = json_text(arena, target, 0);
	struct json *result, *again;
	struct error err;

	if (merge_json_patch(arena, target, patch, &result, &err) == 0) {
		/* No deeper than what can be read. */
		require(json_parse(arena, json_text(arena, result, 0), NULL, &again, NULL) == 0 ||
			arena_is_exhausted(arena));
	} else {
		require(err.code != ERROR_NONE && err.message[0]);
	}
	require(str_eq(json_text(arena, target, 0), before) || arena_is_exhausted(arena));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new((size_t)16 << 20);
	struct str rest = str_n((const char *)bytes, size), first = str_cut(&rest, '\n');
	struct json *a, *b;

	if (json_parse(arena, first, NULL, &a, NULL) < 0 ||
		json_parse(arena, rest, NULL, &b, NULL) < 0)
		return 0;
	check_json_patch(arena, a, b);
	check_difference(arena, a, b);
	merge_pointer(a, json_str(b));
	merge_patch(arena, a, b);
	return 0;
}
