/*
 * kubeapi_discovery.h - which groups, versions and resources there are.
 */
#ifndef REEVE_LOCAL_KUBEAPI_DISCOVERY_H
#define REEVE_LOCAL_KUBEAPI_DISCOVERY_H

#include "local/kubeapi_types.h"

/* The Kubernetes version whose behaviour is followed. */
#define KUBEAPI_MAJOR "1"
#define KUBEAPI_MINOR "32"

struct json *kubeapi_discovery_version(struct arena *arena);

/* /api and /apis. */
struct json *kubeapi_discovery_core(struct arena *arena);
struct json *kubeapi_discovery_groups(struct kubeapi_types *types, struct arena *arena);

/* /apis/GROUP; NULL: no such group. */
struct json *kubeapi_discovery_group(
	struct kubeapi_types *types, struct arena *arena, struct str group);

/* /apis/GROUP/VERSION and /api/v1 (group ""); NULL: not served. */
struct json *kubeapi_discovery_resources(
	struct kubeapi_types *types, struct arena *arena, struct str group, struct str version);

/* All of it in one document (apidiscovery.k8s.io/v2): the core group, or the others. */
struct json *kubeapi_discovery_aggregated(
	struct kubeapi_types *types, struct arena *arena, bool is_core);

#endif
