/*
 * registry.c - see registry.h.
 *
 * Two passes: each entry by itself (keys, types, names), then what ties entries together (parents,
 * cycles, children, schemas). A table of keys says which member of struct kind each fills.
 */
#include "clm/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "clm/registry_conditions.h"
#include "clm/registry_references.h"
#include "clm/settings.h"
#include "data/yaml.h"

/* While it is being read: the kind and what its second pass needs. */
struct entry {
	struct str parent;
	bool requires_schema;
	const struct json *at; /* in the file */
};

struct loading {
	struct registry *registry;
	struct entry *entries; /* beside registry->kinds */
	struct error *err;
};

/* --- one entry ------------------------------------------------------------------------------- */

typedef int (*read_key)(struct loading *loading, size_t index, const struct json *value);

static int fail(const struct loading *loading, size_t index, const char *problem)
{
	struct str name = loading->registry->kinds[index].name;

	if (str_is_empty(name))
		error_set(loading->err, ERROR_INVALID, "entity %zu: %s", index + 1, problem);
	else
		error_set(loading->err, ERROR_INVALID, "entity \"%" STR_F "\": %s", STR_A(name),
			problem);
	return settings_at(loading->entries[index].at, loading->err);
}

static int read_kind(struct loading *loading, size_t index, const struct json *value)
{
	loading->registry->kinds[index].name = json_str(value);
	return 0;
}

static int read_plural(struct loading *loading, size_t index, const struct json *value)
{
	loading->registry->kinds[index].plural = json_str(value);
	return 0;
}

static int read_parent(struct loading *loading, size_t index, const struct json *value)
{
	loading->entries[index].parent = json_str(value);
	return str_is_null(json_str(value))
		       ? fail(loading, index, "parent_kind must be the name of a kind")
		       : 0;
}

static int read_parent_delete(struct loading *loading, size_t index, const struct json *value)
{
	loading->registry->kinds[index].is_cascading = str_eq_c(json_str(value), "cascade");
	if (str_eq_c(json_str(value), "cascade") || str_eq_c(json_str(value), "restrict"))
		return 0;
	return fail(loading, index, "on_parent_delete must be restrict or cascade");
}

static int read_schema_name(struct loading *loading, size_t index, const struct json *value)
{
	loading->registry->kinds[index].schema_name = json_str(value);
	return str_is_empty(json_str(value))
		       ? fail(loading, index, "spec_schema_name must be the name of a schema")
		       : 0;
}

static int read_require_schema(struct loading *loading, size_t index, const struct json *value)
{
	if (!json_is(value, JSON_BOOL))
		return fail(loading, index, "require_spec_schema must be true or false");
	loading->entries[index].requires_schema = json_bool(value, false);
	return 0;
}

static int read_adapters(struct loading *loading, size_t index, const struct json *value)
{
	struct kind *kind = &loading->registry->kinds[index];
	const struct json *item;

	if (!json_is(value, JSON_ARRAY) || json_count(value) > REGISTRY_MAX_ADAPTERS)
		return fail(loading, index, "required_adapters must be a list of at most 32 names");
	kind->required_adapters = arena_calloc(
		loading->registry->arena, json_count(value) + 1, sizeof(*kind->required_adapters));
	if (kind->required_adapters == NULL)
		return error_set(loading->err, ERROR_MEMORY, "no room for the entity registry");
	json_for_each (value, i, item) {
		if (str_is_empty(json_str(item)))
			return fail(loading, index, "required_adapters holds an empty name");
		for (size_t k = 0; k < kind->required_count; k++) {
			if (str_eq(kind->required_adapters[k], json_str(item)))
				return fail(loading, index, "required_adapters names one twice");
		}
		kind->required_adapters[kind->required_count++] = json_str(item);
	}
	return 0;
}

static int read_length(struct loading *loading, size_t index, const struct json *value, size_t *ret)
{
	int64_t length;

	if (!json_to_int(value, &length) || length < 0 || length > REGISTRY_MAX_NAME)
		return fail(loading, index, "name lengths must be numbers from 0 to 100");
	if (length > 0)
		*ret = (size_t)length;
	return 0;
}

static int read_name_min(struct loading *loading, size_t index, const struct json *value)
{
	return read_length(loading, index, value, &loading->registry->kinds[index].name_min);
}

static int read_name_max(struct loading *loading, size_t index, const struct json *value)
{
	return read_length(loading, index, value, &loading->registry->kinds[index].name_max);
}

static int read_references(struct loading *loading, size_t index, const struct json *value)
{
	struct kind *kind = &loading->registry->kinds[index];
	struct error problem;

	if (registry_read_references(loading->registry->arena, value, kind, &problem) == 0)
		return 0;
	return problem.code == ERROR_INVALID
		       ? fail(loading, index, problem.message)
		       : error_set(loading->err, problem.code, "%s", problem.message);
}

static int read_conditions(struct loading *loading, size_t index, const struct json *value)
{
	struct kind *kind = &loading->registry->kinds[index];
	struct error problem;

	if (registry_read_conditions(loading->registry->arena, value, kind, &problem) == 0)
		return 0;
	return problem.code == ERROR_INVALID
		       ? fail(loading, index, problem.message)
		       : error_set(loading->err, problem.code, "%s", problem.message);
}

static int check_conditions(struct loading *loading, size_t index)
{
	struct error problem;

	if (registry_check_conditions(
		    loading->registry->arena, &loading->registry->kinds[index], &problem) == 0)
		return 0;
	return fail(loading, index, problem.message);
}

static const struct {
	const char *name;
	read_key read;
} keys[] = {
	{"kind", read_kind},
	{"plural", read_plural},
	{"parent_kind", read_parent},
	{"on_parent_delete", read_parent_delete},
	{"spec_schema_name", read_schema_name},
	{"require_spec_schema", read_require_schema},
	{"required_adapters", read_adapters},
	{"name_min_len", read_name_min},
	{"name_max_len", read_name_max},
	{"references", read_references},
	{"conditions", read_conditions},
};
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

static int check_known_keys(struct loading *loading, size_t index, const struct json *item)
{
	for (size_t i = 0; i < json_count(item); i++) {
		struct str key = json_key_at(item, i);
		size_t k = 0;

		while (k < KEY_COUNT && !str_eq_c(key, keys[k].name))
			k++;
		if (k == KEY_COUNT) {
			error_set(loading->err, ERROR_INVALID,
				"entity %zu: unknown key \"%" STR_F "\"", index + 1, STR_A(key));
			return settings_at(json_get_str(item, key), loading->err);
		}
	}
	return 0;
}

/* A plural is one path segment, so it has no need of escaping. */
static bool is_segment(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return text.len > 0;
}

/* What the API has beside the kinds, and below a resource, where a child kind's plural stands. */
static bool is_reserved(struct str plural)
{
	static const char *const reserved[] = {REGISTRY_ANY_PLURAL, "openapi", "statuses",
		"history", "force-delete", "placement", "watch", "batch"};

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (str_eq_c(plural, reserved[i]))
			return true;
	return false;
}

static int check_entry(struct loading *loading, size_t index)
{
	const struct registry *registry = loading->registry;
	const struct kind *kind = &registry->kinds[index];

	if (str_is_empty(kind->name))
		return fail(loading, index, "kind is missing");
	if (str_is_empty(kind->plural))
		return fail(loading, index, "plural is missing");
	if (!is_segment(kind->plural))
		return fail(loading, index, "plural must be lower-case letters, digits, _ and -");
	if (is_reserved(kind->plural))
		return fail(loading, index,
			"plural is reserved, for it is a path of the API; choose another");
	if (kind->name_max < kind->name_min)
		return fail(loading, index, "name_max_len is less than name_min_len");
	for (size_t i = 0; i < index; i++) {
		if (str_eq(registry->kinds[i].name, kind->name))
			return fail(loading, index, "the kind is listed twice");
		if (str_eq(registry->kinds[i].plural, kind->plural))
			return fail(loading, index, "its plural belongs to another kind");
	}
	return check_conditions(loading, index);
}

static int read_entry(struct loading *loading, size_t index, const struct json *item)
{
	struct kind *kind = &loading->registry->kinds[index];

	loading->entries[index].at = item;
	if (!json_is(item, JSON_OBJECT))
		return fail(loading, index, "must be a mapping");
	if (check_known_keys(loading, index, item) != 0)
		return -1;
	kind->name_max = REGISTRY_MAX_NAME;
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct json *value = json_get(item, keys[i].name);

		loading->entries[index].at = json_is_null(value) ? item : value;
		if (!json_is_null(value) && keys[i].read(loading, index, value) != 0)
			return -1;
	}
	loading->entries[index].at = item;
	return check_entry(loading, index);
}

/* --- what ties entries together -------------------------------------------------------------- */

static int tie_parents(struct loading *loading)
{
	struct registry *registry = loading->registry;

	for (size_t i = 0; i < registry->count; i++) {
		if (str_is_null(loading->entries[i].parent))
			continue;
		registry->kinds[i].parent = registry_find(registry, loading->entries[i].parent);
		if (registry->kinds[i].parent == NULL)
			return fail(loading, i, "its parent_kind is not in the list");
	}
	for (size_t i = 0; i < registry->count; i++) {
		const struct kind *above = registry->kinds[i].parent;
		size_t steps = 0;

		while (above != NULL && steps++ < registry->count)
			above = above->parent;
		if (above != NULL)
			return fail(loading, i, "its parents form a circle");
	}
	return 0;
}

static int tie_children(struct loading *loading)
{
	struct registry *registry = loading->registry;

	for (size_t i = 0; i < registry->count; i++) {
		struct kind *kind = &registry->kinds[i];

		kind->children =
			arena_calloc(registry->arena, registry->count, sizeof(struct kind *));
		if (kind->children == NULL)
			return error_set(
				loading->err, ERROR_MEMORY, "no room for the entity registry");
		for (size_t k = 0; k < registry->count; k++) {
			if (registry->kinds[k].parent == kind)
				kind->children[kind->child_count++] = &registry->kinds[k];
		}
	}
	return 0;
}

static int tie_schemas(struct loading *loading, const struct json *document)
{
	struct registry *registry = loading->registry;
	const struct json *schemas = json_find(document, "components", "schemas", NULL);

	if (!str_starts_with(json_get_text(document, "openapi"), STR("3.")))
		return error_set(loading->err, ERROR_INVALID,
			"the schema file is not an OpenAPI 3.0 document");
	for (size_t i = 0; i < registry->count; i++) {
		struct kind *kind = &registry->kinds[i];
		const struct json *node = json_get_str(schemas, kind->schema_name);

		if (node == NULL && loading->entries[i].requires_schema)
			return fail(
				loading, i, "its spec_schema_name is not among components.schemas");
		if (node != NULL && schema_compile(registry->arena, document, node, false,
					    &kind->schema, loading->err) != 0)
			return error_prefix(
				loading->err, "schema \"%" STR_F "\"", STR_A(kind->schema_name));
	}
	return 0;
}

static int read_entries(struct loading *loading, const struct json *document)
{
	struct registry *registry = loading->registry;
	const struct json *list = json_get(document, "entities");
	const struct json *item;

	if (!json_is(list, JSON_ARRAY) || json_count(list) == 0)
		return error_set(loading->err, ERROR_INVALID,
			"the entity file needs a list `entities:` with at least one kind");
	if (json_count(list) > REGISTRY_MAX_KINDS)
		return error_set(
			loading->err, ERROR_INVALID, "more than %u entities", REGISTRY_MAX_KINDS);
	registry->kinds = arena_calloc(registry->arena, json_count(list), sizeof(struct kind));
	loading->entries = arena_calloc(registry->arena, json_count(list), sizeof(struct entry));
	if (registry->kinds == NULL || loading->entries == NULL)
		return error_set(loading->err, ERROR_MEMORY, "no room for the entity registry");
	json_for_each (list, i, item) {
		if (read_entry(loading, i, item) != 0)
			return -1;
		registry->count++;
	}
	return 0;
}

/* --- public ---------------------------------------------------------------------------------- */

static int fill(struct loading *loading, struct str entities, struct str schemas)
{
	struct arena *arena = loading->registry->arena;
	struct json *entity_document;
	struct json *schema_document;

	if (yaml_parse(arena, arena_str(arena, entities), &entity_document, loading->err) != 0)
		return error_prefix(loading->err, "the entity file");
	if (yaml_parse(arena, arena_str(arena, schemas), &schema_document, loading->err) != 0)
		return error_prefix(loading->err, "the schema file");
	if (read_entries(loading, entity_document) != 0 || tie_parents(loading) != 0 ||
		tie_children(loading) != 0 ||
		registry_tie_references(loading->registry, loading->err) != 0 ||
		tie_schemas(loading, schema_document) != 0)
		return -1;
	loading->registry->openapi = json_text(arena, schema_document, JSON_WRITE_COMPACT);
	if (arena_is_exhausted(arena))
		return error_set(loading->err, ERROR_MEMORY, "no room for the entity registry");
	return 0;
}

int registry_parse(
	struct registry **ret, struct str entities, struct str schemas, struct error *err)
{
	struct registry *registry = calloc(1, sizeof(*registry));
	struct loading loading = {.registry = registry, .err = err};

	if (registry == NULL || (registry->arena = arena_new(0)) == NULL) {
		free(registry);
		return error_set(err, ERROR_MEMORY, "no room for the entity registry");
	}
	if (fill(&loading, entities, schemas) != 0) {
		registry_free(registry);
		return -1;
	}
	*ret = registry;
	return 0;
}

static int read_file(struct buf *buf, const char *path, struct error *err)
{
	FILE *file = fopen(path, "re");
	char chunk[16384];
	size_t len;

	if (file == NULL)
		return error_set(err, error_from_errno(errno), "%s cannot be read: %s", path,
			strerror(errno));
	while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_add(buf, chunk, len);
	if (ferror(file))
		error_set(err, ERROR_INTERNAL, "%s cannot be read", path);
	else if (buf->failed)
		error_set(err, ERROR_TOO_LARGE, "%s is larger than %zu bytes", path, buf->max);
	len = ferror(file) || buf->failed;
	fclose(file);
	return len == 0 ? 0 : -1;
}

int registry_load(struct registry **ret, const char *entities_file, const char *schema_file,
	struct error *err)
{
	CLEANUP(buf_free) struct buf entities = BUF_INITIALIZER(REGISTRY_MAX_FILE_BYTES);
	CLEANUP(buf_free) struct buf schemas = BUF_INITIALIZER(REGISTRY_MAX_FILE_BYTES);

	if (read_file(&entities, entities_file, err) != 0 ||
		read_file(&schemas, schema_file, err) != 0)
		return -1;
	if (registry_parse(ret, buf_str(&entities), buf_str(&schemas), err) != 0)
		return error_prefix(err, "%s, %s", entities_file, schema_file);
	return 0;
}

void registry_free(struct registry *registry)
{
	if (registry == NULL)
		return;
	arena_free(registry->arena);
	free(registry);
}

const struct kind *registry_find(const struct registry *registry, struct str kind)
{
	for (size_t i = 0; i < registry->count; i++) {
		if (str_eq(registry->kinds[i].name, kind))
			return &registry->kinds[i];
	}
	return NULL;
}

const struct kind *registry_find_plural(const struct registry *registry, struct str plural)
{
	for (size_t i = 0; i < registry->count; i++) {
		if (str_eq(registry->kinds[i].plural, plural))
			return &registry->kinds[i];
	}
	return NULL;
}
