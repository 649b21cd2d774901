/*
 * kubeapi_strategic.c - merging with directives.
 */
#include "local/kubeapi_strategic.h"

struct patching {
	struct arena *arena;
	struct error *err;
};

#define ORDER_PREFIX "$setElementOrder/"
#define DELETE_PREFIX "$deleteFromPrimitiveList/"

static int merge_value(struct patching *p, const struct schema *schema, struct json *target,
	struct json *patch, struct json **ret);

static int bad_directive(struct patching *p, struct str name)
{
	return error_set(p->err, ERROR_INVALID,
		"unable to apply the patch: directive \"%" STR_F "\" is not one we know",
		STR_A(name));
}

static bool contains(const struct json *list, const struct json *value)
{
	struct json *item;

	json_for_each (list, i, item)
		if (json_equal(item, value))
			return true;
	return false;
}

/* A copy of the object's top level, without what a $retainKeys does not list. */
static struct json *copy_members(
	struct patching *p, const struct json *object, const struct json *retain)
{
	struct json *copy = json_new_object(p->arena), *member;

	json_for_each (object, i, member) {
		struct json *name = json_new_string(p->arena, json_key_at(object, i));
		if (!retain || contains(retain, name))
			json_set_str(copy, json_key_at(object, i), member);
	}
	return copy;
}

/* --- lists --------------------------------------------------------------------------------- */

static ptrdiff_t find_by_key(const struct json *list, struct str key, const struct json *value)
{
	struct json *item;

	json_for_each (list, i, item)
		if (value && json_equal(json_get_str(item, key), value))
			return (ptrdiff_t)i;
	return -1;
}

static int merge_item(struct patching *p, const struct schema *schema, struct str key,
	struct json *merged, struct json *item)
{
	struct str directive = json_get_text(item, "$patch");
	ptrdiff_t at = find_by_key(merged, key, json_get_str(item, key));
	struct json *result;

	if (!json_get_str(item, key))
		return error_set(p->err, ERROR_INVALID,
			"unable to apply the patch: an item lacks its merge key \"%" STR_F "\"",
			STR_A(key));
	if (str_eq_c(directive, "delete")) {
		if (at >= 0)
			json_remove_at(merged, (size_t)at);
		return 0;
	}
	if (merge_value(p, schema, at >= 0 ? json_at(merged, (size_t)at) : NULL, item, &result) < 0)
		return -1;
	if (at >= 0)
		json_replace_at(merged, (size_t)at, result);
	else
		json_append(merged, result);
	return 0;
}

static int merge_keyed(struct patching *p, const struct schema *schema, struct json *target,
	struct json *patch, struct json **ret)
{
	struct json *merged = json_new_array(p->arena), *item;
	const struct str *keys;
	bool is_replaced = false;

	json_for_each (patch, i, item)
		if (json_count(item) == 1 && str_eq_c(json_get_text(item, "$patch"), "replace"))
			is_replaced = true;
	if (!is_replaced)
		json_for_each (target, i, item)
			json_append(merged, item);
	if (schema_map_keys(schema, &keys) == 0)
		return error_set(p->err, ERROR_INTERNAL, "a keyed list without keys");
	json_for_each (patch, i, item) {
		if (json_count(item) == 1 && json_get(item, "$patch"))
			continue;
		if (merge_item(p, schema_items(schema), keys[0], merged, item) < 0)
			return -1;
	}
	*ret = merged;
	return 0;
}

static struct json *merge_set(struct patching *p, struct json *target, struct json *patch)
{
	struct json *merged = json_new_array(p->arena), *item;

	json_for_each (target, i, item)
		json_append(merged, item);
	json_for_each (patch, i, item)
		if (!contains(merged, item))
			json_append(merged, item);
	return merged;
}

/* Items that `order` names come first, in its order; the others follow as they were. */
static struct json *ordered(struct patching *p, const struct schema *schema,
	const struct json *list, const struct json *order)
{
	struct json *result = json_new_array(p->arena), *wanted, *item;
	const struct str *keys = NULL;
	bool is_keyed = schema_map_keys(schema, &keys) > 0;

	json_for_each (order, i, wanted)
		json_for_each (list, k, item)
			if (is_keyed ? json_equal(json_get_str(item, keys[0]),
					       json_get_str(wanted, keys[0])) &&
						json_get_str(item, keys[0])
				     : json_equal(item, wanted))
				json_append(result, item);
	json_for_each (list, k, item)
		if (!contains(result, item))
			json_append(result, item);
	return result;
}

/* --- objects ------------------------------------------------------------------------------- */

static int merge_list(struct patching *p, const struct schema *schema, struct json *target,
	struct json *patch, struct json **ret)
{
	switch (schema ? schema_merge(schema) : SCHEMA_MERGE_ATOMIC) {
	case SCHEMA_MERGE_MAP:
		return merge_keyed(p, schema, target, patch, ret);
	case SCHEMA_MERGE_SET:
		*ret = merge_set(p, target, patch);
		return 0;
	case SCHEMA_MERGE_ATOMIC:
	case SCHEMA_MERGE_GRANULAR:
		break;
	}
	*ret = patch;
	return 0;
}

static int merge_directive(struct patching *p, const struct schema *schema, struct json *merged,
	struct str name, const struct json *value)
{
	struct str order = STR(ORDER_PREFIX), removal = STR(DELETE_PREFIX);
	struct json *kept = json_new_array(p->arena), *item;

	if (str_eq_c(name, "$patch") || str_eq_c(name, "$retainKeys"))
		return 0;
	if (str_starts_with(name, order)) {
		struct str field = str_slice(name, order.len, name.len);
		struct json *list = json_get_str(merged, field);
		if (list)
			json_set_str(merged, field,
				ordered(p, schema_child(schema, field), list, value));
		return 0;
	}
	if (!str_starts_with(name, removal))
		return bad_directive(p, name);
	struct str field = str_slice(name, removal.len, name.len);
	struct json *list = json_get_str(merged, field);
	json_for_each (list, i, item)
		if (!contains(value, item))
			json_append(kept, item);
	if (list)
		json_set_str(merged, field, kept);
	return 0;
}

static int merge_object(struct patching *p, const struct schema *schema, struct json *target,
	struct json *patch, struct json **ret)
{
	struct str directive = json_get_text(patch, "$patch");
	struct json *merged, *value;

	if (!str_is_null(directive) && !str_eq_c(directive, "replace") &&
		!str_eq_c(directive, "delete") && !str_eq_c(directive, "merge"))
		return bad_directive(p, directive);
	if (str_eq_c(directive, "replace") || str_eq_c(directive, "delete"))
		target = NULL;
	merged = copy_members(p, target, json_get(patch, "$retainKeys"));
	json_for_each (patch, i, value) {
		struct str name = json_key_at(patch, i);
		struct json *result;
		if (name.len > 0 && name.ptr[0] == '$')
			continue;
		if (json_is_null(value)) {
			json_remove(merged, name);
			continue;
		}
		if (merge_value(p, schema_child(schema, name), json_get_str(merged, name), value,
			    &result) < 0)
			return -1;
		json_set_str(merged, name, result);
	}
	json_for_each (patch, i, value) {
		struct str name = json_key_at(patch, i);
		if (name.len > 0 && name.ptr[0] == '$' &&
			merge_directive(p, schema, merged, name, value) < 0)
			return -1;
	}
	*ret = merged;
	return 0;
}

static int merge_value(struct patching *p, const struct schema *schema, struct json *target,
	struct json *patch, struct json **ret)
{
	if (json_is(patch, JSON_OBJECT))
		return merge_object(
			p, schema, json_is(target, JSON_OBJECT) ? target : NULL, patch, ret);
	if (json_is(patch, JSON_ARRAY))
		return merge_list(
			p, schema, json_is(target, JSON_ARRAY) ? target : NULL, patch, ret);
	*ret = patch;
	return 0;
}

int kubeapi_strategic_patch(struct arena *arena, const struct schema *schema, struct json *target,
	struct json *patch, struct json **ret, struct error *err)
{
	struct patching p = {.arena = arena, .err = err};

	if (!json_is(patch, JSON_OBJECT))
		return error_set(err, ERROR_INVALID, "a strategic merge patch is an object");
	return merge_value(&p, schema, target, patch, ret);
}
