/*
 * adapter_resources.h - the third phase of an execution: what must exist, and what does.
 */
#ifndef REEVE_CLM_ADAPTER_RESOURCES_H
#define REEVE_CLM_ADAPTER_RESOURCES_H

#include "clm/adapter_scope.h"

/*
 * Works on the resources in their order; what is found stands in scope->resources afterwards, by
 * the resource's name and the names of its nested discoveries. The first failure ends the phase,
 * but a failed delete lets the next resource have its turn.
 */
void adapter_resources_run(struct adapter_scope *scope);

/* Adds what the nested discoveries find in the work's manifests, each with the conditions and the
 * feedback that the work's status has for it. ERROR_CONFLICT on a name that is taken. */
int adapter_resources_nest(struct adapter_scope *scope, const struct adapter_resource *resource,
	const struct json *work, struct error *err);

#endif
