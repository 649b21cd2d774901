/*
 * kube.c - opening a client, and calls on single objects and lists.
 */
#include "kube/kube.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "kube/kubeconfig.h"

#define FINALIZER_TRIES 5

/* --- opening and closing ------------------------------------------------------------------- */

static const char *basic_authorization(struct arena *arena, const struct kubeconfig *config)
{
	if (!config->username)
		return NULL;
	struct str pair = arena_printf(
		arena, "%s:%s", config->username, config->password ? config->password : "");
	return arena_printf(arena, "Basic %" STR_F, STR_A(hash_base64(arena, pair))).ptr;
}

static int connect_with(struct kube *kube, const char *path, const char *user_agent,
	struct stop *stop, struct error *err)
{
	struct kubeconfig config;

	if (kubeconfig_load(kube->arena, path, &config, err) < 0)
		return -1;
	kube->kubeconfig = arena_cstr(kube->arena, str_of(path));
	kube->server = config.server;
	kube->authorization = basic_authorization(kube->arena, &config);
	kube->token.file = config.token ? NULL : config.token_file;
	if (arena_is_exhausted(kube->arena))
		return error_set(err, ERROR_MEMORY, "no memory for a Kubernetes client");
	const struct http_client_config http = {
		.base_url = config.server,
		.user_agent = user_agent,
		.bearer_token = config.token,
		.ca_pem = config.ca_pem,
		.client_cert_pem = config.client_cert_pem,
		.client_key_pem = config.client_key_pem,
		.insecure = config.insecure,
		.stop = stop,
	};
	if (http_client_new(&kube->http, &http, err) < 0)
		return -1;
	return kube_discovery_new(&kube->discovery, err);
}

int kube_open(struct kube **ret, const char *kubeconfig, const char *user_agent, struct stop *stop,
	struct error *err)
{
	struct kube *kube = calloc(1, sizeof(*kube));

	if (!kube)
		return error_set(err, ERROR_MEMORY, "no memory for a Kubernetes client");
	pthread_mutex_init(&kube->token.mutex, NULL);
	kube->arena = arena_new(0);
	if (connect_with(kube, kubeconfig, user_agent, stop, err) < 0) {
		kube_close(kube);
		return -1;
	}
	*ret = kube;
	return 0;
}

void kube_close(struct kube *kube)
{
	if (!kube)
		return;
	kube_discovery_free(kube->discovery);
	http_client_free(kube->http);
	pthread_mutex_destroy(&kube->token.mutex);
	free(kube->token.value);
	arena_free(kube->arena);
	free(kube);
}

int kube_version(struct kube *kube, struct arena *arena, struct json **ret, struct error *err)
{
	const struct kube_call call = {"GET", STR("/version")};

	if (kube_call(kube, arena, &call, ret, err) == 0)
		return 0;
	return error_prefix(
		err, "kubeconfig %s: %s does not answer", kube->kubeconfig, kube->server);
}

struct str kube_api_version(struct arena *arena, const struct kube_resource *resource)
{
	return arena_printf(
		arena, "%s%s%s", resource->group, resource->group[0] ? "/" : "", resource->version);
}

/* --- objects ------------------------------------------------------------------------------- */

/* A call on the object, or with its name left out on its collection. */
static int call_object(struct kube *kube, struct arena *arena, const struct kube_ref *ref,
	struct str query, struct kube_call call, struct json **ret, struct error *err)
{
	if (kube_path(arena, ref->resource, ref->name_space, ref->name, ref->subresource,
		    &call.path, err) < 0)
		return -1;
	if (query.len)
		call.path =
			arena_printf(arena, "%" STR_F "?%" STR_F, STR_A(call.path), STR_A(query));
	return kube_call(kube, arena, &call, ret, err);
}

int kube_get(struct kube *kube, struct arena *arena, const struct kube_ref *ref, struct json **ret,
	struct error *err)
{
	return call_object(kube, arena, ref, STR(""),
		(struct kube_call){.method = "GET", .may_repeat = true}, ret, err);
}

int kube_create(struct kube *kube, struct arena *arena, const struct kube_ref *ref,
	const struct json *body, struct json **ret, struct error *err)
{
	struct kube_ref collection = *ref;

	if (ref->resource->namespaced && !ref->name_space.len)
		return error_set(err, ERROR_INVALID,
			"%s \"%" STR_F "\" needs a namespace: its kind is namespaced",
			ref->resource->kind, STR_A(ref->name));
	collection.name = STR("");
	return call_object(kube, arena, &collection, STR(""),
		(struct kube_call){.method = "POST", .body = body}, ret, err);
}

int kube_update(struct kube *kube, struct arena *arena, const struct kube_ref *ref,
	const struct json *body, struct json **ret, struct error *err)
{
	return call_object(kube, arena, ref, STR(""),
		(struct kube_call){.method = "PUT", .body = body}, ret, err);
}

int kube_apply(struct kube *kube, struct arena *arena, const struct kube_ref *ref,
	const struct json *body, const char *field_manager, bool force, struct json **ret,
	struct error *err)
{
	struct str query = arena_printf(arena, "fieldManager=%" STR_F "%s",
		STR_A(http_encode(arena, str_of(field_manager))), force ? "&force=true" : "");

	return call_object(kube, arena, ref, query,
		(struct kube_call){.method = "PATCH",
			.body = body,
			.content_type = STR("application/apply-patch+yaml"),
			.may_repeat = true},
		ret, err);
}

int kube_patch(struct kube *kube, struct arena *arena, const struct kube_ref *ref,
	enum kube_patch type, const struct json *body, struct json **ret, struct error *err)
{
	static const struct str types[] = {
		[KUBE_PATCH_MERGE] = STR("application/merge-patch+json"),
		[KUBE_PATCH_JSON] = STR("application/json-patch+json"),
		[KUBE_PATCH_STRATEGIC] = STR("application/strategic-merge-patch+json"),
	};

	return call_object(kube, arena, ref, STR(""),
		(struct kube_call){.method = "PATCH", .body = body, .content_type = types[type]},
		ret, err);
}

int kube_delete(struct kube *kube, struct arena *arena, const struct kube_ref *ref,
	const struct kube_delete *options, struct error *err)
{
	static const struct kube_delete defaults;
	struct json *body = json_new_object(arena), *preconditions = json_new_object(arena);

	options = options ? options : &defaults;
	json_set_text(body, "kind", STR("DeleteOptions"));
	json_set_text(body, "apiVersion", STR("v1"));
	json_set_text(body, "propagationPolicy", str_of(options->propagation));
	json_set_text(preconditions, "uid", options->uid);
	json_set_text(preconditions, "resourceVersion", options->resource_version);
	if (json_count(preconditions))
		json_set(body, "preconditions", preconditions);
	return call_object(kube, arena, ref, STR(""),
		(struct kube_call){.method = "DELETE", .body = body}, NULL, err);
}

/* --- finalizers ---------------------------------------------------------------------------- */

/* The list with the finalizer added or left out; NULL when it is as it should be. */
static struct json *changed_finalizers(
	struct arena *arena, const struct json *object, struct str finalizer, bool wanted)
{
	struct json *list = json_new_array(arena), *item;
	bool is_there = false;

	json_for_each (json_find(object, "metadata", "finalizers", NULL), i, item) {
		bool is_it = str_eq(json_str(item), finalizer);
		is_there = is_there || is_it;
		if (!is_it)
			json_append(list, item);
	}
	if (wanted)
		json_append(list, json_new_string(arena, finalizer));
	return is_there == wanted ? NULL : list;
}

static int change_finalizer(struct kube *kube, struct arena *arena, const struct kube_ref *ref,
	struct str finalizer, bool wanted, struct error *err)
{
	struct json *object, *patch = json_new_object(arena), *metadata = json_new_object(arena);

	if (kube_get(kube, arena, ref, &object, err) < 0)
		return -1;
	struct json *list = changed_finalizers(arena, object, finalizer, wanted);
	if (!list)
		return 0;
	json_set(metadata, "finalizers", list);
	json_set_text(metadata, "resourceVersion",
		json_get_text(json_get(object, "metadata"), "resourceVersion"));
	json_set(patch, "metadata", metadata);
	return kube_patch(kube, arena, ref, KUBE_PATCH_MERGE, patch, NULL, err);
}

static int set_finalizer(struct kube *kube, const struct kube_ref *ref, struct str finalizer,
	bool wanted, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct error failed;

	for (int tries = 0; tries < FINALIZER_TRIES; tries++) {
		if (change_finalizer(kube, arena, ref, finalizer, wanted, &failed) == 0)
			return 0;
		if (failed.code != ERROR_CONFLICT)
			break;
		arena_reset(arena);
	}
	if (err)
		*err = failed;
	return -1;
}

int kube_add_finalizer(
	struct kube *kube, const struct kube_ref *ref, struct str finalizer, struct error *err)
{
	return set_finalizer(kube, ref, finalizer, true, err);
}

int kube_remove_finalizer(
	struct kube *kube, const struct kube_ref *ref, struct str finalizer, struct error *err)
{
	struct error failed;

	if (set_finalizer(kube, ref, finalizer, false, &failed) == 0 ||
		failed.code == ERROR_NOT_FOUND)
		return 0;
	if (err)
		*err = failed;
	return -1;
}
