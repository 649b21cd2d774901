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

struct template_node;

/* A template that can be run any number of times, by any number of threads at once. */
struct template
{
	struct str text;
	const struct template_node *tree; /* NULL: the text has no action and is its own result */
};

/* Checks the syntax, and that functions and variables exist. The tree lives in the arena, and
 * refers to the text; a null text is a template that gives a null one. ERROR_INVALID with the line.
 */
int template_compile(struct arena *arena, struct str text, struct template *ret, struct error *err);

/* ERROR_INVALID with the line: `line 3: map has no entry for key "region"`; ERROR_LIMITED past
 * TEMPLATE_MAX_STEPS; ERROR_TOO_LARGE past TEMPLATE_MAX_OUTPUT. The result lives in the arena or is
 * the template's text. */
int template_run(const struct template *template, struct arena *arena, const struct json *variables,
	int64_t now_us, struct str *ret, struct error *err);

#endif
