/*
 * kubeapi_topology.c - field sets, comparison, merging and removal by a schema's topology.
 *
 * After sigs.k8s.io/structured-merge-diff, in behaviour: an item of a keyed list and a member of a
 * map that appears as a whole are fields themselves (".") besides what is in them.
 */
#include "local/kubeapi_topology.h"

enum kubeapi_shape kubeapi_shape(const struct schema *schema, const struct json *value)
{
	enum schema_merge merge = schema_merge(schema);

	if (json_is(value, JSON_OBJECT))
		return merge == SCHEMA_MERGE_ATOMIC ? KUBEAPI_LEAF : KUBEAPI_OBJECT;
	if (json_is(value, JSON_ARRAY) && schema &&
		(merge == SCHEMA_MERGE_SET || merge == SCHEMA_MERGE_MAP))
		return KUBEAPI_ITEMS;
	return KUBEAPI_LEAF;
}

/* The item with absent keys filled from the schema's defaults; the item itself when none is absent.
 */
static const struct json *with_keys(struct arena *arena, const struct schema *list,
	const struct json *item, const struct str *keys, size_t count)
{
	bool is_whole = true;

	for (size_t i = 0; i < count; i++)
		is_whole = is_whole && json_get_str(item, keys[i]);
	if (is_whole || !json_is(item, JSON_OBJECT))
		return item;
	struct json *copy = json_new_object(arena);
	for (size_t i = 0; i < count; i++)
		json_set_str(copy, keys[i], json_get_str(item, keys[i]));
	schema_default(schema_items(list), copy);
	return copy;
}

struct kubeapi_element kubeapi_element_of(
	struct arena *arena, const struct schema *list, const struct json *item)
{
	const struct str *keys = NULL;
	size_t count = schema_map_keys(list, &keys);

	if (schema_merge(list) != SCHEMA_MERGE_MAP)
		return (struct kubeapi_element){'v', json_text(arena, item, JSON_WRITE_SORTED)};
	struct json *key = json_new_object(arena);
	const struct json *whole = with_keys(arena, list, item, keys, count);
	for (size_t i = 0; i < count; i++)
		json_set_str(key, keys[i], json_get_str(whole, keys[i]));
	return (struct kubeapi_element){'k', json_text(arena, key, JSON_WRITE_SORTED)};
}

struct json *kubeapi_item_find(struct arena *arena, const struct schema *schema,
	const struct json *list, struct kubeapi_element element, size_t *ret_index)
{
	struct json *item;

	json_for_each (list, i, item) {
		struct kubeapi_element each = kubeapi_element_of(arena, schema, item);
		if (each.kind == element.kind && str_eq(each.text, element.text)) {
			*ret_index = i;
			return item;
		}
	}
	return NULL;
}

/* Equal as kubeapi_element_of() would write them. */
static bool same_key(struct arena *arena, const struct json *a, const struct json *b)
{
	if (json_is(a, JSON_STRING) && json_is(b, JSON_STRING))
		return str_eq(json_str(a), json_str(b));
	return a && b &&
	       str_eq(json_text(arena, a, JSON_WRITE_SORTED),
		       json_text(arena, b, JSON_WRITE_SORTED));
}

static bool is_alike(
	struct arena *arena, const struct schema *list, const struct json *a, const struct json *b)
{
	const struct str *keys = NULL;
	size_t count = schema_map_keys(list, &keys);

	if (schema_merge(list) != SCHEMA_MERGE_MAP)
		return same_key(arena, a, b);
	a = with_keys(arena, list, a, keys, count);
	b = with_keys(arena, list, b, keys, count);
	for (size_t i = 0; i < count; i++) {
		const struct json *in_a = json_get_str(a, keys[i]),
				  *in_b = json_get_str(b, keys[i]);
		if ((in_a || in_b) && !same_key(arena, in_a, in_b))
			return false;
	}
	return true;
}

/* The item of the list with the same key as `item`; lists seldom change their order, so it is first
 * looked for at `hint`. NULL: none. */
static struct json *find_alike(struct arena *arena, const struct schema *schema,
	const struct json *list, const struct json *item, size_t hint, size_t *ret_index)
{
	size_t count = json_count(list);

	for (size_t i = 0; i < count; i++) {
		size_t index = (hint + i) % count;
		struct json *each = json_at(list, index);
		if (is_alike(arena, schema, each, item)) {
			*ret_index = index;
			return each;
		}
	}
	return NULL;
}

/* --- fields -------------------------------------------------------------------------------- */

/* `is_whole`: the nodes on the way are members too, as when all of it is new. */
static void collect(struct arena *arena, const struct schema *schema, const struct json *value,
	struct kubeapi_fields *node, bool is_whole)
{
	enum kubeapi_shape shape = kubeapi_shape(schema, value);
	struct json *child;

	if (!node)
		return;
	if (shape == KUBEAPI_LEAF || is_whole || json_count(value) == 0)
		node->is_member = true;
	if (shape == KUBEAPI_LEAF)
		return;
	json_for_each (value, i, child) {
		if (shape == KUBEAPI_OBJECT) {
			struct str name = json_key_at(value, i);
			collect(arena, schema_child(schema, name), child,
				kubeapi_fields_add(arena, node, kubeapi_field(name)), is_whole);
			continue;
		}
		struct kubeapi_fields *item =
			kubeapi_fields_add(arena, node, kubeapi_element_of(arena, schema, child));
		if (item)
			item->is_member = true;
		collect(arena, schema_items(schema), child, item, is_whole);
	}
}

struct kubeapi_fields *kubeapi_topology_fields(
	struct arena *arena, const struct schema *schema, const struct json *value)
{
	struct kubeapi_fields *root = kubeapi_fields_new(arena);

	collect(arena, schema, value, root, false);
	return root;
}

/* --- comparing ----------------------------------------------------------------------------- */

/* Nodes are made on the way down and only some become members; kubeapi_fields_* skip the others. */
struct comparing {
	struct arena *arena;
	struct kubeapi_fields *added, *removed, *modified;
};

static struct comparing step(const struct comparing *at, struct kubeapi_element element)
{
	return (struct comparing){.arena = at->arena,
		.added = kubeapi_fields_add(at->arena, at->added, element),
		.removed = kubeapi_fields_add(at->arena, at->removed, element),
		.modified = kubeapi_fields_add(at->arena, at->modified, element)};
}

static void compare(const struct comparing *at, const struct schema *schema,
	const struct json *from, const struct json *to);

static void compare_member(const struct comparing *at, const struct schema *schema,
	struct kubeapi_element element, const struct json *from, const struct json *to)
{
	/* Most of a document has not changed: no nodes for that. */
	if (json_equal(from, to) && from && to)
		return;
	struct comparing below = step(at, element);
	compare(&below, schema, from, to);
}

static void compare_objects(const struct comparing *at, const struct schema *schema,
	const struct json *from, const struct json *to)
{
	struct json *child;

	json_for_each (from, i, child) {
		struct str name = json_key_at(from, i);
		compare_member(at, schema_child(schema, name), kubeapi_field(name), child,
			json_get_str(to, name));
	}
	json_for_each (to, i, child) {
		struct str name = json_key_at(to, i);
		if (!json_get_str(from, name))
			compare_member(
				at, schema_child(schema, name), kubeapi_field(name), NULL, child);
	}
}

static void compare_items(const struct comparing *at, const struct schema *schema,
	const struct json *from, const struct json *to)
{
	struct json *item;
	size_t index;

	json_for_each (from, i, item) {
		const struct json *other = find_alike(at->arena, schema, to, item, i, &index);
		if (!other || !json_equal(item, other))
			compare_member(at, schema_items(schema),
				kubeapi_element_of(at->arena, schema, item), item, other);
	}
	json_for_each (to, i, item) {
		if (!find_alike(at->arena, schema, from, item, i, &index))
			compare_member(at, schema_items(schema),
				kubeapi_element_of(at->arena, schema, item), NULL, item);
	}
}

static void compare(const struct comparing *at, const struct schema *schema,
	const struct json *from, const struct json *to)
{
	enum kubeapi_shape shape = kubeapi_shape(schema, to ? to : from);

	if (!at->added || !at->removed || !at->modified)
		return;
	if (!from) {
		collect(at->arena, schema, to, at->added, true);
	} else if (!to) {
		collect(at->arena, schema, from, at->removed, true);
	} else if (shape == KUBEAPI_LEAF || kubeapi_shape(schema, from) != shape) {
		at->modified->is_member = !json_equal(from, to);
	} else if (shape == KUBEAPI_OBJECT) {
		compare_objects(at, schema, from, to);
	} else {
		compare_items(at, schema, from, to);
	}
}

static struct kubeapi_fields *tidy(struct arena *arena, const struct kubeapi_fields *set)
{
	return kubeapi_fields_union(arena, set, NULL);
}

void kubeapi_topology_compare(struct arena *arena, const struct schema *schema,
	const struct json *from, const struct json *to, struct kubeapi_comparison *ret)
{
	struct comparing root = {.arena = arena,
		.added = kubeapi_fields_new(arena),
		.removed = kubeapi_fields_new(arena),
		.modified = kubeapi_fields_new(arena)};

	compare(&root, schema, from, to);
	ret->added = tidy(arena, root.added);
	ret->removed = tidy(arena, root.removed);
	ret->modified = tidy(arena, root.modified);
}

/* --- merging ------------------------------------------------------------------------------- */

static struct json *merge_objects(
	struct arena *arena, const struct schema *schema, struct json *live, struct json *config)
{
	struct json *merged = json_new_object(arena), *child;

	json_for_each (live, i, child) {
		struct str name = json_key_at(live, i);
		json_set_str(merged, name,
			kubeapi_topology_merge(arena, schema_child(schema, name), child,
				json_get_str(config, name)));
	}
	json_for_each (config, i, child) {
		struct str name = json_key_at(config, i);
		if (!json_get_str(live, name))
			json_set_str(merged, name, child);
	}
	return merged;
}

static struct json *merge_item(struct arena *arena, const struct schema *schema, struct json *live,
	struct json *config_item)
{
	size_t index;
	struct json *live_item = find_alike(arena, schema, live, config_item, 0, &index);

	return kubeapi_topology_merge(arena, schema_items(schema), live_item, config_item);
}

/* Goes through the live items; before one that the config has too come those that the config puts
 * in front of it. */
static struct json *merge_items(
	struct arena *arena, const struct schema *schema, struct json *live, struct json *config)
{
	struct json *merged = json_new_array(arena), *item;
	size_t next = 0, index;

	json_for_each (live, i, item) {
		if (!find_alike(arena, schema, config, item, next, &index)) {
			json_append(merged, item);
			continue;
		}
		for (; next <= index; next++)
			json_append(merged, merge_item(arena, schema, live, json_at(config, next)));
	}
	for (; next < json_count(config); next++)
		json_append(merged, merge_item(arena, schema, live, json_at(config, next)));
	return merged;
}

struct json *kubeapi_topology_merge(
	struct arena *arena, const struct schema *schema, struct json *live, struct json *config)
{
	enum kubeapi_shape shape;

	if (!live || !config)
		return config ? config : live;
	shape = kubeapi_shape(schema, config);
	if (shape == KUBEAPI_LEAF || kubeapi_shape(schema, live) != shape)
		return config;
	return shape == KUBEAPI_OBJECT ? merge_objects(arena, schema, live, config)
				       : merge_items(arena, schema, live, config);
}

/* --- removing ------------------------------------------------------------------------------ */

/* Whether this child goes as a whole. */
static bool remove_below(struct arena *arena, const struct schema *schema, struct json *child,
	const struct kubeapi_fields *fields, const struct kubeapi_fields *keep)
{
	if (fields->is_member && kubeapi_fields_is_empty(keep))
		return true;
	size_t before = json_count(child);
	kubeapi_topology_remove(arena, schema, child, fields, keep);
	return before > 0 && json_count(child) == 0 && !(keep && keep->is_member);
}

void kubeapi_topology_remove(struct arena *arena, const struct schema *schema, struct json *value,
	const struct kubeapi_fields *fields, const struct kubeapi_fields *keep)
{
	enum kubeapi_shape shape = kubeapi_shape(schema, value);

	for (size_t i = 0; fields && shape != KUBEAPI_LEAF && i < fields->count; i++) {
		struct kubeapi_element element = fields->children[i].element;
		const struct kubeapi_fields *node = fields->children[i].node;
		const struct kubeapi_fields *kept = kubeapi_fields_child(keep, element);
		size_t index = 0;
		if (shape == KUBEAPI_OBJECT && element.kind == 'f') {
			struct json *child = json_get_str(value, element.text);
			if (child && remove_below(arena, schema_child(schema, element.text), child,
					     node, kept))
				json_remove(value, element.text);
		} else if (shape == KUBEAPI_ITEMS) {
			struct json *item =
				kubeapi_item_find(arena, schema, value, element, &index);
			if (item && remove_below(arena, schema_items(schema), item, node, kept))
				json_remove_at(value, index);
		}
	}
}
