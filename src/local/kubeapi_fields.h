/*
 * kubeapi_fields.h - sets of field paths, as managedFields keeps them (FieldsV1).
 *
 * A set is a tree: each node stands for a path and may be a member of the set or only lead to
 * members. In FieldsV1 a node is an object whose names are path elements: "f:NAME" (a member),
 * "k:{...}" (the list item with these keys), "v:VALUE" (the item of a set), "i:N" (an index), and
 * "." for the node itself. A node without children is a member.
 *
 * Operations never change their operands; results share nothing that may change later. NULL is the
 * empty set everywhere.
 */
#ifndef REEVE_LOCAL_KUBEAPI_FIELDS_H
#define REEVE_LOCAL_KUBEAPI_FIELDS_H

#include "base/arena.h"
#include "base/error.h"
#include "data/json.h"

/* "f:", "k:", "v:" or "i:" and the text after it: a name, or JSON with sorted keys. */
struct kubeapi_element {
	char kind;
	struct str text;
};

struct kubeapi_fields {
	bool is_member;
	size_t count, capacity;
	struct kubeapi_fields_child *children;
};

struct kubeapi_fields_child {
	struct kubeapi_element element;
	struct kubeapi_fields *node;
};

static inline struct kubeapi_element kubeapi_field(struct str name)
{
	return (struct kubeapi_element){'f', name};
}

/* ERROR_INVALID tells the element that is not one. */
int kubeapi_fields_parse(struct arena *arena, const struct json *text, struct kubeapi_fields **ret,
	struct error *err);
struct json *kubeapi_fields_write(struct arena *arena, const struct kubeapi_fields *set);

struct kubeapi_fields *kubeapi_fields_new(struct arena *arena);

/* The node one step down, or NULL. */
struct kubeapi_fields *kubeapi_fields_child(
	const struct kubeapi_fields *set, struct kubeapi_element element);

/* The same, made when missing (as no member yet). The element's text is borrowed. NULL when the
 * arena is exhausted. */
struct kubeapi_fields *kubeapi_fields_add(
	struct arena *arena, struct kubeapi_fields *set, struct kubeapi_element element);

bool kubeapi_fields_is_empty(const struct kubeapi_fields *set);
bool kubeapi_fields_equal(const struct kubeapi_fields *a, const struct kubeapi_fields *b);

struct kubeapi_fields *kubeapi_fields_union(
	struct arena *arena, const struct kubeapi_fields *a, const struct kubeapi_fields *b);
struct kubeapi_fields *kubeapi_fields_intersection(
	struct arena *arena, const struct kubeapi_fields *a, const struct kubeapi_fields *b);
struct kubeapi_fields *kubeapi_fields_difference(
	struct arena *arena, const struct kubeapi_fields *a, const struct kubeapi_fields *b);

/* As difference, but a member of b takes everything below it along. */
struct kubeapi_fields *kubeapi_fields_without(
	struct arena *arena, const struct kubeapi_fields *a, const struct kubeapi_fields *b);

/* Calls with each member's path as messages show it: `.spec.ports[port=80].name`. */
void kubeapi_fields_each(struct arena *arena, const struct kubeapi_fields *set,
	void (*call)(void *context, struct str path), void *context);

#endif
