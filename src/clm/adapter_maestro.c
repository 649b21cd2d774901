/*
 * adapter_maestro.c - finding, writing and deleting works.
 *
 * HyperFleet's adapter writes only when the generation annotation differs. Here equal generations
 * are compared by content too, so that a change of the adapter's own files reaches clusters that
 * nobody touched; Maestro gives equal content no new version, so nothing moves when nothing
 * changed.
 */
#include "clm/adapter_maestro.h"

#include "base/id.h"

#define WORK_API_VERSION "work.open-cluster-management.io/v1"
#define WORK_KIND "ManifestWork"
#define TRANSPORT_RETRIES 2u

static struct str bundle_path(struct adapter_scope *scope, struct str consumer, struct str name)
{
	char id[ID_UUID_SIZE];
	struct str key = arena_printf(scope->arena,
		"%" STR_F "-manifestworks.work.open-cluster-management.io-%" STR_F "-%" STR_F,
		STR_A(scope->context->settings->source_id), STR_A(consumer), STR_A(name));
	id_uuid5_oid(id, key);
	return arena_printf(scope->arena, ADAPTER_MAESTRO_PATH "/%s", id);
}

static int call(struct adapter_scope *scope, const char *method, struct str path,
	const struct json *body, int *ret_status, struct json **ret, struct error *err)
{
	struct http_call request = {.method = method,
		.path = path,
		.body = body ? json_text(scope->arena, body, JSON_WRITE_COMPACT) : STR_NULL,
		.timeout_us = scope->context->settings->maestro_timeout_us,
		.retries = TRANSPORT_RETRIES};
	if (arena_is_exhausted(scope->arena))
		return error_set(err, ERROR_MEMORY, "no memory for the bundle");
	return http_client_json(
		scope->context->maestro, scope->arena, &request, ret_status, ret, err);
}

/* --- shapes ---------------------------------------------------------------------------------- */

int64_t adapter_maestro_generation(const struct json *object)
{
	int64_t generation = 0;
	struct str text =
		json_str(json_find(object, "metadata", "annotations", ADAPTER_GENERATION, NULL));
	return str_to_int64(text, &generation) && generation > 0 ? generation : 0;
}

struct json *adapter_maestro_work(struct arena *arena, const struct json *bundle)
{
	struct json *work = json_new_object(arena), *spec = json_new_object(arena);
	struct json *workload = json_new_object(arena), *metadata = json_new_object(arena);
	const struct json *source = json_get(bundle, "metadata"),
			  *status = json_get(bundle, "status");
	struct json *value;
	json_for_each (source, i, value)
		json_set_str(metadata, json_key_at(source, i), value);
	json_set_text(metadata, "namespace", json_get_text(bundle, "consumer_name"));
	json_set_text(metadata, "uid", json_get_text(bundle, "id"));
	json_set_text(metadata, "resourceVersion", json_number_text(json_get(bundle, "version")));
	json_set(metadata, "generation", json_get(bundle, "version"));
	if (!json_get(metadata, "deletionTimestamp"))
		json_set(metadata, "deletionTimestamp", json_get(bundle, "deleted_at"));
	json_set_text(work, "apiVersion", STR(WORK_API_VERSION));
	json_set_text(work, "kind", STR(WORK_KIND));
	json_set(work, "metadata", metadata);
	json_set(workload, "manifests", json_get(bundle, "manifests"));
	json_set(spec, "workload", workload);
	json_set(spec, "deleteOption", json_get(bundle, "delete_option"));
	json_set(spec, "manifestConfigs", json_get(bundle, "manifest_configs"));
	json_set(work, "spec", spec);
	if (json_is(status, JSON_OBJECT)) {
		struct json *seen = json_new_object(arena), *list = json_new_object(arena);
		struct json *conditions = json_get(status, "conditions");
		struct json *manifests = json_get(status, "resourceStatus");
		json_set(seen, "conditions",
			json_is(conditions, JSON_ARRAY) ? conditions : json_new_array(arena));
		json_set(list, "manifests",
			json_is(manifests, JSON_ARRAY) ? manifests : json_new_array(arena));
		json_set(seen, "resourceStatus", list);
		json_set(work, "status", seen);
	}
	return work;
}

int adapter_maestro_check(const struct json *manifest, struct error *err)
{
	const struct json *manifests = json_find(manifest, "spec", "workload", "manifests", NULL);
	const struct json *item;
	if (!str_eq_c(json_get_text(manifest, "apiVersion"), WORK_API_VERSION) ||
		!str_eq_c(json_get_text(manifest, "kind"), WORK_KIND))
		return error_set(err, ERROR_INVALID,
			"the manifest must be a " WORK_KIND " of " WORK_API_VERSION);
	if (str_is_empty(json_str(json_find(manifest, "metadata", "name", NULL))))
		return error_set(err, ERROR_INVALID, "the manifest's metadata.name is missing");
	if (json_count(manifests) == 0)
		return error_set(
			err, ERROR_INVALID, "the manifest's spec.workload.manifests is empty");
	if (adapter_maestro_generation(manifest) == 0)
		return error_set(err, ERROR_INVALID,
			"the manifest needs the annotation " ADAPTER_GENERATION
			" with a number above 0");
	json_for_each (manifests, i, item)
		if (adapter_maestro_generation(item) == 0)
			return error_set(err, ERROR_INVALID,
				"spec.workload.manifests[%zu] needs the "
				"annotation " ADAPTER_GENERATION " with a number above 0",
				i);
	return 0;
}

/* The manifest's metadata with the event that it comes from. */
static struct json *stamped_metadata(struct adapter_scope *scope, const struct json *manifest)
{
	struct arena *arena = scope->arena;
	const struct json *metadata = json_get(manifest, "metadata");
	const struct json *annotations = json_get(metadata, "annotations");
	struct json *copy = json_new_object(arena), *stamped = json_new_object(arena), *value;
	json_for_each (annotations, i, value)
		json_set_str(stamped, json_key_at(annotations, i), value);
	json_set_text(stamped, ADAPTER_EVENT_ANNOTATION, scope->event_text);
	json_set(copy, "name", json_get(metadata, "name"));
	json_set(copy, "labels", json_get(metadata, "labels"));
	json_set(copy, "annotations", stamped);
	return copy;
}

static bool same(const struct json *a, const struct json *b)
{
	return json_is_null(a) ? json_is_null(b) : json_equal(a, b);
}

/* Whether two annotation maps say the same but for the stamp. */
static bool same_annotations(const struct json *a, const struct json *b)
{
	struct str stamp = STR(ADAPTER_EVENT_ANNOTATION);
	const struct json *value;
	json_for_each (a, i, value)
		if (!str_eq(json_key_at(a, i), stamp) &&
			!json_equal(value, json_get_str(b, json_key_at(a, i))))
			return false;
	json_for_each (b, i, value)
		if (!str_eq(json_key_at(b, i), stamp) && !json_get_str(a, json_key_at(b, i)))
			return false;
	return true;
}

static bool is_as_wanted(const struct json *existing, const struct json *manifest)
{
	static const char *const parts[] = {"workload", "deleteOption", "manifestConfigs"};
	const struct json *had = json_get(existing, "spec"), *want = json_get(manifest, "spec");
	for (size_t i = 0; i < SETTINGS_COUNT(parts); i++)
		if (!same(json_get(had, parts[i]), json_get(want, parts[i])))
			return false;
	return same(json_find(existing, "metadata", "labels", NULL),
		       json_find(manifest, "metadata", "labels", NULL)) &&
	       same_annotations(json_find(existing, "metadata", "annotations", NULL),
		       json_find(manifest, "metadata", "annotations", NULL));
}

static struct json *request_body(struct adapter_scope *scope, const struct json *manifest)
{
	struct json *body = json_new_object(scope->arena);
	const struct json *spec = json_get(manifest, "spec");
	json_set(body, "metadata", stamped_metadata(scope, manifest));
	json_set(body, "manifests", json_find(spec, "workload", "manifests", NULL));
	json_set(body, "manifest_configs", json_get(spec, "manifestConfigs"));
	json_set(body, "delete_option", json_get(spec, "deleteOption"));
	return body;
}

/* --- calls ----------------------------------------------------------------------------------- */

int adapter_maestro_find(struct adapter_scope *scope, struct str consumer, struct str name,
	struct json **ret, struct error *err)
{
	struct json *bundle = NULL;
	struct error failure = {0};
	int status = 0;
	if (call(scope, "GET", bundle_path(scope, consumer, name), NULL, &status, &bundle,
		    &failure) == 0) {
		*ret = adapter_maestro_work(scope->arena, bundle);
		return 0;
	}
	if (status == 404) {
		*ret = NULL;
		return 0;
	}
	if (err)
		*err = failure;
	return -1;
}

static int create(struct adapter_scope *scope, struct str consumer, const struct json *manifest,
	struct json **ret, struct error *err)
{
	struct json *body = request_body(scope, manifest), *bundle = NULL;
	json_set_text(body, "consumer_name", consumer);
	json_set_text(body, "source", scope->context->settings->source_id);
	if (call(scope, "POST", STR(ADAPTER_MAESTRO_PATH), body, NULL, &bundle, err) != 0)
		return -1;
	*ret = adapter_maestro_work(scope->arena, bundle);
	return 0;
}

static int update(struct adapter_scope *scope, struct str consumer, const struct json *manifest,
	const struct json *existing, struct json **ret, struct error *err)
{
	struct json *body = request_body(scope, manifest), *bundle = NULL;
	struct str name = json_str(json_find(manifest, "metadata", "name", NULL));
	json_set(body, "version", json_find(existing, "metadata", "generation", NULL));
	if (!json_get(body, "manifest_configs"))
		json_set(body, "manifest_configs", json_new_null(scope->arena));
	if (!json_get(body, "delete_option"))
		json_set(body, "delete_option", json_new_null(scope->arena));
	if (call(scope, "PATCH", bundle_path(scope, consumer, name), body, NULL, &bundle, err) != 0)
		return -1;
	*ret = adapter_maestro_work(scope->arena, bundle);
	return 0;
}

int adapter_maestro_apply(struct adapter_scope *scope, struct str consumer, struct json *manifest,
	struct json *existing, struct json **ret, struct error *err)
{
	if (adapter_maestro_check(manifest, err) != 0)
		return -1;
	if (!existing)
		return create(scope, consumer, manifest, ret, err);
	if (adapter_maestro_generation(existing) != adapter_maestro_generation(manifest) ||
		!is_as_wanted(existing, manifest))
		return update(scope, consumer, manifest, existing, ret, err);
	*ret = existing;
	return 0;
}

int adapter_maestro_delete(
	struct adapter_scope *scope, struct str consumer, struct str name, struct error *err)
{
	struct json *ignored = NULL;
	struct error failure = {0};
	int status = 0;
	if (call(scope, "DELETE", bundle_path(scope, consumer, name), NULL, &status, &ignored,
		    &failure) == 0 ||
		status == 404)
		return 0;
	if (err)
		*err = failure;
	return -1;
}
