/*
 * fuzz_jsonpath.c - a path on the first line, a document behind it. A path that is refused when it
 * is checked is refused when it is used, and every result is a value of the document.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/jsonpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new((size_t)64 << 20);
	struct str rest = str_n((const char *)bytes, size), path = str_cut(&rest, '\n');
	struct json *document = NULL, *found, *again;
	struct error err = {0};
	bool is_path = jsonpath_check(arena, path, &err) == 0;

	require(is_path || err.message[0]);
	if (json_parse(arena, rest, NULL, &document, NULL) < 0)
		document = NULL;
	if (jsonpath_eval(arena, path, document, &found, &err) != 0) {
		require(err.code != ERROR_NONE);
		return 0;
	}
	require(is_path);
	require(jsonpath_eval(arena, path, document, &again, NULL) == 0 ||
		arena_is_exhausted(arena));
	if (!arena_is_exhausted(arena))
		require(json_count(found) == json_count(again));
	return 0;
}
