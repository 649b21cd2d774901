/*
 * kubeapi_crd.c - from a CustomResourceDefinition to types.
 *
 * All versions of a resource are stored as they come (conversion None): they differ in apiVersion
 * only, which the prefix of the stored text takes care of.
 */
#include "local/kubeapi_crd.h"

#include <stdlib.h>

/* --- from a version to a type -------------------------------------------------------------- */

static struct str words(struct arena *arena, const struct json *list)
{
	struct str text = STR_NULL;
	struct json *item;

	json_for_each (list, i, item)
		text = arena_printf(arena, "%" STR_F "%s%" STR_F, STR_A(text), i ? " " : "",
			STR_A(json_str(item)));
	return text;
}

static const char *text_or(
	struct arena *arena, const struct json *object, const char *key, const char *fallback)
{
	struct str text = json_get_text(object, key);

	return str_is_null(text) ? fallback : arena_cstr(arena, text);
}

static void read_columns(struct kubeapi_type *type, const struct json *version)
{
	static const struct kubeapi_column name = {
		"Name", "string", ".metadata.name", 0, "name", "Name of the object."};
	static const struct kubeapi_column age = {
		"Age", "date", ".metadata.creationTimestamp", 0, NULL, NULL};
	const struct json *columns = json_get(version, "additionalPrinterColumns");
	struct json *column;

	type->columns =
		arena_calloc(type->arena, json_count(columns) + 2, sizeof(struct kubeapi_column));
	if (!type->columns)
		return;
	type->columns[type->column_count++] = name;
	json_for_each (columns, i, column) {
		if (type->column_count == KUBEAPI_MAX_COLUMNS)
			break;
		type->columns[type->column_count++] =
			(struct kubeapi_column){.name = text_or(type->arena, column, "name", ""),
				.type = text_or(type->arena, column, "type", "string"),
				.source = text_or(type->arena, column, "jsonPath", ""),
				.priority = (int)json_int(json_get(column, "priority"), 0),
				.format = text_or(type->arena, column, "format", NULL),
				.description = text_or(type->arena, column, "description", NULL)};
	}
	if (json_count(columns) == 0)
		type->columns[type->column_count++] = age;
}

static void read_subresources(struct kubeapi_type *type, const struct json *version)
{
	const struct json *subresources = json_get(version, "subresources");
	const struct json *scale = json_get(subresources, "scale");
	struct json *field;

	type->has_status = json_is(json_get(subresources, "status"), JSON_OBJECT);
	type->scale_spec = arena_str(type->arena, json_get_text(scale, "specReplicasPath"));
	type->scale_status = arena_str(type->arena, json_get_text(scale, "statusReplicasPath"));
	type->scale_selector = arena_str(type->arena, json_get_text(scale, "labelSelectorPath"));
	json_for_each (json_get(version, "selectableFields"), i, field) {
		struct str path = json_get_text(field, "jsonPath");
		type->selectable = arena_printf(type->arena, "%" STR_F " %" STR_F,
			STR_A(type->selectable), STR_A(str_slice(path, 1, path.len)));
	}
}

static struct kubeapi_type *make_type(struct kubeapi_types *types, const struct json *crd,
	const struct json *version, struct error *err)
{
	const struct json *spec = json_get(crd, "spec"), *names = json_get(spec, "names");
	struct json *schema = json_find(version, "schema", "openAPIV3Schema", NULL);
	struct kubeapi_type *type = kubeapi_type_new();

	if (!type) {
		error_set(err, ERROR_MEMORY, "no memory for a type");
		return NULL;
	}
	type->group = arena_str(type->arena, json_get_text(spec, "group"));
	type->version = arena_str(type->arena, json_get_text(version, "name"));
	type->kind = arena_str(type->arena, json_get_text(names, "kind"));
	type->list_kind = arena_str(type->arena, json_get_text(names, "listKind"));
	type->plural = arena_str(type->arena, json_get_text(names, "plural"));
	type->singular = arena_str(type->arena, json_get_text(names, "singular"));
	type->short_names = words(type->arena, json_get(names, "shortNames"));
	type->categories = words(type->arena, json_get(names, "categories"));
	type->is_namespaced = str_eq_c(json_get_text(spec, "scope"), "Namespaced");
	type->has_generation = true;
	type->is_preferred = json_bool(json_get(version, "storage"), false);
	if (json_bool(json_get(version, "deprecated"), false)) {
		type->deprecation =
			arena_str(type->arena, json_get_text(version, "deprecationWarning"));
		if (str_is_null(type->deprecation))
			type->deprecation = arena_printf(type->arena,
				"%" STR_F "/%" STR_F " %" STR_F " is deprecated",
				STR_A(type->group), STR_A(type->version), STR_A(type->kind));
	}
	read_columns(type, version);
	read_subresources(type, version);
	/* The document that it comes from is gone tomorrow. */
	schema = schema ? json_copy(type->arena, schema) : json_new_object(type->arena);
	if (kubeapi_type_finish(types, type, schema, err) == 0)
		return type;
	kubeapi_type_release(type);
	return NULL;
}

/* The served versions, the preferred one first. -1 with all released. */
static int make_types(struct kubeapi_types *types, const struct json *crd,
	struct kubeapi_type **ret, size_t *ret_count, struct error *err)
{
	const struct json *versions = json_find(crd, "spec", "versions", NULL);
	struct json *version;
	size_t count = 0;

	json_for_each (versions, i, version) {
		if (!json_bool(json_get(version, "served"), false))
			continue;
		struct kubeapi_type *type = make_type(types, crd, version, err);
		if (!type) {
			error_prefix(err, "version %" STR_F, STR_A(json_get_text(version, "name")));
			while (count > 0)
				kubeapi_type_release(ret[--count]);
			return -1;
		}
		ret[count++] = type;
	}
	*ret_count = count;
	return 0;
}

/* --- checking ------------------------------------------------------------------------------ */

static void require(struct kubeapi_failure *failure, struct str value, const char *field)
{
	if (value.len == 0)
		kubeapi_failure_cause(
			failure, "FieldValueRequired", str_of(field), "Required value");
}

static void check_names(struct json *crd, struct kubeapi_failure *failure)
{
	struct arena *arena = failure->arena;
	const struct json *spec = json_get(crd, "spec");
	struct json *names = json_get(spec, "names");
	struct str plural = json_get_text(names, "plural"), kind = json_get_text(names, "kind");
	struct str group = json_get_text(spec, "group"), scope = json_get_text(spec, "scope");
	struct str name = json_get_text(json_get(crd, "metadata"), "name");

	require(failure, group, "spec.group");
	require(failure, plural, "spec.names.plural");
	require(failure, kind, "spec.names.kind");
	struct str expected =
		arena_printf(arena, "%" STR_F ".%" STR_F, STR_A(plural), STR_A(group));
	if (!str_eq(name, expected))
		kubeapi_failure_cause(failure, "FieldValueInvalid", STR("metadata.name"),
			"Invalid value: \"%" STR_F "\": must be spec.names.plural+\".\"+spec.group",
			STR_A(name));
	if (!str_eq_c(scope, "Namespaced") && !str_eq_c(scope, "Cluster"))
		kubeapi_failure_cause(failure, "FieldValueNotSupported", STR("spec.scope"),
			"Unsupported value: \"%" STR_F
			"\": supported values: \"Cluster\", \"Namespaced\"",
			STR_A(scope));
	char *lower = arena_cstr(arena, kind);
	for (char *c = lower; c && *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	if (str_is_null(json_get_text(names, "singular")))
		json_set_text(names, "singular", str_of(lower));
	if (str_is_null(json_get_text(names, "listKind")))
		json_set_text(
			names, "listKind", arena_printf(arena, "%" STR_F "List", STR_A(kind)));
}

static void check_versions(const struct json *versions, struct kubeapi_failure *failure)
{
	size_t stored = 0;
	struct json *version;

	if (json_count(versions) > KUBEAPI_MAX_CRD_VERSIONS)
		kubeapi_failure_cause(failure, "FieldValueTooMany", STR("spec.versions"),
			"Too many: %zu: must have at most %u items", json_count(versions),
			KUBEAPI_MAX_CRD_VERSIONS);
	json_for_each (versions, i, version) {
		stored += json_bool(json_get(version, "storage"), false);
		if (!json_find(version, "schema", "openAPIV3Schema", NULL))
			kubeapi_failure_cause(failure, "FieldValueRequired",
				arena_printf(failure->arena,
					"spec.versions[%zu].schema.openAPIV3Schema", i),
				"Required value: schemas are required");
	}
	if (stored != 1)
		kubeapi_failure_cause(failure, "FieldValueInvalid", STR("spec.versions"),
			"Invalid value: must have exactly one version marked as storage version");
}

int kubeapi_crd_check(
	struct kubeapi_types *types, struct json *crd, struct kubeapi_failure *failure)
{
	struct str name = json_get_text(json_get(crd, "metadata"), "name");
	struct kubeapi_type *made[KUBEAPI_MAX_CRD_VERSIONS];
	struct error err;
	size_t count = 0;

	check_names(crd, failure);
	check_versions(json_find(crd, "spec", "versions", NULL), failure);
	if (failure->cause_count == 0 && make_types(types, crd, made, &count, &err) < 0)
		kubeapi_failure_cause(failure, "FieldValueInvalid", STR("spec.versions"),
			"Invalid value: the schema cannot be used: %s", err.message);
	while (count > 0)
		kubeapi_type_release(made[--count]);
	if (failure->cause_count == 0)
		return 0;
	return kubeapi_fail_invalid(
		failure, STR("apiextensions.k8s.io"), STR("CustomResourceDefinition"), name);
}

/* --- serving ------------------------------------------------------------------------------- */

static struct json *condition(struct arena *arena, const char *type, const char *reason,
	const char *message, struct str now)
{
	struct json *item = json_new_object(arena);

	json_set(item, "type", json_new_cstr(arena, type));
	json_set(item, "status", json_new_cstr(arena, "True"));
	json_set_text(item, "lastTransitionTime", now);
	json_set(item, "reason", json_new_cstr(arena, reason));
	json_set(item, "message", json_new_cstr(arena, message));
	return item;
}

void kubeapi_crd_establish(struct json *crd, struct str now)
{
	struct arena *arena = json_arena(crd);
	struct json *status = json_new_object(arena), *conditions = json_new_array(arena);
	struct json *stored = json_find(crd, "status", "storedVersions", NULL), *version;
	struct json *before = json_find(crd, "status", "conditions", NULL);
	struct json *all = stored ? json_copy(arena, stored) : json_new_array(arena);

	if (json_count(before) > 0) {
		conditions = before;
	} else {
		json_append(conditions, condition(arena, "NamesAccepted", "NoConflicts",
						"no conflicts found", now));
		json_append(conditions, condition(arena, "Established", "InitialNamesAccepted",
						"the initial names have been accepted", now));
	}
	json_for_each (json_find(crd, "spec", "versions", NULL), i, version) {
		struct json *name = json_get(version, "name"), *each;
		bool is_known = !json_bool(json_get(version, "storage"), false);
		json_for_each (all, k, each)
			is_known = is_known || json_equal(each, name);
		if (!is_known)
			json_append(all, name);
	}
	json_set(status, "conditions", conditions);
	json_set(status, "acceptedNames", json_copy(arena, json_find(crd, "spec", "names", NULL)));
	json_set(status, "storedVersions", all);
	json_set(crd, "status", status);
}

int kubeapi_crd_serve(struct kubeapi_types *types, const struct json *crd, struct error *err)
{
	struct str name = json_get_text(json_get(crd, "metadata"), "name");
	struct kubeapi_type *made[KUBEAPI_MAX_CRD_VERSIONS];
	size_t count;

	if (make_types(types, crd, made, &count, err) < 0)
		return error_prefix(err, "CustomResourceDefinition %" STR_F, STR_A(name));
	return kubeapi_types_replace(types, name, made, count, err);
}

void kubeapi_crd_withdraw(struct kubeapi_types *types, struct str name)
{
	(void)!kubeapi_types_replace(types, name, NULL, 0, NULL);
}
