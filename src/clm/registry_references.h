/*
 * registry_references.h - which kinds may refer to which: the `references` of the entity list.
 *
 * An entry is {ref_type, target_kind, min, max}: a resource of the kind refers, under the name
 * ref_type, to at least `min` and at most `max` (0: any number) resources of the target kind.
 */
#ifndef REEVE_CLM_REGISTRY_REFERENCES_H
#define REEVE_CLM_REGISTRY_REFERENCES_H

#include "clm/registry.h"

/* The rules of one kind; their targets are names until registry_tie_references. ERROR_INVALID, a
 * sentence without the kind's name. */
int registry_read_references(
	struct arena *arena, const struct json *list, struct kind *kind, struct error *err);

/* Finds the targets. A circle of kinds that each require the next is an error, since no resource of
 * them could ever be the first. ERROR_INVALID, with the kind's name. */
int registry_tie_references(struct registry *registry, struct error *err);

/* NULL when the kind (NULL accepted) has no references of that type. */
const struct reference_rule *registry_find_rule(const struct kind *kind, struct str type);

#endif
