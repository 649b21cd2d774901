/*
 * cel_overloads.h - which overloads take given operands. For cel_check.c only.
 */
#ifndef REEVE_DATA_CEL_OVERLOADS_H
#define REEVE_DATA_CEL_OVERLOADS_H

#include "data/cel_check.h"
#include "data/cel_types.h"

#define CEL_MAX_OPERANDS 8u /* that a signature may have, the target included */

struct cel_search {
	struct str name;
	bool is_method;
	const struct cel_static *const *operands;
	size_t count;
	/* found: */
	bool is_known; /* some row has the name */
	size_t matches;
	const struct cel_static *result; /* NULL: none matches; dyn when their results differ */
};

/* Tries all rows of the environment's libraries and functions, binding parameters as they match. */
void cel_overloads_search(
	struct cel_types *types, const struct cel_check_env *env, struct cel_search *search);

#endif
