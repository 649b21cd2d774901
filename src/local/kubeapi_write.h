/*
 * kubeapi_write.h - creating, changing and deleting one object.
 *
 * Parsing, merging and checking are done here, on the caller's thread; the transaction only
 * compares and swaps. A change that met another one is made again from the newer object, which is
 * right for patches and for updates without a resourceVersion, and fails by itself for updates with
 * one.
 */
#ifndef REEVE_LOCAL_KUBEAPI_WRITE_H
#define REEVE_LOCAL_KUBEAPI_WRITE_H

#include "local/kubeapi_draft.h"
#include "local/kubeapi_managed.h"
#include "local/kubeapi_objects.h"

#define KUBEAPI_MAX_TRIES 32u /* of one change against others of the same object */

struct kubeapi_write {
	struct kubeapi_objects *objects;
	struct kubeapi_types *types;
	const struct kubeapi_type *type;
	struct arena *arena;
	struct str name_space, name, subresource; /* never null; "" for none */
	int64_t now_us;
	enum kubeapi_validation validation;
	bool is_dry_run;
	struct kubeapi_writer writer; /* whom the changed fields belong to */
	struct kubeapi_failure *failure;

	/* What came out: */
	struct json *object; /* without resourceVersion */
	int64_t version;
	struct str body; /* as stored */
	bool is_created, is_gone;
	struct str warning;
};

/* `object` is the caller's to give: it is changed. Its name may be generated. */
int kubeapi_write_create(struct kubeapi_write *write, struct json *object);

/*
 * What the object is to be, made from what it is: `live` has its resourceVersion, is not to be
 * changed and may be shared with. The managers are those of `live`; set *ret_is_managed when they
 * are already those of the result.
 */
typedef int (*kubeapi_mutation)(struct kubeapi_write *write, struct json *live,
	struct kubeapi_managers *managers, void *argument, struct json **ret, bool *ret_is_managed);
int kubeapi_write_modify(struct kubeapi_write *write, kubeapi_mutation mutate, void *argument);

/* As modify, for objects that need not exist: then `live` is NULL and the result is created. */
int kubeapi_write_apply(struct kubeapi_write *write, kubeapi_mutation mutate, void *argument);

struct kubeapi_deletion {
	struct str uid, version; /* preconditions; null: none */
	struct str propagation;	 /* Background, Foreground, Orphan; null: Background */
};

/* Marks the object when something still holds it (is_gone false), else removes it. */
int kubeapi_write_delete(struct kubeapi_write *write, const struct kubeapi_deletion *deletion);

/* Not found, in the words of Kubernetes; returns -1. */
int kubeapi_write_not_found(struct kubeapi_write *write);

/* The object as it would be read, resourceVersion included. */
struct str kubeapi_write_text(const struct kubeapi_write *write);

#endif
