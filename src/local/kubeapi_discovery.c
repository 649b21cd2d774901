/*
 * kubeapi_discovery.c - discovery documents from the registry.
 */
#include "local/kubeapi_discovery.h"

static const char *const object_verbs[] = {
	"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch", NULL};
static const char *const subresource_verbs[] = {"get", "patch", "update", NULL};

static struct json *texts(struct arena *arena, const char *const *items)
{
	struct json *list = json_new_array(arena);

	for (; *items; items++)
		json_append(list, json_new_cstr(arena, *items));
	return list;
}

static struct json *words(struct arena *arena, struct str text)
{
	struct json *list = json_new_array(arena);
	struct str word;

	while (!str_is_null(word = kubeapi_word(&text)))
		json_append(list, json_new_string(arena, word));
	return list;
}

static struct json *new_kind(struct arena *arena, const char *kind, const char *api_version)
{
	struct json *object = json_new_object(arena);

	json_set(object, "kind", json_new_cstr(arena, kind));
	json_set(object, "apiVersion", json_new_cstr(arena, api_version));
	return object;
}

struct json *kubeapi_discovery_version(struct arena *arena)
{
	struct json *version = json_new_object(arena);

	json_set(version, "major", json_new_cstr(arena, KUBEAPI_MAJOR));
	json_set(version, "minor", json_new_cstr(arena, KUBEAPI_MINOR));
	json_set(version, "gitVersion",
		json_new_cstr(arena, "v" KUBEAPI_MAJOR "." KUBEAPI_MINOR ".0+reeve"));
	json_set(version, "gitCommit", json_new_cstr(arena, ""));
	json_set(version, "gitTreeState", json_new_cstr(arena, "clean"));
	json_set(version, "buildDate", json_new_cstr(arena, "1970-01-01T00:00:00Z"));
	json_set(version, "goVersion", json_new_cstr(arena, ""));
	json_set(version, "compiler", json_new_cstr(arena, ""));
	json_set(version, "platform", json_new_cstr(arena, "linux/amd64"));
	return version;
}

struct json *kubeapi_discovery_core(struct arena *arena)
{
	static const char *const versions[] = {"v1", NULL};
	struct json *core = new_kind(arena, "APIVersions", "v1");

	json_set(core, "versions", texts(arena, versions));
	json_set(core, "serverAddressByClientCIDRs", json_new_array(arena));
	return core;
}

/* --- groups -------------------------------------------------------------------------------- */

static struct json *group_version(struct arena *arena, const struct kubeapi_type *type)
{
	struct json *version = json_new_object(arena);

	json_set_text(version, "groupVersion", type->api_version);
	json_set_text(version, "version", type->version);
	return version;
}

static struct json *find_by_text(const struct json *list, const char *key, struct str text)
{
	struct json *item;

	json_for_each (list, i, item)
		if (str_eq(json_get_text(item, key), text))
			return item;
	return NULL;
}

struct json *kubeapi_discovery_groups(struct kubeapi_types *types, struct arena *arena)
{
	struct json *list = new_kind(arena, "APIGroupList", "v1"), *groups = json_new_array(arena);
	size_t count;
	struct kubeapi_type **all = kubeapi_types_all(types, arena, &count);

	for (size_t i = 0; i < count; i++) {
		const struct kubeapi_type *type = all[i];
		struct json *group = find_by_text(groups, "name", type->group), *versions;
		if (type->group.len == 0)
			continue;
		if (!group) {
			group = json_new_object(arena);
			json_set_text(group, "name", type->group);
			json_set(group, "versions", json_new_array(arena));
			json_append(groups, group);
		}
		versions = json_get(group, "versions");
		if (!find_by_text(versions, "version", type->version))
			json_append(versions, group_version(arena, type));
		if (type->is_preferred || !json_get(group, "preferredVersion"))
			json_set(group, "preferredVersion", group_version(arena, type));
	}
	json_set(list, "groups", groups);
	return list;
}

struct json *kubeapi_discovery_group(
	struct kubeapi_types *types, struct arena *arena, struct str group)
{
	struct json *groups = json_get(kubeapi_discovery_groups(types, arena), "groups");
	struct json *found = find_by_text(groups, "name", group), *member;
	struct json *result = new_kind(arena, "APIGroup", "v1");

	if (!found)
		return NULL;
	json_for_each (found, i, member)
		json_set_str(result, json_key_at(found, i), member);
	return result;
}

/* --- resources ----------------------------------------------------------------------------- */

static struct json *resource(struct arena *arena, const struct kubeapi_type *type)
{
	struct json *item = json_new_object(arena);

	json_set_text(item, "name", type->plural);
	json_set_text(item, "singularName", type->singular);
	json_set_bool(item, "namespaced", type->is_namespaced);
	json_set_text(item, "kind", type->kind);
	json_set(item, "verbs", texts(arena, object_verbs));
	if (type->short_names.len > 0)
		json_set(item, "shortNames", words(arena, type->short_names));
	if (type->categories.len > 0)
		json_set(item, "categories", words(arena, type->categories));
	return item;
}

static struct json *subresource(
	struct arena *arena, const struct kubeapi_type *type, const char *name, const char *kind)
{
	struct json *item = json_new_object(arena);

	json_set_text(
		item, "name", arena_printf(arena, "%" STR_F "/%s", STR_A(type->plural), name));
	json_set(item, "singularName", json_new_cstr(arena, ""));
	json_set_bool(item, "namespaced", type->is_namespaced);
	if (strcmp(kind, "Scale") == 0) {
		json_set(item, "group", json_new_cstr(arena, "autoscaling"));
		json_set(item, "version", json_new_cstr(arena, "v1"));
	}
	json_set(item, "kind", json_new_cstr(arena, kind));
	json_set(item, "verbs", texts(arena, subresource_verbs));
	return item;
}

struct json *kubeapi_discovery_resources(
	struct kubeapi_types *types, struct arena *arena, struct str group, struct str version)
{
	struct json *list = new_kind(arena, "APIResourceList", "v1");
	struct json *resources = json_new_array(arena);
	size_t count;
	struct kubeapi_type **all = kubeapi_types_all(types, arena, &count);

	for (size_t i = 0; i < count; i++) {
		const struct kubeapi_type *type = all[i];
		if (!str_eq(type->group, group) || !str_eq(type->version, version))
			continue;
		json_set_text(list, "groupVersion", type->api_version);
		json_append(resources, resource(arena, type));
		if (type->has_status)
			json_append(resources,
				subresource(arena, type, "status", arena_cstr(arena, type->kind)));
		if (type->scale_spec.len > 0)
			json_append(resources, subresource(arena, type, "scale", "Scale"));
	}
	json_set(list, "resources", resources);
	return json_count(resources) > 0 ? list : NULL;
}

/* --- aggregated ---------------------------------------------------------------------------- */

static struct json *response_kind(
	struct arena *arena, struct str group, struct str version, struct str kind)
{
	struct json *object = json_new_object(arena);

	json_set_text(object, "group", group);
	json_set_text(object, "version", version);
	json_set_text(object, "kind", kind);
	return object;
}

static void add_aggregated_subresource(
	struct arena *arena, struct json *list, const char *name, struct json *kind)
{
	struct json *item = json_new_object(arena);

	json_set(item, "subresource", json_new_cstr(arena, name));
	json_set(item, "responseKind", kind);
	json_set(item, "verbs", texts(arena, subresource_verbs));
	json_append(list, item);
}

static struct json *aggregated_resource(struct arena *arena, const struct kubeapi_type *type)
{
	struct json *item = json_new_object(arena), *subresources = json_new_array(arena);

	json_set_text(item, "resource", type->plural);
	json_set(
		item, "responseKind", response_kind(arena, type->group, type->version, type->kind));
	json_set(item, "scope",
		json_new_cstr(arena, type->is_namespaced ? "Namespaced" : "Cluster"));
	json_set_text(item, "singularResource", type->singular);
	json_set(item, "verbs", texts(arena, object_verbs));
	if (type->short_names.len > 0)
		json_set(item, "shortNames", words(arena, type->short_names));
	if (type->categories.len > 0)
		json_set(item, "categories", words(arena, type->categories));
	if (type->has_status)
		add_aggregated_subresource(arena, subresources, "status",
			response_kind(arena, type->group, type->version, type->kind));
	if (type->scale_spec.len > 0)
		add_aggregated_subresource(arena, subresources, "scale",
			response_kind(arena, STR("autoscaling"), STR("v1"), STR("Scale")));
	if (json_count(subresources) > 0)
		json_set(item, "subresources", subresources);
	return item;
}

/* The group's entry, made when missing. */
static struct json *aggregated_group(struct arena *arena, struct json *items, struct str name)
{
	struct json *each, *group, *metadata;

	json_for_each (items, i, each)
		if (str_eq(json_get_text(json_get(each, "metadata"), "name"), name) ||
			(name.len == 0 && !json_get(json_get(each, "metadata"), "name")))
			return each;
	group = json_new_object(arena);
	metadata = json_new_object(arena);
	if (name.len > 0)
		json_set_text(metadata, "name", name);
	json_set(group, "metadata", metadata);
	json_set(group, "versions", json_new_array(arena));
	json_append(items, group);
	return group;
}

struct json *kubeapi_discovery_aggregated(
	struct kubeapi_types *types, struct arena *arena, bool is_core)
{
	struct json *list = new_kind(arena, "APIGroupDiscoveryList", "apidiscovery.k8s.io/v2");
	struct json *items = json_new_array(arena);
	size_t count;
	struct kubeapi_type **all = kubeapi_types_all(types, arena, &count);

	for (size_t i = 0; i < count; i++) {
		const struct kubeapi_type *type = all[i];
		if ((type->group.len == 0) != is_core)
			continue;
		struct json *group = aggregated_group(arena, items, type->group);
		struct json *versions = json_get(group, "versions");
		struct json *version = find_by_text(versions, "version", type->version);
		if (!version) {
			version = json_new_object(arena);
			json_set_text(version, "version", type->version);
			json_set(version, "resources", json_new_array(arena));
			json_set(version, "freshness", json_new_cstr(arena, "Current"));
			/* The preferred version comes first. */
			json_insert_at(versions, type->is_preferred ? 0 : SIZE_MAX, version);
		}
		json_append(json_get(version, "resources"), aggregated_resource(arena, type));
	}
	json_set(list, "metadata", json_new_object(arena));
	json_set(list, "items", items);
	return list;
}
