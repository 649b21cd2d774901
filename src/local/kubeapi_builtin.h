/*
 * kubeapi_builtin.h - the kinds that the stand-in Kubernetes API serves without a CRD.
 *
 * Two tables: the kinds, and the types that they are made of, in a short notation (see
 * kubeapi_notation.h). Everything else is derived: discovery, OpenAPI, pruning, validation, the
 * topology of server-side apply and of strategic merge patches, and the columns of `kubectl get`.
 */
#ifndef REEVE_LOCAL_KUBEAPI_BUILTIN_H
#define REEVE_LOCAL_KUBEAPI_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>

#include "local/kubeapi_column.h"

struct kubeapi_builtin {
	const char *group, *version, *kind, *plural, *short_names, *categories;
	bool is_namespaced, has_status, has_generation;
	/* JSON pointers' worth of the scale subresource, as CRDs give them; NULL: none. */
	const char *scale_spec, *scale_status, *scale_selector;
	/* Fields of field selectors besides metadata.name and metadata.namespace. */
	const char *selectable;
	/* Paths below the object that may not change once set. */
	const char *immutable;
	struct kubeapi_column columns[KUBEAPI_BUILTIN_COLUMNS];
};

size_t kubeapi_builtins(const struct kubeapi_builtin **ret);

/* The types in the notation, one per line. */
extern const char *const kubeapi_builtin_types;

#endif
