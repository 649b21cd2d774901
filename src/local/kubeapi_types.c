/*
 * kubeapi_types.c - the registry of types.
 *
 * There are some dozens of types and every request looks one up once: a list under a lock is
 * enough.
 */
#include "local/kubeapi_types.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "local/kubeapi_builtin.h"
#include "local/kubeapi_notation.h"

struct kubeapi_types {
	struct arena *arena;
	const struct json *document;
	pthread_mutex_t serving;
	pthread_mutex_t mutex; /* the rest */
	struct kubeapi_type *items[KUBEAPI_MAX_TYPES];
	size_t count;
	unsigned revision;
};

struct str kubeapi_word(struct str *rest)
{
	struct str word = STR_NULL;

	while (!str_is_null(*rest) && word.len == 0)
		word = str_cut(rest, ' ');
	return word.len > 0 ? word : STR_NULL;
}

bool kubeapi_has_word(struct str words, struct str word)
{
	struct str each;

	while (!str_is_null(each = kubeapi_word(&words)))
		if (str_eq(each, word))
			return true;
	return false;
}

struct kubeapi_type *kubeapi_type_new(void)
{
	struct arena *arena = arena_new(KUBEAPI_TYPE_ARENA_MAX);
	struct kubeapi_type *type = arena ? arena_new_of(arena, struct kubeapi_type) : NULL;

	if (!type) {
		arena_free(arena);
		return NULL;
	}
	type->arena = arena;
	atomic_init(&type->owners, 1);
	return type;
}

void kubeapi_type_release(struct kubeapi_type *type)
{
	if (type && atomic_fetch_sub(&type->owners, 1) == 1)
		arena_free(type->arena);
}

/* Every object has these, whatever its schema says about them. */
static struct json *with_object_header(struct arena *arena, struct json *schema)
{
	struct json *properties = json_new_object(arena), *member;
	struct json *string = json_new_object(arena), *meta = json_new_object(arena);

	json_set(string, "type", json_new_cstr(arena, "string"));
	json_set(meta, "$ref", json_new_cstr(arena, KUBEAPI_SCHEMA_REFERENCE "ObjectMeta"));
	json_set(properties, "apiVersion", string);
	json_set(properties, "kind", string);
	json_set(properties, "metadata", meta);
	json_for_each (json_get(schema, "properties"), i, member) {
		struct str name = json_key_at(json_get(schema, "properties"), i);
		if (!json_get_str(properties, name))
			json_set_str(properties, name, member);
	}
	json_set(schema, "properties", properties);
	return schema;
}

int kubeapi_type_finish(struct kubeapi_types *types, struct kubeapi_type *type, struct json *schema,
	struct error *err)
{
	struct arena *arena = type->arena;

	type->api_version = type->group.len == 0
				    ? type->version
				    : arena_printf(arena, "%" STR_F "/%" STR_F, STR_A(type->group),
					      STR_A(type->version));
	type->qualified = type->group.len == 0 ? type->plural
					       : arena_printf(arena, "%" STR_F ".%" STR_F,
							 STR_A(type->plural), STR_A(type->group));
	if (type->list_kind.len == 0)
		type->list_kind = arena_printf(arena, "%" STR_F "List", STR_A(type->kind));
	type->prefix = arena_printf(arena,
		"{\"apiVersion\":\"%" STR_F "\",\"kind\":\"%" STR_F "\",\"metadata\":{",
		STR_A(type->api_version), STR_A(type->kind));
	type->schema_text = with_object_header(arena, schema);
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "the type's schema is too large");
	return schema_compile(arena, types->document, type->schema_text, false, &type->schema, err);
}

/* --- the built-in types -------------------------------------------------------------------- */

static struct str lower(struct arena *arena, const char *text)
{
	char *out = arena_cstr(arena, str_of(text));

	for (char *c = out; c && *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return str_of(out);
}

static int add_builtin(
	struct kubeapi_types *types, const struct kubeapi_builtin *builtin, struct error *err)
{
	struct kubeapi_type *type = kubeapi_type_new();
	struct json *schema =
		json_find(types->document, "components", "schemas", builtin->kind, NULL);

	if (!type)
		return error_set(err, ERROR_MEMORY, "no memory for the built-in types");
	type->group = str_of(builtin->group);
	type->version = str_of(builtin->version);
	type->kind = str_of(builtin->kind);
	type->plural = str_of(builtin->plural);
	type->singular = lower(type->arena, builtin->kind);
	type->short_names = str_of(builtin->short_names);
	type->categories = str_of(builtin->categories);
	type->is_builtin = type->is_preferred = true;
	type->is_namespaced = builtin->is_namespaced;
	type->has_status = builtin->has_status;
	type->has_generation = builtin->has_generation;
	type->scale_spec = str_of(builtin->scale_spec);
	type->scale_status = str_of(builtin->scale_status);
	type->scale_selector = str_of(builtin->scale_selector);
	type->selectable = str_of(builtin->selectable);
	type->immutable = str_of(builtin->immutable);
	type->columns =
		arena_calloc(type->arena, KUBEAPI_BUILTIN_COLUMNS, sizeof(struct kubeapi_column));
	while (type->columns && type->column_count < KUBEAPI_BUILTIN_COLUMNS &&
		builtin->columns[type->column_count].name) {
		type->columns[type->column_count] = builtin->columns[type->column_count];
		type->column_count++;
	}
	if (kubeapi_type_finish(types, type, json_copy(type->arena, schema), err) < 0) {
		kubeapi_type_release(type);
		return error_prefix(err, "built-in kind %s", builtin->kind);
	}
	types->items[types->count++] = type;
	return 0;
}

int kubeapi_types_new(struct kubeapi_types **ret, struct error *err)
{
	struct kubeapi_types *types = calloc(1, sizeof(*types));
	const struct kubeapi_builtin *builtins;
	size_t count = kubeapi_builtins(&builtins);
	struct json *document;

	if (!types || !(types->arena = arena_new(0))) {
		free(types);
		return error_set(err, ERROR_MEMORY, "no memory for the types");
	}
	pthread_mutex_init(&types->mutex, NULL);
	pthread_mutex_init(&types->serving, NULL);
	if (kubeapi_notation_read(types->arena, str_of(kubeapi_builtin_types), &document, err) < 0)
		goto failed;
	types->document = document;
	for (size_t i = 0; i < count; i++)
		if (add_builtin(types, &builtins[i], err) < 0)
			goto failed;
	*ret = types;
	return 0;
failed:
	kubeapi_types_free(types);
	return -1;
}

void kubeapi_types_free(struct kubeapi_types *types)
{
	if (!types)
		return;
	for (size_t i = 0; i < types->count; i++)
		kubeapi_type_release(types->items[i]);
	pthread_mutex_destroy(&types->mutex);
	pthread_mutex_destroy(&types->serving);
	arena_free(types->arena);
	free(types);
}

/* --- looking up ---------------------------------------------------------------------------- */

static struct kubeapi_type *keep(struct kubeapi_type *type)
{
	atomic_fetch_add(&type->owners, 1);
	return type;
}

struct kubeapi_type *kubeapi_types_find(
	struct kubeapi_types *types, struct str group, struct str version, struct str plural)
{
	LOCK_SCOPE(&types->mutex);
	for (size_t i = 0; i < types->count; i++) {
		struct kubeapi_type *type = types->items[i];
		if (str_eq(type->plural, plural) && str_eq(type->group, group) &&
			str_eq(type->version, version))
			return keep(type);
	}
	return NULL;
}

struct kubeapi_type *kubeapi_types_find_kind(
	struct kubeapi_types *types, struct str api_version, struct str kind)
{
	LOCK_SCOPE(&types->mutex);
	for (size_t i = 0; i < types->count; i++)
		if (str_eq(types->items[i]->kind, kind) &&
			str_eq(types->items[i]->api_version, api_version))
			return keep(types->items[i]);
	return NULL;
}

struct kubeapi_type *kubeapi_types_find_stored(struct kubeapi_types *types, struct str qualified)
{
	struct kubeapi_type *found = NULL;

	LOCK_SCOPE(&types->mutex);
	for (size_t i = 0; i < types->count; i++)
		if (str_eq(types->items[i]->qualified, qualified) &&
			(!found || types->items[i]->is_preferred))
			found = types->items[i];
	return found ? keep(found) : NULL;
}

static void release(void *type)
{
	kubeapi_type_release(type);
}

struct kubeapi_type **kubeapi_types_all(
	struct kubeapi_types *types, struct arena *arena, size_t *ret_count)
{
	struct kubeapi_type **all;

	LOCK_SCOPE(&types->mutex);
	all = arena_calloc(arena, types->count + 1, sizeof(*all));
	*ret_count = 0;
	for (size_t i = 0; all && i < types->count; i++)
		if (arena_defer(arena, release, keep(types->items[i])))
			all[(*ret_count)++] = types->items[i];
	return all;
}

unsigned kubeapi_types_revision(struct kubeapi_types *types)
{
	LOCK_SCOPE(&types->mutex);
	return types->revision;
}

const struct json *kubeapi_types_document(const struct kubeapi_types *types)
{
	return types->document;
}

int kubeapi_types_replace(struct kubeapi_types *types, struct str qualified,
	struct kubeapi_type **with, size_t count, struct error *err)
{
	size_t kept = 0;

	LOCK_SCOPE(&types->mutex);
	if (types->count + count > KUBEAPI_MAX_TYPES) {
		for (size_t i = 0; i < count; i++)
			kubeapi_type_release(with[i]);
		return error_set(
			err, ERROR_LIMITED, "at most %u types can be served", KUBEAPI_MAX_TYPES);
	}
	for (size_t i = 0; i < types->count; i++) {
		if (str_eq(types->items[i]->qualified, qualified))
			kubeapi_type_release(types->items[i]);
		else
			types->items[kept++] = types->items[i];
	}
	types->count = kept;
	for (size_t i = 0; i < count; i++)
		types->items[types->count++] = with[i];
	types->revision++;
	return 0;
}

void kubeapi_types_serving_begin(struct kubeapi_types *types)
{
	pthread_mutex_lock(&types->serving);
}

void kubeapi_types_serving_end(struct kubeapi_types *types)
{
	pthread_mutex_unlock(&types->serving);
}
