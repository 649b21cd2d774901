/*
 * kubeapi_draft.h - an object on its way into storage: what the server sets, checks and refuses.
 *
 * Shared by kubeapi_prepare.c, which has the general rules, and kubeapi_kinds.c, which has those of
 * single kinds.
 */
#ifndef REEVE_LOCAL_KUBEAPI_DRAFT_H
#define REEVE_LOCAL_KUBEAPI_DRAFT_H

#include "local/kubeapi_failure.h"
#include "local/kubeapi_types.h"

/* What becomes of fields that the schema does not know (query parameter fieldValidation). */
enum kubeapi_validation { KUBEAPI_IGNORE, KUBEAPI_WARN, KUBEAPI_STRICT };

struct kubeapi_draft {
	const struct kubeapi_type *type;
	struct kubeapi_types *types;
	struct arena *arena;
	struct str subresource;	     /* "" or "status" */
	struct str name_space, name; /* of the request's path */
	int64_t now_us;
	enum kubeapi_validation validation;
	const struct json *old; /* NULL: creating */
	struct json *object;	/* changed in place */
	struct str warning;	/* set when something is worth one */
	struct kubeapi_failure *failure;
};

#endif
