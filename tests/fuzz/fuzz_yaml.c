/*
 * fuzz_yaml.c - whatever YAML parses can be written as YAML, and reads back as the same document.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct json *documents, *document, *again;
	struct error err;

	if (yaml_parse_all(arena, str_n((const char *)bytes, size), &documents, &err) < 0) {
		require(err.code != ERROR_NONE && err.message[0]);
		return 0;
	}
	json_for_each (documents, i, document) {
		CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(0);
		require(yaml_write(&text, document));
		require(yaml_parse(arena, buf_str(&text), &again, &err) == 0);
		require(json_equal(document, again));
	}
	return 0;
}
