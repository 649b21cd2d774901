/*
 * cel_check.h - type checking of expressions when they are loaded, as cel-go's cel.Env does.
 *
 * Types and signatures are texts in the words of CEL's documentation:
 *
 *   types       dyn, bool, int, uint, double, string, bytes, null_type, timestamp, duration, type,
 *               list(T), map(K, V), optional(T); one capital letter is a parameter
 *   signatures  "dig(dyn, string) dyn", and with a target "optional(T).orValue(T) T"
 *
 * What comes from JSON is declared dyn, or map(string, dyn) and the like: dyn fits everything, so
 * only what cannot be right whatever the data is refused: unknown names and functions, and
 * arguments that no overload takes.
 *
 * An environment has the standard functions and macros always, and libraries by choice; the
 * optional syntax (a.?b, a[?b], [?x], {?k: v}) belongs to CEL_OPTIONALS.
 */
#ifndef REEVE_DATA_CEL_CHECK_H
#define REEVE_DATA_CEL_CHECK_H

#include "data/cel.h"

enum {
	CEL_OPTIONALS = 1 << 0, /* optional.of, orValue, optMap ... */
	CEL_STRINGS = 1 << 1,	/* cel-go's strings extension */
	CEL_LISTS = 1 << 2,	/* cel-go's lists extension */
	CEL_BINDINGS = 1 << 3,	/* cel.bind */
	CEL_ADAPTER = 1 << 4	/* the functions of HyperFleet's adapters: now, toJson, dig ... */
};

struct cel_variable {
	const char *name;
	const char *type;
};

struct cel_check_env {
	unsigned libraries;
	const struct cel_variable *variables;
	size_t variable_count;
	const char *const *functions; /* signatures of what the host adds */
	size_t function_count;
};

/*
 * ERROR_INVALID: `line 1, column 5: undeclared reference to 'x'`, `... found no matching overload
 * for '_+_' applied to '(int, string)'`; also for a malformed type or signature in `env`.
 * ret_type (may be NULL): the type of the result as text, in the arena.
 */
int cel_check(const struct cel *expression, struct arena *arena, const struct cel_check_env *env,
	struct str *ret_type, struct error *err);

#endif
