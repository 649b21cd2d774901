/*
 * schema_tree.h - a compiled schema, shared by the files of the schema engine only.
 */
#ifndef REEVE_DATA_SCHEMA_TREE_H
#define REEVE_DATA_SCHEMA_TREE_H

#include "data/json.h"
#include "data/pattern.h"
#include "data/schema.h"

/* Bits of schema.types; none set: any type. */
enum {
	SCHEMA_TYPE_BOOLEAN = 1 << 0,
	SCHEMA_TYPE_INTEGER = 1 << 1,
	SCHEMA_TYPE_NUMBER = 1 << 2,
	SCHEMA_TYPE_STRING = 1 << 3,
	SCHEMA_TYPE_ARRAY = 1 << 4,
	SCHEMA_TYPE_OBJECT = 1 << 5
};

enum schema_additional {
	SCHEMA_ADDITIONAL_ABSENT, /* allowed, unless the schema is strict */
	SCHEMA_ADDITIONAL_ALLOWED,
	SCHEMA_ADDITIONAL_FORBIDDEN,
	SCHEMA_ADDITIONAL_SCHEMA
};

struct schema_property {
	struct str name;
	const struct schema *schema;
};

struct schema_list {
	const struct schema **items;
	size_t count;
};

#define SCHEMA_NO_LIMIT (-1)

struct schema {
	unsigned types;
	bool nullable;
	bool strict;	/* unknown members are errors where additionalProperties is absent */
	bool in_place;	/* a branch of allOf and friends: the schema around it looks for unknown
			   members */
	bool is_open;	/* while compiling */
	uint64_t level; /* while compiling: schemas of one level apply to the same value */

	bool int_or_string, preserves_unknown, is_embedded;
	bool is_atomic_map;
	enum schema_merge list_merge;
	struct str *map_keys;
	size_t map_key_count;

	struct schema_property *properties; /* sorted by name */
	size_t property_count;
	struct str *required;
	size_t required_count;
	enum schema_additional additional;
	const struct schema *additional_schema;
	const struct schema *items;
	int64_t min_properties, max_properties;
	int64_t min_items, max_items;
	bool has_unique_items;

	const struct json *enumeration;
	const struct json *minimum, *maximum, *multiple_of; /* numbers */
	bool excludes_minimum, excludes_maximum;
	int64_t min_length, max_length;
	const struct pattern *pattern;
	struct str pattern_text;
	const struct schema_format *format;

	struct schema_list all_of, any_of, one_of;
	const struct schema *not_schema;
	const struct json *default_value;
};

/* A format by name, or NULL; whether a value keeps it. Values of other types than the format is for
 * conform. */
struct schema_format {
	const char *name;
	const char *remedy; /* "must be a UUID" */
	bool (*conforms)(struct str text);
	int64_t min, max; /* of integers, when conforms is NULL and the two differ */
};
const struct schema_format *schema_find_format(struct str name);
bool schema_format_conforms(const struct schema_format *format, const struct json *value);

/* A schema of the properties, or NULL. */
const struct schema *schema_find_property(const struct schema *schema, struct str name);

/*
 * The index of the first item that equals an earlier one, or -1; out of memory is -2. With keys,
 * items are objects that are equal when these members are.
 */
ptrdiff_t schema_find_duplicate(
	struct arena *arena, const struct json *list, const struct str *keys, size_t key_count);

/* "spec" and "replicas" give "spec.replicas"; a null path stays what it is. */
struct str schema_join_path(struct arena *arena, struct str path, struct str member);
struct str schema_index_path(struct arena *arena, struct str path, size_t index);

#endif
