/*
 * cel.h - the Common Expression Language (cel-spec), over JSON values.
 *
 * The language: literals, lists, maps, member and index access, the optional syntax (a.?b, a[?b],
 * orValue, hasValue, optMap, optional.of, optional.none), arithmetic with overflow as an error, the
 * conditional, logic that absorbs errors, `in`, the macros has, all, exists, exists_one, map,
 * filter, timestamps, durations, uint, bytes, matches (PCRE2 with match limits), the strings
 * extension, and the functions of HyperFleet's adapters (now, toJson, dig, conditionStatus,
 * conditionAge, stableFor, statusFeedbackValue, triState).
 *
 * A JSON number without fraction or exponent is an int, any other a double; the two compare by
 * value. Evaluation is pure but for now(), which answers the time it was given. It stops with an
 * error at the cost limit.
 */
#ifndef REEVE_DATA_CEL_H
#define REEVE_DATA_CEL_H

#include "data/json.h"

#define CEL_MAX_TEXT 65536u
#define CEL_MAX_DEPTH 100u
#define CEL_DEFAULT_COST 1000000u

struct cel; /* a parsed expression, in the arena it was parsed into; immutable, shareable */

int cel_parse(struct arena *arena, struct str text, const struct cel **ret, struct error *err);

/* A function the host adds: receives evaluated arguments as JSON. */
struct cel_function {
	const char *name;
	unsigned arguments;
	int (*call)(struct arena *arena, void *context, struct json **arguments, struct json **ret,
		struct error *err);
	void *context;
};

struct cel_env {
	const struct json *variables; /* an object: name -> value */
	int64_t now_us;
	uint64_t cost_limit; /* 0: CEL_DEFAULT_COST */
	const struct cel_function *functions;
	size_t function_count;
};

/*
 * Evaluates. The result as JSON: timestamps and durations as strings, bytes as base64, an empty
 * optional as NULL with return 0. Errors: ERROR_INVALID (unknown variable or function, missing key,
 * type mismatch, overflow, division by zero), ERROR_LIMITED at the cost limit.
 */
int cel_eval(const struct cel *expression, struct arena *arena, const struct cel_env *env,
	struct json **ret, struct error *err);

/* As cel_eval, for conditions: anything but a bool is an error. */
int cel_eval_bool(const struct cel *expression, struct arena *arena, const struct cel_env *env,
	bool *ret, struct error *err);

#endif
