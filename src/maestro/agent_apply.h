/*
 * agent_apply.h - one manifest onto the cluster, by its strategy.
 */
#ifndef REEVE_MAESTRO_AGENT_APPLY_H
#define REEVE_MAESTRO_AGENT_APPLY_H

#include "maestro/agent_core.h"
#include "maestro/agent_manifest.h"

struct agent_apply {
	const struct json *manifest;
	const struct kube_resource *resource;
	const struct agent_resource_meta *meta;
	const struct agent_manifest_config *config;
	struct json *owner; /* ownerReference to the work's AppliedManifestWork */
	bool is_orphan;	    /* must not have it */
	bool is_new;	    /* has not been seen on the cluster yet: create before reading */
};

/* The object as it is afterwards; NULL for a read-only one that does not exist. */
int agent_apply_manifest(struct agent *agent, struct arena *arena, const struct agent_apply *apply,
	struct json **ret_live, struct error *err);

struct kube_ref agent_apply_ref(const struct agent_apply *apply);

#endif
