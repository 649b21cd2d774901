/*
 * agent_owner.h - the AppliedManifestWork of a bundle: what the cluster itself remembers of it.
 *
 * It owns the applied objects, lists them in its status, and is what a restarted agent, or another
 * implementation in its place, finds them by.
 */
#ifndef REEVE_MAESTRO_AGENT_OWNER_H
#define REEVE_MAESTRO_AGENT_OWNER_H

#include "maestro/agent_core.h"

struct agent_owner {
	struct kube_resource resource;
	struct str name; /* <hash of the broker's host:port>-<id> */
	struct str uid;
	struct json *applied; /* status.appliedResources; NULL: not read */
};

/* Makes sure that it exists; asks the cluster only when the pass does not know its uid.
 * ERROR_CONFLICT while an earlier one is still being deleted. */
int agent_owner_ensure(struct agent *agent, struct arena *arena, const struct agent_pass *pass,
	struct agent_owner *ret, struct error *err);

/* {group, version, resource, namespace, name, uid} of an object that was applied. */
struct json *agent_applied_new(
	struct arena *arena, const struct kube_resource *resource, const struct json *live);

/*
 * Makes status.appliedResources the given list, sorted, and deletes what the old list has and
 * neither `applied` nor `kept` names; `kept` tells by {group,resource,namespace,name} what the spec
 * still wants but could not be applied now (NULL: nothing may be deleted). *ret_hash is the list's
 * hash, 0 while it is not all that the spec says. Does nothing when pass->applied_hash is that of
 * the list already.
 */
int agent_owner_record(struct agent *agent, struct arena *arena, const struct agent_pass *pass,
	struct agent_owner *owner, struct json *applied, const struct json *kept,
	uint64_t *ret_hash, struct error *err);

/* Deletes what the bundle's AppliedManifestWork owns, then itself. *ret_is_gone: nothing is left.
 */
int agent_owner_delete(struct agent *agent, struct arena *arena, const struct agent_pass *pass,
	bool *ret_is_gone, struct error *err);

#endif
