/*
 * jsonpath.h - JSONPath in the dialect of Kubernetes (kubectl -o jsonpath, feedback rules).
 *
 * {.a.b}, ['key'], [0], [-1], [1:3], [1:9:2], [*], .., unions [0,2] and ['a','b'], filters
 * [?(@.x=="y")] with == != < <= > >= or a bare path ("exists"). Braces are optional: ".a.b" and
 * "a.b" are "{.a.b}". A dot inside a key is written `\.` or with brackets and quotes. Missing keys
 * and indexes out of range give no result, not an error; values of different types are unequal and
 * unordered.
 */
#ifndef REEVE_DATA_JSONPATH_H
#define REEVE_DATA_JSONPATH_H

#include "data/json.h"

#define JSONPATH_MAX_TEXT 4096u
#define JSONPATH_MAX_DEPTH 8u	     /* filters inside filters */
#define JSONPATH_MAX_VISITED 200000u /* values that all steps of one evaluation select */

/* All results, as an array in document order; they are the document's own values, not copies.
 * ERROR_INVALID when the path does not parse: `path ".a[": column 4: ...`; ERROR_LIMITED past
 * JSONPATH_MAX_VISITED. */
int jsonpath_eval(struct arena *arena, struct str path, const struct json *root, struct json **ret,
	struct error *err);

/* Whether the path parses. */
int jsonpath_check(struct arena *arena, struct str path, struct error *err);

#endif
