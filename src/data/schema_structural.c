/*
 * schema_structural.c - what an API server does with a structural schema besides checking: remove
 * the unknown, set defaults, and tell how lists and maps merge.
 */
#include "data/schema_tree.h"

/* A schema that says nothing about an object's members leaves them alone. */
static bool describes_objects(const struct schema *schema)
{
	return schema->property_count > 0 || (schema->types & SCHEMA_TYPE_OBJECT) != 0 ||
	       schema->additional != SCHEMA_ADDITIONAL_ABSENT;
}

static bool is_header(const struct schema *schema, struct str name)
{
	return schema->is_embedded && (str_eq_c(name, "apiVersion") || str_eq_c(name, "kind") ||
					      str_eq_c(name, "metadata"));
}

struct pruning {
	struct arena *arena;
	struct str *removed; /* NULL: the caller does not ask */
};

static void prune(
	struct pruning *p, const struct schema *schema, struct str path, struct json *value);

/* The path is built only while nothing was removed yet. */
static bool needs_path(const struct pruning *p)
{
	return p->removed != NULL && str_is_null(*p->removed);
}

static struct str member_path(const struct pruning *p, struct str path, struct str name)
{
	return needs_path(p) ? schema_join_path(p->arena, path, name) : path;
}

static void prune_object(
	struct pruning *p, const struct schema *schema, struct str path, struct json *value)
{
	for (size_t i = 0; i < json_count(value);) {
		struct str name = json_key_at(value, i);
		const struct schema *member = schema_child(schema, name);

		if (member != NULL && !is_header(schema, name)) {
			prune(p, member, member_path(p, path, name), json_at(value, i));
		} else if (member == NULL && !schema->preserves_unknown &&
			   schema->additional != SCHEMA_ADDITIONAL_ALLOWED &&
			   !is_header(schema, name)) {
			if (needs_path(p))
				*p->removed = member_path(p, path, name);
			json_remove(value, name);
			continue;
		}
		i++;
	}
}

static void prune(
	struct pruning *p, const struct schema *schema, struct str path, struct json *value)
{
	struct json *item;

	if (json_is(value, JSON_OBJECT) && describes_objects(schema)) {
		prune_object(p, schema, path, value);
	} else if (json_is(value, JSON_ARRAY) && schema->items != NULL) {
		json_for_each (value, i, item) {
			prune(p, schema->items,
				needs_path(p) ? schema_index_path(p->arena, path, i) : path, item);
		}
	}
}

void schema_prune(const struct schema *schema, struct json *value, struct arena *arena,
	struct str *ret_removed)
{
	struct pruning p = {.arena = arena, .removed = ret_removed};

	if (ret_removed != NULL)
		*ret_removed = STR_NULL;
	prune(&p, schema, STR(""), value);
}

/* Whether the member should get its default: absent, or a null that the schema does not allow. */
static bool lacks(const struct json *object, const struct schema_property *property)
{
	const struct json *member = json_get_str(object, property->name);

	return member == NULL || (json_type(member) == JSON_NULL && !property->schema->nullable);
}

static void default_object(const struct schema *schema, struct json *value)
{
	struct arena *arena = json_arena(value);

	for (size_t i = 0; i < schema->property_count; i++) {
		const struct schema_property *property = &schema->properties[i];

		if (property->schema->default_value != NULL && lacks(value, property))
			json_set_str(value, arena_str(arena, property->name),
				json_copy(arena, property->schema->default_value));
	}
	for (size_t i = 0; i < json_count(value); i++) {
		const struct schema *member = schema_child(schema, json_key_at(value, i));

		if (member != NULL && !is_header(schema, json_key_at(value, i)))
			schema_default(member, json_at(value, i));
	}
}

void schema_default(const struct schema *schema, struct json *value)
{
	struct json *item;

	if (json_is(value, JSON_OBJECT)) {
		default_object(schema, value);
	} else if (json_is(value, JSON_ARRAY) && schema->items != NULL) {
		json_for_each (value, i, item)
			schema_default(schema->items, item);
	}
}

const struct schema *schema_child(const struct schema *schema, struct str member)
{
	const struct schema *property;

	if (schema == NULL)
		return NULL;
	property = schema_find_property(schema, member);
	return property != NULL ? property : schema->additional_schema;
}

const struct schema *schema_items(const struct schema *schema)
{
	return schema ? schema->items : NULL;
}

enum schema_merge schema_merge(const struct schema *schema)
{
	if (schema == NULL)
		return SCHEMA_MERGE_GRANULAR;
	if ((schema->types & SCHEMA_TYPE_ARRAY) != 0)
		return schema->list_merge;
	return schema->is_atomic_map ? SCHEMA_MERGE_ATOMIC : SCHEMA_MERGE_GRANULAR;
}

size_t schema_map_keys(const struct schema *schema, const struct str **ret)
{
	if (schema == NULL || schema->map_key_count == 0)
		return 0;
	*ret = schema->map_keys;
	return schema->map_key_count;
}
