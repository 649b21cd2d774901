/*
 * fuzz_json.c - whatever parses can be written, and reads back as the same document.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Writes in one layout and reads that. */
static void check_layout(struct arena *arena, const struct json *value, unsigned flags)
{
	struct json *again;
	struct str text = json_text(arena, value, flags);

	require(!str_is_null(text));
	require(json_parse(arena, text, NULL, &again, NULL) == 0);
	require(json_equal(value, again) && json_equal(again, value));
}

static void check_keys(const struct json *value)
{
	struct json *child;

	json_for_each (value, i, child) {
		if (json_is(value, JSON_OBJECT))
			require(json_get_str(value, json_key_at(value, i)) == child);
		check_keys(child);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	const struct json_limits lenient = {.max_depth = 40, .last_key_wins = true};
	struct str text = str_n((const char *)bytes, size);
	struct json *value, *other;
	struct error err;

	if (json_parse(arena, text, &lenient, &other, &err) == 0)
		check_keys(other);
	if (json_parse(arena, text, NULL, &value, &err) < 0) {
		require(err.code != ERROR_NONE && err.message[0]);
		return 0;
	}
	check_keys(value);
	check_layout(arena, value, JSON_WRITE_COMPACT);
	check_layout(arena, value, JSON_WRITE_PRETTY | JSON_WRITE_HTML);
	check_layout(arena, value, JSON_WRITE_SORTED);
	require(json_equal(json_copy(arena, value), value));
	return 0;
}
