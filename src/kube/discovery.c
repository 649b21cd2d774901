/*
 * discovery.c - kinds to resources, by the lists the server gives (/api/v1, /apis/GROUP/VERSION).
 *
 * A list that was read serves until a kind is missing from it; then it is read again, but not more
 * often than every KUBE_DISCOVERY_RETRY_US, so that a manifest of an unknown kind costs one request
 * in that time and not one per try. The lock is not held while the server is asked: two threads may
 * ask at once, and the later answer stays.
 */
#include "kube/discovery.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/map.h"
#include "kube/client.h"

/* The resources of one API version; also of one that the server does not have. */
struct api {
	struct kube_resource *resources;
	size_t count;
	int64_t read_us; /* monotonic */
};

struct kube_discovery {
	pthread_mutex_t mutex; /* apis and what is in it */
	struct map *apis;      /* "apps/v1" to struct api */
};

int kube_discovery_new(struct kube_discovery **ret, struct error *err)
{
	struct kube_discovery *discovery = calloc(1, sizeof(*discovery));

	if (discovery)
		discovery->apis = map_new();
	if (!discovery || !discovery->apis) {
		free(discovery);
		return error_set(err, ERROR_MEMORY, "no memory for discovery");
	}
	pthread_mutex_init(&discovery->mutex, NULL);
	*ret = discovery;
	return 0;
}

static void free_api(void *value)
{
	struct api *api = value;

	if (api)
		free(api->resources);
	free(api);
}

void kube_discovery_free(struct kube_discovery *discovery)
{
	if (!discovery)
		return;
	map_free(discovery->apis, free_api);
	pthread_mutex_destroy(&discovery->mutex);
	free(discovery);
}

/* --- reading a list ------------------------------------------------------------------------ */

static bool copy_text(char *out, size_t size, struct str text)
{
	if (text.len >= size)
		return false;
	if (text.len)
		memcpy(out, text.ptr, text.len);
	out[text.len] = '\0';
	return true;
}

static bool has_resource(const struct json *list, struct str plural, const char *subresource)
{
	struct json *entry;

	json_for_each (list, i, entry) {
		struct str name = json_get_text(entry, "name");
		if (str_starts_with(name, plural) &&
			str_eq_c(str_slice(name, plural.len, name.len), subresource))
			return true;
	}
	return false;
}

/* One entry of an APIResourceList; false for subresources and for names over our limits. */
static bool read_resource(const struct json *list, const struct json *entry, struct str group,
	struct str version, struct kube_resource *ret)
{
	struct str name = json_get_text(entry, "name");

	*ret = (struct kube_resource){.namespaced = json_bool(json_get(entry, "namespaced"), false),
		.has_status = has_resource(list, name, "/status")};
	return name.len && str_index(name, '/') < 0 &&
	       copy_text(ret->group, sizeof(ret->group), group) &&
	       copy_text(ret->version, sizeof(ret->version), version) &&
	       copy_text(ret->kind, sizeof(ret->kind), json_get_text(entry, "kind")) &&
	       copy_text(ret->plural, sizeof(ret->plural), name);
}

static void split_api_version(
	struct str api_version, struct str *ret_group, struct str *ret_version)
{
	struct str rest = api_version;

	*ret_group = str_cut(&rest, '/');
	*ret_version = rest;
	if (str_is_null(rest)) {
		*ret_version = *ret_group;
		*ret_group = STR("");
	}
}

static struct api *read_api(struct str api_version, const struct json *document)
{
	const struct json *list = json_get(document, "resources");
	struct json *entry;
	struct str group, version;
	struct api *api = calloc(1, sizeof(*api));

	if (!api)
		return NULL;
	api->resources = calloc(json_count(list) + 1, sizeof(*api->resources));
	if (!api->resources) {
		free(api);
		return NULL;
	}
	split_api_version(api_version, &group, &version);
	json_for_each (list, i, entry)
		if (read_resource(list, entry, group, version, &api->resources[api->count]))
			api->count++;
	api->read_us = clock_monotonic_us();
	return api;
}

/* Asks the server; a version it does not have is remembered as one without resources. */
static int refresh(struct kube *kube, struct str api_version, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct json *document = NULL;
	struct str path = arena_printf(arena, "%s/%" STR_F,
		str_index(api_version, '/') < 0 ? "/api" : "/apis", STR_A(api_version));
	struct error failed;

	if (kube_call(kube, arena, &(struct kube_call){"GET", path, .may_repeat = true}, &document,
		    &failed) < 0 &&
		failed.code != ERROR_NOT_FOUND) {
		if (err)
			*err = failed;
		return -1;
	}
	struct api *api = read_api(api_version, document);
	void *old = NULL;
	bool is_kept = false;
	if (api) {
		LOCK_SCOPE(&kube->discovery->mutex);
		is_kept = map_put(kube->discovery->apis, api_version, api, &old);
	}
	free_api(is_kept ? old : api);
	return is_kept ? 0 : error_set(err, ERROR_MEMORY, "no memory for discovery");
}

/* --- finding ------------------------------------------------------------------------------- */

struct wanted {
	struct str kind, plural; /* one of them is null */
};

/* Copies the resource out. *ret_is_fresh tells whether asking again now would be too early. */
static bool look_up(struct kube_discovery *discovery, struct str api_version,
	const struct wanted *wanted, struct kube_resource *ret, bool *ret_is_fresh)
{
	LOCK_SCOPE(&discovery->mutex);
	const struct api *api = map_get(discovery->apis, api_version);

	*ret_is_fresh = api && clock_monotonic_us() - api->read_us < KUBE_DISCOVERY_RETRY_US;
	for (size_t i = 0; api && i < api->count; i++) {
		const struct kube_resource *resource = &api->resources[i];
		if (str_eq_c(wanted->kind, resource->kind) ||
			str_eq_c(wanted->plural, resource->plural)) {
			*ret = *resource;
			return true;
		}
	}
	return false;
}

/* 1: found, 0: the server does not have it, -1: error. */
static int find(struct kube *kube, struct str api_version, const struct wanted *wanted,
	struct kube_resource *ret, struct error *err)
{
	bool is_fresh;

	if (look_up(kube->discovery, api_version, wanted, ret, &is_fresh))
		return 1;
	if (is_fresh)
		return 0;
	if (refresh(kube, api_version, err) < 0)
		return -1;
	return look_up(kube->discovery, api_version, wanted, ret, &is_fresh);
}

int kube_find_kind(struct kube *kube, struct str api_version, struct str kind,
	struct kube_resource *ret, struct error *err)
{
	int found = find(kube, api_version, &(struct wanted){.kind = kind}, ret, err);

	if (found == 0)
		return error_set(err, ERROR_NOT_FOUND,
			"the server doesn't have a resource type \"%" STR_F "\" in %" STR_F,
			STR_A(kind), STR_A(api_version));
	return found < 0 ? -1 : 0;
}

static int fail_plural(struct str group, struct str plural, struct error *err)
{
	return error_set(err, ERROR_NOT_FOUND,
		"the server doesn't have a resource type \"%" STR_F "%s%" STR_F "\"", STR_A(plural),
		group.len ? "." : "", STR_A(group));
}

/* The versions of a group, the preferred one first. */
int kube_find_plural(struct kube *kube, struct str group, struct str plural,
	struct kube_resource *ret, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	const struct wanted wanted = {.plural = plural};
	struct json *document, *version;
	int found;

	if (group.len == 0) {
		found = find(kube, STR("v1"), &wanted, ret, err);
		return found > 0 ? 0 : found < 0 ? -1 : fail_plural(group, plural, err);
	}
	struct str path = arena_printf(arena, "/apis/%" STR_F, STR_A(http_encode(arena, group)));
	struct error failed;
	if (kube_call(kube, arena, &(struct kube_call){"GET", path, .may_repeat = true}, &document,
		    &failed) < 0) {
		if (failed.code == ERROR_NOT_FOUND)
			return fail_plural(group, plural, err);
		if (err)
			*err = failed;
		return -1;
	}
	struct json *versions = json_get(document, "versions");
	struct json *preferred = json_get(document, "preferredVersion");
	if (preferred && json_is(versions, JSON_ARRAY))
		json_insert_at(versions, 0, preferred);
	json_for_each (versions, i, version) {
		found = find(kube, json_get_text(version, "groupVersion"), &wanted, ret, err);
		if (found)
			return found < 0 ? -1 : 0;
	}
	return fail_plural(group, plural, err);
}
