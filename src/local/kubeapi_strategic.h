/*
 * kubeapi_strategic.h - strategic merge patches, for the built-in kinds.
 *
 * A merge patch in which lists with keys are merged by key (the first of
 * x-kubernetes-list-map-keys) and sets as sets, with the directives $patch (replace, delete,
 * merge), $retainKeys, $deleteFromPrimitiveList/FIELD and $setElementOrder/FIELD.
 */
#ifndef REEVE_LOCAL_KUBEAPI_STRATEGIC_H
#define REEVE_LOCAL_KUBEAPI_STRATEGIC_H

#include "base/error.h"
#include "data/json.h"
#include "data/schema.h"

/* The patched document; may share with both, changes neither. ERROR_INVALID names the directive. */
int kubeapi_strategic_patch(struct arena *arena, const struct schema *schema, struct json *target,
	struct json *patch, struct json **ret, struct error *err);

#endif
