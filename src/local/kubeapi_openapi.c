/*
 * kubeapi_openapi.c - OpenAPI documents from the registry.
 */
#include "local/kubeapi_openapi.h"

#include "base/hash.h"
#include "local/kubeapi_notation.h"

static struct str document_path(struct arena *arena, const struct kubeapi_type *type)
{
	return type->group.len == 0 ? arena_printf(arena, "api/%" STR_F, STR_A(type->version))
				    : arena_printf(arena, "apis/%" STR_F "/%" STR_F,
					      STR_A(type->group), STR_A(type->version));
}

struct json *kubeapi_openapi_index(struct kubeapi_types *types, struct arena *arena)
{
	struct json *index = json_new_object(arena), *paths = json_new_object(arena);
	size_t count;
	struct kubeapi_type **all = kubeapi_types_all(types, arena, &count);
	unsigned revision = kubeapi_types_revision(types);

	for (size_t i = 0; i < count; i++) {
		struct str path = document_path(arena, all[i]);
		struct json *entry = json_new_object(arena);
		json_set_text(entry, "serverRelativeURL",
			arena_printf(arena, "/openapi/v3/%" STR_F "?hash=%X", STR_A(path),
				revision + 1));
		json_set_str(paths, path, entry);
	}
	json_set(index, "paths", paths);
	return index;
}

static struct json *gvk_list(struct arena *arena, const struct kubeapi_type *type)
{
	struct json *list = json_new_array(arena), *gvk = json_new_object(arena);

	json_set_text(gvk, "group", type->group);
	json_set_text(gvk, "version", type->version);
	json_set_text(gvk, "kind", type->kind);
	json_append(list, gvk);
	return list;
}

static struct json *query_parameters(struct arena *arena)
{
	static const char *const names[] = {
		"dryRun", "fieldManager", "fieldValidation", "force", "pretty"};
	struct json *list = json_new_array(arena);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct json *parameter = json_new_object(arena), *schema = json_new_object(arena);
		json_set(schema, "type", json_new_cstr(arena, "string"));
		json_set(parameter, "name", json_new_cstr(arena, names[i]));
		json_set(parameter, "in", json_new_cstr(arena, "query"));
		json_set(parameter, "schema", schema);
		json_append(list, parameter);
	}
	return list;
}

/* The operations whose parameters kubectl looks for, and the answer that a document must have. */
static void add_path(
	struct arena *arena, struct json *paths, const struct kubeapi_type *type, struct str schema)
{
	static const char *const methods[] = {"get", "put", "patch", "post"};
	struct json *path = json_new_object(arena);
	struct str prefix = document_path(arena, type);

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct json *operation = json_new_object(arena), *answers = json_new_object(arena);
		struct json *answer = json_new_object(arena), *gvk = gvk_list(arena, type);
		struct json *content = json_new_object(arena), *media = json_new_object(arena);
		struct json *reference = json_new_object(arena);
		json_set_text(reference, "$ref", schema);
		json_set(media, "schema", reference);
		json_set(content, "application/json", media);
		json_set(answer, "description", json_new_cstr(arena, "OK"));
		json_set(answer, "content", content);
		json_set(answers, "200", answer);
		json_set(operation, "parameters", query_parameters(arena));
		json_set(operation, "responses", answers);
		json_set(operation, "x-kubernetes-group-version-kind", json_at(gvk, 0));
		json_set(path, methods[i], operation);
	}
	json_set_str(paths,
		arena_printf(arena, "/%" STR_F "%s/%" STR_F "/{name}", STR_A(prefix),
			type->is_namespaced ? "/namespaces/{namespace}" : "", STR_A(type->plural)),
		path);
}

struct json *kubeapi_openapi_document(
	struct kubeapi_types *types, struct arena *arena, struct str group, struct str version)
{
	const struct json *builtin =
		json_find(kubeapi_types_document(types), "components", "schemas", NULL);
	struct json *document = json_new_object(arena), *info = json_new_object(arena);
	struct json *paths = json_new_object(arena), *schemas = json_new_object(arena);
	struct json *components = json_new_object(arena), *schema;
	bool is_served = false;
	size_t count;
	struct kubeapi_type **all = kubeapi_types_all(types, arena, &count);

	json_for_each (builtin, i, schema)
		json_set_str(schemas, json_key_at(builtin, i), schema);
	for (size_t i = 0; i < count; i++) {
		const struct kubeapi_type *type = all[i];
		if (!str_eq(type->group, group) || !str_eq(type->version, version))
			continue;
		is_served = true;
		struct json *root = json_new_object(arena), *member;
		json_for_each (type->schema_text, k, member)
			json_set_str(root, json_key_at(type->schema_text, k), member);
		json_set(root, "x-kubernetes-group-version-kind", gvk_list(arena, type));
		json_set_str(schemas, type->kind, root);
		add_path(arena, paths, type,
			arena_printf(arena, KUBEAPI_SCHEMA_REFERENCE "%" STR_F, STR_A(type->kind)));
	}
	json_set(info, "title", json_new_cstr(arena, "Kubernetes"));
	json_set(info, "version", json_new_cstr(arena, "v1.32.0"));
	json_set(document, "openapi", json_new_cstr(arena, "3.0.0"));
	json_set(document, "info", info);
	json_set(document, "paths", paths);
	json_set(components, "schemas", schemas);
	json_set(document, "components", components);
	return is_served ? document : NULL;
}

struct json *kubeapi_openapi_v2(struct arena *arena)
{
	struct json *document = json_new_object(arena), *info = json_new_object(arena);

	json_set(info, "title", json_new_cstr(arena, "Kubernetes"));
	json_set(info, "version", json_new_cstr(arena, "v1.32.0"));
	json_set(document, "swagger", json_new_cstr(arena, "2.0"));
	json_set(document, "info", info);
	json_set(document, "paths", json_new_object(arena));
	json_set(document, "definitions", json_new_object(arena));
	return document;
}

/* Fields of openapi_v2.Document: swagger 1, info 2 (title 1, version 2), paths 8, definitions 9;
 * each as tag byte (number << 3 | 2), length, bytes. */
struct str kubeapi_openapi_v2_protobuf(struct arena *arena)
{
	static const char document[] = "\x0a\x03"
				       "2.0"
				       "\x12\x15"
				       "\x0a\x0a"
				       "Kubernetes"
				       "\x12\x07"
				       "v1.32.0"
				       "\x42\x00"
				       "\x4a\x00";

	return arena_str(arena, str_n(document, sizeof(document) - 1));
}
