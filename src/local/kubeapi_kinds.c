/*
 * kubeapi_kinds.c - a table of kinds and what is done for them.
 */
#include "local/kubeapi_kinds.h"

#include "base/clock.h"
#include "base/hash.h"
#include "local/kubeapi_crd.h"

static void set_status_text(struct kubeapi_draft *draft, const char *key, const char *text)
{
	struct json *status = json_get(draft->object, "status");

	if (!json_is(status, JSON_OBJECT)) {
		status = json_new_object(draft->arena);
		json_set(draft->object, "status", status);
	}
	json_set(status, key, json_new_cstr(draft->arena, text));
}

static struct json *child_object(struct kubeapi_draft *draft, struct json *parent, const char *key)
{
	struct json *child = json_get(parent, key);

	if (!json_is(child, JSON_OBJECT)) {
		child = json_new_object(draft->arena);
		json_set(parent, key, child);
	}
	return child;
}

/* --- namespaces ---------------------------------------------------------------------------- */

static void label_namespace(struct kubeapi_draft *draft)
{
	struct json *metadata = json_get(draft->object, "metadata");

	json_set_text(child_object(draft, metadata, "labels"), "kubernetes.io/metadata.name",
		json_get_text(metadata, "name"));
}

static int namespace_create(struct kubeapi_draft *draft)
{
	struct json *finalizers = json_new_array(draft->arena);

	json_append(finalizers, json_new_cstr(draft->arena, "kubernetes"));
	json_set(child_object(draft, draft->object, "spec"), "finalizers", finalizers);
	set_status_text(draft, "phase", "Active");
	label_namespace(draft);
	return 0;
}

/* spec.finalizers is the namespace's own, and changed by /finalize only. */
static int namespace_update(struct kubeapi_draft *draft)
{
	struct json *spec = json_get(draft->old, "spec");

	label_namespace(draft);
	if (!str_eq_c(draft->subresource, "finalize") && spec)
		json_set(draft->object, "spec", json_copy(draft->arena, spec));
	return 0;
}

/* --- secrets and config maps --------------------------------------------------------------- */

/* stringData is a convenience for writers: it ends up in data. */
static void fold_string_data(struct kubeapi_draft *draft)
{
	struct json *strings = json_get(draft->object, "stringData"), *value, *data;

	if (json_count(strings) > 0) {
		data = child_object(draft, draft->object, "data");
		json_for_each (strings, i, value)
			json_set_str(data, json_key_at(strings, i),
				json_new_string(
					draft->arena, hash_base64(draft->arena, json_str(value))));
	}
	json_remove(draft->object, STR("stringData"));
}

static int secret_create(struct kubeapi_draft *draft)
{
	fold_string_data(draft);
	if (json_get_text(draft->object, "type").len == 0)
		json_set(draft->object, "type", json_new_cstr(draft->arena, "Opaque"));
	return 0;
}

static int data_update(struct kubeapi_draft *draft)
{
	static const char *const fixed[] = {"data", "binaryData", "immutable"};

	if (!json_bool(json_get(draft->old, "immutable"), false))
		return 0;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (!json_equal(json_get(draft->old, fixed[i]), json_get(draft->object, fixed[i])))
			kubeapi_failure_cause(draft->failure, "FieldValueForbidden",
				str_of(fixed[i]),
				"Forbidden: field is immutable when `immutable` is set");
	if (draft->failure->cause_count == 0)
		return 0;
	return kubeapi_fail_invalid(
		draft->failure, draft->type->group, draft->type->kind, draft->name);
}

static int secret_update(struct kubeapi_draft *draft)
{
	fold_string_data(draft);
	if (json_get_text(draft->object, "type").len == 0 && json_get(draft->old, "type"))
		json_set(draft->object, "type", json_get(draft->old, "type"));
	return data_update(draft);
}

/* --- others -------------------------------------------------------------------------------- */

static int pod_create(struct kubeapi_draft *draft)
{
	set_status_text(draft, "phase", "Pending");
	return 0;
}

static int status_create(struct kubeapi_draft *draft)
{
	child_object(draft, draft->object, "status");
	return 0;
}

static int service_create(struct kubeapi_draft *draft)
{
	child_object(draft, child_object(draft, draft->object, "status"), "loadBalancer");
	return 0;
}

static int crd_check(struct kubeapi_draft *draft)
{
	if (kubeapi_crd_check(draft->types, draft->object, draft->failure) < 0)
		return -1;
	if (!str_eq_c(draft->subresource, "status"))
		kubeapi_crd_establish(
			draft->object, clock_text_seconds(draft->arena, draft->now_us));
	return 0;
}

typedef int kind_fn(struct kubeapi_draft *draft);

static const struct {
	const char *qualified;
	kind_fn *create, *update;
	bool has_label_name;
} particulars[] = {
	{"namespaces", namespace_create, namespace_update, true},
	{"configmaps", NULL, data_update, false},
	{"secrets", secret_create, secret_update, false},
	{"services", service_create, NULL, true},
	{"pods", pod_create, NULL, false},
	{"deployments.apps", status_create, NULL, false},
	{"replicasets.apps", status_create, NULL, false},
	{"statefulsets.apps", status_create, NULL, false},
	{"daemonsets.apps", status_create, NULL, false},
	{"jobs.batch", status_create, NULL, false},
	{"cronjobs.batch", status_create, NULL, false},
	{KUBEAPI_CRD_RESOURCE, crd_check, crd_check, false},
};

#define PARTICULARS (sizeof(particulars) / sizeof(particulars[0]))

int kubeapi_kind_create(struct kubeapi_draft *draft)
{
	for (size_t i = 0; i < PARTICULARS; i++)
		if (str_eq_c(draft->type->qualified, particulars[i].qualified) &&
			particulars[i].create)
			return particulars[i].create(draft);
	return 0;
}

int kubeapi_kind_update(struct kubeapi_draft *draft)
{
	for (size_t i = 0; i < PARTICULARS; i++)
		if (str_eq_c(draft->type->qualified, particulars[i].qualified) &&
			particulars[i].update)
			return particulars[i].update(draft);
	return 0;
}

bool kubeapi_kind_has_label_name(const struct kubeapi_type *type)
{
	for (size_t i = 0; i < PARTICULARS; i++)
		if (str_eq_c(type->qualified, particulars[i].qualified))
			return particulars[i].has_label_name;
	return false;
}
