/*
 * registry_conditions.h - reads the `conditions:` of an entity (condition_map.h); for registry.c.
 */
#ifndef REEVE_CLM_REGISTRY_CONDITIONS_H
#define REEVE_CLM_REGISTRY_CONDITIONS_H

#include "clm/registry.h"

#define REGISTRY_MAX_CONDITIONS 64u /* mapped ones of a kind */
#define REGISTRY_MAX_CONDITION_TYPE 100u

/* Into the kind, by type, checked but for what check_types sees. ERROR_INVALID. */
int registry_read_conditions(
	struct arena *arena, const struct json *list, struct kind *kind, struct error *err);

/* Once the kind is read as a whole: no mapped type may be one that aggregation gives. */
int registry_check_conditions(struct arena *arena, const struct kind *kind, struct error *err);

#endif
