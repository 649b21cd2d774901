/*
 * template.h - Go's text/template, the part that adapter files use.
 *
 * Actions: {{ pipeline }}, if/else if/else, range (with else, $v :=, and $i, $v :=; over lists,
 * maps by sorted key, integers), with, break, continue, variables, comments, trim markers {{- -}};
 * field chains, literals, pipelines, parentheses; the builtins and, or, not, eq, ne, lt, le, gt,
 * ge, len, index, slice, print, printf, println; and HyperFleet's functions now, date, dateFormat,
 * lower, upper, title, trim, trimPrefix, trimSuffix, replace, contains, hasPrefix, hasSuffix,
 * quote, default, int, int64, float, float64, string; and toJson. Named templates are refused.
 *
 * A missing key is an error. Values print as Go prints them (maps sorted by key), but whole numbers
 * print whole (Go: 1e+06), times are UTC, letters change case in ASCII only, and a printf verb that
 * does not fit its argument is an error.
 */
#ifndef REEVE_DATA_TEMPLATE_H
#define REEVE_DATA_TEMPLATE_H

#include "data/json.h"

#define TEMPLATE_MAX_OUTPUT ((size_t)8 << 20)
#define TEMPLATE_MAX_STEPS 1000000u

/* ERROR_INVALID with the line: `line 3: map has no entry for key "region"`; ERROR_LIMITED past
 * TEMPLATE_MAX_STEPS; ERROR_TOO_LARGE past TEMPLATE_MAX_OUTPUT. */
int template_render(struct arena *arena, struct str text, const struct json *variables,
	int64_t now_us, struct str *ret, struct error *err);

/* Checks the syntax, and that functions and variables exist. */
int template_check(struct arena *arena, struct str text, struct error *err);

#endif
