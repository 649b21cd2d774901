/*
 * kubeapi_crd.h - CustomResourceDefinitions: checking them, and the types that they make.
 */
#ifndef REEVE_LOCAL_KUBEAPI_CRD_H
#define REEVE_LOCAL_KUBEAPI_CRD_H

#include "local/kubeapi_failure.h"
#include "local/kubeapi_types.h"

#define KUBEAPI_CRD_RESOURCE "customresourcedefinitions.apiextensions.k8s.io"
#define KUBEAPI_CRD_FINALIZER "customresourcecleanup.apiextensions.k8s.io"
#define KUBEAPI_MAX_CRD_VERSIONS 16u

/* Whether it can be served: names, versions, schemas. 422 with causes. Fills in names that follow
 * from others (singular, listKind). */
int kubeapi_crd_check(
	struct kubeapi_types *types, struct json *crd, struct kubeapi_failure *failure);

/* The status of a CRD that is served: accepted names, stored versions, conditions. */
void kubeapi_crd_establish(struct json *crd, struct str now);

/* Puts its served versions into the registry, in the place of those of before. */
int kubeapi_crd_serve(struct kubeapi_types *types, const struct json *crd, struct error *err);

/* Takes the types away: `name` is the CRD's, "widgets.example.com". */
void kubeapi_crd_withdraw(struct kubeapi_types *types, struct str name);

#endif
