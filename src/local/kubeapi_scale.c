/*
 * kubeapi_scale.c - a view of an object as a number of replicas.
 *
 * The paths of a CRD's scale subresource are dotted names without brackets, so they are followed by
 * hand; that is needed for writing anyway.
 */
#include "local/kubeapi_scale.h"

#include "data/merge.h"

static struct json *follow(struct json *object, struct str path)
{
	if (str_starts_with(path, STR(".")))
		path = str_slice(path, 1, path.len);
	while (object && !str_is_null(path))
		object = json_get_str(object, str_cut(&path, '.'));
	return object;
}

static void put(struct json *object, struct str path, struct json *value)
{
	struct arena *arena = json_arena(object);

	if (str_starts_with(path, STR(".")))
		path = str_slice(path, 1, path.len);
	for (;;) {
		struct str key = str_cut(&path, '.');
		struct json *child = json_get_str(object, key);
		if (str_is_null(path)) {
			json_set_str(object, key, value);
			return;
		}
		if (!json_is(child, JSON_OBJECT)) {
			child = json_new_object(arena);
			json_set_str(object, key, child);
		}
		object = child;
	}
}

static struct str selector_text(
	struct arena *arena, const struct kubeapi_type *type, struct json *object)
{
	const struct json *selector, *labels;
	struct str text = STR("");
	struct json *value;

	if (!str_eq_c(type->scale_selector, "=selector"))
		return json_str(follow(object, type->scale_selector));
	selector = json_find(object, "spec", "selector", NULL);
	labels = json_get(selector, "matchLabels");
	json_for_each (labels, i, value)
		text = arena_printf(arena, "%" STR_F "%s%" STR_F "=%" STR_F, STR_A(text),
			i ? "," : "", STR_A(json_key_at(labels, i)), STR_A(json_str(value)));
	return text;
}

static struct json *scale_of(
	struct arena *arena, const struct kubeapi_type *type, struct json *object)
{
	static const char *const kept[] = {
		"name", "namespace", "uid", "resourceVersion", "creationTimestamp"};
	const struct json *metadata = json_get(object, "metadata");
	struct json *scale = json_new_object(arena), *meta = json_new_object(arena);
	struct json *spec = json_new_object(arena), *status = json_new_object(arena);

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		json_set_text(meta, kept[i], json_get_text(metadata, kept[i]));
	json_set_int(spec, "replicas", json_int(follow(object, type->scale_spec), 0));
	json_set_int(status, "replicas", json_int(follow(object, type->scale_status), 0));
	struct str selector =
		type->scale_selector.len ? selector_text(arena, type, object) : STR_NULL;
	if (selector.len > 0)
		json_set_text(status, "selector", selector);
	json_set(scale, "kind", json_new_cstr(arena, "Scale"));
	json_set(scale, "apiVersion", json_new_cstr(arena, "autoscaling/v1"));
	json_set(scale, "metadata", meta);
	json_set(scale, "spec", spec);
	json_set(scale, "status", status);
	return scale;
}

struct scaling {
	struct json *body;
	bool is_patch;
};

static int set_replicas(struct kubeapi_write *write, struct json *live,
	struct kubeapi_managers *managers, void *argument, struct json **ret, bool *ret_is_managed)
{
	struct scaling *scaling = argument;
	struct json *scale = scaling->body, *object, *version;
	int64_t replicas;

	if (scaling->is_patch)
		scale = merge_patch(write->arena, scale_of(write->arena, write->type, live),
			json_copy(write->arena, scaling->body));
	if (!json_to_int(json_find(scale, "spec", "replicas", NULL), &replicas))
		replicas = 0; /* as Go reads an absent number */
	if (replicas < 0)
		return kubeapi_fail(write->failure, 422,
			"Scale.autoscaling \"%" STR_F
			"\" is invalid: spec.replicas: Invalid value: %lld: should be a "
			"non-negative integer",
			STR_A(write->name), (long long)replicas);
	object = json_copy(write->arena, live);
	version = json_find(scale, "metadata", "resourceVersion", NULL);
	if (version)
		json_set(json_get(object, "metadata"), "resourceVersion", version);
	put(object, write->type->scale_spec, json_new_int(write->arena, replicas));
	*ret = object;
	return 0;
}

static int scale(struct kubeapi_call *call)
{
	struct scaling scaling = {.is_patch = str_eq_c(call->request->method, "PATCH")};
	struct kubeapi_write write;
	struct kubeapi_record record;
	struct json *object;
	struct error err;

	if (kubeapi_call_write(call, &write) < 0)
		return -1;
	if (str_eq_c(call->request->method, "GET")) {
		if (kubeapi_objects_get(call->server->objects, call->arena, call->type->qualified,
			    call->name_space, call->name, &record, &err) < 0)
			return err.code == ERROR_NOT_FOUND
				       ? kubeapi_write_not_found(&write)
				       : kubeapi_fail_error(&call->failure, &err);
		write.version = record.version;
		write.body = record.body;
	} else if (kubeapi_call_body(call, &scaling.body) < 0 ||
		   kubeapi_write_modify(&write, set_replicas, &scaling) < 0) {
		return -1;
	}
	if (json_parse(call->arena, kubeapi_write_text(&write), NULL, &object, &err) < 0)
		return kubeapi_fail_error(&call->failure, &err);
	kubeapi_answer_json(call, 200, scale_of(call->arena, call->type, object));
	return 0;
}

void kubeapi_scale_call(struct kubeapi_call *call)
{
	if (scale(call) < 0)
		kubeapi_answer_failure(call);
}
