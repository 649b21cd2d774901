/*
 * pattern.h - regular expressions with bounded work (PCRE2).
 *
 * Schemas and CEL are written for RE2. Its patterns are translated for PCRE2; what RE2 does not
 * have (backreferences, lookaround) is refused. Matching is unanchored, `$` is the very end, text
 * is UTF-8. What RE2 bounds by construction is bounded here by limits; past one, matching is an
 * error, not "no".
 */
#ifndef REEVE_DATA_PATTERN_H
#define REEVE_DATA_PATTERN_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define PATTERN_MAX_TEXT 4096u
#define PATTERN_MAX_REPEAT 1000u /* {n}, as in RE2 */
#define PATTERN_MATCH_LIMIT 200000u
#define PATTERN_DEPTH_LIMIT 1000u
#define PATTERN_HEAP_LIMIT_KIB 4096u

struct pattern; /* immutable, shareable; freed with the arena */

/* ERROR_INVALID: `pattern "a(": missing closing parenthesis at offset 2`. */
int pattern_compile(
	struct arena *arena, struct str text, const struct pattern **ret, struct error *err);

/* ERROR_LIMITED past a limit. */
int pattern_match(const struct pattern *pattern, struct str text, bool *ret, struct error *err);

#endif
