/*
 * jsonpath.h - JSONPath in the dialect of Kubernetes (kubectl -o jsonpath, feedback rules).
 *
 * {.a.b}, ['key'], [0], [-1], [1:3], [*], .., unions [a,b], filters [?(@.x=="y")]. Braces are
 * optional: ".a.b" and "a.b" are "{.a.b}". Missing keys give no result, not an error.
 */
#ifndef REEVE_DATA_JSONPATH_H
#define REEVE_DATA_JSONPATH_H

#include "data/json.h"

/* All results, as an array in document order. ERROR_INVALID when the path does not parse. */
int jsonpath_eval(struct arena *arena, struct str path, const struct json *root, struct json **ret,
	struct error *err);

#endif
