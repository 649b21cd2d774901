/*
 * kubeapi_tables.h - the tables behind kubeapi_objects.h; for kubeapi_objects*.c only.
 */
#ifndef REEVE_LOCAL_KUBEAPI_TABLES_H
#define REEVE_LOCAL_KUBEAPI_TABLES_H

#include "local/kubeapi_objects.h"
#include "store/store.h"

#define KUBEAPI_RECORD_COLUMNS "resource, namespace, name, uid, version, created, deleting, body"

struct kubeapi_objects {
	struct store *store;
	struct kubeapi_ring *ring;
	atomic_uint deletions; /* since tombstones were counted */
};

struct kubeapi_versions {
	int64_t last, floor;
};

/* Work for store_read: the counter's row, into a struct kubeapi_versions. */
int kubeapi_tables_versions(struct sql *sql, void *argument, struct error *err);

/* Work for store_write: tombstones from the oldest on go when there are too many. */
int kubeapi_tables_compact(struct sql *sql, void *argument, struct error *err);

#endif
