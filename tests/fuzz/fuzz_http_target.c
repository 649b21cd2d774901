/*
 * fuzz_http_target.c - any request target is either refused or a path whose parts make it up again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "net/http_client.h"
#include "net/http_uri.h"

#define ARENA_MAX ((size_t)16 << 20)

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_path(struct arena *arena, const struct http_path *path)
{
	size_t len = 0;

	require(path->count >= 1 && path->count <= HTTP_MAX_SEGMENTS);
	require(http_text_is_clean(path->decoded));
	for (size_t i = 0; i < path->count; i++) {
		struct str segment = path->segments[i];

		require(!str_eq_c(segment, ".") && !str_eq_c(segment, ".."));
		require(path->offsets[i] == len + 1);
		len += 1 + segment.len;
		require(str_eq(http_decode(arena, http_encode(arena, segment), false), segment));
	}
	require(len == path->decoded.len);
	for (size_t i = 0; i < 4; i++) {
		struct str value = http_query_get(arena, path->query, STR("a"), i);

		require(http_text_is_clean(value));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct http_path path;
	struct error err;

	if (size == 0 || arena == NULL) {
		arena_free(arena);
		return 0;
	}
	/* The first byte chooses whether a slash at the end counts. */
	struct str target = str_n((const char *)data + 1, size - 1);

	if (http_path_parse(arena, target, data[0] & 1, &path, &err) == 0)
		check_path(arena, &path);
	arena_free(arena);
	return 0;
}
