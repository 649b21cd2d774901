/*
 * kubeapi_protobuf.h - request bodies in application/vnd.kubernetes.protobuf.
 *
 * Typed Go clients, and kubectl's `create` commands with them, send built-in kinds in protobuf and
 * do not fall back. Reading it is enough: they all accept JSON answers.
 */
#ifndef REEVE_LOCAL_KUBEAPI_PROTOBUF_H
#define REEVE_LOCAL_KUBEAPI_PROTOBUF_H

#include "base/error.h"
#include "data/json.h"

#define KUBEAPI_PROTOBUF_MAX_DEPTH 32u

/* The JSON document of a body: "k8s\0", then a runtime.Unknown whose raw bytes are the message of
 * the kind that it names. `document` has the types (kubeapi_notation.h). Empty values that Go would
 * leave out of JSON are left out. ERROR_INVALID: damaged, or a kind that is not known. */
int kubeapi_protobuf_read(struct arena *arena, const struct json *document, struct str body,
	struct json **ret, struct error *err);

#endif
