/*
 * kubeapi_table.h - objects as rows of a Table (meta/v1), as `kubectl get` asks for them.
 */
#ifndef REEVE_LOCAL_KUBEAPI_TABLE_H
#define REEVE_LOCAL_KUBEAPI_TABLE_H

#include "local/kubeapi_types.h"

/* An empty Table with the type's column definitions. */
struct json *kubeapi_table_new(struct arena *arena, const struct kubeapi_type *type);

/* {"cells": [...]} of an object. */
struct json *kubeapi_table_row(struct arena *arena, const struct kubeapi_type *type,
	const struct json *object, int64_t now_us);

/* "5m10s": as kubectl shows ages. */
struct str kubeapi_table_age(struct arena *arena, int64_t us);

#endif
