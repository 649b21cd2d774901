/*
 * reference.h - what a resource refers to: checked, found, kept, and held.
 *
 * The kind says which references there may be (registry_references.h). A resource keeps them twice:
 * as the document that clients see, beside its other documents, and as rows of resource_references,
 * which answer who refers to whom.
 *
 * Nothing refers to a resource that is marked for deletion: marking is refused while somebody does
 * (reference_check_free), and so is referring to what is marked. A resource that is marked refers
 * to nothing any more.
 */
#ifndef REEVE_CLM_REFERENCE_H
#define REEVE_CLM_REFERENCE_H

#include "clm/catalog.h"
#include "clm/registry_references.h"

struct reference {
	const struct reference_rule *rule;
	struct str target; /* id */
};

struct reference_list {
	struct reference *items; /* by type, in the order given */
	size_t count;
};

/* Pure: the member `references` of a request ({"type": [{"id": ...}]}; NULL: absent) against what
 * the kind says. ERROR_INVALID. */
int reference_parse(struct arena *arena, const struct kind *kind, const struct json *references,
	struct reference_list *ret, struct error *err);

/* --- inside a change ------------------------------------------------------------------------- */

/* The document, of targets that the caller may see, that are of the same tenant or the region's
 * own, and that live. ERROR_INVALID says which do not.
 */
struct reference_view {
	struct str caller_tenancy; /* null: sees all */
	struct str own_tenancy;	   /* of the resource that refers */
};
int reference_resolve(struct change *change, const struct reference_view *view,
	const struct reference_list *list, struct str *ret_document, struct error *err);

/* Replaces the rows of one resource. */
int reference_store(struct change *change, struct str resource, const struct reference_list *list,
	struct error *err);

/* Removes the rows of a resource and of all below it. */
int reference_drop_tree(struct change *change, struct str root, struct error *err);

/* ERROR_CONFLICT when a living resource refers to this one: `cannot delete WifConfig "w":
 * referenced by Cluster "c" - remove the reference(s) before deleting`. */
int reference_check_free(struct change *change, const struct kind *kind, struct str id,
	struct str name, struct error *err);

#endif
