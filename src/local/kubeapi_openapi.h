/*
 * kubeapi_openapi.h - OpenAPI documents, as far as kubectl reads them.
 *
 * kubectl explain reads schemas by their x-kubernetes-group-version-kind; kubectl apply looks
 * whether the patch operation of a kind has the parameter fieldValidation, and leaves validation to
 * the server then. Older ones ask for version 2 as protobuf; what is not described there they do
 * not check.
 */
#ifndef REEVE_LOCAL_KUBEAPI_OPENAPI_H
#define REEVE_LOCAL_KUBEAPI_OPENAPI_H

#include "local/kubeapi_types.h"

/* /openapi/v3: the documents there are. */
struct json *kubeapi_openapi_index(struct kubeapi_types *types, struct arena *arena);

/* /openapi/v3/apis/GROUP/VERSION or /openapi/v3/api/v1; NULL: not served. */
struct json *kubeapi_openapi_document(
	struct kubeapi_types *types, struct arena *arena, struct str group, struct str version);

/* /openapi/v2 without definitions, as JSON and as protobuf (gnostic's openapi_v2.Document). */
struct json *kubeapi_openapi_v2(struct arena *arena);
struct str kubeapi_openapi_v2_protobuf(struct arena *arena);

#endif
