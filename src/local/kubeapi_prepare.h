/*
 * kubeapi_prepare.h - from what a client sent to what is stored.
 *
 * Pure: from the object as it is, the object as someone wants it and the time, to the object as it
 * is to be stored, or a failure.
 */
#ifndef REEVE_LOCAL_KUBEAPI_PREPARE_H
#define REEVE_LOCAL_KUBEAPI_PREPARE_H

#include "local/kubeapi_draft.h"

/* apiVersion, kind, namespace and name agree with the request; fills in what is absent. */
int kubeapi_prepare_identify(struct kubeapi_draft *draft);

/* Removes what the schema does not know; refuses types that it does not allow. For what a client
 * sent, before it is merged with anything. */
int kubeapi_prepare_prune(struct kubeapi_draft *draft);

/* Makes it ready to be stored. The name, where generateName makes it, is made by each call anew. */
int kubeapi_prepare_create(struct kubeapi_draft *draft);
int kubeapi_prepare_update(struct kubeapi_draft *draft);

/* Whether it may go now that nobody holds it any more: marked for deletion and no finalizer left.
 */
bool kubeapi_prepare_is_released(const struct kubeapi_type *type, const struct json *object);

/* Fields by which a watch with a selector may tell the two apart. */
bool kubeapi_prepare_same_selection(
	const struct kubeapi_type *type, const struct json *a, const struct json *b);

#endif
