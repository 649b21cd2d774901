/*
 * resource.h - one resource: its row, and the document that clients see.
 *
 * These functions move a resource between its row, memory and JSON; what may happen to it is
 * decided in lifecycle.h. Documents inside a resource are JSON text and are never parsed on the way
 * out.
 */
#ifndef REEVE_CLM_RESOURCE_H
#define REEVE_CLM_RESOURCE_H

#include "base/buf.h"
#include "clm/catalog.h"

#define RESOURCE_BASE_PATH "/api/hyperfleet/v1"
#define RESOURCE_NO_TENANCY "{}"
#define RESOURCE_NO_REFERENCES "{}"
#define RESOURCE_NO_LABELS "{}"

struct resource {
	struct str id;
	struct str kind;
	struct str name;
	struct str href;
	struct str owner_id; /* null for a root, with the two below */
	struct str owner_kind;
	struct str owner_href;
	struct str tenancy; /* JSON text, as are the next four */
	struct str spec;
	struct str labels; /* "{}" when there are none */
	struct str conditions;
	struct str references; /* "{}" when there are none */
	int64_t generation;    /* raised by what a client wants changed */
	int64_t version;       /* raised by everything worth telling */
	int64_t created_us;
	int64_t updated_us;
	int64_t deleted_us; /* 0 while it lives */
	struct str created_by;
	struct str updated_by;
	struct str deleted_by;
};

static inline bool resource_is_deleting(const struct resource *resource)
{
	return resource->deleted_us != 0;
}

/* --- documents ------------------------------------------------------------------------------- */

bool resource_write(struct buf *out, const struct resource *resource);
struct str resource_text(struct arena *arena, const struct resource *resource);
/* "\"1-3-17\"": the store's epoch (a restore may give a version away twice), generation, version.
 */
struct str resource_etag(struct arena *arena, const struct resource *resource, int64_t epoch);
/* Whether a request with this If-Match (null: without one) may change the resource: `*`, or a list
 * of ETags with the current one. ERROR_PRECONDITION. */
int resource_check_match(const struct change *change, const struct resource *resource,
	struct str if_match, struct error *err);

/* --- rows ------------------------------------------------------------------------------------ */

/* For "SELECT " RESOURCE_COLUMNS " FROM resources"; resource_from_row reads them from column 0.
 * Texts live in the arena, or without one (NULL) until the next sql_next. */
#define RESOURCE_COLUMNS                                                                          \
	"id, kind, name, href, owner_id, owner_kind, owner_href, tenancy, spec, labels, "         \
	"conditions, generation, version, created_time, updated_time, deleted_time, created_by, " \
	"updated_by, deleted_by, refs"
void resource_from_row(struct sql_rows *rows, struct arena *arena, struct resource *ret);

/* Work that begins with resource_find, which is then spared the wait (store_write_ahead). */
int resource_prefetch(struct sql *sql, struct str id, struct error *err);

/* ERROR_NOT_FOUND when there is none or it lies outside the scope: `Cluster with id='X' not found`.
 */
int resource_find(struct sql *sql, struct arena *arena, const struct scope *scope, struct str id,
	struct resource *ret, struct error *err);

/* Children of any kind, or of one; ret_count may be asked without rows. */
int resource_children(struct sql *sql, struct arena *arena, struct str owner, struct resource **ret,
	size_t *ret_count, struct error *err);
int resource_has_children(struct sql *sql, struct str owner, bool *ret, struct error *err);

/* ERROR_CONFLICT when a living sibling has the name. */
int resource_insert(struct change *change, const struct resource *resource, struct error *err);

/* Writes every member that can change and raises the version. The row is as it was read in this
 * transaction: writers take turns. */
int resource_update(struct change *change, struct resource *resource, struct error *err);

/* The same when only the conditions can have changed: no index has to be looked after. */
int resource_update_conditions(struct change *change, struct resource *resource, struct error *err);

/* Only the conditions, without raising the version: they say the same as before. */
int resource_refresh(struct change *change, const struct resource *resource, struct error *err);

int resource_remove(struct change *change, const struct resource *resource, struct error *err);

#endif
