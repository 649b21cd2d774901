/*
 * kubeapi_objects.h - the objects in the database, and their versions.
 *
 * An object is stored as the text that follows `{"apiVersion":..,"kind":..,"metadata":{`, without
 * its resourceVersion: served versions of a kind differ in that prefix only, and the version is
 * known only inside the writing transaction. Reading is putting prefix, version and text together,
 * without looking into it.
 *
 * Writers work on a copy outside the transaction and compare and swap inside: a change names the
 * version that it was made from. Deleted objects leave their last text among the tombstones, so
 * that a watch can be resumed from the tables after a restart.
 */
#ifndef REEVE_LOCAL_KUBEAPI_OBJECTS_H
#define REEVE_LOCAL_KUBEAPI_OBJECTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "local/kubeapi_ring.h"

#define KUBEAPI_TOMBSTONES_KEPT 20000 /* at most twice as many are there */
#define KUBEAPI_MAX_OWNERS 32u

struct kubeapi_objects;

struct kubeapi_record {
	struct str resource; /* "widgets.example.com" */
	struct str name_space, name, uid;
	int64_t version, created; /* now; when it was created */
	bool is_deleting;
	struct str body;
};

int kubeapi_objects_open(
	struct kubeapi_objects **ret, const char *store_url, struct log *log, struct error *err);
void kubeapi_objects_close(struct kubeapi_objects *objects);

struct kubeapi_ring *kubeapi_objects_ring(struct kubeapi_objects *objects);

/* ERROR_NOT_FOUND. Texts live in the arena. */
int kubeapi_objects_get(struct kubeapi_objects *objects, struct arena *arena, struct str resource,
	struct str name_space, struct str name, struct kubeapi_record *ret, struct error *err);

/* --- many ---------------------------------------------------------------------------------- */

/* The record lives during the call; false ends the reading. */
typedef bool (*kubeapi_on_record)(
	void *context, enum kubeapi_event_type type, const struct kubeapi_record *record);

struct kubeapi_query {
	struct str resource;
	struct str name_space;			 /* empty: all */
	struct str name;			 /* empty: all */
	struct str after_name_space, after_name; /* null: from the start */
};

/* In order of name space and name. ret_version: the state that was read. */
int kubeapi_objects_list(struct kubeapi_objects *objects, const struct kubeapi_query *query,
	kubeapi_on_record call, void *context, int64_t *ret_version, struct error *err);

/* What has become of objects that changed after `after`, by version, the deleted ones included.
 * ERROR_GONE when tombstones that young are no longer kept. */
int kubeapi_objects_since(struct kubeapi_objects *objects, struct str resource,
	struct str name_space, int64_t after, kubeapi_on_record call, void *context,
	int64_t *ret_version, struct error *err);

/* Objects that name this uid as an owner; objects marked for deletion; owners that do not exist
 * (the record has its uid only). */
int kubeapi_objects_dependents(struct kubeapi_objects *objects, struct str owner_uid,
	kubeapi_on_record call, void *context, struct error *err);
int kubeapi_objects_deleting(
	struct kubeapi_objects *objects, kubeapi_on_record call, void *context, struct error *err);
int kubeapi_objects_lost_owners(
	struct kubeapi_objects *objects, kubeapi_on_record call, void *context, struct error *err);

bool kubeapi_objects_has_uid(struct kubeapi_objects *objects, struct str uid);

/* The newest committed version, and the oldest that a watch may resume from. */
int kubeapi_objects_versions(
	struct kubeapi_objects *objects, int64_t *ret_last, int64_t *ret_floor, struct error *err);

/* --- changing ------------------------------------------------------------------------------ */

enum kubeapi_outcome {
	KUBEAPI_DONE,
	KUBEAPI_EXISTS,	      /* on creating */
	KUBEAPI_NO_NAMESPACE, /* on creating */
	KUBEAPI_NAMESPACE_ENDS,
	KUBEAPI_CHANGED, /* another version than expected, or gone */
	KUBEAPI_FAILED	 /* see the error */
};

struct kubeapi_change {
	enum kubeapi_event_type type;
	struct kubeapi_record record; /* version and created are set */
	int64_t expected;	      /* version of what it was made from */
	struct str previous;	      /* for selectors; see kubeapi_ring.h */
	bool changes_owners;
	struct str owners[KUBEAPI_MAX_OWNERS]; /* uids */
	size_t owner_count;
};

/* Returns when it is durable and published. */
enum kubeapi_outcome kubeapi_objects_change(
	struct kubeapi_objects *objects, struct kubeapi_change *change, struct error *err);

/* --- text ---------------------------------------------------------------------------------- */

/* The whole object: the type's prefix, its version, the rest. */
bool kubeapi_object_write(struct buf *out, struct str prefix, int64_t version, struct str body);
struct str kubeapi_object_text(
	struct arena *arena, struct str prefix, int64_t version, struct str body);

#endif
