/*
 * placement.h - which management cluster runs a hosted cluster, and the room reserved there.
 *
 * Choosing is a pure function; choosing and reserving are one transaction, so two requests never
 * take the same last place. Where there is room that is the transaction that creates the cluster. A
 * cluster that found no room waits; whatever makes room (a reservation
 * freed, a capacity raised, a management cluster added or uncordoned) appends feed rows "wake" for
 * as many of the longest waiting as there is room for. A waiter stays one until it has reserved or
 * goes.
 *
 * Only management clusters of the region itself count, not ones that a tenant created under the
 * kind's name.
 */
#ifndef REEVE_CLM_PLACEMENT_H
#define REEVE_CLM_PLACEMENT_H

#include "clm/resource.h"

#define PLACEMENT_KIND "Cluster"
#define PLACEMENT_TARGET_KIND "ManagementCluster"

/* A management cluster as the choice sees it. */
struct placement_candidate {
	struct str name;
	int64_t capacity; /* hosted clusters it may run */
	int64_t used;	  /* reserved there */
	bool is_cordoned; /* takes no more */
};

static inline int64_t placement_free(const struct placement_candidate *candidate)
{
	return candidate->is_cordoned || candidate->used >= candidate->capacity
		       ? 0
		       : candidate->capacity - candidate->used;
}

/* The one with most room, by name when several have; NULL when none has. */
const struct placement_candidate *placement_choose(
	const struct placement_candidate *candidates, size_t count);

/* What to tell whoever found no room. */
struct str placement_explain(
	struct arena *arena, const struct placement_candidate *candidates, size_t count);

struct placement_request {
	struct change change;
	struct scope scope;
	struct str id;
	struct str ret_management_cluster; /* null: no room, and ret_message says why */
	struct str ret_message;
};

/* A store_work on a struct placement_request. Idempotent: what was reserved is answered again.
 * ERROR_NOT_FOUND; ERROR_CONFLICT for a cluster that is being deleted. */
int placement_reserve(struct sql *sql, void *request, struct error *err);

/* A store_work on a struct placement_request: frees, also when nothing was reserved. */
int placement_free_request(struct sql *sql, void *request, struct error *err);

/* Where the cluster is placed; null when nowhere (yet). */
int placement_find(
	struct sql *sql, struct arena *arena, struct str id, struct str *ret, struct error *err);

/* --- inside other changes -------------------------------------------------------------------- */

/* The resource was created: a cluster gets a place at once when there is room and none waits, so
 * that who sees it sees its place; anything else may be room. */
int placement_resource_created(
	struct change *change, const struct resource *resource, struct error *err);
/* The resource was changed: may be room. */
int placement_resource_changed(
	struct change *change, const struct resource *resource, struct error *err);
/* A resource is marked for deletion: it waits no longer; ERROR_CONFLICT for a management cluster on
 * which clusters are placed. */
int placement_resource_deleting(
	struct change *change, const struct resource *resource, struct error *err);
/* A resource goes: so does what it had reserved. */
int placement_resource_gone(
	struct change *change, const struct resource *resource, struct error *err);

#endif
