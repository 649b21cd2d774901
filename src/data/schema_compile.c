/*
 * schema_compile.c - from a schema object in a document to a struct schema.
 *
 * A node of the document is compiled once per use as a value's own schema and once per use as a
 * branch of allOf and friends (a branch must not call members unknown that its siblings name), and
 * remembered by its address, so that recursive $refs end. What we do not know is refused: a schema
 * whose keyword is silently ignored accepts what its author meant to keep out.
 *
 * A schema that reaches itself without descending into a value (A: allOf: [A]) would never end and
 * is refused here: `level` numbers the value that a schema applies to, and meeting an open schema
 * of the same level is such a circle.
 */
#include <stdlib.h>

#include "base/map.h"
#include "data/merge.h"
#include "data/schema_tree.h"

#define MAX_DEPTH 200u	   /* of schema objects inside each other */
#define MAX_REFERENCES 32u /* $ref to $ref */

struct compiler {
	struct arena *arena;
	struct error *err;
	const struct json *document;
	struct map *known; /* node address and role -> struct schema */
	bool strict;
	unsigned depth;
	uint64_t level, last_level;
};

static int compile(
	struct compiler *c, const struct json *node, bool in_place, const struct schema **ret);

static int out_of_memory(struct compiler *c)
{
	return error_set(c->err, ERROR_MEMORY, "out of memory while compiling a schema");
}

static int invalid(struct compiler *c, struct str keyword, const char *what)
{
	return error_set(c->err, ERROR_INVALID, "%" STR_F ": %s", STR_A(keyword), what);
}

/* A schema for a value of its own: below a property, an item. */
static int compile_below(struct compiler *c, const struct json *node, const struct schema **ret)
{
	uint64_t level = c->level;
	int result;

	c->level = ++c->last_level;
	result = compile(c, node, false, ret);
	c->level = level;
	return result;
}

/* --- keywords ------------------------------------------------------------------------------ */

/* Takes one keyword's value into the schema. */
typedef int keyword_fn(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value);

static int take_nothing(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	return 0;
}

static const struct {
	const char *name;
	unsigned type;
} types[] = {
	{"boolean", SCHEMA_TYPE_BOOLEAN},
	{"integer", SCHEMA_TYPE_INTEGER},
	{"number", SCHEMA_TYPE_NUMBER},
	{"string", SCHEMA_TYPE_STRING},
	{"array", SCHEMA_TYPE_ARRAY},
	{"object", SCHEMA_TYPE_OBJECT},
};

static int take_type(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (json_is(value, JSON_STRING) && str_eq_c(json_str(value), types[i].name)) {
			schema->types = types[i].type;
			return 0;
		}
	}
	return invalid(
		c, keyword, "must be one of boolean, integer, number, string, array, object");
}

static int take_bool(struct compiler *c, struct str keyword, const struct json *value, bool *ret)
{
	if (!json_is(value, JSON_BOOL))
		return invalid(c, keyword, "must be true or false");
	*ret = json_bool(value, false);
	return 0;
}

static int take_flag(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	struct {
		const char *keyword;
		bool *flag;
	} flags[] = {
		{"nullable", &schema->nullable},
		{"uniqueItems", &schema->has_unique_items},
		{"exclusiveMinimum", &schema->excludes_minimum},
		{"exclusiveMaximum", &schema->excludes_maximum},
		{"x-kubernetes-preserve-unknown-fields", &schema->preserves_unknown},
		{"x-kubernetes-int-or-string", &schema->int_or_string},
		{"x-kubernetes-embedded-resource", &schema->is_embedded},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (str_eq_c(keyword, flags[i].keyword))
			return take_bool(c, keyword, value, flags[i].flag);
	}
	return 0;
}

static int take_count(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	struct {
		const char *keyword;
		int64_t *count;
	} counts[] = {
		{"minLength", &schema->min_length},
		{"maxLength", &schema->max_length},
		{"minItems", &schema->min_items},
		{"maxItems", &schema->max_items},
		{"minProperties", &schema->min_properties},
		{"maxProperties", &schema->max_properties},
	};
	int64_t count;

	if (!json_is(value, JSON_NUMBER) || !json_to_int(value, &count) || count < 0)
		return invalid(c, keyword, "must be an integer of at least 0");
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (str_eq_c(keyword, counts[i].keyword))
			*counts[i].count = count;
	}
	return 0;
}

static int take_number(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	if (!json_is(value, JSON_NUMBER))
		return invalid(c, keyword, "must be a number");
	if (str_eq_c(keyword, "minimum"))
		schema->minimum = value;
	else if (str_eq_c(keyword, "maximum"))
		schema->maximum = value;
	else if (json_double(value, 0) > 0)
		schema->multiple_of = value;
	else
		return invalid(c, keyword, "must be greater than 0");
	return 0;
}

static int compare_properties(const void *a, const void *b)
{
	return str_cmp(((const struct schema_property *)a)->name,
		((const struct schema_property *)b)->name);
}

static int take_properties(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	size_t count = json_count(value);

	if (!json_is(value, JSON_OBJECT))
		return invalid(c, keyword, "must be an object");
	schema->properties = arena_calloc(c->arena, count + 1, sizeof(struct schema_property));
	if (schema->properties == NULL)
		return out_of_memory(c);
	for (size_t i = 0; i < count; i++) {
		struct schema_property *property = &schema->properties[i];

		property->name = json_key_at(value, i);
		if (compile_below(c, json_at(value, i), &property->schema) != 0)
			return error_prefix(c->err, "%" STR_F, STR_A(property->name));
	}
	schema->property_count = count;
	qsort(schema->properties, count, sizeof(struct schema_property), compare_properties);
	return 0;
}

static int take_strings(struct compiler *c, struct str keyword, const struct json *value,
	struct str **ret, size_t *ret_count)
{
	const struct json *item;

	if (!json_is(value, JSON_ARRAY))
		return invalid(c, keyword, "must be a list of strings");
	*ret = arena_calloc(c->arena, json_count(value) + 1, sizeof(struct str));
	if (*ret == NULL)
		return out_of_memory(c);
	json_for_each (value, i, item) {
		if (!json_is(item, JSON_STRING))
			return invalid(c, keyword, "must be a list of strings");
		(*ret)[i] = json_str(item);
	}
	*ret_count = json_count(value);
	return 0;
}

static int take_required(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	return take_strings(c, keyword, value, &schema->required, &schema->required_count);
}

static int take_map_keys(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	return take_strings(c, keyword, value, &schema->map_keys, &schema->map_key_count);
}

static int take_additional(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	if (json_is(value, JSON_BOOL)) {
		schema->additional = json_bool(value, true) ? SCHEMA_ADDITIONAL_ALLOWED
							    : SCHEMA_ADDITIONAL_FORBIDDEN;
		return 0;
	}
	schema->additional = SCHEMA_ADDITIONAL_SCHEMA;
	if (compile_below(c, value, &schema->additional_schema) != 0)
		return error_prefix(c->err, "*");
	return 0;
}

static int take_items(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	if (compile_below(c, value, &schema->items) != 0)
		return error_prefix(c->err, "[]");
	return 0;
}

static int take_enum(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	if (!json_is(value, JSON_ARRAY) || json_count(value) == 0)
		return invalid(c, keyword, "must be a list with at least one value");
	schema->enumeration = value;
	return 0;
}

static int take_pattern(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	if (!json_is(value, JSON_STRING))
		return invalid(c, keyword, "must be a string");
	schema->pattern_text = json_str(value);
	return pattern_compile(c->arena, json_str(value), &schema->pattern, c->err);
}

static int take_format(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	schema->format = schema_find_format(json_str(value));
	if (schema->format == NULL)
		return error_set(c->err, ERROR_INVALID, "format \"%" STR_F "\" is not one we know",
			STR_A(json_str(value)));
	return 0;
}

static int take_branches(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	struct schema_list *list = str_eq_c(keyword, "allOf")	? &schema->all_of
				   : str_eq_c(keyword, "anyOf") ? &schema->any_of
								: &schema->one_of;
	const struct json *item;

	if (!json_is(value, JSON_ARRAY) || json_count(value) == 0)
		return invalid(c, keyword, "must be a list with at least one schema");
	list->items = arena_calloc(c->arena, json_count(value), sizeof(struct schema *));
	if (list->items == NULL)
		return out_of_memory(c);
	json_for_each (value, i, item) {
		if (compile(c, item, true, &list->items[i]) != 0)
			return error_prefix(c->err, "%" STR_F "[%zu]", STR_A(keyword), i);
	}
	list->count = json_count(value);
	return 0;
}

static int take_not(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	if (compile(c, value, true, &schema->not_schema) != 0)
		return error_prefix(c->err, "not");
	return 0;
}

static int take_default(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	schema->default_value = value;
	return 0;
}

static int take_list_type(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	struct str type = json_str(value);

	if (str_eq_c(type, "atomic"))
		schema->list_merge = SCHEMA_MERGE_ATOMIC;
	else if (str_eq_c(type, "set"))
		schema->list_merge = SCHEMA_MERGE_SET;
	else if (str_eq_c(type, "map"))
		schema->list_merge = SCHEMA_MERGE_MAP;
	else
		return invalid(c, keyword, "must be atomic, set or map");
	return 0;
}

static int take_map_type(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	struct str type = json_str(value);

	if (!str_eq_c(type, "atomic") && !str_eq_c(type, "granular"))
		return invalid(c, keyword, "must be atomic or granular");
	schema->is_atomic_map = str_eq_c(type, "atomic");
	return 0;
}

static const struct {
	const char *name;
	keyword_fn *take;
} keywords[] = {
	{"type", take_type},
	{"nullable", take_flag},
	{"properties", take_properties},
	{"required", take_required},
	{"additionalProperties", take_additional},
	{"items", take_items},
	{"enum", take_enum},
	{"minimum", take_number},
	{"maximum", take_number},
	{"multipleOf", take_number},
	{"exclusiveMinimum", take_flag},
	{"exclusiveMaximum", take_flag},
	{"minLength", take_count},
	{"maxLength", take_count},
	{"pattern", take_pattern},
	{"format", take_format},
	{"minItems", take_count},
	{"maxItems", take_count},
	{"uniqueItems", take_flag},
	{"minProperties", take_count},
	{"maxProperties", take_count},
	{"allOf", take_branches},
	{"anyOf", take_branches},
	{"oneOf", take_branches},
	{"not", take_not},
	{"default", take_default},
	{"x-kubernetes-preserve-unknown-fields", take_flag},
	{"x-kubernetes-int-or-string", take_flag},
	{"x-kubernetes-embedded-resource", take_flag},
	{"x-kubernetes-list-type", take_list_type},
	{"x-kubernetes-list-map-keys", take_map_keys},
	{"x-kubernetes-map-type", take_map_type},
	{"title", take_nothing},
	{"description", take_nothing},
	{"example", take_nothing},
	{"externalDocs", take_nothing},
	{"deprecated", take_nothing},
	{"readOnly", take_nothing},
	{"writeOnly", take_nothing},
	{"discriminator", take_nothing},
	{"xml", take_nothing},
};

static int take_keyword(
	struct compiler *c, struct schema *schema, struct str keyword, const struct json *value)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (str_eq_c(keyword, keywords[i].name))
			return keywords[i].take(c, schema, keyword, value);
	}
	if (str_starts_with(keyword, STR("x-")))
		return 0;
	return invalid(c, keyword, "is not a keyword of schemas that we know");
}

/* --- nodes --------------------------------------------------------------------------------- */

/* Follows $ref as far as it goes; its siblings do not count (OpenAPI 3.0, Reference Object). */
static int resolve(struct compiler *c, const struct json **node)
{
	for (unsigned i = 0; json_get(*node, "$ref") != NULL; i++) {
		struct str reference = json_get_text(*node, "$ref");
		const struct json *target = NULL;

		if (i >= MAX_REFERENCES)
			return error_set(c->err, ERROR_INVALID,
				"$ref \"%" STR_F "\" refers to itself", STR_A(reference));
		if (str_starts_with(reference, STR("#")))
			target = merge_pointer(
				c->document, str_slice(reference, 1, reference.len - 1));
		if (target == NULL)
			return error_set(c->err, ERROR_INVALID,
				"$ref \"%" STR_F "\" is not in this document", STR_A(reference));
		*node = target;
	}
	return 0;
}

static int compile_keywords(struct compiler *c, const struct json *node, struct schema *schema)
{
	const struct json *value;

	json_for_each (node, i, value) {
		if (take_keyword(c, schema, json_key_at(node, i), value) != 0)
			return -1;
	}
	if (schema->list_merge == SCHEMA_MERGE_MAP && schema->map_key_count == 0)
		return invalid(c, STR("x-kubernetes-list-map-keys"), "must name the keys");
	return 0;
}

static int compile_new(struct compiler *c, const struct json *node, bool in_place, struct str key,
	const struct schema **ret)
{
	struct schema *schema = arena_new_of(c->arena, struct schema);

	if (schema == NULL || !map_put(c->known, key, schema, NULL))
		return out_of_memory(c);
	schema->strict = c->strict;
	schema->in_place = in_place;
	schema->level = c->level;
	schema->list_merge = SCHEMA_MERGE_ATOMIC;
	schema->min_length = schema->max_length = SCHEMA_NO_LIMIT;
	schema->min_items = schema->max_items = SCHEMA_NO_LIMIT;
	schema->min_properties = schema->max_properties = SCHEMA_NO_LIMIT;
	schema->is_open = true;
	if (compile_keywords(c, node, schema) != 0)
		return -1;
	schema->is_open = false;
	*ret = schema;
	return 0;
}

static int compile(
	struct compiler *c, const struct json *node, bool in_place, const struct schema **ret)
{
	struct {
		const struct json *node;
		uintptr_t in_place;
	} key = {NULL, in_place};
	const struct schema *known;
	int result;

	if (resolve(c, &node) != 0)
		return -1;
	if (!json_is(node, JSON_OBJECT))
		return error_set(c->err, ERROR_INVALID, "a schema must be an object");
	key.node = node;
	known = map_get(c->known, str_n((const char *)&key, sizeof(key)));
	if (known != NULL) {
		if (known->is_open && known->level == c->level)
			return error_set(c->err, ERROR_INVALID,
				"the schema contains itself without a property or item between");
		*ret = known;
		return 0;
	}
	if (c->depth >= MAX_DEPTH)
		return error_set(
			c->err, ERROR_INVALID, "schemas are nested more than %u deep", MAX_DEPTH);
	c->depth++;
	result = compile_new(c, node, in_place, str_n((const char *)&key, sizeof(key)), ret);
	c->depth--;
	return result;
}

int schema_compile(struct arena *arena, const struct json *document, const struct json *node,
	bool strict, const struct schema **ret, struct error *err)
{
	struct compiler c = {.arena = arena, .err = err, .document = document, .strict = strict};
	const struct schema *schema;
	int result;

	c.known = map_new();
	if (c.known == NULL)
		return out_of_memory(&c);
	result = compile(&c, node, false, &schema);
	map_free(c.known, NULL);
	if (result == 0)
		*ret = schema;
	return result;
}
