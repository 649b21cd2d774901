/*
 * kubeapi_managed.h - who manages which fields of an object (metadata.managedFields).
 */
#ifndef REEVE_LOCAL_KUBEAPI_MANAGED_H
#define REEVE_LOCAL_KUBEAPI_MANAGED_H

#include "local/kubeapi_failure.h"
#include "local/kubeapi_topology.h"

#define KUBEAPI_MAX_MANAGERS 64u
#define KUBEAPI_MAX_UPDATERS 10u /* older ones become one "ancient-changes" */
#define KUBEAPI_MANAGER_NAME_MAX 128u

/* Who writes, and how. */
struct kubeapi_writer {
	struct str manager;
	struct str api_version;
	struct str subresource; /* empty: none */
	struct str time;
};

struct kubeapi_manager {
	struct str manager, operation, api_version, time, subresource;
	struct kubeapi_fields *fields;
};

struct kubeapi_managers {
	struct arena *arena;
	size_t count;
	struct kubeapi_manager items[KUBEAPI_MAX_MANAGERS];
};

/* From the list; an entry that cannot be read is an error (400). NULL and [{}] are nobody. */
int kubeapi_managers_read(struct arena *arena, const struct json *list,
	struct kubeapi_managers *ret, struct kubeapi_failure *failure);

/* The list in its order: appliers, then updaters by time. */
struct json *kubeapi_managers_write(struct kubeapi_managers *managers);

/* The writer has changed `from` (NULL: created) into `to`. */
void kubeapi_managers_update(struct kubeapi_managers *managers, const struct schema *schema,
	const struct json *from, const struct json *to, const struct kubeapi_writer *writer);

/*
 * Server-side apply: what `config` makes of `live` (NULL: nothing), shared with both. Another
 * manager's field with another value is a conflict (409, a cause per field), unless `force` takes
 * it over.
 */
int kubeapi_managers_apply(struct kubeapi_managers *managers, const struct schema *schema,
	struct json *live, struct json *config, const struct kubeapi_writer *writer, bool force,
	struct json **ret, struct kubeapi_failure *failure);

#endif
