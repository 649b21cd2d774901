/*
 * adapter_task.c - reading params, preconditions and resources from a task file.
 */
#include "clm/adapter_task.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "clm/adapter_task_post.h"
#include "data/yaml.h"

static const struct settings_key root_keys[] = {
	{"params", SETTINGS_LIST, false, NULL},
	{"preconditions", SETTINGS_LIST, false, NULL},
	{"resources", SETTINGS_LIST, false, NULL},
	{"post", SETTINGS_MAP, false, NULL},
};

static const struct settings_key param_keys[] = {
	{"name", SETTINGS_TEXT, true, NULL},
	{"source", SETTINGS_ANY, true, NULL},
	{"type", SETTINGS_TEXT, false, NULL},
	{"default", SETTINGS_ANY, false, NULL},
	{"required", SETTINGS_BOOL, false, NULL},
	{"description", SETTINGS_TEXT, false, NULL},
	{"when", SETTINGS_MAP, false, NULL},
};

static const struct settings_key source_keys[] = {
	{"api_call", SETTINGS_MAP, false, NULL},
	{"expression", SETTINGS_TEXT, false, NULL},
	{"file", SETTINGS_MAP, false, NULL},
};

static const struct settings_key file_keys[] = {
	{"path", SETTINGS_TEXT, true, NULL},
	{"trim", SETTINGS_BOOL, false, NULL},
};

static const struct settings_key precondition_keys[] = {
	{"name", SETTINGS_TEXT, true, NULL},
	{"expression", SETTINGS_TEXT, true, NULL},
	{"api_call", SETTINGS_ANY, false, "use a param with api_call, and an expression here"},
	{"capture", SETTINGS_ANY, false, "use params with expression"},
	{"conditions", SETTINGS_ANY, false, "use expression"},
	{"log", SETTINGS_ANY, false, "why a precondition is not met is reported; remove it"},
};

static const struct settings_key resource_keys[] = {
	{"name", SETTINGS_TEXT, true, NULL},
	{"transport", SETTINGS_MAP, true, NULL},
	{"manifest", SETTINGS_ANY, true, NULL},
	{"discovery", SETTINGS_MAP, true, NULL},
	{"nested_discoveries", SETTINGS_LIST, false, NULL},
	{"lifecycle", SETTINGS_MAP, false, NULL},
	{"recreate_on_change", SETTINGS_ANY, false, "Maestro updates in place; remove it"},
};

static const struct settings_key transport_keys[] = {
	{"client", SETTINGS_TEXT, true, NULL},
	{"maestro", SETTINGS_MAP, true, NULL},
};

static const struct settings_key target_keys[] = {{"target_cluster", SETTINGS_TEXT, true, NULL}};

static const struct settings_key ref_keys[] = {{"ref", SETTINGS_TEXT, true, NULL}};

static const struct settings_key discovery_keys[] = {
	{"by_name", SETTINGS_TEXT, true, NULL},
	{"namespace", SETTINGS_TEXT, false, NULL},
	{"by_selectors", SETTINGS_ANY, false, "use by_name"},
};

static const struct settings_key nested_keys[] = {
	{"name", SETTINGS_TEXT, true, NULL},
	{"discovery", SETTINGS_MAP, true, NULL},
};

static const struct settings_key lifecycle_keys[] = {
	{"create", SETTINGS_MAP, false, NULL},
	{"delete", SETTINGS_MAP, false, NULL},
};

static const struct settings_key create_keys[] = {{"when", SETTINGS_MAP, true, NULL}};

static const struct settings_key delete_keys[] = {
	{"when", SETTINGS_MAP, true, NULL},
	{"propagationPolicy", SETTINGS_TEXT, false, NULL},
};

/* --- params ---------------------------------------------------------------------------------- */

static int read_type(struct str where, struct str text, enum adapter_type *ret, struct error *err)
{
	static const struct {
		const char *name;
		enum adapter_type type;
	} types[] = {
		{"string", ADAPTER_TYPE_STRING},
		{"int", ADAPTER_TYPE_INT},
		{"int64", ADAPTER_TYPE_INT},
		{"float", ADAPTER_TYPE_FLOAT},
		{"float64", ADAPTER_TYPE_FLOAT},
		{"bool", ADAPTER_TYPE_BOOL},
	};
	for (size_t i = 0; i < SETTINGS_COUNT(types); i++) {
		if (str_eq_c(text, types[i].name)) {
			*ret = types[i].type;
			return 0;
		}
	}
	return error_set(err, ERROR_INVALID,
		"%" STR_F ".type \"%" STR_F "\" must be string, int, int64, float, float64 or bool",
		STR_A(where), STR_A(text));
}

static int read_text_source(
	struct adapter_param *param, struct str where, struct str text, struct error *err)
{
	static const struct {
		struct str prefix;
		enum adapter_source source;
	} prefixes[] = {
		{{"event.", 6}, ADAPTER_SOURCE_EVENT},
		{{"env.", 4}, ADAPTER_SOURCE_ENV},
		{{"config.", 7}, ADAPTER_SOURCE_CONFIG},
	};
	param->source = ADAPTER_SOURCE_PARAM;
	param->path = text;
	for (size_t i = 0; i < SETTINGS_COUNT(prefixes); i++) {
		if (str_starts_with(text, prefixes[i].prefix)) {
			param->source = prefixes[i].source;
			param->path = str_slice(text, prefixes[i].prefix.len, text.len);
		}
	}
	if (str_is_empty(param->path))
		return error_set(err, ERROR_INVALID, "%" STR_F ".source is empty", STR_A(where));
	return 0;
}

static int read_map_source(const struct adapter_reader *reader, struct adapter_param *param,
	const struct json *source, struct str where, struct error *err)
{
	const struct json *call = json_get(source, "api_call"), *file = json_get(source, "file");
	const struct json *expression = json_get(source, "expression");
	if (settings_check(source, where, source_keys, SETTINGS_COUNT(source_keys), err) != 0)
		return -1;
	if (json_count(source) != 1)
		return error_set(err, ERROR_INVALID,
			"%" STR_F " must have exactly one of api_call, expression and file",
			STR_A(where));
	if (expression) {
		param->source = ADAPTER_SOURCE_EXPRESSION;
		return settings_cel(reader->arena,
			settings_path(reader->arena, where, "expression"), json_str(expression),
			&param->expression, err);
	}
	if (file) {
		param->source = ADAPTER_SOURCE_FILE;
		param->path = json_get_text(file, "path");
		param->is_untrimmed = !json_bool(json_get(file, "trim"), true);
		return settings_check(file, settings_path(reader->arena, where, "file"), file_keys,
			SETTINGS_COUNT(file_keys), err);
	}
	param->source = ADAPTER_SOURCE_CALL;
	param->call = arena_new_of(reader->arena, struct adapter_call);
	if (!param->call)
		return error_set(err, ERROR_MEMORY, "no memory for %" STR_F, STR_A(where));
	return adapter_read_call(
		reader, call, settings_path(reader->arena, where, "api_call"), param->call, err);
}

static int read_param(const struct adapter_reader *reader, const struct json *map, struct str where,
	struct adapter_param *param, struct error *err)
{
	const struct json *source = json_get(map, "source");
	struct str type = json_get_text(map, "type"), at;
	if (settings_check(map, where, param_keys, SETTINGS_COUNT(param_keys), err) != 0)
		return -1;
	param->name = json_get_text(map, "name");
	param->fallback = json_get(map, "default");
	param->is_required = json_bool(json_get(map, "required"), false);
	if (str_is_empty(param->name))
		return error_set(err, ERROR_INVALID, "%" STR_F ".name is empty", STR_A(where));
	if (!str_is_null(type) && read_type(where, type, &param->type, err) != 0)
		return -1;
	at = settings_path(reader->arena, where, "source");
	if (json_is(source, JSON_STRING) ? read_text_source(param, where, json_str(source), err)
					 : read_map_source(reader, param, source, at, err))
		return -1;
	return adapter_read_when(reader, json_get(map, "when"),
		settings_path(reader->arena, where, "when"), &param->when, err);
}

static int read_precondition(const struct adapter_reader *reader, const struct json *map,
	struct str where, struct adapter_precondition *ret, struct error *err)
{
	if (settings_check(map, where, precondition_keys, SETTINGS_COUNT(precondition_keys), err) !=
		0)
		return -1;
	ret->name = json_get_text(map, "name");
	if (!settings_is_name(ret->name))
		return error_set(err, ERROR_INVALID,
			"%" STR_F ".name \"%" STR_F "\" must match ^[a-z][a-zA-Z0-9_]*$",
			STR_A(where), STR_A(ret->name));
	return settings_cel(reader->arena, settings_path(reader->arena, where, "expression"),
		json_get_text(map, "expression"), &ret->expression, err);
}

/* --- resources ------------------------------------------------------------------------------- */

static int read_discovery(const struct adapter_reader *reader, const struct json *map,
	struct str where, struct adapter_discovery *ret, struct error *err)
{
	if (settings_check(map, where, discovery_keys, SETTINGS_COUNT(discovery_keys), err) != 0)
		return -1;
	if (adapter_read_template(
		    reader, where, json_get_text(map, "by_name"), &ret->by_name, err) != 0)
		return -1;
	return adapter_read_template(
		reader, where, json_get_text(map, "namespace"), &ret->namespace, err);
}

static int read_nested(const struct adapter_reader *reader, const struct json *list,
	struct str where, struct adapter_resource *resource, struct error *err)
{
	const struct json *map;
	if (json_count(list) > ADAPTER_MAX_NESTED)
		return error_set(err, ERROR_TOO_LARGE, "%" STR_F " has more than %u entries",
			STR_A(where), ADAPTER_MAX_NESTED);
	resource->nested =
		arena_calloc(reader->arena, json_count(list) + 1, sizeof(*resource->nested));
	if (!resource->nested)
		return error_set(err, ERROR_MEMORY, "no memory for %" STR_F, STR_A(where));
	json_for_each (list, i, map) {
		struct str item = settings_item(reader->arena, where, i);
		struct adapter_discovery *nested = &resource->nested[i];
		if (settings_check(map, item, nested_keys, SETTINGS_COUNT(nested_keys), err) != 0)
			return -1;
		if (read_discovery(reader, json_get(map, "discovery"),
			    settings_path(reader->arena, item, "discovery"), nested, err) != 0)
			return -1;
		nested->name = json_get_text(map, "name");
		resource->nested_count++;
	}
	return 0;
}

static int read_transport(const struct adapter_reader *reader, const struct json *map,
	struct str where, struct adapter_resource *resource, struct error *err)
{
	const struct json *maestro = json_get(map, "maestro");
	struct str at = settings_path(reader->arena, where, "maestro");
	if (settings_check(map, where, transport_keys, SETTINGS_COUNT(transport_keys), err) != 0)
		return -1;
	if (!str_eq(json_get_text(map, "client"), STR("maestro")))
		return error_set(
			err, ERROR_INVALID, "%" STR_F ".client must be maestro", STR_A(where));
	if (str_is_null(reader->settings->maestro_url))
		return error_set(err, ERROR_INVALID,
			"%" STR_F " needs clients.maestro in the adapter's configuration",
			STR_A(where));
	if (settings_check(maestro, at, target_keys, SETTINGS_COUNT(target_keys), err) != 0)
		return -1;
	return adapter_read_template(
		reader, at, json_get_text(maestro, "target_cluster"), &resource->target, err);
}

static int read_manifest(const struct adapter_reader *reader, const struct json *manifest,
	struct str where, struct adapter_resource *resource, struct error *err)
{
	struct str text = json_str(manifest);
	if (json_is(manifest, JSON_OBJECT) && json_count(manifest) == 1 &&
		json_get(manifest, "ref")) {
		if (settings_check(manifest, where, ref_keys, SETTINGS_COUNT(ref_keys), err) != 0)
			return -1;
		if (adapter_read_ref(reader, settings_path(reader->arena, where, "ref"),
			    json_get_text(manifest, "ref"), &text, err) != 0)
			return -1;
	} else if (json_is(manifest, JSON_OBJECT)) {
		CLEANUP(buf_free) struct buf yaml = BUF_INITIALIZER(SETTINGS_MAX_FILE_BYTES);
		if (!yaml_write(&yaml, manifest) || yaml.failed)
			return error_set(err, ERROR_TOO_LARGE, "%" STR_F " is over %zu bytes",
				STR_A(where), SETTINGS_MAX_FILE_BYTES);
		text = arena_str(reader->arena, buf_str(&yaml));
	}
	if (str_is_empty(text))
		return error_set(err, ERROR_INVALID,
			"%" STR_F " must be a map, text, or {ref: file}", STR_A(where));
	return adapter_read_template(reader, where, text, &resource->manifest, err);
}

static int read_lifecycle(const struct adapter_reader *reader, const struct json *map,
	struct str where, struct adapter_resource *resource, struct error *err)
{
	const struct json *create = json_get(map, "create"), *delete = json_get(map, "delete");
	struct str policy = json_get_text(delete, "propagationPolicy");
	struct str create_at = settings_path(reader->arena, where, "create");
	struct str delete_at = settings_path(reader->arena, where, "delete");
	if (json_is_null(map))
		return 0;
	if (settings_check(map, where, lifecycle_keys, SETTINGS_COUNT(lifecycle_keys), err) != 0)
		return -1;
	if (!json_is_null(create) &&
		(settings_check(create, create_at, create_keys, SETTINGS_COUNT(create_keys), err) ||
			adapter_read_when(reader, json_get(create, "when"),
				settings_path(reader->arena, create_at, "when"),
				&resource->create_when, err)))
		return -1;
	if (json_is_null(delete))
		return 0;
	if (settings_check(delete, delete_at, delete_keys, SETTINGS_COUNT(delete_keys), err) != 0)
		return -1;
	/* Maestro's delete takes the policy from the bundle itself. */
	if (!str_is_null(policy) && !str_eq(policy, STR("Background")) &&
		!str_eq(policy, STR("Foreground")) && !str_eq(policy, STR("Orphan")))
		return error_set(err, ERROR_INVALID,
			"%" STR_F ".propagationPolicy \"%" STR_F
			"\" must be Background, Foreground or Orphan",
			STR_A(delete_at), STR_A(policy));
	return adapter_read_when(reader, json_get(delete, "when"),
		settings_path(reader->arena, delete_at, "when"), &resource->delete_when, err);
}

static int read_resource(const struct adapter_reader *reader, const struct json *map,
	struct str where, struct adapter_resource *ret, struct error *err)
{
	struct arena *arena = reader->arena;
	if (settings_check(map, where, resource_keys, SETTINGS_COUNT(resource_keys), err) != 0)
		return -1;
	ret->name = json_get_text(map, "name");
	if (!settings_is_name(ret->name))
		return error_set(err, ERROR_INVALID,
			"%" STR_F ".name \"%" STR_F "\" must match ^[a-z][a-zA-Z0-9_]*$",
			STR_A(where), STR_A(ret->name));
	if (read_transport(reader, json_get(map, "transport"),
		    settings_path(arena, where, "transport"), ret, err) != 0)
		return -1;
	if (read_manifest(reader, json_get(map, "manifest"),
		    settings_path(arena, where, "manifest"), ret, err) != 0)
		return -1;
	if (read_discovery(reader, json_get(map, "discovery"),
		    settings_path(arena, where, "discovery"), &ret->discovery, err) != 0)
		return -1;
	if (read_nested(reader, json_get(map, "nested_discoveries"),
		    settings_path(arena, where, "nested_discoveries"), ret, err) != 0)
		return -1;
	return read_lifecycle(reader, json_get(map, "lifecycle"),
		settings_path(arena, where, "lifecycle"), ret, err);
}

/* --- the file -------------------------------------------------------------------------------- */

/* Room for the structures of a list that has at most ADAPTER_MAX_STEPS entries. */
static void *new_items(struct arena *arena, const struct json *list, const char *key, size_t size,
	struct error *err)
{
	void *items = NULL;
	if (json_count(list) > ADAPTER_MAX_STEPS)
		error_set(err, ERROR_TOO_LARGE, "%s has more than %u entries", key,
			ADAPTER_MAX_STEPS);
	else if (!(items = arena_calloc(arena, json_count(list) + 1, size)))
		error_set(err, ERROR_MEMORY, "no memory for %s", key);
	return items;
}

static int read_resources(const struct adapter_reader *reader, const struct json *document,
	struct adapter_task *task, struct error *err)
{
	const struct json *list = json_get(document, "resources"), *item;
	task->resources =
		new_items(reader->arena, list, "resources", sizeof(*task->resources), err);
	if (!task->resources)
		return -1;
	json_for_each (list, i, item) {
		struct str where = settings_item(reader->arena, STR("resources"), i);
		struct adapter_resource *resource = &task->resources[i];
		if (read_resource(reader, item, where, resource, err) != 0)
			return -1;
		for (size_t j = 0; j < i; j++)
			if (str_eq(task->resources[j].name, resource->name))
				return error_set(err, ERROR_INVALID,
					"%" STR_F ": there is already a resource \"%" STR_F "\"",
					STR_A(where), STR_A(resource->name));
		task->has_lifecycle |= resource->create_when || resource->delete_when;
		task->resource_count++;
	}
	return 0;
}

static int read_task(const struct adapter_reader *reader, const struct json *document,
	struct adapter_task *task, struct error *err)
{
	const struct json *params = json_get(document, "params");
	const struct json *preconditions = json_get(document, "preconditions"), *item;
	if (settings_check(document, STR(""), root_keys, SETTINGS_COUNT(root_keys), err) != 0)
		return -1;
	task->params = new_items(reader->arena, params, "params", sizeof(*task->params), err);
	task->preconditions = new_items(
		reader->arena, preconditions, "preconditions", sizeof(*task->preconditions), err);
	if (!task->params || !task->preconditions)
		return -1;
	json_for_each (params, i, item) {
		struct str where = settings_item(reader->arena, STR("params"), i);
		if (read_param(reader, item, where, &task->params[i], err) != 0)
			return -1;
		task->param_count++;
	}
	json_for_each (preconditions, i, item) {
		struct str where = settings_item(reader->arena, STR("preconditions"), i);
		if (read_precondition(reader, item, where, &task->preconditions[i], err) != 0)
			return -1;
		task->precondition_count++;
	}
	if (read_resources(reader, document, task, err) != 0)
		return -1;
	return adapter_read_post(reader, json_get(document, "post"), task, err);
}

int adapter_task_load(struct arena *arena, const char *path,
	const struct adapter_settings *settings, struct adapter_task *ret, struct error *err)
{
	struct adapter_task task = {0};
	struct json *document;
	const char *slash = strrchr(path, '/');
	struct adapter_reader reader = {
		arena, settings, str_n(path, slash ? (size_t)(slash - path) + 1 : 0)};
	if (settings_load(arena, path, &document, err) != 0)
		return -1;
	if (read_task(&reader, document, &task, err) != 0)
		return error_prefix(err, "%s", path);
	*ret = task;
	return 0;
}
