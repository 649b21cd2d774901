/*
 * cel.h - the Common Expression Language (cel-spec), over JSON values.
 *
 * The language: literals, lists, maps, member and index access, the optional syntax (a.?b, a[?b],
 * [?x], {?k: v}, a.`b-c`, optional.of, optional.ofNonZeroValue, optional.none, hasValue, value, or,
 * orValue, optMap, optFlatMap), arithmetic with overflow as an error, the conditional, logic that
 * absorbs errors, `in`, the macros has, all, exists, exists_one, map, filter, cel.bind, the
 * conversions (int, uint, double, string, bytes, bool, type, dyn), size, contains, startsWith,
 * endsWith, matches (PCRE2 with match limits), timestamps and durations with their getters;
 * cel-go's strings extension (charAt, indexOf, lastIndexOf, substring, lowerAscii, upperAscii,
 * trim, reverse, replace, split, join, format, strings.quote) and lists extension (distinct, sort,
 * sortBy, slice, flatten, lists.range, reverse, first, last); and the functions of HyperFleet's
 * adapters (now, toJson, dig, conditionStatus, conditionAge, stableFor, statusFeedbackValue,
 * triState).
 *
 * Parsing does not check types, cel_check.h does; unchecked, a wrong type or name is an error of
 * evaluation. Not here: messages and macros with two variables. Patterns are RE2's (pattern.h);
 * timestamps and durations have nanoseconds, zones have the names of the system's tz database.
 *
 * A JSON number without fraction or exponent is an int, any other a double; numbers compare by
 * value. Arithmetic does not mix types, except that an int of a document stands for a double
 * beside one, and that two ints of documents divide as doubles when they do not divide evenly:
 * cel-go reads all numbers of documents as doubles. The name `now`, unless a variable
 * has it, is the timestamp that the environment gives, and now() is its text; evaluation is pure
 * otherwise. It stops with an error at the cost limit.
 */
#ifndef REEVE_DATA_CEL_H
#define REEVE_DATA_CEL_H

#include "data/json.h"

#define CEL_MAX_TEXT 65536u
#define CEL_MAX_DEPTH 100u
#define CEL_CHECK_MAX_WORK 1000000u /* parts of types looked at; {x: x} doubles one each time */
#define CEL_DEFAULT_COST 1000000u
#define CEL_MAX_STEPS 1000000u /* of work in one evaluation, whatever its cost */

struct cel; /* a parsed expression, in the arena it was parsed into; immutable, shareable */

/* ERROR_INVALID: `line 1, column 5: expected ")"`. */
int cel_parse(struct arena *arena, struct str text, const struct cel **ret, struct error *err);

/* A function the host adds, before any of ours of that name: receives evaluated arguments as JSON.
 */
struct cel_function {
	const char *name;
	unsigned arguments;
	int (*call)(struct arena *arena, void *context, struct json **arguments, struct json **ret,
		struct error *err);
	void *context;
};

/* Variables that keep CEL's types, which JSON cannot: a timestamp stays one. Start with {0}; the
 * values live as long as the arenas of the evaluations that gave them. */
struct cel_bindings {
	const struct cel_binding_entry *last;
};

struct cel_env {
	const struct json *variables;	     /* an object: name -> value */
	const struct cel_bindings *bindings; /* NULL, or looked into before the variables */
	int64_t now_us;
	uint64_t cost_limit; /* 0: CEL_DEFAULT_COST; counted as cel-go does */
	uint64_t *cost;	     /* NULL, or where to put what the run cost, also when it failed */
	const struct cel_function *functions;
	size_t function_count;
};

/*
 * Evaluates. The result as JSON: timestamps and durations as strings, bytes as base64, an empty
 * optional as NULL with return 0. It may share parts with the variables. Errors: ERROR_INVALID
 * (unknown variable or function, missing key, type mismatch, overflow, division by zero),
 * ERROR_LIMITED at the limit of cost or steps.
 */
int cel_eval(const struct cel *expression, struct arena *arena, const struct cel_env *env,
	struct json **ret, struct error *err);

/* As cel_eval, but the result becomes the variable `name` of `bindings` (which `env` may use). */
int cel_eval_bind(const struct cel *expression, struct arena *arena, const struct cel_env *env,
	struct str name, struct cel_bindings *bindings, struct error *err);

/* As cel_eval, for conditions: anything but a bool is an error. */
int cel_eval_bool(const struct cel *expression, struct arena *arena, const struct cel_env *env,
	bool *ret, struct error *err);

#endif
