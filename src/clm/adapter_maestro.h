/*
 * adapter_maestro.h - the adapters' transport: ManifestWorks as Maestro's resource bundles, by
 * REST.
 *
 * A work is named by its consumer (the management cluster) and its name; its bundle's id follows
 * from both and the source id, as HyperFleet's and OCM's clients compute it. Outside this file a
 * work has the shape of the Kubernetes object: {apiVersion, kind, metadata, spec: {workload:
 * {manifests}, deleteOption, manifestConfigs}, status: {conditions, resourceStatus: {manifests}}}.
 */
#ifndef REEVE_CLM_ADAPTER_MAESTRO_H
#define REEVE_CLM_ADAPTER_MAESTRO_H

#include "clm/adapter_scope.h"

#define ADAPTER_MAESTRO_PATH "/api/maestro/v1/resource-bundles"
#define ADAPTER_GENERATION "hyperfleet.io/generation"

/* Carries the data of the event that last wrote the bundle, so that a change of the bundle's status
 * can be worked on as that event, by any process and after any restart. */
#define ADAPTER_EVENT_ANNOTATION "reeve.dev/event"

/* The work, or NULL when there is none. */
int adapter_maestro_find(struct adapter_scope *scope, struct str consumer, struct str name,
	struct json **ret, struct error *err);

/* Makes the work what `manifest` says: creates it, or updates `existing` (NULL: none) when
 * generation or content differ. Gives the work as it now is. ERROR_CONFLICT when somebody else
 * wrote in between, or when the existing one is being deleted. */
int adapter_maestro_apply(struct adapter_scope *scope, struct str consumer, struct json *manifest,
	struct json *existing, struct json **ret, struct error *err);

/* Asks for deletion, which takes as long as the management cluster needs. Nothing there is success.
 */
int adapter_maestro_delete(
	struct adapter_scope *scope, struct str consumer, struct str name, struct error *err);

/* A resource bundle as a work. */
struct json *adapter_maestro_work(struct arena *arena, const struct json *bundle);

/* The generation annotation of an object; 0 when absent or not a number. */
int64_t adapter_maestro_generation(const struct json *object);

/* Whether the manifest is a ManifestWork that may be applied: kind, name, at least one manifest,
 * and the generation annotation on it and on each manifest. */
int adapter_maestro_check(const struct json *manifest, struct error *err);

#endif
