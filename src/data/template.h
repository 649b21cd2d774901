/*
 * template.h - Go's text/template, the part that adapter files use.
 *
 * Actions: {{ pipeline }}, if/else if/else, range (with else, and $i, $v :=), with, variables,
 * comments, trim markers {{- -}}; field chains, literals, pipelines, parentheses; the builtins and,
 * or, not, eq, ne, lt, le, gt, ge, len, index, slice, print, printf, println; and HyperFleet's
 * functions now, date, dateFormat, lower, upper, title, trim, trimPrefix, trimSuffix, replace,
 * contains, hasPrefix, hasSuffix, quote, default, int, int64, float, float64, string, toJson. A
 * missing key is an error. Values print as Go prints them (maps sorted by key).
 */
#ifndef REEVE_DATA_TEMPLATE_H
#define REEVE_DATA_TEMPLATE_H

#include "data/json.h"

#define TEMPLATE_MAX_OUTPUT ((size_t)8 << 20)
#define TEMPLATE_MAX_STEPS 1000000u

/* ERROR_INVALID with the line: `line 3: map has no entry for key "region"`. */
int template_render(struct arena *arena, struct str text, const struct json *variables,
	int64_t now_us, struct str *ret, struct error *err);

/* Checks the syntax only. */
int template_check(struct arena *arena, struct str text, struct error *err);

#endif
