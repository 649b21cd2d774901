/*
 * agent_manifest.h - one manifest of a bundle: its configuration, what is written, what has
 * drifted. Pure.
 */
#ifndef REEVE_MAESTRO_AGENT_MANIFEST_H
#define REEVE_MAESTRO_AGENT_MANIFEST_H

#include <stdbool.h>

#include "base/error.h"
#include "data/json.h"
#include "maestro/agent_status.h"

#define AGENT_WORK_GROUP "work.open-cluster-management.io"
#define AGENT_FIELD_MANAGER "work-agent"
#define AGENT_APPLIED_FINALIZER "cluster.open-cluster-management.io/applied-manifest-work-cleanup"
#define AGENT_WORK_FINALIZER "cluster.open-cluster-management.io/manifest-work-cleanup"

enum agent_strategy {
	AGENT_STRATEGY_UPDATE,
	AGENT_STRATEGY_CREATE_ONLY,
	AGENT_STRATEGY_SERVER_SIDE_APPLY,
	AGENT_STRATEGY_READ_ONLY
};

struct agent_manifest_config {
	enum agent_strategy strategy;
	struct str field_manager; /* of server-side apply */
	bool is_forced;
	const struct json *feedback_rules; /* NULL: none */
};

/* What manifestConfigs say about an object. For rules and strategy the first matching entry that
 * has them decides; group and resource must be equal, namespace and name equal or matched with '*'.
 * ERROR_UNPROCESSABLE for what this agent cannot honour (ignoreFields, an unknown strategy):
 * applying the manifest without it would do what nobody asked for. */
int agent_manifest_configure(const struct json *bundle, const struct agent_resource_meta *meta,
	struct agent_manifest_config *ret, struct error *err);

/* Whether the object must not be owned, and so survives the bundle (deleteOption Orphan,
 * SelectivelyOrphan). */
bool agent_manifest_is_orphan(const struct json *bundle, const struct agent_resource_meta *meta);

/* apiVersion, kind and names of a manifest; `resource` is left empty. */
struct agent_resource_meta agent_manifest_meta(const struct json *manifest, size_t ordinal);

/* An ownerReference to an AppliedManifestWork. */
struct json *agent_owner_new(struct arena *arena, struct str name, struct str uid);

/* What to send for a new object or a server-side apply: the manifest without uid and null creation
 * times, owned by `owner` (NULL: by nobody). */
struct json *agent_manifest_body(
	struct arena *arena, const struct json *manifest, struct json *owner);

/* Strategy Update: what to send for an object that exists, NULL when it is as it should be. Labels
 * and annotations are merged (a key ending in '-' removes), the owner is added or (`is_owned`
 * false) removed, everything else but status becomes the manifest's. */
struct json *agent_manifest_update(struct arena *arena, const struct json *manifest,
	const struct json *live, struct json *owner, bool is_owned);

/* The object's ownerReferences with the owner added or taken away; NULL when nothing changes. */
struct json *agent_owners_change(
	struct arena *arena, const struct json *live, const struct json *owner, bool is_owned);

/* Whether everything that the manifest says is so in the object: members it does not name are free,
 * lists have the same length and order, numbers compare by value, null means absent. */
bool agent_manifest_holds(const struct json *manifest, const struct json *live);

#endif
