/*
 * kubeapi_topology.h - documents seen as sets of fields.
 *
 * What is one field and what consists of several follows from the schema: objects are taken apart,
 * lists only where the schema calls them sets or maps (x-kubernetes-list-type), everything marked
 * atomic is one field. Without a schema objects are taken apart and lists are not, as the
 * structured merge of Kubernetes does it.
 */
#ifndef REEVE_LOCAL_KUBEAPI_TOPOLOGY_H
#define REEVE_LOCAL_KUBEAPI_TOPOLOGY_H

#include "data/schema.h"
#include "local/kubeapi_fields.h"

enum kubeapi_shape {
	KUBEAPI_LEAF,	/* one field, also an object or a list */
	KUBEAPI_OBJECT, /* by member */
	KUBEAPI_ITEMS	/* a list by item */
};

enum kubeapi_shape kubeapi_shape(const struct schema *schema, const struct json *value);

/* How the item of a set or map is known. Keys that are absent take their default. */
struct kubeapi_element kubeapi_element_of(
	struct arena *arena, const struct schema *list, const struct json *item);

/* The item of `list` that is known by this element, its index through ret_index; or NULL. */
struct json *kubeapi_item_find(struct arena *arena, const struct schema *schema,
	const struct json *list, struct kubeapi_element element, size_t *ret_index);

/* All fields of the value. */
struct kubeapi_fields *kubeapi_topology_fields(
	struct arena *arena, const struct schema *schema, const struct json *value);

struct kubeapi_comparison {
	struct kubeapi_fields *added, *removed, *modified; /* NULL: none */
};

/* NULL values are absent ones. */
void kubeapi_topology_compare(struct arena *arena, const struct schema *schema,
	const struct json *from, const struct json *to, struct kubeapi_comparison *ret);

/* `live` changed by what `config` says; shares with both, changes neither. Items and members of
 * `config` keep its order, what only `live` has stays near its neighbours. */
struct json *kubeapi_topology_merge(
	struct arena *arena, const struct schema *schema, struct json *live, struct json *config);

/* Takes out of the value (in place) the fields of `fields` that `keep` does not have, and objects
 * and lists that become empty by it. */
void kubeapi_topology_remove(struct arena *arena, const struct schema *schema, struct json *value,
	const struct kubeapi_fields *fields, const struct kubeapi_fields *keep);

#endif
