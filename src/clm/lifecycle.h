/*
 * lifecycle.h - what may happen to a resource: it is created, changed, marked for deletion,
 * removed.
 *
 * Each request is a struct and a store_work that fills its ret_ members; the caller runs it with
 * store_write() and answers after the commit. The functions at the end run inside another change.
 *
 * A change whose content is equal writes nothing and tells nobody. When the last child of a
 * resource that is being deleted goes, the parent is looked at again in the same transaction: it
 * goes too when its adapters are done, and is told "wake" otherwise.
 */
#ifndef REEVE_CLM_LIFECYCLE_H
#define REEVE_CLM_LIFECYCLE_H

#include "clm/condition_map.h"
#include "clm/reference.h"
#include "clm/report.h"
#include "clm/resource.h"

struct creation {
	struct change change;
	const struct kind *kind;
	struct scope parent_scope; /* where to look for the parent */
	struct str parent;	   /* id; null for a root */
	struct str name;
	struct str spec; /* JSON text, compact, sorted */
	struct str labels;
	struct reference_list references;
	struct str tenancy;
	struct str id; /* chosen beforehand, so that a transaction that runs again makes the same */
	struct str conditions; /* by lifecycle_prepare */
	bool ret_is_duplicate;
	struct resource ret_resource;
};
/* What needs no database is done before the transaction: there is one writer, and many who prepare.
 */
int lifecycle_prepare(struct creation *creation, struct error *err);
/* ERROR_NOT_FOUND (parent), ERROR_INVALID (a reference), ERROR_CONFLICT (parent is being deleted;
 * or the name is taken, and ret_is_duplicate is set). */
int lifecycle_create(struct sql *sql, void *creation, struct error *err);

struct patch {
	struct change change;
	struct scope scope;
	struct str id;
	struct str spec;   /* null: untouched, else a whole replacement */
	struct str labels; /* the same */
	bool has_references;
	struct reference_list references; /* a whole replacement, when there is one */
	struct str if_match;		  /* null, or the ETag that must be current */
	struct resource ret_resource;
};
/* ERROR_NOT_FOUND, ERROR_CONFLICT (being deleted), ERROR_PRECONDITION, ERROR_INVALID (a reference).
 */
int lifecycle_patch(struct sql *sql, void *patch, struct error *err);
/* What it reads first; for store_write_ahead. */
int lifecycle_prefetch_patch(struct sql *sql, void *patch, struct error *err);

struct deletion {
	struct change change;
	struct scope scope;
	struct str id;
	struct str if_match;
	struct str reason;	      /* of removing by force */
	struct resource ret_resource; /* as marked, also when it is gone already */
	struct buf ret_children;      /* ids of those removed with it by force, a comma before each;
				       * by the caller made before and freed after */
};
/* Marks the resource and its cascading children; removes at once what no adapter has to clean up.
 * ERROR_NOT_FOUND, ERROR_CONFLICT (a child, a reference or a placement holds it),
 * ERROR_PRECONDITION. */
int lifecycle_delete(struct sql *sql, void *deletion, struct error *err);

/* Removes a marked resource and its children without waiting for adapters. ERROR_NOT_FOUND,
 * ERROR_CONFLICT when it is not marked, ERROR_PRECONDITION. */
int lifecycle_force_delete(struct sql *sql, void *deletion, struct error *err);
/* What both read first. */
int lifecycle_prefetch_deletion(struct sql *sql, void *deletion, struct error *err);

/* --- inside another change ------------------------------------------------------------------- */

enum lifecycle_effect { LIFECYCLE_SAME, LIFECYCLE_REFRESHED, LIFECYCLE_CHANGED };

/* Computes the conditions anew into the resource; what that means for the row is the caller's.
 * REFRESHED: only confirmed later than before. */
int lifecycle_aggregate(struct change *change, struct resource *resource,
	const struct report_list *reports, enum mapping_failure failure, enum lifecycle_effect *ret,
	struct error *err);

/* Removes a marked resource if its adapters are done and it has no children, and wakes its parent.
 */
int lifecycle_try_remove(struct change *change, struct resource *resource,
	const struct report_list *reports, bool *ret_removed, struct error *err);

#endif
