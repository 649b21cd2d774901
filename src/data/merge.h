/*
 * merge.h - changing documents by documents.
 */
#ifndef REEVE_DATA_MERGE_H
#define REEVE_DATA_MERGE_H

#include "data/json.h"

/* JSON Merge Patch (RFC 7386 section 2). `target` may be NULL; it is changed where it is an object,
 * and the result is returned. Parts of `patch` are shared, not copied. */
struct json *merge_patch(struct arena *arena, struct json *target, struct json *patch);

/* The merge patch that turns `from` into `to`; an empty object when they are equal. A merge patch
 * cannot speak of null members, so they count as absent. Keys are borrowed from both. */
struct json *merge_diff(struct arena *arena, const struct json *from, const struct json *to);

#define MERGE_JSON_PATCH_MAX_OPERATIONS 10000u

/* JSON Patch (RFC 6902). Works on a copy: on failure nothing has changed. ERROR_INVALID for a
 * malformed patch, ERROR_UNPROCESSABLE for an operation (test included) that does not apply; the
 * sentence names its index and path. */
int merge_json_patch(struct arena *arena, const struct json *target, const struct json *patch,
	struct json **ret, struct error *err);

/* JSON Pointer (RFC 6901): the value, or NULL. */
struct json *merge_pointer(const struct json *root, struct str pointer);

/* A pointer's token as the index of an array's item. */
bool merge_pointer_index(struct str token, size_t *ret);

#endif
