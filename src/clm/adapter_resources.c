/*
 * adapter_resources.c - creating, updating, deleting and discovering.
 *
 * An empty target cluster means that no place has been chosen yet: then nothing can exist, so
 * looking and deleting find nothing, and only creating is an error.
 */
#include "clm/adapter_resources.h"

#include "clm/adapter_maestro.h"
#include "data/yaml.h"

/* A condition of the file; one that cannot be evaluated counts as false, as HyperFleet's adapter
 * has it. */
static bool holds(struct adapter_scope *scope, const struct cel *when)
{
	bool result = false;
	return adapter_scope_eval_bool(scope, when, &result, NULL) == 0 && result;
}

/* --- discovery ------------------------------------------------------------------------------- */

/* What the work's status says about one manifest. */
static const struct json *status_of(const struct json *work, const struct json *manifest)
{
	const struct json *list = json_find(work, "status", "resourceStatus", "manifests", NULL),
			  *entry;
	const struct json *metadata = json_get(manifest, "metadata");
	struct str kind = json_get_text(manifest, "kind");
	json_for_each (list, i, entry) {
		const struct json *meta = json_get(entry, "resourceMeta");
		if (str_eq(json_get_text(meta, "name"), json_get_text(metadata, "name")) &&
			str_eq(json_get_text(meta, "namespace"),
				json_get_text(metadata, "namespace")) &&
			str_eq(json_get_text(meta, "kind"), kind))
			return entry;
	}
	return NULL;
}

/* The manifest of that name with the highest generation; the first among equals. */
static const struct json *find_manifest(
	const struct json *work, struct str name, struct str namespace)
{
	const struct json *list = json_find(work, "spec", "workload", "manifests", NULL);
	const struct json *manifest, *best = NULL;
	json_for_each (list, i, manifest) {
		const struct json *metadata = json_get(manifest, "metadata");
		if (!str_eq(json_get_text(metadata, "name"), name) ||
			(!str_is_empty(namespace) &&
				!str_eq(json_get_text(metadata, "namespace"), namespace)))
			continue;
		if (!best ||
			adapter_maestro_generation(manifest) > adapter_maestro_generation(best))
			best = manifest;
	}
	return best;
}

static struct json *with_status(
	struct arena *arena, const struct json *work, const struct json *manifest)
{
	struct json *object = json_new_object(arena), *value;
	const struct json *status = status_of(work, manifest);
	json_for_each (manifest, i, value)
		json_set_str(object, json_key_at(manifest, i), value);
	json_set(object, "statusFeedback", json_get(status, "statusFeedback"));
	json_set(object, "conditions", json_get(status, "conditions"));
	return object;
}

int adapter_resources_nest(struct adapter_scope *scope, const struct adapter_resource *resource,
	const struct json *work, struct error *err)
{
	for (size_t i = 0; i < resource->nested_count; i++) {
		const struct adapter_discovery *nested = &resource->nested[i];
		struct str name, namespace;
		if (adapter_scope_render(scope, &nested->by_name, &name, err) != 0 ||
			adapter_scope_render(scope, &nested->namespace, &namespace, err) != 0)
			return error_prefix(err, "nested discovery %" STR_F, STR_A(nested->name));
		const struct json *manifest = find_manifest(work, name, namespace);
		if (!manifest)
			continue;
		if (json_get_str(scope->resources, nested->name))
			return error_set(err, ERROR_CONFLICT,
				"nested discovery key collision: there is already a resource "
				"\"%" STR_F "\"",
				STR_A(nested->name));
		json_set_str(
			scope->resources, nested->name, with_status(scope->arena, work, manifest));
	}
	return 0;
}

/* Forgets what an earlier discovery of the resource has found. */
static void forget(struct adapter_scope *scope, const struct adapter_resource *resource)
{
	json_remove(scope->resources, resource->name);
	for (size_t i = 0; i < resource->nested_count; i++)
		json_remove(scope->resources, resource->nested[i].name);
}

static int remember(struct adapter_scope *scope, const struct adapter_resource *resource,
	struct json *work, struct error *err)
{
	forget(scope, resource);
	json_set_str(scope->resources, resource->name, work);
	return adapter_resources_nest(scope, resource, work, err);
}

/* Looks the resource up by its discovery; absent is no error. */
static int discover(struct adapter_scope *scope, const struct adapter_resource *resource,
	struct str target, struct error *err)
{
	struct json *work = NULL;
	struct str name;
	if (str_is_empty(target))
		return 0;
	if (adapter_scope_render(scope, &resource->discovery.by_name, &name, err) != 0)
		return error_prefix(err, "discovery");
	if (adapter_maestro_find(scope, target, name, &work, err) != 0)
		return -1;
	if (work)
		return remember(scope, resource, work, err);
	forget(scope, resource);
	return 0;
}

/* --- one resource ---------------------------------------------------------------------------- */

static int remove_resource(struct adapter_scope *scope, const struct adapter_resource *resource,
	struct str target, struct error *err)
{
	struct json *known = json_get_str(scope->resources, resource->name);
	struct str name = json_str(json_find(known, "metadata", "name", NULL));
	if (!known)
		return 0;
	/* Asked once; repeating it would change nothing. */
	if (!json_is_null(json_find(known, "metadata", "deletionTimestamp", NULL)))
		return 0;
	if (adapter_maestro_delete(scope, target, name, err) != 0)
		return -1;
	return discover(scope, resource, target, err);
}

static int render_manifest(struct adapter_scope *scope, const struct adapter_resource *resource,
	struct json **ret, struct error *err)
{
	struct str text;
	struct json *manifest = NULL;
	if (adapter_scope_render(scope, &resource->manifest, &text, err) != 0 ||
		yaml_parse(scope->arena, text, &manifest, err) != 0)
		return error_prefix(err, "manifest");
	if (json_count(manifest) == 0 || !json_is(manifest, JSON_OBJECT))
		return error_set(err, ERROR_INVALID, "the manifest is not a map, or is empty");
	*ret = manifest;
	return 0;
}

static int apply_resource(struct adapter_scope *scope, const struct adapter_resource *resource,
	struct str target, struct error *err)
{
	struct json *manifest = NULL, *work = NULL;
	struct json *known = json_get_str(scope->resources, resource->name);
	if (str_is_empty(target))
		return error_set(err, ERROR_INVALID, "the target cluster is empty");
	if (render_manifest(scope, resource, &manifest, err) != 0)
		return -1;
	struct str name = json_str(json_find(manifest, "metadata", "name", NULL)), wanted;
	if (adapter_scope_render(scope, &resource->discovery.by_name, &wanted, err) != 0)
		return error_prefix(err, "discovery");
	/* What was looked up a moment ago, found or not, is not looked up again; what was found
	 * under a name that is rendered otherwise by now is another thing. */
	bool is_same = !known || str_eq(json_str(json_find(known, "metadata", "name", NULL)), name);
	bool is_looked_up = scope->context->task->has_lifecycle && str_eq(wanted, name) && is_same;
	if (!is_looked_up && adapter_maestro_find(scope, target, name, &known, err) != 0)
		return -1;
	if (adapter_maestro_apply(scope, target, manifest, known, &work, err) != 0)
		return -1;
	if (!str_eq(wanted, name)) { /* the file looks for another than it applies */
		if (adapter_maestro_find(scope, target, wanted, &work, err) != 0)
			return -1;
		if (!work)
			return error_set(err, ERROR_NOT_FOUND,
				"there is no work \"%" STR_F "\" on %" STR_F, STR_A(wanted),
				STR_A(target));
	}
	return remember(scope, resource, work, err);
}

/* Whether the phase goes on. */
static bool run_resource(struct adapter_scope *scope, const struct adapter_resource *resource)
{
	struct error err = {0};
	struct str target;
	if (adapter_scope_render(scope, &resource->target, &target, &err) != 0) {
		error_prefix(&err, "target_cluster");
		adapter_scope_fail(scope, ADAPTER_PHASE_RESOURCES, resource->name, &err);
		return false;
	}
	bool is_known = json_get_str(scope->resources, resource->name) != NULL;
	if (resource->create_when && !is_known && !holds(scope, resource->create_when)) {
		adapter_scope_skip(scope,
			arena_printf(scope->arena,
				"%" STR_F ": lifecycle.create.when condition evaluated to false",
				STR_A(resource->name)));
		return true;
	}
	if (resource->delete_when && holds(scope, resource->delete_when)) {
		if (remove_resource(scope, resource, target, &err) != 0)
			adapter_scope_fail(scope, ADAPTER_PHASE_RESOURCES, resource->name, &err);
		return true;
	}
	if (apply_resource(scope, resource, target, &err) == 0)
		return true;
	adapter_scope_fail(scope, ADAPTER_PHASE_RESOURCES, resource->name, &err);
	return false;
}

static bool discover_all(struct adapter_scope *scope)
{
	const struct adapter_task *task = scope->context->task;
	for (size_t i = 0; i < task->resource_count; i++) {
		const struct adapter_resource *resource = &task->resources[i];
		struct error err = {0};
		struct str target;
		if (adapter_scope_render(scope, &resource->target, &target, &err) != 0 ||
			discover(scope, resource, target, &err) != 0) {
			adapter_scope_fail(scope, ADAPTER_PHASE_RESOURCES, resource->name, &err);
			return false;
		}
	}
	return true;
}

void adapter_resources_run(struct adapter_scope *scope)
{
	const struct adapter_task *task = scope->context->task;
	if (task->has_lifecycle && !discover_all(scope))
		return;
	for (size_t i = 0; i < task->resource_count; i++)
		if (!run_resource(scope, &task->resources[i]))
			return;
}
