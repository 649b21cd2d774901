/*
 * merge.c - JSON Merge Patch (RFC 7386), its opposite, and JSON Pointer (RFC 6901).
 *
 * Recursion is as deep as the documents are, which the parsers limit.
 */
#include "data/merge.h"

#include "data/json_node.h"

/* --- merge patch --------------------------------------------------------------------------- */

/* The patch as a value of its own: without its nulls, which mean "remove" (RFC 7386 section 2). */
static struct json *from_nothing(struct arena *arena, struct json *patch)
{
	return merge_patch(arena, NULL, patch);
}

static void merge_member(
	struct arena *arena, struct json *target, struct str key, struct json *value, bool *removed)
{
	struct json_member *member = json_object_find(target, key);

	if (!json_is_null(value)) {
		if (member)
			member->value = json_is(value, JSON_OBJECT)
						? merge_patch(arena, member->value, value)
						: value;
		else
			json_set_str(target, key, from_nothing(arena, value));
	} else if (member) {
		member->value = NULL;
		*removed = true;
	}
}

struct json *merge_patch(struct arena *arena, struct json *target, struct json *patch)
{
	struct json *value;
	bool removed = false;

	if (!json_is(patch, JSON_OBJECT))
		return patch;
	if (!json_is(target, JSON_OBJECT))
		target = json_new_object(arena);
	if (!target)
		return NULL;
	json_for_each (patch, i, value)
		merge_member(arena, target, json_key_at(patch, i), value, &removed);
	if (removed)
		json_object_compact(target);
	return target;
}

/* What the patch must say about a member of `to` that is not null; NULL when nothing. */
static struct json *diff_member(
	struct arena *arena, const struct json *before, const struct json *after)
{
	if (!json_is(before, JSON_OBJECT) || !json_is(after, JSON_OBJECT))
		return before && json_equal(before, after) ? NULL : json_copy(arena, after);
	struct json *inner = merge_diff(arena, before, after);
	return json_count(inner) ? inner : NULL;
}

struct json *merge_diff(struct arena *arena, const struct json *from, const struct json *to)
{
	struct json *value;

	if (!json_is(from, JSON_OBJECT) || !json_is(to, JSON_OBJECT))
		return json_equal(from, to) ? json_new_object(arena) : json_copy(arena, to);
	struct json *patch = json_new_object(arena);
	json_for_each (from, i, value) {
		struct str key = json_key_at(from, i);
		if (!json_is_null(value) && json_is_null(json_get_str(to, key)))
			json_set_str(patch, key, json_new_null(arena));
	}
	json_for_each (to, i, value) {
		struct str key = json_key_at(to, i);
		if (!json_is_null(value))
			json_set_str(
				patch, key, diff_member(arena, json_get_str(from, key), value));
	}
	return patch;
}

/* --- pointers ------------------------------------------------------------------------------ */

/* Whether the key is what the reference token stands for: "~1" is '/', "~0" is '~'. */
static bool token_is(struct str token, struct str key)
{
	size_t k = 0;

	for (size_t i = 0; i < token.len; i++, k++) {
		char c = token.ptr[i];
		if (c == '~') {
			char code = i + 1 < token.len ? token.ptr[++i] : '\0';
			if (code != '0' && code != '1')
				return false;
			c = code == '0' ? '~' : '/';
		}
		if (k >= key.len || key.ptr[k] != c)
			return false;
	}
	return k == key.len;
}

static struct json *member_at(const struct json *object, struct str token)
{
	if (str_index(token, '~') < 0)
		return json_get_str(object, token);
	for (size_t i = 0; i < json_count(object); i++)
		if (token_is(token, json_key_at(object, i)))
			return json_at(object, i);
	return NULL;
}

bool merge_pointer_index(struct str token, size_t *ret)
{
	int64_t index;

	/* No sign, no leading zero (RFC 6901 section 4). */
	if (token.len == 0 || token.ptr[0] < '0' || token.ptr[0] > '9' ||
		(token.ptr[0] == '0' && token.len > 1) || !str_to_int64(token, &index))
		return false;
	*ret = (size_t)index;
	return true;
}

struct json *merge_pointer(const struct json *root, struct str pointer)
{
	const struct json *value = root;
	size_t index;

	if (pointer.len == 0)
		return (struct json *)root;
	if (pointer.ptr[0] != '/')
		return NULL;
	pointer = str_slice(pointer, 1, pointer.len);
	while (value && !str_is_null(pointer)) {
		struct str token = str_cut(&pointer, '/');
		if (json_is(value, JSON_ARRAY))
			value = merge_pointer_index(token, &index) ? json_at(value, index) : NULL;
		else
			value = member_at(value, token);
	}
	return (struct json *)value;
}
