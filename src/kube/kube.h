/*
 * kube.h - a client of the Kubernetes API.
 *
 * Blocking calls on documents (struct json); one client serves any number of threads and reuses
 * connections. Kinds are mapped to resources by discovery, cached, asked again on a miss.
 */
#ifndef REEVE_KUBE_KUBE_H
#define REEVE_KUBE_KUBE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "base/thread.h"
#include "data/json.h"

struct kube;

#define KUBE_TIMEOUT_US (INT64_C(30) * 1000000)
#define KUBE_LIST_PAGE 500
#define KUBE_DISCOVERY_RETRY_US \
	(INT64_C(2) * 1000000) /* a missing kind is looked up at most so often */

/* From a kubeconfig file (server, CA, token, client certificate, basic auth; data or file;
 * current-context). ERROR_INVALID names file and field. stop: as in http_client_config; NULL
 * accepted. */
int kube_open(struct kube **ret, const char *kubeconfig, const char *user_agent, struct stop *stop,
	struct error *err);
void kube_close(struct kube *kube);

/* The server's version document (/version); tells whether it answers: `kubeconfig x: https://...
 * does not answer: ...`. */
int kube_version(struct kube *kube, struct arena *arena, struct json **ret, struct error *err);

struct kube_resource {
	char group[128]; /* "" for core */
	char version[32];
	char kind[64];
	char plural[64];
	bool namespaced;
	bool has_status;
};

/* By apiVersion ("apps/v1") and kind. ERROR_NOT_FOUND: `the server doesn't have a resource type
 * "X"`. */
int kube_find_kind(struct kube *kube, struct str api_version, struct str kind,
	struct kube_resource *ret, struct error *err);
/* By group, and plural name, any served version (the preferred one). */
int kube_find_plural(struct kube *kube, struct str group, struct str plural,
	struct kube_resource *ret, struct error *err);

/* Which object. name_space is ignored for cluster-scoped kinds; subresource "" or "status". */
struct kube_ref {
	const struct kube_resource *resource;
	struct str name_space;
	struct str name;
	const char *subresource;
};

/* The errors carry the server's message; codes by its status (404 NOT_FOUND, 409 CONFLICT, 403
 * FORBIDDEN, 410 GONE, 422 UNPROCESSABLE, 429 LIMITED ...). ret may be NULL where the answer is not
 * needed. */
int kube_get(struct kube *kube, struct arena *arena, const struct kube_ref *ref, struct json **ret,
	struct error *err);
int kube_create(struct kube *kube, struct arena *arena, const struct kube_ref *ref,
	const struct json *body, struct json **ret, struct error *err);
int kube_update(struct kube *kube, struct arena *arena, const struct kube_ref *ref,
	const struct json *body, struct json **ret, struct error *err);

/* Server-side apply (application/apply-patch+yaml). */
int kube_apply(struct kube *kube, struct arena *arena, const struct kube_ref *ref,
	const struct json *body, const char *field_manager, bool force, struct json **ret,
	struct error *err);

enum kube_patch { KUBE_PATCH_MERGE, KUBE_PATCH_JSON, KUBE_PATCH_STRATEGIC };
int kube_patch(struct kube *kube, struct arena *arena, const struct kube_ref *ref,
	enum kube_patch type, const struct json *body, struct json **ret, struct error *err);

struct kube_delete {
	const char
		*propagation; /* "Background", "Foreground", "Orphan"; NULL: the server's default */
	struct str uid;	      /* precondition; null: none */
	struct str resource_version;
};
int kube_delete(struct kube *kube, struct arena *arena, const struct kube_ref *ref,
	const struct kube_delete *options, struct error *err);

struct kube_list {
	struct str name_space; /* null: all */
	struct str label_selector;
	struct str field_selector;
};
/* All pages, as one list document ("items", "metadata.resourceVersion"). */
int kube_list(struct kube *kube, struct arena *arena, const struct kube_resource *resource,
	const struct kube_list *options, struct json **ret, struct error *err);

/* Adds or removes a finalizer with a JSON merge patch guarded by resourceVersion; retried on
 * conflict. */
int kube_add_finalizer(
	struct kube *kube, const struct kube_ref *ref, struct str finalizer, struct error *err);
int kube_remove_finalizer(
	struct kube *kube, const struct kube_ref *ref, struct str finalizer, struct error *err);

/* type: "ADDED", "MODIFIED", "DELETED", "BOOKMARK". The object lives until the call returns; false
 * ends the watch. */
typedef bool (*kube_on_event)(void *arg, struct str type, struct json *object);

/*
 * Follows a kind: lists (as ADDED), then watches with bookmarks from there, resuming across broken
 * connections and listing again after 410, until `stop` is requested or on_event ends it: then 0.
 * After each listing `on_synced` (NULL accepted) is called: what was known before and not seen
 * since is gone. -1 where waiting does not help: the server refuses (ERROR_FORBIDDEN,
 * ERROR_UNAUTHENTICATED), or the kind is gone (ERROR_NOT_FOUND); whoever follows says so and may
 * call again later. Blocks; run it on a thread of its own.
 */
int kube_follow(struct kube *kube, const struct kube_resource *resource,
	const struct kube_list *options, struct stop *stop, kube_on_event on_event,
	void (*on_synced)(void *arg), void *arg, struct error *err);

/* "apps/v1" or "v1". */
struct str kube_api_version(struct arena *arena, const struct kube_resource *resource);

#endif
